// Two sessions side by side: their figures, and their tool calls aligned, so that the first
// difference shows.

import { useLayoutEffect, useState } from "preact/hooks";
import { getSession } from "../../api/client.ts";
import { compareSessions, GROUPINGS, type CompareCall, type Comparison, type Grouping } from "../../api/overview.ts";
import type { SessionRow } from "../../api/types.ts";
import { provide } from "../../commands.ts";
import { copy } from "../../state/panels.ts";
import { navigate, query, sessionLink } from "../../state/route.ts";
import { t } from "../../strings.ts";
import { formatCost, formatCount, formatDuration, groupDigits, plural } from "../../trace/format.ts";
import { oneLine, titleOf } from "../../trace/payload_text.ts";
import { Icon } from "../../widgets/icon.tsx";
import { Failure, Skeleton } from "../../widgets/states.tsx";
import { Time } from "../../widgets/time.tsx";
import { useAnswer } from "../../widgets/use_answer.ts";
import { StatusMark } from "../sessions/session_marks.tsx";
import { visit } from "../../widgets/range_picker.tsx";
import { Differences } from "./differences.tsx";
import { foldAlike } from "./fold.ts";
import { Groups } from "./groups.tsx";
import { Runs, type Parting } from "./runs.tsx";
import { GroupChoice, GroupValues } from "./group_choice.tsx";
import "./compare.css";

const FIGURES: { label: string; value: (row: SessionRow) => number | null; format: (value: number) => string }[] = [
  { label: t("Duration"), value: (row) => row.duration_ns, format: formatDuration },
  { label: t("Turns"), value: (row) => row.turn_count, format: groupDigits },
  { label: t("Model requests"), value: (row) => row.model_request_count, format: groupDigits },
  { label: t("Tool calls"), value: (row) => row.tool_call_count, format: groupDigits },
  { label: t("Subagents"), value: (row) => row.subagent_count, format: groupDigits },
  { label: t("Errors"), value: (row) => row.error_count, format: groupDigits },
  { label: t("Denied"), value: (row) => row.denied_count, format: groupDigits },
  { label: t("Findings"), value: (row) => row.finding_count, format: groupDigits },
  { label: t("Input tokens"), value: (row) => row.input_tokens, format: formatCount },
  { label: t("Output tokens"), value: (row) => row.output_tokens, format: formatCount },
  { label: t("Cost"), value: (row) => row.cost_usd, format: formatCost },
];

function change(a: number | null, b: number | null, format: (value: number) => string): string {
  if (a === null || b === null || a === b) return "";
  return `${b > a ? "+" : "−"}${format(Math.abs(b - a))}`;
}

/** What both have in common, and what only one has. */
function Onlys({ label, a, b }: { label: string; a: readonly string[]; b: readonly string[] }) {
  const parts = [[t("both"), a.filter((name) => b.includes(name))], [t("only A"), a.filter((name) => !b.includes(name))], [t("only B"), b.filter((name) => !a.includes(name))]] as const;
  if (a.length + b.length === 0) return null;
  return <div><dt>{label}</dt><dd>{parts.filter(([, names]) => names.length > 0).map(([who, names]) => <span key={who}><b>{who}</b> {names.map(oneLine).join(", ")}</span>)}</dd></div>;
}

function Figures({ left, right }: { left: SessionRow; right: SessionRow }) {
  const cells = (row: SessionRow) => FIGURES.map(({ label, value, format }) => <td key={label} class="num">{value(row) === null ? "–" : format(value(row)!)}</td>);
  return (
    <>
      <div class="compare-figures" tabIndex={0} role="region" aria-label={t("Figures")}>
        <table class="table">
          <thead><tr><td />{FIGURES.map(({ label }) => <th key={label} scope="col" class="num">{label}</th>)}</tr></thead>
          <tbody>
            <tr><th scope="row"><span class="tag">A</span></th>{cells(left)}</tr>
            <tr><th scope="row"><span class="tag">B</span></th>{cells(right)}</tr>
            {FIGURES.every(({ value }) => value(left) === value(right)) ? null : <tr class="muted"><th scope="row">{t("change")}</th>{FIGURES.map(({ label, value, format }) => <td key={label} class="num">{change(value(left), value(right), format)}</td>)}</tr>}
          </tbody>
        </table>
      </div>
      <dl class="onlys">
        <Onlys label={t("Models")} a={left.models} b={right.models} />
        <Onlys label={t("Tools")} a={left.tools} b={right.tools} />
      </dl>
    </>
  );
}

