// Signing in, staying, being asked again in the middle of it, and signing out: against a server of its
// own that asks for tokens. SPANREEL_PROGRAM is the program to start.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { assertAccessible } from "./axe.mjs";
import { useBrowser, withPage } from "./helper.mjs";

const PROGRAM = process.env.SPANREEL_PROGRAM ?? null;
const skip = PROGRAM === null && "SPANREEL_PROGRAM is not set";
const run = promisify(execFile);

useBrowser();

let folder, server, base, otlp, admin;

const token = async (...args) => (await run(PROGRAM, ["token", ...args, "--data", folder])).stdout.trim();

before(async () => {
  if (PROGRAM === null) return;
  folder = await mkdtemp(join(tmpdir(), "spanreel-signin-"));
  admin = await token("add", "admin", "--right", "admin");
  const any = "127.0.0.1:0";
  server = spawn(PROGRAM, ["serve", "--require-token", "--data", folder, "--ui", any, "--otlp-grpc", any, "--otlp-http", any], { stdio: ["ignore", "pipe", "ignore"] });
  // It says where it listens.
  let said = "";
  for await (const part of server.stdout) {
    said += part;
    base = /look:\s+(\S+)/.exec(said)?.[1];
    otlp = /OTLP\/HTTP\s+(\S+)/.exec(said)?.[1];
    if (base !== undefined && otlp !== undefined) break;
  }
  const now = BigInt(Date.now()) * 1_000_000n;
  const text = (key, value) => ({ key, value: { stringValue: value } });
  const spans = Array.from({ length: 12 }, (_, i) => ({
    traceId: "0123456789abcdef0123456789abcdef",
    spanId: `00000000000000${(16 + i).toString(16)}`,
    ...(i === 0 ? {} : { parentSpanId: "0000000000000010" }),
    name: i === 0 ? "invoke_agent planner" : `execute_tool tool-${i}`,
    startTimeUnixNano: String(now + BigInt(i) * 10_000_000n),
    endTimeUnixNano: String(now + BigInt(i) * 10_000_000n + (i === 0 ? 200_000_000n : 5_000_000n)),
    attributes: [text("gen_ai.operation.name", i === 0 ? "invoke_agent" : "execute_tool"), text("gen_ai.conversation.id", "signed-in"), text("gen_ai.tool.name", `tool-${i}`)],
  }));
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${admin}` };
  const sent = await fetch(`${otlp}/v1/traces`, { method: "POST", headers, body: JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }) });
  assert.equal(sent.status, 200);
  const until = Date.now() + 30_000;
  while ((await fetch(`${base}/api/v1/sessions/signed-in`, { headers })).status !== 200) {
    assert.ok(Date.now() < until, "the session is not there");
    await new Promise((done) => setTimeout(done, 100));
  }
});

after(async () => {
  if (server === undefined) return;
  server.kill("SIGTERM");
  await new Promise((done) => server.once("exit", done));
  await rm(folder, { recursive: true });
});

async function signIn(page, text) {
  await page.getByLabel("Token").fill(text);
  await page.getByRole("button", { name: "Sign in" }).click();
}

const selected = (page) => page.locator('.wf-scroll [role="row"][aria-selected="true"]');

test("a token that is taken away leads to the sign-in at once, and from there back to the view", { skip }, () => withPage({}, async (page) => {
  const first = await token("add", "first", "--right", "read");
  await page.goto(`${base}/replay/signed-in`);
  await page.waitForURL((url) => url.pathname === "/signin");
  await signIn(page, first);
  await page.waitForURL((url) => url.pathname === "/replay/signed-in");
  await page.locator(".wf-row").first().waitFor();
  for (const key of ["j", "j", "j", "z"]) await page.keyboard.press(key);
  const row = await selected(page).textContent();
  // The last key is the zoom: with it in the address, everything is.
  await page.waitForURL((url) => url.searchParams.has("z"));
  const view = page.url();

  await token("remove", "first");
  const second = await token("add", "second", "--right", "read");
  // Within a second the server knows. The page stays as it is until it asks for something.
  const cookies = await page.context().cookies();
  const Cookie = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  const until = Date.now() + 30_000;
  while ((await fetch(`${base}/api/v1/access`, { headers: { Cookie } })).status !== 401) {
    assert.ok(Date.now() < until, "the token is still heard");
    await new Promise((done) => setTimeout(done, 100));
  }
  await page.keyboard.press("/");
  await page.keyboard.type("tool-7");
  await page.waitForURL((url) => url.pathname === "/signin");
  const next = new URL(page.url()).searchParams.get("next");
  assert.ok(next.startsWith("/replay/signed-in?"), next);
  await signIn(page, second);
  await page.waitForURL((url) => url.pathname === "/replay/signed-in");
  const back = new URL(page.url());
  for (const [key, value] of new URL(view).searchParams) assert.equal(back.searchParams.get(key), value, key);
  assert.equal(await selected(page).textContent(), row);
}));

test("signing out is a button and a command, and leaves nothing behind", { skip }, () => withPage({}, async (page) => {
  const reader = await token("add", "reader", "--right", "read");
  await page.goto(`${base}/findings`);
  await signIn(page, reader);
  await page.waitForURL((url) => url.pathname === "/findings");
  const button = page.getByRole("button", { name: "Sign out" });
  await button.waitFor();
  await assertAccessible(page);
  await button.click();
  await page.waitForURL((url) => url.pathname === "/signin");
  assert.deepEqual(await page.context().cookies(), []);
  await page.goto(`${base}/findings`);
  await page.waitForURL((url) => url.pathname === "/signin");
  await signIn(page, reader);
  await button.waitFor();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("sign out");
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.pathname === "/signin");
}));

test("a reader of one project is told what is not for them", { skip }, () => withPage({}, async (page) => {
  const limited = await token("add", "limited", "--right", "read", "--project", "elsewhere");
  await page.goto(`${base}/status`);
  await signIn(page, limited);
  await page.getByText("this token is limited to some projects").waitFor();
  await page.goto(`${base}/settings`);
  await page.getByText("You see the project elsewhere alone.").waitFor();
  await page.goto(`${base}/replay/signed-in`);
  await page.locator(".nowhere").waitFor();
}));
