// Measures the session page in headless Chromium: opening, scrolling, zooming, searching, expanding and
// collapsing everything, replay, for runs of 1,000, 10,000 and 100,000 spans that it sends itself.
//
//   SPANREEL_URL=http://127.0.0.1:7771 SPANREEL_OTLP_HTTP=127.0.0.1:4318 node bench/session_page.mjs [spans…]
//
// Prints a Markdown table. Frame times are the time between two frames as the page sees it; beside them
// stands what a blank page has in the same run, because other programs on the machine take frames, too.
// "longest task" is the processor time of the longest piece of work on the page's main thread, which
// other programs cannot lengthen.

import { createHash, randomBytes } from "node:crypto";
import { chromium } from "playwright-core";

const URL_BASE = (process.env.SPANREEL_URL ?? "http://127.0.0.1:7771").replace(/\/$/, "");
const OTLP_HTTP = process.env.SPANREEL_OTLP_HTTP ?? "127.0.0.1:4318";
const SIZES = process.argv.slice(2).map(Number).filter((size) => size > 0);
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--enable-precise-memory-info", "--js-flags=--expose-gc"];
const PER_TURN = 100;
const PER_REQUEST = 2000;

const id = (text, bytes) => createHash("sha256").update(text).digest("hex").slice(0, bytes * 2);
const text = (key, value) => ({ key, value: { stringValue: value } });
const number = (key, value) => ({ key, value: { intValue: String(value) } });

/** The spans of a run of `count` acts: turns of model requests, tools of several kinds, a subagent now and then. */
function* spansOf(session, count) {
  const begun = BigInt(Date.now() - 3_600_000) * 1_000_000n;
  let at = 0;
  let made = 0;
  for (let turn = 0; made < count; turn++) {
    const traceId = id(`${session}/${turn}`, 16);
    const root = id(`${session}/${turn}/root`, 8);
    const from = at;
    const acts = [];
    for (let i = 1; i < PER_TURN && made + acts.length + 1 < count; i++) {
      const kind = i % 3;
      const common = [text("gen_ai.conversation.id", session), text("gen_ai.agent.name", "bench")];
      const parentSpanId = i % 20 > 14 ? id(`${session}/${turn}/${i - (i % 20) + 14}`, 8) : root;
      const duration = 200_000 + ((i * 7919) % 40) * 100_000;
      const attributes = kind === 0
        ? [text("gen_ai.operation.name", "chat"), text("gen_ai.request.model", i % 2 === 0 ? "model-large" : "model-small"), number("gen_ai.usage.input_tokens", 1000 + i * 90), number("gen_ai.usage.output_tokens", 20 + (i % 60)), ...common]
        : [text("gen_ai.operation.name", "execute_tool"), text("gen_ai.tool.name", ["Read", "Bash", "Edit", "Grep"][i % 4]), text("gen_ai.tool.call.id", `call-${turn}-${i}`), text("gen_ai.tool.call.arguments", JSON.stringify(i % 4 === 1 ? { command: `make part_${turn}_${i}` } : { file_path: `src/module_${turn % 40}/file_${i}.py` })), text("gen_ai.tool.call.result", `result ${turn} ${i}`), ...common];
      acts.push({ traceId, spanId: id(`${session}/${turn}/${i}`, 8), parentSpanId, name: kind === 0 ? "chat" : "execute_tool", kind: 1, startTimeUnixNano: String(begun + BigInt(at)), endTimeUnixNano: String(begun + BigInt(at + duration)), attributes, status: i % 37 === 0 ? { code: 2, message: "failed" } : {} });
      at += duration + 50_000;
    }
    yield { traceId, spanId: root, name: "invoke_agent bench", kind: 1, startTimeUnixNano: String(begun + BigInt(from)), endTimeUnixNano: String(begun + BigInt(at)), attributes: [text("gen_ai.operation.name", "invoke_agent"), text("gen_ai.agent.name", "bench"), text("gen_ai.conversation.id", session), text("gen_ai.input.messages", JSON.stringify([{ role: "user", parts: [{ type: "text", content: `Please do part ${turn}` }] }]))] };
    yield* acts;
    made += acts.length + 1;
    at += 5_000_000;
  }
}

