// The session page against the real server: transcript, replay, diff, filters, the address, keys, and
// what every state of it looks like to axe.

import assert from "node:assert/strict";
import { test } from "node:test";
import { assertAccessible } from "./axe.mjs";
import { api, loopSession, selectedRow, sessions, URL_BASE, useBrowser, withPage } from "./helper.mjs";

useBrowser();

const replay = (id, query = "") => `${URL_BASE}/replay/${encodeURIComponent(id)}${query}`;
const rowsShown = (page) => page.getAttribute(".wf-scroll", "aria-rowcount").then(Number);

async function open(page, id, query = "") {
  await page.goto(replay(id, query));
  await page.locator(query.includes("view=transcript") ? ".entry" : ".wf-row").first().waitFor();
}

/** The first span in any session that `test` accepts, by its row in the tree. */
async function findRow(test) {
  for (const session of await sessions()) {
    const tree = await api(`/sessions/${encodeURIComponent(session.session_id)}/tree`);
    const { columns, strings } = tree;
    for (let i = 0; i < columns.span_id.length; i++) {
      const row = { operation: tree.operations[columns.operation[i]], tool: strings[columns.tool_s[i]] ?? "", detail: strings[columns.detail_s[i]] ?? "", flags: columns.flags[i] };
      if (test(row)) return { session: session.session_id, span: `${tree.traces[columns.trace[i]]}:${columns.span_id[i]}`, ...row };
    }
  }
  return null;
}

test("the transcript tells the run and follows the selection", async () => {
  const { session_id: id } = await loopSession();
  const { turns } = await api(`/sessions/${encodeURIComponent(id)}`);
  const prompt = turns.find((turn) => turn.prompt).prompt.trim();
  await withPage({}, async (page) => {
    await open(page, id);
    await page.keyboard.press("2");
    const turn = page.locator(".entry-turn .say-user").first();
    await turn.waitFor();
    const said = (await turn.textContent()).replace(/\s+/g, " ");
    assert.ok(said.includes(prompt.split(/\s+/).slice(0, 6).join(" ")), said);
    await page.locator(".say-assistant .md").first().waitFor();
    await page.locator(".entry.op-tool .say-tool").first().click();
    const selected = page.locator(".entry.is-selected");
    const name = await selected.locator(".entry-name").textContent();
    assert.equal(await page.textContent(".inspector-head h2 .clip"), name);
    await page.keyboard.press("j");
    await page.keyboard.press("k");
    assert.equal(await selected.locator(".entry-name").textContent(), name);
    await page.keyboard.press("3");
    await selectedRow(page).waitFor();
    await page.locator(".transcript .entry.is-selected").waitFor();
    // A voice that is left out is gone, and the address says so.
    await page.getByRole("button", { name: "Tools", exact: true }).click();
    await page.waitForFunction(() => document.querySelector(".entry.op-tool") === null);
    await page.waitForURL(/mute=tool/);
  });
});

test("replay plays, pauses, steps, and knows the instant", async () => {
  const { session_id: id } = await loopSession();
  await withPage({}, async (page) => {
    await open(page, id);
    await page.keyboard.press(".");
    await page.locator(".moment").waitFor();
    const first = await selectedRow(page).getAttribute("id");
    await page.keyboard.press(".");
    await page.waitForFunction((before) => document.querySelector('.wf-scroll [aria-selected="true"]')?.id !== before, first);
    await page.keyboard.press(",");
    await page.waitForFunction((before) => document.querySelector('.wf-scroll [aria-selected="true"]')?.id === before, first);
    await page.waitForURL(/[?&]t=/);
    // The end of the slider is the end of the run: all its tokens are spent, nothing is open.
    const { session } = await api(`/sessions/${encodeURIComponent(id)}`);
    await page.locator(".scrub").focus();
    await page.keyboard.press("End");
    await page.locator(".moment-open", { hasText: "open 0" }).waitFor();
    if (session.input_tokens > 0) assert.match(await page.textContent(".moment-facts"), /→\S+ tok/);
    if ((await page.locator(".moment-files").count()) > 0) {
      await page.locator(".moment-files summary").click();
      await page.locator(".moment-files li .link").first().waitFor();
    }
    await page.locator(".scrub").focus();
    await page.keyboard.press("Home");
    const start = await page.textContent(".moment-time");
    await page.getByLabel("Speed of replay").selectOption("60");
    await page.getByRole("button", { name: "Play", exact: true }).click();
    await page.waitForFunction((before) => document.querySelector(".moment-time").textContent !== before, start);
    await page.waitForFunction(() => document.querySelector('[aria-label="Replay"] [aria-label="Play"]') !== null, null, { timeout: 30_000 });
    await page.locator(".wf-scroll").focus();
    await page.keyboard.press("Escape");
    await page.locator(".moment").waitFor({ state: "detached" });
  });
});

