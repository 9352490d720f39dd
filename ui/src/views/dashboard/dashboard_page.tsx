// Usage, cost, latency and errors over time, and what they came from.

import { useLayoutEffect } from "preact/hooks";
import { getCatalog, getTimeline, type CatalogEntry, type CatalogKind } from "../../api/overview.ts";
import { provide } from "../../commands.ts";
import { writeTerm } from "../../state/filter.ts";
import { copy } from "../../state/panels.ts";
import { stepFor, writeRange } from "../../state/range.ts";
import { query } from "../../state/route.ts";
import { t } from "../../strings.ts";
import { formatCost, formatCount, formatDuration, groupDigits } from "../../trace/format.ts";
import { oneLine } from "../../trace/payload_text.ts";
import { Chart, type Series } from "../../widgets/chart.tsx";
import { RangePicker, rangeOf, visit } from "../../widgets/range_picker.tsx";
import { Failure, Skeleton } from "../../widgets/states.tsx";
import { useAnswer } from "../../widgets/use_answer.ts";
import { stepsOf, type Steps } from "./steps.ts";
import "./dashboard.css";

const GROUP = "dashboard";
const whole = (value: number) => (Number.isInteger(value) ? formatCount(value) : "");
const ns = (value: number) => (value === 0 ? "0" : formatDuration(value));
const money = (value: number) => (value === 0 ? "$0" : formatCost(value));

function largest(values: readonly (number | null)[]): number {
  return values.reduce<number>((most, value) => Math.max(most, value ?? 0), 0);
}

function Charts({ steps, stepS }: { steps: Steps; stepS: number }) {
  const common = { x: steps.x, stepS, group: GROUP, onRange: (fromS: number, untilS: number) => visit({ range: writeRange(fromS, untilS) }) };
  const total = (format: (value: number) => string) => (series: Series) => format(series.values.reduce<number>((sum, value) => sum + (value ?? 0), 0));
  const peak = (format: (value: number) => string) => (series: Series) => `≤ ${format(largest(series.values))}`;
  const cached = steps.sum("cache_read_tokens");
  const input = steps.sum("input_tokens");
  return (
    <div class="charts">
      <Chart {...common} title={t("Sessions started")} format={whole} summary={total(groupDigits)} series={[{ label: t("sessions"), values: steps.sum("session_count"), colour: "turn", kind: "bar" }]} />
      <Chart {...common} title={t("Acts")} format={whole} summary={total(formatCount)} series={[
        { label: t("model requests"), values: steps.sum("model_request_count"), colour: "model", kind: "bar" },
        { label: t("tool calls"), values: steps.sum("tool_call_count"), colour: "tool", kind: "bar", stacked: true },
      ]} />
      <Chart {...common} title={t("Tokens")} format={formatCount} summary={total(formatCount)} series={[
        { label: t("out"), values: steps.sum("output_tokens"), colour: "model", kind: "bar" },
        { label: t("in"), values: input.map((value, i) => Math.max(0, value - cached[i]!)), colour: "turn", kind: "bar", stacked: true },
        { label: t("in, cached"), values: cached, colour: "strong-line", kind: "bar", stacked: true },
      ]} />
      <Chart {...common} title={t("Input from caches")} top={100} format={(value) => `${Math.round(value)}%`} summary={() => `${Math.round((100 * steps.total("cache_read_tokens")) / Math.max(1, steps.total("input_tokens")))}%`} series={[
        { label: t("of input tokens"), values: input.map((value, i) => (value === 0 ? null : (100 * cached[i]!) / value)), colour: "turn", kind: "line" },
      ]} />
      <Chart {...common} title={t("Cost")} format={money} summary={() => (steps.gap("cost_usd").every((value) => value === null) ? t("not known") : money(steps.total("cost_usd")))} series={[{ label: t("US dollars"), values: steps.sum("cost_usd"), colour: "mcp", kind: "bar" }]} />
      <Chart {...common} title={t("Model latency")} format={ns} summary={peak(ns)} series={[
        { label: t("median"), values: steps.gap("model_p50_ns"), colour: "model", kind: "line" },
        { label: t("95th"), values: steps.gap("model_p95_ns"), colour: "model", kind: "line", dashed: true },
      ]} />
      <Chart {...common} title={t("Tool latency")} format={ns} summary={peak(ns)} series={[
        { label: t("median"), values: steps.gap("tool_p50_ns"), colour: "tool", kind: "line" },
        { label: t("95th"), values: steps.gap("tool_p95_ns"), colour: "tool", kind: "line", dashed: true },
      ]} />
      <Chart {...common} title={t("Errors and denials")} format={whole} summary={total(groupDigits)} series={[
        { label: t("errors"), values: steps.sum("error_count"), colour: "error", kind: "bar" },
        { label: t("denied"), values: steps.sum("denied_count"), colour: "denied", kind: "bar", stacked: true },
      ]} />
    </div>
  );
}

