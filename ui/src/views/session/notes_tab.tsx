// What people say of the selected act, and a place to say something.

import { useState } from "preact/hooks";
import type { Verdict } from "../../api/types.ts";
import { author } from "../../state/annotations.ts";
import type { SessionView } from "../../state/session_view.ts";
import { t } from "../../strings.ts";
import { formatTime } from "../../trace/format.ts";
import { Icon } from "../../widgets/icon.tsx";
import { visible } from "../../widgets/text_view.tsx";

/** A verdict as a mark: never by colour alone. */
export function VerdictMark({ verdict }: { verdict: Verdict }) {
  return <span class={`verdict verdict-${verdict}`}><Icon name={verdict === "good" ? "ok" : "error"} />{verdict}</span>;
}

export function NotesTab({ view }: { view: SessionView }) {
  const { annotations } = view;
  const [verdict, choose] = useState<Verdict | null>(null);
  const [comment, write] = useState("");
  const [busy, setBusy] = useState(false);
  const list = annotations.ofSelected.value;
  const failure = annotations.failure.value;
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    if (await annotations.add(verdict, comment)) {
      write("");
      choose(null);
    }
    setBusy(false);
  };
  return (
    <>
      {list.map((one) => (
        <article class="card note-card" key={one.annotation_id}>
          <header class="card-head">
            {one.verdict === null ? null : <VerdictMark verdict={one.verdict} />}
            <span class="muted">{one.author ?? t("somebody")} · {formatTime(one.created_at)}</span>
            <span class="grow" />
            <button type="button" class="quiet" onClick={() => void annotations.remove(one)}>{t("Take back")}</button>
          </header>
          {one.comment === null ? null : <p class="note-text">{visible(one.comment, "n")}</p>}
        </article>
      ))}
      <form class="note-form" onSubmit={(event) => void submit(event)}>
        <div class="segmented" role="group" aria-label={t("Verdict")}>
          {(["good", "wrong"] as const).map((one) => <button key={one} type="button" aria-pressed={verdict === one} onClick={() => choose(verdict === one ? null : one)}>{one}</button>)}
        </div>
        <textarea id="note" rows={4} aria-label={t("Note")} placeholder={t("What is good or wrong about this act?")} value={comment} onInput={(event) => write(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) void submit(event);
          }} />
        <div class="note-foot">
          <input type="text" aria-label={t("Your name")} placeholder={t("Your name")} value={author.value} maxLength={60} onInput={(event) => (author.value = event.currentTarget.value)} />
          <span class="grow" />
          <button type="submit" class="primary" disabled={busy || (verdict === null && comment.trim() === "")}>{t("Keep")}</button>
        </div>
      </form>
      {failure === null ? null : <p class="note tone-error" role="alert">{failure.message}</p>}
    </>
  );
}
