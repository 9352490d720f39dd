//! What the collector hands to the one writer: everything of one group commit, in plain types.

use std::sync::Arc;

use proto::agent::{
    Act, Event, Facts, MetricPoint, Operation, Origin, Payload, PayloadRef, Received, Reported,
    Status, ToolCallAsked, ToolResultSeen,
};
use proto::id::{SpanId, TraceId};

use crate::packer::{PackedPayload, PackedRecords};

/// Address of an act: unique in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ActKey {
    pub trace_id: TraceId,
    pub span_id: SpanId,
}

/// The light half of a stored act: all that joining and counting needs, without attributes.
///
/// It is exactly what [`crate::Writer::load_acts`] reads back, so that a resolver that lost its
/// memory (restart, eviction) continues as if it had not.
#[derive(Debug, Clone, PartialEq)]
pub struct ActState {
    /// Store row number, rising in order of arrival.
    pub act_id: i64,
    pub key: ActKey,
    /// The parent as the record states it.
    pub reported_parent: Option<SpanId>,
    pub origin: Origin,
    pub operation: Operation,
    pub plumbing: bool,
    pub part_of_parent: bool,
    pub name: Arc<str>,
    pub start_ns: i64,
    pub end_ns: Option<i64>,
    pub status: Status,
    pub status_message: Option<Arc<str>>,
    /// As reported, gaps filled from other records of the same act.
    pub facts: Facts,
    /// What the record itself says, where joining has changed it; `None` = as it stands.
    pub reported: Option<Box<Reported>>,
    pub derived: Derived,
}

/// A stored act as it is read back: with what it shows of tool calls, if it is a model request.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedAct {
    pub state: ActState,
    pub calls_asked: Vec<ToolCallAsked>,
    pub results_seen: Vec<ToolResultSeen>,
}

/// What resolution adds to an act. Changes as later records arrive.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Derived {
    /// The session that the act belongs to.
    pub session_id: Arc<str>,
    /// No record named a session: the trace stands in for it.
    pub session_inferred: bool,
    /// Number of the turn in the session, from 1; 0 = before or outside any turn.
    pub turn: i32,
    /// Parent in the tree (differs from the reported one for acts that only logs report).
    pub parent: Option<SpanId>,
    /// The act that this record reports again.
    pub duplicate_of: Option<ActKey>,
}

/// One row of `sessions`, computed from the acts of the session.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SessionRow {
    pub session_id: Arc<str>,
    pub parent_session_id: Option<Arc<str>>,
    pub inferred: bool,
    pub harness: Option<Arc<str>>,
    pub harness_version: Option<Arc<str>>,
    pub title: Option<Arc<str>>,
    pub host: Option<Arc<str>>,
    pub project: Option<Arc<str>>,
    /// All that its acts name, `project` first: the session is of each of them.
    pub projects: Vec<Arc<str>>,
    pub branch: Option<Arc<str>>,
    pub user_id: Option<Arc<str>>,
    pub started_ns: i64,
    /// Latest end (or start) of any act.
    pub last_ns: i64,
    /// False while an act is open or the last turn has not ended.
    pub ended: bool,
    /// `running`, `ok`, `error`, `interrupted` (by the user), `killed` (gone without an end).
    pub status: &'static str,
    /// What the `sessions` view shows of a session that is still `running` but silent for 15 minutes.
    pub silent_status: &'static str,
    pub turn_count: i64,
    pub span_count: i64,
    pub model_request_count: i64,
    pub tool_call_count: i64,
    pub error_count: i64,
    pub denied_count: i64,
    pub subagent_count: i64,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub cache_read_tokens: i64,
    pub cache_write_tokens: i64,
    pub reasoning_tokens: i64,
    pub cost_usd: Option<f64>,
    pub models: Vec<Arc<str>>,
    pub tools: Vec<Arc<str>>,
    pub payload_bytes: i64,
}

/// One row of `turns`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TurnRow {
    pub session_id: Arc<str>,
    pub turn: i32,
    pub prompt: Option<PayloadRef>,
    pub response: Option<PayloadRef>,
    pub started_ns: i64,
    pub duration_ns: i64,
    pub span_count: i64,
    pub model_request_count: i64,
    pub tool_call_count: i64,
    pub error_count: i64,
    pub denied_count: i64,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub cost_usd: Option<f64>,
}

