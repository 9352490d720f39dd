// What agents use: tools, MCP servers, skills, hooks, agents, models, harnesses; how often, how well,
// at what cost.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { getCatalog, type CatalogEntry, type CatalogKind } from "../../api/overview.ts";
import { provide } from "../../commands.ts";
import { copy } from "../../state/panels.ts";
import { navigate, query } from "../../state/route.ts";
import { writeTerm } from "../../state/filter.ts";
import { t } from "../../strings.ts";
import { formatCost, formatCount, formatDuration, groupDigits, plural } from "../../trace/format.ts";
import { oneLine } from "../../trace/payload_text.ts";
import { Icon } from "../../widgets/icon.tsx";
import { RangePicker, rangeOf, visit } from "../../widgets/range_picker.tsx";
import { Sparkline } from "../../widgets/sparkline.tsx";
import { Failure, Skeleton } from "../../widgets/states.tsx";
import { Time } from "../../widgets/time.tsx";
import { useAnswer } from "../../widgets/use_answer.ts";
import "./catalog.css";

const KINDS: { kind: CatalogKind; label: string; icon: string; use: string; none: string }[] = [
  { kind: "tool", label: t("Tools"), icon: "tool", use: t("Calls"), none: t("No tool was called") },
  { kind: "mcp", label: t("MCP servers"), icon: "mcp", use: t("Calls"), none: t("No MCP server was used") },
  { kind: "skill", label: t("Skills"), icon: "skill", use: t("Uses"), none: t("No skill was used") },
  { kind: "hook", label: t("Hooks"), icon: "hook", use: t("Fired"), none: t("No hook fired") },
  { kind: "agent", label: t("Agents"), icon: "agent", use: t("Runs"), none: t("No named agent ran") },
  { kind: "model", label: t("Models"), icon: "model", use: t("Requests"), none: t("No model was asked") },
  { kind: "harness", label: t("Harnesses"), icon: "session", use: t("Sessions"), none: t("No harness was seen") },
];

type Column = "name" | "use_count" | "session_count" | "failure_count" | "total_duration_ns" | "p50_duration_ns" | "p95_duration_ns" | "tokens" | "cost_usd" | "last_used_at";
const valueOf = (entry: CatalogEntry, column: Column): number | string =>
  column === "tokens" ? entry.input_tokens + entry.output_tokens : (entry[column] ?? -1);

function sorted(entries: readonly CatalogEntry[], column: Column, upward: boolean): CatalogEntry[] {
  const sign = upward ? 1 : -1;
  return entries.toSorted((a, b) => {
    const [x, y] = [valueOf(a, column), valueOf(b, column)];
    return (x < y ? -sign : x > y ? sign : 0) || a.name.localeCompare(b.name);
  });
}

/** The list of sessions that used an entry, in the time that is shown. */
function sessionsHref(entry: CatalogEntry, range: string | null): string {
  const since = range === "24h" || range === "7d" || range === "30d" || range === "90d" ? ` from:${range}` : "";
  if (entry.kind === "skill" || entry.kind === "hook") return sqlHref(entry);
  return `/?${new URLSearchParams({ q: writeTerm(entry.kind, ":", entry.name) + since })}`;
}

const COLUMN_OF: Record<string, string> = { skill: "skill_name", hook: "hook_name" };
function sqlHref(entry: CatalogEntry): string {
  const sql = `select started_at, session_id, trace_id, span_id, name, status, duration_ns / 1e6 as ms
from spans
where ${COLUMN_OF[entry.kind]} = '${entry.name.replaceAll("'", "''")}' and counted
order by started_at desc
limit 200`;
  return `/sql?${new URLSearchParams({ sql })}`;
}

