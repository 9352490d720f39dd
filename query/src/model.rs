//! The shapes of the API that several routes share. Times are RFC 3339 texts in UTC, durations
//! nanoseconds, ids lower-case hex.

use serde::Serialize;
use utoipa::ToSchema;

/// One agent session.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SessionRow {
    pub(crate) session_id: String,
    pub(crate) parent_session_id: Option<String>,
    pub(crate) harness: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) project: Option<String>,
    pub(crate) user_id: Option<String>,
    pub(crate) started_at: String,
    /// Null while it runs.
    pub(crate) ended_at: Option<String>,
    pub(crate) duration_ns: i64,
    /// `running`, `ok`, `error`, `interrupted`, `killed`.
    pub(crate) status: String,
    /// The emitter gave no session id; the trace stands in for one.
    pub(crate) inferred: bool,
    pub(crate) turn_count: i64,
    pub(crate) span_count: i64,
    pub(crate) model_request_count: i64,
    pub(crate) tool_call_count: i64,
    pub(crate) error_count: i64,
    pub(crate) denied_count: i64,
    pub(crate) subagent_count: i64,
    pub(crate) input_tokens: i64,
    pub(crate) output_tokens: i64,
    pub(crate) cache_read_tokens: i64,
    pub(crate) cache_write_tokens: i64,
    pub(crate) reasoning_tokens: i64,
    pub(crate) cost_usd: Option<f64>,
    pub(crate) models: Vec<String>,
    pub(crate) tools: Vec<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) finding_count: i64,
    pub(crate) finding_kinds: Vec<String>,
    pub(crate) payload_bytes: i64,
}

/// A prompt of the user and all it caused.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Turn {
    pub(crate) turn: i64,
    pub(crate) prompt: Option<String>,
    pub(crate) response: Option<String>,
    pub(crate) started_at: String,
    pub(crate) duration_ns: i64,
    pub(crate) model_request_count: i64,
    pub(crate) tool_call_count: i64,
    pub(crate) error_count: i64,
    pub(crate) input_tokens: i64,
    pub(crate) output_tokens: i64,
    pub(crate) cost_usd: Option<f64>,
}

/// The address of a span.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct SpanRef {
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
}

/// Something in a session that deserves attention.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Finding {
    pub(crate) finding_id: String,
    pub(crate) session_id: String,
    pub(crate) session_title: Option<String>,
    /// `loop`, `blocked`, …
    pub(crate) kind: String,
    /// `info`, `warning`, `error`.
    pub(crate) severity: String,
    /// `certain` or `likely`.
    pub(crate) confidence: String,
    /// Name and version of the rule, `exact_repeat/1`.
    pub(crate) detector: String,
    pub(crate) title: String,
    /// In plain words, with figures.
    pub(crate) explanation: String,
    pub(crate) first_span_id: Option<String>,
    pub(crate) last_span_id: Option<String>,
    pub(crate) span_ids: Vec<SpanRef>,
    pub(crate) repeat_count: i64,
    /// What the repeats after the first took.
    pub(crate) wasted_ns: i64,
    pub(crate) wasted_tokens: i64,
    pub(crate) wasted_cost_usd: Option<f64>,
    pub(crate) detected_at: String,
    pub(crate) updated_at: String,
    /// The pattern can still grow.
    pub(crate) open: bool,
}

/// The text of an input or output.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Payload {
    /// BLAKE3 of the bytes; `/payloads/{hash}` has them all.
    pub(crate) hash: String,
    pub(crate) size_bytes: u64,
    /// The whole text, or its beginning when it is large.
    pub(crate) text: String,
    pub(crate) complete: bool,
}
