// Both runs as lanes on one scale of time, aligned by their start or where they part.

import { useEffect, useRef, useState } from "preact/hooks";
import { getTree } from "../../api/client.ts";
import type { SpanRef, TreeResponse } from "../../api/types.ts";
import { navigate, query, recordQuery, sessionLink } from "../../state/route.ts";
import { dark } from "../../state/theme.ts";
import { t } from "../../strings.ts";
import { linearAxis } from "../../trace/axis.ts";
import { plumbingMask } from "../../trace/flatten.ts";
import { formatDuration } from "../../trace/format.ts";
import { labelOf } from "../../trace/labels.ts";
import { binMinimap } from "../../trace/minimap.ts";
import { buildTable, type SpanTable } from "../../trace/span_table.ts";
import { axisTicks } from "../../trace/axis.ts";
import { formatTick } from "../../trace/viewport.ts";
import { drawLanes, lanesHeight } from "../../widgets/lanes.ts";
import { useAnswer } from "../../widgets/use_answer.ts";

interface Run {
  id: string;
  table: SpanTable;
  hidden: Uint8Array;
  found: readonly number[];
  /** Where it leaves the other, ns from its start; null when it does not. */
  partsAt: number | null;
  /** What it does there. */
  partsWith: string;
}

/** The acts of A and B where they first differ; a side without one has nothing more to do there. */
export type Parting = readonly [SpanRef | null, SpanRef | null];

const NO_PROMPTS: ReadonlyMap<number, string> = new Map();
const TICK_PX = 110;

function runOf(id: string, tree: TreeResponse, parting: Parting | null, side: 0 | 1): Run {
  const table = buildTable(tree);
  const act = parting?.[side] ?? null;
  const row = act === null ? -1 : table.spanId.findIndex((span, i) => span === act.span_id && table.traces[table.trace[i]!] === act.trace_id);
  return {
    id, table, hidden: plumbingMask(table, false).mask, found: tree.findings.flatMap((finding) => finding.rows),
    partsAt: parting === null ? null : row >= 0 ? table.start[row]! : table.total,
    partsWith: row < 0 ? t("nothing more") : labelOf(table, row, NO_PROMPTS).name,
  };
}

/** `shift` is where the run begins and `total` how long the scale is, both in ns. */
function Lanes({ run, label, shift, total, width }: { run: Run; label: string; shift: number; total: number; width: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [lanes, setLanes] = useState(3);
  const isDark = dark.value;
  const pixels = Math.max(2, (run.table.total / total) * width);
  useEffect(() => {
    if (width === 0) return;
    const bins = binMinimap(run.table, linearAxis(run.table), run.hidden, run.found, Math.max(2, Math.round(pixels * (devicePixelRatio || 1))));
    setLanes(bins.lanes.length);
    drawLanes(canvas.current!, bins);
  }, [run, pixels, isDark]);
  const left = (shift / total) * width;
  const parts = run.partsAt === null ? null : ((shift + run.partsAt) / total) * width;
  const open = (event: MouseEvent) => {
    const share = (event.clientX - canvas.current!.getBoundingClientRect().left) / pixels;
    navigate(`${sessionLink(run.id)}?t=${((share * run.table.total) / 1e6).toFixed(3)}`);
  };
  return (
    <div class="run-lane">
      <span class="tag">{label}</span>
      <div class="run-track" style={{ height: `${lanesHeight(lanes)}px` }}>
        <canvas ref={canvas} role="img" aria-label={t("Run {0}, {1}", label, formatDuration(run.table.total))} title={t("Click: replay from this instant")} onClick={open} style={{ left: `${left.toFixed(1)}px`, width: `${pixels.toFixed(1)}px`, height: `${lanesHeight(lanes)}px` }} />
        {parts === null ? null : <i class="run-parting" style={{ left: `${parts.toFixed(1)}px` }} title={t("Here they part: {0}", run.partsWith)} />}
      </div>
      <span class="muted num">{formatDuration(run.table.total)}</span>
    </div>
  );
}

/** `parting` is null for runs that do not differ. */
export function Runs({ a, b, parting }: { a: string; b: string; parting: Parting | null }) {
  const answer = useAnswer(`${a}\n${b}`, async (signal) => {
    const [left, right] = await Promise.all([a, b].map((id) => getTree("session", id, null, signal)));
    return [runOf(a, left!.tree, parting, 0), runOf(b, right!.tree, parting, 1)] as const;
  });
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [byStart, setByStart] = useState(query.peek().get("align") !== "parting");
  const runs = answer.stale ? null : answer.data;
  useEffect(() => {
    if (box.current === null) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.max(0, Math.floor(entry!.contentRect.width))));
    observer.observe(box.current);
    return () => observer.disconnect();
  }, [runs === null]);
  if (answer.failure !== null) return null;
  if (runs === null) return <div class="runs is-waiting" aria-hidden="true" />;
  const begun = runs.map((run) => run.partsAt ?? 0);
  const canAlign = begun[0] !== begun[1];
  const shifts = byStart || !canAlign ? [0, 0] : begun.map((at) => Math.max(...begun) - at);
  const total = Math.max(...runs.map((run, i) => run.table.total + shifts[i]!));
  const { ticks, step } = axisTicks({ total, gaps: [] }, { from: 0, to: total }, Math.max(2, width / TICK_PX));
  const align = (start: boolean) => {
    setByStart(start);
    recordQuery({ align: start ? null : "parting" });
  };
  return (
    <section class="runs" aria-label={t("Both runs on one scale")}>
      <div class="run-lane run-axis">
        <span />
        <div class="run-track" ref={box}>{ticks.filter((tick) => (tick.at / total) * width < width - 30).map((tick) => <span key={tick.time} class="run-tick" style={{ left: `${((tick.at / total) * width).toFixed(1)}px` }}>{formatTick(tick.time, step)}</span>)}</div>
        <span />
      </div>
      {runs.map((run, i) => <Lanes key={i} run={run} label={i === 0 ? "A" : "B"} shift={shifts[i]!} total={total} width={width} />)}
      {canAlign ? (
        <div class="segmented run-align" role="group" aria-label={t("Align the runs")}>
          <button type="button" aria-pressed={byStart} onClick={() => align(true)}>{t("from the start")}</button>
          <button type="button" aria-pressed={!byStart} onClick={() => align(false)}>{t("where they part")}</button>
        </div>
      ) : null}
    </section>
  );
}
