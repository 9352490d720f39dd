// Named moments: flags on the time axis, and the line that asks for a name.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { provide } from "../../commands.ts";
import type { SessionView } from "../../state/session_view.ts";
import { t } from "../../strings.ts";
import { formatDuration } from "../../trace/format.ts";
import { oneLine } from "../../trace/payload_text.ts";
import { Icon } from "../../widgets/icon.tsx";

/** `place` turns an instant (ns) into pixels from the left of the axis; null when it is out of sight. */
export function CheckpointFlags({ view, place }: { view: SessionView; place: (time: number) => number | null }) {
  return (
    <>
      {view.checkpoints.placed.value.map((one) => {
        const left = place(one.at);
        if (left === null) return null;
        const { session_id, name } = one.checkpoint;
        return (
          <span key={`${session_id} ${name}`} class="wf-flag" style={{ left: `${left.toFixed(1)}px` }} title={t("Checkpoint {0} at {1}", oneLine(name), formatDuration(one.at))} onClick={(event) => {
            event.stopPropagation();
            view.toCheckpoint(one);
          }}><Icon name="flag" size={10} /><span class="clip">{oneLine(name)}</span></span>
        );
      })}
    </>
  );
}

export function CheckpointForm({ view }: { view: SessionView }) {
  return view.checkpoints.naming.value ? <NameForm view={view} /> : null;
}

function NameForm({ view }: { view: SessionView }) {
  const { checkpoints } = view;
  const [name, setName] = useState("");
  const close = () => {
    checkpoints.naming.value = false;
    setTimeout(() => document.querySelector<HTMLElement>(".wf-scroll, .measured")?.focus({ preventScroll: true }), 0);
  };
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    field.current?.focus();
    return provide({ back: close });
  }, []);
  const failure = checkpoints.failure.value;
  const taken = checkpoints.placed.value.some(({ checkpoint }) => checkpoint.name === name.trim());
  return (
    <form class="checkpoint-form" aria-label={t("Checkpoint")} onSubmit={(event) => {
      event.preventDefault();
      void checkpoints.add(name).then((kept) => kept && close());
    }}>
      <Icon name="flag" />
      <input ref={field} id="checkpoint-name" type="text" maxLength={200} aria-label={t("Name of the checkpoint")} placeholder={t("Name this moment")} value={name} onInput={(event) => setName(event.currentTarget.value)} />
      <button type="submit" class="primary" disabled={name.trim() === ""}>{taken ? t("Move here") : t("Keep")}</button>
      <button type="button" class="quiet" onClick={close}>{t("Cancel")}</button>
      {failure === null ? null : <span class="note tone-error" role="alert">{failure.message}</span>}
    </form>
  );
}
