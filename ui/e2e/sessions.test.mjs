import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { OTLP_HTTP, sessions, URL_BASE, useBrowser, withPage } from "./helper.mjs";

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
  const now = BigInt(Date.now()) * 1_000_000n;
  const attribute = (key, value) => ({ key, value: { stringValue: value } });
  const span = {
    traceId: randomBytes(16).toString("hex"),
    spanId: randomBytes(8).toString("hex"),
    name: "chat e2e-model",
    kind: 3,
    startTimeUnixNano: String(now),
    endTimeUnixNano: String(now + 1_000_000n),
    attributes: [attribute("gen_ai.operation.name", "chat"), attribute("gen_ai.request.model", "e2e-model"), attribute("gen_ai.conversation.id", id), attribute("gen_ai.provider.name", "openai")],
  };
  const sent = await fetch(`http://${OTLP_HTTP}/v1/traces`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ resourceSpans: [{ resource: { attributes: [attribute("service.name", "e2e")] }, scopeSpans: [{ scope: { name: "e2e" }, spans: [span] }] }] }),
  });
  assert.equal(sent.status, 200);
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