/// One row of the small table that maps a trace to its session and its span of time.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceRow {
    pub trace_id: TraceId,
    pub session_id: Arc<str>,
    pub min_ns: i64,
    pub max_ns: i64,
}

/// Everything of one group commit. Applied in one transaction.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// New acts in arrival order; the two halves carry the same key.
    pub new_acts: Vec<(Act, ActState)>,
    /// Acts already stored whose light half changed.
    pub changed_acts: Vec<ActState>,
    /// Events and log records; those already stored are dropped by the writer.
    pub events: Vec<Event>,
    /// Metric points; those already stored are dropped by the writer.
    pub metrics: Vec<MetricPoint>,
    /// Texts that the acts and events refer to; those already stored are dropped by the writer.
    pub payloads: Vec<Payload>,
    /// The records that acts, events and metric points were made of; the writer keeps those whose
    /// rows it stores.
    pub received: Vec<Received>,
    /// Some of what came with these payloads and records was left out because it was deleted: only
    /// what is still referred to is stored.
    pub is_partial: bool,
    /// As `payloads`, of texts that a [`crate::Packer`] has prepared.
    pub packed: Vec<PackedPayload>,
    /// Of `received`, what a [`crate::Packer`] has compressed ahead.
    pub packed_records: Vec<PackedRecords>,
    /// Sessions to insert or replace, whole.
    pub sessions: Vec<SessionRow>,
    /// Sessions that an act belonged to which belongs to another now.
    pub left_sessions: Vec<Arc<str>>,
    /// Sessions that no act belongs to any more (a stand-in whose real id came late).
    pub removed_sessions: Vec<Arc<str>>,
    /// All turns of each session named in `sessions`.
    pub turns: Vec<TurnRow>,
    /// Traces to insert or replace.
    pub traces: Vec<TraceRow>,
    /// Position in the journal up to which everything is in this or an earlier commit.
    pub journal_position: u64,
}

/// What a commit stored, for counters and change notices.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Committed {
    pub span_count: u64,
    pub event_count: u64,
    pub metric_count: u64,
    pub duplicate_event_count: u64,
}

/// One row of `annotations`. `annotation_id` is the identity: writing it again replaces the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnotationRow {
    pub annotation_id: String,
    pub session_id: String,
    /// Of the act that is meant; none when it is the whole session or a turn.
    pub trace_id: Option<String>,
    pub span_id: Option<String>,
    pub turn: Option<i64>,
    /// `good`, `wrong`.
    pub verdict: Option<String>,
    pub comment: Option<String>,
    pub author: Option<String>,
    pub created_ns: i64,
}

/// One row of `checkpoints`. Session and name are the identity: writing them again moves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointRow {
    pub session_id: String,
    pub name: String,
    /// Of the act that is meant, where one is.
    pub trace_id: Option<String>,
    pub span_id: Option<String>,
    /// The moment, Unix nanoseconds.
    pub time_ns: i64,
    pub author: Option<String>,
    pub created_ns: i64,
}

/// One row of `findings`. `finding_id` is the identity: writing it again replaces the row.
#[derive(Debug, Clone, PartialEq)]
pub struct FindingRow {
    pub finding_id: String,
    pub session_id: String,
    /// `loop`, `blocked`, …
    pub kind: String,
    /// `info`, `warning`, `error`.
    pub severity: String,
    /// `certain` or `likely`.
    pub confidence: String,
    /// Name and version of the detector, `exact_repeat/1`.
    pub detector: String,
    pub title: String,
    pub explanation: String,
    pub spans: Vec<ActKey>,
    pub repeat_count: i64,
    pub wasted_ns: i64,
    pub wasted_tokens: i64,
    pub wasted_cost_usd: Option<f64>,
    /// Unix nanoseconds; kept from the first writing when replaced.
    pub detected_ns: i64,
    pub updated_ns: i64,
    /// The pattern can still grow.
    pub open: bool,
}
