// What people do with whole sessions and moments of them: checkpoints, tags, exports, deletion,
// comparison; and saved queries and search, which the server keeps and answers.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { agent } from "./agent.mjs";
import { assertAccessible } from "./axe.mjs";
import { api, loopSession, OTLP_HTTP, selectedRow, sessions, until, URL_BASE, useBrowser, withPage } from "./helper.mjs";

useBrowser();

const NEEDS = { skip: OTLP_HTTP === null ? "SPANREEL_OTLP_HTTP is not set" : false };
const replay = (id, query = "") => `${URL_BASE}/replay/${encodeURIComponent(id)}${query}`;

/** Sends a run of one model request and one call, and waits until it is listed. */
async function sent(prefix) {
  const mark = randomBytes(4).toString("hex");
  const [name, session] = [`${prefix}-${mark}`, `${prefix}-session-${mark}`];
  const run = agent(name, session);
  await run.model("I look.");
  await run.tool("Read", { file_path: `src/${mark}.py` }, `zebra${mark} stands here`);
  await run.end(`Look at ${mark}`);
  await until(`${session} is listed`, async () => (await sessions()).some((row) => row.session_id === session && row.span_count >= 3));
  return { mark, name, session };
}

test("a checkpoint is set by key, stands on the axis, is gone to, and goes", async () => {
  const { session_id: id } = await loopSession();
  const name = `moment ${randomBytes(3).toString("hex")}`;
  await withPage({}, async (page) => {
    await page.goto(replay(id));
    await page.locator(".wf-row").first().waitFor();
    await page.keyboard.press("e");
    await selectedRow(page).waitFor();
    const at = await selectedRow(page).getAttribute("id");
    await page.keyboard.press("m");
    await page.waitForFunction(() => document.activeElement?.id === "checkpoint-name");
    await page.keyboard.type(name);
    await page.keyboard.press("Enter");
    await page.locator(".wf-flag", { hasText: name }).waitFor();
    const { checkpoints } = await api(`/sessions/${encodeURIComponent(id)}/checkpoints`);
    assert.ok(checkpoints.some((one) => one.name === name && one.span_id !== null));
    await page.keyboard.press("Home");
    assert.notEqual(await selectedRow(page).getAttribute("id"), at);
    await page.keyboard.press("b");
    await page.waitForFunction((row) => document.querySelector('.wf-scroll [aria-selected="true"]')?.id === row, at);
    // With nothing chosen the whole run is told, its checkpoints among it.
    await page.keyboard.press("Escape");
    await page.locator(".overview-panel").getByText(name).waitFor();
    await page.getByRole("button", { name: `Take the checkpoint ${name} away` }).click();
    await page.locator(".wf-flag", { hasText: name }).waitFor({ state: "detached" });
  });
});

test("with nothing chosen the inspector says what went wrong, and leads to what shows it", async () => {
  const { session_id: id } = await loopSession();
  await withPage({}, async (page) => {
    await page.goto(replay(id));
    const why = await api(`/sessions/${encodeURIComponent(id)}/why`);
    await page.locator(".why").getByText(why.sentence.slice(0, 60)).waitFor();
    await assertAccessible(page);
    await page.locator(".why-evidence button").first().click();
    await selectedRow(page).waitFor();
    assert.match(page.url(), /[?&]span=/);
  });
});

test("a tag is given by key, shown in the list, filtered by, and taken away", NEEDS, async () => {
  const { session, mark } = await sent("tagged");
  await withPage({}, async (page) => {
    await page.goto(replay(session));
    await page.locator(".wf-row").first().waitFor();
    await page.keyboard.press("#");
    await page.waitForFunction(() => document.activeElement?.id === "new-tag");
    await assertAccessible(page);
    await page.keyboard.type(`tag-${mark}`);
    await page.keyboard.press("Enter");
    await page.locator("dialog .tag", { hasText: `tag-${mark}` }).waitFor();
    assert.deepEqual((await api(`/sessions/${session}`)).session.tags, [`tag-${mark}`]);
    await page.keyboard.press("Escape");
    await page.locator(".session-head .tag", { hasText: `tag-${mark}` }).click();
    await page.locator(".session-scroll .session-row", { hasText: `tag-${mark}` }).waitFor();
    await page.waitForFunction(() => document.querySelectorAll(".session-scroll .session-row").length === 1);
    await page.keyboard.press("j");
    await page.keyboard.press("#");
    await page.getByRole("button", { name: `Take the tag tag-${mark} away` }).click();
    await page.getByText("No tags yet.").waitFor();
  });
  assert.deepEqual((await api(`/sessions/${session}`)).session.tags, []);
});

