// The page that says how the recorder is.

import assert from "node:assert/strict";
import { test } from "node:test";
import { assertAccessible } from "./axe.mjs";
import { api, OTLP_HTTP, URL_BASE, useBrowser, withPage } from "./helper.mjs";

useBrowser();

const fact = (page, label) => page.locator(".status-facts > div", { has: page.getByText(label, { exact: true }) }).locator("dd");

test("figures are those of the server and go on by themselves", { skip: OTLP_HTTP === null && "SPANREEL_OTLP_HTTP is not set" }, () => withPage({}, async (page) => {
  await page.goto(`${URL_BASE}/`);
  await page.keyboard.press("g");
  await page.keyboard.press("t");
  await page.waitForURL((url) => url.pathname === "/status");
  await page.getByText("Ready: requests are acknowledged").waitFor();
  assert.equal(await fact(page, "Version").textContent(), (await api("/stats")).version);
  const refused = page.getByRole("region", { name: "Refused" });
  const invalid = async () => Number((await refused.locator("li", { hasText: "invalid" }).locator(".mono").allTextContents())[0]?.replaceAll(",", "") ?? 0);
  const before = await invalid();
  const response = await fetch(`http://${OTLP_HTTP}/v1/traces`, { method: "POST", headers: { "Content-Type": "application/json" }, body: "no request" });
  assert.equal(response.status, 400);
  // The next look, two seconds later at most, shows it.
  await page.waitForFunction((count) => {
    const line = [...document.querySelectorAll('[aria-label="Refused"] li')].find((item) => item.textContent.startsWith("invalid"));
    return line !== undefined && Number(line.querySelector(".mono").textContent.replaceAll(",", "")) > count;
  }, before, { timeout: 30_000 });
}));

test("paused figures stand still", () => withPage({}, async (page) => {
  await page.goto(`${URL_BASE}/status`);
  await fact(page, "Memory").waitFor();
  await page.keyboard.press("Space");
  await page.getByRole("button", { name: "Paused", pressed: true }).waitFor();
  let asked = 0;
  await page.route("**/api/v1/stats", (route) => {
    asked += 1;
    return route.continue();
  });
  await page.keyboard.press("Space");
  await page.waitForRequest("**/api/v1/stats", { timeout: 30_000 });
  await page.getByRole("button", { name: "Pause", exact: true }).waitFor();
  assert.ok(asked > 0);
}));

test("a recorder that does not answer leaves its last figures, and says that they are old", () => withPage({}, async (page) => {
  await page.goto(`${URL_BASE}/status`);
  await fact(page, "Memory").waitFor();
  await page.route("**/api/v1/stats", (route) => route.abort());
  await page.getByText("These figures are old").waitFor({ timeout: 30_000 });
  await fact(page, "Memory").waitFor();
  await assertAccessible(page);
  await page.unroute("**/api/v1/stats");
  await page.getByText("These figures are old").waitFor({ state: "detached", timeout: 30_000 });
}));

test("what is wrong is said in words, in light and dark", async () => {
  const stats = await api("/stats");
  const ill = {
    ...stats,
    health: { ...stats.health, is_ready: false, reason: "too much waits to be stored", database_recoveries: 2 },
    ingest: { ...stats.ingest, lag_seconds: 95, queued_bytes: stats.ingest.queue_limit_bytes * 0.95, is_load_failing: true, load_failures: 7, refusals: [{ reason: "disk", count: 1200 }, { reason: "too_large", count: 3 }], redactions: null },
  };
  for (const colorScheme of ["light", "dark"]) {
    await withPage({ colorScheme }, async (page) => {
      await page.route("**/api/v1/stats", (route) => route.fulfill({ json: ill }));
      await page.goto(`${URL_BASE}/status`);
      await page.getByText("Not ready: too much waits to be stored").waitFor();
      assert.match(await fact(page, "Oldest not to be queried yet").getAttribute("class"), /tone-error/);
      assert.deepEqual(await page.getByRole("region", { name: "Refused" }).locator("li .clip").allTextContents(), ["disk", "too large"]);
      await page.getByText("Nothing is redacted").waitFor();
      await assertAccessible(page);
    });
  }
});