async function send(session, count) {
  let batch = [];
  const flush = async () => {
    const body = { resourceSpans: [{ resource: { attributes: [text("service.name", "bench")] }, scopeSpans: [{ scope: { name: "bench" }, spans: batch }] }] };
    const response = await fetch(`http://${OTLP_HTTP}/v1/traces`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`sending answered ${response.status}: ${await response.text()}`);
    batch = [];
  };
  for (const span of spansOf(session, count)) if (batch.push(span) >= PER_REQUEST) await flush();
  if (batch.length > 0) await flush();
  for (;;) {
    const response = await fetch(`${URL_BASE}/api/v1/sessions/${session}`);
    if (response.ok && (await response.json()).session.span_count >= count) return;
    await new Promise((done) => setTimeout(done, 300));
  }
}

const sorted = (list) => [...list].sort((a, b) => a - b);
const median = (list) => sorted(list)[Math.floor(list.length / 2)] ?? 0;
const ms = (value) => (value >= 100 ? value.toFixed(0) : value.toFixed(1));

/** Runs `step(i)` in the page once a frame and gives the times between frames. */
const FRAMES = `window.benchFrames = (count, step) => new Promise((done) => {
  const times = []; let last = 0; let i = 0;
  const frame = (now) => {
    if (last > 0) times.push(now - last);
    last = now;
    if (i >= count) return done(times);
    step(i++);
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
});
window.benchUntil = async (act, test) => {
  const begun = performance.now();
  act();
  while (!test()) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return performance.now() - begun;
};`;

/** Runs `act` and gives its answer, and the processor time in ms of the longest task of the page meanwhile. */
async function traced(browser, page, act) {
  await browser.startTracing(page, { categories: ["toplevel", "disabled-by-default-devtools.timeline", "devtools.timeline", "__metadata"] });
  const answer = await act();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
  const main = new Set(traceEvents.filter((event) => event.name === "thread_name" && event.args.name === "CrRendererMain").map((event) => `${event.pid}:${event.tid}`));
  const longest = Math.max(0, ...traceEvents.filter((event) => event.ph === "X" && /RunTask$/.test(event.name) && main.has(`${event.pid}:${event.tid}`)).map((event) => event.tdur ?? 0)) / 1000;
  return { answer, longest };
}

/** Frames of a page that does nothing: what the machine itself costs. */
async function blank(browser) {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await page.goto(`${URL_BASE}/icon.svg`);
  const times = await page.evaluate(`${FRAMES}; window.benchFrames(180, () => {})`);
  await page.close();
  return times;
}

