// All sessions, newest first, live.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { SessionRow } from "../../api/types.ts";
import { provide } from "../../commands.ts";
import { navigate, sessionLink } from "../../state/route.ts";
import { children, failure, filterFlag, filterText, fresh, hasMore, loadChildren, loaded, loadingMore, more, quietCount, reload, rows, setFilter, showQuiet, shownRows, type Flag } from "../../state/sessions.ts";
import { formatCost, formatCount, formatDuration, formatTime, groupDigits, plural } from "../../trace/format.ts";
import { oneLine, titleOf } from "../../trace/payload_text.ts";
import { Icon } from "../../widgets/icon.tsx";
import { Failure, Skeleton } from "../../widgets/states.tsx";
import { showRow, useSight } from "../../widgets/virtual_rows.tsx";
import { ConnectGuide } from "./connect_guide.tsx";
import { Flags, StatusMark } from "./session_marks.tsx";
import "./sessions.css";

const HEIGHT = 44;
const FLAGS: [Flag, string, string | null][] = [["", "all", null], ["running", "running", "running"], ["error", "failed", "error"], ["loop", "loops", "loop"], ["blocked", "denied", "denied"]];

interface Line {
  row: SessionRow | null;
  depth: number;
  key: string;
  note?: string;
}

function linesOf(list: readonly SessionRow[], open: ReadonlySet<string>, known: ReadonlyMap<string, readonly SessionRow[] | null>): Line[] {
  const lines: Line[] = [];
  const add = (row: SessionRow, depth: number) => {
    lines.push({ row, depth, key: row.session_id });
    if (!open.has(row.session_id)) return;
    const below = known.get(row.session_id);
    if (below == null) lines.push({ row: null, depth: depth + 1, key: `${row.session_id} wait`, note: "reading its subagents…" });
    else if (below.length === 0) lines.push({ row: null, depth: depth + 1, key: `${row.session_id} none`, note: `${plural(row.subagent_count, "subagent")} ran inside this session; open it to see them` });
    else for (const child of below) if (depth < 8) add(child, depth + 1);
  };
  for (const row of list) add(row, 0);
  return lines;
}

const tokensOf = (row: SessionRow) => row.input_tokens + row.output_tokens;

function SessionLine({ line, top, place, selected, open, onToggle, onSelect }: {
  line: Line; top: number; place: number; selected: boolean; open: boolean; onToggle: () => void; onSelect: () => void;
}) {
  const { row, depth } = line;
  const shift = { paddingLeft: `${depth * 20}px` };
  if (row === null) return <div class="session-row is-note" role="row" style={{ top: `${top}px` }} aria-level={depth + 1}><span role="gridcell" /><span role="gridcell" class="muted" style={shift}>{line.note}</span></div>;
  const tokens = tokensOf(row);
  const nested = row.subagent_count > 0;
  return (
    <div id={`session-${place}`} class={`session-row${selected ? " is-selected" : ""}${fresh.value.has(row.session_id) ? " is-fresh" : ""}`} role="row" style={{ top: `${top}px` }}
      aria-level={depth + 1} aria-rowindex={place + 1} aria-selected={selected} aria-expanded={nested ? open : undefined}
      onClick={(event) => {
        onSelect();
        if ((event.target as Element).closest("a, button") === null) navigate(sessionLink(row.session_id));
      }}>
      <span role="gridcell" class="cell-status"><StatusMark row={row} /></span>
      <span role="gridcell" class="cell-title" style={shift}>
        <span class="title-line">
          {nested ? (
            <button type="button" class={`expander${open ? " is-open" : ""}`} tabIndex={-1} aria-label={open ? "Hide subagents" : "Show subagents"} onClick={onToggle}><Icon name="chevron" size={10} /></button>
          ) : null}
          <a class="clip" tabIndex={-1} href={sessionLink(row.session_id)}>{titleOf(row)}</a>
        </span>
        <span class="sub-line clip">
          {[row.harness, row.project, row.models.slice(0, 3).join(", "), nested ? plural(row.subagent_count, "subagent") : null, row.inferred ? "inferred session" : null].filter(Boolean).map((text) => oneLine(text!)).join(" · ")}
        </span>
      </span>
      <span role="gridcell"><Flags row={row} /></span>
      <span role="gridcell" class="num" title={plural(row.turn_count, "turn")}>{row.turn_count || ""}</span>
      <span role="gridcell" class="num" title={plural(row.model_request_count, "model request")}>{row.model_request_count > 0 ? groupDigits(row.model_request_count) : ""}</span>
      <span role="gridcell" class="num" title={plural(row.tool_call_count, "tool call")}>{row.tool_call_count > 0 ? groupDigits(row.tool_call_count) : ""}</span>
      <span role="gridcell" class="num" title={tokens > 0 ? `${groupDigits(row.input_tokens)} in, ${groupDigits(row.output_tokens)} out, ${groupDigits(row.cache_read_tokens)} from cache` : undefined}>{tokens > 0 ? formatCount(tokens) : ""}</span>
      <span role="gridcell" class="num">{row.cost_usd !== null && row.cost_usd > 0 ? formatCost(row.cost_usd) : ""}</span>
      <span role="gridcell" class="num">{row.status === "running" ? <span class="running-text">{formatDuration(row.duration_ns)}</span> : formatDuration(row.duration_ns)}</span>
      <span role="gridcell" class="num muted" title={row.started_at}>{formatTime(row.started_at)}</span>
    </div>
  );
}

