// Calls to the HTTP API. Every failure becomes an ApiError that can be shown as it is.

import { t } from "../strings.ts";
import { access, askToSignIn, type Access } from "./access.ts";
import { parseLossless } from "../trace/json_text.ts";
import { recording } from "./recording.ts";
import type { Annotation, Finding, Json, SessionDetail, SessionList, SpanDetail, SpanRef, SqlResult, SqlSchema, Stats, TranscriptEntry, TreeResponse } from "./types.ts";

const BASE = "/api/v1";

export class ApiError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status: number,
    readonly requestId: string | null = null,
    readonly position: number | null = null,
  ) {
    super(message);
  }
}

async function failure(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => "");
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string; request_id?: string; position?: number | null } };
    return new ApiError(error.code, error.message, response.status, error.request_id ?? null, error.position ?? null);
  } catch {
    return new ApiError("unexpected_answer", t("The server answered {0} {1} without saying why. Its log has more.", response.status, response.statusText), response.status);
  }
}

/** One request below /api/v1; an answer that is not a success is thrown as an ApiError. */
export async function send(path: string, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = recording()?.answer(path, init) ?? (await fetch(BASE + path, init));
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new ApiError("unreachable", t("Spanreel does not answer. Is it still running? Start it again: what was recorded is safe on disk."), 0);
  }
  if (response.status === 401) {
    askToSignIn();
    // The page goes: nothing is shown of it meanwhile.
    return new Promise(() => {});
  }
  if (!response.ok && response.status !== 304) throw await failure(response);
  return response;
}

export async function json<T>(path: string, init?: RequestInit): Promise<T> {
  return (await (await send(path, init)).json()) as T;
}

export function isAbort(cause: unknown): boolean {
  return cause instanceof DOMException && cause.name === "AbortError";
}

export function toApiError(cause: unknown): ApiError {
  if (cause instanceof ApiError) return cause;
  return new ApiError("page_failed", cause instanceof Error ? cause.message : String(cause), 0);
}

/** `params` are the filters and the order of GET /sessions. */
export function listSessions(params: URLSearchParams, signal?: AbortSignal): Promise<SessionList> {
  return json<SessionList>(`/sessions?${params}`, { signal: signal ?? null });
}

export function getSession(id: string, signal?: AbortSignal): Promise<SessionDetail> {
  return json<SessionDetail>(`/sessions/${encodeURIComponent(id)}`, { signal: signal ?? null });
}

export interface TreeAnswer {
  tree: TreeResponse;
  etag: string | null;
}

/** The tree of a session or trace, or null when it still is what `etag` names. */
export async function getTree(kind: "session" | "trace", id: string, etag: string | null, signal?: AbortSignal): Promise<TreeAnswer | null> {
  const path = `/${kind}s/${encodeURIComponent(id)}/tree`;
  const response = await send(path, { signal: signal ?? null, cache: "no-store", headers: etag === null ? {} : { "If-None-Match": etag } });
  if (response.status === 304) return null;
  return { tree: (await response.json()) as TreeResponse, etag: response.headers.get("ETag") };
}

/** What some acts of a session say; at most 200 acts at a time. */
export async function getTranscript(sessionId: string, spans: SpanRef[], signal?: AbortSignal): Promise<TranscriptEntry[]> {
  const names = spans.map((span) => `${span.trace_id}:${span.span_id}`).join(",");
  const path = `/sessions/${encodeURIComponent(sessionId)}/transcript?limit=200&spans=${names}`;
  return (await json<{ entries: TranscriptEntry[] }>(path, { signal: signal ?? null })).entries;
}

/** What people say of a session and its child sessions, oldest first. */
export async function listAnnotations(sessionId: string, signal?: AbortSignal): Promise<Annotation[]> {
  return (await json<{ annotations: Annotation[] }>(`/sessions/${encodeURIComponent(sessionId)}/annotations`, { signal: signal ?? null })).annotations;
}

export function annotate(annotation: Omit<Annotation, "annotation_id" | "created_at">): Promise<Annotation> {
  return json<Annotation>("/annotations", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(annotation) });
}

