// What people say of the acts of the open session.

import { computed, effect, signal, type ReadonlySignal } from "@preact/signals";
import { annotate, isAbort, listAnnotations, removeAnnotation, toApiError, type ApiError } from "../api/client.ts";
import type { Annotation, Verdict } from "../api/types.ts";
import { t } from "../strings.ts";
import { stringAt, type SpanTable } from "../trace/span_table.ts";
import { tell } from "./panels.ts";
import { stored } from "./stored.ts";

/** Who annotates, as they call themselves; kept in this browser. */
export const author = stored<string>("annotation.author", "");

interface Needs {
  table: ReadonlySignal<SpanTable | null>;
  version: ReadonlySignal<number>;
  /** Key (`trace:span`) of the selected row. */
  selected: ReadonlySignal<string | null>;
}

const NOTHING: readonly Annotation[] = [];

export function createAnnotations({ table, version, selected }: Needs) {
  const all = signal<readonly Annotation[]>(NOTHING);
  const failure = signal<ApiError | null>(null);
  /** Annotations by key of the act; those of a turn or the session are under "". */
  const byKey = computed(() => {
    const map = new Map<string, Annotation[]>();
    for (const one of all.value) {
      const key = one.span_id === null ? "" : `${one.trace_id}:${one.span_id}`;
      map.set(key, [...(map.get(key) ?? []), one]);
    }
    return map;
  });
  const ofSelected = computed(() => byKey.value.get(selected.value ?? "") ?? NOTHING);

  let abort = new AbortController();
  async function load(): Promise<void> {
    const session = table.peek()?.sessionId ?? null;
    if (session === null) return;
    abort.abort();
    const own = (abort = new AbortController());
    try {
      all.value = await listAnnotations(session, own.signal);
      failure.value = null;
    } catch (cause) {
      if (!isAbort(cause)) failure.value = toApiError(cause);
    }
  }
  const stop = effect(() => {
    if (version.value > 0) void load();
  });

  /** Annotates the selected act; without a place to put it, nothing happens. */
  async function add(verdict: Verdict | null, comment: string): Promise<boolean> {
    const current = table.peek();
    const key = selected.peek();
    if (current === null || key === null) return false;
    const at = key.lastIndexOf(":");
    const band = key.startsWith("turn:");
    const row = band ? -1 : current.spanId.indexOf(key.slice(at + 1));
    const session = row < 0 ? current.sessionId : stringAt(current, current.session[row]!) || current.sessionId;
    if (session === null) return false;
    try {
      await annotate({
        session_id: session,
        trace_id: band ? null : key.slice(0, at),
        span_id: band ? null : key.slice(at + 1),
        turn: band ? Number(key.split(":")[1]) : null,
        verdict, comment: comment.trim() === "" ? null : comment, author: author.peek().trim() === "" ? null : author.peek().trim(),
      });
      failure.value = null;
      tell(verdict === null ? t("Noted") : t("Marked as {0}", verdict));
      await load();
      return true;
    } catch (cause) {
      failure.value = toApiError(cause);
      tell(t("The note could not be kept"));
      return false;
    }
  }

  async function remove(annotation: Annotation): Promise<void> {
    try {
      await removeAnnotation(annotation);
      await load();
    } catch (cause) {
      failure.value = toApiError(cause);
    }
  }

  return {
    all, byKey, ofSelected, failure, load, add, remove,
    dispose() {
      abort.abort();
      stop();
    },
  };
}