test("an edit is shown as a diff, in both layouts", async () => {
  const edit = await findRow(({ tool, flags }) => /^(edit|str_replace|replace|apply_patch)/i.test(tool) && (flags & 32) !== 0 && (flags & 2) === 0);
  assert.ok(edit, "the demo holds an edit");
  await withPage({}, async (page) => {
    await open(page, edit.session, `?span=${edit.span}`);
    await page.getByRole("tab", { name: /^Diff/ }).click();
    await page.locator("tr.diff-removed").first().waitFor();
    await page.locator("tr.diff-added").first().waitFor();
    await page.getByRole("button", { name: "Side by side" }).click();
    await page.locator("table.is-split td.diff-text.diff-added").first().waitFor();
    await page.waitForURL(/tab=diff/);
    await page.reload();
    await page.locator("table.is-split").first().waitFor();
    await page.getByRole("button", { name: "Unified" }).click();
  });
});

test("kinds can be left out, and what was said can be searched", async () => {
  const { session_id: id } = await loopSession();
  await withPage({}, async (page) => {
    await open(page, id);
    const all = await rowsShown(page);
    await page.locator(".menu summary").click();
    await page.getByLabel(/Model requests/).uncheck();
    await page.waitForFunction((before) => Number(document.querySelector(".wf-scroll").getAttribute("aria-rowcount")) < before, all);
    assert.equal(await page.locator(".wf-row.op-model").count(), 0);
    await page.waitForURL(/hide=model/);
    await page.reload();
    await page.locator(".wf-row").first().waitFor();
    assert.equal(await page.locator(".wf-row.op-model").count(), 0);
    await page.locator(".menu summary").click();
    await page.getByRole("button", { name: "Show all" }).click();
    await page.waitForFunction((before) => Number(document.querySelector(".wf-scroll").getAttribute("aria-rowcount")) === before, all);
  });
  // Words that stand in a result and in no name.
  const found = await api(`/sessions/${encodeURIComponent(id)}/transcript?limit=200`);
  const result = found.entries.filter((entry) => entry.operation === "tool").flatMap((entry) => entry.parts).find((part) => part.part_type === "tool_call_response" && /[a-z]{9,}/.test(part.text ?? ""));
  const word = /[a-z]{9,}/.exec(result.text)[0];
  const { matches } = await api(`/sessions/${encodeURIComponent(id)}/search?q=${word}`);
  assert.ok(matches.length > 0);
  await withPage({}, async (page) => {
    await open(page, id);
    await page.fill("#row-search", word);
    await page.waitForFunction((least) => Number(document.querySelector(".toolbar .search-count")?.textContent) >= least, matches.length);
    await page.keyboard.press("Enter");
    await selectedRow(page).waitFor();
    await page.waitForURL(new RegExp(`[?&]q=${word}`));
  });
});

test("back returns to the view before, a link shows the same view", async () => {
  const { session_id: id } = await loopSession();
  await withPage({}, async (page) => {
    await open(page, id);
    await page.keyboard.press("e");
    await selectedRow(page).waitFor();
    const chosen = await page.textContent(".inspector-head h2 .clip");
    await page.waitForURL(/span=/);
    await page.keyboard.press("2");
    await page.locator(".entry").first().waitFor();
    await page.goBack();
    await selectedRow(page).waitFor();
    assert.equal(await page.textContent(".inspector-head h2 .clip"), chosen);
    for (const key of ["z", "z", "p", "s", "d", "t"]) await page.keyboard.press(key);
    await page.waitForURL((url) => ["z", "path", "fold", "audit", "tab"].every((name) => url.searchParams.has(name)));
    const before = await Promise.all([rowsShown(page), page.textContent(".wf-head"), page.getAttribute(".inspector [role=tab][aria-selected=true]", "class"), page.locator(".wf-critical").count().then((count) => count > 0)]);
    await page.context().newPage().then(async (other) => {
      await other.goto(page.url());
      await other.locator(".wf-row").first().waitFor();
      await selectedRow(other).waitFor();
      await other.waitForTimeout(300);
      assert.deepEqual(await Promise.all([rowsShown(other), other.textContent(".wf-head"), other.getAttribute(".inspector [role=tab][aria-selected=true]", "class"), other.locator(".wf-critical").count().then((count) => count > 0)]), before);
      await other.close();
    });
  });
});