export async function removeAnnotation(annotation: Annotation): Promise<void> {
  await send(`/sessions/${encodeURIComponent(annotation.session_id)}/annotations/${encodeURIComponent(annotation.annotation_id)}`, { method: "DELETE" });
}

/** Gives a session tags and takes others away; the answer is what it has then. */
export async function changeTags(sessionId: string, add: readonly string[], remove: readonly string[]): Promise<string[]> {
  const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ add, remove }) };
  return (await json<{ tags: string[] }>(`/sessions/${encodeURIComponent(sessionId)}/tags`, init)).tags;
}

/** Deletes sessions and those that they started; the answer names all that went. */
export function deleteSessions(sessionIds: readonly string[]): Promise<{ session_ids: string[] }> {
  return json("/sessions/delete", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ session_ids: sessionIds }) });
}

export type ExportFormat = "csv" | "json" | "otlp" | "md" | "html";

/** Where a session is to be had as a file; `without` and `redact` are for HTML. */
export function exportUrl(sessionId: string, format: ExportFormat, { without, redact }: { without: readonly string[]; redact: string }): string {
  const params = new URLSearchParams({ format });
  if (format === "html") {
    for (const part of without) params.append("without", part);
    if (redact !== "") params.append("redact", redact);
  }
  return `${BASE}/sessions/${encodeURIComponent(sessionId)}/export?${params}`;
}

/** Acts that answer a full-text question: words, `"a phrase"`, `begin*`, `-without`. */
export function searchSession(sessionId: string, words: string, signal?: AbortSignal): Promise<{ matches: SpanRef[]; truncated: boolean }> {
  return json(`/sessions/${encodeURIComponent(sessionId)}/search?q=${encodeURIComponent(words)}`, { signal: signal ?? null });
}

export interface SpanAnswer {
  detail: SpanDetail;
  /** The answer as it came, for the Raw tab. */
  text: string;
}

export async function getSpan(traceId: string, spanId: string, signal?: AbortSignal): Promise<SpanAnswer> {
  const response = await send(`/spans/${encodeURIComponent(traceId)}/${encodeURIComponent(spanId)}`, { signal: signal ?? null });
  const text = await response.text();
  return { detail: parseLossless(text) as unknown as SpanDetail, text };
}

export function payloadUrl(hash: string): string {
  return `${BASE}/payloads/${encodeURIComponent(hash)}`;
}

export async function getPayload(hash: string, signal?: AbortSignal): Promise<string> {
  return (await send(`/payloads/${encodeURIComponent(hash)}`, { signal: signal ?? null })).text();
}

/** Bytes `from` up to but not including `to` of a payload; fewer at its end. */
export async function getPayloadPart(hash: string, from: number, to: number, signal?: AbortSignal): Promise<Uint8Array> {
  const response = await send(`/payloads/${encodeURIComponent(hash)}`, { signal: signal ?? null, headers: { Range: `bytes=${from}-${to - 1}` } });
  return new Uint8Array(await response.arrayBuffer());
}

export function listFindings(query: { session_id?: string; kind?: string; limit?: number }, signal?: AbortSignal): Promise<{ findings: Finding[] }> {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined && value !== "") params.set(key, String(value));
  return json(`/findings?${params}`, { signal: signal ?? null });
}

/** Learns who the page is; leaves for the sign-in where it is nobody. */
export async function learnAccess(): Promise<void> {
  try {
    access.value = await json<Access>("/access");
  } catch {
    // Nothing depends on it but what is offered beside the rest.
  }
}

export function getStats(signal?: AbortSignal): Promise<Stats> {
  return json<Stats>("/stats", { signal: signal ?? null });
}

export function getSqlSchema(signal?: AbortSignal): Promise<SqlSchema> {
  return json<SqlSchema>("/sql/schema", { signal: signal ?? null });
}

export async function runSql(sql: string, maxRows: number, signal: AbortSignal): Promise<SqlResult> {
  const response = await send("/sql", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ sql, params: [], max_rows: maxRows } satisfies Record<string, Json>),
    signal,
  });
  return parseLossless(await response.text()) as unknown as SqlResult;
}
