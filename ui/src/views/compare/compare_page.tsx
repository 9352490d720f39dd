// Two sessions side by side: their figures, and their acts aligned, so that the first difference shows.

import { useLayoutEffect, useMemo, useState } from "preact/hooks";
import { getSession } from "../../api/client.ts";
import { listActs, type ActLine } from "../../api/overview.ts";
import type { SessionRow } from "../../api/types.ts";
import { provide } from "../../commands.ts";
import { copy } from "../../state/panels.ts";
import { navigate, query, sessionLink } from "../../state/route.ts";
import { formatCost, formatCount, formatDuration, groupDigits, plural } from "../../trace/format.ts";
import { oneLine, titleOf } from "../../trace/payload_text.ts";
import { Icon, OperationIcon } from "../../widgets/icon.tsx";
import { Failure, Skeleton } from "../../widgets/states.tsx";
import { Time } from "../../widgets/time.tsx";
import { useAnswer } from "../../widgets/use_answer.ts";
import { tellAct } from "../live/act_feed.ts";
import { StatusMark } from "../sessions/session_marks.tsx";
import { visit } from "../../widgets/range_picker.tsx";
import { align, firstDifference, foldAlike, type Pair } from "./align.ts";
import "./compare.css";

const MOST_ACTS = 1000;
const OPERATIONS = ["turn", "agent", "model", "tool", "mcp", "skill"];

interface Run {
  row: SessionRow;
  acts: ActLine[];
}

async function readRun(id: string, signal: AbortSignal): Promise<Run> {
  const params = new URLSearchParams({ session_id: id, limit: String(MOST_ACTS) });
  for (const operation of OPERATIONS) params.append("operation", operation);
  const [detail, acts] = await Promise.all([getSession(id, signal), listActs(params, signal)]);
  return { row: detail.session, acts: acts.sort((a, b) => (a.started_at < b.started_at ? -1 : a.started_at > b.started_at ? 1 : a.act_id - b.act_id)) };
}

const FIGURES: { label: string; value: (row: SessionRow) => number | null; format: (value: number) => string }[] = [
  { label: "Duration", value: (row) => row.duration_ns, format: formatDuration },
  { label: "Turns", value: (row) => row.turn_count, format: groupDigits },
  { label: "Model requests", value: (row) => row.model_request_count, format: groupDigits },
  { label: "Tool calls", value: (row) => row.tool_call_count, format: groupDigits },
  { label: "Subagents", value: (row) => row.subagent_count, format: groupDigits },
  { label: "Errors", value: (row) => row.error_count, format: groupDigits },
  { label: "Denied", value: (row) => row.denied_count, format: groupDigits },
  { label: "Findings", value: (row) => row.finding_count, format: groupDigits },
  { label: "Input tokens", value: (row) => row.input_tokens, format: formatCount },
  { label: "Output tokens", value: (row) => row.output_tokens, format: formatCount },
  { label: "Cost", value: (row) => row.cost_usd, format: formatCost },
];

function change(a: number | null, b: number | null, format: (value: number) => string): string {
  if (a === null || b === null || a === b) return "";
  return `${b > a ? "+" : "−"}${format(Math.abs(b - a))}`;
}

function Figures({ left, right }: { left: SessionRow; right: SessionRow }) {
  const only = (a: readonly string[], b: readonly string[]) => a.filter((name) => !b.includes(name)).map((name) => oneLine(name)).join(", ") || "–";
  const cells = (row: SessionRow) => FIGURES.map(({ label, value, format }) => <td key={label} class="num">{value(row) === null ? "–" : format(value(row)!)}</td>);
  return (
    <>
      <div class="compare-figures" tabIndex={0} role="region" aria-label="Figures">
        <table class="table">
          <thead><tr><td />{FIGURES.map(({ label }) => <th key={label} scope="col" class="num">{label}</th>)}</tr></thead>
          <tbody>
            <tr><th scope="row"><span class="tag">A</span></th>{cells(left)}</tr>
            <tr><th scope="row"><span class="tag">B</span></th>{cells(right)}</tr>
            <tr class="muted"><th scope="row">change</th>{FIGURES.map(({ label, value, format }) => <td key={label} class="num">{change(value(left), value(right), format)}</td>)}</tr>
          </tbody>
        </table>
      </div>
      <p class="note compare-note">Models: {left.models.map(oneLine).join(", ") || "none"} against {right.models.map(oneLine).join(", ") || "none"}. Tools of A only: {only(left.tools, right.tools)}. Tools of B only: {only(right.tools, left.tools)}.</p>
    </>
  );
}

