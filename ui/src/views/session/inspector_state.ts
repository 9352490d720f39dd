// What the inspector shows of the selected span, and what is searched in it.

import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { ApiError, getSpan, isAbort, toApiError, type SpanAnswer } from "../../api/client.ts";
import type { SessionView } from "../../state/session_view.ts";

export const find = signal("");
/** Everything unfolded: earlier messages and whole payloads. Set anew for each span. */
export const wholeOf = signal(false);

/** The search text, a moment after typing stops: marking megabytes at each letter would stall. */
export function useFind(): string {
  const [settled, settle] = useState(find.value);
  const wanted = find.value.length >= 2 ? find.value : "";
  useEffect(() => {
    if (wanted === settled) return;
    const timer = setTimeout(() => settle(wanted), 150);
    return () => clearTimeout(timer);
  }, [wanted]);
  return settled;
}

const HELD = 60;
/** While the run is replayed, only acts that stay chosen for so long are asked for. */
const PLAYING_MS = 250;
const cache = new Map<string, SpanAnswer>();

export interface SpanState {
  key: string | null;
  answer: SpanAnswer | null;
  failure: ApiError | null;
}

export function useSpan(view: SessionView): SpanState & { retry: () => void } {
  const [state, setState] = useState<SpanState>({ key: null, answer: null, failure: null });
  const [attempt, retry] = useState(0);
  const table = view.table.value;
  const row = view.selectedRow.value;
  const key = table !== null && row >= 0 && row < table.spanCount ? view.selected.value : null;
  const version = view.version.value;
  useEffect(() => {
    if (key === null) return setState({ key: null, answer: null, failure: null });
    const held = cache.get(key) ?? null;
    setState((old) => ({ key, answer: held ?? (old.key === key ? old.answer : null), failure: null }));
    const abort = new AbortController();
    // Stepping fast through rows asks only for the one that is stayed on.
    const timer = setTimeout(async () => {
      const at = key.lastIndexOf(":");
      try {
        const answer = await getSpan(key.slice(0, at), key.slice(at + 1), abort.signal);
        cache.delete(key);
        cache.set(key, answer);
        if (cache.size > HELD) cache.delete(cache.keys().next().value!);
        setState((old) => (old.answer?.text === answer.text && old.key === key ? old : { key, answer, failure: null }));
      } catch (cause) {
        if (!isAbort(cause)) setState((old) => ({ ...old, failure: toApiError(cause) }));
      }
    }, view.playback.playing.peek() ? PLAYING_MS : held === null ? 30 : 200);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [key, version, attempt]);
  return { ...(state.key === key ? state : { key, answer: key === null ? null : (cache.get(key) ?? null), failure: null }), retry: () => retry((n) => n + 1) };
}
