// All sessions: the year, totals, the filter, and the list, live.

import { computed, signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { SessionRow } from "../../api/types.ts";
import { keyLabel, provide } from "../../commands.ts";
import { parseFilter, toggleTerm } from "../../state/filter.ts";
import { copy } from "../../state/panels.ts";
import { navigate, path, query, sessionLink } from "../../state/route.ts";
import { ascending, children, failure, filterText, followAddress, fresh, hasMore, listHref, loadChildren, loaded, loadingMore, more, quietCount, reload, rows, setFilter, showQuiet, shownRows, sort, sortBy, wantShapes } from "../../state/sessions.ts";
import { stored } from "../../state/stored.ts";
import { ask } from "../../state/subjects.ts";
import { t } from "../../strings.ts";
import { plural } from "../../trace/format.ts";
import { Icon } from "../../widgets/icon.tsx";
import { Failure, Skeleton } from "../../widgets/states.tsx";
import { showRow, useSight } from "../../widgets/virtual_rows.tsx";
import { ConnectGuide } from "../setup/connect_guide.tsx";
import { FilterBar } from "./filter_bar.tsx";
import { MarkedBar } from "./marked_bar.tsx";
import { Overview } from "./overview.tsx";
import { COLUMNS, linesOf, SessionLine } from "./session_line.tsx";
import "./sessions.css";

const HEIGHT = 44;
const CHIPS: [field: string, value: string, label: string, icon: string][] = [
  ["status", "running", "running", "running"], ["status", "error", "failed", "error"], ["finding", "loop", "loops", "loop"], ["finding", "blocked", "denied", "denied"],
];

// Outlive the page, so that coming back from a session finds the list as it was left.
const open = signal<ReadonlySet<string>>(new Set());
const selected = signal<string | null>(null);
const marked = signal<ReadonlySet<string>>(new Set());
const overviewOpen = stored<boolean>("sessions.overview", true);
const lines = computed(() => linesOf(shownRows.value, open.value, children.value));
const markedRows = computed(() => lines.value.flatMap((line) => (line.row !== null && marked.value.has(line.key) ? [line.row] : [])));
/** What a command of the list is about: the marked sessions, else the selected one. */
const subjectRows = computed(() => (markedRows.value.length > 0 ? markedRows.value : lines.value.flatMap((line) => (line.row !== null && line.key === selected.value ? [line.row] : []))));
let keptTop = 0;

function toggle(row: SessionRow, wanted?: boolean): void {
  if (row.subagent_count === 0) return;
  const next = new Set(open.peek());
  if (wanted ?? !next.has(row.session_id)) {
    next.add(row.session_id);
    void loadChildren(row.session_id);
  } else next.delete(row.session_id);
  open.value = next;
}

let lastMarked: string | null = null;
/** Marks a session or takes the mark away; `extend` marks all between it and the one before. */
function mark(id: string, extend: boolean): void {
  const next = new Set(marked.peek());
  const keys = lines.peek().filter((line) => line.row !== null).map((line) => line.key);
  const [a, b] = [keys.indexOf(lastMarked ?? ""), keys.indexOf(id)].sort((x, y) => x - y) as [number, number];
  if (extend && a >= 0) for (const key of keys.slice(a, b + 1)) next.add(key);
  else if (!next.delete(id)) next.add(id);
  lastMarked = id;
  marked.value = next;
}

function ColumnHeads() {
  return (
    <div class="session-row session-columns" role="group" aria-label={t("Sort by")}>
      {COLUMNS.map((column) => (
        <span key={column.name} class={column.class} title={column.about}>
          {column.sort === undefined ? column.name : (
            <button type="button" class="sort" aria-pressed={sort.value === column.sort} aria-label={`${column.name}, ${sort.value === column.sort ? (ascending.value ? t("smallest first") : t("largest first")) : t("sort by it")}`} onClick={() => sortBy(column.sort!)}>
              {column.name}{sort.value === column.sort ? <i aria-hidden="true">{ascending.value ? "↑" : "↓"}</i> : null}
            </button>
          )}
        </span>
      ))}
    </div>
  );
}

function Head({ above, toTop }: { above: number; toTop: () => void }) {
  const terms = parseFilter(filterText.value);
  const isOn = (field: string, value: string) => terms.some((term) => term.field === field && term.value === value);
  return (
    <div class="page-head">
      <h1>{t("Sessions")}</h1>
      <FilterBar />
      <div class="chips" role="group" aria-label={t("Only")}>
        {CHIPS.map(([field, value, label, icon]) => (
          <button key={label} type="button" aria-pressed={isOn(field, value)} onClick={() => setFilter(toggleTerm(filterText.value, field, value))}>
            <span class={`tone-${icon}`}><Icon name={icon} /></span>{label}
          </button>
        ))}
      </div>
      {sort.value === "activity" && !ascending.value ? null : <button type="button" class="switch" onClick={() => navigate(`/${filterText.value.trim() === "" ? "" : `?${new URLSearchParams({ q: filterText.value })}`}`)}>{t("by {0}{1}", sort.value, ascending.value ? t(", smallest first") : "")} <Icon name="error" size={8} /></button>}
      {quietCount.value > 0 ? (
        <button type="button" class="switch" aria-pressed={showQuiet.value} title={t("Traces that stand alone and hold no model request and no tool call")} onClick={() => (showQuiet.value = !showQuiet.value)}>
          {t("{0} {1} without acts", showQuiet.value ? t("hide") : t("show"), plural(quietCount.value, "trace"))}
        </button>
      ) : null}
      {above > 0 ? <button type="button" class="link muted" onClick={toTop}>{t("{0} new above", above)}</button> : null}
      <span class="grow" />
      <button type="button" class="switch" aria-expanded={overviewOpen.value} onClick={() => (overviewOpen.value = !overviewOpen.value)}>{overviewOpen.value ? t("Hide overview") : t("Show overview")}</button>
    </div>
  );
}

function List() {
  const scroller = useRef<HTMLDivElement>(null);
  const list = lines.value;
  const sight = useSight(scroller, list.length, HEIGHT);

  // What is being read stays where it is when a session is put on top.
  const anchor = useRef<{ key: string; offset: number } | null>(null);
  useLayoutEffect(() => {
    scroller.current!.scrollTop = keptTop;
  }, []);
  useLayoutEffect(() => {
    const held = anchor.current;
    const place = held === null ? -1 : list.findIndex((line) => line.key === held.key);
    if (held !== null && place >= 0) scroller.current!.scrollTop = place * HEIGHT - held.offset;
  }, [list]);
  useEffect(() => {
    const element = scroller.current!;
    const remember = () => {
      keptTop = element.scrollTop;
      const first = Math.floor(element.scrollTop / HEIGHT);
      const line = list[first];
      anchor.current = element.scrollTop === 0 || line === undefined ? null : { key: line.key, offset: first * HEIGHT - element.scrollTop };
    };
    remember();
    element.addEventListener("scroll", remember, { passive: true });
    return () => element.removeEventListener("scroll", remember);
  }, [list]);
  useEffect(() => {
    if (sight.end >= list.length && hasMore()) void more();
  }, [sight.end, list.length]);
  const inSight = list.slice(sight.first, sight.end);
  useEffect(() => wantShapes(inSight.filter((line) => line.row !== null).map((line) => line.key)), [inSight.map((line) => line.key).join(), rows.value]);

  const at = list.findIndex((line) => line.key === selected.value);
  const go = (delta: number) => {
    let next = Math.min(list.length - 1, Math.max(0, at < 0 ? (delta > 0 ? 0 : list.length - 1) : at + delta));
    if (list[next]?.row === null) next = Math.min(list.length - 1, next + Math.sign(delta));
    const line = list[next];
    if (line === undefined || line.row === null) return;
    selected.value = line.key;
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
    open: () => list[at]?.row != null && navigate(sessionLink(list[at].row.session_id)),
    expand: () => list[at]?.row != null && toggle(list[at].row, true),
    collapse: () => list[at]?.row != null && toggle(list[at].row, false),
    mark: () => list[at]?.row != null && mark(list[at].key, false),
  }), [list, at]);
  useEffect(() => scroller.current?.focus({ preventScroll: true }), []);

  return (
    <div class="session-list">
      <ColumnHeads />
      <div class="session-scroll" ref={scroller} role="treegrid" tabIndex={0} aria-rowcount={list.length} aria-colcount={COLUMNS.length} aria-activedescendant={at >= 0 ? `session-${at}` : undefined} aria-label={t("Sessions")}>
        <div class="session-space" role="rowgroup" style={{ height: `${list.length * HEIGHT}px` }}>
          {inSight.map((line, i) => (
            <SessionLine key={line.key} line={line} place={sight.first + i} top={(sight.first + i) * HEIGHT} selected={line.key === selected.value} marked={marked.value.has(line.key)} open={open.value.has(line.key)}
              onToggle={() => line.row !== null && toggle(line.row)} onSelect={() => (selected.value = line.key)} onMark={(extend) => mark(line.key, extend)} onOpen={() => line.row !== null && navigate(sessionLink(line.row.session_id))} />
          ))}
        </div>
      </div>
      {list.length === 0 ? <p class="note pad none-fit">{t("No session fits.")} <button type="button" class="link" onClick={() => setFilter("")}>{t("Show all")}</button></p> : null}
      {loadingMore.value ? <p class="list-more" role="status">{t("reading more…")}</p> : null}
    </div>
  );
}

