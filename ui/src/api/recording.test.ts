import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { Recording } from "./recording.ts";

const HASH = "ab".repeat(32);
const SPAN = "/spans/0a/0b";

function packed(): string {
  const pieces = ["{\"name\":\"", "Grüße 🏮", "\"}"].map((text) => new TextEncoder().encode(text));
  const index = {
    answers: { [SPAN]: [0, 1, 2] },
    entries: { "0a:0b": [0, 1, 2] },
    payloads: { [HASH]: [1, 1] },
    sizes: pieces.map((piece) => piece.length),
  };
  const about = { session_id: "s", exported_at: "", version: "0", left_out: [] };
  const head = new TextEncoder().encode(JSON.stringify({ about, index }));
  const size = new Uint8Array(4);
  new DataView(size.buffer).setUint32(0, head.length, true);
  return gzipSync(Buffer.concat([size, head, ...pieces])).toString("base64");
}

describe("a recording", () => {
  test("answers as the server did, pieces put together", async () => {
    const recording = await Recording.unpack(packed());
    expect(recording.about.session_id).toBe("s");
    expect(await recording.answer(SPAN).json()).toEqual({ name: "Grüße 🏮" });
    expect(await recording.answer(`/payloads/${HASH}`).text()).toBe("Grüße 🏮Grüße 🏮");
    const part = recording.answer(`/payloads/${HASH}`, { headers: { Range: "bytes=0-1" } });
    expect([part.status, await part.text()]).toEqual([206, "Gr"]);
    const transcript = await recording.answer("/sessions/s/transcript?limit=200&spans=0a:0b,0c:0d").json() as { entries: unknown[] };
    expect(transcript.entries).toEqual([{ name: "Grüße 🏮" }]);
    const found = await recording.answer("/sessions/s/search?q=gr%C3%BC").json() as { matches: unknown[] };
    expect(found.matches).toEqual([{ trace_id: "0a", span_id: "0b" }]);
  });

  test("refuses what it does not hold, and every change", async () => {
    const recording = await Recording.unpack(packed());
    expect(recording.answer("/sessions?limit=1").status).toBe(404);
    expect(recording.answer(`/payloads/${"0".repeat(64)}`).status).toBe(404);
    const refused = recording.answer("/annotations", { method: "POST" });
    expect([refused.status, (await refused.json() as { error: { code: string } }).error.code]).toEqual([405, "read_only"]);
  });
});
