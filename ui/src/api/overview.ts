// The API over many sessions: totals, activity, values to filter by, shapes, acts, usage.

import { json } from "./client.ts";

export interface SessionSummary {
  session_count: number;
  running_count: number;
  turn_count: number;
  model_request_count: number;
  tool_call_count: number;
  error_count: number;
  denied_count: number;
  finding_count: number;
  found_session_count: number;
  input_tokens: number;
  output_tokens: number;
  cache_read_tokens: number;
  cost_usd: number | null;
  priced_session_count: number;
  average_duration_ns: number | null;
}

/** Columns of equal length; `start_s` are quarters of an hour, Unix seconds. */
export interface Activity {
  start_s: number[];
  session_count: number[];
  tokens: number[];
  cost_usd: (number | null)[];
}

export interface SessionShape {
  model: number[];
  tool: number[];
  failed: number[];
}

export interface ActLine {
  act_id: number;
  trace_id: string;
  span_id: string;
  session_id: string | null;
  session_title: string | null;
  harness: string | null;
  operation: string;
  name: string;
  detail: string | null;
  tool_name: string | null;
  mcp_server: string | null;
  model: string | null;
  agent_name: string | null;
  decision: string | null;
  started_at: string;
  duration_ns: number | null;
  failed: boolean;
  error: string | null;
  input_tokens: number | null;
  output_tokens: number | null;
  cost_usd: number | null;
}

export interface Timeline {
  from_ns: number;
  until_ns: number;
  step_ns: number;
  step: number[];
  session_count: number[];
  model_request_count: number[];
  tool_call_count: number[];
  error_count: number[];
  denied_count: number[];
  input_tokens: number[];
  output_tokens: number[];
  cache_read_tokens: number[];
  cost_usd: (number | null)[];
  model_p50_ns: (number | null)[];
  model_p95_ns: (number | null)[];
  tool_p50_ns: (number | null)[];
  tool_p95_ns: (number | null)[];
}

export type CatalogKind = "tool" | "mcp" | "skill" | "hook" | "agent" | "model" | "harness";

export interface CatalogEntry {
  kind: CatalogKind;
  name: string;
  use_count: number;
  session_count: number;
  failure_count: number;
  denied_count: number;
  total_duration_ns: number;
  p50_duration_ns: number | null;
  p95_duration_ns: number | null;
  input_tokens: number;
  output_tokens: number;
  cost_usd: number | null;
  last_used_at: string;
  trend: number[];
}

export interface Catalog {
  from_ns: number;
  until_ns: number;
  entries: CatalogEntry[];
}

export type FilterValues = Record<string, { value: string; session_count: number }[]>;

export function getSummary(params: URLSearchParams, signal: AbortSignal): Promise<SessionSummary> {
  return json(`/summary?${params}`, { signal });
}

export function getActivity(params: URLSearchParams, signal: AbortSignal): Promise<Activity> {
  return json(`/activity?${params}`, { signal });
}

export async function getFilterValues(): Promise<FilterValues> {
  return (await json<{ fields: FilterValues }>("/filter-values")).fields;
}

export async function getShapes(ids: readonly string[]): Promise<Record<string, SessionShape>> {
  const params = new URLSearchParams(ids.map((id) => ["session_id", id]));
  return (await json<{ shapes: Record<string, SessionShape> }>(`/shapes?${params}`)).shapes;
}

export async function listActs(params: URLSearchParams, signal?: AbortSignal): Promise<ActLine[]> {
  return (await json<{ acts: ActLine[] }>(`/acts?${params}`, { signal: signal ?? null })).acts;
}

export function getTimeline(params: URLSearchParams, signal: AbortSignal): Promise<Timeline> {
  return json(`/timeline?${params}`, { signal });
}

export function getCatalog(params: URLSearchParams, signal: AbortSignal): Promise<Catalog> {
  return json(`/catalog?${params}`, { signal });
}

export interface CompareCall {
  span: { trace_id: string; span_id: string };
  tool: string;
  detail: string | null;
  is_error: boolean;
}

/** Tool calls of two sessions, aligned; `varied` is the same kind of call with other arguments. */
export interface CompareStep {
  kind: "same" | "varied" | "only_a" | "only_b";
  a: CompareCall | null;
  b: CompareCall | null;
}

/** What differs between two texts, line by line. */
export interface TextDifference {
  /** Sizes of the whole texts; null where there is none. */
  a_size_bytes: number | null;
  b_size_bytes: number | null;
  same: boolean;
  lines: { kind: "same" | "only_a" | "only_b" | "gap"; text: string }[];
  /** There is more than is told. */
  truncated: boolean;
}

export interface Comparison {
  /** Where they first part, in words; null when all calls agree. */
  divergence: string | null;
  divergence_at: number | null;
  /** Where the same call first fared differently, in words. */
  outcome_divergence: string | null;
  outcome_divergence_at: number | null;
  steps: CompareStep[];
  /** Steps at the beginning, alike in both, that are left out of `steps`. */
  omitted_steps: number;
  truncated: boolean;
  divergence_input: TextDifference | null;
  prompts: { turn: number; difference: TextDifference }[];
  context: TextDifference | null;
  tools: { tool: string; a_count: number; b_count: number; a_failed_count: number; b_failed_count: number }[];
}

export const GROUPINGS = ["harness", "version", "model", "tag"] as const;
export type Grouping = (typeof GROUPINGS)[number];

export interface Distribution {
  min: number;
  median: number;
  p90: number;
  max: number;
}

export interface SessionGroup {
  value: string;
  session_count: number;
  outcomes: Record<"ok" | "error" | "interrupted" | "killed" | "running", number>;
  cost_known_count: number;
  cost_usd: Distribution | null;
  turn_count: Distribution | null;
  model_request_count: Distribution | null;
  tool_call_count: Distribution | null;
  failed_count: Distribution | null;
  token_count: Distribution | null;
  duration_ns: Distribution | null;
  finding_count: Distribution | null;
  findings: { kind: string; session_count: number; finding_count: number }[];
}

export function compareGroups(by: Grouping, a: string, b: string, signal: AbortSignal): Promise<{ by: Grouping; a: SessionGroup; b: SessionGroup }> {
  return json(`/compare?${new URLSearchParams({ by, a, b })}`, { signal });
}

export function compareSessions(a: string, b: string, signal: AbortSignal): Promise<Comparison> {
  return json(`/compare?${new URLSearchParams({ a, b })}`, { signal });
}
