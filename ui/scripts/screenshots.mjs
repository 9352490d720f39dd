// Pictures of every place for docs/screenshots: node scripts/screenshots.mjs [folder], with
// SPANREEL_URL naming a server that holds something to show (the demo, say).

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const base = (process.env.SPANREEL_URL ?? "http://127.0.0.1:7771").replace(/\/$/, "");
const folder = process.argv[2] ?? fileURLToPath(new URL("../../docs/screenshots", import.meta.url));
const SQL = "select tool_name, count(*) as calls, count(*) filter (status = 'error') as errors\nfrom tool_calls\ngroup by tool_name\norder by calls desc";
const { sessions } = await (await fetch(`${base}/api/v1/sessions?sort=findings&limit=2`)).json();
const pair = sessions.map((session) => session.session_id);
const { findings } = await (await fetch(`${base}/api/v1/findings?limit=100`)).json();
const loop = findings.find((finding) => finding.kind === "loop" && finding.confidence === "certain");
const replay = loop === undefined ? "/" : `/replay/${encodeURIComponent(loop.session_id)}`;
const act = loop === undefined ? "" : `span=${loop.span_ids[0].trace_id}:${loop.span_ids[0].span_id}`;

const PICTURES = [
  ["session-dark", `${replay}?${act}`, 1280, "dark"],
  ["session-light", `${replay}?${act}`, 1280, "light"],
  ["session-narrow", replay, 360, "dark"],
  ["transcript-light", `${replay}?view=transcript&${act}`, 1280, "light"],
  ["sessions-light", "/", 1280, "light"],
  ["sessions-dark", "/", 1280, "dark"],
  ["sessions-narrow", "/", 360, "light"],
  ["live-dark", "/live", 1280, "dark"],
  ["findings-light", "/findings", 1280, "light"],
  ["dashboard-light", "/dashboard?range=1y", 1280, "light"],
  ["dashboard-dark", "/dashboard?range=1y", 1280, "dark"],
  ["catalog-light", "/catalog?range=1y", 1280, "light"],
  ["sql-dark", `/sql?${new URLSearchParams({ sql: SQL, view: "chart" })}`, 1280, "dark"],
  ["compare-light", `/compare?${new URLSearchParams({ a: pair[0] ?? "", b: pair[1] ?? "" })}`, 1280, "light"],
  ["setup-light", "/setup", 1280, "light"],
  ["settings-dark", "/settings", 1280, "dark"],
];

mkdirSync(folder, { recursive: true });
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: flags });
try {
  for (const [name, path, width, colorScheme] of PICTURES) {
    const page = await browser.newPage({ viewport: { width, height: width < 500 ? 740 : 800 }, colorScheme, reducedMotion: "reduce" });
    await page.goto(base + path);
    await page.locator("main").waitFor();
    // Figures and shapes come a moment after the page.
    await page.waitForTimeout(1500);
    await page.screenshot({ path: join(folder, `${name}.jpg`), type: "jpeg", quality: 72 });
    await page.close();
    console.log(name);
  }
} finally {
  await browser.close();
}
