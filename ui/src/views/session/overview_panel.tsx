// What the inspector tells while no act is chosen: why the run went wrong, its turns, its checkpoints.

import type { ComponentChildren } from "preact";
import { recording } from "../../api/recording.ts";
import { getWhy, type Evidence, type Why } from "../../api/marks.ts";
import type { SpanRef } from "../../api/types.ts";
import { copy } from "../../state/panels.ts";
import type { SessionView } from "../../state/session_view.ts";
import { t } from "../../strings.ts";
import { formatDuration, groupDigits } from "../../trace/format.ts";
import { oneLine } from "../../trace/payload_text.ts";
import { stringAt } from "../../trace/span_table.ts";
import { Icon } from "../../widgets/icon.tsx";
import { Skeleton } from "../../widgets/states.tsx";
import { useAnswer } from "../../widgets/use_answer.ts";

const TURNS_SHOWN = 100;

function Shown({ view, evidence }: { view: SessionView; evidence: Evidence }) {
  const open = ({ trace_id, span_id }: SpanRef) => view.select(view.index.peek().get(`${trace_id}:${span_id}`) ?? -1, true);
  return <li><button type="button" class="link" onClick={() => open(evidence.span)}>{oneLine(evidence.text)}</button></li>;
}

/** Text in which `words between backticks` are code. */
function withCode(text: string): ComponentChildren {
  return text.split("`").map((part, i) => (i % 2 === 1 ? <code key={i}>{part}</code> : part));
}

function Verdict({ view, why }: { view: SessionView; why: Why }) {
  const { configuration, file, text } = why.remedy;
  const fine = why.mode === "none";
  return (
    <section class={`card why${fine ? "" : " is-wrong"}`}>
      <h2 class="card-head">{fine ? <span class="tone-running"><Icon name="ok" /></span> : <span class="tone-error"><Icon name="error" /></span>}{fine ? t("How it went") : t("What went wrong")}</h2>
      <p class="why-text">{oneLine(why.sentence)}</p>
      {why.evidence.length + (why.change === null ? 0 : 1) === 0 ? null : (
        <ol class="why-evidence">
          {why.change === null ? null : <Shown view={view} evidence={why.change} />}
          {why.evidence.map((one, i) => <Shown key={i} view={view} evidence={one} />)}
        </ol>
      )}
      {text === "" || fine ? null : <p class="why-text"><b>{t("What to do:")}</b> {withCode(oneLine(text))}</p>}
      {configuration === null ? null : (
        <details class="why-more">
          <summary>{t("What to set{0}", file === null ? "" : t(" in {0}", file))}</summary>
          <figure class="why-code">
            <figcaption class="muted"><span class="grow" /><button type="button" class="quiet" onClick={() => void copy(configuration, t("Settings"))}>{t("Copy")}</button></figcaption>
            <pre>{configuration}</pre>
          </figure>
        </details>
      )}
    </section>
  );
}

function Turns({ view }: { view: SessionView }) {
  const table = view.table.value!;
  const prompts = new Map((view.detail.value?.turns ?? []).map((turn) => [turn.turn, turn.prompt ?? ""]));
  const turn = table.operations.indexOf("turn");
  const hidden = view.hidden.value!;
  const rows: number[] = [];
  for (const row of table.order) if (hidden[row] === 0 && table.operation[row] === turn && (table.session[row]! < 0 || stringAt(table, table.session[row]!) === table.sessionId)) rows.push(row);
  if (rows.length === 0) return null;
  return (
    <section>
      <h2 class="part-title">{t("Turns")} <span class="count">{groupDigits(rows.length)}</span></h2>
      <ol class="outline">
        {rows.slice(0, TURNS_SHOWN).map((row) => (
          <li key={row}><button type="button" onClick={() => view.select(row, true)}>
            <span class="outline-number">{table.turn[row]}</span>
            <span class="clip">{oneLine(prompts.get(table.turn[row]!) || t("no prompt was sent"))}</span>
            <span class="muted num">{formatDuration(table.end[row]! - table.start[row]!)}</span>
          </button></li>
        ))}
      </ol>
      {rows.length > TURNS_SHOWN ? <p class="note">{t("and {0} more; {1} and {2} go through all", groupDigits(rows.length - TURNS_SHOWN), <kbd>J</kbd>, <kbd>K</kbd>)}</p> : null}
    </section>
  );
}

function CheckpointList({ view }: { view: SessionView }) {
  const { placed, remove } = view.checkpoints;
  if (placed.value.length === 0) return null;
  return (
    <section>
      <h2 class="part-title">{t("Checkpoints")} <span class="count">{placed.value.length}</span></h2>
      <ul class="outline">
        {placed.value.map((one) => (
          <li key={`${one.checkpoint.session_id} ${one.checkpoint.name}`}>
            <button type="button" onClick={() => view.toCheckpoint(one)}>
              <span class="outline-number tone-flag"><Icon name="flag" size={10} /></span>
              <span class="clip">{oneLine(one.checkpoint.name)}</span>
              <span class="muted num">{formatDuration(one.at)}</span>
            </button>
            {recording() === null ? <button type="button" class="quiet" aria-label={t("Take the checkpoint {0} away", oneLine(one.checkpoint.name))} onClick={() => void remove(one.checkpoint)}><Icon name="error" size={9} /></button> : null}
          </li>
        ))}
      </ul>
    </section>
  );
}

export function OverviewPanel({ view }: { view: SessionView }) {
  const session = view.table.value!.sessionId;
  const answer = useAnswer(`${session}\n${view.version.value}`, async (signal) => (session === null || recording() !== null ? null : getWhy(session, signal)));
  // All at once: what is below the verdict would be pushed down when it comes.
  const waits = session !== null && recording() === null && answer.data === null && answer.failure === null;
  if (waits) return <div class="inspector-body overview-panel"><Skeleton rows={8} label={t("Reading what went wrong")} /></div>;
  return (
    <div class="inspector-body overview-panel" tabIndex={0} role="region" aria-label={t("The whole run")}>
      {answer.data === null ? null : <Verdict view={view} why={answer.data} />}
      <CheckpointList view={view} />
      <Turns view={view} />
      <p class="note overview-keys">{t("{0} {1} steps through the acts, {2} goes to the next finding, {3} to the next error.", <kbd>j</kbd>, <kbd>k</kbd>, <kbd>n</kbd>, <kbd>e</kbd>)}</p>
    </div>
  );
}
