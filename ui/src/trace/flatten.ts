// From the tree to the rows on screen, in one pass over the depth-first order.

import { FLAG, orderRows, type Order, type SpanTable } from "./span_table.ts";

export interface Flat {
  /** Table rows in display order; only the first `count` entries are meant. */
  rows: Int32Array;
  depth: Int32Array;
  /** Depth of the subagent a row runs in, -1 for the main agent. */
  lane: Int32Array;
  count: number;
  /** Table row -> place on screen, -1 where it is not shown. */
  place: Int32Array;
  /** Depth at which a row's children go; scratch of the pass. */
  below: Int32Array;
}

export interface Folds {
  /** Row -> the row that stands for its group, -1 outside any group. */
  leader: Int32Array;
  /** Leader -> members in order (itself first). */
  members: Map<number, Int32Array>;
}

export function createFlat(capacity: number): Flat {
  return {
    rows: new Int32Array(capacity),
    depth: new Int32Array(capacity),
    lane: new Int32Array(capacity),
    count: 0,
    place: new Int32Array(capacity),
    below: new Int32Array(capacity),
  };
}

/**
 * The tree of the rows that are not hidden: what was below a hidden row goes to the next row above
 * that is shown, among its other children by start.
 */
export function arrange(table: SpanTable, hidden: Uint8Array): Order {
  const parent = new Int32Array(table.count).fill(-1);
  // Parents come first in the order, so each row finds its parent's answer ready.
  for (let i = 0; i < table.count; i++) {
    const row = table.order[i]!;
    const up = table.parent[row]!;
    parent[row] = up < 0 || hidden[up] === 0 ? up : parent[up]!;
  }
  return orderRows(parent, table.start, hidden);
}

/**
 * Lists the rows to show. A collapsed row drops what is below it; members of a closed group are
 * represented by their leader, without what is below it.
 */
export function flatten(
  table: SpanTable,
  collapsed: Uint8Array | null,
  arranged: Order | null,
  folds: Folds | null = null,
  unfolded: ReadonlySet<number> | null = null,
  reuse?: Flat,
): Flat {
  const n = table.count;
  const flat = reuse && reuse.rows.length >= n ? reuse : createFlat(n);
  const { rows, depth, lane, place, below } = flat;
  const { order, subtree, parent } = arranged ?? table;
  const { flags } = table;
  const length = order.length;
  // `lane` and `below` are indexed by row while the pass runs; lanes on screen are read by row too.
  place.fill(-1, 0, n);
  let count = 0;
  let i = 0;
  while (i < length) {
    const row = order[i]!;
    const up = parent[row]!;
    const own = up < 0 ? 0 : below[up]!;
    const inherited = up < 0 ? -1 : lane[up]!;
    const leader = folds === null ? -1 : folds.leader[row]!;
    const closed = leader >= 0 && !unfolded?.has(leader);
    if (closed && leader !== row) {
      i += subtree[row]!;
      continue;
    }
    lane[row] = (flags[row]! & FLAG.subagentRoot) !== 0 ? own : inherited;
    below[row] = own + 1;
    rows[count] = row;
    depth[count] = own;
    place[row] = count++;
    i += closed || (collapsed !== null && collapsed[row] === 1) ? subtree[row]! : 1;
  }
  flat.count = count;
  return flat;
}

/** Rows folded away until asked for: internal plumbing and second reports of one act. */
export function plumbingMask(table: SpanTable, showAll: boolean): { mask: Uint8Array; plumbing: number; duplicates: number } {
  const mask = new Uint8Array(table.count);
  let plumbing = 0;
  let duplicates = 0;
  for (let row = 0; row < table.count; row++) {
    const flags = table.flags[row]!;
    if (flags & FLAG.duplicate) duplicates++;
    else if (flags & FLAG.plumbing) plumbing++;
    else continue;
    if (!showAll) mask[row] = 1;
  }
  // A session that is nothing but plumbing is shown as it came: an empty rail would tell less.
  if (!showAll && plumbing + duplicates === table.spanCount) mask.fill(0);
  return { mask, plumbing, duplicates };
}
