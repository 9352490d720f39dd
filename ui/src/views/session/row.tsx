// One row of the waterfall: gutter, indent, name and muted line | bars.

import type { SessionView, TreeFinding } from "../../state/session_view.ts";
import { t } from "../../strings.ts";
import { toAxis, toTime } from "../../trace/axis.ts";
import { barOf, groupBars, type Bar } from "../../trace/bars.ts";
import { piecesOf } from "../../trace/critical_path.ts";
import { formatDuration } from "../../trace/format.ts";
import { groupLabel, labelOf, operationOf } from "../../trace/labels.ts";
import { FLAG, isDenied, isError, rowKey } from "../../trace/span_table.ts";
import type { Window } from "../../trace/viewport.ts";
import { Icon, OperationIcon } from "../../widgets/icon.tsx";
import { kindMark, kindName } from "../findings/kinds.ts";
import { VerdictMark } from "./notes_tab.tsx";

export const ROW = 24;
const INDENT = 14;

interface Props {
  view: SessionView;
  place: number;
  window: Window;
  pixels: number;
  prompts: ReadonlyMap<number, string>;
  /** Bands that stick lie at the top of the window instead of at their place. */
  top?: number;
}

const TAGS: [flag: number, text: string, title: string][] = [
  [FLAG.logOnly, "log", t("Reported by a log record only; no span tells of it")],
  [FLAG.truncated, "cut", t("The emitter cut part of this; the inspector says what and how to prevent it")],
  [FLAG.duplicate, "dup", t("A second report of an act that another row shows")],
];

/** Room that the longest time beside a bar takes. */
const TIME = 58;

function Bars({ bars, classes, text, edge }: { bars: Bar[]; classes: string; text: string; edge: number }) {
  const last = bars[bars.length - 1];
  return (
    <>
      {bars.map((bar, i) => (
        <i key={i} class={`wf-bar ${classes}${bar.cutLeft ? " cut-left" : ""}${bar.cutRight ? " cut-right" : ""}`} style={{ left: `${bar.left.toFixed(1)}px`, width: `${bar.width.toFixed(1)}px` }} />
      ))}
      {last === undefined ? null : <Duration last={last} first={bars[0]!} text={text} edge={edge} />}
    </>
  );
}

function Duration({ first, last, text, edge }: { first: Bar; last: Bar; text: string; edge: number }) {
  const right = last.left + last.width;
  if (last.cutRight || right + TIME > edge) {
    return first.left > TIME + 8 ? <span class="wf-time before" style={{ left: `${(first.left - 6).toFixed(1)}px` }}>{text}</span> : null;
  }
  return <span class="wf-time" style={{ left: `${(right + 6).toFixed(1)}px` }}>{text}</span>;
}

/** The stretches in which everything waited for this row. */
function Critical({ view, rows, window, pixels }: { view: SessionView; rows: Iterable<number>; window: Window; pixels: number }) {
  const path = view.path.value!;
  const axis = view.axis.value;
  const scale = pixels / (window.to - window.from);
  const list = [];
  let last = -Infinity;
  for (const row of rows) {
    for (const [from, to] of piecesOf(path, row)) {
      const left = Math.max(-2, (toAxis(axis, from) - window.from) * scale);
      const right = Math.min(pixels + 2, (toAxis(axis, to) - window.from) * scale);
      // Pieces closer than a pixel to the last are not told apart by the eye.
      if (right < 0 || left > pixels || (right < last + 1 && list.length > 0)) continue;
      list.push(<i key={list.length} class="wf-critical" style={{ left: `${left.toFixed(1)}px`, width: `${Math.max(1.5, right - left).toFixed(1)}px` }} />);
      last = right;
    }
  }
  return <>{list}</>;
}

function FindingMark({ finding }: { finding: TreeFinding }) {
  const [icon, tone] = kindMark(finding.kind, finding.severity);
  return <span class={`tone-${tone}`} title={finding.title}><Icon name={icon} label={kindName(finding.kind)} /></span>;
}