export function CatalogPage() {
  const params = query.value;
  const kind = KINDS.find((known) => known.kind === params.get("kind")) ?? KINDS[0]!;
  const column = (params.get("sort") ?? "use_count") as Column;
  const upward = params.get("order") === "asc";
  const text = params.get("q") ?? "";
  const range = rangeOf(params, "30d");
  const harness = params.get("harness") ?? "";
  const [at, setAt] = useState(-1);
  const table = useRef<HTMLDivElement>(null);
  const answer = useAnswer(`${range.fromS} ${range.untilS} ${harness}`, (signal) => {
    const ask = new URLSearchParams({ from_ns: `${range.fromS}000000000`, until_ns: `${range.untilS}000000000` });
    if (harness !== "") ask.set("harness", harness);
    return getCatalog(ask, signal);
  });
  const all = answer.data?.entries ?? [];
  const needle = text.trim().toLowerCase();
  const entries = sorted(all.filter((entry) => entry.kind === kind.kind && entry.name.toLowerCase().includes(needle)), column, upward);
  const shows = (test: (entry: CatalogEntry) => boolean) => entries.some(test);
  const columns: { id: Column; label: string; wanted: boolean }[] = [
    { id: "use_count", label: kind.use, wanted: true },
    { id: "session_count", label: t("Sessions"), wanted: kind.kind !== "harness" },
    { id: "failure_count", label: t("Failed"), wanted: true },
    { id: "total_duration_ns", label: t("Time"), wanted: true },
    { id: "p50_duration_ns", label: t("Median"), wanted: true },
    { id: "p95_duration_ns", label: t("95th"), wanted: true },
    { id: "tokens", label: t("Tokens"), wanted: shows((entry) => entry.input_tokens + entry.output_tokens > 0) },
    { id: "cost_usd", label: t("Cost"), wanted: shows((entry) => entry.cost_usd !== null && entry.cost_usd > 0) },
    { id: "last_used_at", label: t("Last used"), wanted: true },
  ];
  const wanted = columns.filter((item) => item.wanted);
  const go = (delta: number) => {
    const next = Math.min(entries.length - 1, Math.max(0, at + delta));
    setAt(next);
    table.current?.querySelectorAll("tbody tr")[next]?.scrollIntoView({ block: "nearest" });
  };
  useLayoutEffect(() => provide({
    next: () => go(1),
    previous: () => go(-1),
    open: () => entries[at] !== undefined && navigate(sessionsHref(entries[at], range.name)),
    search: () => document.querySelector<HTMLInputElement>("#catalog-filter")?.select(),
    copy_link: () => void copy(location.href, t("Link")),
    back: () => (document.activeElement instanceof HTMLInputElement ? document.activeElement.blur() : setAt(-1)),
  }), [entries.length, at, kind.kind, column, upward]);

  const cell = (entry: CatalogEntry, id: Column) => {
    switch (id) {
      case "use_count": return groupDigits(entry.use_count);
      case "session_count": return groupDigits(entry.session_count);
      case "failure_count": return entry.failure_count + entry.denied_count === 0 ? "" : (
        <span class="fails">
          {entry.failure_count > 0 ? <span class="tone-error" title={`${plural(entry.failure_count, "failure")}, ${((100 * entry.failure_count) / entry.use_count).toFixed(1)}%`}>{groupDigits(entry.failure_count)}<small> {Math.round((100 * entry.failure_count) / entry.use_count)}%</small></span> : null}
          {entry.denied_count > 0 ? <span class="tone-denied" title={t("{0} denied", entry.denied_count)}><Icon name="denied" label={t("denied")} size={10} />{groupDigits(entry.denied_count)}</span> : null}
        </span>
      );
      case "total_duration_ns": return formatDuration(entry.total_duration_ns);
      case "p50_duration_ns": return entry.p50_duration_ns === null ? "" : formatDuration(entry.p50_duration_ns);
      case "p95_duration_ns": return entry.p95_duration_ns === null ? "" : formatDuration(entry.p95_duration_ns);
      case "tokens": return entry.input_tokens + entry.output_tokens > 0 ? formatCount(entry.input_tokens + entry.output_tokens) : "";
      case "cost_usd": return entry.cost_usd === null || entry.cost_usd === 0 ? "" : formatCost(entry.cost_usd);
      default: return <Time iso={entry.last_used_at} />;
    }
  };
  const sortBy = (id: Column) => visit({ sort: id === "use_count" ? null : id, order: column === id && !upward ? "asc" : id === "name" && column !== id ? "asc" : null }, true);
  const head = (id: Column, label: string) => (
    <th key={id} scope="col" class={id === "name" ? "" : "num"} aria-sort={column === id ? (upward ? "ascending" : "descending") : undefined}>
      <button type="button" class="sort" aria-pressed={column === id} onClick={() => sortBy(id)}>{label}{column === id ? <i aria-hidden="true">{upward ? "↑" : "↓"}</i> : null}</button>
    </th>
  );
  return (
    <main class="page catalog-page">
      <div class="page-head">
        <h1>{t("Catalog")}</h1>
        <label class="search-box"><Icon name="search" /><input id="catalog-filter" type="search" placeholder={t("Name")} aria-label={t("Filter by name")} value={text} onInput={(event) => visit({ q: event.currentTarget.value }, true)} /><kbd>/</kbd></label>
        <span class="grow" />
        <RangePicker fallback="30d" />
      </div>
      <div class="chips catalog-kinds" role="group" aria-label={t("Kind")}>
        {KINDS.map((known) => (
          <button key={known.kind} type="button" aria-pressed={known === kind} onClick={() => {
            setAt(-1);
            visit({ kind: known.kind === "tool" ? null : known.kind });
          }}><span class={`op-${known.icon} kind-icon`}><Icon name={known.icon} /></span>{known.label}<span class="count">{answer.data === null ? "" : all.filter((entry) => entry.kind === known.kind).length}</span></button>
        ))}
      </div>
      {answer.failure === null ? null : <Failure error={answer.failure} what={t("The catalog could not be read")} retry={answer.again} />}
      {answer.data === null ? (answer.failure === null ? <Skeleton rows={14} height={32} label={t("Loading the catalog")} /> : null) : entries.length === 0 ? (
        <div class="page-empty"><h2>{needle === "" ? t("{0} in this time", kind.none) : t("No name fits")}</h2><p class="muted">{needle === "" ? t("A longer time may show more; what agents use appears here by itself.") : ""}</p></div>
      ) : (
        <div class={`table-scroll${answer.stale ? " is-stale" : ""}`} ref={table} tabIndex={0} role="region" aria-label={kind.label}>
          <table class="table">
            <thead><tr>{head("name", "Name")}<th scope="col" class="trend-head">{t("Trend")}</th>{wanted.map((item) => head(item.id, item.label))}</tr></thead>
            <tbody>
              {entries.map((entry, i) => (
                <tr key={entry.name} class={i === at ? "is-selected" : ""}>
                  <th scope="row"><a href={sessionsHref(entry, range.name)} title={kind.kind === "skill" || kind.kind === "hook" ? t("Its uses, in SQL") : t("The sessions that used it")}><span class={`op-${kind.icon} kind-icon`}><Icon name={kind.icon} /></span><span class="mono clip">{oneLine(entry.name)}</span></a></th>
                  <td class={`op-${kind.icon} trend`}><Sparkline values={entry.trend} label={t("{0} over time", plural(entry.use_count, "use"))} /></td>
                  {wanted.map((item) => <td key={item.id} class={`num${item.id === "last_used_at" ? " muted" : ""}`}>{cell(entry, item.id)}</td>)}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </main>
  );
}
