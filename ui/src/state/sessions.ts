// The list of sessions: filled in pages, kept current by the live stream. Rows keep their place;
// a new session is put on top, and nothing that somebody reads is moved.

import { batch, computed, signal } from "@preact/signals";
import { ApiError, isAbort, listSessions, toApiError } from "../api/client.ts";
import { onLive } from "../api/live.ts";
import type { SessionRow } from "../api/types.ts";
import { stored } from "./stored.ts";

/** Traces that stand alone and hold no act: an exporter's housekeeping, not somebody's run. */
const isQuiet = (row: SessionRow) => row.inferred && row.model_request_count + row.tool_call_count + row.subagent_count + row.finding_count === 0;
export const showQuiet = stored<boolean>("sessions.quiet", false);

export type Flag = "" | "running" | "error" | "loop" | "blocked";

export const rows = signal<readonly SessionRow[]>([]);
const quiet = computed(() => rows.value.filter(isQuiet).length);
/** How many quiet traces are left out; none when there is nothing else to show. */
export const quietCount = computed(() => (quiet.value === rows.value.length ? 0 : quiet.value));
export const shownRows = computed(() => (showQuiet.value || quietCount.value === 0 ? rows.value : rows.value.filter((row) => !isQuiet(row))));
export const loaded = signal(false);
export const loadingMore = signal(false);
export const failure = signal<ApiError | null>(null);
export const filterText = signal("");
export const filterFlag = signal<Flag>("");
/** Children by parent id, once asked for; null while on the way. */
export const children = signal<ReadonlyMap<string, readonly SessionRow[] | null>>(new Map());
/** Ids that arrived while the page was open: marked until seen. */
export const fresh = signal<ReadonlySet<string>>(new Set());

const PAGE = 100;
let cursor: string | null = null;
let request: AbortController | null = null;

function query() {
  const flag = filterFlag.peek();
  return {
    q: filterText.peek().trim(),
    status: flag === "running" || flag === "error" ? flag : "",
    finding: flag === "loop" || flag === "blocked" ? flag : "",
    limit: PAGE,
  };
}

export async function reload(): Promise<void> {
  request?.abort();
  const own = (request = new AbortController());
  try {
    const answer = await listSessions(query(), own.signal);
    batch(() => {
      rows.value = answer.sessions;
      cursor = answer.next_cursor;
      loaded.value = true;
      failure.value = null;
    });
  } catch (cause) {
    if (!isAbort(cause)) failure.value = toApiError(cause);
  }
}

export async function more(): Promise<void> {
  if (cursor === null || loadingMore.peek()) return;
  loadingMore.value = true;
  const own = request;
  try {
    const answer = await listSessions({ ...query(), cursor }, own?.signal);
    if (own !== request) return;
    const known = new Set(rows.peek().map((row) => row.session_id));
    cursor = answer.next_cursor;
    rows.value = [...rows.peek(), ...answer.sessions.filter((row) => !known.has(row.session_id))];
  } catch (cause) {
    if (!isAbort(cause)) failure.value = toApiError(cause);
  } finally {
    loadingMore.value = false;
  }
}

export function hasMore(): boolean {
  return cursor !== null;
}

let typing = 0;
export function setFilter(text: string, flag: Flag): void {
  if (text === filterText.peek() && flag === filterFlag.peek()) return;
  const wait = text !== filterText.peek() ? 120 : 0;
  batch(() => {
    filterText.value = text;
    filterFlag.value = flag;
  });
  clearTimeout(typing);
  typing = window.setTimeout(() => void reload(), wait);
}

export async function loadChildren(id: string): Promise<void> {
  if (children.peek().has(id)) return;
  const put = (value: readonly SessionRow[] | null) => (children.value = new Map(children.peek()).set(id, value));
  put(null);
  try {
    put((await listSessions({ parent: id, limit: 1000 })).sessions);
  } catch {
    const next = new Map(children.peek());
    next.delete(id);
    children.value = next;
  }
}

export function matches(row: SessionRow, text: string, flag: Flag): boolean {
  if (flag === "running" || flag === "error") {
    if (row.status !== flag) return false;
  } else if (flag !== "" && !row.finding_kinds.includes(flag)) return false;
  const needle = text.trim().toLowerCase();
  if (needle === "") return true;
  return [row.title, row.session_id, row.harness, row.project, ...row.models, ...row.tools].some((field) => field?.toLowerCase().includes(needle));
}

function arrive(row: SessionRow): void {
  const list = rows.peek();
  const at = list.findIndex((other) => other.session_id === row.session_id);
  if (at >= 0) {
    const next = list.slice();
    next[at] = row;
    rows.value = next;
    return;
  }
  const parent = row.parent_session_id;
  if (parent !== null) {
    const known = children.peek().get(parent);
    if (known) {
      const kept = known.filter((other) => other.session_id !== row.session_id);
      children.value = new Map(children.peek()).set(parent, [...kept, row].sort((a, b) => a.started_at.localeCompare(b.started_at)));
    }
    return;
  }
  if (!loaded.peek() || !matches(row, filterText.peek(), filterFlag.peek())) return;
  fresh.value = new Set(fresh.peek()).add(row.session_id);
  rows.value = [row, ...list];
}

export function seen(id: string): void {
  if (fresh.peek().has(id)) fresh.value = new Set([...fresh.peek()].filter((other) => other !== id));
}

export function startSessions(): void {
  // One commit can change many sessions: they are put in together, once a frame.
  let waiting: SessionRow[] = [];
  onLive("session", (row) => {
    if (waiting.push(row) > 1) return;
    requestAnimationFrame(() => {
      const due = waiting;
      waiting = [];
      batch(() => due.forEach(arrive));
    });
  });
  onLive("resumed", () => void reload());
  void reload();
}
