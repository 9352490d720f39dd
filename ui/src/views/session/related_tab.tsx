// What else tells of this act: other reports of it, its attempts, hooks, logs, equal calls.

import type { ComponentChildren } from "preact";
import type { Related, SpanDetail } from "../../api/types.ts";
import { spanLink } from "../../state/route.ts";
import type { SessionView } from "../../state/session_view.ts";
import { t } from "../../strings.ts";
import { formatDuration, plural } from "../../trace/format.ts";
import { labelOf, operationOf } from "../../trace/labels.ts";
import { oneLine } from "../../trace/payload_text.ts";
import { OperationIcon } from "../../widgets/icon.tsx";
import { Note } from "../../widgets/states.tsx";
import { EventView } from "./meta.tsx";

const NO_PROMPTS: ReadonlyMap<number, string> = new Map();
const FIRST = 24;
const GROUPS: [relations: string[], title: string][] = [
  [["duplicate_of"], t("second report of")],
  [["duplicate"], t("also reported as")],
  [["retry"], "attempts"],
  [["child_session"], t("sessions it started")],
  [["same_call"], t("the same call again")],
];

function Item({ view, target, children }: { view: SessionView; target: Related | number; children?: ComponentChildren }) {
  const table = view.table.value!;
  const row = typeof target === "number" ? target : (view.index.value.get(`${target.trace_id}:${target.span_id}`) ?? -1);
  if (row < 0 && typeof target !== "number") {
    return <li><a href={spanLink(target)}>{target.operation === null ? null : <OperationIcon operation={target.operation} />}{oneLine(target.name ?? target.span_id)}</a><span class="muted">{target.origin}</span></li>;
  }
  const label = labelOf(table, row, NO_PROMPTS);
  return (
    <li>
      <button type="button" class="link" onClick={() => view.select(row, true)}><OperationIcon operation={operationOf(table, row)} />{label.name}</button>
      <span class="muted">{t("at {0}", formatDuration(table.start[row]!))}</span>
      <span class="muted clip">{label.detail}</span>
      {children}
    </li>
  );
}

function Group({ title, count, children }: { title: string; count: number; children: ComponentChildren }) {
  if (count === 0) return null;
  return (
    <section>
      <h3 class="part-title">{title} <span class="count">{count}</span></h3>
      {children}
    </section>
  );
}

/** Hooks, policies and guardrails below the act, plumbing included. */
function guardsOf(view: SessionView, row: number): number[] {
  const table = view.table.value!;
  const guards = new Set(["hook", "policy", "guardrail"]);
  const found: number[] = [];
  for (let other = 0; other < table.spanCount && found.length < 200; other++) {
    if (!guards.has(operationOf(table, other))) continue;
    let up = table.parent[other]!;
    for (let level = 0; up >= 0 && up !== row && level < 3; level++) up = table.parent[up]!;
    if (up === row) found.push(other);
  }
  return found;
}

export function RelatedTab({ view, row, detail }: { view: SessionView; row: number; detail: SpanDetail }) {
  const operation = operationOf(view.table.value!, row);
  const guards = operation === "session" || operation === "turn" ? [] : guardsOf(view, row);
  const logs = detail.events.filter((event) => event.kind === "log");
  if (detail.related.length + guards.length + logs.length === 0) return <Note>{t("Nothing else tells of this act: no second report, no retry, no hook, no log record.")}</Note>;
  return (
    <>
      {GROUPS.map(([relations, title]) => {
        const list = detail.related.filter((other) => relations.includes(other.relation));
        return (
          <Group key={title} title={title} count={list.length}>
            <ul class="related">{list.slice(0, FIRST).map((other) => <Item key={`${other.trace_id}${other.span_id}`} view={view} target={other} />)}</ul>
            {list.length > FIRST ? <p class="note">{t("and {0}", plural(list.length - FIRST, "more", "more"))}</p> : null}
          </Group>
        );
      })}
      <Group title={t("hooks and policies")} count={guards.length}><ul class="related">{guards.map((other) => <Item key={other} view={view} target={other} />)}</ul></Group>
      <Group title={t("log records")} count={logs.length}>{logs.map((event, i) => <EventView key={i} event={event} />)}</Group>
    </>
  );
}
