// Neighbours that say the same thing again become one row "×n". The pattern may be one row long
// (Read, Read, Read) or several (model, Bash, model, Bash, ...): then each of its rows folds.

import { flatten, type Flat, type Folds } from "./flatten.ts";
import type { Order, SpanTable } from "./span_table.ts";

const LONGEST_PATTERN = 4;
const EXACT_REPEATS = 3;
const SIMILAR_REPEATS = 6;

interface Keys {
  /** By place: the act and all below it, arguments included. */
  exact: Int32Array;
  /** The same without arguments and tokens. */
  similar: Int32Array;
  /** The row or one below it has not ended. */
  open: Uint8Array;
}

/** One number for the sequence `hash`, then `next`. */
function mix(hash: number, next: number): number {
  return (Math.imul(hash ^ next, 0x9e3779b1) + 0x7f4a7c15) | 0;
}

function keysOf(table: SpanTable, flat: Flat, above: Int32Array): Keys {
  const { rows, count } = flat;
  const ids = new Map<string, number>();
  const id = (key: string) => {
    let value = ids.get(key);
    if (value === undefined) ids.set(key, (value = ids.size));
    return value;
  };
  const exact = new Int32Array(count);
  const similar = new Int32Array(count);
  const open = new Uint8Array(count);
  const belowExact = new Int32Array(count);
  const belowSimilar = new Int32Array(count);
  const model = table.operations.indexOf("model");
  const masked = new Int32Array(table.strings.length).fill(-1);
  /** The name with its numbers left out: "batch 1" and "batch 2" are alike. */
  const nameOf = (row: number) => {
    const name = table.name[row]!;
    if (name < 0) return -1;
    if (masked[name] === -1) masked[name] = id(`n${table.strings[name]!.replace(/\d+/g, "#")}`);
    return masked[name]!;
  };
  const alone = [table.operations.indexOf("turn"), table.operations.indexOf("session")];
  // Backwards, so that what is below a row is known before the row.
  for (let i = count - 1; i >= 0; i--) {
    const row = rows[i]!;
    const operation = table.operation[row]!;
    const kind = `${operation}|${nameOf(row)}|${table.tool[row]}|${table.model[row]}|${table.agent[row]}|${table.decision[row]}|${table.status[row]}`;
    // A model request's muted line holds its token counts, which differ each time.
    const content = operation === model ? "" : table.callHash[row]! >= 0 ? `h${table.callHash[row]}` : `d${table.detail[row]}`;
    // Each turn is somebody's question, however alike they look.
    const unique = alone.includes(operation) ? `|${row}` : "";
    similar[i] = id(`${kind}|${belowSimilar[i]}${unique}`);
    exact[i] = id(`${kind}|${table.name[row]}|${content}|${belowExact[i]}${unique}`);
    if (table.duration[row]! < 0) open[i] = 1;
    const up = above[i]!;
    if (up < 0) continue;
    belowSimilar[up] = mix(belowSimilar[up]!, similar[i]!);
    belowExact[up] = mix(belowExact[up]!, exact[i]!);
    if (open[i] === 1) open[up] = 1;
  }
  return { exact, similar, open };
}

/** How many rows from `from` on repeat with this period, counted in rows; the last round may be partial. */
function repeats(keys: Int32Array, from: number, until: number, period: number): number {
  let same = 0;
  while (from + same + period < until && keys[from + same] === keys[from + same + period]) same++;
  return same + period;
}

/**
 * Finds the groups among siblings; a sibling with acts below it counts with all of them. In a live run
 * a round that has only begun joins its groups, since it would come and go otherwise; in an ended one
 * the act that breaks a loop stays a row of its own.
 */
export function findFolds(table: SpanTable, arranged: Order, live = false): Folds {
  const flat = flatten(table, null, arranged);
  const { rows, depth, count } = flat;
  const leader = new Int32Array(table.count).fill(-1);
  const members = new Map<number, Int32Array>();

  // Siblings of one parent, in order: for each place the place above, and lists by parent.
  const above = new Int32Array(count).fill(-1);
  const children = new Int32Array(count + 2);
  const path: number[] = [];
  for (let i = 0; i < count; i++) {
    path.length = depth[i]!;
    above[i] = depth[i] === 0 ? -1 : path[depth[i]! - 1]!;
    path.push(i);
    children[above[i]! + 2]!++;
  }
  for (let i = 1; i < children.length; i++) children[i]! += children[i - 1]!;
  const siblings = new Int32Array(count);
  const fill = children.slice();
  for (let i = 0; i < count; i++) siblings[fill[above[i]! + 1]!++] = i;
  const { exact, similar, open } = keysOf(table, flat, above);

  const close = (run: Int32Array, from: number, period: number, length: number) => {
    for (let p = 0; p < period; p++) {
      const group = new Int32Array(Math.ceil((length - p) / period));
      for (let t = 0; t < group.length; t++) group[t] = rows[run[from + t * period + p]!]!;
      for (const row of group) leader[row] = group[0]!;
      members.set(group[0]!, group);
    }
  };

  const foldRun = (run: Int32Array, keysExact: Int32Array, keysSimilar: Int32Array) => {
    let at = 0;
    while (at < run.length) {
      let best = 0;
      let length = 0;
      for (let period = 1; period <= LONGEST_PATTERN; period++) {
        const covered = repeats(keysExact, at, run.length, period);
        if (covered >= EXACT_REPEATS * period && covered > length) {
          best = period;
          length = covered;
        }
      }
      if (best === 0) {
        const covered = repeats(keysSimilar, at, run.length, 1);
        if (covered >= SIMILAR_REPEATS) {
          best = 1;
          length = covered;
        }
      }
      if (!live || at + length < run.length) length -= best > 0 ? length % best : 0;
      if (best > 0) close(run, at, best, length);
      at += Math.max(1, length);
    }
  };

  for (let parent = -1; parent < count; parent++) {
    const list = siblings.subarray(children[parent + 1]!, children[parent + 2]!);
    // What still runs breaks a run: it may yet become another thing.
    let from = 0;
    for (let i = 0; i <= list.length; i++) {
      if (i < list.length && open[list[i]!] === 0) continue;
      const run = list.subarray(from, i);
      if (run.length >= EXACT_REPEATS) foldRun(run, run.map((place) => exact[place]!), run.map((place) => similar[place]!));
      from = i + 1;
    }
  }
  return { leader, members };
}
