// The waterfall: only the rows in sight are in the page.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { inspectorOpen, LIMITS, namesShown, namesWidth, waterfallWidth } from "../../state/panels.ts";
import type { SessionView } from "../../state/session_view.ts";
import { t } from "../../strings.ts";
import { axisTicks, toAxis, toTime } from "../../trace/axis.ts";
import { pathShares } from "../../trace/critical_path.ts";
import { formatDuration, plural } from "../../trace/format.ts";
import { labelOf, operationOf } from "../../trace/labels.ts";
import { rowKey } from "../../trace/span_table.ts";
import { formatTick, panBy } from "../../trace/viewport.ts";
import { kindMark } from "../findings/kinds.ts";
import { Divider } from "../../widgets/split.tsx";
import { showRow, useSight } from "../../widgets/virtual_rows.tsx";
import { CheckpointFlags } from "./checkpoints.tsx";
import { Playhead } from "./playhead.tsx";
import { Row, ROW } from "./row.tsx";
import { Tracks } from "./tracks.tsx";

const TICK_PX = 90;

/** Keeps what is being read where it is when rows come or go above it. */
function useAnchor(view: SessionView, scroller: { current: HTMLDivElement | null }): void {
  const anchor = useRef<{ key: string; offset: number } | null>(null);
  const flat = view.flat.value!;
  const remember = () => {
    const element = scroller.current;
    const table = view.table.peek();
    const list = view.flat.peek();
    if (element === null || table === null || list === null || list.count === 0) return;
    const first = Math.floor(element.scrollTop / ROW);
    const chosen = view.placeOf(view.selectedRow.peek());
    const inSight = chosen >= first && chosen * ROW < element.scrollTop + element.clientHeight;
    if (!inSight && element.scrollTop === 0) {
      anchor.current = null;
      return;
    }
    const place = inSight ? chosen : Math.min(first, list.count - 1);
    anchor.current = { key: rowKey(table, list.rows[place]!), offset: place * ROW - element.scrollTop };
  };
  useLayoutEffect(() => {
    const element = scroller.current;
    const held = anchor.current;
    if (element !== null && held !== null) {
      const row = view.index.peek().get(held.key);
      const place = row === undefined ? -1 : view.placeOf(row);
      if (place >= 0) element.scrollTop = place * ROW - held.offset;
    }
    remember();
  }, [flat]);
  useEffect(() => {
    const element = scroller.current!;
    element.addEventListener("scroll", remember, { passive: true });
    return () => element.removeEventListener("scroll", remember);
  }, []);
  const selected = view.selected.value;
  useEffect(remember, [selected]);
}

/** Wheel with Ctrl zooms around the pointer, sideways pans; dragging pans. */
function useTimeGestures(view: SessionView, scroller: { current: HTMLDivElement | null }, pixels: number): void {
  useEffect(() => {
    const element = scroller.current!;
    const place = (event: MouseEvent) => event.clientX - element.getBoundingClientRect().left - namesShown.peek();
    const perPixel = () => {
      const window = view.viewport.peek();
      return (window.to - window.from) / pixels;
    };
    const onWheel = (event: WheelEvent) => {
      const x = place(event);
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        view.zoomBy(Math.exp(event.deltaY * 0.004), view.viewport.peek().from + Math.max(0, x) * perPixel());
      } else if (x >= 0 && view.zoom.peek() !== null && (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))) {
        event.preventDefault();
        view.setWindow(panBy(view.viewport.peek(), (event.deltaX || event.deltaY) * perPixel(), view.axis.peek().total));
      }
    };
    const onPointerDown = (event: PointerEvent) => {
      if (event.button !== 0 || place(event) < 0 || event.pointerType === "touch" || view.zoom.peek() === null) return;
      if (event.offsetX > element.clientWidth) return;
      const start = event.clientX;
      const before = view.viewport.peek();
      const scale = perPixel();
      let dragging = false;
      const moved = (move: PointerEvent) => {
        if (!dragging && Math.abs(move.clientX - start) < 4) return;
        dragging = true;
        element.classList.add("is-panning");
        view.setWindow(panBy(before, (start - move.clientX) * scale, view.axis.peek().total));
      };
      const done = () => {
        removeEventListener("pointermove", moved);
        removeEventListener("pointerup", done);
        element.classList.remove("is-panning");
        // The click that ends a drag chooses no row.
        if (dragging) element.addEventListener("click", (click) => click.stopPropagation(), { capture: true, once: true });
      };
      addEventListener("pointermove", moved);
      addEventListener("pointerup", done);
    };
    element.addEventListener("wheel", onWheel, { passive: false });
    element.addEventListener("pointerdown", onPointerDown);
    return () => {
      element.removeEventListener("wheel", onWheel);
      element.removeEventListener("pointerdown", onPointerDown);
    };
  }, [view, pixels]);
}

