// Tagging, exporting and deleting: of the marked sessions in the list, or of the open one.

import { useState } from "preact/hooks";
import { exportUrl, type ApiError, type ExportFormat } from "../../api/client.ts";
import { loadValues, values } from "../../state/sessions.ts";
import { deleteSubjects, retag, subjects, tagsOf, type Subjects } from "../../state/subjects.ts";
import { t } from "../../strings.ts";
import { plural } from "../../trace/format.ts";
import { oneLine, titleOf } from "../../trace/payload_text.ts";
import { Dialog } from "../../widgets/dialogs.tsx";
import { Icon } from "../../widgets/icon.tsx";
import { Failure } from "../../widgets/states.tsx";

const close = () => (subjects.value = null);

function Which({ rows }: { rows: Subjects["rows"] }) {
  return <p class="muted clip">{rows.length === 1 ? oneLine(titleOf(rows[0]!)) : plural(rows.length, "session")}</p>;
}

function Tags({ rows }: { rows: Subjects["rows"] }) {
  const [text, setText] = useState("");
  const [error, setError] = useState<ApiError | null>(null);
  loadValues();
  const used = tagsOf(rows);
  const add = async () => {
    const tag = text.trim();
    if (tag === "") return;
    const failed = await retag([tag], []);
    setError(failed);
    if (failed === null) setText("");
  };
  return (
    <>
      <h2>{t("Tags")}</h2>
      <Which rows={rows} />
      <div class="tag-list">
        {used.length === 0 ? <span class="note">{t("No tags yet.")}</span> : used.map(({ tag, partly }) => (
          <span key={tag} class={`tag${partly ? " is-partly" : ""}`} title={partly ? t("Only some of them have it") : undefined}>
            {oneLine(tag)}
            <button type="button" class="quiet" aria-label={t("Take the tag {0} away", oneLine(tag))} onClick={() => void retag([], [tag]).then(setError)}><Icon name="error" size={8} /></button>
          </span>
        ))}
      </div>
      <form onSubmit={(event) => {
        event.preventDefault();
        void add();
      }}>
        <input autoFocus id="new-tag" type="text" list="known-tags" maxLength={200} placeholder={t("New tag")} aria-label={t("New tag")} value={text} onInput={(event) => setText(event.currentTarget.value)} />
        <datalist id="known-tags">{(values.value["tag"] ?? []).map(({ value }) => <option key={value} value={value} />)}</datalist>
        <button type="submit" class="primary" disabled={text.trim() === ""}>{t("Add")}</button>
        <span class="grow" />
        <button type="button" onClick={close}>{t("Done")}</button>
      </form>
      {error === null ? null : <Failure error={error} what={t("The tags could not be changed")} />}
    </>
  );
}

const FORMATS: readonly [format: ExportFormat, name: string, about: string][] = [
  ["html", "HTML", t("One page that replays the session by itself, without a network")],
  ["md", "Markdown", t("The transcript, to read or to paste")],
  ["json", "JSON", t("Everything that is known of it, as one document")],
  ["csv", "CSV", t("A row for each prompt and act")],
  ["otlp", "OTLP", t("The records as they were received; spanreel import reads them back")],
];
const PARTS: readonly [part: string, name: string][] = [
  ["thinking", t("thinking")], ["system", t("system prompts")], ["input", t("arguments and prompts")], ["output", t("results and answers")], ["attributes", t("attributes")],
];

/** An example of a pattern: what the keys of a well-known provider look like. */
const KEY_LIKE = "sk-[A-Za-z0-9]+";

function save(url: string): void {
  const link = document.createElement("a");
  link.href = url;
  link.download = "";
  link.click();
}

function Export({ rows }: { rows: Subjects["rows"] }) {
  const [format, setFormat] = useState<ExportFormat>("html");
  const [without, setWithout] = useState<ReadonlySet<string>>(new Set());
  const [redact, setRedact] = useState("");
  const toggle = (part: string) => setWithout((before) => (before.has(part) ? new Set([...before].filter((other) => other !== part)) : new Set([...before, part])));
  const run = () => {
    // Browsers hold back several downloads in one go unless they come one after another.
    rows.forEach((row, i) => setTimeout(() => save(exportUrl(row.session_id, format, { without: [...without], redact: redact.trim() })), i * 400));
    close();
  };
  return (
    <>
      <h2>{t("Export")}</h2>
      <Which rows={rows} />
      <form onSubmit={(event) => {
        event.preventDefault();
        run();
      }}>
        <fieldset>
          <legend class="sr-only">{t("Format")}</legend>
          {FORMATS.map(([value, name, about], i) => (
            <label key={value} class="choice"><input type="radio" name="format" autoFocus={i === 0} checked={format === value} onChange={() => setFormat(value)} /><b>{name}</b><span class="muted">{about}</span></label>
          ))}
        </fieldset>
        {format !== "html" ? null : (
          <fieldset>
            <legend>{t("Leave out")}</legend>
            <div class="choice-row">{PARTS.map(([part, name]) => <label key={part}><input type="checkbox" checked={without.has(part)} onChange={() => toggle(part)} />{name}</label>)}</div>
            <label class="redact">{t("Replace what fits")}<input type="text" class="mono" placeholder={KEY_LIKE} value={redact} onInput={(event) => setRedact(event.currentTarget.value)} /></label>
          </fieldset>
        )}
        <div class="dialog-foot">
          <button type="button" onClick={close}>{t("Cancel")}</button>
          <button type="submit" class="primary">{rows.length === 1 ? t("Save") : t("Save {0} files", rows.length)}</button>
        </div>
      </form>
    </>
  );
}

function Delete({ rows }: { rows: Subjects["rows"] }) {
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    setError(await deleteSubjects());
    setBusy(false);
  };
  return (
    <>
      <h2>{rows.length === 1 ? t("Delete this session for good?") : t("Delete these {0} sessions for good?", rows.length)}</h2>
      <Which rows={rows} />
      <p>{t("Its acts, payloads, findings, notes and tags go, and those of the sessions it started. Nothing of it can be had back, and what is still being sent of it is left out.")}</p>
      {error === null ? null : <Failure error={error} what={t("Nothing was deleted")} />}
      <div class="dialog-foot">
        <button type="button" autoFocus onClick={close}>{t("Keep")}</button>
        <button type="button" class="danger" disabled={busy} onClick={() => void run()}>{t("Delete")}</button>
      </div>
    </>
  );
}

const DIALOGS = { tag: Tags, export: Export, delete: Delete };
const LABELS = { tag: t("Tags"), export: t("Export"), delete: t("Delete") };

export function SessionDialog() {
  const current = subjects.value;
  if (current === null) return null;
  const Content = DIALOGS[current.task];
  return <Dialog label={LABELS[current.task]} close={close}><div class="ask"><Content rows={current.rows} /></div></Dialog>;
}
