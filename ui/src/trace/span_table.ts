// One session or trace as a struct of arrays, filled straight from the columnar answer.
// No object per span: 100,000 rows stay a few typed arrays that one pass can walk.

import type { TreeResponse } from "../api/types.ts";

export const FLAG = {
  waiting: 1,
  duplicate: 2,
  truncated: 4,
  logOnly: 8,
  plumbing: 16,
  hasInput: 32,
  hasOutput: 64,
  subagentRoot: 128,
  /** Made here: a band for a turn that no span stands for. */
  synthetic: 1 << 12,
} as const;

export const STATUS_ERROR = 2;
export const DECISION_DENY = 2;

export interface SpanTable {
  count: number;
  /** Rows that came from the server; rows beyond are synthetic turn bands. */
  spanCount: number;
  sessionId: string | null;
  startedAt: string;
  /** End of the last known act, in ns from the start; never 0. */
  total: number;
  strings: string[];
  traces: string[];
  operations: string[];
  spanId: string[];
  trace: Int32Array;
  parent: Int32Array;
  start: Float64Array;
  /** Where the bar ends; for a row without an end, the end of everything known. */
  end: Float64Array;
  /** -1 while the span has not ended. */
  duration: Float64Array;
  operation: Uint8Array;
  name: Int32Array;
  detail: Int32Array;
  status: Uint8Array;
  flags: Uint16Array;
  turn: Int32Array;
  agent: Int32Array;
  model: Int32Array;
  tool: Int32Array;
  mcpServer: Int32Array;
  decision: Uint8Array;
  session: Int32Array;
  inputTokens: Float64Array;
  outputTokens: Float64Array;
  cost: Float64Array;
  callHash: Int32Array;
  order: Int32Array;
  subtree: Int32Array;
}

function fill<T extends { [i: number]: number; readonly length: number }>(target: T, source: ArrayLike<number | null>, missing: number): T {
  const n = source.length;
  for (let i = 0; i < n; i++) target[i] = source[i] ?? missing;
  return target;
}

interface Bands {
  parents: Int32Array;
  session: number[];
  turn: number[];
}

/**
 * Gives every root that belongs to a turn a turn row to hang under: the turn's own span where there
 * is one, else a band of its own. Harnesses that send one trace per prompt, or a log without a
 * parent, then still read as turns.
 */
function bandRoots(tree: TreeResponse): Bands {
  const { parent, turn, session_s, operation } = tree.columns;
  const n = parent.length;
  const parents = new Int32Array(n);
  const turnOp = tree.operations.indexOf("turn");
  const sessionOp = tree.operations.indexOf("session");
  const bandOf = new Map<string, number>();
  for (let i = 0; i < n; i++) {
    const up = parent[i] ?? -1;
    parents[i] = up >= 0 && up < n && up !== i ? up : -1;
    if (operation[i] === turnOp && (turn[i] ?? 0) > 0) {
      const key = `${session_s[i]}:${turn[i]}`;
      if (!bandOf.has(key)) bandOf.set(key, i);
    }
  }
  // A session of one turn is that turn: a band over all of it would say nothing.
  const turnsOf = new Map<number, Set<number>>();
  for (let i = 0; i < n; i++) {
    if ((turn[i] ?? 0) <= 0) continue;
    const session = session_s[i] ?? -1;
    let numbers = turnsOf.get(session);
    if (numbers === undefined) turnsOf.set(session, (numbers = new Set()));
    numbers.add(turn[i]!);
  }
  const bands: Bands = { parents, session: [], turn: [] };
  for (let i = 0; i < n; i++) {
    const number = turn[i] ?? 0;
    if (parents[i] !== -1 || number <= 0 || operation[i] === turnOp || operation[i] === sessionOp) continue;
    const key = `${session_s[i]}:${number}`;
    let band = bandOf.get(key);
    if (band === undefined && (turnsOf.get(session_s[i] ?? -1)?.size ?? 0) < 2) continue;
    if (band === undefined) {
      band = n + bands.turn.length;
      bandOf.set(key, band);
      bands.session.push(session_s[i] ?? -1);
      bands.turn.push(number);
    }
    parents[i] = band;
  }
  return bands;
}

/** Rows in depth-first order, and how many rows each subtree spans in it. */
export interface Order {
  order: Int32Array;
  subtree: Int32Array;
  parent: Int32Array;
}

/**
 * Depth-first order without recursion; rows in a parent cycle are shown as roots, never lost.
 * Siblings are ordered by start, as the rows themselves are. Rows of `skip` are left out.
 */
export function orderRows(parent: Int32Array, start: Float64Array, skip: Uint8Array | null = null): Order {
  const n = parent.length;
  let wanted = n;
  if (skip !== null) for (let i = 0; i < n; i++) wanted -= skip[i]!;
  const firstChild = new Int32Array(n + 1);
  const placed = (i: number) => skip === null || skip[i] === 0;
  for (let i = 0; i < n; i++) if (parent[i]! >= 0 && placed(i)) firstChild[parent[i]! + 1]!++;
  for (let i = 0; i < n; i++) firstChild[i + 1]! += firstChild[i]!;
  const children = new Int32Array(firstChild[n]!);
  const cursor = firstChild.slice(0, n);
  const roots: number[] = [];
  for (let i = 0; i < n; i++) {
    if (!placed(i)) continue;
    const up = parent[i]!;
    if (up >= 0) children[cursor[up]!++] = i;
    else roots.push(i);
  }
  roots.sort((a, b) => start[a]! - start[b]! || a - b);

  const order = new Int32Array(wanted);
  const subtree = new Int32Array(n);
  const at = new Int32Array(n).fill(-1);
  const stack = new Int32Array(n + 1);
  let filled = 0;
  const walk = (root: number) => {
    let top = 0;
    stack[0] = root;
    cursor[root] = firstChild[root]!;
    at[root] = filled;
    order[filled++] = root;
    while (top >= 0) {
      const row = stack[top]!;
      if (cursor[row]! < firstChild[row + 1]!) {
        const child = children[cursor[row]!++]!;
        if (at[child] !== -1) continue;
        at[child] = filled;
        order[filled++] = child;
        cursor[child] = firstChild[child]!;
        stack[++top] = child;
      } else {
        subtree[row] = filled - at[row]!;
        top--;
      }
    }
  };
  for (const root of roots) walk(root);
  for (let i = 0; i < n && filled < wanted; i++) {
    if (at[i] === -1 && placed(i)) {
      parent[i] = -1;
      walk(i);
    }
  }
  return { order, subtree, parent };
}

