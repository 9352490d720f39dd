import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { agent } from "./agent.mjs";
import { assertAccessible } from "./axe.mjs";
import { api, OTLP_HTTP, sessions, until, URL_BASE, useBrowser, withPage } from "./helper.mjs";

useBrowser();

const row = (page, title) => page.locator(".session-space .session-row", { hasText: title });

test("the list shows every session and filters by text", () => withPage({}, async (page) => {
  const known = await sessions();
  await page.goto(URL_BASE);
  await page.locator(".session-space .session-row").first().waitFor();
  const titled = known.find((session) => session.title);
  await page.keyboard.press("/");
  await page.keyboard.type(titled.title.slice(0, 24));
  await row(page, titled.title.slice(0, 24)).first().waitFor();
  await page.fill("#session-filter", "no session is called like this");
  await page.getByText("No session fits.").waitFor();
}));

test("a new session appears by itself and moves nothing that is read", { skip: OTLP_HTTP === null }, () => withPage({}, async (page) => {
  await page.goto(URL_BASE);
  await page.locator(".session-space .session-row").first().waitFor();
  await page.getByText("live", { exact: true }).waitFor();
  const id = `e2e-${randomBytes(6).toString("hex")}`;
  await agent("e2e", id).model("Just begun.");
  await page.locator(`a[href="/replay/${id}"]`).first().waitFor();
}));

test("a session that begins while the list is read is in it", { skip: OTLP_HTTP === null }, () => withPage({}, async (page) => {
  const id = `e2e-${randomBytes(6).toString("hex")}`;
  let [asked, held] = [0, 0];
  let release;
  const released = new Promise((done) => (release = done));
  await page.route("**/api/v1/sessions?*", async (route) => {
    asked++;
    const answer = await route.fetch();
    held++;
    await released;
    await route.fulfill({ response: answer }).catch(() => undefined);
  });
  await page.goto(URL_BASE);
  await page.getByText("live", { exact: true }).waitFor();
  await until("the answers are on their way", () => asked > 0 && held === asked);
  await agent("e2e", id).model("Begun in between.");
  await until(`${id} is listed`, async () => (await sessions()).some((row) => row.session_id === id));
  // The stream tells of it, and then comes an answer that does not know it.
  await page.waitForTimeout(500);
  release();
  await page.locator(`a[href="/replay/${id}"]`).first().waitFor();
}));

test("a session that begins before the stream does is in the list", { skip: OTLP_HTTP === null }, () => withPage({}, async (page) => {
  const id = `e2e-${randomBytes(6).toString("hex")}`;
  let release;
  const released = new Promise((done) => (release = done));
  await page.route("**/api/v1/live", async (route) => {
    await released;
    await route.continue();
  });
  await page.goto(URL_BASE);
  await page.locator(".session-space .session-row").first().waitFor();
  await agent("e2e", id).model("Begun early.");
  await until(`${id} is listed`, async () => (await sessions()).some((row) => row.session_id === id));
  assert.equal(await page.locator(`a[href="/replay/${id}"]`).count(), 0);
  release();
  await page.locator(`a[href="/replay/${id}"]`).first().waitFor();
}));

test("keys lead from the list into a session and back", () => withPage({}, async (page) => {
  await page.goto(URL_BASE);
  await page.locator(".session-space .session-row").first().waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  const selected = page.locator('.session-space [aria-selected="true"]');
  await selected.waitFor();
  const href = await selected.locator("a").first().getAttribute("href");
  await page.keyboard.press("Enter");
  await page.waitForURL(`**${href}*`);
  await page.locator(".wf-row").first().waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("s");
  await page.waitForURL((url) => url.pathname === "/");
}));