test("an act is annotated, and the note is there after a reload and can be taken back", async () => {
  const { session_id: id } = await loopSession();
  await withPage({}, async (page) => {
    await open(page, id);
    await page.keyboard.press("e");
    await selectedRow(page).waitFor();
    await page.keyboard.press("a");
    await page.waitForFunction(() => document.activeElement?.id === "note");
    await page.keyboard.type("It repeats <b>itself</b>");
    await page.getByRole("button", { name: "wrong", exact: true }).click();
    await page.getByRole("button", { name: "Keep" }).click();
    await page.locator(".note-card .note-text", { hasText: "It repeats <b>itself</b>" }).waitFor();
    await selectedRow(page).locator(".verdict-wrong").waitFor();
    await assertAccessible(page);
    await page.waitForURL(/tab=notes/);
    await page.reload();
    await page.locator(".note-card").first().waitFor();
    const { annotations } = await api(`/sessions/${encodeURIComponent(id)}/annotations`);
    assert.deepEqual(annotations.map(({ verdict, comment }) => [verdict, comment]), [["wrong", "It repeats <b>itself</b>"]]);
    await page.getByRole("button", { name: "Take back" }).click();
    await page.locator(".note-card").waitFor({ state: "detached" });
    await page.locator(".wf-scroll").focus();
    await page.keyboard.press("+");
    await selectedRow(page).locator(".verdict-good").waitFor();
    await page.getByRole("button", { name: "Take back" }).click();
    await page.locator(".note-card").waitFor({ state: "detached" });
  });
});

test("recorded Markdown becomes text and never markup", async () => {
  const { session_id: id } = await loopSession();
  await withPage({}, async (page) => {
    const asked = [];
    page.on("request", (request) => asked.push(request.url()));
    const hostile = "# Hello\n\n<img src=http://evil.example/a.png onerror=alert(1)> ![x](http://evil.example/b.png) [click](javascript:alert(1)) **bold**\n\n<script>alert(1)</script>";
    await page.route("**/transcript?**", async (route) => {
      const response = await route.fetch();
      const answer = await response.json();
      for (const entry of answer.entries) for (const part of entry.parts) if (part.part_type === "text") part.text = hostile;
      await route.fulfill({ response, json: answer });
    });
    await open(page, id, "?view=transcript");
    await page.locator(".say-assistant .md strong").first().waitFor();
    assert.equal(await page.locator(".transcript img, .transcript a, .transcript script").count(), 0);
    assert.ok((await page.locator(".say-assistant .md").first().textContent()).includes("<img src=http://evil.example/a.png"));
    assert.deepEqual(asked.filter((url) => url.includes("evil.example")), []);
  });
});

test("images are drawn from their bytes", async () => {
  const { session_id: id } = await loopSession();
  const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
  await withPage({}, async (page) => {
    await page.route("**/api/v1/spans/**", async (route) => {
      const response = await route.fetch();
      const detail = await response.json();
      detail.messages = null;
      detail.output = { hash: "0".repeat(64), size_bytes: 200, complete: true, text: JSON.stringify([{ type: "text", text: "a screenshot" }, { type: "image", data: png, mimeType: "image/png" }]) };
      await route.fulfill({ response, json: detail });
    });
    await open(page, id);
    await page.keyboard.press("e");
    const picture = page.locator(".inspector .picture img");
    await picture.waitFor();
    await page.locator(".picture figcaption", { hasText: "PNG · 1 × 1" }).waitFor();
    assert.match(await picture.getAttribute("src"), /^data:image\/png;base64,/);
  });
});

