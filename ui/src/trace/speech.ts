// The run as a conversation: who says what in each act, without saying anything twice.

import type { TranscriptEntry, TranscriptPart } from "../api/types.ts";
import { FLAG, type SpanTable } from "./span_table.ts";
import { t } from "./strings.ts";

export type Voice = "user" | "assistant" | "thinking" | "tool" | "hook" | "system" | "summary";
export const VOICES: readonly Voice[] = ["user", "assistant", "thinking", "tool", "hook", "system", "summary"];

/** How a text is read: prose as Markdown, the rest as it stands. */
export interface Speech {
  voice: Voice;
  title: string;
  text: string;
  sizeBytes: number;
  complete: boolean;
  prose: boolean;
  mime: string | null;
}

const SPEAKING = new Set(["turn", "agent", "model", "tool", "mcp", "skill", "hook", "policy", "guardrail", "memory", "retrieval", "evaluation"]);

/** Rows that are entries of the transcript, in order of start. `hidden` is the mask of the rows folded away. */
export function speakingRows(table: SpanTable, hidden: Uint8Array): Int32Array {
  const speaks = table.operations.map((operation) => SPEAKING.has(operation));
  const rows: number[] = [];
  for (let row = 0; row < table.count; row++) {
    if (!speaks[table.operation[row]!] || hidden[row] === 1 || (table.flags[row]! & (FLAG.duplicate | FLAG.plumbing)) !== 0) continue;
    rows.push(row);
  }
  const turn = table.operations.indexOf("turn");
  const rank = (row: number) => (table.operation[row] === turn ? 0 : 1);
  // Bands lie behind the spans in the table; a turn comes before what it caused.
  return Int32Array.from(rows.sort((a, b) => table.start[a]! - table.start[b]! || rank(a) - rank(b) || a - b));
}

/** Which voice an operation has as a whole. */
export function voiceOfOperation(operation: string): Voice {
  switch (operation) {
    case "turn":
    case "agent":
      return "user";
    case "model":
      return "assistant";
    case "hook":
    case "policy":
    case "guardrail":
      return "hook";
    default:
      return "tool";
  }
}

const bare = (text: string) => text.replace(/\s+/g, " ").trim();

/** A text that is one element from end to end: context that a harness adds, not a person's words. */
function isInjected(text: string): boolean {
  const tag = /^\s*<([a-z][\w-]*)[^>]*>/.exec(text);
  return tag !== null && text.trimEnd().endsWith(`</${tag[1]}>`);
}

function speech(voice: Voice, title: string, part: TranscriptPart, prose: boolean): Speech {
  return { voice, title, text: part.text ?? "", sizeBytes: part.size_bytes, complete: part.complete, prose, mime: part.mime_type };
}

/**
 * What an entry adds to the conversation. `prompt` is what the user said in this turn, so that the
 * request that repeats it does not say it again; `answered` tells that model requests of this turn
 * or agent are entries themselves.
 */
export function speechOf(entry: TranscriptEntry, prompt: string, answered: boolean): Speech[] {
  const said: Speech[] = [];
  for (const part of entry.parts) {
    const output = part.direction === "output";
    if (entry.operation === "model") {
      const voiced = ofModel(entry, part, output, prompt, said);
      if (voiced !== null) said.push(voiced);
    } else if (entry.operation === "turn" || entry.operation === "agent") {
      if (output && answered) continue;
      said.push(speech(output ? "assistant" : "user", output ? "answer" : entry.operation === "agent" ? "task" : "", part, true));
    } else {
      said.push(speech(voiceOfOperation(entry.operation), part.part_type === "tool_call" ? "arguments" : "result", part, false));
    }
  }
  return said;
}

function ofModel(entry: TranscriptEntry, part: TranscriptPart, output: boolean, prompt: string, before: Speech[]): Speech | null {
  if (part.part_type === "reasoning") return output || entry.rewritten ? (part.size_bytes === 0 ? null : speech("thinking", "thinking", part, true)) : null;
  if (part.part_type === "tool_call") return output && part.act === null ? speech("tool", t("asks for {0}", part.name ?? t("a tool")), part, false) : null;
  if (part.part_type === "tool_call_response") return part.act === null && !output ? speech("tool", `result${part.name === null ? "" : ` of ${part.name}`}`, part, false) : null;
  if (output) return (part.text ?? "").trim() === "" && part.mime_type === null ? null : speech("assistant", "", part, part.part_type === "text");
  if (part.direction === "system") return speech("system", t("system prompt"), part, false);
  if (part.role === "assistant" || part.role === "model") return entry.rewritten ? speech("summary", t("kept answer"), part, true) : null;
  const text = part.text ?? "";
  if (entry.rewritten && !before.some((one) => one.voice === "summary")) return speech("summary", t("history rewritten"), part, true);
  if (isInjected(text)) return speech("system", "context", part, false);
  if (prompt !== "" && bare(text).startsWith(bare(prompt).slice(0, 2000))) return null;
  if (text.trim() === "" && part.mime_type === null) return null;
  return speech(part.role === "tool" || part.role === "function" ? "tool" : "user", part.role === "tool" ? "result" : "", part, part.role !== "tool");
}
