// The story of walkthrough.test.mjs by keyboard alone: nothing is clicked, no element is given the focus
// by the test, and no address is typed but the first. It runs after the other files, as that one does.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { agent } from "./agent.mjs";
import { api, OTLP_HTTP, selectedRow, sessions, until, URL_BASE, useBrowser, withPage } from "./helper.mjs";

useBrowser();

const EDIT = { file_path: "src/rounding.py", old_string: "return round(total)", new_string: "return round(total, 2)" };
const PROMPT = "Make the rounding tests pass";

test("from connecting to a shared link without a mouse", { skip: OTLP_HTTP === null ? "SPANREEL_OTLP_HTTP is not set" : false }, () => withPage({ permissions: ["clipboard-read", "clipboard-write"] }, async (page) => {
  const mark = randomBytes(4).toString("hex");
  const [name, good, bad] = [`keys-${mark}`, `keys-good-${mark}`, `keys-bad-${mark}`];
  const press = async (...keys) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  const focused = (selector) => page.waitForFunction((wanted) => document.activeElement?.matches(wanted) === true, selector);
  /** Tab until something of the page has the focus. */
  const tabTo = async (selector) => {
    for (let i = 0; i < 60; i++) {
      if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) === true, selector)) return;
      await press("Tab");
    }
    assert.fail(`Tab does not reach ${selector}`);
  };
  const palette = async (words, found) => {
    await press("Control+k");
    await page.keyboard.type(words);
    await page.locator('.palette [aria-selected="true"]', { hasText: found }).waitFor();
    await press("Enter");
  };
  page.mouse.click = () => assert.fail("the mouse is not used");

  const fine = agent(name, good);
  await fine.model("I look at the code first.");
  await fine.tool("Edit", EDIT, "The file was changed.");
  await fine.tool("Bash", { command: "pytest -q" }, "41 passed");
  await fine.end(PROMPT);
  const stuck = agent(`${name}-stuck`, bad);
  await stuck.model("I look at the code first.");
  await stuck.tool("Edit", EDIT, "The file was changed.");

  // Connect: what to set, and that data arrives.
  await page.goto(URL_BASE);
  await page.locator(".session-row").first().waitFor();
  await press("g", "u");
  await page.waitForURL("**/setup");
  await page.locator(".arrival.has-data").first().waitFor();

  // Live, then into the run while it goes on.
  await press("g", "l");
  await page.locator(".act-row", { hasText: "Edit" }).first().waitFor();
  await until(`${bad} is listed`, async () => (await sessions()).some((row) => row.session_id === bad));
  await palette(bad, "");
  await page.waitForURL(`**/replay/${bad}*`);
  await focused(".wf-scroll");

  // The loop is flagged; to it, into it, a step on, the payload whole.
  const failing = `FAILED tests/test_rounding.py ${mark}\n${"assert 10.0 == 10.01\n".repeat(40)}`;
  for (let i = 0; i < 6; i++) await stuck.tool("Bash", { command: "pytest -q" }, failing, true);
  await page.getByText(/loop ×6/).first().waitFor();
  await press("n", "l", ".");
  await selectedRow(page).waitFor();
  assert.match(await page.textContent(".inspector-head h2"), /Bash/);
  await press("o");
  await page.locator(".inspector .text-body", { hasText: "assert 10.0 == 10.01" }).first().waitFor();

  // The edit is found by searching, and shown as a diff.
  await press("/");
  await focused("#row-search");
  await page.keyboard.type("Edit");
  await page.locator(".search-count", { hasText: /^[1-9]/ }).waitFor();
  await press("Enter", "Escape");
  await focused(".wf-scroll");
  await page.locator(".inspector-head h2", { hasText: "Edit" }).waitFor();
  for (let i = 0; i < 6 && (await page.locator("tr.diff-added").count()) === 0; i++) {
    await press("t");
    await page.waitForTimeout(150);
  }
  await page.locator("tr.diff-added", { hasText: EDIT.new_string }).waitFor();

  // It is marked good, with a note, and the moment gets a name.
  await press("+", "a");
  await focused("#note");
  await page.keyboard.type("The edit is right, the tests were never read");
  await press("Control+Enter");
  await page.locator(".note-card .note-text", { hasText: "never read" }).waitFor();
  await press("Escape", "m");
  await focused("#checkpoint-name");
  await page.keyboard.type("the edit");
  await press("Enter");
  await page.locator(".wf-flag", { hasText: "the edit" }).waitFor();
  const { annotations } = await api(`/sessions/${bad}/annotations`);
  assert.ok(annotations.some((one) => one.verdict === "good") && annotations.some((one) => one.comment?.includes("never read")));

  // Compared with the good run.
  await stuck.end(PROMPT);
  await press("c");
  await palette(good, "");
  await page.waitForURL(`**/replay/${good}*`);
  await page.locator(".wf-row").first().waitFor();
  await press("c");
  await page.waitForURL("**/compare?*");
  await page.locator(".compare-acts .is-first").waitFor();

  // A question in SQL; a cell of the answer leads to the act.
  await press("g", "q");
  await page.waitForURL("**/sql*");
  await page.locator(".cm-content").waitFor();
  await press("Control+a");
  await page.keyboard.insertText(`select session_id, trace_id, span_id from tool_calls where session_id = '${bad}' and tool_name = 'Bash' order by started_at desc`);
  await press("Control+Enter");
  await page.locator(".result-space .result-row").nth(5).waitFor();
  // Tab indents in the editor; Escape closes what is completed there, then leaves it.
  while (await page.evaluate(() => document.activeElement?.matches(".sql-shell") === true)) await press("Escape");
  await tabTo(".result-scroll");
  await press("ArrowDown", "ArrowRight", "ArrowRight", "Enter");
  await page.waitForURL((url) => url.pathname === `/replay/${bad}` && url.searchParams.has("span"));
  await selectedRow(page).waitFor();

  // The link is the view.
  await press("z", "z", "d");
  await page.waitForURL((url) => ["z", "audit", "span"].every((key) => url.searchParams.has(key)));
  await press("y");
  await page.getByText("Link copied").waitFor();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(link, page.url());
  const seen = (where) => Promise.all([where.textContent(".wf-head"), where.textContent(".inspector-head h2"), selectedRow(where).getAttribute("id"), where.locator(".wf-row").allTextContents()]);
  const shown = await seen(page);
  const colleague = await page.context().newPage();
  await colleague.goto(link);
  await selectedRow(colleague).waitFor();
  await colleague.waitForTimeout(300);
  assert.deepEqual(await seen(colleague), shown);
}));
