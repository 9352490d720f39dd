import assert from "node:assert/strict";
import { test } from "node:test";
import { URL_BASE, useBrowser, withPage } from "./helper.mjs";

useBrowser();

const open = (page, sql) => page.goto(`${URL_BASE}/sql?sql=${encodeURIComponent(sql)}`);

test("a query runs and its ids lead to their places", () => withPage({}, async (page) => {
  await open(page, "select session_id, trace_id, span_id, operation from spans where session_id is not null order by started_at limit 20");
  await page.locator(".cm-content").waitFor();
  await page.keyboard.press("Control+Enter");
  const link = page.locator('.result-space a[href*="span="]').first();
  await link.waitFor();
  const href = await link.getAttribute("href");
  await link.click();
  await page.waitForURL((url) => url.pathname.startsWith("/replay/"));
  await page.locator('.wf-scroll [role="row"][aria-selected="true"]').waitFor();
  assert.ok(new URL(page.url()).searchParams.get("span") !== null, href);
}));

test("an error is shown where it is", () => withPage({}, async (page) => {
  await open(page, "select no_such_column from sessions");
  await page.locator(".cm-content").waitFor();
  await page.keyboard.press("Control+Enter");
  await page.locator(".sql-error").waitFor();
  assert.match(await page.textContent(".sql-error pre"), /no_such_column/);
  assert.equal(await page.locator(".cm-wrong").textContent(), "no_such_column");
}));

test("writing is refused with the reason", () => withPage({}, async (page) => {
  await open(page, "delete from spans");
  await page.locator(".cm-content").waitFor();
  await page.keyboard.press("Control+Enter");
  await page.locator(".sql-error").waitFor();
  assert.match(await page.textContent(".sql-error"), /sql_rejected/);
}));

test("the schema puts names into the query", () => withPage({}, async (page) => {
  await open(page, "");
  await page.locator(".cm-content").waitFor();
  await page.keyboard.type("select * from ");
  await page.locator(".schema .name", { hasText: /^spans$/ }).click();
  assert.match(await page.textContent(".cm-content"), /select \* from spans/);
}));