function Side({ session, call }: { session: string; call: CompareCall | null }) {
  if (call === null) return <td class="side is-absent"><span class="sr-only">{t("nothing")}</span></td>;
  return (
    <td class="side">
      <a href={sessionLink(session, call.span)}>
        <span class="op-tool kind-icon"><Icon name="tool" /></span>
        {call.is_error ? <span class="tone-error"><Icon name="error" label={t("failed or denied")} /></span> : null}
        <span class="act-name">{oneLine(call.tool)}</span>
        <span class="clip muted mono">{oneLine(call.detail ?? "")}</span>
      </a>
    </td>
  );
}

const MARKS = { same: null, varied: t("differs"), only_a: t("only A"), only_b: t("only B") } as const;

function Calls({ a, b, comparison }: { a: string; b: string; comparison: Comparison }) {
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  const { steps, divergence_at: first } = comparison;
  const items = foldAlike(steps.map((step) => step.kind === "same")).flatMap((item) => (typeof item !== "number" && open.has(item.from) ? Array.from({ length: item.to - item.from }, (_, i) => item.from + i) : [item]));
  return (
    <table class="compare-acts">
      <caption class="sr-only">{t("Tool calls of both sessions, those that belong together in one row")}</caption>
      <thead><tr><th scope="col"><span class="sr-only">{t("Difference")}</span></th><th scope="col">A</th><th scope="col">B</th></tr></thead>
      <tbody>
        {items.map((item) => {
          if (typeof item !== "number") {
            return <tr key={`fold ${item.from}`} class="fold-row"><td /><td colSpan={2}><button type="button" class="link" onClick={() => setOpen(new Set([...open, item.from]))}>{t("{0} alike", plural(item.to - item.from, "call"))}</button></td></tr>;
          }
          const step = steps[item]!;
          return (
            <tr key={item} class={`${step.kind === "same" ? "" : "is-different"}${item === first ? " is-first" : ""}`} id={item === first ? "first-difference" : undefined}>
              <td class="compare-mark">{item === first ? <b>{t("first difference")}</b> : MARKS[step.kind]}</td>
              <Side session={a} call={step.a} />
              <Side session={b} call={step.b} />
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Head({ label, row }: { label: string; row: SessionRow }) {
  return (
    <section class="compare-head">
      <h2><span class="tag">{label}</span><StatusMark row={row} /><a class="clip" href={sessionLink(row.session_id)}>{titleOf(row)}</a></h2>
      <p class="note clip">{[row.harness, row.project, row.host].filter(Boolean).map((text) => oneLine(text!)).join(" · ")} · <Time iso={row.started_at} /></p>
    </section>
  );
}

export function ComparePage() {
  const by = GROUPINGS.find((one) => one === query.value.get("by"));
  return by === undefined ? <Sessions /> : <GroupsPage by={by} />;
}

function GroupsPage({ by }: { by: Grouping }) {
  const a = query.value.get("a") ?? "";
  const b = query.value.get("b") ?? "";
  useLayoutEffect(() => provide({ back: () => navigate("/"), copy_link: () => void copy(location.href, t("Link")) }), []);
  return (
    <main class="page">
      <div class="page-head"><h1>{t("Compare")}</h1><GroupChoice by={by} a={a} b={b} /></div>
      {a === "" || b === "" ? <div class="group-start page-scroll"><h2>{t("Two groups of sessions are compared")}</h2><p class="muted">{t("Take one as A and one as B.")}</p><GroupValues by={by} a={a} b={b} /></div> : <Groups by={by} a={a} b={b} />}
    </main>
  );
}

/**
 * The acts of A and B where the runs first differ: in what they do, else in how it went. A run that
 * does nothing there parts with its next call.
 */
function partingOf({ steps, divergence_at, outcome_divergence_at }: Comparison): Parting | null {
  const at = divergence_at ?? outcome_divergence_at;
  if (at === null) return null;
  const rest = steps.slice(at);
  return [rest.find((step) => step.a !== null)?.a?.span ?? null, rest.find((step) => step.b !== null)?.b?.span ?? null];
}

function Sessions() {
  const a = query.value.get("a") ?? "";
  const b = query.value.get("b") ?? "";
  const answer = useAnswer(`${a}\n${b}`, async (signal) => (a === "" || b === "" ? null : Promise.all([getSession(a, signal), getSession(b, signal), compareSessions(a, b, signal)])));
  const known = answer.stale ? null : answer.data;
  useLayoutEffect(() => provide({ back: () => navigate("/"), copy_link: () => void copy(location.href, t("Link")) }), []);
  const comparison = known?.[2] ?? null;
  const differing = comparison === null ? 0 : comparison.steps.filter((step) => step.kind !== "same").length;
  return (
    <main class="page">
      <div class="page-head">
        <h1>{t("Compare")}</h1>
        {comparison === null ? null : <span class="note">{differing === 0 ? t("Both called the same tools in the same way.") : <>{t("{0} in {1}.", plural(differing, "difference"), plural(comparison.steps.length, "step"))} <a class="plain-link" href="#first-difference" onClick={(event) => {
          event.preventDefault();
          event.stopPropagation();
          document.getElementById("first-difference")?.scrollIntoView({ block: "center" });
        }}>{t("To the first")}</a></>}</span>}
        <span class="grow" />
        {known === null ? null : <button type="button" onClick={() => visit({ a: b, b: a })}>{t("Swap A and B")}</button>}
      </div>
      {a === "" || b === "" ? (
        <div class="page-empty"><h2>{t("Two sessions are compared")}</h2><p class="muted">{t("Mark two in {0} and choose Compare.", <a href="/">{t("Sessions")}</a>)}</p><p class="muted">{t("Or compare all of a {0}, a {1}, a {2} or a {3} with another.", ...GROUPINGS.map((one) => <a href={`/compare?by=${one}`}>{one}</a>))}</p></div>
      ) : answer.failure !== null ? <Failure error={answer.failure} what={t("A session could not be read")} retry={answer.again} /> : known === null ? <Skeleton rows={14} height={30} label={t("Loading both sessions")} /> : (
        <div class="page-scroll compare" tabIndex={0} role="region" aria-label={t("Comparison")}>
          <div class="compare-heads"><Head label="A" row={known[0].session} /><Head label="B" row={known[1].session} /></div>
          <Runs key={`${a} ${b} runs`} a={a} b={b} parting={partingOf(known[2])} />
          <Figures left={known[0].session} right={known[1].session} />
          {known[2].divergence === null ? null : <p class="compare-divergence"><span class="tone-loop"><Icon name="fork" /></span>{oneLine(known[2].divergence)}</p>}
          {known[2].outcome_divergence === null ? null : <p class="compare-divergence"><span class="tone-error"><Icon name="error" /></span>{oneLine(known[2].outcome_divergence)}</p>}
          <Differences comparison={known[2]} />
          {known[2].omitted_steps > 0 ? <p class="note compare-note">{t("{0} at the beginning, alike in both, are left out.", plural(known[2].omitted_steps, "call"))}</p> : null}
          {known[2].truncated ? <p class="note compare-note">{t("The calls at the end of long sessions are not compared.")}</p> : null}
          {known[2].steps.length === 0 ? <p class="note compare-note">{t("Neither called a tool.")}</p> : <Calls key={`${a} ${b}`} a={a} b={b} comparison={known[2]} />}
        </div>
      )}
    </main>
  );
}
