// One line of the list: a session, a subagent's session below it, or a note in its place.

import type { SessionRow } from "../../api/types.ts";
import { sessionLink } from "../../state/route.ts";
import { fresh, shapes, type Sort } from "../../state/sessions.ts";
import { t } from "../../strings.ts";
import { formatCost, formatCount, formatDuration, groupDigits, plural } from "../../trace/format.ts";
import { oneLine, titleOf } from "../../trace/payload_text.ts";
import { Icon } from "../../widgets/icon.tsx";
import { Time } from "../../widgets/time.tsx";
import { Flags, StatusMark } from "./session_marks.tsx";
import { Shape } from "./shape.tsx";

export interface Line {
  row: SessionRow | null;
  depth: number;
  key: string;
  note?: string;
}

export function linesOf(list: readonly SessionRow[], open: ReadonlySet<string>, known: ReadonlyMap<string, readonly SessionRow[] | null>): Line[] {
  const lines: Line[] = [];
  const add = (row: SessionRow, depth: number) => {
    lines.push({ row, depth, key: row.session_id });
    if (!open.has(row.session_id)) return;
    const below = known.get(row.session_id);
    if (below == null) lines.push({ row: null, depth: depth + 1, key: `${row.session_id} wait`, note: t("reading its subagents…") });
    else if (below.length === 0) lines.push({ row: null, depth: depth + 1, key: `${row.session_id} none`, note: t("{0} ran inside this session; open it to see them", plural(row.subagent_count, "subagent")) });
    else for (const child of below) if (depth < 8) add(child, depth + 1);
  };
  for (const row of list) add(row, 0);
  return lines;
}

/** Heads of the columns; those that can be sorted by, with what the sort is called. */
export const COLUMNS: readonly { name: string; class: string; sort?: Sort; about?: string }[] = [
  { name: "", class: "col-mark" },
  { name: t("Session"), class: "col-title" },
  { name: t("Shape"), class: "col-shape", about: t("Where in its length models and tools were at work") },
  { name: t("Flags"), class: "col-flags", sort: "errors", about: t("Findings, denied actions, errors; sorts by errors") },
  { name: t("Turns"), class: "col-turns num", sort: "turns", about: t("Prompts of the user") },
  { name: t("Messages"), class: "col-messages num", about: t("Prompts and answers of models") },
  { name: t("Tools"), class: "col-tools num", about: t("Tool calls") },
  { name: t("Tokens"), class: "col-tokens num", sort: "tokens" },
  { name: t("Cost"), class: "col-cost num", sort: "cost" },
  { name: t("Duration"), class: "col-duration num", sort: "duration" },
  { name: t("Started"), class: "col-started num", sort: "started" },
];

interface Props {
  line: Line;
  top: number;
  place: number;
  selected: boolean;
  marked: boolean;
  open: boolean;
  onToggle: () => void;
  onSelect: () => void;
  onMark: (extend: boolean) => void;
  onOpen: () => void;
}

export function SessionLine({ line, top, place, selected, marked, open, onToggle, onSelect, onMark, onOpen }: Props) {
  const { row, depth } = line;
  const shift = { paddingLeft: `${depth * 20}px` };
  if (row === null) {
    return (
      <div class="session-row is-note" role="row" style={{ top: `${top}px` }} aria-level={depth + 1} aria-rowindex={place + 1}>
        <span role="gridcell" class="col-mark" /><span role="gridcell" class="col-title muted" style={shift}>{line.note}</span>
      </div>
    );
  }
  const tokens = row.input_tokens + row.output_tokens;
  const messages = row.turn_count + row.model_request_count;
  const nested = row.subagent_count > 0;
  const facts = [row.harness, row.project, row.host, row.models.slice(0, 3).join(", "), nested ? plural(row.subagent_count, "subagent") : null, row.inferred ? t("inferred session") : null];
  return (
    <div id={`session-${place}`} class={`session-row${selected ? " is-selected" : ""}${marked ? " is-marked" : ""}${fresh.value.has(row.session_id) ? " is-fresh" : ""}`} role="row" style={{ top: `${top}px` }}
      aria-level={depth + 1} aria-rowindex={place + 1} aria-selected={selected} aria-expanded={nested ? open : undefined}
      onClick={(event) => {
        onSelect();
        if ((event.target as Element).closest("a, button, input, label") === null) onOpen();
      }}>
      <span role="gridcell" class="col-mark cell-status">
        <StatusMark row={row} />
        <label class="mark-box"><input type="checkbox" tabIndex={-1} checked={marked} aria-label={t("Mark {0}", titleOf(row))} onClick={(event) => {
          event.stopPropagation();
          onMark(event.shiftKey);
        }} /></label>
      </span>
      <span role="gridcell" class="col-title cell-title" style={shift}>
        <span class="title-line">
          {nested ? (
            <button type="button" class={`expander${open ? " is-open" : ""}`} tabIndex={-1} aria-label={open ? t("Hide subagents") : t("Show subagents")} onClick={onToggle}><Icon name="chevron" size={10} /></button>
          ) : null}
          <a class="clip" tabIndex={-1} href={sessionLink(row.session_id)}>{titleOf(row)}</a>
          {row.tags.map((tag) => <span key={tag} class="tag">{oneLine(tag)}</span>)}
        </span>
        <span class="sub-line clip">{facts.filter(Boolean).map((text) => oneLine(text!)).join(" · ")}</span>
      </span>
      <span role="gridcell" class="col-shape"><Shape shape={shapes.value.get(row.session_id)} /></span>
      <span role="gridcell" class="col-flags"><Flags row={row} /></span>
      <span role="gridcell" class="col-turns num" title={plural(row.turn_count, "turn")}>{row.turn_count || ""}</span>
      <span role="gridcell" class="col-messages num" title={`${plural(row.turn_count, "prompt")}, ${plural(row.model_request_count, "model request")}`}>{messages > 0 ? groupDigits(messages) : ""}</span>
      <span role="gridcell" class="col-tools num" title={plural(row.tool_call_count, "tool call")}>{row.tool_call_count > 0 ? groupDigits(row.tool_call_count) : ""}</span>
      <span role="gridcell" class="col-tokens num" title={tokens > 0 ? t("{0} in, {1} out, {2} from cache", groupDigits(row.input_tokens), groupDigits(row.output_tokens), groupDigits(row.cache_read_tokens)) : undefined}>{tokens > 0 ? formatCount(tokens) : ""}</span>
      <span role="gridcell" class="col-cost num">{row.cost_usd !== null && row.cost_usd > 0 ? formatCost(row.cost_usd) : ""}</span>
      <span role="gridcell" class="col-duration num">{row.status === "running" ? <span class="running-text">{formatDuration(row.duration_ns)}</span> : formatDuration(row.duration_ns)}</span>
      <span role="gridcell" class="col-started num muted"><Time iso={row.started_at} /></span>
    </div>
  );
}
