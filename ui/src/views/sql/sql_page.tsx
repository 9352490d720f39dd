// SQL over everything recorded: schema, editor, results.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { runQuery, type ListedQuery } from "../../api/queries.ts";
import { ApiError, getSqlSchema, isAbort, runSql, toApiError } from "../../api/client.ts";
import type { SqlResult, SqlSchema } from "../../api/types.ts";
import { keyLabel, provide } from "../../commands.ts";
import { copy, schemaWidth } from "../../state/panels.ts";
import { navigate, query, recordQuery } from "../../state/route.ts";
import { stored } from "../../state/stored.ts";
import { t } from "../../strings.ts";
import { groupDigits, plural } from "../../trace/format.ts";
import { Divider } from "../../widgets/split.tsx";
import { Failure } from "../../widgets/states.tsx";
import { createEditor, type SqlEditor } from "./editor.ts";
import { History, SavedQueries } from "./queries.tsx";
import { ParameterFields, SaveForm } from "./parameters.tsx";
import { loadQueries, namedIn, parametersOf, queries, remember, valuesFor } from "./query_store.ts";
import { ResultChart, type ChartChoice } from "./result_chart.tsx";
import { Results } from "./results.tsx";
import { Schema } from "./schema.tsx";
import "./sql.css";

const FIRST = `select session_id, title, harness, status, model_request_count, tool_call_count, error_count
from sessions
order by started_at desc
limit 50`;
const kept = stored<string>("sql.text", FIRST);
const maxRows = stored<number>("sql.max_rows", 1000);
const side = stored<string>("sql.side", "schema");
const SIDES = [["schema", t("Schema")], ["saved", t("Saved")], ["history", t("History")]] as const;

/** The chart that the address asks for; null shows the table. */
function chartOf(params: URLSearchParams): ChartChoice | null {
  if (params.get("view") !== "chart") return null;
  return { x: params.get("x") ?? undefined, y: (params.get("y") ?? "").split(",").filter((name) => name !== "") };
}

/** The saved query that an address names, and the values in it: `saved=slowest-tools&p.since=7d`. */
function valuesOf(params: URLSearchParams): Record<string, string> {
  return Object.fromEntries([...params].flatMap(([key, value]) => (key.startsWith("p.") ? [[key.slice(2), value]] : [])));
}

type Outcome = { state: "idle" } | { state: "running"; since: number } | { state: "done"; result: SqlResult } | { state: "failed"; error: ApiError } | { state: "cancelled" };

function Running({ since, cancel }: { since: number; cancel: () => void }) {
  const [now, setNow] = useState(performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 100);
    return () => clearInterval(timer);
  }, []);
  return <><span class="running-text" role="status">{t("running {0} s", ((now - since) / 1000).toFixed(1))}</span><button type="button" onClick={cancel}>{t("Cancel")} <kbd>Esc</kbd></button></>;
}

