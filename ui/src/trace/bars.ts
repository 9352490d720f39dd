// Where bars lie, in pixels of the visible window.

import { toAxis, type Axis } from "./axis.ts";
import type { SpanTable } from "./span_table.ts";
import type { Window } from "./viewport.ts";

export interface Bar {
  left: number;
  width: number;
  /** Runs on beyond the edge of the window. */
  cutLeft: boolean;
  cutRight: boolean;
}

const THINNEST = 2;

export function barOf(table: SpanTable, row: number, axis: Axis, window: Window, pixels: number): Bar | null {
  const scale = pixels / (window.to - window.from);
  const from = (toAxis(axis, table.start[row]!) - window.from) * scale;
  const to = (toAxis(axis, table.end[row]!) - window.from) * scale;
  if (to < -THINNEST || from > pixels + THINNEST) return null;
  const left = Math.max(-4, Math.min(from, pixels - THINNEST));
  const right = Math.min(pixels + 4, to);
  return { left, width: Math.max(THINNEST, right - left), cutLeft: from < 0, cutRight: to > pixels };
}

/** The bars of a group, with those that would touch drawn as one. */
export function groupBars(table: SpanTable, rows: Int32Array, axis: Axis, window: Window, pixels: number): Bar[] {
  const bars: Bar[] = [];
  for (const row of rows) {
    const bar = barOf(table, row, axis, window, pixels);
    if (bar === null) continue;
    const last = bars[bars.length - 1];
    if (last !== undefined && bar.left - (last.left + last.width) < 1) {
      last.width = Math.max(last.width, bar.left + bar.width - last.left);
      last.cutRight ||= bar.cutRight;
    } else bars.push(bar);
  }
  return bars;
}
