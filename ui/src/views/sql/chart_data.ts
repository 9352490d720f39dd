// What of a result can be drawn: a column to go along, columns to draw. No DOM.

import type { Json, SqlResult } from "../../api/types.ts";
import { cellText, isNumeric } from "./cells.ts";

const TIME = /^(TIMESTAMP|DATE)/i;

export interface ChartPlan {
  /** Index of the column along the axis. */
  x: number;
  /** Indexes of the columns that are drawn. */
  y: number[];
  kind: "time" | "bars";
}

/** Columns that can be drawn. */
export function drawable(result: SqlResult): number[] {
  return result.columns.flatMap((column, i) => (isNumeric(column.type) ? [i] : []));
}

/** The chart that a result asks for, or null when it holds no numbers. */
export function planChart(result: SqlResult, wanted: { x?: string; y?: string[] } = {}): ChartPlan | null {
  const at = (name: string | undefined) => result.columns.findIndex((column) => column.name === name);
  const numbers = drawable(result);
  const time = result.columns.findIndex((column) => TIME.test(column.type));
  const word = result.columns.findIndex((column, i) => !numbers.includes(i) && !TIME.test(column.type));
  const x = at(wanted.x) >= 0 ? at(wanted.x) : time >= 0 ? time : word >= 0 ? word : 0;
  const asked = (wanted.y ?? []).map(at).filter((i) => i >= 0 && numbers.includes(i));
  const y = asked.length > 0 ? asked : numbers.filter((i) => i !== x).slice(0, 1);
  if (y.length === 0 || result.rows.length === 0) return null;
  return { x, y, kind: TIME.test(result.columns[x]!.type) ? "time" : "bars" };
}

export function numberOf(value: Json | undefined): number | null {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  return null;
}

/** Rows in the order of time, moments as Unix seconds; rows without a moment are left out. */
export function timeSeries(result: SqlResult, plan: ChartPlan): { x: number[]; y: (number | null)[][] } {
  const rows = result.rows
    .map((row) => ({ at: typeof row[plan.x] === "string" ? Date.parse(row[plan.x] as string) / 1000 : NaN, row }))
    .filter(({ at }) => Number.isFinite(at))
    .sort((a, b) => a.at - b.at);
  return { x: rows.map(({ at }) => at), y: plan.y.map((column) => rows.map(({ row }) => numberOf(row[column]))) };
}

/** At most `most` bars: a label and a value per drawn column. */
export function bars(result: SqlResult, plan: ChartPlan, most: number): { label: string; values: (number | null)[] }[] {
  return result.rows.slice(0, most).map((row) => ({ label: cellText(row[plan.x] ?? null), values: plan.y.map((column) => numberOf(row[column])) }));
}
