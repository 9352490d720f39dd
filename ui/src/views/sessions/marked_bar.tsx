// What can be done with the sessions that are marked.

import type { SessionRow } from "../../api/types.ts";
import { copy } from "../../state/panels.ts";
import { navigate } from "../../state/route.ts";
import { ask } from "../../state/subjects.ts";
import { t } from "../../strings.ts";
import { formatCost, formatCount, plural } from "../../trace/format.ts";

const CSV = ["session_id", "title", "harness", "host", "project", "status", "started_at", "duration_ns", "turn_count", "model_request_count", "tool_call_count", "error_count", "denied_count", "finding_count", "input_tokens", "output_tokens", "cost_usd"] as const;

/** The rows as CSV (RFC 4180). */
export function sessionsCsv(rows: readonly SessionRow[]): string {
  const cell = (value: unknown) => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [CSV.join(","), ...rows.map((row) => CSV.map((name) => cell(row[name])).join(","))].join("\r\n");
}

function queryFor(rows: readonly SessionRow[]): string {
  const ids = rows.map((row) => `'${row.session_id.replaceAll("'", "''")}'`).join(",\n  ");
  return `select session_id, title, harness, status, turn_count, model_request_count, tool_call_count,
       error_count, input_tokens + output_tokens as tokens, cost_usd, duration_ns / 1e9 as seconds
from sessions
where session_id in (
  ${ids}
)
order by started_at`;
}

function save(text: string, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

export function MarkedBar({ rows, clear }: { rows: readonly SessionRow[]; clear: () => void }) {
  const tokens = rows.reduce((sum, row) => sum + row.input_tokens + row.output_tokens, 0);
  const cost = rows.reduce((sum, row) => sum + (row.cost_usd ?? 0), 0);
  return (
    <div class="marked-bar" role="toolbar" aria-label={t("Marked sessions")}>
      <span role="status"><b>{plural(rows.length, "session")}</b> {t("marked")}<span class="muted">{" "}{t("· {0} tokens{1}", formatCount(tokens), cost > 0 ? ` · ${formatCost(cost)}` : "")}</span></span>
      <span class="grow" />
      {rows.length === 2 ? <button type="button" class="primary" onClick={() => navigate(`/compare?${new URLSearchParams({ a: rows[0]!.session_id, b: rows[1]!.session_id })}`)}>{t("Compare")} <kbd>c</kbd></button> : null}
      <button type="button" onClick={() => navigate(`/sql?${new URLSearchParams({ sql: queryFor(rows) })}`)}>{t("Query in SQL")}</button>
      <button type="button" onClick={() => ask("tag", rows, () => undefined)}>{t("Tag")} <kbd>#</kbd></button>
      <button type="button" onClick={() => ask("export", rows, () => undefined)}>{t("Export")} <kbd>X</kbd></button>
      <button type="button" class="danger" onClick={() => ask("delete", rows, clear)}>{t("Delete")} <kbd>Del</kbd></button>
      <button type="button" onClick={() => save(sessionsCsv(rows), "sessions.csv")}>{t("Save as CSV")}</button>
      <button type="button" onClick={() => void copy(rows.map((row) => row.session_id).join("\n"), rows.length === 1 ? "Id" : "Ids")}>{t("Copy ids")}</button>
      <button type="button" class="quiet" onClick={clear}>{t("Clear")}</button>
    </div>
  );
}