const COLUMNS = ["", "Session", "", "Turns", "Model", "Tool", "Tokens", "Cost", "Duration", "Started"];

export function SessionsPage() {
  const scroller = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const [selected, select] = useState<string | null>(null);
  const lines = useMemo(() => linesOf(shownRows.value, open, children.value), [shownRows.value, open, children.value]);
  const sight = useSight(scroller, lines.length, HEIGHT);

  // What is being read stays where it is when a session is put on top.
  const anchor = useRef<{ key: string; offset: number } | null>(null);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const held = anchor.current;
    const place = held === null ? -1 : lines.findIndex((line) => line.key === held.key);
    if (held !== null && place >= 0) element.scrollTop = place * HEIGHT - held.offset;
  }, [lines]);
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const remember = () => {
      const first = Math.floor(element.scrollTop / HEIGHT);
      const line = lines[first];
      anchor.current = element.scrollTop === 0 || line === undefined ? null : { key: line.key, offset: first * HEIGHT - element.scrollTop };
    };
    remember();
    element.addEventListener("scroll", remember, { passive: true });
    return () => element.removeEventListener("scroll", remember);
  }, [lines]);
  useEffect(() => {
    if (sight.end >= lines.length && hasMore()) void more();
  }, [sight.end, lines.length]);

  const toggle = (row: SessionRow, wanted?: boolean) => {
    if (row.subagent_count === 0) return;
    const next = new Set(open);
    if (wanted ?? !open.has(row.session_id)) {
      next.add(row.session_id);
      void loadChildren(row.session_id);
    } else next.delete(row.session_id);
    setOpen(next);
  };
  const at = lines.findIndex((line) => line.key === selected);
  const go = (delta: number) => {
    let next = Math.min(lines.length - 1, Math.max(0, at < 0 ? (delta > 0 ? 0 : lines.length - 1) : at + delta));
    if (lines[next]?.row === null) next = Math.min(lines.length - 1, next + Math.sign(delta));
    const line = lines[next];
    if (line === undefined || line.row === null) return;
    select(line.key);
    if (scroller.current !== null) showRow(scroller.current, next, HEIGHT, 1, 1);
  };
  // Before the next key can come: a key pressed right after another must see what that one did.
  useLayoutEffect(() => provide({
    next: () => go(1),
    previous: () => go(-1),
    first: () => go(-Infinity),
    last: () => go(Infinity),
    page_down: () => go(10),
    page_up: () => go(-10),
    open: () => lines[at]?.row != null && navigate(sessionLink(lines[at].row.session_id)),
    expand: () => lines[at]?.row != null && toggle(lines[at].row, true),
    collapse: () => lines[at]?.row != null && toggle(lines[at].row, false),
    search: () => document.querySelector<HTMLInputElement>("#session-filter")?.select(),
    back: () => {
      if (document.activeElement instanceof HTMLInputElement) document.activeElement.blur();
      else if (filterText.peek() !== "" || filterFlag.peek() !== "") setFilter("", "");
      else select(null);
    },
  }), [lines, at, open]);
  const filtered = filterText.value !== "" || filterFlag.value !== "";
  const empty = loaded.value && rows.value.length === 0 && !filtered;
  const visible = empty || failure.value !== null && !loaded.value ? null : scroller;
  useEffect(() => visible?.current?.focus({ preventScroll: true }), [visible === null, loaded.value]);

  if (empty) return <main class="sessions-page"><ConnectGuide /></main>;
  return (
    <main class="sessions-page">
      <div class="page-head">
        <h1>Sessions</h1>
        <label class="search-box wide">
          <Icon name="search" />
          <input id="session-filter" type="search" placeholder="Title, id, harness, project, model, tool" aria-label="Filter sessions" value={filterText.value} onInput={(event) => setFilter(event.currentTarget.value, filterFlag.value)} />
          <kbd>/</kbd>
        </label>
        <div class="chips" role="group" aria-label="Show">
          {FLAGS.map(([flag, label, icon]) => (
            <button key={label} type="button" aria-pressed={filterFlag.value === flag} onClick={() => setFilter(filterText.value, flag)}>
              {icon === null ? null : <span class={`tone-${icon}`}><Icon name={icon} /></span>}{label}
            </button>
          ))}
        </div>
        {quietCount.value > 0 ? (
          <button type="button" class="switch" aria-pressed={showQuiet.value} title="Traces that stand alone and hold no model request and no tool call" onClick={() => (showQuiet.value = !showQuiet.value)}>
            {showQuiet.value ? "hide" : "show"} {plural(quietCount.value, "trace")} without acts
          </button>
        ) : null}
        {sight.top > 0 && fresh.value.size > 0 ? <button type="button" class="link muted" onClick={() => scroller.current?.scrollTo({ top: 0 })}>{fresh.value.size} new above</button> : null}
      </div>
      {failure.value === null ? null : <Failure error={failure.value} what={loaded.value ? "The list could not be read again; what is shown is older" : "The sessions could not be read"} retry={() => void reload()} />}
      {!loaded.value ? (failure.value === null ? <Skeleton rows={14} height={HEIGHT} label="Loading sessions" /> : null) : (
        <div class="session-list">
          <div class="session-row session-columns" aria-hidden="true">{COLUMNS.map((name, i) => <span key={i} class={i > 2 ? "num" : undefined}>{name}</span>)}</div>
          <div class="session-scroll" ref={scroller} role="treegrid" tabIndex={0} aria-rowcount={lines.length} aria-colcount={COLUMNS.length} aria-activedescendant={at >= 0 ? `session-${at}` : undefined} aria-label="Sessions">
            <div class="session-space" style={{ height: `${lines.length * HEIGHT}px` }}>
              {lines.slice(sight.first, sight.end).map((line, i) => (
                <SessionLine key={line.key} line={line} place={sight.first + i} top={(sight.first + i) * HEIGHT} selected={line.key === selected} open={open.has(line.key)}
                  onToggle={() => line.row !== null && toggle(line.row)} onSelect={() => select(line.key)} />
              ))}
            </div>
            {lines.length === 0 ? <p class="note pad">No session fits. <button type="button" class="link" onClick={() => setFilter("", "")}>Show all</button></p> : null}
            {loadingMore.value ? <p class="note pad">more…</p> : null}
          </div>
        </div>
      )}
    </main>
  );
}
