// A session that was exported as a page: opened from disk, with every way to a network closed.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "node:test";
import { findSpan, loopSession, URL_BASE, useBrowser, withPage } from "./helper.mjs";

useBrowser();

/** Exports `session` and opens the file; `body` gets the page and the addresses that it asked for. */
async function withExport(session, options, body) {
  const answer = await fetch(`${URL_BASE}/api/v1/sessions/${encodeURIComponent(session)}/export?format=html${options}`);
  assert.equal(answer.status, 200);
  const folder = mkdtempSync(join(tmpdir(), "spanreel-export-"));
  try {
    const file = join(folder, "recording.html");
    const text = await answer.text();
    writeFileSync(file, text);
    await withPage({ offline: true }, async (page) => {
      const asked = [];
      page.on("request", (request) => asked.push(request.url()));
      await page.route(/^https?:/, (route) => route.abort());
      await page.goto(pathToFileURL(file).href);
      await page.locator('.wf-scroll [role="row"]').first().waitFor();
      await body(page, text);
      const allowed = /^(file:|data:|blob:)/;
      assert.deepEqual(asked.filter((url) => !allowed.test(url)), []);
      // Reloading asks for the same file again.
      assert.deepEqual([...new Set(asked.filter((url) => url.startsWith("file:")))], [pathToFileURL(file).href]);
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("the exported page replays the session without a network", async () => {
  const { session_id: session } = await loopSession();
  await withExport(session, "", async (page) => {
    assert.match(await page.locator(".left-out").innerText(), /Nothing was left out/);
    await page.locator('.wf-scroll [role="row"]', { hasText: "run_tests.sh" }).first().click();
    await page.locator(".inspector", { hasText: "run_tests.sh" }).waitFor();
    // A large payload, of which only the beginning comes with its act.
    const { trace, span } = await findSpan((detail) => detail.span.session_id === session && (detail.output?.size_bytes ?? 0) === 200_031);
    await page.evaluate((to) => (location.hash = to), `/replay/${encodeURIComponent(session)}?span=${trace}:${span}`);
    await page.reload();
    await page.locator(".inspector", { hasText: "200,031" }).waitFor();
    if (process.env.SPANREEL_SHOT) await page.screenshot({ path: process.env.SPANREEL_SHOT });
    await page.keyboard.press("Escape");
    // Reloading keeps the place; the transcript reads from the file.
    await page.reload();
    await page.getByText("Transcript", { exact: true }).click();
    await page.locator(".session-main", { hasText: "coupon" }).first().waitFor();
  });
});

test("what is left out is not in the file, and the page says so", async () => {
  const { session_id: session } = await loopSession();
  await withExport(session, "&no_payloads=true", async (page) => {
    assert.match(await page.locator(".left-out").innerText(), /all payloads/);
    assert.equal(await page.getByText("./run_tests.sh").count(), 0);
  });
  await withExport(session, "&redact=run_tests", async (page) => {
    assert.match(await page.locator(".left-out").innerText(), /\d+ passages found by 1 patterns/);
    assert.equal(await page.getByText("run_tests").count(), 0);
    await page.locator('.wf-scroll [role="row"]', { hasText: "[redacted]" }).first().waitFor();
  });
});
