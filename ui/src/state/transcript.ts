// What the acts in sight of the transcript say: fetched as they come into sight, kept while they are
// of use.

import { computed, signal, type ReadonlySignal } from "@preact/signals";
import { getTranscript, isAbort, toApiError, type ApiError } from "../api/client.ts";
import type { TranscriptEntry } from "../api/types.ts";
import { speakingRows, VOICES, voiceOfOperation, type Voice } from "../trace/speech.ts";
import { rowKey, stringAt, type SpanTable } from "../trace/span_table.ts";

const PAGE = 40;
const WAIT_MS = 50;
/** Entries kept; the oldest go first. */
const HELD = 3000;

interface Held {
  entry: TranscriptEntry | null;
  /** The span had not ended, so it may say more later. */
  open: boolean;
  version: number;
}

interface Needs {
  table: ReadonlySignal<SpanTable | null>;
  hidden: ReadonlySignal<Uint8Array | null>;
  version: ReadonlySignal<number>;
}

export type TranscriptState = ReturnType<typeof createTranscript>;

export function createTranscript({ table, hidden, version }: Needs) {
  /** Voices that are left out. */
  const muted = signal<ReadonlySet<Voice>>(new Set());
  const failure = signal<ApiError | null>(null);
  /** Rises when entries have come. */
  const arrived = signal(0);
  const held = new Map<string, Held>();

  const all = computed(() => (table.value === null || hidden.value === null ? new Int32Array(0) : speakingRows(table.value, hidden.value)));
  const rows = computed(() => {
    const current = table.value;
    if (current === null || muted.value.size === 0) return all.value;
    // A model request also carries thinking, system and summary: it goes only when all of these do.
    const gone = current.operations.map((operation) => {
      const voice = voiceOfOperation(operation);
      return voice === "assistant" ? (["assistant", "thinking", "system", "summary"] as const).every((one) => muted.value.has(one)) : muted.value.has(voice);
    });
    return all.value.filter((row) => !gone[current.operation[row]!]);
  });
  const places = computed(() => {
    const map = new Map<number, number>();
    rows.value.forEach((row, place) => map.set(row, place));
    return map;
  });

  let wanted: [first: number, end: number] = [0, 0];
  let timer = 0;
  let running = 0;
  let abort = new AbortController();

  function want(first: number, end: number): void {
    wanted = [first, end];
    clearTimeout(timer);
    timer = window.setTimeout(fetchWanted, WAIT_MS);
  }

  function fetchWanted(): void {
    const current = table.peek();
    if (current === null || running > 1) return;
    const bySession = new Map<string, number[]>();
    for (let place = wanted[0]; place < wanted[1]; place++) {
      const row = rows.peek()[place];
      if (row === undefined || row >= current.spanCount) continue;
      const known = held.get(rowKey(current, row));
      if (known !== undefined && !(known.open && known.version !== version.peek())) continue;
      const session = current.sessionId ?? stringAt(current, current.session[row]!);
      if (session === "") continue;
      const list = bySession.get(session) ?? [];
      if (list.length < PAGE) list.push(row);
      bySession.set(session, list);
    }
    for (const [session, list] of bySession) void fetchRows(current, session, list);
  }

  async function fetchRows(current: SpanTable, session: string, list: number[]): Promise<void> {
    running++;
    const at = version.peek();
    const own = abort;
    try {
      const spans = list.map((row) => ({ trace_id: current.traces[current.trace[row]!] ?? "", span_id: current.spanId[row]! }));
      const entries = new Map((await getTranscript(session, spans, own.signal)).map((entry) => [`${entry.trace_id}:${entry.span_id}`, entry]));
      for (const row of list) {
        const key = rowKey(current, row);
        held.delete(key);
        held.set(key, { entry: entries.get(key) ?? null, open: current.duration[row]! < 0, version: at });
      }
      while (held.size > HELD) held.delete(held.keys().next().value!);
      failure.value = null;
      arrived.value++;
    } catch (cause) {
      if (!isAbort(cause)) failure.value = toApiError(cause);
      return;
    } finally {
      running--;
    }
    want(...wanted);
  }

  return {
    muted, rows, places, failure, arrived, want,
    /** The entry of a row; undefined while it is on its way, null when it says nothing. */
    entryOf(row: number): TranscriptEntry | null | undefined {
      const current = table.peek();
      return current === null ? undefined : held.get(rowKey(current, row))?.entry;
    },
    /** The place of a row, or of the nearest entry that began before it. */
    placeNear(row: number): number {
      const current = table.peek();
      if (current === null || row < 0) return -1;
      const exact = places.peek().get(row);
      if (exact !== undefined) return exact;
      const list = rows.peek();
      let low = 0;
      let high = list.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (current.start[list[middle]!]! <= current.start[row]!) low = middle + 1;
        else high = middle;
      }
      return low - 1;
    },
    toggle(voice: Voice) {
      const next = new Set(muted.peek());
      if (!next.delete(voice)) next.add(voice);
      muted.value = next.size === VOICES.length ? new Set() : next;
    },
    dispose() {
      clearTimeout(timer);
      abort.abort();
      abort = new AbortController();
    },
  };
}
