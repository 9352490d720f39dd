import assert from "node:assert/strict";
import { test } from "node:test";
import { assertAccessible } from "./axe.mjs";
import { api, loopSession, sessions, URL_BASE, useBrowser, withPage } from "./helper.mjs";

useBrowser();

const PLACES = [
  ["Live", "/live", ".act-row"],
  ["Sessions", "/", ".session-space .session-row"],
  ["Findings", "/findings", ".finding-row"],
  ["Dashboard", "/dashboard", ".chart canvas"],
  ["Catalog", "/catalog", ".table tbody tr"],
  ["SQL", "/sql?sql=select%20tool_name%2C%20count(*)%20as%20calls%20from%20tool_calls%20group%20by%201", ".result-space .cell"],
  ["Status", "/status", ".status-facts dd"],
  ["Setup", "/setup", ".snippet"],
  ["Settings", "/settings", ".installation dd"],
];

for (const [name, path, ready] of PLACES) {
  for (const colorScheme of ["light", "dark"]) {
    test(`${name} is accessible in ${colorScheme}`, () => withPage({ colorScheme }, async (page) => {
      await page.goto(URL_BASE + path);
      await page.locator(ready).first().waitFor();
      await assertAccessible(page);
    }));
  }

  test(`${name} fits a narrow screen`, () => withPage({ viewport: { width: 360, height: 740 } }, async (page) => {
    await page.goto(URL_BASE + path);
    await page.locator(ready).first().waitFor();
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 360, `${wide} px wide`);
    await assertAccessible(page);
  }));
}

for (const colorScheme of ["light", "dark"]) {
  test(`every place is accessible in high contrast, ${colorScheme}`, async () => {
    const { session_id: id } = await loopSession();
    const calling = (await sessions()).find((row) => row.session_id !== id && row.tool_call_count > 0).session_id;
    const session = `/replay/${encodeURIComponent(id)}`;
    await withPage({ colorScheme, contrast: "more" }, async (page) => {
      const more = [["", session, ".wf-row"], ["", `${session}?view=transcript`, ".say"], ["", `${session}?t=5000`, ".moment"], ["", `/compare?${new URLSearchParams({ a: id, b: calling })}`, ".run-parting"], ["", "/compare?by=harness", ".group-values li"], ["", "/replay/nowhere", ".nowhere"], ["", "/sql?saved=slowest-tools", ".result-space .cell"]];
      for (const [, path, ready] of [...PLACES, ...more]) {
        await page.goto(URL_BASE + path);
        await page.locator(ready).first().waitFor();
        assert.equal(await page.evaluate(() => document.documentElement.dataset.contrast), "more");
        await assertAccessible(page);
      }
    });
  });
}

test("keys lead to every place, and the help lists them", () => withPage({}, async (page) => {
  await page.goto(`${URL_BASE}/settings`);
  await page.getByRole("heading", { name: "Settings" }).waitFor();
  for (const [keys, path] of [["l", "/live"], ["f", "/findings"], ["d", "/dashboard"], ["c", "/catalog"], ["t", "/status"], ["u", "/setup"], ["s", "/"], [",", "/settings"]]) {
    await page.keyboard.press("g");
    await page.keyboard.press(keys);
    await page.waitForURL((url) => url.pathname === path);
  }
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "All keys" }).waitFor();
  await assertAccessible(page);
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("catalog");
  await assertAccessible(page);
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.pathname === "/catalog");
  await page.goBack();
  await page.waitForURL((url) => url.pathname === "/settings");
}));

test("high contrast, theme, zone and time style are kept", () => withPage({}, async (page) => {
  await page.goto(`${URL_BASE}/settings`);
  await page.getByRole("radio", { name: "High", exact: true }).click();
  await page.getByRole("radio", { name: "Dark", exact: true }).click();
  await page.getByRole("radio", { name: "UTC", exact: true }).click();
  await page.getByRole("radio", { name: "Time ago", exact: true }).click();
  await assertAccessible(page);
  await page.goto(URL_BASE);
  const time = page.locator(".session-space time").first();
  assert.match(await time.textContent(), /ago|just now/);
  assert.match(await time.getAttribute("title"), /UTC$/);
  assert.deepEqual(await page.evaluate(() => ({ ...document.documentElement.dataset })), { theme: "dark", contrast: "more" });
  await assertAccessible(page);
}));

test("the catalog leads to the sessions that used a tool", () => withPage({}, async (page) => {
  const { entries } = await api("/catalog");
  const tool = entries.find((entry) => entry.kind === "tool" && !/\s/.test(entry.name));
  await page.goto(`${URL_BASE}/catalog`);
  await page.locator(".table tbody a", { hasText: tool.name }).first().click();
  await page.waitForURL((url) => url.searchParams.get("q")?.includes(`tool:${tool.name}`));
  await page.locator(".session-space .session-row").first().waitFor();
  await page.goBack();
  await page.locator(".table tbody tr").first().waitFor();
}));

test("a saved query, the history and a chart outlive a reload", () => withPage({}, async (page) => {
  await page.goto(`${URL_BASE}/sql?sql=${encodeURIComponent("select operation, count(*) as acts from spans group by 1 order by 2 desc")}`);
  await page.locator(".result-space .cell").first().waitFor();
  await page.getByRole("button", { name: "Chart" }).click();
  await page.locator(".bar-line").first().waitFor();
  await assertAccessible(page);
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByLabel("Name of the query").fill("acts by kind");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "acts by kind", exact: true }).waitFor();
  const url = page.url();
  await page.goto(url);
  await page.locator(".bar-line").first().waitFor();
  await page.getByRole("button", { name: "History" }).click();
  await page.locator(".query-use", { hasText: "select operation" }).first().waitFor();
}));

test("a server that is gone is said in every place", () => withPage({}, async (page) => {
  await page.goto(`${URL_BASE}/settings`);
  await page.locator(".installation dd").first().waitFor();
  await page.route("**/api/v1/**", (route) => route.abort());
  for (const key of ["f", "d", "c", "l"]) {
    await page.keyboard.press("g");
    await page.keyboard.press(key);
    await page.getByText("Spanreel does not answer").first().waitFor();
  }
}));

test("skeletons stand in while data is on its way", () => withPage({}, async (page) => {
  let release;
  const held = new Promise((done) => (release = done));
  await page.route("**/api/v1/sessions?*", async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(URL_BASE);
  await page.locator(".session-list .skeleton-row").first().waitFor();
  assert.equal(await page.locator(".skeleton-row").first().evaluate((row) => row.getBoundingClientRect().height), 44);
  await assertAccessible(page);
  release();
  await page.locator(".session-space .session-row").first().waitFor();
  assert.equal(await page.locator(".skeleton-row").count(), 0);
}));
