// The list of sessions: filtered and sorted by the server, filled in pages, kept current by the live
// stream. Rows keep their place; a new session is put on top, and nothing that somebody reads moves.

import { batch, computed, signal } from "@preact/signals";
import { ApiError, isAbort, listSessions, toApiError } from "../api/client.ts";
import { onLive } from "../api/live.ts";
import { getFilterValues, getShapes, type FilterValues, type SessionShape } from "../api/overview.ts";
import type { SessionRow } from "../api/types.ts";
import { dayStart } from "./clock.ts";
import { rowPasses, toParams } from "./filter.ts";
import { Meanwhile } from "./meanwhile.ts";
import { stored } from "./stored.ts";

export const SORTS = ["activity", "started", "duration", "turns", "tokens", "cost", "errors", "findings"] as const;
export type Sort = (typeof SORTS)[number];

/** Traces that stand alone and hold no act: an exporter's housekeeping, not somebody's run. */
const isQuiet = (row: SessionRow) => row.inferred && row.model_request_count + row.tool_call_count + row.subagent_count + row.finding_count === 0;
export const showQuiet = stored<boolean>("sessions.quiet", false);

export const rows = signal<readonly SessionRow[]>([]);
const quiet = computed(() => rows.value.filter(isQuiet).length);
/** How many quiet traces are left out; none when there is nothing else to show. */
export const quietCount = computed(() => (quiet.value === rows.value.length ? 0 : quiet.value));
export const shownRows = computed(() => (showQuiet.value || quietCount.value === 0 ? rows.value : rows.value.filter((row) => !isQuiet(row))));
export const loaded = signal(false);
export const loadingMore = signal(false);
export const failure = signal<ApiError | null>(null);
/** What is typed in the filter bar. */
export const filterText = signal("");
export const sort = signal<Sort>("activity");
export const ascending = signal(false);
/** Children by parent id, once asked for; null while on the way. */
export const children = signal<ReadonlyMap<string, readonly SessionRow[] | null>>(new Map());
/** Ids that arrived while the page was open: marked until seen. */
export const fresh = signal<ReadonlySet<string>>(new Set());
/** Moves on when something happened to some session: totals are old then. */
export const changes = signal(0);
/** Values that the filter bar offers; read when it is first used. */
export const values = signal<FilterValues>({});
export const shapes = signal<ReadonlyMap<string, SessionShape | null>>(new Map());

const PAGE = 100;
let cursor: string | null = null;
let request: AbortController | null = null;
const meanwhile = new Meanwhile();

export const bounds = () => ({ dayStart, now: Date.now() });

/** The filter of the list as the API takes it. */
export function filterParams(): URLSearchParams {
  return toParams(filterText.peek(), bounds());
}

function pageParams(): URLSearchParams {
  const params = filterParams();
  params.set("limit", String(PAGE));
  if (sort.peek() !== "activity") params.set("sort", sort.peek());
  if (ascending.peek()) params.set("order", "asc");
  return params;
}

/** The address of the list as it is filtered and sorted now. */
export const listHref = computed(() => {
  const params = new URLSearchParams();
  if (filterText.value.trim() !== "") params.set("q", filterText.value.trim());
  if (sort.value !== "activity") params.set("sort", sort.value);
  if (ascending.value) params.set("order", "asc");
  const text = params.toString().replaceAll("%3A", ":");
  return text === "" ? "/" : `/?${text}`;
});

export async function reload(): Promise<void> {
  request?.abort();
  const own = (request = new AbortController());
  meanwhile.asked();
  try {
    const answer = await listSessions(pageParams(), own.signal);
    if (own !== request) return;
    batch(() => {
      rows.value = answer.sessions;
      cursor = answer.next_cursor;
      loaded.value = true;
      failure.value = null;
      changes.value++;
      meanwhile.answered();
    });
  } catch (cause) {
    if (isAbort(cause)) return;
    failure.value = toApiError(cause);
    meanwhile.answered();
  }
}

