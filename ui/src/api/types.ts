// Shapes of the HTTP API (/api/v1), as the server answers them.

export type SessionStatus = "running" | "ok" | "error" | "interrupted" | "killed";

export interface SessionRow {
  session_id: string;
  parent_session_id: string | null;
  harness: string | null;
  title: string | null;
  host: string | null;
  project: string | null;
  user_id: string | null;
  started_at: string;
  ended_at: string | null;
  duration_ns: number;
  status: SessionStatus;
  inferred: boolean;
  turn_count: number;
  span_count: number;
  model_request_count: number;
  tool_call_count: number;
  error_count: number;
  denied_count: number;
  subagent_count: number;
  input_tokens: number;
  output_tokens: number;
  cache_read_tokens: number;
  cache_write_tokens: number;
  reasoning_tokens: number;
  cost_usd: number | null;
  models: string[];
  tools: string[];
  tags: string[];
  finding_count: number;
  finding_kinds: string[];
  payload_bytes: number;
}

export interface SessionList {
  sessions: SessionRow[];
  next_cursor: string | null;
}

export interface Turn {
  turn: number;
  prompt: string | null;
  response: string | null;
  started_at: string;
  duration_ns: number;
  model_request_count: number;
  tool_call_count: number;
  error_count: number;
  input_tokens: number;
  output_tokens: number;
  cost_usd: number | null;
}

export interface SpanRef {
  trace_id: string;
  span_id: string;
}

export interface Finding {
  finding_id: string;
  session_id: string;
  session_title?: string | null;
  kind: string;
  severity: "info" | "warning" | "error";
  confidence: "certain" | "likely";
  detector: string;
  title: string;
  explanation: string;
  first_span_id: string | null;
  last_span_id: string | null;
  span_ids: SpanRef[];
  repeat_count: number;
  wasted_ns: number;
  wasted_tokens: number;
  wasted_cost_usd: number | null;
  detected_at: string;
  updated_at: string;
  open: boolean;
}

export interface SessionDetail {
  session: SessionRow;
  turns: Turn[];
  findings: Finding[];
  children: SessionRow[];
  traces: { trace_id: string; started_at: string; span_count: number }[];
}

export interface TreeColumns {
  trace: number[];
  span_id: string[];
  parent: number[];
  start_ns: number[];
  duration_ns: number[];
  operation: number[];
  name_s: number[];
  detail_s: number[];
  status: number[];
  flags: number[];
  turn: number[];
  agent_s: number[];
  model_s: number[];
  tool_s: number[];
  mcp_server_s: number[];
  decision: number[];
  session_s: number[];
  input_tokens: number[];
  output_tokens: number[];
  cost_usd: (number | null)[];
  call_hash_s: number[];
}

export interface TreeResponse {
  session_id: string | null;
  started_at: string;
  duration_ns: number;
  span_count: number;
  operations: string[];
  strings: string[];
  traces: string[];
  columns: TreeColumns;
  findings: (Finding & { rows: number[] })[];
}

export interface Payload {
  hash: string;
  size_bytes: number;
  text: string;
  complete: boolean;
}

export interface MessagePart {
  part_type: string;
  content: string | null;
  name: string | null;
  tool_call_id: string | null;
  mime_type: string | null;
  size_bytes: number;
  hash: string | null;
}

export interface Message {
  role: string;
  direction: "input" | "output" | "system";
  position: number;
  parts: MessagePart[];
}

export type Verdict = "good" | "wrong";

export interface Annotation {
  annotation_id: string;
  session_id: string;
  trace_id: string | null;
  span_id: string | null;
  turn: number | null;
  verdict: Verdict | null;
  comment: string | null;
  author: string | null;
  created_at: string;
}

export interface TranscriptPart {
  role: string;
  direction: "input" | "output" | "system";
  part_type: string;
  name: string | null;
  mime_type: string | null;
  /** The text or its beginning. */
  text: string | null;
  size_bytes: number;
  complete: boolean;
  /** Of a call or result: the act that tells it, when there is one. */
  act: SpanRef | null;
}

