// One payload: what it is, how large, in which form to read it, and the whole of it.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ApiError, getPayload, getPayloadPart, isAbort, payloadUrl, toApiError } from "../../api/client.ts";
import type { Json, Payload } from "../../api/types.ts";
import { copy } from "../../state/panels.ts";
import { t } from "../../strings.ts";
import { formatBytes, groupDigits } from "../../trace/format.ts";
import { imageOf, imagesIn, type FoundImage } from "../../trace/images.ts";
import { formsOf, parseLossless, type Form } from "../../trace/json_text.ts";
import { utf8Length } from "../../trace/payload_text.ts";
import { JsonTree } from "../../widgets/json_tree.tsx";
import { TextView } from "../../widgets/text_view.tsx";
import { ImageView } from "./image_view.tsx";
import { useFind, wholeOf } from "./inspector_state.ts";

const HELD = 12;
const wholeTexts = new Map<string, string>();

function remember(hash: string, text: string): void {
  wholeTexts.set(hash, text);
  if (wholeTexts.size > HELD) wholeTexts.delete(wholeTexts.keys().next().value!);
}

const FORM_LABELS: Record<Form, string> = { plain: "Plain", json: "JSON", raw: "Raw" };

const LARGEST_TREE = 2_000_000;
/** Larger payloads come in pieces of PIECE bytes, as they are asked for. */
const LARGEST_AT_ONCE = 8_000_000;
const PIECE = 4_000_000;

function parsed(text: string): Json | null {
  try {
    return parseLossless(text);
  } catch {
    return null;
  }
}

