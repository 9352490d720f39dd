// A result drawn: over time as lines, by name as bars.

import type { SqlResult } from "../../api/types.ts";
import { t } from "../../strings.ts";
import { formatCount } from "../../trace/format.ts";
import { oneLine } from "../../trace/payload_text.ts";
import { Chart } from "../../widgets/chart.tsx";
import { bars, drawable, planChart, timeSeries } from "./chart_data.ts";

const COLOURS = ["model", "tool", "mcp", "agent", "turn", "memory"];
const MOST_BARS = 60;

function tell(value: number): string {
  if (Number.isInteger(value)) return Math.abs(value) >= 10_000 ? formatCount(value) : String(value);
  return Math.abs(value) >= 1000 ? formatCount(Math.round(value)) : String(Number(value.toPrecision(4)));
}

export interface ChartChoice {
  x: string | undefined;
  y: string[];
}

export function ResultChart({ result, choice, onChoice }: { result: SqlResult; choice: ChartChoice; onChoice: (choice: ChartChoice) => void }) {
  const plan = planChart(result, { ...(choice.x === undefined ? {} : { x: choice.x }), y: choice.y });
  if (plan === null) return <p class="note pad">{t("A chart needs a column of numbers and at least one row. This result has neither to offer; the table shows it.")}</p>;
  const name = (i: number) => result.columns[i]!.name;
  const chosen = plan.y.map(name);
  const pick = (
    <div class="chart-pick">
      <label class="muted">{t("along")} <select value={name(plan.x)} onChange={(event) => onChoice({ x: event.currentTarget.value, y: chosen })}>{result.columns.map((column) => <option key={column.name} value={column.name}>{column.name}</option>)}</select></label>
      <span class="muted">{t("draw")}</span>
      {drawable(result).filter((i) => i !== plan.x).map((i) => (
        <label key={i} class="check"><input type="checkbox" checked={plan.y.includes(i)} onChange={() => onChoice({ x: name(plan.x), y: plan.y.includes(i) ? chosen.filter((other) => other !== name(i)) : [...chosen, name(i)] })} />{name(i)}</label>
      ))}
    </div>
  );
  if (plan.kind === "time") {
    const { x, y } = timeSeries(result, plan);
    return (
      <div class="result-chart">
        {pick}
        <Chart title={t("{0} over time", chosen.join(", "))} x={x} stepS={x.length > 1 ? (x.at(-1)! - x[0]!) / x.length : 60} height={320} format={tell} summary={() => ""}
          series={y.map((values, i) => ({ label: name(plan.y[i]!), values, colour: COLOURS[i % COLOURS.length]!, kind: "line" }))} />
      </div>
    );
  }
  const list = bars(result, plan, MOST_BARS);
  const most = Math.max(...list.flatMap((bar) => bar.values.map((value) => Math.abs(value ?? 0))), Number.MIN_VALUE);
  return (
    <div class="result-chart">
      {pick}
      <table class="bar-table">
        <caption class="sr-only">{t("{0} by {1}", chosen.join(", "), name(plan.x))}</caption>
        <thead class="sr-only"><tr><th scope="col">{name(plan.x)}</th><th scope="col">{chosen.join(", ")}</th></tr></thead>
        <tbody>
          {list.map((bar, i) => (
            <tr key={i}>
              <th scope="row" class="clip mono" title={bar.label}>{oneLine(bar.label.slice(0, 120))}</th>
              <td>{bar.values.map((value, k) => (
                <span key={k} class="bar-line" title={`${chosen[k]}: ${value ?? "null"}`}>
                  <i style={{ width: `${value === null ? 0 : Math.max(0.3, (100 * Math.abs(value)) / most)}%`, background: `var(--${COLOURS[k % COLOURS.length]})` }} /><span class="mono">{value === null ? t("null") : tell(value)}</span>
                </span>
              ))}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {result.rows.length > MOST_BARS ? <p class="note">{t("The first {0} of {1} rows are drawn.", MOST_BARS, result.rows.length)}</p> : null}
    </div>
  );
}