export interface TranscriptEntry extends SpanRef {
  session_id: string | null;
  turn: number;
  operation: string;
  started_at: string;
  status: "unset" | "ok" | "error";
  error_message: string | null;
  decision: string | null;
  parts: TranscriptPart[];
  unchanged_count: number;
  rewritten: boolean;
  skipped_bytes: number;
}

export type Json = string | number | bigint | boolean | null | Json[] | { [key: string]: Json };

export interface SpanFacts {
  trace_id: string;
  span_id: string;
  parent_span_id: string | null;
  session_id: string | null;
  turn: number | null;
  operation: string;
  name: string;
  kind: string;
  started_at: string;
  ended_at: string | null;
  duration_ns: number | null;
  status: "unset" | "ok" | "error";
  status_message: string | null;
  error_type: string | null;
  error_message: string | null;
  exit_code: number | null;
  agent_name: string | null;
  agent_id: string | null;
  model: string | null;
  provider: string | null;
  tool_name: string | null;
  tool_call_id: string | null;
  mcp_server: string | null;
  skill_name: string | null;
  hook_event: string | null;
  hook_name: string | null;
  decision: string | null;
  decision_source: string | null;
  input_tokens: number | null;
  output_tokens: number | null;
  cache_read_tokens: number | null;
  cache_write_tokens: number | null;
  reasoning_tokens: number | null;
  cost_usd: number | null;
  finish_reason: string | null;
  call_hash: string | null;
  duplicate_of: string | null;
  origin: string | null;
  scope_name: string | null;
  scope_version: string | null;
  service_name: string | null;
  host: string | null;
  trace_state: string | null;
  dropped_attributes_count: number | null;
  truncated_upstream: string | null;
  request_id: string | null;
}

export interface SpanEvent {
  time: string;
  name: string;
  severity: string | null;
  body: Json;
  attributes: Record<string, Json>;
  kind: "event" | "log";
}

export interface Related extends SpanRef {
  relation: string;
  name: string | null;
  operation: string | null;
  origin: string | null;
}

export interface SpanDetail {
  span: SpanFacts;
  input: Payload | null;
  output: Payload | null;
  messages: {
    input: Message[];
    output: Message[];
    previous_span: SpanRef | null;
    unchanged_count: number;
  } | null;
  attributes: Record<string, Json>;
  resource: Record<string, Json>;
  links: (SpanRef & { attributes: Record<string, Json> })[];
  events: SpanEvent[];
  related: Related[];
  findings: Finding[];
}

export interface SqlResult {
  columns: { name: string; type: string }[];
  rows: Json[][];
  truncated: boolean;
  elapsed_ms: number;
}

export interface SqlSchema {
  relations: {
    name: string;
    kind: "table" | "view" | "macro";
    comment: string | null;
    columns: { name: string; type: string; comment: string | null }[];
  }[];
}

export interface Stats {
  version: string;
  started_at: string;
  session_count: number;
  span_count: number;
  event_count: number;
  metric_count: number;
  payload_bytes: number;
  stored_bytes: number;
  otlp: { grpc: string | null; http: string | null };
  ingest: {
    requests: number;
    spans: number;
    log_records: number;
    metric_points: number;
    rejected: number;
    duplicates: number;
    received_bytes: number;
    queued_bytes: number;
    queue_limit_bytes: number;
    lag_seconds: number;
    journal_bytes: number;
    load_failures: number;
    is_load_failing: boolean;
    group_mean_seconds: number | null;
    refusals: { reason: string; count: number }[];
    /** Null where nothing is redacted. */
    redactions: { kind: string; count: number }[] | null;
    per_second: { requests: number; received_bytes: number; spans: number; log_records: number; metric_points: number; refusals: number };
  };
  search: { waiting_acts: number; waiting_bytes: number; index_bytes: number };
  findings: { waiting_sessions: number; looked_sessions: number; last_look_seconds: number };
  health: { is_ready: boolean; reason: string | null; database_recoveries: number };
  folder: { parts: { name: string; size_bytes: number }[]; free_bytes: number | null };
  process: { uptime_seconds: number; resident_bytes: number | null; open_files: number | null };
}
