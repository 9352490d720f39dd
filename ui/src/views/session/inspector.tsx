// The side panel: everything about the selected span. It never moves a row.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { SpanDetail } from "../../api/types.ts";
import { provide } from "../../commands.ts";
import { inspectorOpen, inspectorWidth, overviewAsked } from "../../state/panels.ts";
import type { InspectorTab } from "../../state/session_address.ts";
import type { SessionView } from "../../state/session_view.ts";
import { t } from "../../strings.ts";
import { formatCost, formatDuration, groupDigits } from "../../trace/format.ts";
import { editsOf } from "../../trace/edits.ts";
import { labelOf, operationOf } from "../../trace/labels.ts";
import { isDenied, isError } from "../../trace/span_table.ts";
import { Icon, OperationIcon } from "../../widgets/icon.tsx";
import { Failure, Skeleton } from "../../widgets/states.tsx";
import { indentJson } from "../../trace/json_text.ts";
import { TextView } from "../../widgets/text_view.tsx";
import { Content, TurnContent } from "./content.tsx";
import { find, useFind, useSpan, wholeOf } from "./inspector_state.ts";
import { DiffTab } from "./diff_tab.tsx";
import { Meta } from "./meta.tsx";
import { NotesTab } from "./notes_tab.tsx";
import { OverviewPanel } from "./overview_panel.tsx";
import { RelatedTab } from "./related_tab.tsx";

const TABS: [InspectorTab, string][] = [["content", t("Content")], ["diff", t("Diff")], ["meta", t("Meta")], ["related", t("Related")], ["notes", t("Notes")], ["raw", t("Raw")]];

/** The tabs that the selected act has, for the key that goes through them. */
export let shownTabs: InspectorTab[] = TABS.map(([id]) => id);

export function focusFind(): boolean {
  const input = document.querySelector<HTMLInputElement>("#find-in-span");
  input?.select();
  return input !== null;
}

function FindBox({ body }: { body: { current: HTMLDivElement | null } }) {
  const [at, setAt] = useState(0);
  const [count, setCount] = useState(0);
  const settled = useFind();
  const marks = () => [...(body.current?.querySelectorAll("mark") ?? [])];
  const show = (next: number) => {
    const all = marks();
    setCount(all.length);
    if (all.length === 0) return setAt(0);
    const index = ((next % all.length) + all.length) % all.length;
    for (const mark of all) mark.classList.remove("is-current");
    all[index]!.classList.add("is-current");
    all[index]!.scrollIntoView({ block: "center" });
    setAt(index);
  };
  useEffect(() => {
    // The marks are drawn after this effect of the same search text.
    const timer = setTimeout(() => (settled === "" ? setCount(0) : show(0)), 60);
    return () => clearTimeout(timer);
  }, [settled]);
  return (
    <label class="search-box">
      <Icon name="search" />
      <input id="find-in-span" type="search" placeholder={t("Find in this span")} aria-label={t("Find in this span")} value={find.value}
        onInput={(event) => (find.value = event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") {
            event.preventDefault();
            show(at + (event.shiftKey ? -1 : 1));
          } else if (event.key === "Escape" && find.value !== "") {
            event.preventDefault();
            find.value = "";
          }
        }} />
      {settled === "" ? null : <span class="search-count" role="status">{count === 0 ? "0" : `${at + 1}/${groupDigits(count)}`}</span>}
    </label>
  );
}

function Head({ view, row }: { view: SessionView; row: number }) {
  const table = view.table.value!;
  const prompts = new Map<number, string>();
  const label = labelOf(table, row, prompts);
  const operation = operationOf(table, row);
  const running = table.duration[row]! < 0;
  const facts: string[] = [operation, running ? (view.alive.value ? t("running") : t("never ended")) : formatDuration(table.duration[row]!), t("at {0}", formatDuration(table.start[row]!))];
  if (table.inputTokens[row]! >= 0 || table.outputTokens[row]! >= 0) facts.push(`${groupDigits(Math.max(0, table.inputTokens[row]!))} → ${groupDigits(Math.max(0, table.outputTokens[row]!))} tok`);
  if (table.cost[row]! > 0) facts.push(formatCost(table.cost[row]!));
  return (
    <div class="inspector-head">
      <h2><OperationIcon operation={operation} /><span class="clip">{label.name}</span>
        {isDenied(table, row) ? <span class="flag tone-denied"><Icon name="denied" />{t("denied")}</span> : null}
        {isError(table, row) ? <span class="flag tone-error"><Icon name="error" />{t("error")}</span> : null}
        <span class="grow" />
        <button type="button" class="quiet narrow-only" aria-label={t("Close the inspector")} onClick={() => (inspectorOpen.value = false)}><Icon name="error" /></button>
      </h2>
      {label.detail === "" || operation === "model" ? null : <p class="inspector-detail" title={label.detail}>{label.detail}</p>}
      <p class="muted">{facts.join(" · ")}</p>
    </div>
  );
}

