// Search in what the acts say, beside the search in their names: asked of the server when typing
// stops.

import { effect, signal, type ReadonlySignal } from "@preact/signals";
import { isAbort, searchSession } from "../api/client.ts";
import { questionOf } from "../api/search.ts";

const WAIT_MS = 250;
const SHORTEST = 3;
const NOTHING: ReadonlySet<string> = new Set();

export function createContentSearch(words: ReadonlySignal<string>, sessionId: ReadonlySignal<string | null>) {
  /** Keys (`trace:span`) of the acts that hold the words. */
  const found = signal<ReadonlySet<string>>(NOTHING);
  /** `failed` leaves the search in names as it is. */
  const state = signal<"idle" | "searching" | "done" | "failed">("idle");
  const truncated = signal(false);
  let timer = 0;
  let abort = new AbortController();

  const stop = effect(() => {
    const needle = words.value.trim();
    const session = sessionId.value;
    clearTimeout(timer);
    abort.abort();
    if (found.peek().size > 0) found.value = NOTHING;
    truncated.value = false;
    if (needle.length < SHORTEST || session === null) {
      state.value = "idle";
      return;
    }
    state.value = "searching";
    const own = (abort = new AbortController());
    timer = window.setTimeout(async () => {
      try {
        const answer = await searchSession(session, questionOf(needle), own.signal);
        found.value = new Set(answer.matches.map((span) => `${span.trace_id}:${span.span_id}`));
        truncated.value = answer.truncated;
        state.value = "done";
      } catch (cause) {
        if (!isAbort(cause)) state.value = "failed";
      }
    }, WAIT_MS);
  });

  return {
    found, state, truncated,
    dispose() {
      clearTimeout(timer);
      abort.abort();
      stop();
    },
  };
}