test("a session is exported by key, and what is chosen is what is saved", NEEDS, async () => {
  const { session, mark } = await sent("exported");
  await withPage({ acceptDownloads: true }, async (page) => {
    await page.goto(replay(session));
    await page.locator(".wf-row").first().waitFor();
    await page.keyboard.press("X");
    await page.locator("dialog").getByText("Leave out").waitFor();
    await assertAccessible(page);
    // The formats are radio buttons: the arrow keys go through them.
    await page.keyboard.press("ArrowDown");
    await page.getByText("Leave out").waitFor({ state: "detached" });
    const download = page.waitForEvent("download");
    await page.keyboard.press("Enter");
    const file = await (await download).path();
    assert.match(readFileSync(file, "utf8"), new RegExp(`zebra${mark}`));
    await page.locator("dialog").waitFor({ state: "detached" });
  });
});

test("a session is deleted by key after a question, and its link says so", NEEDS, async () => {
  const { session } = await sent("deleted");
  await withPage({}, async (page) => {
    await page.goto(replay(session));
    await page.locator(".wf-row").first().waitFor();
    await page.keyboard.press("Delete");
    await page.locator("dialog").getByText("Delete this session for good?").waitFor();
    await assertAccessible(page);
    // What is safe has the focus.
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Keep");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => url.pathname === "/");
    await page.goto(replay(session));
    await page.getByRole("heading", { name: "This session was deleted" }).waitFor();
    await page.getByText(/deleted at \d{4}-/).waitFor();
    await assertAccessible(page);
  });
  assert.ok(!(await sessions()).some((row) => row.session_id === session));
});

test("two runs are compared: both on one scale, where they part, and what differs", async () => {
  const rows = await sessions();
  const a = (await loopSession()).session_id;
  // The other run of the demo with prompts and tools of its own.
  const b = rows.find((row) => row.harness === "openai-agents").session_id;
  await withPage({}, async (page) => {
    await page.goto(replay(a));
    await page.locator(".wf-row").first().waitFor();
    await page.keyboard.press("c");
    await page.getByText(/Marked to compare/).waitFor();
    await page.goto(replay(b));
    await page.locator(".wf-row").first().waitFor();
    await page.keyboard.press("c");
    await page.waitForURL(`**/compare?*`);
    assert.deepEqual([new URL(page.url()).searchParams.get("a"), new URL(page.url()).searchParams.get("b")], [a, b]);
    const comparison = await api(`/compare?${new URLSearchParams({ a, b })}`);
    await page.locator(".run-parting").nth(1).waitFor();
    await page.locator(".compare-divergence", { hasText: comparison.divergence.slice(0, 30) }).waitFor();
    assert.equal(await page.locator(".compare-acts tr.is-first").count(), 1);
    for (const prompt of comparison.prompts) await page.getByText(`Prompt of turn ${prompt.turn}`).first().waitFor();
    await page.locator(".diff-removed").first().waitFor();
    await page.locator(".diff-added").first().waitFor();
    await assertAccessible(page);
    const before = await page.locator(".run-parting").first().evaluate((line) => line.offsetLeft);
    await page.getByRole("button", { name: "where they part" }).click();
    const lefts = await page.locator(".run-parting").evaluateAll((lines) => lines.map((line) => Math.round(line.getBoundingClientRect().left)));
    assert.equal(lefts[0], lefts[1], "the runs stand with their difference one above the other");
    assert.ok(before >= 0);
    await page.reload();
    await page.locator(".run-parting").nth(1).waitFor();
    assert.equal(await page.getByRole("button", { name: "where they part" }).getAttribute("aria-pressed"), "true");
  });
});

test("two groups of sessions are compared by a value that both have", async () => {
  const rows = await sessions();
  const [a, b] = [...new Set(rows.map((row) => row.harness).filter((name) => name !== null))];
  await withPage({}, async (page) => {
    await page.goto(`${URL_BASE}/compare?by=harness`);
    await page.getByRole("button", { name: `A: ${a}` }).click();
    await page.getByRole("button", { name: `B: ${b}` }).click();
    await page.locator(".group-figures").waitFor();
    const params = new URL(page.url()).searchParams;
    assert.deepEqual([params.get("by"), params.get("a"), params.get("b")], ["harness", a, b]);
    const told = await api(`/compare?${new URLSearchParams({ by: "harness", a, b })}`);
    const heads = await page.locator(".compare-head .note").allTextContents();
    assert.deepEqual(heads.map((text) => parseInt(text, 10)), [told.a.session_count, told.b.session_count]);
    await assertAccessible(page);
  });
});