const counted = new WeakMap<SpanDetail, number>();

/** How many files the call edits, for the tab; arguments that did not come whole count as one when they look like an edit. */
function editCount(detail: SpanDetail): number {
  let count = counted.get(detail);
  if (count === undefined) {
    const { input, span } = detail;
    const call = ["tool", "mcp", "skill"].includes(span.operation);
    count = !call || input === null ? 0 : input.complete ? editsOf(input.text, span.tool_name ?? span.name).length : /"(old_string|new_string|patch|content|file_text)"/.test(input.text) ? 1 : 0;
    counted.set(detail, count);
  }
  return count;
}

export function Inspector({ view }: { view: SessionView }) {
  const body = useRef<HTMLDivElement>(null);
  const span = useSpan(view);
  const table = view.table.value!;
  const row = view.selectedRow.value;
  const tab = view.tab.value;
  useEffect(() => {
    if (row >= 0) overviewAsked.value = false;
  }, [row]);
  useLayoutEffect(() => provide({ whole: () => (wholeOf.value = !wholeOf.value) }), []);
  const key = view.selected.value;
  useEffect(() => {
    wholeOf.value = false;
    body.current?.scrollTo(0, 0);
  }, [key]);
  const open = (target: string) => {
    const other = view.index.value.get(target);
    if (other !== undefined) view.select(other, true);
  };
  const width = { width: `${inspectorWidth.value}px` };
  if (row < 0) {
    return (
      <aside class="inspector" aria-label={t("Inspector")} style={width}>
        <button type="button" class="quiet narrow-only overview-close" aria-label={t("Close the inspector")} onClick={() => (overviewAsked.value = false)}><Icon name="error" /></button>
        <OverviewPanel view={view} />
      </aside>
    );
  }
  const synthetic = row >= table.spanCount;
  const edits = span.answer === null ? 0 : editCount(span.answer.detail);
  const notes = view.annotations.ofSelected.value.length;
  const tabs = TABS.filter(([id]) => id !== "diff" || tab === id || edits > 0);
  shownTabs = tabs.map(([id]) => id);
  return (
    <aside class="inspector" aria-label={t("Inspector")} style={width}>
      <Head view={view} row={row} />
      <div class="inspector-bar">
        <div class="tabs" role="tablist" aria-label={t("Inspector")}>
          {tabs.map(([id, label]) => (
            <button key={id} type="button" role="tab" aria-selected={tab === id} onClick={() => (view.tab.value = id)}>{label}{id === "diff" && edits > 0 ? <span class="count">{edits}</span> : id === "notes" && notes > 0 ? <span class="count">{notes}</span> : null}</button>
          ))}
        </div>
        <span class="grow" />
        <FindBox body={body} />
      </div>
      <div class="inspector-body" ref={body} tabIndex={0} role="tabpanel" aria-label={tab} data-own-arrows>
        {tab === "notes" ? <NotesTab key={key} view={view} />
          : synthetic ? <TurnContent view={view} row={row} />
          : span.failure !== null && span.answer === null ? <Failure error={span.failure} what={span.failure.status === 404 ? t("This span is no longer recorded") : t("The span could not be read")} retry={span.retry} />
          : span.answer === null ? <Skeleton rows={8} label={t("Loading the span")} />
          : tab === "content" ? <Content key={span.key} view={view} row={row} detail={span.answer.detail} open={open} />
          : tab === "diff" ? <DiffTab key={span.key} detail={span.answer.detail} />
          : tab === "related" ? <RelatedTab view={view} row={row} detail={span.answer.detail} />
          : tab === "meta" ? <Meta detail={span.answer.detail} open={open} />
          : <RawTab text={span.answer.text} />}
      </div>
    </aside>
  );
}

function RawTab({ text }: { text: string }) {
  return <section class="card"><TextView text={indentJson(text) ?? text} json find={useFind()} whole /></section>;
}