export function SqlPage() {
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<SqlEditor | null>(null);
  const [schema, setSchema] = useState<SqlSchema | null>(null);
  const [schemaError, setSchemaError] = useState<ApiError | null>(null);
  const [outcome, setOutcome] = useState<Outcome>({ state: "idle" });
  const running = useRef<AbortController | null>(null);
  const [chart, setChartNow] = useState(() => chartOf(query.peek()));
  const [saving, setSaving] = useState<string | null>(null);
  const [from, setFrom] = useState<ListedQuery | null>(null);
  const [values, setValues] = useState<Readonly<Record<string, string>>>(() => valuesOf(query.peek()));
  const [text, setText] = useState("");
  // What runs when a key is pressed is what was chosen last, whichever drawing bound the key.
  const latest = useRef({ from, values });
  latest.current = { from, values };
  const setChart = (next: ChartChoice | null) => {
    setChartNow(next);
    recordQuery({ view: next === null ? null : "chart", x: next?.x ?? null, y: next?.y.join(",") ?? null });
  };

  const cancel = () => {
    if (running.current === null) return false;
    running.current.abort();
    running.current = null;
    setOutcome({ state: "cancelled" });
    return true;
  };
  const run = async () => {
    const sql = editor.current!.text();
    if (sql.trim() === "") return;
    const { from: chosen, values: typed } = latest.current;
    // A saved query runs by its name as long as it is what was saved.
    const named = chosen !== null && chosen.sql === sql ? chosen : null;
    if (named === null && namedIn(sql).length > 0) return setSaving(sql);
    running.current?.abort();
    const own = (running.current = new AbortController());
    kept.value = sql;
    const gone = Object.fromEntries([...new URLSearchParams(location.search).keys()].filter((key) => key.startsWith("p.")).map((key) => [key, null]));
    const told = named === null ? {} : Object.fromEntries(named.parameters.map(({ name }) => [`p.${name}`, typed[name] ?? null]));
    recordQuery({ ...gone, ...told, saved: named?.name ?? null, sql: named === null && sql.length <= 4000 ? sql : null });
    editor.current!.mark(null);
    setOutcome({ state: "running", since: performance.now() });
    try {
      const result = named === null ? await runSql(sql, maxRows.peek(), own.signal) : await runQuery(named.name, valuesFor(named.parameters, typed), maxRows.peek(), own.signal);
      setOutcome({ state: "done", result });
      remember(sql, result.rows.length);
    } catch (cause) {
      if (isAbort(cause) || own !== running.current) return;
      const error = toApiError(cause);
      setOutcome({ state: "failed", error });
      if (error.status === 400) remember(sql, null);
      editor.current?.mark(error.position);
    } finally {
      if (running.current === own) running.current = null;
    }
  };

  const loadSchema = () => void getSqlSchema().then((answer) => {
    setSchema(answer);
    setSchemaError(null);
    editor.current?.complete(answer);
  }, (cause: unknown) => setSchemaError(toApiError(cause)));
  useEffect(() => {
    const linked = query.peek().get("saved");
    editor.current = createEditor(host.current!, linked !== null ? "" : query.peek().get("sql") ?? kept.peek(), { run: () => void run(), cancel, changed: setText });
    setText(editor.current.text());
    loadSchema();
    editor.current.focus();
    // A link to a query shows its answer: it can only read.
    if (linked !== null) void loadQueries().then(() => {
      const wanted = queries.peek()?.find(({ name }) => name === linked);
      if (wanted !== undefined) choose(wanted, valuesOf(query.peek()));
      else setOutcome({ state: "failed", error: new ApiError("query_not_found", t("There is no saved query {0} here; it may have been deleted, or belong to another data folder.", linked), 404) });
    });
    else if (query.peek().has("sql")) void run();
    return () => {
      running.current?.abort();
      editor.current?.destroy();
    };
  }, []);
  useLayoutEffect(() => provide({
    run: () => void run(),
    search: () => editor.current?.focus(),
    copy_link: () => void copy(location.href, t("Link")),
    save_query: () => setSaving(editor.current!.text()),
    chart: () => setChart(chartOf(new URLSearchParams(location.search)) === null ? { x: undefined, y: [] } : null),
    back: () => {
      if (cancel()) return;
      if (document.activeElement === host.current?.firstElementChild) (document.activeElement as HTMLElement).blur();
      else navigate("/");
    },
  }), []);

  const use = (sql: string) => {
    latest.current = { from: null, values: {} };
    setFrom(null);
    editor.current!.replace(sql);
    void run();
  };
  /** Brings a saved query in; it runs when nothing is missing. */
  const choose = (wanted: ListedQuery, given: Readonly<Record<string, string>> = {}) => {
    latest.current = { from: wanted, values: given };
    setFrom(wanted);
    setValues(given);
    editor.current!.replace(wanted.sql);
    const missing = wanted.parameters.find(({ name, required }) => required && (given[name] ?? "").trim() === "");
    if (missing === undefined) void run();
    else {
      setOutcome({ state: "idle" });
      setTimeout(() => document.querySelector<HTMLElement>(".parameters [aria-required=true]")?.focus(), 0);
    }
  };
  const unchanged = from !== null && from.sql === text;
  const parameters = unchanged ? from.parameters : parametersOf(text, from?.parameters ?? []);
  return (
    <main class="sql-page">
      <h1 class="sr-only">SQL</h1>
      <aside class="schema" style={{ width: `${schemaWidth.value}px` }} aria-label={t("Schema and queries")}>
        <div class="tabs side-tabs" role="group" aria-label={t("Beside the query")}>
          {SIDES.map(([id, label]) => <button key={id} type="button" aria-pressed={side.value === id} onClick={() => (side.value = id)}>{label}</button>)}
        </div>
        {side.value === "saved" ? <SavedQueries current={unchanged ? from.name : null} use={(wanted) => choose(wanted)} /> : side.value === "history" ? <History use={use} />
          : schemaError !== null ? <Failure error={schemaError} what={t("The schema could not be read")} retry={loadSchema} /> : <Schema schema={schema} insert={(text) => editor.current!.insert(text)} />}
      </aside>
      <Divider width={schemaWidth} limits={[160, 520]} side="left" label={t("Width of the schema")} />
      <div class="sql-main">
        <div class="sql-editor" ref={host} aria-label="SQL" />
        {unchanged ? <ParameterFields parameters={parameters} values={values} onValue={(name, typed) => setValues({ ...values, [name]: typed })} run={() => void run()} />
          : parameters.length > 0 && saving === null ? <p class="note parameters">{t("{0} are parameters: saved, the query asks for them. {1} saves.", parameters.map(({ name }) => `$${name}`).join(", "), <kbd>{keyLabel("Mod+s")}</kbd>)}</p> : null}
        <div class="sql-bar">
          <button type="button" class="primary" onClick={() => void run()}>{t("Run")} <kbd>{keyLabel("Mod+Enter").replace("Enter", "↵")}</kbd></button>
          <label class="muted">{t("at most {0} rows", <select aria-label={t("Most rows")} value={String(maxRows.value)} onChange={(event) => (maxRows.value = Number(event.currentTarget.value))}>
            {[1000, 10_000, 100_000].map((n) => <option key={n} value={String(n)}>{groupDigits(n)}</option>)}
          </select>)}</label>
          {saving === null ? <button type="button" onClick={() => setSaving(editor.current!.text())}>{t("Save")}</button> : <SaveForm sql={saving} from={from} saved={(kept) => {
            side.value = "saved";
            choose(kept);
          }} close={() => {
            setSaving(null);
            editor.current?.focus();
          }} />}
          <button type="button" title={t("A link to this query and this view of its result")} onClick={() => void copy(location.href, t("Link"))}>{t("Copy link")}</button>
          <span class="grow" />
          {outcome.state === "running" ? <Running since={outcome.since} cancel={cancel} /> : null}
          {outcome.state === "done" ? <span class="muted" role="status">{plural(outcome.result.rows.length, "row")}{outcome.result.truncated ? t(" (there are more)") : ""} · {outcome.result.elapsed_ms} ms</span> : null}
          {outcome.state === "done" ? (
            <div class="segmented" role="group" aria-label={t("Show the result as")}>
              <button type="button" aria-pressed={chart === null} onClick={() => setChart(null)}>{t("Table")}</button>
              <button type="button" aria-pressed={chart !== null} onClick={() => setChart(chart ?? { x: undefined, y: [] })}>{t("Chart")}</button>
            </div>
          ) : null}
          {outcome.state === "cancelled" ? <span class="muted" role="status">{t("cancelled")}</span> : null}
        </div>
        {outcome.state === "failed" ? (
          <div class="sql-error" role="alert">
            <pre>{outcome.error.message}</pre>
            <p class="mono muted">{outcome.error.code}{outcome.error.requestId === null ? "" : t(" · request {0}", outcome.error.requestId)}</p>
          </div>
        ) : outcome.state === "done" ? (chart === null ? <Results result={outcome.result} /> : <ResultChart result={outcome.result} choice={chart} onChoice={setChart} />) : (
          <div class="sql-hint note pad">{outcome.state === "running" ? null : t("Read-only DuckDB. Cells with session, trace and span ids lead to the places they name.")}</div>
        )}
      </div>
    </main>
  );
}
