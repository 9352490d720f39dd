// Replay: play, pause, step, speed; and below, what was so at the instant it stands at.

import { useEffect, useRef, useState } from "preact/hooks";
import { keyLabel, runCommand } from "../../commands.ts";
import { SPEEDS } from "../../state/playback.ts";
import type { SessionView } from "../../state/session_view.ts";
import { t } from "../../strings.ts";
import { toAxis, toTime } from "../../trace/axis.ts";
import { formatCost, formatCount, formatDuration, groupDigits, plural } from "../../trace/format.ts";
import type { Moment } from "../../trace/moment.ts";
import { labelOf, operationOf } from "../../trace/labels.ts";
import { Icon, OperationIcon } from "../../widgets/icon.tsx";

const NO_PROMPTS: ReadonlyMap<number, string> = new Map();

export function PlayButtons({ view }: { view: SessionView }) {
  const playing = view.playback.playing.value;
  const button = (command: string, icon: string, label: string, key: string) => (
    <button type="button" class="quiet" aria-label={label} title={`${label} ${keyLabel(key)}`} onClick={() => runCommand(command)}><Icon name={icon} /></button>
  );
  return (
    <div class="play" role="group" aria-label={t("Replay")}>
      {button("step_back", "step_back", t("Step back"), ",")}
      {button("play", playing ? "pause" : "play", playing ? "Pause" : "Play", "Space")}
      {button("step_forward", "step_forward", t("Step forward"), ".")}
      <select class="speed" aria-label={t("Speed of replay")} title={t("Seconds of the run that pass in one second")} value={String(view.playback.speed.value)} onChange={(event) => (view.playback.speed.value = Number(event.currentTarget.value))}>
        {SPEEDS.map((speed) => <option key={speed} value={String(speed)}>{speed}×</option>)}
      </select>
    </div>
  );
}

/** The slider moves with the clock without drawing anything else anew. */
function Slider({ view }: { view: SessionView }) {
  const input = useRef<HTMLInputElement>(null);
  const total = view.axis.value.total;
  useEffect(() => view.playback.time.subscribe((at) => {
    const element = input.current;
    if (element === null || at === null) return;
    const share = toAxis(view.axis.peek(), at) / view.axis.peek().total;
    element.value = String(Math.round(share * 10_000));
    element.setAttribute("aria-valuetext", formatDuration(at));
    element.style.setProperty("--share", `${(share * 100).toFixed(2)}%`);
  }), [view, total]);
  return (
    <input ref={input} class="scrub" type="range" min="0" max="10000" step="1" aria-label={t("Instant of the run")} data-own-arrows
      onInput={(event) => {
        view.playback.pause();
        view.playback.seek(toTime(view.axis.peek(), (Number(event.currentTarget.value) / 10_000) * total));
      }} />
  );
}

export function MomentBar({ view }: { view: SessionView }) {
  const moment = view.playback.moment.value;
  return moment === null ? null : <MomentFacts view={view} moment={moment} />;
}

function MomentFacts({ view, moment }: { view: SessionView; moment: Moment }) {
  const table = view.table.value!;
  const { files } = moment;
  const [listed, list] = useState(false);
  const edited = files.filter((file) => file.edited).length;
  return (
    <section class="moment" aria-label={t("At this instant")}>
      <div class="moment-line">
        <strong class="moment-time">{formatDuration(moment.time)}</strong>
        <Slider view={view} />
        <span class="muted nowrap">{t("of {0}", formatDuration(table.total))}</span>
        <button type="button" class="quiet" aria-label={t("Leave replay")} title={t("Leave replay {0}", keyLabel("Escape"))} onClick={() => view.playback.seek(null)}><Icon name="error" size={10} /></button>
      </div>
      <div class="moment-line moment-facts">
        <span class="moment-open">
          <span class="muted">{t("open {0}", moment.openCount)}</span>
          {moment.open.slice(0, 4).map((row) => (
            <button key={row} type="button" class="chip" onClick={() => view.select(row)}><OperationIcon operation={operationOf(table, row)} /><span class="clip">{labelOf(table, row, NO_PROMPTS).name}</span></button>
          ))}
          {moment.openCount > 4 ? <span class="muted">+{groupDigits(moment.openCount - 4)}</span> : null}
        </span>
        <span title={t("Tokens of the requests that had ended")}>{t("{0}→{1} tok", formatCount(moment.tokensIn), formatCount(moment.tokensOut))}</span>
        {moment.cost > 0 ? <span title={t("Cost of the requests that had ended")}>{formatCost(moment.cost)}</span> : null}
        {moment.context < 0 ? null : (
          <button type="button" class="link" title={t("The messages that the model was given in the latest request")} onClick={() => {
            view.tab.value = "content";
            view.select(moment.context, true);
          }}>{t("context{0}", moment.contextTokens > 0 ? ` ${formatCount(moment.contextTokens)}` : "")}</button>
        )}
        {files.length === 0 ? null : (
          <details class="moment-files" open={listed} onToggle={(event) => list(event.currentTarget.open)}>
            <summary>{plural(files.length, "file")}{edited > 0 ? t(", {0} edited", edited) : ""}</summary>
            <ul>
              {!listed ? null : files.slice(0, 200).map((file) => (
                <li key={file.path}><button type="button" class="link" onClick={() => view.select(file.row, true)}><bdi>{file.path}</bdi></button>{file.edited ? <span class="tag">{t("edited")}</span> : null}<span class="muted">{formatDuration(file.start)}</span></li>
              ))}
            </ul>
          </details>
        )}
      </div>
    </section>
  );
}