async function measure(browser, session, count) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  page.setDefaultTimeout(120_000);
  const address = `${URL_BASE}/replay/${session}?fold=0`;
  await page.goto(URL_BASE);
  const result = { spans: count, blank: await blank(browser), longest: {} };
  const during = async (name, act) => {
    const { answer, longest } = await traced(browser, page, act);
    result.longest[name] = longest;
    return answer;
  };
  const begun = Date.now();
  await during("open", async () => {
    await page.goto(address);
    await page.locator(".wf-row").first().waitFor();
  });
  result.open = Date.now() - begun;
  Object.assign(result, await page.evaluate(() => {
    const entry = performance.getEntriesByType("resource").find(({ name }) => name.endsWith("/tree"));
    const size = entry?.encodedBodySize ?? 0;
    return { data: entry?.responseEnd ?? 0, dataMB: size / 1e6 };
  }));
  // Seen from inside the page: the tree has arrived; the rows are there when a frame has passed.
  result.paint = await page.evaluate(() => new Promise((done) => requestAnimationFrame((now) => done(now)))) - result.data;
  await page.waitForTimeout(1500);
  await page.evaluate(FRAMES);
  const press = (key, extra = {}) => `document.body.dispatchEvent(new KeyboardEvent("keydown", ${JSON.stringify({ key, bubbles: true, ...extra })}))`;
  result.scroll = await during("scroll", () => page.evaluate(() => {
    const element = document.querySelector(".wf-scroll");
    return window.benchFrames(180, (i) => (element.scrollTop = i < 120 ? i * 240 : ((i * 7919) % 1000) / 1000 * element.scrollHeight));
  }));
  result.zoom = await during("zoom", () => page.evaluate(() => {
    const map = document.querySelector(".minimap");
    const { left, width, top } = map.getBoundingClientRect();
    return window.benchFrames(120, (i) => map.dispatchEvent(new WheelEvent("wheel", { deltaY: i < 70 ? -120 : 120, clientX: left + width * 0.37, clientY: top + 10, bubbles: true, cancelable: true })));
  }));
  await page.evaluate(press("f"));
  await page.waitForTimeout(300);
  result.search = await page.evaluate(() => window.benchUntil(() => {
    const input = document.querySelector("#row-search");
    input.value = "part_1";
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }, () => document.querySelector(".search-count") !== null));
  result.searchAll = await page.evaluate(() => window.benchUntil(() => {}, () => document.querySelector(".search-count.is-waiting") === null));
  await page.evaluate(() => {
    const input = document.querySelector("#row-search");
    input.value = "";
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.blur();
  });
  await page.waitForTimeout(300);
  const count_ = () => "Number(document.querySelector('.wf-scroll').getAttribute('aria-rowcount'))";
  const before = await page.evaluate(count_());
  result.collapse = await page.evaluate(`window.benchUntil(() => ${press("H")}, () => ${count_()} < ${before})`);
  result.expand = await page.evaluate(`window.benchUntil(() => ${press("L")}, () => ${count_()} >= ${before})`);
  result.replay = await during("replay", () => page.evaluate(`(async () => { ${press(" ")}; const times = await window.benchFrames(120, () => {}); ${press(" ")}; return times; })()`));
  await page.evaluate(press("2"));
  await page.locator(".entry").first().waitFor();
  await page.waitForTimeout(500);
  result.transcript = await during("transcript", () => page.evaluate(() => {
    const element = document.querySelector(".measured");
    return window.benchFrames(120, (i) => (element.scrollTop += i < 100 ? 90 : element.scrollHeight / 40));
  }));
  await page.evaluate(press("1"));
  await page.waitForTimeout(500);
  result.heap = await page.evaluate(() => {
    window.gc?.();
    window.gc?.();
    return performance.memory.usedJSHeapSize / 1e6;
  });
  await context.close();
  return result;
}

const sizes = SIZES.length > 0 ? SIZES : [1000, 10_000, 100_000];
const rows = [];
for (const size of sizes) {
  const session = `bench-${size}-${randomBytes(4).toString("hex")}`;
  await send(session, size);
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: FLAGS });
  try {
    rows.push(await measure(browser, session, size));
  } finally {
    await browser.close();
  }
  console.error(`${size} spans measured`);
}
const frames = (list) => `${ms(median(list))} / ${ms(Math.max(...list))}`;
const table = [
  ["spans", (row) => row.spans.toLocaleString("en")],
  ["tree on the wire, MB", (row) => row.dataMB.toFixed(2)],
  ["tree received after, ms", (row) => ms(row.data)],
  ["rows painted after that, ms", (row) => ms(row.paint)],
  ["open in all, ms", (row) => ms(row.open)],
  ["blank page: frame median / worst, ms", (row) => frames(row.blank)],
  ["scroll: frame median / worst, ms", (row) => frames(row.scroll)],
  ["zoom: frame median / worst, ms", (row) => frames(row.zoom)],
  ["replay: frame median / worst, ms", (row) => frames(row.replay)],
  ["transcript scroll: frame median / worst, ms", (row) => frames(row.transcript)],
  ["longest task: open / scroll / zoom / replay / transcript, ms of processor", (row) => ["open", "scroll", "zoom", "replay", "transcript"].map((name) => ms(row.longest[name])).join(" / ")],
  ["search in names, ms", (row) => ms(row.search)],
  ["search in what was said, ms more", (row) => ms(row.searchAll)],
  ["collapse everything, ms", (row) => ms(row.collapse)],
  ["expand everything, ms", (row) => ms(row.expand)],
  ["JavaScript heap after, MB", (row) => ms(row.heap)],
];
console.log(`| ${table[0][0]} | ${rows.map(table[0][1]).join(" | ")} |`);
console.log(`|---|${rows.map(() => "---:").join("|")}|`);
for (const [name, tell] of table.slice(1)) console.log(`| ${name} | ${rows.map(tell).join(" | ")} |`);
