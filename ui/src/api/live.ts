// The live stream: one EventSource for the whole page, which reconnects by itself.

import { signal } from "@preact/signals";
import { learnAccess } from "./client.ts";
import type { Finding, SessionRow } from "./types.ts";

export interface LiveEvents {
  hello: { version: string };
  /** `session_ids` holds the removed ones, too. `resync`: something was missed. */
  commit: { session_ids: string[]; removed_session_ids: string[]; span_count: number; event_count: number; resync: boolean };
  session: SessionRow;
  finding: Finding;
  /** Made here: the stream begins, or missed something. What was read before may be old. */
  joined: null;
}

export type Connection = "connecting" | "open" | "lost";
export const connection = signal<Connection>("connecting");

type Handler = (value: never) => void;
const handlers = new Map<keyof LiveEvents, Set<Handler>>();

export function onLive<K extends keyof LiveEvents>(event: K, handler: (value: LiveEvents[K]) => void): () => void {
  let set = handlers.get(event);
  if (set === undefined) handlers.set(event, (set = new Set()));
  set.add(handler as Handler);
  return () => set.delete(handler as Handler);
}

function emit<K extends keyof LiveEvents>(event: K, value: LiveEvents[K]): void {
  for (const handler of handlers.get(event) ?? []) (handler as (value: LiveEvents[K]) => void)(value);
}

const RETRY_MS = 2000;
/** A page nobody looks at lets its stream go: browsers allow few connections to one host. */
const HIDDEN_MS = 20_000;

let open: EventSource | null = null;
let hiding = 0;

export function startLive(): void {
  onLive("commit", (commit) => commit.resync && emit("joined", null));
  connect();
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    if (document.hidden) {
      hiding = window.setTimeout(() => {
        open?.close();
        open = null;
        connection.value = "lost";
      }, HIDDEN_MS);
    } else if (open === null) connect();
  });
}

function connect(): void {
  const source = (open = new EventSource("/api/v1/live"));
  source.onopen = () => {
    connection.value = "open";
    emit("joined", null);
  };
  source.onerror = () => {
    connection.value = "lost";
    // A refused connection closes the source for good; a broken one is retried by the browser.
    if (source.readyState !== EventSource.CLOSED) return;
    void learnAccess();
    setTimeout(() => open === source && connect(), RETRY_MS);
  };
  for (const event of ["hello", "commit", "session", "finding"] as const) {
    source.addEventListener(event, (message) => emit(event, JSON.parse((message as MessageEvent<string>).data)));
  }
}
