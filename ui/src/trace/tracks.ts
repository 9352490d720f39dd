// Curves under the waterfall: how full the context was, and what had been spent.

import type { SpanTable } from "./span_table.ts";
import { FLAG } from "./span_table.ts";
import type { Timeline } from "./moment.ts";

export interface Track {
  name: "context" | "cost" | "tokens";
  /** Instants in ns, rising; the value holds until the next. */
  times: Float64Array;
  values: Float64Array;
  most: number;
  /** Where the context shrank by half or more: a compaction or a cleared history. */
  drops: number[];
}

/** Rows that run inside a subagent: 1 for these. Their context is one of their own. */
export function inSubagent(table: SpanTable): Uint8Array {
  const inside = new Uint8Array(table.count);
  for (const row of table.order) {
    const up = table.parent[row]!;
    if ((table.flags[row]! & FLAG.subagentRoot) !== 0 || (up >= 0 && inside[up] === 1)) inside[row] = 1;
  }
  return inside;
}

/** Input tokens of each request of the main agent. */
export function contextTrack(table: SpanTable, timeline: Timeline, inside: Uint8Array): Track | null {
  const times: number[] = [];
  const values: number[] = [];
  const drops: number[] = [];
  let most = 0;
  for (const row of timeline.models) {
    const tokens = table.inputTokens[row]!;
    if (tokens <= 0 || inside[row] === 1) continue;
    const before = values[values.length - 1] ?? 0;
    if (before > 2000 && tokens <= before / 2) drops.push(table.start[row]!);
    times.push(table.start[row]!);
    values.push(tokens);
    most = Math.max(most, tokens);
  }
  return times.length < 2 ? null : { name: "context", times: Float64Array.from(times), values: Float64Array.from(values), most, drops };
}

/** Money spent so far; where no price is known, tokens. */
export function spendTrack(timeline: Timeline): Track | null {
  const n = timeline.ends.length;
  if (n === 0) return null;
  const name = timeline.cost[n - 1]! > 0 ? "cost" : "tokens";
  const times: number[] = [];
  const values: number[] = [];
  let before = 0;
  for (let i = 0; i < n; i++) {
    const value = name === "cost" ? timeline.cost[i]! : timeline.tokensIn[i]! + timeline.tokensOut[i]!;
    if (value === before) continue;
    times.push(timeline.ends[i]!);
    values.push(value);
    before = value;
  }
  return times.length < 2 ? null : { name, times: Float64Array.from(times), values: Float64Array.from(values), most: before, drops: [] };
}
