// Neighbours that say the same thing again become one row "×n". The pattern may be one row long
// (Read, Read, Read) or several (model, Bash, model, Bash, ...): then each of its rows folds.

import { flatten, type Folds } from "./flatten.ts";
import type { Order, SpanTable } from "./span_table.ts";

const LONGEST_PATTERN = 4;
const EXACT_REPEATS = 3;
const SIMILAR_REPEATS = 6;

interface Keys {
  exact: Int32Array;
  similar: Int32Array;
}

function keysOf(table: SpanTable, rows: Int32Array, count: number): Keys {
  const ids = new Map<string, number>();
  const id = (key: string) => {
    let value = ids.get(key);
    if (value === undefined) ids.set(key, (value = ids.size));
    return value;
  };
  const exact = new Int32Array(count);
  const similar = new Int32Array(count);
  const model = table.operations.indexOf("model");
  for (let i = 0; i < count; i++) {
    const row = rows[i]!;
    const operation = table.operation[row]!;
    const kind = `${operation}|${table.name[row]}|${table.tool[row]}|${table.model[row]}|${table.agent[row]}|${table.decision[row]}`;
    similar[i] = id(`${kind}|${table.status[row]}`);
    // A model request's muted line holds its token counts, which differ each time.
    const content = operation === model ? "" : table.callHash[row]! >= 0 ? `h${table.callHash[row]}` : `d${table.detail[row]}`;
    exact[i] = id(`${kind}|${table.status[row]}|${content}`);
  }
  return { exact, similar };
}

/** How many rows from `from` on repeat with this period, counted in rows; the last round may be partial. */
function repeats(keys: Int32Array, from: number, until: number, period: number): number {
  let same = 0;
  while (from + same + period < until && keys[from + same] === keys[from + same + period]) same++;
  return same + period;
}

/**
 * Finds the groups. In a live run a round that has only begun joins its groups, since it would come
 * and go otherwise; in an ended one the act that breaks a loop stays a row of its own.
 */
export function findFolds(table: SpanTable, arranged: Order, live = false): Folds {
  const flat = flatten(table, null, arranged);
  const { rows, depth, count } = flat;
  const { exact, similar } = keysOf(table, rows, count);
  const leader = new Int32Array(table.count).fill(-1);
  const members = new Map<number, Int32Array>();
  const isLeaf = (i: number) => (i + 1 >= count || depth[i + 1]! <= depth[i]!) && table.duration[rows[i]!]! >= 0;

  const close = (from: number, period: number, length: number) => {
    for (let p = 0; p < period; p++) {
      const group = new Int32Array(Math.ceil((length - p) / period));
      for (let t = 0; t < group.length; t++) group[t] = rows[from + t * period + p]!;
      for (const row of group) leader[row] = group[0]!;
      members.set(group[0]!, group);
    }
  };

  let i = 0;
  while (i < count) {
    if (!isLeaf(i)) {
      i++;
      continue;
    }
    let until = i + 1;
    while (until < count && depth[until] === depth[i] && isLeaf(until)) until++;
    // [i, until) are leaves side by side under one parent.
    let at = i;
    while (at < until) {
      let best = 0;
      let length = 0;
      for (let period = 1; period <= LONGEST_PATTERN; period++) {
        const covered = repeats(exact, at, until, period);
        if (covered >= EXACT_REPEATS * period && covered > length) {
          best = period;
          length = covered;
        }
      }
      if (best === 0) {
        const covered = repeats(similar, at, until, 1);
        if (covered >= SIMILAR_REPEATS) {
          best = 1;
          length = covered;
        }
      }
      if (!live || at + length < until) length -= best > 0 ? length % best : 0;
      if (best > 0) close(at, best, length);
      at += Math.max(1, length);
    }
    i = until;
  }
  return { leader, members };
}
