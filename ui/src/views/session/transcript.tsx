// The run as a conversation, turn by turn. Only the entries in sight are in the page, and only their
// texts are fetched.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { TranscriptEntry } from "../../api/types.ts";
import { inspectorOpen } from "../../state/panels.ts";
import type { SessionView } from "../../state/session_view.ts";
import { t } from "../../strings.ts";
import { formatBytes, formatCost, formatCount, formatDuration, formatTime, plural } from "../../trace/format.ts";
import { labelOf, operationOf } from "../../trace/labels.ts";
import { imageOf } from "../../trace/images.ts";
import { formsOf } from "../../trace/json_text.ts";
import { countLines } from "../../trace/payload_text.ts";
import { speechOf, VOICES, type Speech, type Voice } from "../../trace/speech.ts";
import { FLAG, isDenied, isError, rowKey, stringAt } from "../../trace/span_table.ts";
import { Icon, OperationIcon } from "../../widgets/icon.tsx";
import { Markdown } from "../../widgets/markdown.tsx";
import { MeasuredRows } from "../../widgets/measured_rows.tsx";
import { Failure } from "../../widgets/states.tsx";
import { TextView } from "../../widgets/text_view.tsx";
import { ImageView } from "./image_view.tsx";

const LONG_LINES = 14;
const ARGUMENT_LINES = 6;
const LONG_CHARS = 1400;
/** Voices that say much and are seldom read: closed until opened. */
const QUIET_VOICES: ReadonlySet<Voice> = new Set(["system", "thinking"]);

/** Parts that somebody opened, by entry and place; kept while the page is open. */
const opened = new Set<string>();

function useOpened(id: string): [boolean, () => void] {
  const [open, set] = useState(opened.has(id));
  return [open, () => {
    if (!opened.delete(id)) opened.add(id);
    set(opened.has(id));
  }];
}

function clip(text: string, lines: number): string {
  let end = -1;
  for (let i = 0; i < lines; i++) {
    const next = text.indexOf("\n", end + 1);
    if (next === -1) return text.slice(0, LONG_CHARS);
    end = next;
  }
  return text.slice(0, Math.min(end, LONG_CHARS));
}

function Part({ id, speech, inspect }: { id: string; speech: Speech; inspect: () => void }) {
  const [open, toggle] = useOpened(id);
  const { text, voice, prose } = speech;
  const picture = useMemo(() => (speech.mime === null && !text.startsWith("data:") ? null : imageOf(text, speech.mime)), [text]);
  const quiet = QUIET_VOICES.has(voice);
  const most = speech.title === "arguments" ? ARGUMENT_LINES : LONG_LINES;
  const long = text.length > LONG_CHARS * 1.25 || countLines(text) > most * 1.3;
  const shown = open || !(long || quiet) ? text : quiet ? "" : clip(text, most);
  const size = speech.sizeBytes >= 1000 ? formatBytes(speech.sizeBytes) : plural(countLines(text), "line");
  if (picture !== null) return <div class={`say say-${voice}`}><ImageView image={picture} /></div>;
  return (
    <div class={`say say-${voice}`}>
      {speech.title === "" && !quiet ? null : quiet ? (
        <button type="button" class="say-title" aria-expanded={open} onClick={toggle}>{speech.title} <span class="muted">{size}{shown === "" ? <> · {firstWords(text)}</> : null}</span></button>
      ) : <div class="say-title">{speech.title}</div>}
      {shown === "" ? null : prose ? <Markdown text={shown} /> : <TextView text={shown} whole lines={100_000} />}
      {!long || (quiet && !open) ? null : (
        <button type="button" class="say-more" aria-expanded={open} onClick={toggle}>{open ? t("Show less") : t("Show all, {0}", size)}</button>
      )}
      {speech.complete || shown === "" ? null : <button type="button" class="say-more" onClick={inspect}>{t("{0} in all: open in the inspector", formatBytes(speech.sizeBytes))}</button>}
    </div>
  );
}

function firstWords(text: string): string {
  const head = text.slice(0, 400);
  const line = (head.replace(/<[^>]{0,80}>/g, " ").trim() || head).replace(/\s+/g, " ").trim();
  return line.length > 90 ? `${line.slice(0, 88)}…` : line;
}

const NAMES: Record<Voice, string> = { user: "User", assistant: "Assistant", thinking: "Thinking", tool: "Tools", hook: "Hooks", system: "System", summary: "Summaries" };

