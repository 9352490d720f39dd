// The API of what is said of one session beside its acts: why it went wrong, and its named moments.

import { json, send } from "./client.ts";
import type { SpanRef } from "./types.ts";

export interface Evidence {
  text: string;
  span: SpanRef;
}

/** Why a run failed, by fixed rules; `mode` is `none` for a run that did not. */
export interface Why {
  mode: string;
  sentence: string;
  evidence: Evidence[];
  change: Evidence | null;
  wasted_ns: number;
  wasted_tokens: number;
  wasted_cost_usd: number | null;
  remedy: { text: string; file: string | null; configuration: string | null };
}

/** A name for a moment of a session, or for an act of it; `time` is RFC 3339 with nanoseconds. */
export interface Checkpoint {
  session_id: string;
  name: string;
  trace_id: string | null;
  span_id: string | null;
  time: string;
  author: string | null;
}

export function getWhy(sessionId: string, signal: AbortSignal): Promise<Why> {
  return json(`/sessions/${encodeURIComponent(sessionId)}/why`, { signal });
}

/** Those of the session and of the sessions that it started, in order. */
export async function listCheckpoints(sessionId: string, signal: AbortSignal): Promise<Checkpoint[]> {
  return (await json<{ checkpoints: Checkpoint[] }>(`/sessions/${encodeURIComponent(sessionId)}/checkpoints`, { signal })).checkpoints;
}

/** Where a checkpoint is put: at an act, or at a moment (Unix ns). */
export type Place = { span: SpanRef } | { time_ns: bigint };

/** Names a moment; a name that the session has already moves there. */
export async function setCheckpoint(sessionId: string, name: string, at: Place, author: string | null): Promise<void> {
  // Nanoseconds since 1970 do not fit into a number: they are written as digits.
  const place = "span" in at ? JSON.stringify(at.span).slice(1, -1) : `"time_ns":${at.time_ns}`;
  const body = `{${place},${JSON.stringify({ name, author }).slice(1)}`;
  await send(`/sessions/${encodeURIComponent(sessionId)}/checkpoints`, { method: "POST", headers: { "Content-Type": "application/json" }, body });
}

export async function removeCheckpoint({ session_id, name }: Checkpoint): Promise<void> {
  await send(`/sessions/${encodeURIComponent(session_id)}/checkpoints/${encodeURIComponent(name)}`, { method: "DELETE" });
}
