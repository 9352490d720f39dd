// What all agents do, as it arrives: sessions that run now, and the stream of acts below.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { isAbort, toApiError, type ApiError } from "../../api/client.ts";
import { onLive } from "../../api/live.ts";
import { listActs, type ActLine } from "../../api/overview.ts";
import { keyLabel, provide } from "../../commands.ts";
import { dayOf, fullTime, inZone } from "../../state/clock.ts";
import { copy } from "../../state/panels.ts";
import { navigate, query, recordQuery, sessionLink, spanLink } from "../../state/route.ts";
import { loadValues, rows, shapes, values, wantShapes } from "../../state/sessions.ts";
import { t } from "../../strings.ts";
import { formatCost, formatCount, formatDuration, formatTime, plural } from "../../trace/format.ts";
import { oneLine, titleOf } from "../../trace/payload_text.ts";
import { Icon, OperationIcon } from "../../widgets/icon.tsx";
import { Failure, Skeleton } from "../../widgets/states.tsx";
import { showRow, useSight } from "../../widgets/virtual_rows.tsx";
import { Shape } from "../sessions/shape.tsx";
import { askAfter, merge, tellAct } from "./act_feed.ts";
import "./live.css";

const HEIGHT = 26;
const PACE_MS = 250;
const FIRST = 300;
const KINDS: [operations: string[], label: string][] = [[["model", "embedding"], "models"], [["tool", "mcp"], "tools"], [["agent"], "agents"], [["turn"], "prompts"], [["hook", "policy", "guardrail"], "hooks"]];

interface Filter {
  kinds: string[];
  harness: string;
  trouble: boolean;
  text: string;
}

function filterOf(params: URLSearchParams): Filter {
  const known = KINDS.map(([, label]) => label);
  return { kinds: (params.get("kinds") ?? "").split(",").filter((kind) => known.includes(kind)), harness: params.get("harness") ?? "", trouble: params.get("trouble") === "1", text: params.get("q") ?? "" };
}

function ask(filter: Filter): URLSearchParams {
  const params = new URLSearchParams();
  for (const [operations, label] of KINDS) if (filter.kinds.includes(label)) for (const operation of operations) params.append("operation", operation);
  if (filter.harness !== "") params.set("harness", filter.harness);
  if (filter.trouble) params.set("trouble", "true");
  if (filter.text.trim() !== "") params.set("q", filter.text.trim());
  return params;
}

/** The clock time with milliseconds in the chosen zone; of other days, the day and the minute. */
function clock(iso: string): string {
  const at = inZone(new Date(iso));
  if (dayOf(Date.parse(iso)) !== dayOf(Date.now())) return formatTime(at.toISOString(), inZone(new Date()));
  const pad = (value: number, width = 2) => String(value).padStart(width, "0");
  return `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}.${pad(at.getMilliseconds(), 3)}`;
}

