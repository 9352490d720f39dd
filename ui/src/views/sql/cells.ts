// What a result cell says and where it leads. No DOM, so that it can be tested as it is.

import type { Json, SqlResult } from "../../api/types.ts";
import { stringify } from "../../trace/json_text.ts";

export function cellText(value: Json): string {
  if (value === null) return "null";
  if (typeof value === "object") return stringify(value).replace(/\n\s*/g, " ");
  return String(value);
}

/** As `cellText`, with fractions as short as they are meant: 478.3, not 478.29999999999995. */
export function shortText(value: Json): string {
  return typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(12))) : cellText(value);
}

export function isNumeric(type: string): boolean {
  return /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|REAL|DECIMAL.*|INT\d+)$/i.test(type);
}

const text = (value: Json | undefined) => (typeof value === "string" && value !== "" ? value : null);

/** The place that a cell names, judged by column names: session, trace, or span with its trace or session. */
export function cellLink(names: readonly string[], row: readonly Json[], column: number): string | null {
  const value = text(row[column]);
  if (value === null) return null;
  const other = (name: string) => text(row[names.indexOf(name)]);
  const name = names[column]!;
  if (name === "session_id" || name === "parent_session_id") return `/replay/${encodeURIComponent(value)}`;
  if (name === "trace_id") return `/trace/${encodeURIComponent(value)}`;
  if (name === "span_id" || name === "parent_span_id" || name === "first_span_id" || name === "last_span_id") {
    const trace = other("trace_id");
    const session = other("session_id");
    if (session !== null) return `/replay/${encodeURIComponent(session)}?span=${encodeURIComponent(trace ?? "")}:${encodeURIComponent(value)}`;
    if (trace !== null) return `/trace/${encodeURIComponent(trace)}?span=${encodeURIComponent(trace)}:${encodeURIComponent(value)}`;
  }
  return null;
}

/** Column widths in characters, from the names and the first rows. */
export function columnWidths(result: SqlResult): number[] {
  return result.columns.map((column, i) => {
    let widest = column.name.length;
    for (const row of result.rows.slice(0, 200)) widest = Math.max(widest, Math.min(60, shortText(row[i] ?? null).length));
    return Math.max(6, Math.min(60, widest)) + 3;
  });
}
