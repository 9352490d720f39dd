// One question to the server: asked anew when what it depends on changes, the old answer kept on
// screen until the new one is there.

import { useEffect, useState } from "preact/hooks";
import { isAbort, toApiError, type ApiError } from "../api/client.ts";

export interface Answer<T> {
  data: T | null;
  failure: ApiError | null;
  /** The data on screen belongs to an older question. */
  stale: boolean;
  again: () => void;
}

/** `key` names the question: equal keys are the same question. */
export function useAnswer<T>(key: string, ask: (signal: AbortSignal) => Promise<T>): Answer<T> {
  const [state, setState] = useState<{ key: string; data: T | null; failure: ApiError | null }>({ key: "", data: null, failure: null });
  const [round, setRound] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    ask(abort.signal).then(
      (data) => abort.signal.aborted || setState({ key, data, failure: null }),
      (cause: unknown) => isAbort(cause) || abort.signal.aborted || setState((old) => ({ key, data: old.data, failure: toApiError(cause) })),
    );
    return () => abort.abort();
  }, [key, round]);
  return { data: state.data, failure: state.failure, stale: state.key !== key, again: () => setRound(round + 1) };
}