export function SessionsPage() {
  useEffect(() => {
    // Without a filter in its address the list is as it was left, and the address says so.
    if (query.peek().toString() === "" && listHref.peek() !== "/") return;
    followAddress(query.value);
  }, [query.value]);
  const href = listHref.value;
  useEffect(() => {
    if ((path.peek() === "/" || path.peek() === "/sessions") && location.pathname + location.search !== href) history.replaceState(null, "", href);
  }, [href]);
  const chosen = subjectRows.value;
  useLayoutEffect(() => provide({
    search: () => document.querySelector<HTMLInputElement>("#session-filter")?.select(),
    copy_link: () => void copy(location.href, t("Link")),
    ...(chosen.length === 0 ? {} : {
      tag: () => ask("tag", chosen, () => undefined),
      export: () => ask("export", chosen, () => undefined),
      delete: () => ask("delete", chosen, () => (marked.value = new Set())),
      ...(chosen.length === 2 ? { compare: () => navigate(`/compare?${new URLSearchParams({ a: chosen[0]!.session_id, b: chosen[1]!.session_id })}`) } : {}),
    }),
    back: () => {
      if (document.activeElement instanceof HTMLInputElement) document.activeElement.blur();
      else if (marked.peek().size > 0) marked.value = new Set();
      else if (filterText.peek() !== "") setFilter("");
      else selected.value = null;
    },
  }), [chosen]);
  const empty = loaded.value && rows.value.length === 0 && filterText.value.trim() === "" && sort.value === "activity";
  if (empty) return <main class="sessions-page"><ConnectGuide title={t("No sessions yet")} /></main>;
  return (
    <main class="sessions-page">
      <Head above={keptTop > 0 ? fresh.value.size : 0} toTop={() => document.querySelector(".session-scroll")?.scrollTo({ top: 0 })} />
      {failure.value === null ? null : <Failure error={failure.value} what={loaded.value ? t("The list could not be read again; what is shown is older") : t("The sessions could not be read")} retry={() => void reload()} />}
      {failure.value !== null && !loaded.value ? null : (
        <>
          {overviewOpen.value ? <Overview /> : null}
          {loaded.value ? <List /> : <div class="session-list"><ColumnHeads /><Skeleton rows={14} height={HEIGHT} label={t("Loading sessions")} /></div>}
        </>
      )}
      {markedRows.value.length > 0 ? <MarkedBar rows={markedRows.value} clear={() => (marked.value = new Set())} /> : null}
      <p class="sr-only">{t("{0} marks the selected session.", keyLabel("x"))}</p>
    </main>
  );
}