test("a query with a parameter is saved in the server, asks for its value, and is a link", async () => {
  const title = `Calls of ${randomBytes(3).toString("hex")}`;
  const name = title.toLowerCase().replaceAll(" ", "-");
  try {
    await withPage({}, async (page) => {
      await page.goto(`${URL_BASE}/sql?${new URLSearchParams({ sql: "select tool_name, count(*) as n from tool_calls where tool_name = $tool group by all" })}`);
      await page.locator(".cm-content").waitFor();
      // Without a value it cannot run: the form that saves it opens.
      await page.getByLabel("Name of the query").fill(title);
      await page.getByLabel("Type of tool").selectOption("text");
      await assertAccessible(page);
      await page.getByLabel("Name of the query").press("Enter");
      await page.getByLabel("tool", { exact: true }).fill("Bash");
      await page.getByLabel("tool", { exact: true }).press("Enter");
      await page.locator(".result-space .cell", { hasText: "Bash" }).first().waitFor();
      await page.waitForURL((url) => url.searchParams.get("saved") === name && url.searchParams.get("p.tool") === "Bash");
      // Another browser has it, too.
      await withPage({}, async (other) => {
        await other.goto(page.url());
        await other.locator(".result-space .cell", { hasText: "Bash" }).first().waitFor();
        await other.getByRole("button", { name: "Saved", exact: true }).click();
        await other.locator(".query.is-current", { hasText: title }).waitFor();
        await assertAccessible(other);
        await other.getByRole("button", { name: `Delete ${title}` }).click();
        await other.getByRole("button", { name: `Delete ${title}` }).waitFor({ state: "detached" });
      });
      await page.reload();
      await page.getByText(/There is no saved query/).waitFor();
    });
  } finally {
    await fetch(`${URL_BASE}/api/v1/queries/${name}`, { method: "DELETE" });
  }
});

test("the palette finds acts by what was said", NEEDS, async () => {
  const { session, mark } = await sent("said");
  await withPage({}, async (page) => {
    await page.goto(URL_BASE);
    await page.locator(".session-row").first().waitFor();
    await page.keyboard.press("Control+k");
    await page.keyboard.type(`zebra${mark.slice(0, 6)}`);
    await page.locator(".palette mark", { hasText: `zebra${mark}` }).waitFor();
    await assertAccessible(page);
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => url.pathname === `/replay/${session}` && url.searchParams.has("span"));
    await page.locator(".inspector").getByText(`zebra${mark}`).first().waitFor();
  });
});

test("how the panels stand is part of the link, and is kept in the browser that put them so", async () => {
  const { session_id: id } = await loopSession();
  await withPage({}, async (page) => {
    await page.goto(replay(id));
    await page.locator(".wf-row").first().waitFor();
    await page.keyboard.press("[");
    await page.locator(".rail").waitFor();
    await page.getByRole("separator", { name: "Width of the names" }).focus();
    for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowRight");
    await page.waitForURL((url) => /^r\d+\.i\d+\.n\d+\.s\d+$/.test(url.searchParams.get("panels") ?? ""));
    const widths = (where) => where.evaluate(() => [".rail", ".inspector", ".wf-name"].map((selector) => Math.round(document.querySelector(selector).getBoundingClientRect().width)));
    const put = await widths(page);
    await withPage({}, async (colleague) => {
      await colleague.goto(page.url());
      await colleague.locator(".rail").waitFor();
      await colleague.locator(".wf-row").first().waitFor();
      assert.deepEqual(await widths(colleague), put);
      // Whoever follows a link keeps their own panels for other sessions.
      await colleague.goto(replay(id));
      await colleague.locator(".wf-row").first().waitFor();
      assert.equal(await colleague.locator(".rail").count(), 0);
    });
    await page.goto(replay(id));
    await page.locator(".rail").waitFor();
    await page.locator(".wf-row").first().waitFor();
    assert.deepEqual(await widths(page), put);
  });
});

test("what stands in for a secret is marked and says what it was", NEEDS, async () => {
  const mark = randomBytes(4).toString("hex");
  const run = agent(`secret-${mark}`, `secret-session-${mark}`);
  await run.tool("Bash", { command: "env" }, "TOKEN=[redacted:github_token:1a2b] and \u001b[31m");
  await withPage({}, async (page) => {
    await page.goto(replay(`secret-session-${mark}`));
    await page.locator(".wf-row", { hasText: "Bash" }).first().click();
    const stand = page.locator(".inspector .redacted", { hasText: "[redacted:github_token:1a2b]" });
    await stand.waitFor();
    assert.match(await stand.getAttribute("title"), /github token/);
    assert.equal(await page.locator(".inspector .ctl").count(), 1);
    await assertAccessible(page);
  });
});
