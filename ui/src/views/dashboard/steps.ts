// The timeline as the charts take it: every step there, empty ones as zero or as a gap. No DOM.

import type { Timeline } from "../../api/overview.ts";

type Column = Exclude<{ [K in keyof Timeline]: Timeline[K] extends (number | null)[] ? K : never }[keyof Timeline], "step">;

export interface Steps {
  /** The middle of each step, Unix seconds. */
  x: number[];
  /** Counts and sums: nothing is zero. */
  sum: (column: Column) => number[];
  /** Durations in ns: nothing is a gap. */
  gap: (column: Column) => (number | null)[];
  total: (column: Column) => number;
}

export function stepsOf(timeline: Timeline): Steps {
  const count = Math.max(1, Math.ceil((timeline.until_ns - timeline.from_ns) / timeline.step_ns));
  const x = Array.from({ length: count }, (_, i) => (timeline.from_ns + (i + 0.5) * timeline.step_ns) / 1e9);
  const dense = <T,>(column: Column, empty: T) => {
    const list: (number | T)[] = Array.from({ length: count }, () => empty);
    timeline.step.forEach((step, i) => {
      const value = timeline[column][i];
      if (step < count && value != null) list[step] = value;
    });
    return list;
  };
  return {
    x,
    sum: (column) => dense(column, 0) as number[],
    gap: (column) => dense(column, null),
    total: (column) => timeline[column].reduce<number>((sum, value) => sum + (value ?? 0), 0),
  };
}