test("without sessions it tells how to connect", () => withPage({}, async (page) => {
  await page.route("**/api/v1/sessions?*", (route) => route.fulfill({ json: { sessions: [], next_cursor: null } }));
  await page.goto(URL_BASE);
  await page.getByRole("heading", { name: "No sessions yet" }).waitFor();
  const text = await page.textContent("main");
  for (const wanted of ["CLAUDE_CODE_ENABLE_TELEMETRY=1", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:", "spanreel demo"]) assert.ok(text.includes(wanted), wanted);
}));

test("a failing server is told with its reason and its request id", () => withPage({}, async (page) => {
  let failing = true;
  await page.route("**/api/v1/sessions?*", (route) => failing
    ? route.fulfill({ status: 500, json: { error: { code: "store_failed", message: "The data folder cannot be read.", request_id: "abc123" } } })
    : route.continue());
  await page.goto(URL_BASE);
  await page.getByText("The data folder cannot be read.").waitFor();
  await page.getByText("request abc123").waitFor();
  failing = false;
  await page.getByRole("button", { name: "Try again" }).click();
  await page.locator(".session-space .session-row").first().waitFor();
}));

test("a typed filter is completed, kept in the address and survives a reload", () => withPage({}, async (page) => {
  await page.goto(URL_BASE);
  await page.locator(".session-space .session-row").first().waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("harn");
  await page.getByRole("option", { name: /^harness/ }).waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  const value = page.getByRole("option", { name: /^harness:/ }).first();
  await value.waitFor();
  const harness = (await value.locator("span").first().textContent()).replace("harness:", "");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.searchParams.get("q") === `harness:${harness}`);
  const count = (await sessions(`&harness=${encodeURIComponent(harness)}`)).length;
  await page.waitForFunction((wanted) => Number(document.querySelector(".session-scroll")?.getAttribute("aria-rowcount")) <= wanted, count);
  await page.reload();
  await page.locator(".session-space .session-row").first().waitFor();
  assert.equal(await page.inputValue("#session-filter"), `harness:${harness}`);
  await page.fill("#session-filter", "cost>much");
  await page.keyboard.press("Enter");
  await page.getByText("cost takes a number").waitFor();
}));

test("a day of the year shows its sessions, by mouse and by keys", () => withPage({}, async (page) => {
  await page.goto(URL_BASE);
  const day = page.locator(".heat-grid .heat-day:not(.level-0)").last();
  await day.waitFor();
  await day.click();
  await page.waitForURL((url) => /^day:\d{4}-\d\d-\d\d$/.test(url.searchParams.get("q") ?? ""));
  await page.locator(".session-space .session-row").first().waitFor();
  await day.click();
  await page.waitForURL((url) => !url.searchParams.has("q"));
  await page.locator(".heat-grid").focus();
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => (url.searchParams.get("q") ?? "").startsWith("day:"));
}));

test("columns sort, and the order is in the address", () => withPage({}, async (page) => {
  await page.goto(URL_BASE);
  await page.locator(".session-space .session-row").first().waitFor();
  await page.getByRole("button", { name: /^Tokens/ }).click();
  await page.waitForURL((url) => url.searchParams.get("sort") === "tokens");
  const { sessions: longest } = await api("/sessions?sort=tokens&limit=1");
  await page.locator(`.session-space .session-row a[href="/replay/${encodeURIComponent(longest[0].session_id)}"]`).waitFor();
  await page.getByRole("button", { name: /^Tokens/ }).click();
  await page.waitForURL((url) => url.searchParams.get("order") === "asc");
}));

test("sessions are marked and saved, by keys alone", () => withPage({ acceptDownloads: true }, async (page) => {
  await page.goto(URL_BASE);
  await page.locator(".session-space .session-row").first().waitFor();
  for (const key of ["j", "x", "j", "x"]) await page.keyboard.press(key);
  const bar = page.getByRole("toolbar", { name: "Marked sessions" });
  await bar.getByText("2 sessions").waitFor();
  const saved = page.waitForEvent("download");
  await bar.getByRole("button", { name: "Save as CSV" }).focus();
  await page.keyboard.press("Enter");
  const { readFile } = await import("node:fs/promises");
  const lines = (await readFile(await (await saved).path(), "utf8")).split("\r\n");
  assert.equal(lines.length, 3);
  assert.match(lines[0], /^session_id,title/);
  await bar.getByRole("button", { name: "Query in SQL" }).focus();
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.pathname === "/sql");
  await page.locator(".result-space .result-row").nth(1).waitFor();
}));