/** A line under the pointer and the time it stands for; moved without drawing anything anew. */
function useCursor(view: SessionView, frame: { current: HTMLDivElement | null }, pixels: number): void {
  useEffect(() => {
    const element = frame.current!;
    const line = element.querySelector<HTMLElement>(".wf-cursor")!;
    const label = element.querySelector<HTMLElement>(".wf-cursor-time")!;
    const hide = () => (line.hidden = label.hidden = true);
    const onMove = (event: PointerEvent) => {
      const x = event.clientX - element.getBoundingClientRect().left - namesShown.peek();
      if (x < 0 || x > pixels) return hide();
      const window = view.viewport.peek();
      const time = toTime(view.axis.peek(), window.from + (x / pixels) * (window.to - window.from));
      line.hidden = label.hidden = false;
      line.style.left = label.style.left = `${x + namesShown.peek()}px`;
      label.textContent = formatTick(time, (window.to - window.from) / 1000);
    };
    element.addEventListener("pointermove", onMove);
    element.addEventListener("pointerleave", hide);
    return () => {
      element.removeEventListener("pointermove", onMove);
      element.removeEventListener("pointerleave", hide);
    };
  }, [view, pixels]);
}

/** The turn that the topmost row belongs to, when its own band has been scrolled away. */
function stickyBand(view: SessionView, top: number): { place: number; top: number } | null {
  const table = view.table.value!;
  const flat = view.flat.value!;
  const first = Math.floor(top / ROW);
  if (first >= flat.count) return null;
  const turn = table.operations.indexOf("turn");
  let row = flat.rows[first]!;
  while (row >= 0 && table.operation[row] !== turn) row = table.parent[row]!;
  if (row < 0) return null;
  const place = flat.place[row]!;
  if (place < 0 || place * ROW >= top) return null;
  // The next band pushes this one out.
  let push = 0;
  for (let next = first; next <= first + 1 && next < flat.count; next++) {
    if (next !== place && table.operation[flat.rows[next]!] === turn) push = Math.min(push, next * ROW - top - ROW);
  }
  return { place, top: Math.max(-ROW, push) };
}

function Brackets({ view, first, end }: { view: SessionView; first: number; end: number }) {
  const flat = view.flat.value!;
  return (
    <>
      {view.findings.value.map((finding) => {
        let low = Infinity;
        let high = -1;
        for (const row of finding.rows) {
          const place = flat.place[row] ?? -1;
          if (place < 0) continue;
          low = Math.min(low, place);
          high = Math.max(high, place);
        }
        if (high <= low || high < first || low > end) return null;
        return <i key={finding.finding_id} class={`wf-bracket tone-${kindMark(finding.kind, finding.severity)[1]}`} style={{ top: `${low * ROW + ROW / 2}px`, height: `${(high - low) * ROW}px` }} />;
      })}
    </>
  );
}

