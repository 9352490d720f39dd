// Two runs side by side: acts that are alike stand in one row. No DOM.

import type { ActLine } from "../../api/overview.ts";

export interface Pair {
  left: ActLine | null;
  right: ActLine | null;
  /** Same kind of act, of the same tool, about the same thing. */
  same: boolean;
}

/** What makes two acts comparable: kind and tool. Models may differ: that is what is compared. */
const kindOf = (act: ActLine) => (act.operation === "model" ? "model" : `${act.operation} ${act.tool_name ?? act.agent_name ?? act.name}`);
const aboutOf = (act: ActLine) => (act.operation === "model" ? "" : (act.detail ?? ""));
const isSame = (a: ActLine, b: ActLine) => kindOf(a) === kindOf(b) && aboutOf(a) === aboutOf(b);

/** Cells of the table that aligning may fill; longer runs are paired by place after it. */
const MOST_CELLS = 4_000_000;

/**
 * Aligns two lists of acts, in order of start: the longest common sequence, where equal acts weigh
 * more than acts that are merely of one kind.
 */
export function align(left: readonly ActLine[], right: readonly ActLine[]): Pair[] {
  const [n, m] = [left.length, right.length];
  if ((n + 1) * (m + 1) > MOST_CELLS) return Array.from({ length: Math.max(n, m) }, (_, i) => pair(left[i] ?? null, right[i] ?? null));
  const width = m + 1;
  const best = new Int32Array((n + 1) * width);
  const gain = (i: number, j: number) => (isSame(left[i]!, right[j]!) ? 3 : kindOf(left[i]!) === kindOf(right[j]!) ? 1 : -1);
  for (let i = n - 1; i >= 0; i--) {
    for (let j = m - 1; j >= 0; j--) {
      const both = gain(i, j);
      const apart = Math.max(best[(i + 1) * width + j]!, best[i * width + j + 1]!);
      best[i * width + j] = both > 0 ? Math.max(apart, both + best[(i + 1) * width + j + 1]!) : apart;
    }
  }
  const pairs: Pair[] = [];
  let [i, j] = [0, 0];
  while (i < n || j < m) {
    const here = best[i * width + j]!;
    if (i < n && j < m && gain(i, j) > 0 && here === gain(i, j) + best[(i + 1) * width + j + 1]!) pairs.push(pair(left[i++]!, right[j++]!));
    else if (i < n && (j === m || here === best[(i + 1) * width + j]!)) pairs.push(pair(left[i++]!, null));
    else pairs.push(pair(null, right[j++]!));
  }
  return pairs;
}

function pair(left: ActLine | null, right: ActLine | null): Pair {
  return { left, right, same: left !== null && right !== null && isSame(left, right) };
}

/** Place of the first row in which the runs differ, or -1. */
export function firstDifference(pairs: readonly Pair[]): number {
  return pairs.findIndex((row) => !row.same);
}

export interface Folded {
  /** Places of rows that are alike and were folded away. */
  from: number;
  to: number;
}

/** Rows to show: differences with some alike rows around them; long alike stretches become a fold. */
export function foldAlike(pairs: readonly Pair[], around = 2): (number | Folded)[] {
  const shown = new Uint8Array(pairs.length);
  pairs.forEach((row, i) => {
    if (!row.same) for (let k = Math.max(0, i - around); k <= Math.min(pairs.length - 1, i + around); k++) shown[k] = 1;
  });
  const list: (number | Folded)[] = [];
  for (let i = 0; i < pairs.length; i++) {
    let end = i;
    while (end < pairs.length && shown[end] === 0) end++;
    if (end - i > 2) {
      list.push({ from: i, to: end });
      i = end - 1;
    } else list.push(i);
  }
  return list;
}
