import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { assertAccessible } from "./axe.mjs";
import { api, findSpan, loopSession, selectedRow, URL_BASE, useBrowser, withPage } from "./helper.mjs";

useBrowser();

const replay = (id, query = "") => `${URL_BASE}/replay/${encodeURIComponent(id)}${query}`;

test("keys step through the acts and the address keeps the place", async () => {
  const { session_id: id } = await loopSession();
  await withPage({}, async (page) => {
    await page.goto(replay(id));
    await page.locator(".wf-row").first().waitFor();
    for (let i = 0; i < 3; i++) await page.keyboard.press("j");
    const first = await selectedRow(page).getAttribute("id");
    await page.keyboard.press("j");
    await page.keyboard.press("k");
    assert.equal(await selectedRow(page).getAttribute("id"), first);
    await page.waitForURL(/[?&]span=/);
    const name = await page.textContent(".inspector-head h2");
    await page.reload();
    await selectedRow(page).waitFor();
    assert.equal(await page.textContent(".inspector-head h2"), name);
    await page.keyboard.press("z");
    await page.waitForURL(/[?&]z=/);
    await page.keyboard.press("f");
    await page.waitForURL((url) => !url.searchParams.has("z"));
  });
});

test("collapsing a turn hides its acts, expanding shows them again", async () => {
  const { session_id: id } = await loopSession();
  await withPage({}, async (page) => {
    await page.goto(replay(id));
    await page.locator(".wf-row").first().waitFor();
    const row = page.locator('.wf-scroll [role="row"][aria-expanded="true"]').first();
    await row.click();
    const rows = Number(await page.getAttribute(".wf-scroll", "aria-rowcount"));
    await page.keyboard.press("h");
    await page.waitForFunction((before) => Number(document.querySelector(".wf-scroll").getAttribute("aria-rowcount")) < before, rows);
    await page.keyboard.press("l");
    await page.waitForFunction((before) => Number(document.querySelector(".wf-scroll").getAttribute("aria-rowcount")) === before, rows);
  });
});

test("n leads to the loop, which is marked and explained", async () => {
  const { session_id: id } = await loopSession();
  const { findings } = await api(`/findings?session_id=${encodeURIComponent(id)}`);
  const loop = findings.find((finding) => finding.kind === "loop");
  await withPage({}, async (page) => {
    await page.goto(replay(id));
    await page.locator(".wf-row").first().waitFor();
    let titles = "";
    for (let i = 0; i < 8 && !titles.includes(loop.title); i++) {
      await page.keyboard.press("n");
      await page.waitForTimeout(300);
      titles = (await page.locator(".inspector .finding h2").allTextContents()).join("\n");
    }
    assert.ok(titles.includes(loop.title), titles);
    assert.ok((await page.locator(".wf-gutter .tone-loop").count()) > 0);
    await page.getByRole("tab", { name: /Findings/ }).click();
    await page.locator(".session-main .finding h2", { hasText: loop.title }).waitFor();
  });
});