function Foot({ view }: { view: SessionView }) {
  const { plumbing, duplicates } = view.plumbing.value!;
  const table = view.table.value!;
  const flat = view.flat.value!;
  const parts: string[] = [];
  if (!view.audit.value && flat.count < table.spanCount) {
    if (plumbing > 0) parts.push(`${plural(plumbing, "plumbing span")}`);
    if (duplicates > 0) parts.push(plural(duplicates, "duplicate"));
  }
  let inGroups = 0;
  for (const [leader, members] of view.folds.value.members) if (!view.unfoldedRows.value.has(leader)) inGroups += members.length - 1;
  return (
    <div class="wf-foot">
      <span>{plural(table.spanCount, "span")}{flat.count >= table.spanCount ? "" : t(", {0} shown", plural(flat.count, "row"))}</span>
      {inGroups > 0 ? <span>{t("{0} in ×n groups", plural(inGroups, "repeat"))} <kbd>s</kbd></span> : null}
      {parts.length > 0 ? <span>{t("{0} folded", parts.join(t(" and ")))} <kbd>d</kbd></span> : null}
      {view.told.value ? <span title={t("The emitter sent log records and no spans; times and nesting are as good as those")}>{t("told by log records")}</span> : null}
      {view.path.value === null ? null : <PathShares view={view} />}
      {view.zoom.value === null ? null : <span>{t("zoomed to {0} {1} fits", formatDuration(view.viewport.value.to - view.viewport.value.from), <kbd>f</kbd>)}</span>}
    </div>
  );
}

/** Operations that only hold others: their own share is time in which no act is recorded. */
const BETWEEN: ReadonlySet<string> = new Set(["session", "turn"]);

/** What the critical path is made of. */
function PathShares({ view }: { view: SessionView }) {
  const shares = pathShares(view.table.value!, view.path.value!);
  const total = shares.reduce((sum, { ns }) => sum + ns, 0);
  if (total === 0) return null;
  return <span title={t("What everything waited for")}>{t("critical path: {0}", shares.slice(0, 4).map(({ operation, ns }) => `${Math.round((ns / total) * 100)} % ${BETWEEN.has(operation) ? t("between acts") : operation}`).join(", "))} <kbd>p</kbd></span>;
}

