// Search over the structure: names, commands, files, models, agents, ids. One test per distinct
// string, then one pass over integer columns.

import type { SpanTable } from "./span_table.ts";

export interface Matches {
  mask: Uint8Array;
  count: number;
}

export function searchTable(table: SpanTable, query: string): Matches | null {
  const needle = query.trim().toLowerCase();
  if (needle === "") return null;
  const hit = new Uint8Array(table.strings.length);
  for (let i = 0; i < table.strings.length; i++) if (table.strings[i]!.toLowerCase().includes(needle)) hit[i] = 1;
  const operation = table.operations.map((name) => (name === needle ? 1 : 0));
  const idLike = /^[0-9a-f]{4,}$/.test(needle);
  const mask = new Uint8Array(table.count);
  const { name, detail, tool, model, agent, mcpServer } = table;
  let count = 0;
  const test = (column: Int32Array, row: number) => column[row]! >= 0 && hit[column[row]!] === 1;
  for (let row = 0; row < table.count; row++) {
    if (
      test(name, row) || test(detail, row) || test(tool, row) || test(model, row) || test(agent, row) || test(mcpServer, row) ||
      operation[table.operation[row]!] === 1 ||
      (idLike && row < table.spanCount && table.spanId[row]!.startsWith(needle))
    ) {
      mask[row] = 1;
      count++;
    }
  }
  return { mask, count };
}

/** The matches and the rows that were found elsewhere, by key. */
export function withRows(matches: Matches | null, keys: ReadonlySet<string>, index: ReadonlyMap<string, number>): Matches | null {
  if (matches === null || keys.size === 0) return matches;
  const mask = matches.mask.slice();
  let count = matches.count;
  for (const key of keys) {
    const row = index.get(key);
    if (row === undefined || mask[row] === 1) continue;
    mask[row] = 1;
    count++;
  }
  return { mask, count };
}

/** The next place (from, step) on screen that satisfies `test`, going round once; -1 when none does. */
export function seek(count: number, from: number, step: 1 | -1, test: (place: number) => boolean): number {
  for (let i = 1; i <= count; i++) {
    const place = (((from + step * i) % count) + count) % count;
    if (test(place)) return place;
  }
  return -1;
}