test("the inspector shows arguments and result", async () => {
  const found = await findSpan(({ span, input, output }) => ["tool", "mcp"].includes(span.operation) && input !== null && output !== null && output.size_bytes < 2000 && /^[\x20-\x7e\n]+$/.test(output.text) && !/^\s*[[{"]/.test(output.text));
  assert.ok(found, "the demo holds a tool call with arguments and a result");
  await withPage({}, async (page) => {
    await page.goto(replay(found.session, `?span=${found.trace}:${found.span}`));
    const result = page.locator(".inspector .card", { has: page.locator(".card-title", { hasText: /^result$/ }) });
    assert.equal((await result.locator(".text-body").textContent()).trim(), found.detail.output.text.trim());
    await page.locator(".inspector .card-title", { hasText: /^arguments$/ }).waitFor();
    await page.getByRole("tab", { name: "Meta" }).click();
    await page.locator(".inspector dd", { hasText: found.span }).first().waitFor();
    await page.getByRole("tab", { name: "Raw" }).click();
    await page.locator(".inspector .text-body", { hasText: '"attributes"' }).waitFor();
  });
});

test("a 200,031-byte result opens whole and can be searched", async () => {
  const found = await findSpan(({ output }) => output !== null && output.size_bytes === 200_031);
  assert.ok(found, "the demo holds a tool result of 200,031 bytes");
  const { hash } = found.detail.output;
  const bytes = Buffer.from(await (await fetch(`${URL_BASE}/api/v1/payloads/${hash}`)).arrayBuffer());
  assert.equal(bytes.length, 200_031);
  await withPage({}, async (page) => {
    await page.goto(replay(found.session, `?span=${found.trace}:${found.span}`));
    const result = page.locator(".inspector .card", { has: page.locator(".card-title", { hasText: /^(result|output)$/ }) });
    await result.locator(".text-block").first().waitFor();
    await page.keyboard.press("o");
    const wanted = bytes.toString("utf8");
    // Blocks further down are drawn as they are scrolled to.
    await page.waitForFunction((length) => {
      const body = document.querySelector(".inspector-body");
      body.scrollTop = body.scrollHeight;
      const cards = [...document.querySelectorAll(".inspector .card")];
      return cards.some((card) => (card.querySelector(".text-body")?.textContent.length ?? 0) >= length * 0.99);
    }, wanted.length);
    const words = /\w{8,}/.exec(wanted.slice(150_000))[0];
    await page.fill("#find-in-span", words);
    await page.locator("mark.is-current").waitFor();
    assert.match(await page.textContent(".inspector .search-count"), /^1\/\d/);
  });
});

test("hostile text is shown, not obeyed", async () => {
  const { session_id: id } = await loopSession();
  await withPage({}, async (page) => {
    const hostile = "a\u0000b\u001b[31m\u202Etxt</script><img src=x onerror=alert(1)><b>bold</b>";
    await page.route("**/api/v1/spans/**", async (route) => {
      const response = await route.fetch();
      const detail = await response.json();
      detail.messages = null;
      detail.output = { hash: "0".repeat(64), size_bytes: hostile.length, text: hostile, complete: true };
      await route.fulfill({ response, json: detail });
    });
    await page.goto(replay(id));
    await page.locator(".wf-row").first().waitFor();
    await page.keyboard.press("e");
    await page.locator(".inspector .ctl").first().waitFor({ state: "attached" });
    assert.equal(await page.locator(".inspector img, .inspector b").count(), 0);
    const text = (await page.locator(".inspector .text-body").allTextContents()).join("\n");
    assert.ok(text.includes("a␀b␛[31m") && text.includes("RLO") && !text.includes("\u202E"), text);
  });
});

test("an address that names nothing says so", () => withPage({}, async (page) => {
  await page.goto(replay("there-is-no-such-session"));
  await page.getByRole("heading", { name: "There is no session here" }).waitFor();
  const { session_id: id } = await loopSession();
  await page.goto(replay(id, `?span=${"0".repeat(31)}1:${"0".repeat(15)}1`));
  await page.locator(".dead-link").waitFor();
}));

test("on a narrow screen the overview comes when it is asked for", async () => {
  const { session_id: id } = await loopSession();
  await withPage({ viewport: { width: 360, height: 740 } }, async (page) => {
    await page.goto(replay(id));
    await page.locator(".wf-row").first().waitFor();
    const overview = page.locator(".overview-panel");
    assert.equal(await overview.count(), 0);
    await page.getByRole("button", { name: "Inspector", exact: true }).click();
    await overview.getByRole("heading", { name: "What went wrong" }).waitFor();
    await assertAccessible(page);
    await page.getByRole("button", { name: "Close the inspector" }).click();
    await overview.waitFor({ state: "detached" });
    await page.keyboard.press("]");
    // What it shows leads to the act, which takes its place.
    await overview.locator(".why-evidence button").first().click();
    await page.locator(".inspector-head").waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".inspector-head").waitFor({ state: "detached" });
    assert.equal(await overview.count(), 0);
  });
});

test("it is dark where the system is dark", async () => {
  const { session_id: id } = await loopSession();
  const folder = process.env.SPANREEL_SHOTS ?? join(tmpdir(), "spanreel-shots");
  mkdirSync(folder, { recursive: true });
  for (const colorScheme of ["light", "dark"]) {
    await withPage({ colorScheme }, async (page) => {
      await page.goto(replay(id));
      await page.locator(".wf-row").first().waitFor();
      const [r, g, b] = (await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).match(/\d+/g).map(Number);
      assert.equal(r + g + b < 200, colorScheme === "dark");
      await page.screenshot({ path: join(folder, `session-${colorScheme}.png`) });
      await page.getByRole("button", { name: colorScheme === "dark" ? "Switch to light" : "Switch to dark" }).click();
      await page.waitForFunction((wanted) => document.documentElement.dataset.theme === wanted, colorScheme === "dark" ? "light" : "dark");
    });
  }
});
