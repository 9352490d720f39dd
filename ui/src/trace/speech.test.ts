import { describe, expect, it } from "vitest";
import type { Json, TranscriptEntry, TranscriptPart } from "../api/types.ts";
import { imageOf, imagesIn } from "./images.ts";
import { speakingRows, speechOf } from "./speech.ts";
import { buildTable, FLAG } from "./span_table.ts";
import { makeTree } from "./testing.ts";

const part = (change: Partial<TranscriptPart>): TranscriptPart => ({
  role: "user", direction: "input", part_type: "text", name: null, mime_type: null, text: "", size_bytes: change.text?.length ?? 0, complete: true, act: null, ...change,
});
const entry = (operation: string, parts: TranscriptPart[], change: Partial<TranscriptEntry> = {}): TranscriptEntry => ({
  trace_id: "t", span_id: "s", session_id: "x", turn: 1, operation, started_at: "", status: "ok", error_message: null, decision: null, parts, unchanged_count: 0, rewritten: false, skipped_bytes: 0, ...change,
});
const voices = (given: TranscriptEntry, prompt = "") => speechOf(given, prompt, true).map((one) => `${one.voice}: ${one.text}`);

describe("the transcript", () => {
  it("says each thing once", () => {
    const act = { trace_id: "t", span_id: "c" };
    const request = entry("model", [
      part({ role: "system", direction: "system", text: "be careful" }),
      part({ text: "fix the  bug" }),
      part({ text: "<system-reminder>note</system-reminder>" }),
      part({ role: "tool", part_type: "tool_call_response", text: "told by its act", act }),
      part({ role: "tool", part_type: "tool_call_response", text: "told here alone" }),
      part({ role: "assistant", text: "an earlier answer" }),
      part({ role: "assistant", direction: "output", part_type: "reasoning", text: "hm" }),
      part({ role: "assistant", direction: "output", text: "I look." }),
      part({ role: "assistant", direction: "output", part_type: "tool_call", name: "Bash", text: "{}", act }),
      part({ role: "assistant", direction: "output", part_type: "tool_call", name: "Sleep", text: "{}" }),
    ]);
    expect(voices(request, "fix the bug")).toEqual(["system: be careful", "system: <system-reminder>note</system-reminder>", "tool: told here alone", "thinking: hm", "assistant: I look.", "tool: {}"]);
  });

  it("tells a history that was rewritten", () => {
    const request = entry("model", [part({ text: "Summary: so far" }), part({ text: "go on" })], { rewritten: true });
    expect(voices(request)).toEqual(["summary: Summary: so far", "user: go on"]);
  });

  it("lets turns ask and calls answer", () => {
    expect(voices(entry("turn", [part({ text: "hi" }), part({ direction: "output", role: "assistant", text: "done" })]))).toEqual(["user: hi"]);
    expect(voices(entry("tool", [part({ role: "assistant", direction: "output", part_type: "tool_call", text: "{}" }), part({ role: "tool", part_type: "tool_call_response", text: "ok" })]))).toEqual(["tool: {}", "tool: ok"]);
    expect(voices(entry("hook", [part({ role: "tool", text: "blocked" })]))).toEqual(["hook: blocked"]);
  });

  it("lists the acts that speak, turns first", () => {
    const table = buildTable(makeTree([
      { id: "m", op: "model", start: 5, turn: 1 }, { id: "d", op: "tool", start: 6, turn: 1, flags: FLAG.duplicate }, { id: "i", op: "internal", start: 7, turn: 1 },
      { id: "m2", op: "model", start: 20, turn: 2 },
    ]));
    const rows = [...speakingRows(table, new Uint8Array(table.count))];
    expect(rows.map((row) => table.operations[table.operation[row]!])).toEqual(["turn", "model", "turn", "model"]);
  });
});

describe("images in recorded content", () => {
  const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

  it("are found in the shapes that models and MCP use", () => {
    const shapes: Json[] = [
      { type: "image", data: png, mimeType: "image/png" },
      { type: "image", source: { type: "base64", media_type: "image/png", data: png } },
      { type: "image_url", image_url: { url: `data:image/png;base64,${png}` } },
      { type: "blob", mime_type: "image/png", content: png },
    ];
    expect(imagesIn(shapes).map((found) => [found.mime, found.sizeBytes])).toEqual(shapes.map(() => ["image/png", 70]));
  });

  it("are never an address, a drawing with scripts, or no base64", () => {
    expect(imageOf("https://evil.example/x.png", "image/png")).toBeNull();
    expect(imageOf(png, "image/svg+xml")).toBeNull();
    expect(imageOf(`data:image/svg+xml;base64,${png}`, null)).toBeNull();
    expect(imageOf(`${png}" onerror="alert(1)`, "image/png")).toBeNull();
  });
});
