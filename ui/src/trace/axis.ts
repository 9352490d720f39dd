// The display axis: time as it passed, or with long idle stretches drawn short. Both ways are
// piecewise linear, so every pixel still means one instant and every instant one pixel.

import { tickStep, type Window } from "./viewport.ts";
import type { SpanTable } from "./span_table.ts";

export interface Gap {
  /** Real time, ns from the start. */
  from: number;
  to: number;
  /** Where the gap lies on the axis. */
  axisFrom: number;
  axisTo: number;
}

export interface Axis {
  total: number;
  gaps: readonly Gap[];
}

export interface Tick {
  time: number;
  at: number;
}

export function linearAxis(table: SpanTable): Axis {
  return { total: table.total, gaps: [] };
}

/** Stretches where nothing runs, at least `share` of the whole and long enough to matter. */
export function findIdle(table: SpanTable, share = 0.04, least = 2e9): { from: number; to: number }[] {
  const skip = table.operations.indexOf("session");
  const floor = Math.max(least, table.total * share);
  const rows: number[] = [];
  for (let row = 0; row < table.spanCount; row++) if (table.operation[row] !== skip) rows.push(row);
  const idle: { from: number; to: number }[] = [];
  let reached = 0;
  // Rows arrive ordered by start, so one pass over the union of bars finds the holes.
  for (const row of rows) {
    const start = table.start[row]!;
    if (start - reached >= floor) idle.push({ from: reached, to: start });
    reached = Math.max(reached, table.end[row]!);
  }
  return idle;
}

export function compressedAxis(table: SpanTable, idle = findIdle(table)): Axis {
  const idleTotal = idle.reduce((sum, gap) => sum + gap.to - gap.from, 0);
  const active = Math.max(table.total - idleTotal, 1);
  const width = active * Math.min(0.02, 0.3 / Math.max(1, idle.length));
  const gaps: Gap[] = [];
  let cut = 0;
  for (const { from, to } of idle) {
    const axisFrom = from - cut;
    gaps.push({ from, to, axisFrom, axisTo: axisFrom + width });
    cut += to - from - width;
  }
  return { total: Math.max(table.total - cut, 1), gaps };
}

export function toAxis(axis: Axis, time: number): number {
  const { gaps } = axis;
  let low = 0;
  let high = gaps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (gaps[middle]!.from <= time) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return time;
  const gap = gaps[low - 1]!;
  if (time >= gap.to) return time - gap.to + gap.axisTo;
  return gap.axisFrom + ((time - gap.from) / (gap.to - gap.from)) * (gap.axisTo - gap.axisFrom);
}

export function toTime(axis: Axis, at: number): number {
  let shift = 0;
  for (const gap of axis.gaps) {
    if (at < gap.axisFrom) break;
    if (at < gap.axisTo) return gap.from + ((at - gap.axisFrom) / (gap.axisTo - gap.axisFrom)) * (gap.to - gap.from);
    shift = gap.to - gap.axisTo;
  }
  return at + shift;
}

/** Round instants inside a window of the axis; none inside a gap. */
export function axisTicks(axis: Axis, window: Window, most: number): { ticks: Tick[]; step: number } {
  const step = tickStep(window.to - window.from, most);
  const apart = ((window.to - window.from) / most) * 0.6;
  const ticks: Tick[] = [];
  let edge = 0;
  let lastAt = -Infinity;
  const segment = (from: number, to: number) => {
    const axisFrom = toAxis(axis, from);
    const left = from + Math.max(0, window.from - axisFrom);
    const right = Math.min(to, from + (window.to - axisFrom));
    for (let i = Math.ceil(left / step - 1e-9); i * step <= right && ticks.length < 200; i++) {
      const at = axisFrom + (i * step - from);
      if (at < window.from || at - lastAt < apart) continue;
      ticks.push({ time: i * step, at });
      lastAt = at;
    }
  };
  for (const gap of axis.gaps) {
    if (edge < gap.from || edge === 0) segment(edge, gap.from);
    edge = gap.to;
  }
  segment(edge, toTime(axis, axis.total));
  return { ticks, step };
}