function Voices({ view }: { view: SessionView }) {
  const muted = view.transcript.muted.value;
  return (
    <div class="voices" role="group" aria-label={t("Who is shown")}>
      {VOICES.map((voice) => (
        <button key={voice} type="button" class={`voice voice-${voice}`} aria-pressed={!muted.has(voice)} onClick={() => view.transcript.toggle(voice)}><i />{NAMES[voice]}</button>
      ))}
    </div>
  );
}

/** Whether an agent's task is the very prompt that the turn shows, quoted or not. */
function repeats(task: string, prompt: string): boolean {
  const bare = (text: string) => text.replace(/[\s"\\]+/g, " ").trim();
  return prompt !== "" && bare(task) === bare(prompt);
}

/** JSON as lines that can be read. */
function readable(one: Speech): Speech {
  if ((one.voice !== "tool" && one.voice !== "hook") || !one.complete) return one;
  const { plain } = formsOf(one.text);
  return plain === null ? one : { ...one, text: plain };
}

/** Whether the head of the entry says the arguments already: one telling argument, or all of them. */
function isSaid(one: Speech, detail: string): boolean {
  if (one.title !== "arguments" || detail === "") return false;
  const only = /^[\w-]+: (.*)$/.exec(one.text);
  return one.text === detail || only?.[1] === detail || detail.endsWith(one.text.replaceAll(": ", "=").replaceAll("\n", ", "));
}

interface EntryProps {
  view: SessionView;
  row: number;
  entry: TranscriptEntry | null | undefined;
  prompts: ReadonlyMap<number, string>;
}

function Entry({ view, row, entry, prompts }: EntryProps) {
  const table = view.table.value!;
  const operation = operationOf(table, row);
  const own = table.sessionId === null || stringAt(table, table.session[row]!) === table.sessionId;
  const prompt = own ? (prompts.get(table.turn[row]!) ?? "") : "";
  const label = labelOf(table, row, prompts);
  const muted = view.transcript.muted.value;
  const selected = view.selectedRow.value === row;
  const key = rowKey(table, row);
  const inspect = () => {
    inspectorOpen.value = true;
    view.select(row, true);
  };
  let said: Speech[] = [];
  if (entry != null) said = speechOf(entry, prompt, answers(view, row));
  if (operation === "turn" && !said.some((one) => one.voice === "user") && prompt !== "") {
    said = [{ voice: "user", title: "", text: prompt, sizeBytes: prompt.length, complete: true, prose: true, mime: null }, ...said];
  }
  const shown = said.filter((one) => !muted.has(one.voice)).map(readable).filter((one) => !isSaid(one, label.detail) && !(one.title === "task" && repeats(one.text, prompt)));
  const silent = operation === "model" && entry !== undefined && shown.length === 0;
  if (operation === "turn") {
    return (
      <article class={`entry entry-turn${selected ? " is-selected" : ""}`} data-entry={row} aria-label={t("turn {0}", table.turn[row]!)}>
        <header class="turn-head"><OperationIcon operation="turn" /><h2>{label.name}</h2><span class="muted">{t("at {0} · took {1}", formatDuration(table.start[row]!), formatDuration(Math.max(0, table.end[row]! - table.start[row]!)))}</span></header>
        {shown.map((one, i) => <Part key={i} id={`${key}/${i}`} speech={one} inspect={inspect} />)}
      </article>
    );
  }
  const facts: string[] = [];
  if (table.duration[row]! < 0) facts.push(view.alive.value ? t("running") : t("never ended"));
  else facts.push(formatDuration(table.duration[row]!));
  if (operation === "model" && table.inputTokens[row]! >= 0) facts.push(`${formatCount(table.inputTokens[row]!)}→${formatCount(Math.max(0, table.outputTokens[row]!))} tok`);
  if (table.cost[row]! > 0) facts.push(formatCost(table.cost[row]!));
  const sub = (table.flags[row]! & FLAG.subagentRoot) !== 0;
  const agent = stringAt(table, table.agent[row]!);
  return (
    <article class={`entry op-${operation}${selected ? " is-selected" : ""}${silent ? " is-silent" : ""}${view.inSubagent.value[row] === 1 ? " is-sub" : ""}`} data-entry={row} aria-label={`${operation} ${label.name}`}>
      <header class="entry-head">
        <OperationIcon operation={operation} />
        <span class="entry-name">{sub && agent !== "" && operation !== "agent" ? `${agent} · ` : ""}{label.name}</span>
        <span class="clip muted entry-detail">{operation === "model" ? "" : label.detail}</span>
        {isDenied(table, row) ? <span class="flag tone-denied"><Icon name="denied" />{t("denied")}</span> : null}
        {isError(table, row) ? <span class="flag tone-error"><Icon name="error" />{t("error")}</span> : null}
        <span class="entry-facts muted">{facts.join(" · ")}</span>
        <time class="entry-time muted" title={formatTime(new Date(Date.parse(table.startedAt) + table.start[row]! / 1e6).toISOString())}>{formatDuration(table.start[row]!)}</time>
      </header>
      {entry === undefined && row < table.spanCount ? <div class="say say-wait" aria-hidden="true"><i /></div> : null}
      {shown.map((one, i) => <Part key={i} id={`${key}/${i}`} speech={one} inspect={inspect} />)}
      {entry != null && entry.error_message !== null && isError(table, row) ? <p class="say tone-error">{entry.error_message.slice(0, 600)}</p> : null}
      {entry != null && entry.skipped_bytes > 0 && shown.length === 0 ? <button type="button" class="say-more" onClick={inspect}>{t("{0}: open in the inspector", formatBytes(entry.skipped_bytes))}</button> : null}
    </article>
  );
}

/** Whether model requests say what this turn or agent answered. */
function answers(view: SessionView, row: number): boolean {
  const table = view.table.value!;
  const model = table.operations.indexOf("model");
  const first = view.transcript.placeNear(row);
  const rows = view.transcript.rows.value;
  for (let place = first + 1; place < rows.length && place < first + 400; place++) {
    const other = rows[place]!;
    if (table.start[other]! > table.end[row]!) return false;
    if (table.operation[other] === model) return true;
  }
  return false;
}

export function Transcript({ view }: { view: SessionView }) {
  const { transcript } = view;
  const rows = transcript.rows.value;
  void transcript.arrived.value;
  const frame = useRef<HTMLDivElement>(null);
  const table = view.table.value!;
  const turns = view.detail.value?.turns;
  const prompts = useMemo(() => new Map((turns ?? []).map((turn) => [turn.turn, turn.prompt ?? ""])), [turns]);
  const selected = view.selectedRow.value;
  const request = view.scrollRequest.value;
  const place = useMemo(() => transcript.placeNear(selected), [selected, rows, request]);
  const version = view.version.value;
  const sight = useRef<[number, number]>([0, 0]);
  useEffect(() => transcript.want(...sight.current), [version, rows]);
  useEffect(() => {
    if (view.mainTab.peek() === "transcript") frame.current?.querySelector<HTMLElement>(".measured")?.focus({ preventScroll: true });
  }, []);
  const estimate = (index: number) => {
    const operation = operationOf(table, rows[index]!);
    return operation === "model" ? 96 : operation === "turn" ? 84 : operation === "hook" || operation === "policy" ? 40 : 92;
  };
  const onClick = (event: MouseEvent) => {
    const target = event.target as Element;
    if (target.closest("button, a, summary, [role=region]") !== null || getSelection()?.isCollapsed === false) return;
    const line = target.closest<HTMLElement>("[data-entry]");
    if (line !== null) view.select(Number(line.dataset["entry"]));
  };
  const failure = transcript.failure.value;
  return (
    <div class="transcript" ref={frame} onClick={onClick}>
      <Voices view={view} />
      {failure === null ? null : <Failure error={failure} what={t("What was said could not be read")} retry={() => transcript.want(...sight.current)} />}
      {rows.length === 0 ? <p class="note pad">{t("Nobody says anything in this run: it holds no turns, model requests or calls that are shown.")}</p> : (
        <MeasuredRows count={rows.length} identity={rows} keyOf={(index) => rows[index]!} estimate={estimate} label={t("Transcript")}
          show={{ index: place, at: request * 2 + 1 }}
          onSight={(first, end) => {
            sight.current = [first, end];
            transcript.want(first, end);
          }}
          row={(index) => <Entry view={view} row={rows[index]!} entry={transcript.entryOf(rows[index]!)} prompts={prompts} />} />
      )}
    </div>
  );
}