export function Row({ view, place, window, pixels, prompts, top }: Props) {
  const table = view.table.value!;
  const flat = view.flat.value!;
  const folds = view.folds.value;
  const row = flat.rows[place]!;
  const depth = flat.depth[place]!;
  const lane = flat.lane[row]!;
  const operation = operationOf(table, row);
  const leads = (folds.leader[row] ?? -1) === row;
  const group = leads && !view.unfoldedRows.value.has(row) ? folds.members.get(row)! : null;
  const label = group === null ? labelOf(table, row, prompts) : groupLabel(table, folds, row, prompts);
  const follower = !leads && (folds.leader[row] ?? -1) >= 0;
  const open = leads ? group === null : follower ? null : view.isOpen(row);
  const flags = table.flags[row]!;
  const unended = table.duration[row]! < 0;
  const running = unended && view.alive.value;
  const denied = isDenied(table, row);
  const error = group === null ? isError(table, row) : group.some((member) => isError(table, member));
  const finding = view.marks.value.get(row);
  const looping = finding?.kind === "loop";
  const selected = view.selectedRow.value === row;
  const matches = view.matches.value;
  const hit = matches !== null && (group === null ? matches.mask[row] === 1 : group.some((member) => matches.mask[member] === 1));
  const bars = group === null ? [barOf(table, row, view.axis.value, window, pixels)].filter((bar) => bar !== null) : groupBars(table, group, view.axis.value, window, pixels);
  const total = group === null ? table.end[row]! - table.start[row]! : group.reduce((sum, member) => sum + table.end[member]! - table.start[member]!, 0);
  const band = operation === "turn";
  const classes = ["wf-row", `op-${operation}`];
  if (band) classes.push("is-band");
  if (selected) classes.push("is-selected");
  if (matches !== null && !hit) classes.push("is-dim");
  if (denied && (operation === "tool" || operation === "mcp")) classes.push("is-denied");
  if ((flags & (FLAG.plumbing | FLAG.duplicate)) !== 0) classes.push("is-plumbing");
  const barClasses = [looping ? "is-loop" : "", error ? "is-error" : "", denied ? "is-denied" : "", running ? "is-running" : unended ? "is-unended" : "", band ? "is-band" : ""].filter(Boolean).join(" ");
  const notes = view.annotations.byKey.value.size === 0 ? undefined : view.annotations.byKey.value.get(rowKey(table, row));
  const verdict = notes?.findLast((note) => note.verdict !== null)?.verdict;
  const sticky = top !== undefined;
  const time = group === null ? formatDuration(total) : `Σ ${formatDuration(total)}`;
  const told = running ? `${time} …` : unended ? `${time}, no end` : time;
  const shift = Math.min(depth, 24) * INDENT;

  return (
    <div id={sticky ? undefined : `row-${row}`} class={classes.join(" ")} role="row" data-row={row} style={{ top: `${top ?? place * ROW}px` }}
      aria-level={depth + 1} aria-rowindex={place + 2} aria-selected={selected} aria-expanded={open ?? undefined} aria-hidden={sticky ? "true" : undefined}>
      <div class="wf-name" role="gridcell">
        <span class="wf-gutter">
          {denied ? <span class="tone-denied" title={t("Denied")}><Icon name="denied" label={t("denied")} /></span> : looping ? <span class="tone-loop" title={finding.title}><Icon name="loop" label={t("loop")} /></span> : error ? <span class="tone-error" title={t("Error")}><Icon name="error" label={t("error")} /></span> : finding !== undefined ? <FindingMark finding={finding} /> : null}
        </span>
        <span class="wf-indent" style={{ width: `${shift}px` }}>
          {lane >= 0 && lane < depth ? <i class="wf-lane" style={{ left: `${Math.min(lane, 24) * INDENT + 5}px` }} /> : null}
        </span>
        {open === null ? <span class="wf-chevron" /> : (
          <span class={`wf-chevron${open ? " is-open" : ""}`} data-toggle={row}><Icon name="chevron" size={10} /></span>
        )}
        <OperationIcon operation={operation} />
        <span class={`wf-label${follower ? " is-follower" : ""}`}>{label.name}</span>
        {leads ? <span class="wf-times" title={group === null ? t("The first of these") : t("Alike; expand to see each")}>×{folds.members.get(row)!.length}</span> : null}
        <span class="wf-detail">{label.detail}{label.varying === "" ? null : <i>{label.varying}</i>}{label.after}</span>
        {(denied || looping) && error ? <span class="tone-error wf-mark" title={t("Error")}><Icon name="error" label={t("error")} size={10} /></span> : null}
        {(flags & FLAG.waiting) !== 0 ? <span class="wf-waiting" title={view.alive.value ? t("Waiting for parent: it is named but has not arrived; the turn is known") : t("Its parent is named and never arrived")}>{table.parent[row]! >= 0 ? "…" : view.alive.value ? t("waiting for parent") : t("parent never arrived")}</span> : null}
        {notes === undefined ? null : <span class="wf-note" title={notes.map((note) => note.comment ?? note.verdict).join("\n").slice(0, 400)}>{verdict == null ? <span class="tag">{t("note")}</span> : <VerdictMark verdict={verdict} />}</span>}
        {TAGS.map(([flag, text, title]) => (flags & flag) !== 0 && !(flag === FLAG.logOnly && view.told.value) ? <span key={text} class="tag" title={title}>{text}</span> : null)}
      </div>
      <div class="wf-track" role="gridcell" aria-label={told} title={t("{0} · {1} · from {2}", label.name, told, formatDuration(table.start[row]!))}>
        {bars.length === 0 ? <span class={table.start[row]! > toTime(view.axis.value, window.to) ? "wf-beyond after" : "wf-beyond"} aria-hidden="true" /> : null}
        {view.path.value === null || band ? null : <Critical view={view} rows={group ?? [row]} window={window} pixels={pixels} />}
        <Bars bars={bars} classes={barClasses} text={told} edge={view.zoom.value === null ? pixels + 64 : pixels} />
      </div>
    </div>
  );
}
