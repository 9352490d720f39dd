// The named moments of the open session.

import { computed, effect, signal, type ReadonlySignal } from "@preact/signals";
import { isAbort, toApiError, type ApiError } from "../api/client.ts";
import { listCheckpoints, removeCheckpoint, setCheckpoint, type Checkpoint, type Place } from "../api/marks.ts";
import { t } from "../strings.ts";
import { stringAt, type SpanTable } from "../trace/span_table.ts";
import { unixNs } from "../trace/format.ts";
import { author } from "./annotations.ts";
import { tell } from "./panels.ts";

interface Needs {
  table: ReadonlySignal<SpanTable | null>;
  version: ReadonlySignal<number>;
  index: ReadonlySignal<Map<string, number>>;
  selectedRow: ReadonlySignal<number>;
  /** The instant that is replayed, ns from the start of the run. */
  time: ReadonlySignal<number | null>;
}

/** A checkpoint where it is drawn. */
export interface PlacedCheckpoint {
  checkpoint: Checkpoint;
  /** ns from the start of the run. */
  at: number;
  /** The act that it is at, or -1. */
  row: number;
}

export type Checkpoints = ReturnType<typeof createCheckpoints>;

export function createCheckpoints({ table, version, index, selectedRow, time }: Needs) {
  const all = signal<readonly Checkpoint[]>([]);
  const failure = signal<ApiError | null>(null);
  /** The form that asks for a name is open. */
  const naming = signal(false);
  const placed = computed<PlacedCheckpoint[]>(() => {
    const current = table.value;
    if (current === null) return [];
    const begun = unixNs(current.startedAt);
    return all.value.map((checkpoint) => ({
      checkpoint,
      at: Number(unixNs(checkpoint.time) - begun),
      row: checkpoint.span_id === null ? -1 : (index.value.get(`${checkpoint.trace_id}:${checkpoint.span_id}`) ?? -1),
    })).sort((a, b) => a.at - b.at);
  });

  let abort = new AbortController();
  async function load(): Promise<void> {
    const session = table.peek()?.sessionId ?? null;
    if (session === null) return;
    abort.abort();
    const own = (abort = new AbortController());
    try {
      all.value = await listCheckpoints(session, own.signal);
      failure.value = null;
    } catch (cause) {
      if (!isAbort(cause)) failure.value = toApiError(cause);
    }
  }
  const stop = effect(() => {
    if (version.value > 0) void load();
  });

  /** The selected act, else the instant that is replayed, else nothing: where a new checkpoint goes. */
  function target(): { session: string; place: Place } | null {
    const current = table.peek();
    if (current === null || current.sessionId === null) return null;
    const row = selectedRow.peek();
    const at = time.peek();
    if (row >= 0 && row < current.spanCount && (at === null || current.start[row] === at)) {
      const session = stringAt(current, current.session[row]!) || current.sessionId;
      return { session, place: { span: { trace_id: current.traces[current.trace[row]!] ?? "", span_id: current.spanId[row]! } } };
    }
    const moment = at ?? (row >= 0 ? current.start[row]! : null);
    return moment === null ? null : { session: current.sessionId, place: { time_ns: unixNs(current.startedAt) + BigInt(Math.round(moment)) } };
  }

  async function add(name: string): Promise<boolean> {
    const wanted = target();
    if (wanted === null || name.trim() === "") return false;
    try {
      await setCheckpoint(wanted.session, name.trim(), wanted.place, author.peek().trim() === "" ? null : author.peek().trim());
      tell(t("Checkpoint {0}", name.trim()));
      await load();
      return true;
    } catch (cause) {
      failure.value = toApiError(cause);
      return false;
    }
  }

  async function remove(checkpoint: Checkpoint): Promise<void> {
    try {
      await removeCheckpoint(checkpoint);
      await load();
    } catch (cause) {
      failure.value = toApiError(cause);
    }
  }

  return {
    placed, failure, naming, add, remove,
    /** Opens the form, or says what to choose first. */
    ask() {
      if (target() === null) tell(t("Choose an act or an instant first"));
      else naming.value = true;
    },
    dispose() {
      abort.abort();
      stop();
    },
  };
}
