// The API of full-text search: acts by what was said, called and answered.

import { json } from "./client.ts";

export interface Passage {
  text: string;
  /** What was found: characters (Unicode scalar values) of `text`, start and end. */
  highlights: [number, number][];
  cut_before: boolean;
  cut_after: boolean;
}

export interface SearchHit {
  session_id: string | null;
  session_title: string | null;
  trace_id: string;
  span_id: string;
  operation: string;
  name: string;
  tool_name: string | null;
  model: string | null;
  started_at: string;
  passage: Passage | null;
  href: string;
}

export interface SearchPage {
  /** Acts that answer in all. */
  total: number;
  hits: SearchHit[];
  next_cursor: string | null;
}

export interface SearchScope {
  session?: readonly string[];
  limit?: number;
  cursor?: string | null;
}

/** Acts that answer, latest first; at most 100 a page. */
export function searchText(q: string, { session = [], limit = 20, cursor = null }: SearchScope, signal?: AbortSignal): Promise<SearchPage> {
  const params = new URLSearchParams({ q, limit: String(limit) });
  for (const id of session) params.append("session", id);
  if (cursor !== null) params.set("cursor", cursor);
  return json(`/search?${params}`, { signal: signal ?? null });
}

/** The question that typed words are: the last word may go on, as whoever types it may. */
export function questionOf(typed: string): string {
  const text = typed.trim();
  return /(^|\s)[\p{L}\p{N}_]{2,}$/u.test(text) && !text.includes('"') ? `${text}*` : text;
}