function Side({ act, other }: { act: ActLine | null; other: ActLine | null }) {
  if (act === null) return <td class="side is-absent"><span class="sr-only">nothing</span></td>;
  const { name, detail } = tellAct(act);
  const differs = other !== null && (act.failed !== other.failed || act.decision !== other.decision);
  return (
    <td class="side">
      <a href={act.session_id === null ? "#" : sessionLink(act.session_id, act)} class={differs ? "differs" : undefined}>
        <OperationIcon operation={act.operation} />
        {act.decision === "deny" ? <span class="tone-denied"><Icon name="denied" label="denied" /></span> : act.failed ? <span class="tone-error"><Icon name="error" label="failed" /></span> : null}
        <span class="act-name">{oneLine(name)}</span>
        <span class="clip muted mono">{oneLine(detail)}</span>
        <span class="grow" />
        <span class="num muted">{act.duration_ns === null ? "running" : formatDuration(act.duration_ns)}</span>
      </a>
    </td>
  );
}

function Acts({ pairs, open, setOpen }: { pairs: readonly Pair[]; open: ReadonlySet<number>; setOpen: (open: ReadonlySet<number>) => void }) {
  const first = firstDifference(pairs);
  const items = foldAlike(pairs).flatMap((item) => (typeof item !== "number" && open.has(item.from) ? Array.from({ length: item.to - item.from }, (_, i) => item.from + i) : [item]));
  return (
    <table class="compare-acts">
      <caption class="sr-only">Acts of both sessions, those that are alike in one row</caption>
      <thead><tr><th scope="col"><span class="sr-only">Difference</span></th><th scope="col">A</th><th scope="col">B</th></tr></thead>
      <tbody>
        {items.map((item) => {
          if (typeof item !== "number") {
            return <tr key={`fold ${item.from}`} class="fold-row"><td /><td colSpan={2}><button type="button" class="link" onClick={() => setOpen(new Set([...open, item.from]))}>{plural(item.to - item.from, "act")} alike</button></td></tr>;
          }
          const row = pairs[item]!;
          const mark = row.same ? null : row.left === null ? "only B" : row.right === null ? "only A" : "differs";
          return (
            <tr key={item} class={`${row.same ? "" : "is-different"}${item === first ? " is-first" : ""}`} id={item === first ? "first-difference" : undefined}>
              <td class="compare-mark">{mark === null ? null : item === first ? <b>first difference</b> : mark}</td>
              <Side act={row.left} other={row.right} />
              <Side act={row.right} other={row.left} />
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
  const a = query.value.get("a") ?? "";
  const b = query.value.get("b") ?? "";
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  const answer = useAnswer(`${a}\n${b}`, async (signal) => (a === "" || b === "" ? null : Promise.all([readRun(a, signal), readRun(b, signal)])));
  const runs = answer.stale ? null : answer.data;
  const pairs = useMemo(() => (runs === null ? [] : align(runs[0].acts, runs[1].acts)), [runs]);
  const first = firstDifference(pairs);
  useLayoutEffect(() => provide({ back: () => navigate("/"), copy_link: () => void copy(location.href, "Link") }), []);
  const differing = pairs.filter((row) => !row.same).length;
  return (
    <main class="page">
      <div class="page-head">
        <h1>Compare</h1>
        {runs === null ? null : <span class="note">{differing === 0 ? "Both did the same, act by act." : <>{plural(differing, "difference")} in {plural(pairs.length, "row")}. <a class="plain-link" href="#first-difference" onClick={(event) => {
          event.preventDefault();
          event.stopPropagation();
          document.getElementById("first-difference")?.scrollIntoView({ block: "center" });
        }}>To the first</a></>}</span>}
        <span class="grow" />
        {runs === null ? null : <button type="button" onClick={() => visit({ a: b, b: a })}>Swap A and B</button>}
      </div>
      {a === "" || b === "" ? (
        <div class="page-empty"><h2>Two sessions are compared</h2><p class="muted">Mark two in <a href="/">Sessions</a> and choose Compare.</p></div>
      ) : answer.failure !== null ? <Failure error={answer.failure} what="A session could not be read" retry={answer.again} /> : runs === null ? <Skeleton rows={14} height={30} label="Loading both sessions" /> : (
        <div class="page-scroll compare" tabIndex={0} role="region" aria-label="Comparison">
          <div class="compare-heads"><Head label="A" row={runs[0].row} /><Head label="B" row={runs[1].row} /></div>
          <Figures left={runs[0].row} right={runs[1].row} />
          {runs.some((run) => run.acts.length >= MOST_ACTS) ? <p class="note pad">The last {groupDigits(MOST_ACTS)} acts of each are compared.</p> : null}
          {first === -1 && pairs.length === 0 ? <p class="note pad">Neither holds an act that could be compared.</p> : <Acts pairs={pairs} open={open} setOpen={setOpen} />}
        </div>
      )}
    </main>
  );
}