test("live acts appear, and wait while paused", { skip: OTLP_HTTP === null }, () => withPage({}, async (page) => {
  await page.goto(`${URL_BASE}/live`);
  await page.locator(".act-row").first().waitFor();
  await page.getByText("live", { exact: true }).waitFor();
  const send = async (model) => {
    const now = BigInt(Date.now()) * 1_000_000n;
    const attribute = (key, value) => ({ key, value: { stringValue: value } });
    const span = {
      traceId: randomBytes(16).toString("hex"), spanId: randomBytes(8).toString("hex"), name: `chat ${model}`, kind: 3, startTimeUnixNano: String(now), endTimeUnixNano: String(now + 1_000_000n),
      attributes: [attribute("gen_ai.operation.name", "chat"), attribute("gen_ai.request.model", model), attribute("gen_ai.conversation.id", `e2e-${model}`), attribute("gen_ai.provider.name", "openai")],
    };
    const sent = await fetch(`http://${OTLP_HTTP}/v1/traces`, {
      method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ resourceSpans: [{ resource: { attributes: [attribute("service.name", "e2e")] }, scopeSpans: [{ scope: { name: "e2e" }, spans: [span] }] }] }),
    });
    assert.equal(sent.status, 200);
  };
  const [first, second] = [`live-${randomBytes(4).toString("hex")}`, `live-${randomBytes(4).toString("hex")}`];
  await send(first);
  await page.locator(".act-row", { hasText: first }).waitFor();
  await page.keyboard.press("Space");
  await send(second);
  await page.getByRole("button", { name: /\(1 new\)/ }).waitFor();
  assert.equal(await page.locator(".act-row", { hasText: second }).count(), 0);
  await page.keyboard.press("Space");
  await page.locator(".act-row", { hasText: second }).waitFor();
  await page.fill("#live-filter", second);
  await page.waitForFunction(() => document.querySelectorAll(".act-row").length === 1);
}));

test("two marked sessions are compared call by call", () => withPage({}, async (page) => {
  await page.goto(URL_BASE);
  await page.locator(".session-space .session-row").first().waitFor();
  for (const key of ["j", "x", "j", "x"]) await page.keyboard.press(key);
  await page.getByRole("button", { name: "Compare" }).click();
  await page.waitForURL((url) => url.pathname === "/compare" && url.searchParams.has("a") && url.searchParams.has("b"));
  const calling = (await sessions()).filter((session) => session.tool_call_count > 0);
  const other = calling.find((session) => !session.tools.some((tool) => calling[0].tools.includes(tool)));
  const busy = [calling[0].session_id, other.session_id];
  await page.goto(`${URL_BASE}/compare?${new URLSearchParams({ a: busy[0], b: busy[1] })}`);
  await page.locator(".compare-figures tbody tr").first().waitFor();
  await page.locator(".compare-acts tbody tr").first().waitFor();
  assert.equal(await page.locator(".is-first").count(), 1);
  await assertAccessible(page);
  await page.getByRole("button", { name: "Swap A and B" }).click();
  await page.locator(".compare-acts tbody tr").first().waitFor();
  const same = new URL(page.url()).searchParams.get("a");
  await page.goto(`${URL_BASE}/compare?${new URLSearchParams({ a: same, b: same })}`);
  await page.getByText("Both called the same tools in the same way.").waitFor();
  await page.goto(`${URL_BASE}/compare?a=none&b=none`);
  await page.getByText("A session could not be read").waitFor();
}));
