// Pictures of every place, in light and dark, 1280 and 1920 wide, and on a phone, for docs/screenshots:
//
//   SPANREEL_URL=http://127.0.0.1:7771 npm run screenshots [folder] [part of a name…]
//
// Into docs/screenshots go those of `isKept`, so that the folder stays small; into a folder that is
// named, all of them.
//
// The server holds something to show (the demo, say, and a session that still runs). More servers show
// what one cannot: SPANREEL_EMPTY_URL has nothing, SPANREEL_ONE_URL one session, SPANREEL_LARGE_URL a
// session of 5,000 spans. What no server has is left out, and said.

import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const address = (name, usual) => (process.env[name] ?? usual)?.replace(/\/$/, "") ?? null;
const MAIN = address("SPANREEL_URL", "http://127.0.0.1:7771");
const EMPTY = address("SPANREEL_EMPTY_URL", null);
const ONE = address("SPANREEL_ONE_URL", null);
const LARGE = address("SPANREEL_LARGE_URL", null);
const folder = process.argv[2] ?? fileURLToPath(new URL("../../docs/screenshots", import.meta.url));
const wanted = process.argv.slice(3);
const QUALITY = 40;
const MAIN_PLACES = new Set(["sessions", "session", "session-overview", "transcript", "live", "findings", "compare", "sql", "catalog", "dashboard"]);
/** Every place in light, the main ones also in dark, two of them large, some narrow. */
const isKept = (name, width, scheme) => (width === 1280 ? scheme === "light" || MAIN_PLACES.has(name) : width === 1920 ? scheme === "dark" && (name === "session" || name === "dashboard") : scheme === "light");

const ask = async (base, path) => (await fetch(`${base}/api/v1${path}`)).json();
const key = (span) => `${span.trace_id}:${span.span_id}`;
const replay = (id, query = {}) => `/replay/${encodeURIComponent(id)}?${new URLSearchParams(query)}`.replaceAll("%3A", ":");

/** What the pictures are of: a session with a loop, its acts, two runs to compare, a run that goes on. */
async function subjects() {
  const { findings } = await ask(MAIN, "/findings?limit=500");
  const loop = findings.find((finding) => finding.kind === "loop" && finding.confidence === "certain");
  if (loop === undefined) throw new Error(`${MAIN} holds no session with a loop: play the demo into it`);
  const { sessions } = await ask(MAIN, "/sessions?limit=200");
  const tree = await ask(MAIN, `/sessions/${encodeURIComponent(loop.session_id)}/tree`);
  const edit = tree.columns.tool_s.findIndex((name) => name >= 0 && /^(edit|write|apply_patch)/i.test(tree.strings[name]));
  const own = sessions.find((row) => row.session_id === loop.session_id);
  const others = sessions.filter((row) => row.session_id !== loop.session_id && row.tool_call_count > 3 && row.tool_call_count !== own?.tool_call_count);
  const other = others.find((row) => row.harness === own?.harness) ?? others[0];
  return {
    loop: loop.session_id,
    act: key(loop.span_ids[Math.min(3, loop.span_ids.length - 1)]),
    edit: edit < 0 ? null : `${tree.traces[tree.columns.trace[edit]]}:${tree.columns.span_id[edit]}`,
    middle: (tree.duration_ns * 0.55) / 1e6,
    other: other?.session_id ?? loop.session_id,
    running: sessions.find((row) => row.status === "running")?.session_id ?? null,
  };
}

const of = await subjects();
const large = LARGE === null ? null : (await ask(LARGE, "/sessions?limit=200")).sessions.find((row) => row.span_count === 5000)?.session_id ?? null;

/** Name, address, and what else: another server, keys to press, an answer that fails. Null where there is nothing to show. */
const PLACES = [
  ["sessions", "/"],
  ["session", replay(of.loop, { span: of.act })],
  ["session-overview", replay(of.loop)],
  ["session-running", of.running === null ? null : replay(of.running)],
  ["session-5000-spans", large === null ? null : replay(large, { fold: "0" }), { base: LARGE }],
  ["transcript", replay(of.loop, { view: "transcript", span: of.act })],
  ["replay", replay(of.loop, { view: "both", t: of.middle.toFixed(0) })],
  ["inspector-diff", of.edit === null ? null : replay(of.loop, { span: of.edit, tab: "diff" })],
  ["inspector-meta", replay(of.loop, { span: of.act, tab: "meta" })],
  ["inspector-related", replay(of.loop, { span: of.act, tab: "related" })],
  ["inspector-notes", replay(of.loop, { span: of.act, tab: "notes" })],
  ["live", "/live"],
  ["findings", "/findings"],
  ["compare", `/compare?${new URLSearchParams({ a: of.loop, b: of.other })}`],
  ["compare-groups", "/compare?by=harness"],
  ["sql", "/sql?saved=slowest-tools"],
  ["catalog", "/catalog?range=1y"],
  ["dashboard", "/dashboard?range=1y"],
  ["status", "/status"],
  ["setup", "/setup"],
  ["settings", "/settings"],
  ["palette", "/", { keys: ["Control+k", "t", "e", "s", "t", "s"] }],
  ["keys", replay(of.loop), { keys: ["?"] }],
  ["dead-link", "/replay/no-such-session"],
  ["error", "/", { fails: true }],
  ["sessions-one", ONE === null ? null : "/", { base: ONE }],
  ["sessions-none", EMPTY === null ? null : "/", { base: EMPTY }],
];
const SIZES = [[1280, 800], [1920, 1000]];
const NARROW = { size: [360, 740], places: new Set(["sessions", "session", "transcript", "findings", "compare", "sql"]) };

mkdirSync(folder, { recursive: true });
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: flags });
let bytes = 0;

async function picture(name, base, path, [width, height], colorScheme, { keys = [], fails = false } = {}) {
  const file = join(folder, `${name}-${width}-${colorScheme}.webp`);
  if (process.argv[2] === undefined && !isKept(name, width, colorScheme)) return;
  if (wanted.length > 0 && !wanted.some((part) => file.includes(part))) return;
  const page = await browser.newPage({ viewport: { width, height }, colorScheme, reducedMotion: "reduce" });
  if (fails) await page.route("**/api/v1/sessions?*", (route) => route.fulfill({ status: 503, contentType: "application/json", body: JSON.stringify({ error: { code: "database_busy", message: "the database did not answer in time; it is tried again when you ask", request_id: "5e241d99d1e54830" } }) }));
  await page.goto(base + path);
  await page.locator("main").waitFor();
  await page.waitForFunction(() => document.querySelector(".skeleton, .is-waiting") === null);
  // Figures and shapes come a moment after the page.
  await page.waitForTimeout(1300);
  for (const one of keys) await page.keyboard.press(one);
  if (keys.length > 0) await page.waitForTimeout(800);
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send("Page.captureScreenshot", { format: "webp", quality: QUALITY });
  writeFileSync(file, Buffer.from(data, "base64"));
  bytes += statSync(file).size;
  await page.close();
}

try {
  for (const [name, path, more = {}] of PLACES) {
    if (path === null) {
      console.log(`${name}: left out, no server holds it`);
      continue;
    }
    for (const scheme of ["light", "dark"]) {
      for (const size of SIZES) await picture(name, more.base ?? MAIN, path, size, scheme, more);
      if (NARROW.places.has(name)) await picture(name, more.base ?? MAIN, path, NARROW.size, scheme, more);
    }
    console.log(name);
  }
} finally {
  await browser.close();
}
console.log(`${(bytes / 1e6).toFixed(2)} MB`);
