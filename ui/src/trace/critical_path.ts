// The chain of acts that decided how long the run took: shortening anything else changes nothing.

import type { Order, SpanTable } from "./span_table.ts";

export interface CriticalPath {
  /** Pieces of time in which a row was what everything waited for; ns from the start. */
  row: Int32Array;
  from: Float64Array;
  to: Float64Array;
  /** Row -> its first piece, -1 for none; pieces of one row lie together. */
  first: Int32Array;
  count: number;
}

/**
 * Walks back from the end of each parent over the child that ended last, as Jaeger does. One pass
 * over the rows sorted by end; no recursion.
 */
export function criticalPath(table: SpanTable, arranged: Order): CriticalPath {
  const n = table.count;
  const { order, parent } = arranged;
  const { start, end } = table;
  // Children of each row by falling end. Place n stands for the run, above the roots.
  const byEnd = Int32Array.from(order).sort((a, b) => end[b]! - end[a]! || start[b]! - start[a]!);
  const firstChild = new Int32Array(n + 2);
  const above = (row: number) => (parent[row]! < 0 ? n : parent[row]!);
  for (const row of byEnd) firstChild[above(row) + 1]!++;
  for (let i = 0; i <= n; i++) firstChild[i + 1]! += firstChild[i]!;
  const children = new Int32Array(byEnd.length);
  const fill = firstChild.slice(0, n + 1);
  for (const row of byEnd) children[fill[above(row)]!++] = row;

  const rows: number[] = [];
  const froms: number[] = [];
  const tos: number[] = [];
  const stackRow = [n];
  const stackFrom = [0];
  const stackTo = [table.total];
  while (stackRow.length > 0) {
    const row = stackRow.pop()!;
    const low = stackFrom.pop()!;
    let at = stackTo.pop()!;
    const put = (from: number, to: number) => {
      if (row === n || to <= from) return;
      rows.push(row);
      froms.push(from);
      tos.push(to);
    };
    for (let i = firstChild[row]!; i < firstChild[row + 1]! && at > low; i++) {
      const child = children[i]!;
      const childEnd = Math.min(end[child]!, at);
      const childStart = Math.max(start[child]!, low);
      // What began after this instant was already covered by what ended later.
      if (childStart >= at || childEnd <= low) continue;
      if (end[child]! > at && start[child]! >= at) continue;
      put(childEnd, at);
      stackRow.push(child);
      stackFrom.push(childStart);
      stackTo.push(childEnd);
      at = childStart;
    }
    put(low, at);
  }

  const sorted = rows.map((_, i) => i).sort((a, b) => rows[a]! - rows[b]! || froms[a]! - froms[b]!);
  const first = new Int32Array(n).fill(-1);
  const path: CriticalPath = { row: new Int32Array(rows.length), from: new Float64Array(rows.length), to: new Float64Array(rows.length), first, count: rows.length };
  sorted.forEach((i, place) => {
    path.row[place] = rows[i]!;
    path.from[place] = froms[i]!;
    path.to[place] = tos[i]!;
    if (first[rows[i]!] === -1) first[rows[i]!] = place;
  });
  return path;
}

/** The pieces of one row, [from, to] in ns. */
export function piecesOf(path: CriticalPath, row: number): [from: number, to: number][] {
  const list: [number, number][] = [];
  for (let i = path.first[row] ?? -1; i >= 0 && i < path.count && path.row[i] === row; i++) list.push([path.from[i]!, path.to[i]!]);
  return list;
}

/** Share of the path by operation, largest first; the parts that no act covers are not in it. */
export function pathShares(table: SpanTable, path: CriticalPath): { operation: string; ns: number }[] {
  const sums = new Float64Array(table.operations.length);
  for (let i = 0; i < path.count; i++) sums[table.operation[path.row[i]!]!]! += path.to[i]! - path.from[i]!;
  return Array.from(sums, (ns, i) => ({ operation: table.operations[i]!, ns })).filter(({ ns }) => ns > 0).sort((a, b) => b.ns - a.ns);
}