export function buildTable(tree: TreeResponse): SpanTable {
  const c = tree.columns;
  const spans = c.span_id.length;
  const bands = bandRoots(tree);
  const n = spans + bands.turn.length;
  const ints = (source: number[], missing: number) => fill(new Int32Array(n).fill(missing), source, missing);
  const doubles = (source: (number | null)[], missing: number) => fill(new Float64Array(n).fill(missing), source, missing);

  const start = doubles(c.start_ns, 0);
  const duration = doubles(c.duration_ns, -1);
  const parent = new Int32Array(n).fill(-1);
  parent.set(bands.parents);
  let total = tree.duration_ns;
  for (let i = 0; i < spans; i++) total = Math.max(total, start[i]! + Math.max(0, duration[i]!));
  total = Math.max(total, 1);

  const end = new Float64Array(n);
  for (let i = 0; i < spans; i++) end[i] = duration[i]! < 0 ? total : start[i]! + duration[i]!;

  const session = ints(c.session_s, -1);
  const turn = ints(c.turn, 0);
  const operation = fill(new Uint8Array(n), c.operation, 0);
  const flags = fill(new Uint16Array(n), c.flags, 0);
  const turnOp = Math.max(0, tree.operations.indexOf("turn"));
  // A tool that an MCP server offers is told apart from the harness's own tools.
  const toolOp = tree.operations.indexOf("tool");
  const mcpOp = tree.operations.indexOf("mcp");
  if (mcpOp >= 0) for (let i = 0; i < spans; i++) if (operation[i] === toolOp && (c.mcp_server_s[i] ?? -1) >= 0) operation[i] = mcpOp;
  for (let b = 0; b < bands.turn.length; b++) {
    const row = spans + b;
    session[row] = bands.session[b]!;
    turn[row] = bands.turn[b]!;
    operation[row] = turnOp;
    flags[row] = FLAG.synthetic;
    start[row] = Infinity;
    duration[row] = 0;
  }
  if (n > spans) {
    for (let i = 0; i < spans; i++) {
      const up = parent[i]!;
      if (up < spans) continue;
      start[up] = Math.min(start[up]!, start[i]!);
      end[up] = Math.max(end[up]!, end[i]!);
      if (duration[i]! < 0) duration[up] = -1;
    }
    for (let row = spans; row < n; row++) if (duration[row]! >= 0) duration[row] = end[row]! - start[row]!;
  }
  // Until a turn's own span arrives, a record of its prompt stands for it: it lasts as long as its acts.
  for (let i = 0; i < spans; i++) {
    const up = parent[i]!;
    if (up < 0 || up >= spans || operation[up] !== turnOp || (flags[up]! & FLAG.logOnly) === 0) continue;
    end[up] = Math.max(end[up]!, end[i]!);
    duration[up] = end[up]! - start[up]!;
  }
  const { order, subtree } = orderRows(parent, start);

  return {
    count: n,
    spanCount: spans,
    sessionId: tree.session_id,
    startedAt: tree.started_at,
    total,
    strings: tree.strings,
    traces: tree.traces,
    operations: tree.operations,
    spanId: c.span_id,
    trace: ints(c.trace, -1),
    parent,
    start,
    end,
    duration,
    operation,
    name: ints(c.name_s, -1),
    detail: ints(c.detail_s, -1),
    status: fill(new Uint8Array(n), c.status, 0),
    flags,
    turn,
    agent: ints(c.agent_s, -1),
    model: ints(c.model_s, -1),
    tool: ints(c.tool_s, -1),
    mcpServer: ints(c.mcp_server_s, -1),
    decision: fill(new Uint8Array(n), c.decision, 0),
    session,
    inputTokens: doubles(c.input_tokens, -1),
    outputTokens: doubles(c.output_tokens, -1),
    cost: doubles(c.cost_usd, NaN),
    callHash: ints(c.call_hash_s, -1),
    order,
    subtree,
  };
}

export function stringAt(table: SpanTable, index: number): string {
  return index < 0 ? "" : (table.strings[index] ?? "");
}

/** A name for a row that survives a reload of the tree: `trace:span`, or the turn for a band. */
export function rowKey(table: SpanTable, row: number): string {
  if (row >= table.spanCount) return `turn:${table.turn[row]}:${stringAt(table, table.session[row]!)}`;
  return `${table.traces[table.trace[row]!] ?? ""}:${table.spanId[row]}`;
}

export function indexKeys(table: SpanTable): Map<string, number> {
  const index = new Map<string, number>();
  for (let row = 0; row < table.count; row++) index.set(rowKey(table, row), row);
  return index;
}

export function isError(table: SpanTable, row: number): boolean {
  return table.status[row] === STATUS_ERROR;
}

export function isDenied(table: SpanTable, row: number): boolean {
  return table.decision[row] === DECISION_DENY;
}