export async function more(): Promise<void> {
  if (cursor === null || loadingMore.peek()) return;
  loadingMore.value = true;
  const own = request;
  try {
    const params = pageParams();
    params.set("cursor", cursor);
    const answer = await listSessions(params, own?.signal);
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
export function setFilter(text: string): void {
  if (text === filterText.peek()) return;
  filterText.value = text;
  clearTimeout(typing);
  typing = window.setTimeout(() => void reload(), 150);
}

/** Largest first at the first call for a column, smallest first at the second. */
export function sortBy(column: Sort): void {
  batch(() => {
    ascending.value = sort.peek() === column ? !ascending.peek() : false;
    sort.value = column;
  });
  void reload();
}

/** Takes filter and order from the address of the list. */
export function followAddress(query: URLSearchParams): void {
  const wanted = query.get("sort");
  const text = query.get("q") ?? "";
  const column = SORTS.find((known) => known === wanted) ?? "activity";
  const upward = query.get("order") === "asc";
  if (text.trim() === filterText.peek().trim() && column === sort.peek() && upward === ascending.peek()) return;
  batch(() => {
    filterText.value = text;
    sort.value = column;
    ascending.value = upward;
  });
  void reload();
}

export async function loadChildren(id: string): Promise<void> {
  if (children.peek().has(id)) return;
  const put = (value: readonly SessionRow[] | null) => (children.value = new Map(children.peek()).set(id, value));
  put(null);
  try {
    put((await listSessions(new URLSearchParams({ parent: id, limit: "1000" }))).sessions);
  } catch {
    const next = new Map(children.peek());
    next.delete(id);
    children.value = next;
  }
}

let valuesAt = -Infinity;
const VALUES_LIFE_MS = 10_000;
export function loadValues(): void {
  if (performance.now() - valuesAt < VALUES_LIFE_MS) return;
  valuesAt = performance.now();
  getFilterValues().then((answer) => (values.value = answer), () => (valuesAt = -Infinity));
}

let shapeTimer = 0;
let wantedShapes: readonly string[] = [];
const outdated = new Set<string>();
/** Asks once for the shapes of all rows in sight that are not known. */
export function wantShapes(ids: readonly string[]): void {
  wantedShapes = ids;
  if (shapeTimer !== 0) return;
  shapeTimer = window.setTimeout(() => {
    shapeTimer = 0;
    const due = wantedShapes.filter((id) => !shapes.peek().has(id) || outdated.has(id)).slice(0, 200);
    if (due.length === 0) return;
    for (const id of due) outdated.delete(id);
    getShapes(due).then((answer) => {
      const next = new Map(shapes.peek());
      for (const id of due) next.set(id, answer[id] ?? null);
      shapes.value = next;
    }, () => undefined);
  }, 100);
}

/** Whether a new session belongs on top of the list as it is sorted. */
const goesOnTop = () => (sort.peek() === "activity" || sort.peek() === "started") && !ascending.peek();

function arrive(row: SessionRow): void {
  outdated.add(row.session_id);
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
  if (!loaded.peek() || !goesOnTop() || rowPasses(row, filterText.peek(), bounds()) !== true) return;
  fresh.value = new Set(fresh.peek()).add(row.session_id);
  rows.value = [row, ...list];
}

/** Takes sessions out of the list: they were deleted, here or elsewhere. */
export function remove(ids: readonly string[]): void {
  const gone = new Set(ids);
  batch(() => {
    rows.value = rows.peek().filter((row) => !gone.has(row.session_id));
    children.value = new Map([...children.peek()].filter(([id]) => !gone.has(id)).map(([id, list]) => [id, list?.filter((row) => !gone.has(row.session_id)) ?? null]));
    changes.value++;
  });
}

export function seen(id: string): void {
  if (fresh.peek().has(id)) fresh.value = new Set([...fresh.peek()].filter((other) => other !== id));
}

export function startSessions(): void {
  // The address may carry a filter: the first question is already the right one.
  if (location.pathname === "/" || location.pathname === "/sessions") {
    const query = new URLSearchParams(location.search);
    filterText.value = query.get("q") ?? "";
    sort.value = SORTS.find((known) => known === query.get("sort")) ?? "activity";
    ascending.value = query.get("order") === "asc";
  }
  // One commit can change many sessions: they are put in together, once a frame.
  let waiting: SessionRow[] = [];
  onLive("session", (row) => {
    if (waiting.push(row) > 1) return;
    requestAnimationFrame(() => {
      const due = waiting;
      waiting = [];
      batch(() => {
        for (const arrived of due) meanwhile.tell(() => arrive(arrived));
        changes.value++;
      });
    });
  });
  onLive("commit", ({ removed_session_ids: gone }) => gone.length > 0 && meanwhile.tell(() => remove(gone)));
  onLive("joined", () => void reload());
  void reload();
}