function Top({ title, entries, kind, value, format, colour }: { title: string; entries: readonly CatalogEntry[]; kind: CatalogKind; value: (entry: CatalogEntry) => number; format: (value: number) => string; colour: string }) {
  const list = entries.filter((entry) => entry.kind === kind && value(entry) > 0).sort((a, b) => value(b) - value(a)).slice(0, 6);
  const most = list[0] === undefined ? 1 : value(list[0]);
  return (
    <section class="top" aria-label={title}>
      <h2>{title}</h2>
      {list.length === 0 ? <p class="note">{t("None in this time.")}</p> : (
        <ol>
          {list.map((entry) => (
            <li key={entry.name}>
              <a href={`/?${new URLSearchParams({ q: writeTerm(kind, ":", entry.name) })}`} title={t("The sessions that used it")}><span class="mono clip">{oneLine(entry.name)}</span><span class="num">{format(value(entry))}</span></a>
              <i class="top-bar" style={{ width: `${Math.max(1, (100 * value(entry)) / most)}%`, background: `var(--${colour})` }} />
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

export function DashboardPage() {
  const params = query.value;
  const range = rangeOf(params);
  const harness = params.get("harness") ?? "";
  const stepS = stepFor(range.fromS, range.untilS);
  // Steps begin at round times, so that they stay where they are from minute to minute.
  const fromS = Math.floor(range.fromS / stepS) * stepS;
  const ask = new URLSearchParams({ from_ns: `${fromS}000000000`, until_ns: `${range.untilS}000000000` });
  if (harness !== "") ask.set("harness", harness);
  const catalog = useAnswer(ask.toString(), (signal) => getCatalog(ask, signal));
  const timeline = useAnswer(`${ask} ${stepS}`, (signal) => {
    const stepped = new URLSearchParams(ask);
    stepped.set("step_ns", `${stepS}000000000`);
    return getTimeline(stepped, signal);
  });
  useLayoutEffect(() => provide({
    copy_link: () => void copy(location.href, t("Link")),
    back: () => range.name === null && visit({ range: null }),
  }), [range.name]);
  const steps = timeline.data === null ? null : stepsOf(timeline.data);
  const nothing = timeline.data !== null && timeline.data.step.length === 0;
  const entries = catalog.data?.entries ?? [];
  return (
    <main class="page">
      <div class="page-head">
        <h1>{t("Dashboard")}</h1>
        <span class="grow" />
        <RangePicker />
      </div>
      {timeline.failure === null ? null : <Failure error={timeline.failure} what={t("The figures could not be read")} retry={timeline.again} />}
      {steps === null ? (timeline.failure === null ? <Skeleton rows={16} height={32} label={t("Loading the figures")} /> : null) : nothing ? (
        <div class="page-empty"><h2>{t("Nothing happened in this time")}</h2><p class="muted">{t("Choose a longer time, or another harness.")}</p></div>
      ) : (
        <div class={`page-scroll dashboard${timeline.stale ? " is-stale" : ""}`} tabIndex={0} role="region" aria-label={t("Figures")}>
          <p class="note dashboard-note">{t("Drag across a chart to look closer.")}</p>
          <Charts steps={steps} stepS={timeline.data!.step_ns / 1e9} />
          <div class="tops">
            <Top title={t("Models by cost")} entries={entries} kind="model" value={(entry) => entry.cost_usd ?? 0} format={formatCost} colour="mcp" />
            <Top title={t("Models by tokens")} entries={entries} kind="model" value={(entry) => entry.input_tokens + entry.output_tokens} format={formatCount} colour="model" />
            <Top title={t("Tools by time")} entries={entries} kind="tool" value={(entry) => entry.total_duration_ns} format={formatDuration} colour="tool" />
            <Top title={t("Tools by failures")} entries={entries} kind="tool" value={(entry) => entry.failure_count} format={groupDigits} colour="error" />
          </div>
        </div>
      )}
    </main>
  );
}