test("a run is read from its start to a payload by keyboard alone", async () => {
  const { session_id: id } = await loopSession();
  await withPage({}, async (page) => {
    await open(page, id);
    const keys = async (...list) => {
      for (const key of list) await page.keyboard.press(key);
    };
    await keys("j", "j");
    await selectedRow(page).waitFor();
    await keys("J");
    assert.match(await selectedRow(page).getAttribute("class"), /is-band|op-/);
    await keys("e");
    await page.locator(".inspector .tone-error, .inspector .tone-denied").first().waitFor();
    for (let i = 0; i < 6 && (await page.locator(".inspector .finding").count()) === 0; i++) {
      await keys("n");
      await page.waitForTimeout(300);
    }
    await page.locator(".inspector .finding").first().waitFor();
    await keys("Enter");
    await page.waitForFunction(() => document.activeElement?.closest(".inspector") !== null);
    await keys("t", "t");
    await page.locator('.inspector [role=tab][aria-selected=true]', { hasText: /Meta|Related/ }).waitFor();
    await keys("Escape");
    await page.waitForFunction(() => document.activeElement?.classList.contains("wf-scroll"));
    await keys(" ", " ");
    await page.locator(".moment").waitFor();
    await keys(".", ",", "Escape");
    await keys("/");
    await page.keyboard.type("model");
    await keys("Enter", "Escape");
    await keys("H");
    const closed = await rowsShown(page);
    await keys("L");
    await page.waitForFunction((before) => Number(document.querySelector(".wf-scroll").getAttribute("aria-rowcount")) > before, closed);
    await keys("2");
    await page.locator(".entry").first().waitFor();
    await keys("1", "?");
    await page.getByRole("dialog", { name: "All keys" }).waitFor();
    await keys("Escape", "]");
    await page.locator(".inspector").waitFor({ state: "detached" });
    // Tab reaches every control of the page once and comes round again.
    const seen = new Set();
    for (let i = 0; i < 200; i++) {
      await keys("Tab");
      const name = await page.evaluate(() => {
        const element = document.activeElement;
        return element === null || element === document.body ? "" : `${element.tagName} ${element.getAttribute("aria-label") ?? element.textContent?.trim().slice(0, 40) ?? ""}`;
      });
      if (name !== "" && name === [...seen][0] && seen.size > 12) break;
      seen.add(name);
    }
    for (const wanted of ["BUTTON Play", "BUTTON Step forward", "INPUT Search names, commands, files, models and what was said", "BUTTON Audit"]) assert.ok(seen.has(wanted), `${wanted} in ${[...seen].join(" | ")}`);
  });
});

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing to complain of, ${colorScheme}`, async () => {
    const { session_id: id } = await loopSession();
    await withPage({ colorScheme }, async (page) => {
      await open(page, id);
      await assertAccessible(page);
      await page.keyboard.press("e");
      await page.locator(".inspector .card, .inspector .banner").first().waitFor();
      await assertAccessible(page);
      for (const tab of ["meta", "related", "raw"]) {
        await page.getByRole("tab", { name: new RegExp(`^${tab}`, "i") }).click();
        await page.locator(".inspector-body").waitFor();
        await page.waitForTimeout(200);
        await assertAccessible(page);
      }
      await page.keyboard.press(".");
      await page.locator(".moment").waitFor();
      await page.keyboard.press("3");
      await page.locator(".say").first().waitFor();
      await assertAccessible(page);
      await page.locator(".menu summary").click();
      await assertAccessible(page);
      await page.keyboard.press("Escape");
      await page.getByRole("tab", { name: /^Findings/ }).click();
      await page.locator(".session-main .finding").first().waitFor();
      await assertAccessible(page);
    });
  });
}

test("it can be used on a phone and in high contrast", async () => {
  const { session_id: id } = await loopSession();
  await withPage({ viewport: { width: 360, height: 740 }, hasTouch: true }, async (page) => {
    await open(page, id);
    const wide = () => page.evaluate(() => Math.max(...[".session-page", ".session-main", ".toolbar"].map((selector) => document.querySelector(selector).scrollWidth)));
    assert.ok((await wide()) <= 360, "nothing is wider than the screen");
    await page.locator(".wf-row").nth(3).click();
    await page.locator(".inspector-head h2").waitFor();
    await page.getByRole("button", { name: "Close the inspector" }).click();
    await page.getByRole("tab", { name: "Transcript" }).click();
    await page.locator(".say").first().waitFor();
    assert.ok((await wide()) <= 360, "nothing is wider than the screen");
    await assertAccessible(page);
  });
  await withPage({ contrast: "more", forcedColors: "active" }, async (page) => {
    await open(page, id);
    await page.keyboard.press("e");
    await page.locator(".inspector .banner").first().waitFor();
  });
});