function Running() {
  const running = rows.value.filter((row) => row.status === "running").slice(0, 12);
  useEffect(() => wantShapes(running.map((row) => row.session_id)), [rows.value]);
  if (running.length === 0) return <p class="live-quiet note">{t("No session runs right now. The newest acts are at the bottom; new ones are added there.")}</p>;
  return (
    <ul class="live-running" aria-label={t("Running sessions")}>
      {running.map((row) => (
        <li key={row.session_id}>
          <a href={sessionLink(row.session_id)} class="running-card">
            <span class="running-title clip"><span class="status-running"><Icon name="running" size={9} label={t("Running")} /></span> {titleOf(row)}</span>
            <Shape shape={shapes.value.get(row.session_id)} />
            <span class="running-facts">{[row.harness, formatDuration(row.duration_ns), plural(row.tool_call_count, "tool call"), `${formatCount(row.input_tokens + row.output_tokens)} tok`, row.cost_usd ? formatCost(row.cost_usd) : null].filter(Boolean).join(" · ")}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}

function ActRow({ act, top, place, named, selected, onSelect }: { act: ActLine; top: number; place: number; named: boolean; selected: boolean; onSelect: () => void }) {
  const { name, detail } = tellAct(act);
  const denied = act.decision === "deny";
  const link = act.session_id === null ? spanLink(act) : sessionLink(act.session_id, act);
  const tokens = (act.input_tokens ?? 0) + (act.output_tokens ?? 0);
  return (
    <div id={`act-${place}`} role="row" aria-rowindex={place + 1} aria-selected={selected} class={`act-row${selected ? " is-selected" : ""}`} style={{ top: `${top}px` }}
      onClick={(event) => {
        onSelect();
        if ((event.target as Element).closest("a") === null) navigate(link);
      }}>
      <span role="gridcell" class="act-time mono muted" title={fullTime(act.started_at)}>{clock(act.started_at)}</span>
      <span role="gridcell" class="act-session clip">{act.session_id === null || !named ? null : <a tabIndex={-1} href={sessionLink(act.session_id)} title={act.session_title ?? act.session_id}>{oneLine(act.session_title ?? act.session_id)}</a>}</span>
      <span role="gridcell" class="act-what">
        <OperationIcon operation={act.operation} />
        {denied ? <span class="tone-denied"><Icon name="denied" label={t("denied")} /></span> : act.failed ? <span class="tone-error"><Icon name="error" label={t("failed")} /></span> : null}
        <a tabIndex={-1} class="act-name" href={link}>{oneLine(name)}</a>
        <span class="clip muted">{oneLine(detail)}{act.failed && act.error !== null ? <span class="tone-error"> · {oneLine(act.error)}</span> : null}</span>
      </span>
      <span role="gridcell" class="act-tokens num muted">{tokens > 0 ? `${formatCount(act.input_tokens ?? 0)}→${formatCount(act.output_tokens ?? 0)}` : ""}</span>
      <span role="gridcell" class="act-cost num muted">{act.cost_usd ? formatCost(act.cost_usd) : ""}</span>
      <span role="gridcell" class="act-duration num">{act.duration_ns === null ? <span class="running-text">{t("running")}</span> : formatDuration(act.duration_ns)}</span>
    </div>
  );
}

/** The lines in sight. The end is followed until somebody scrolls away from it. */
function ActList({ list, selected, onSelect, follow, show }: { list: readonly ActLine[]; selected: number | null; onSelect: (act: number) => void; follow: { current: boolean }; show: { current: (place: number) => void } }) {
  const scroller = useRef<HTMLDivElement>(null);
  const sight = useSight(scroller, list.length, HEIGHT);
  const place = selected === null ? -1 : list.findIndex((act) => act.act_id === selected);
  useLayoutEffect(() => {
    show.current = (wanted) => showRow(scroller.current!, wanted, HEIGHT, 1, 1);
    return () => (show.current = () => undefined);
  }, []);
  useLayoutEffect(() => {
    if (follow.current) scroller.current!.scrollTop = scroller.current!.scrollHeight;
  }, [list]);
  return (
    <div class="act-scroll" ref={scroller} role="grid" tabIndex={0} aria-label={t("Acts, newest last")} aria-rowcount={list.length} aria-activedescendant={place >= 0 ? `act-${place}` : undefined}
      onScroll={(event) => {
        const element = event.currentTarget;
        follow.current = element.scrollTop + element.clientHeight >= element.scrollHeight - HEIGHT;
      }}>
      <div class="act-space" role="rowgroup" style={{ height: `${list.length * HEIGHT}px` }}>
        {/* A run of acts of one session names it once; the topmost line always does. */}
        {list.slice(sight.first, sight.end).map((act, i) => (
          <ActRow key={act.act_id} act={act} place={sight.first + i} top={(sight.first + i) * HEIGHT} selected={act.act_id === selected}
            named={sight.first + i <= Math.ceil(sight.top / HEIGHT) || list[sight.first + i - 1]?.session_id !== act.session_id} onSelect={() => onSelect(act.act_id)} />
        ))}
      </div>
    </div>
  );
}

export function LivePage() {
  const [filter, setFilter] = useState(() => filterOf(query.peek()));
  const [acts, setActs] = useState<readonly ActLine[] | null>(null);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [paused, setPaused] = useState(false);
  const [at, setAt] = useState<number | null>(null);
  const held = useRef<readonly ActLine[]>([]);
  const [heldCount, setHeldCount] = useState(0);
  const following = useRef(true);
  /** Scrolls to a place of the list; set by the list while it is on screen. */
  const show = useRef<(place: number) => void>(() => undefined);
  const pausedNow = useRef(false);
  pausedNow.current = paused;

  useEffect(() => setFilter(filterOf(query.value)), [query.value]);
  useEffect(() => recordQuery({ kinds: filter.kinds.join(","), harness: filter.harness, trouble: filter.trouble ? "1" : null, q: filter.text }), [filter]);
  useEffect(() => {
    const abort = new AbortController();
    let known: readonly ActLine[] = [];
    let timer = 0;
    let busy = false;
    const read = async () => {
      if (busy) return schedule(PACE_MS);
      busy = true;
      try {
        const params = ask(filter);
        const after = askAfter(known);
        if (after !== null) params.set("after", String(after));
        params.set("limit", String(after === null ? FIRST : 1000));
        const arrived = (await listActs(params, abort.signal)).reverse();
        known = merge(known, arrived);
        setFailure(null);
        if (pausedNow.current) {
          held.current = merge(held.current, arrived);
          setHeldCount(held.current.length);
        } else setActs(known);
      } catch (cause) {
        if (!isAbort(cause)) setFailure(toApiError(cause));
      } finally {
        busy = false;
      }
    };
    const schedule = (wait: number) => {
      if (timer !== 0) return;
      timer = window.setTimeout(() => {
        timer = 0;
        void read();
      }, wait);
    };
    following.current = true;
    // Typing asks a moment after the last key.
    schedule(filter.text === "" ? 0 : 150);
    const stops = [onLive("commit", () => schedule(PACE_MS)), onLive("joined", () => schedule(0))];
    return () => {
      abort.abort();
      clearTimeout(timer);
      for (const stop of stops) stop();
    };
  }, [filter]);

  const list = acts ?? [];
  const place = at === null ? -1 : list.findIndex((act) => act.act_id === at);
  const pause = () => {
    if (paused) {
      setActs(merge(list, held.current));
      held.current = [];
      setHeldCount(0);
    }
    setPaused(!paused);
  };
  const go = (delta: number) => {
    const next = Math.min(list.length - 1, Math.max(0, place < 0 ? list.length - 1 : place + delta));
    if (list[next] === undefined) return;
    following.current = false;
    setAt(list[next].act_id);
    show.current(next);
  };
  useLayoutEffect(() => provide({
    pause,
    next: () => go(1),
    previous: () => go(-1),
    last: () => {
      following.current = true;
      show.current(list.length - 1);
    },
    open: () => {
      const act = list[place];
      if (act !== undefined) navigate(act.session_id === null ? spanLink(act) : sessionLink(act.session_id, act));
    },
    search: () => document.querySelector<HTMLInputElement>("#live-filter")?.select(),
    copy_link: () => void copy(location.href, t("Link")),
    back: () => {
      if (document.activeElement instanceof HTMLInputElement) document.activeElement.blur();
      else setAt(null);
    },
  }), [list, place, paused]);
  const filtered = filter.kinds.length > 0 || filter.harness !== "" || filter.trouble || filter.text.trim() !== "";
  return (
    <main class="live-page">
      <div class="page-head">
        <h1>{t("Live")}</h1>
        <label class="search-box wide"><Icon name="search" /><input id="live-filter" type="search" placeholder={t("Name, tool, model, command")} aria-label={t("Filter acts")} value={filter.text} onInput={(event) => setFilter({ ...filter, text: event.currentTarget.value })} /><kbd>/</kbd></label>
        <div class="chips" role="group" aria-label={t("Only")}>
          {KINDS.map(([, label]) => <button key={label} type="button" aria-pressed={filter.kinds.includes(label)} onClick={() => setFilter({ ...filter, kinds: filter.kinds.includes(label) ? filter.kinds.filter((kind) => kind !== label) : [...filter.kinds, label] })}>{label}</button>)}
          <button type="button" aria-pressed={filter.trouble} onClick={() => setFilter({ ...filter, trouble: !filter.trouble })}><span class="tone-error"><Icon name="error" /></span>{t("failed or denied")}</button>
        </div>
        <select aria-label={t("Harness")} value={filter.harness} onFocus={loadValues} onChange={(event) => setFilter({ ...filter, harness: event.currentTarget.value })}>
          <option value="">{t("all harnesses")}</option>
          {[...new Set([...(values.value["harness"] ?? []).map((item) => item.value), ...rows.value.flatMap((row) => row.harness ?? []), ...(filter.harness === "" ? [] : [filter.harness])])].sort().map((name) => <option key={name} value={name}>{name}</option>)}
        </select>
        <span class="grow" />
        <button type="button" aria-pressed={paused} class="pause" onClick={pause}><Icon name={paused ? "play" : "pause"} size={10} />{paused ? t("Go on{0}", heldCount > 0 ? t(" ({0} new)", heldCount) : "") : t("Pause")} <kbd>{keyLabel("Space")}</kbd></button>
      </div>
      <Running />
      {failure === null ? null : <Failure error={failure} what={acts === null ? t("The acts could not be read") : t("The stream stopped; what is shown is older")} retry={() => setFilter({ ...filter })} />}
      <div class="act-list">
        {acts === null ? (failure === null ? <Skeleton rows={18} height={HEIGHT} label={t("Loading acts")} /> : null) : list.length === 0 ? (
          <div class="page-empty">
            <h2>{filtered ? t("No act fits") : t("No acts yet")}</h2>
            <p class="muted">{filtered ? t("Acts that fit appear here as they arrive.") : <>{t("As soon as an agent does something, it appears here.")} <a href="/setup">{t("Connect one")}</a></>}</p>
          </div>
        ) : (
          <ActList list={list} selected={at} onSelect={setAt} follow={following} show={show} />
        )}
      </div>
    </main>
  );
}
