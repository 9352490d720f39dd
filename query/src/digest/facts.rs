//! What a digest may say, and the shape of one in JSON.

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::SpanRef;

/// One thing that a digest says.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(super) enum Fact {
    Head(Head),
    Why(WhyFact),
    Finding(FindingFact),
    Turn(TurnFact),
    Act(ActFact),
    Files(FilesFact),
    Child(ChildFact),
}

/// What a digest says of a session, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    Head,
    Why,
    Findings,
    Turns,
    Acts,
    Files,
    Children,
}

/// A session in a few lines. Facts beyond the figures are told where there is room.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub(crate) struct Head {
    pub(super) session_id: String,
    pub(super) title: Option<String>,
    /// `running`, `ok`, `error`, `interrupted`, `killed`.
    pub(super) status: String,
    pub(super) harness: Option<String>,
    pub(super) started_at: String,
    pub(super) duration_ns: i64,
    pub(super) turn_count: i64,
    pub(super) model_request_count: i64,
    pub(super) tool_call_count: i64,
    pub(super) error_count: i64,
    pub(super) denied_count: i64,
    pub(super) finding_kinds: Vec<String>,
    pub(super) input_tokens: i64,
    pub(super) output_tokens: i64,
    pub(super) cost_usd: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) more: Option<HeadMore>,
}

/// The rest of what is known of a session as a whole.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub(crate) struct HeadMore {
    pub(super) parent_session_id: Option<String>,
    pub(super) project: Option<String>,
    pub(super) host: Option<String>,
    pub(super) models: Vec<String>,
    pub(super) tools: Vec<String>,
    pub(super) tags: Vec<String>,
    pub(super) subagent_count: i64,
    pub(super) cache_read_tokens: i64,
    pub(super) reasoning_tokens: i64,
}

/// Why the run went as it did.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct WhyFact {
    /// As of `/sessions/{id}/why`.
    pub(super) mode: String,
    pub(super) sentence: String,
    pub(super) evidence: Vec<EvidenceFact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) change: Option<EvidenceFact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remedy: Option<String>,
}

/// A statement and the span that shows it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct EvidenceFact {
    pub(super) text: String,
    pub(super) span: SpanRef,
}

/// A finding.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct FindingFact {
    pub(super) kind: String,
    pub(super) severity: String,
    pub(super) confidence: String,
    pub(super) title: String,
    pub(super) repeat_count: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) first_span: Option<SpanRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) explanation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_span: Option<SpanRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) wasted_tokens: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) wasted_ns: Option<i64>,
}

/// A text or its beginning.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Quote {
    pub(super) text: String,
    pub(super) size_bytes: i64,
    /// Of the whole text, where this is not all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) payload_hash: Option<String>,
}

/// A turn.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct TurnFact {
    pub(super) turn: i64,
    /// Since the start of the session, `m:ss`.
    pub(super) at: String,
    pub(super) duration_ns: i64,
    pub(super) tool_call_count: i64,
    pub(super) error_count: i64,
    pub(super) prompt: Option<Quote>,
    pub(super) response: Option<Quote>,
}

/// An act, or several alike in a row.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ActFact {
    /// Since the start of the session, `m:ss`.
    pub(super) at: String,
    pub(super) count: usize,
    pub(super) what: String,
    pub(super) detail: Option<String>,
    /// `ok`, `error`, `denied`, `unfinished`.
    pub(super) outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) decision_source: Option<String>,
    /// The last of them.
    pub(super) span: SpanRef,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) input_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_hash: Option<String>,
}

/// The files that tool calls name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct FilesFact {
    pub(super) files: Vec<FileFact>,
    /// Files beside these.
    pub(super) more: usize,
}

/// A file and the calls that name it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct FileFact {
    pub(super) path: String,
    pub(super) call_count: i64,
    pub(super) error_count: i64,
    pub(super) tools: Vec<String>,
}

/// A session that the session started.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ChildFact {
    pub(super) session_id: String,
    pub(super) title: Option<String>,
    pub(super) status: String,
    pub(super) tool_call_count: i64,
    pub(super) error_count: i64,
}

/// A digest in JSON.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Digest {
    pub(super) notice: &'static str,
    pub(super) budget_tokens: usize,
    /// Of this very text.
    pub(super) estimated_tokens: usize,
    /// How to see more of what is named here.
    pub(super) how_to_see_more: String,
    pub(super) sessions: Vec<SessionDigest>,
    /// Sessions that are not told of at all.
    pub(super) left_out_sessions: usize,
}

/// What is told of one session.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct SessionDigest {
    pub(super) session: Head,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<WhyFact>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) findings: Vec<FindingFact>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) turns: Vec<TurnFact>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) acts: Vec<ActFact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) files: Option<FilesFact>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) children: Vec<ChildFact>,
    pub(super) left_out: LeftOut,
}

/// How much of a session did not fit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct LeftOut {
    pub(super) findings: usize,
    pub(super) turns: usize,
    pub(super) acts: usize,
    pub(super) children: usize,
    /// Things told in fewer words than there are.
    pub(super) shortened: usize,
}
