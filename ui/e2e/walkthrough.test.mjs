// One story from end to end, on a run that is sent over OTLP while somebody watches: connect, the live
// session, the loop that is flagged while it grows, the waterfall, a step, the payload, the edit, a note,
// the comparison with the good run, a question in SQL, the link, and the same view after a reload.
// It runs after the other files, which look for the newest run with a loop.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { agent } from "./agent.mjs";
import { OTLP_HTTP, selectedRow, until, URL_BASE, useBrowser, withPage } from "./helper.mjs";

useBrowser();

const EDIT = { file_path: "src/rounding.py", old_string: "return round(total)", new_string: "return round(total, 2)" };
const PROMPT = "Make the rounding tests pass";

test("from the first span to a link that a colleague opens", { skip: OTLP_HTTP === null ? "SPANREEL_OTLP_HTTP is not set" : false }, () => withPage({}, async (page) => {
  const mark = randomBytes(4).toString("hex");
  const [name, good, bad] = [`flow-${mark}`, `flow-good-${mark}`, `flow-bad-${mark}`];
  const failing = `FAILED tests/test_rounding.py ${mark}\n${"assert 10.0 == 10.01\n".repeat(400)}`;

  // The good run, yesterday's so to speak: it edits, tests once, and is done.
  const fine = agent(name, good);
  await fine.model("I look at the code first.");
  await fine.tool("Read", { file_path: "src/rounding.py" }, "def total(): return round(total)");
  await fine.tool("Edit", EDIT, "The file was changed.");
  await fine.tool("Bash", { command: "pytest -q" }, "41 passed");
  await fine.end(PROMPT);

  // Connect: what to set, and that data arrives.
  await page.goto(`${URL_BASE}/setup`);
  await page.locator(".arrival.has-data").first().waitFor();
  await page.getByRole("link", { name: new RegExp(`^${name}`) }).waitFor();

  // Live: the run is seen while it goes on.
  const stuck = agent(name, bad);
  await page.keyboard.press("g");
  await page.keyboard.press("l");
  await page.locator(".act-row").first().waitFor();
  await page.getByText("live", { exact: true }).waitFor();
  await stuck.model("I look at the code first.");
  await stuck.tool("Read", { file_path: "src/rounding.py" }, "def total(): return round(total)");
  const link = page.locator(`a[href^="/replay/${bad}"]`).first();
  await link.waitFor();
  await link.click();
  await page.waitForURL(`**/replay/${bad}*`);
  await page.locator(".wf-row", { hasText: "Read" }).first().waitFor();

  // The loop is flagged before the run has ended, and nothing that is read moves.
  await stuck.tool("Edit", EDIT, "The file was changed.");
  const read = page.locator(".wf-row", { hasText: "Read" }).first();
  const before = await read.boundingBox();
  for (let i = 0; i < 6; i++) await stuck.tool("Bash", { command: "pytest -q" }, failing, true);
  await page.locator(".session-main, .session-header, body").getByText(/loop ×6/).first().waitFor();
  assert.deepEqual(await read.boundingBox(), before);
  await page.getByRole("tab", { name: /^Findings/ }).waitFor();

  // To the loop by key, into it, one step on.
  await page.locator(".wf-scroll").focus();
  for (let i = 0; i < 4; i++) {
    await page.keyboard.press("n");
    await selectedRow(page).waitFor();
    if ((await page.textContent(".inspector-head h2")).includes("Bash")) break;
  }
  assert.match(await page.textContent(".inspector-head h2"), /Bash/);
  await page.locator(".inspector .finding h2", { hasText: /6 times/ }).waitFor();
  await page.keyboard.press("l");
  await page.keyboard.press(".");
  assert.match(await page.textContent(".inspector-head h2"), /Bash/);

  // The payload, whole.
  await page.keyboard.press("o");
  const result = page.locator(".inspector .card", { has: page.locator(".card-title", { hasText: /^result$/ }) });
  const shownText = async () => (await result.locator(".text-body").textContent()).trim();
  await until("the payload is shown whole", async () => {
    const all = result.getByRole("button", { name: /^Show all/ });
    if ((await all.count()) > 0) await all.first().click();
    return (await shownText()) === failing.trim();
  });

  // The edit as a diff.
  await page.locator(".wf-row", { hasText: "Edit" }).first().click();
  await page.getByRole("tab", { name: /^Diff/ }).click();
  await page.locator("tr.diff-removed", { hasText: EDIT.old_string }).waitFor();
  await page.locator("tr.diff-added", { hasText: EDIT.new_string }).waitFor();

  // A note on it.
  await page.locator(".wf-scroll").focus();
  await page.keyboard.press("a");
  await page.waitForFunction(() => document.activeElement?.id === "note");
  await page.keyboard.type("The edit is right, the tests were never read");
  await page.getByRole("button", { name: "good", exact: true }).click();
  await page.getByRole("button", { name: "Keep" }).click();
  await page.locator(".note-card .note-text", { hasText: "never read" }).waitFor();

  // The run ends; compared with the good one, the first difference is the test that did not pass.
  await stuck.end(PROMPT);
  await page.goto(`${URL_BASE}/compare?${new URLSearchParams({ a: good, b: bad })}`);
  const first = page.locator(".compare-acts .is-first");
  await first.waitFor();
  assert.match(await first.textContent(), /Bash/);

  // A question in SQL, whose answer leads back to the act.
  const sql = `select session_id, trace_id, span_id, tool_name, status from tool_calls where session_id = '${bad}' and tool_name = 'Bash' order by started_at desc`;
  await page.goto(`${URL_BASE}/sql?${new URLSearchParams({ sql })}`);
  await page.locator(".cm-content").waitFor();
  await page.keyboard.press("Control+Enter");
  const answer = page.locator('.result-space a[href*="span="]').first();
  await answer.waitFor();
  assert.equal(await page.locator(".result-space .result-row").count(), 6);
  await answer.click();
  await page.waitForURL((url) => url.pathname === `/replay/${bad}` && url.searchParams.has("span"));
  await selectedRow(page).waitFor();

  // The link is the view: another browser window and a reload show the same.
  for (const key of ["z", "z", "d"]) await page.keyboard.press(key);
  await page.waitForURL((url) => ["z", "audit", "span"].every((key) => url.searchParams.has(key)));
  const seen = (where) => Promise.all([where.textContent(".wf-head"), where.textContent(".inspector-head h2"), selectedRow(where).getAttribute("id"), where.locator(".wf-row").allTextContents()]);
  const shown = await seen(page);
  const colleague = await page.context().newPage();
  await colleague.goto(page.url());
  await selectedRow(colleague).waitFor();
  await colleague.waitForTimeout(300);
  assert.deepEqual(await seen(colleague), shown);
  await page.reload();
  await selectedRow(page).waitFor();
  await page.waitForTimeout(300);
  assert.deepEqual(await seen(page), shown);
}));
