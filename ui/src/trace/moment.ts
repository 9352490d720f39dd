// What was so at one instant of the run: which acts were open, what had been spent, what the model
// had been given, which files had been touched. Prepared once, then each instant is a few searches.

import { FLAG, stringAt, type SpanTable } from "./span_table.ts";

export interface FileTouch {
  path: string;
  /** The first act that names the file. */
  row: number;
  start: number;
  edited: boolean;
}

export interface Timeline {
  /** Rows in order of start; what a step goes through. */
  steps: Int32Array;
  starts: Float64Array;
  /** Starts of the acts alone, without turns. */
  actStarts: Float64Array;
  /** Rows in order of end, with sums over everything that ended up to there. */
  ends: Float64Array;
  endRows: Int32Array;
  tokensIn: Float64Array;
  tokensOut: Float64Array;
  cost: Float64Array;
  /** Model requests in order of start. */
  models: Int32Array;
  modelStarts: Float64Array;
  files: FileTouch[];
}

export interface Moment {
  time: number;
  /** Place in `steps` of the latest act begun; -1 before the first. */
  step: number;
  openCount: number;
  /** The innermost open acts, latest first. */
  open: number[];
  tokensIn: number;
  tokensOut: number;
  cost: number;
  /** The request whose input is the context at this instant, or -1. */
  context: number;
  contextTokens: number;
  files: FileTouch[];
}

const OPEN_SHOWN = 8;
const OPEN_SOUGHT = 4000;
const EDITS = /edit|write|patch|replace|create|update|insert|delete|remove|move|rename|save/i;

/** Whether a tool's muted line names one file: a path, not a command or a sentence. */
export function filePath(detail: string): string | null {
  if (detail === "" || detail.length > 300 || /[\s*?"'`|;<>=(){}$]/.test(detail)) return null;
  if (/^[a-z]+:\/\//i.test(detail) || /^[-+\d.,]+$/.test(detail)) return null;
  return /[/\\]/.test(detail) || /^[\w@-]+(\.[\w-]+)*\.[A-Za-z]\w{0,7}$/.test(detail) ? detail : null;
}

/** First place in a rising array that is above `value`. */
export function upperBound(array: Float64Array, value: number): number {
  let low = 0;
  let high = array.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (array[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isTool(operation: string): boolean {
  return operation === "tool" || operation === "mcp" || operation === "skill";
}

/** `hidden` rows are left out, as in the waterfall; second reports never count. */
export function buildTimeline(table: SpanTable, hidden: Uint8Array): Timeline {
  const session = table.operations.indexOf("session");
  const turn = table.operations.indexOf("turn");
  const model = table.operations.indexOf("model");
  const rows: number[] = [];
  for (let row = 0; row < table.spanCount; row++) {
    if (hidden[row] === 1 || table.operation[row] === session || (table.flags[row]! & (FLAG.duplicate | FLAG.plumbing)) !== 0) continue;
    rows.push(row);
  }
  const steps = Int32Array.from(rows);
  const acts = rows.filter((row) => table.operation[row] !== turn);
  const endRows = Int32Array.from(acts).sort((a, b) => table.end[a]! - table.end[b]! || a - b);
  const n = endRows.length;
  const sums = { tokensIn: new Float64Array(n), tokensOut: new Float64Array(n), cost: new Float64Array(n) };
  let [tokensIn, tokensOut, cost] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const row = endRows[i]!;
    if (table.operation[row] === model) {
      tokensIn += Math.max(0, table.inputTokens[row]!);
      tokensOut += Math.max(0, table.outputTokens[row]!);
      if (table.cost[row]! > 0) cost += table.cost[row]!;
    }
    sums.tokensIn[i] = tokensIn;
    sums.tokensOut[i] = tokensOut;
    sums.cost[i] = cost;
  }
  const models = Int32Array.from(acts.filter((row) => table.operation[row] === model));
  const files: FileTouch[] = [];
  const known = new Map<string, FileTouch>();
  for (const row of acts) {
    if (!isTool(table.operations[table.operation[row]!]!)) continue;
    const path = filePath(stringAt(table, table.detail[row]!));
    if (path === null) continue;
    const edited = EDITS.test(stringAt(table, table.tool[row]!) || stringAt(table, table.name[row]!));
    const touch = known.get(path);
    // A file that is read and later edited is two touches: each is true from its own instant on.
    if (touch === undefined || (edited && !touch.edited)) {
      const next = { path, row, start: table.start[row]!, edited };
      known.set(path, next);
      files.push(next);
    }
  }
  return {
    steps, endRows, models, files, ...sums,
    starts: Float64Array.from(steps, (row) => table.start[row]!),
    actStarts: Float64Array.from(acts, (row) => table.start[row]!),
    ends: Float64Array.from(endRows, (row) => table.end[row]!),
    modelStarts: Float64Array.from(models, (row) => table.start[row]!),
  };
}

/** `time` in ns from the start of the run. */
export function momentAt(table: SpanTable, timeline: Timeline, time: number): Moment {
  const turn = table.operations.indexOf("turn");
  const begun = upperBound(timeline.starts, time);
  const ended = upperBound(timeline.ends, time);
  const open: number[] = [];
  for (let i = begun - 1; i >= 0 && i >= begun - OPEN_SOUGHT && open.length < OPEN_SHOWN; i--) {
    const row = timeline.steps[i]!;
    if (table.end[row]! > time && table.operation[row] !== turn) open.push(row);
  }
  const last = ended - 1;
  const requests = upperBound(timeline.modelStarts, time);
  const context = requests > 0 ? timeline.models[requests - 1]! : -1;
  const files = new Map<string, FileTouch>();
  for (const file of timeline.files) if (file.start <= time) files.set(file.path, file);
  return {
    time,
    step: begun - 1,
    openCount: upperBound(timeline.actStarts, time) - ended,
    open,
    tokensIn: last < 0 ? 0 : timeline.tokensIn[last]!,
    tokensOut: last < 0 ? 0 : timeline.tokensOut[last]!,
    cost: last < 0 ? 0 : timeline.cost[last]!,
    context,
    contextTokens: context < 0 ? -1 : table.inputTokens[context]!,
    files: [...files.values()],
  };
}