function picturesOf(text: string, mime: string | null): FoundImage[] {
  const whole = mime !== null || text.startsWith("data:image/") ? imageOf(text, mime) : null;
  if (whole !== null) return [whole];
  if (!/^\s*[[{]/.test(text) || !/image/.test(text)) return [];
  const value = parsed(text);
  return value === null ? [] : imagesIn(value);
}

export function TextCard({ title, text, size, hash = null, complete = true, lines, open = true, mime = null }: {
  title: string; text: string; size: number; hash?: string | null; complete?: boolean; lines?: number; open?: boolean; mime?: string | null;
}) {
  const find = useFind();
  const whole = wholeOf.value;
  const [folded, fold] = useState(!open);
  const [chosen, choose] = useState<Form | null>(null);
  const [loaded, setLoaded] = useState<string | null>(hash === null ? null : (wholeTexts.get(hash) ?? null));
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [loading, setLoading] = useState(false);
  const inPieces = !complete && size > LARGEST_AT_ONCE && hash !== null;
  const [pieces, setPieces] = useState({ text: "", bytes: 0 });
  const decoder = useRef<TextDecoder | null>(null);
  const full = complete || loaded !== null || pieces.bytes >= size;
  const current = loaded ?? (pieces.bytes > 0 ? pieces.text : text);
  const shown = !folded || whole || find !== "";
  const forms = useMemo(() => (shown ? formsOf(current) : null), [current, shown]);
  const form = chosen ?? forms?.preferred ?? "raw";
  const tree = useMemo(() => (form === "json" && find === "" && current.length < LARGEST_TREE ? parsed(current) : null), [form, find, current]);
  const pictures = useMemo(() => (shown ? picturesOf(current, mime) : []), [current, shown, mime]);
  const body = forms === null ? "" : form === "plain" ? (forms.plain ?? current) : form === "json" ? (forms.json ?? current) : current;

  const load = async () => {
    if (hash === null || loading || full) return;
    setLoading(true);
    setFailure(null);
    try {
      if (inPieces) {
        // One decoder for all pieces: a character may lie across two of them.
        decoder.current ??= new TextDecoder();
        const part = await getPayloadPart(hash, pieces.bytes, Math.min(size, pieces.bytes + PIECE));
        const bytes = pieces.bytes + part.length;
        setPieces({ text: pieces.text + decoder.current.decode(part, { stream: bytes < size }), bytes: part.length === 0 ? size : bytes });
      } else {
        const answer = await getPayload(hash);
        remember(hash, answer);
        setLoaded(answer);
      }
    } catch (cause) {
      if (!isAbort(cause)) setFailure(toApiError(cause));
    } finally {
      setLoading(false);
    }
  };
  useEffect(() => {
    if (whole) void load();
  }, [whole, hash]);
  const copyAll = async () => {
    if (!full && hash !== null) {
      try {
        const answer = await getPayload(hash);
        setLoaded(answer);
        return void copy(answer, title);
      } catch (cause) {
        return setFailure(toApiError(cause));
      }
    }
    void copy(current, title);
  };

  return (
    <section class="card" role="group" aria-label={title}>
      <header class="card-head">
        <button type="button" class="card-title" aria-expanded={shown} onClick={() => fold(!folded)}>{title}</button>
        <span class="muted" title={t("{0} bytes", groupDigits(size))}>{size < 1e6 && size >= 1000 ? `${groupDigits(size)} B` : formatBytes(size)}</span>
        {hash === null ? null : <a class="hash" href={payloadUrl(hash)} target="_blank" rel="noreferrer" title={t("The bytes as recorded, in a tab of their own\nBLAKE3 {0}", hash)}>{hash.slice(0, 8)}</a>}
        <span class="grow" />
        {forms === null || forms.json === null ? null : (
          <span class="segmented" role="group" aria-label={t("Form")}>
            {(["plain", "json", "raw"] as const).map((name) => <button key={name} type="button" aria-pressed={form === name} onClick={() => choose(name)}>{FORM_LABELS[name]}</button>)}
          </span>
        )}
        <button type="button" class="quiet" onClick={() => void copyAll()}>{t("Copy")}</button>
      </header>
      {pictures.length === 0 ? null : <div class="pictures">{pictures.map((picture, i) => <ImageView key={i} image={picture} />)}</div>}
      {shown && tree !== null ? <JsonTree value={tree} /> : shown && !(mime !== null && pictures.length > 0) ? <TextView key={form} text={body} json={form === "json"} find={find} whole={whole || loaded !== null || pieces.bytes > 0} {...(lines === undefined ? {} : { lines })} /> : null}
      {shown && !full ? (
        <div class="card-foot">
          <span>{t("The first {0} of {1} bytes.{2}", formatBytes(pieces.bytes > 0 ? pieces.bytes : utf8Length(text)), groupDigits(size), find === "" ? "" : t(" The search looks in these."))}</span>
          <button type="button" onClick={() => void load()} disabled={loading}>{loading ? t("Loading…") : inPieces ? t("Load {0} more", formatBytes(Math.min(PIECE, size - pieces.bytes))) : t("Load the whole")}</button> <kbd>o</kbd>
        </div>
      ) : null}
      {failure === null ? null : <p class="card-foot tone-error" role="alert">{failure.message} <button type="button" onClick={() => void load()}>{t("Try again")}</button></p>}
    </section>
  );
}

export function PayloadCard({ title, payload, lines, open }: { title: string; payload: Payload; lines?: number; open?: boolean }) {
  return <TextCard key={payload.hash} title={title} text={payload.text} size={payload.size_bytes} hash={payload.hash} complete={payload.complete} {...(lines === undefined ? {} : { lines })} {...(open === undefined ? {} : { open })} />;
}

/** A payload known by its hash alone: fetched when it is opened. */
export function HashCard({ title, hash, size }: { title: string; hash: string; size: number }) {
  const [text, setText] = useState<string | null>(wholeTexts.get(hash) ?? null);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const whole = wholeOf.value;
  const load = async () => {
    setFailure(null);
    try {
      const answer = await getPayload(hash);
      remember(hash, answer);
      setText(answer);
    } catch (cause) {
      setFailure(toApiError(cause));
    }
  };
  useEffect(() => {
    if (whole && text === null) void load();
  }, [whole]);
  if (text !== null) return <TextCard title={title} text={text} size={size} hash={hash} />;
  return (
    <section class="card" role="group" aria-label={title}>
      <header class="card-head">
        <button type="button" class="card-title" aria-expanded="false" onClick={() => void load()}>{title}</button>
        <span class="muted">{formatBytes(size)}</span>
        <a class="hash" href={payloadUrl(hash)} target="_blank" rel="noreferrer" title={t("BLAKE3 {0}", hash)}>{hash.slice(0, 8)}</a>
        <span class="grow" />
        <button type="button" class="quiet" onClick={() => void load()}>{t("Show")}</button>
      </header>
      {failure === null ? null : <p class="card-foot tone-error" role="alert">{failure.message}</p>}
    </section>
  );
}