export function Waterfall({ view }: { view: SessionView }) {
  const scroller = useRef<HTMLDivElement>(null);
  const table = view.table.value!;
  const flat = view.flat.value!;
  const sight = useSight(scroller, flat.count, ROW);
  const [track, setTrack] = useState(600);
  // Fitted, the right margin is room for the times of the last bars; zoomed, bars run to the edge.
  const pixels = Math.max(80, track - (view.zoom.value === null ? 64 : 0));
  useLayoutEffect(() => {
    const element = scroller.current!;
    const read = () => {
      waterfallWidth.value = element.clientWidth;
      setTrack(element.clientWidth - namesShown.value);
    };
    const observer = new ResizeObserver(read);
    observer.observe(element);
    read();
    return () => observer.disconnect();
  }, [namesShown.value]);
  useAnchor(view, scroller);
  useTimeGestures(view, scroller, pixels);
  const frame = useRef<HTMLDivElement>(null);
  useCursor(view, frame, pixels);

  const request = view.scrollRequest.value;
  useLayoutEffect(() => {
    const place = view.placeOf(view.selectedRow.peek());
    if (request > 0 && place >= 0) showRow(scroller.current!, place, ROW);
  }, [request]);
  useEffect(() => scroller.current?.focus({ preventScroll: true }), []);

  const turns = view.detail.value?.turns;
  const prompts = useMemo(() => new Map((turns ?? []).map((turn) => [turn.turn, turn.prompt ?? ""])), [turns]);
  const window = view.viewport.value;
  const { ticks, step } = axisTicks(view.axis.value, window, Math.max(2, pixels / TICK_PX));
  const x = (at: number) => ((at - window.from) / (window.to - window.from)) * pixels;
  const gaps = view.axis.value.gaps.filter((gap) => gap.axisTo > window.from && gap.axisFrom < window.to);

  const flags = view.checkpoints.placed.value.map(({ at }) => x(toAxis(view.axis.value, at)));

  const onClick = (event: MouseEvent) => {
    const target = event.target as Element;
    const line = target.closest<HTMLElement>("[data-row]");
    if (line === null) return;
    const row = Number(line.dataset["row"]);
    if (target.closest("[data-toggle]") !== null) view.setCollapsed(row, view.isOpen(row) === true);
    view.select(row);
  };
  const onAxis = (event: MouseEvent) => {
    const at = event.clientX - (event.currentTarget as Element).getBoundingClientRect().left - namesShown.peek();
    if (at < 0 || at > pixels) return;
    event.stopPropagation();
    view.playback.pause();
    view.playback.seek(toTime(view.axis.peek(), window.from + (at / pixels) * (window.to - window.from)));
  };
  const onDblClick = (event: MouseEvent) => {
    const line = (event.target as Element).closest<HTMLElement>("[data-row]");
    if (line === null || (event.target as Element).closest("[data-toggle]") !== null) return;
    if ((event.target as Element).closest(".wf-track") !== null) view.zoomToRow(Number(line.dataset["row"]));
    else inspectorOpen.value = true;
  };

  const rows = [];
  const pool = Math.max(1, sight.end - sight.first);
  // Rows are keyed by slot, so that scrolling rewrites them instead of making new ones.
  for (let place = sight.first; place < sight.end; place++) rows.push(<Row key={place % pool} view={view} place={place} window={window} pixels={pixels} prompts={prompts} />);
  const sticky = stickyBand(view, sight.top);
  const selected = view.selectedRow.value;
  return (
    <div class="wf" ref={frame} style={{ "--names": `${namesShown.value}px` }} onClick={onClick} onDblClick={onDblClick}>
      <div class="wf-head" aria-hidden="true" title={t("Click: replay from this instant")} onClick={onAxis}>
        <div class="wf-axis">
          {ticks.filter((tick) => !gaps.some((gap) => Math.abs(x((gap.axisFrom + gap.axisTo) / 2) - x(tick.at) - 16) < 26) && !flags.some((flag) => x(tick.at) > flag - 34 && x(tick.at) < flag + 90)).map((tick) => <span key={tick.time} class="wf-tick" style={{ left: `${x(tick.at).toFixed(1)}px` }}>{formatTick(tick.time, step)}</span>)}
          <CheckpointFlags view={view} place={(at) => {
            const left = x(toAxis(view.axis.peek(), at));
            return left < 0 || left > pixels ? null : left;
          }} />
          {gaps.map((gap) => <span key={gap.from} class="wf-gap-label" title={t("Nothing ran for {0}; drawn short", formatDuration(gap.to - gap.from))} style={{ left: `${x((gap.axisFrom + gap.axisTo) / 2).toFixed(1)}px` }}>⌁</span>)}
        </div>
      </div>
      <div class="wf-body">
        <div class="wf-scroll" ref={scroller} role="treegrid" tabIndex={0} aria-label={t("Acts of the run")} aria-rowcount={flat.count + 1} aria-colcount={2} aria-activedescendant={selected >= 0 ? `row-${selected}` : undefined}>
          <div class="wf-space" style={{ height: `${flat.count * ROW + 8}px` }}>
            <div class="wf-lines" aria-hidden="true">
              {ticks.map((tick) => <i key={tick.time} style={{ left: `${x(tick.at).toFixed(1)}px` }} />)}
              {gaps.map((gap) => <i key={gap.from} class="wf-gap" style={{ left: `${x(gap.axisFrom).toFixed(1)}px`, width: `${Math.max(3, x(gap.axisTo) - x(gap.axisFrom)).toFixed(1)}px` }} />)}
            </div>
            {rows}
            <Brackets view={view} first={sight.first} end={sight.end} />
          </div>
        </div>
        {sticky === null ? null : <div class="wf-sticky"><Row view={view} place={sticky.place} window={window} pixels={pixels} prompts={prompts} top={sticky.top} /></div>}
        {flat.count === 0 ? <p class="note pad">{t("No spans yet. They appear here as they arrive.")}</p> : null}
      </div>
      <i class="wf-cursor" hidden />
      <span class="wf-cursor-time" hidden aria-hidden="true" />
      <div class="wf-divider"><Divider width={namesWidth} limits={LIMITS.names} side="left" label={t("Width of the names")} /></div>
      <Playhead view={view} place={(at) => {
        const left = x(toAxis(view.axis.peek(), at));
        return left < -1 || left > pixels + 1 ? null : `${(left + namesShown.peek()).toFixed(1)}px`;
      }} />
      <Tracks view={view} pixels={pixels} />
      <Foot view={view} />
      <div class="sr-only" aria-live="polite">{selected >= 0 ? `${operationOf(table, selected)} ${labelOf(table, selected, prompts).name} ${labelOf(table, selected, prompts).detail}` : ""}</div>
    </div>
  );
}
