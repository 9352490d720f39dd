// Opens the running program in headless Chromium. SPANREEL_URL says where it is; the demo has been
// played into it. SPANREEL_OTLP_HTTP (host:port) lets a test send spans of its own.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { chromium } from "playwright-core";

export const URL_BASE = (process.env.SPANREEL_URL ?? "http://127.0.0.1:7771").replace(/\/$/, "");
export const OTLP_HTTP = process.env.SPANREEL_OTLP_HTTP ?? null;

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

let browser;

/** Starts one browser for the tests of a file. */
export function useBrowser() {
  before(async () => {
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: FLAGS });
  });
  after(() => browser?.close());
}

/**
 * Runs `body` with a fresh page. Afterwards the page must have had no script error and nothing
 * refused by the content security policy.
 */
export async function withPage(options, body) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  // Long enough for a machine that builds something else meanwhile.
  page.setDefaultTimeout(30_000);
  const troubles = [];
  page.on("pageerror", (error) => troubles.push(String(error)));
  page.on("console", (message) => {
    if (/Content Security Policy|Refused to/i.test(message.text())) troubles.push(message.text());
  });
  try {
    await body(page);
    assert.deepEqual(troubles, []);
  } finally {
    await context.close();
  }
}

export async function api(path, init) {
  const response = await fetch(`${URL_BASE}/api/v1${path}`, init);
  assert.ok(response.ok, `${path} answered ${response.status}: ${response.ok ? "" : await response.text()}`);
  return response.json();
}

export async function sessions(query = "") {
  return (await api(`/sessions?limit=200${query}`)).sessions;
}

/** Waits until `holds` answers true; says `what` did not come to be when it never does. */
export async function until(what, holds) {
  const end = Date.now() + 30_000;
  while (!(await holds())) {
    assert.ok(Date.now() < end, `30 s went by, and still not: ${what}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

/** The session in which a loop was found. */
export async function loopSession() {
  const found = (await sessions()).find((row) => row.finding_kinds.includes("loop"));
  assert.ok(found, "the demo holds a session with a loop");
  return found;
}

const HAS_OUTPUT = 64;

/** The first span (in all sessions, largest first) whose details satisfy `test`. */
export async function findSpan(test) {
  const rows = (await sessions("&include_children=true")).sort((a, b) => b.payload_bytes - a.payload_bytes);
  for (const row of rows) {
    const tree = await api(`/sessions/${encodeURIComponent(row.session_id)}/tree`);
    const { columns } = tree;
    for (let i = 0; i < columns.span_id.length; i++) {
      if ((columns.flags[i] & HAS_OUTPUT) === 0) continue;
      const trace = tree.traces[columns.trace[i]];
      const detail = await api(`/spans/${trace}/${columns.span_id[i]}`);
      if (test(detail)) return { session: row.session_id, trace, span: columns.span_id[i], detail };
    }
  }
  return null;
}

export function selectedRow(page) {
  return page.locator('.wf-scroll [role="row"][aria-selected="true"]');
}
