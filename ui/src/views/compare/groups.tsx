// Two groups of sessions side by side: by harness, version, model or tag.

import type { ComponentChildren } from "preact";
import { compareGroups, type Distribution, type Grouping, type SessionGroup } from "../../api/overview.ts";
import { writeTerm } from "../../state/filter.ts";
import { t } from "../../strings.ts";
import { formatCost, formatCount, formatDuration, groupDigits, plural } from "../../trace/format.ts";
import { oneLine } from "../../trace/payload_text.ts";
import { Failure, Skeleton } from "../../widgets/states.tsx";
import { useAnswer } from "../../widgets/use_answer.ts";

const count = (value: number) => (Number.isInteger(value) ? groupDigits(value) : value.toFixed(1));
const FIGURES: { label: string; of: (group: SessionGroup) => Distribution | null; format: (value: number) => string }[] = [
  { label: t("Duration"), of: (group) => group.duration_ns, format: formatDuration },
  { label: t("Turns"), of: (group) => group.turn_count, format: count },
  { label: t("Model requests"), of: (group) => group.model_request_count, format: count },
  { label: t("Tool calls"), of: (group) => group.tool_call_count, format: count },
  { label: t("Failed acts"), of: (group) => group.failed_count, format: count },
  { label: t("Findings"), of: (group) => group.finding_count, format: count },
  { label: t("Tokens"), of: (group) => group.token_count, format: formatCount },
  { label: t("Cost"), of: (group) => group.cost_usd, format: formatCost },
];
const OUTCOMES: readonly [outcome: keyof SessionGroup["outcomes"], label: string][] = [
  ["ok", t("Ended well")], ["error", t("Ended with an error")], ["interrupted", t("Interrupted")], ["killed", t("Killed")], ["running", t("Running")],
];

/** The median, and beside it where the others are: a line from least to most, a bar up to nine of ten. */
function Spread({ spread, most, format }: { spread: Distribution | null; most: number; format: (value: number) => string }) {
  if (spread === null) return <td class="num muted">–</td>;
  const percent = (value: number) => `${(most > 0 ? (value / most) * 100 : 0).toFixed(2)}%`;
  const told = t("{0} to {1}, 90 % under {2}", format(spread.min), format(spread.max), format(spread.p90));
  return (
    <td>
      <div class="spread" title={told}>
        <b>{format(spread.median)}</b>
        <span class="spread-line" aria-hidden="true">
          <i class="spread-all" style={{ left: percent(spread.min), width: percent(spread.max - spread.min) }} />
          <i class="spread-most" style={{ left: percent(spread.min), width: percent(spread.p90 - spread.min) }} />
          <i class="spread-median" style={{ left: percent(spread.median) }} />
        </span>
        <span class="muted spread-told">{told}</span>
      </div>
    </td>
  );
}

/** How many of a group, as a share of it. */
function Share({ part, group }: { part: number; group: SessionGroup }) {
  const share = group.session_count === 0 ? 0 : Math.round((100 * part) / group.session_count);
  return (
    <td>
      <div class="spread">
        <b>{groupDigits(part)}</b>
        <span class="spread-line" aria-hidden="true"><i class="spread-most" style={{ left: 0, width: `${share}%` }} /></span>
        <span class="muted spread-told">{share} %</span>
      </div>
    </td>
  );
}

function Row({ label, children }: { label: string; children: ComponentChildren }) {
  return <tr><th scope="row">{label}</th>{children}</tr>;
}

export function Groups({ by, a, b }: { by: Grouping; a: string; b: string }) {
  const answer = useAnswer(`${by}\n${a}\n${b}`, (signal) => compareGroups(by, a, b, signal));
  if (answer.failure !== null) return <Failure error={answer.failure} what={t("The groups could not be compared")} retry={answer.again} />;
  if (answer.data === null || answer.stale) return <Skeleton rows={14} height={30} label={t("Loading both groups")} />;
  const groups = [answer.data.a, answer.data.b];
  const kinds = [...new Set(groups.flatMap((group) => group.findings.map(({ kind }) => kind)))];
  return (
    <div class="page-scroll compare" tabIndex={0} role="region" aria-label={t("Comparison")}>
      <div class="compare-heads">
        {groups.map((group, i) => (
          <section key={i} class="compare-head">
            <h2><span class="tag">{i === 0 ? "A" : "B"}</span><a class="clip" href={`/?${new URLSearchParams({ q: writeTerm(by === "version" ? "harness" : by, ":", by === "version" ? group.value.split(" ")[0]! : group.value) })}`}>{oneLine(group.value)}</a></h2>
            <p class="note">{plural(group.session_count, "session")}</p>
          </section>
        ))}
      </div>
      <table class="table group-figures">
        <thead><tr><th scope="col">{t("Of a session: median, and the spread")}</th><th scope="col">A</th><th scope="col">B</th></tr></thead>
        <tbody>
          {FIGURES.map(({ label, of, format }) => <Row key={label} label={label}>{groups.map((group, i) => <Spread key={i} spread={of(group)} most={Math.max(...groups.map((one) => of(one)?.max ?? 0))} format={format} />)}</Row>)}
          {OUTCOMES.filter(([outcome]) => groups.some((group) => group.outcomes[outcome] > 0)).map(([outcome, label]) => <Row key={outcome} label={label}>{groups.map((group, i) => <Share key={i} part={group.outcomes[outcome]} group={group} />)}</Row>)}
          {kinds.map((kind) => <Row key={kind} label={t("With finding: {0}", kind.replaceAll("_", " "))}>{groups.map((group, i) => <Share key={i} part={group.findings.find((one) => one.kind === kind)?.session_count ?? 0} group={group} />)}</Row>)}
        </tbody>
      </table>
    </div>
  );
}
