// The edits that a call asked for.

import { useMemo, useState } from "preact/hooks";
import type { SpanDetail } from "../../api/types.ts";
import { getPayload } from "../../api/client.ts";
import { stored } from "../../state/stored.ts";
import { t } from "../../strings.ts";
import { sideBySide, withContext, type DiffLine } from "../../trace/diff.ts";
import { countChanges, editsOf, type FileEdit } from "../../trace/edits.ts";
import { oneLine } from "../../trace/payload_text.ts";
import { plural } from "../../trace/format.ts";
import { Note } from "../../widgets/states.tsx";
import { visible } from "../../widgets/text_view.tsx";

const layout = stored<string>("diff.layout", "unified");
const FIRST_LINES = 400;
const KINDS: Record<FileEdit["kind"], string> = { edit: t("edited"), write: t("written whole"), delete: t("deleted"), move: t("moved") };
const SIGNS: Record<DiffLine["kind"], string> = { added: "+", removed: "−", same: " ", gap: "" };

function Line({ line }: { line: DiffLine }) {
  if (line.kind === "gap") return <tr class="diff-gap"><td colSpan={4}>{/^\d+$/.test(line.text) ? t("{0} unchanged", plural(Number(line.text), "line")) : line.text || "⋯"}</td></tr>;
  return (
    <tr class={`diff-${line.kind}`}>
      <td class="diff-no">{line.before ?? ""}</td><td class="diff-no">{line.after ?? ""}</td>
      <td class="diff-sign" aria-label={line.kind === "same" ? undefined : line.kind}>{SIGNS[line.kind]}</td>
      <td class="diff-text">{visible(line.text, "d")}</td>
    </tr>
  );
}

function Half({ line, side }: { line: DiffLine | null; side: "before" | "after" }) {
  if (line === null) return <><td class="diff-no" /><td class="diff-text diff-nothing" /></>;
  return <><td class={`diff-no diff-${line.kind}`}>{line[side] ?? ""}</td><td class={`diff-text diff-${line.kind}`}>{line.kind === "same" ? null : <span class="sr-only">{line.kind} </span>}{visible(line.text, "h")}</td></>;
}

function Lines({ edit }: { edit: FileEdit }) {
  const [all, showAll] = useState(false);
  const numbered = edit.lines.some((line) => line.before !== null || line.after !== null);
  const lines = useMemo(() => (edit.kind === "write" ? edit.lines : withContext(edit.lines)), [edit]);
  const split = layout.value === "split" && edit.kind !== "write";
  const pairs = useMemo(() => (split ? sideBySide(lines) : []), [lines, split]);
  const total = split ? pairs.length : lines.length;
  const most = all ? total : Math.min(total, FIRST_LINES);
  return (
    <>
      <div class="diff-scroll" tabIndex={0} role="region" aria-label={t("Changes in {0}", edit.path)}>
        <table class={`diff${split ? " is-split" : ""}${numbered ? "" : " no-numbers"}`}>
          <tbody>
            {split
              ? pairs.slice(0, most).map(({ left, right }, i) => (left?.kind === "gap" ? <Line key={i} line={left} /> : <tr key={i}><Half line={left} side="before" /><Half line={right} side="after" /></tr>))
              : lines.slice(0, most).map((line, i) => <Line key={i} line={line} />)}
          </tbody>
        </table>
      </div>
      {most < total ? <button type="button" class="more" onClick={() => showAll(true)}>{t("Show all {0}", plural(total, "line"))}</button> : null}
    </>
  );
}

export function DiffTab({ detail }: { detail: SpanDetail }) {
  const { input, span } = detail;
  const [whole, setWhole] = useState<string | null>(null);
  const text = whole ?? input?.text ?? "";
  const edits = useMemo(() => editsOf(text, span.tool_name ?? span.name), [text]);
  if (input !== null && !input.complete && whole === null) {
    return <p class="note">{t("The arguments are long.")} <button type="button" onClick={() => void getPayload(input.hash).then(setWhole, () => setWhole(""))}>{t("Read them whole")}</button></p>;
  }
  if (edits.length === 0) return <Note>{t("This act edits no file: its arguments hold no old and new text, no patch and no file.")}</Note>;
  return (
    <>
      <div class="diff-bar">
        <span class="muted">{t("as asked for by the call{0}", span.status === "error" ? t("; it failed") : span.decision === "deny" ? t("; it was denied") : "")}</span>
        <span class="grow" />
        <span class="segmented" role="group" aria-label={t("Layout")}>
          <button type="button" aria-pressed={layout.value !== "split"} onClick={() => (layout.value = "unified")}>{t("Unified")}</button>
          <button type="button" aria-pressed={layout.value === "split"} onClick={() => (layout.value = "split")}>{t("Side by side")}</button>
        </span>
      </div>
      {edits.map((edit, i) => {
        const { added, removed } = countChanges(edit);
        return (
          <section class="card" role="group" key={i} aria-label={oneLine(edit.path)}>
            <header class="card-head"><bdi class="diff-path">{oneLine(edit.path) || t("a file")}</bdi><span class="muted">{KINDS[edit.kind]}</span><span class="grow" /><span class="diff-plus">+{added}</span><span class="diff-minus">−{removed}</span></header>
            <Lines edit={edit} />
          </section>
        );
      })}
    </>
  );
}
