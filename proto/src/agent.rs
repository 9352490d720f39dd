//! The words of the agent model: what an agent run consists of, whichever emitter reported it.
//!
//! Types only. The rules that fill them live in `collector::conventions`, the rules that join them
//! in `collector::resolve`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{SpanId, TraceId};
use crate::signal::Signal;

macro_rules! word_list {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every word of the list, in its order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word as SQL, API and UI spell it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The variant of a word; `None` for a word that is not in the list.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let word = std::borrow::Cow::<'de, str>::deserialize(from)?;
                Self::parse(&word).ok_or_else(|| {
                    serde::de::Error::unknown_variant(&word, &[$($text),+])
                })
            }
        }
    };
}

word_list!(
    /// What kind of act a span is. A closed list: unknown things are [`Operation::Internal`].
    Operation {
        Session = "session",
        Turn = "turn",
        Agent = "agent",
        Model = "model",
        Tool = "tool",
        Mcp = "mcp",
        Hook = "hook",
        Policy = "policy",
        Skill = "skill",
        Memory = "memory",
        Retrieval = "retrieval",
        Embedding = "embedding",
        Guardrail = "guardrail",
        Evaluation = "evaluation",
        Internal = "internal",
    }
);
word_list!(
    /// The verdict of a permission rule, hook, policy or user on an act.
    Decision { Allow = "allow", Deny = "deny", Ask = "ask" }
);
word_list!(
    /// Which kind of record reported an act.
    Origin { Span = "span", Log = "log", Hook = "hook", Transcript = "transcript" }
);
word_list!(
    /// Outcome as OTLP states it, corrected where the emitter says otherwise elsewhere.
    Status { Unset = "unset", Ok = "ok", Error = "error" }
);
word_list!(
    /// Where the cost of a model request comes from.
    CostSource {
        /// The emitter says it.
        Reported = "reported",
        /// Computed from tokens and the price table.
        PriceTable = "price_table",
    }
);
word_list!(
    /// Where the output of a tool call comes from, when not from a record of the call itself.
    OutputSource {
        /// A later model request resends it.
        NextRequest = "next_request",
    }
);
word_list!(
    /// OTLP span kind.
    SpanKind {
        Unspecified = "unspecified",
        Internal = "internal",
        Server = "server",
        Client = "client",
        Producer = "producer",
        Consumer = "consumer",
    }
);

/// The address of a payload's text: its BLAKE3 hash, as [`Hashing`](crate::Hashing) makes it, and its
/// length in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PayloadRef {
    /// BLAKE3 of the bytes; hex in JSON.
    #[serde(with = "hex::serde")]
    pub hash: [u8; 32],
    /// Length in bytes.
    pub size_bytes: u64,
}

impl PayloadRef {
    /// The address of `bytes` where nothing keeps hashes from telling.
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            hash: *blake3::hash(bytes).as_bytes(),
            size_bytes: bytes.len() as u64,
        }
    }

    /// Lower-case hex of the hash, the form that people quote.
    pub fn hex(&self) -> String {
        hex::encode(self.hash)
    }
}

/// Calls `$apply!(field, …)` with every field of [`Facts`](crate::agent::Facts) that one record may simply
/// take from another of the same act, and with the further fields that are named.
#[macro_export]
macro_rules! for_each_fact {
    ($apply:ident $(, $more:ident)*) => {
        $apply!(
            harness,
            harness_version,
            session_id,
            resource_session_id,
            parent_session_id,
            child_session_id,
            turn_key,
            prompt,
            title,
            agent_name,
            agent_id,
            parent_agent_id,
            model,
            provider,
            request_id,
            join_key,
            tool_name,
            tool_call_id,
            mcp_server,
            skill_name,
            hook_event,
            hook_name,
            decision,
            decision_source,
            decision_reason,
            input_tokens,
            output_tokens,
            cache_read_tokens,
            cache_write_tokens,
            reasoning_tokens,
            attempt_count,
            finish_reason,
            error_type,
            error_message,
            success,
            exit_code,
            user_id,
            host,
            project,
            branch,
            truncated_upstream,
            detail
            $(, $more)*
        )
    };
}

/// What one record says of the act that it reports. Every field is optional: a record says what it
/// knows, and several records of the same act fill each other's gaps.
///
/// `input`/`output` of a model request hold messages in the OpenTelemetry GenAI JSON shape
/// (`[{"role","parts":[{"type",…}]}]`, system instructions first with role `system`) where the
/// emitter's shape is recognised, the emitter's own text otherwise. Those of a tool call are the
/// arguments and the result exactly as the emitter gave them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Name of the harness or framework (`claude-code`, `pydantic-ai`, …).
    pub harness: Option<Arc<str>>,
    pub harness_version: Option<Arc<str>>,
    /// Session (conversation) id that this very record carries.
    pub session_id: Option<Arc<str>>,
    /// Session id that only the resource carries, or a key of the user's own making; weaker than
    /// `session_id` of any relative.
    pub resource_session_id: Option<Arc<str>>,
    /// Session that this record's session is a child of, where the emitter says so.
    pub parent_session_id: Option<Arc<str>>,
    /// Session that this act started, where the emitter says so: a subagent's own conversation.
    pub child_session_id: Option<Arc<str>>,
    /// The emitter's own id of the turn (`prompt.id`, `turn.id` …).
    pub turn_key: Option<Arc<str>>,
    /// The user's words, on the record that starts a turn.
    pub prompt: Option<PayloadRef>,
    /// First 200 characters of the prompt, one line, for titles.
    pub title: Option<Arc<str>>,
    pub agent_name: Option<Arc<str>>,
    pub agent_id: Option<Arc<str>>,
    pub parent_agent_id: Option<Arc<str>>,
    /// The act starts a subagent (its descendants belong to it).
    pub starts_subagent: bool,
    pub model: Option<Arc<str>>,
    pub provider: Option<Arc<str>>,
    /// Id of the request or response that the model's vendor gave; joins records of one request.
    pub request_id: Option<Arc<str>>,
    /// An emitter's second key that joins partial records of one act (`request_body_id`).
    pub join_key: Option<Arc<str>>,
    pub tool_name: Option<Arc<str>>,
    /// Joins records of one tool call.
    pub tool_call_id: Option<Arc<str>>,
    pub mcp_server: Option<Arc<str>>,
    pub skill_name: Option<Arc<str>>,
    pub hook_event: Option<Arc<str>>,
    pub hook_name: Option<Arc<str>>,
    pub decision: Option<Decision>,
    /// Who decided (`hook`, `config`, `user`, a policy's name …), as the emitter says.
    pub decision_source: Option<Arc<str>>,
    /// The words of who decided, where there are any.
    pub decision_reason: Option<Arc<str>>,
    /// All input tokens, cached ones included (emitters that exclude them are added up).
    pub input_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub cache_read_tokens: Option<i64>,
    pub cache_write_tokens: Option<i64>,
    pub reasoning_tokens: Option<i64>,
    pub cost_usd: Option<f64>,
    pub cost_source: Option<CostSource>,
    /// How often the model was asked until it answered; 1 = at once.
    pub attempt_count: Option<i64>,
    pub finish_reason: Option<Arc<str>>,
    pub error_type: Option<Arc<str>>,
    pub error_message: Option<Arc<str>>,
    /// What the record says of the outcome beside the OTLP status (`success`, exit code, `isError`).
    pub success: Option<bool>,
    /// Exit code of the process that a tool call ran.
    pub exit_code: Option<i64>,
    pub user_id: Option<Arc<str>>,
    pub host: Option<Arc<str>>,
    pub project: Option<Arc<str>>,
    /// Version-control branch that the agent worked on.
    pub branch: Option<Arc<str>>,
    pub input: Option<PayloadRef>,
    pub output: Option<PayloadRef>,
    pub output_source: Option<OutputSource>,
    /// Identity of the call: same tool and same (canonical) arguments give the same hash; 16 hex
    /// digits. Behind `size:` it is made of the tool and the size of its arguments only. That of a
    /// model request is the identity of the answer: the calls it asks for without their ids, or else
    /// its text.
    pub call_hash: Option<Arc<str>>,
    /// What the sender cut or left out (`prompt not sent`, `content cut by the sender` …), and behind
    /// `; ` the switch that prevents it.
    pub truncated_upstream: Option<Arc<str>>,
    /// One muted line for the waterfall: command, file, query … Never JSON, at most 160 characters.
    pub detail: Option<Arc<str>>,
}

/// What a record said of its act where joining it with other records has changed that, so that the
/// join can always be worked out anew from what was reported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reported {
    pub operation: Operation,
    pub plumbing: bool,
    pub end_ns: Option<i64>,
    pub status: Status,
    pub status_message: Option<Arc<str>>,
    pub facts: Facts,
}

/// Where an act's results of earlier tool calls come to light: a later model request resends them.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolResultSeen {
    pub tool_call_id: Arc<str>,
    pub output: PayloadRef,
    pub is_error: Option<bool>,
    /// The first 200 characters of a result that tells of a failure, one line.
    pub error: Option<Arc<str>>,
}

/// A tool call that the answer to a model request asks for. It knows the arguments where the call's
/// own record lacks them, and is the only trace of a call that was refused before it ran.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCallAsked {
    pub tool_call_id: Option<Arc<str>>,
    pub tool_name: Arc<str>,
    pub mcp_server: Option<Arc<str>>,
    pub input: Option<PayloadRef>,
    /// As [`Facts::call_hash`] of the call itself.
    pub call_hash: Option<Arc<str>>,
    /// As [`Facts::detail`] of the call itself.
    pub detail: Option<Arc<str>>,
}

/// Which received record a row was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordRef {
    /// Place of its request in the journal: rises in order of arrival.
    pub request_id: i64,
    /// Place of the record among those of its request, from 0.
    pub number: i32,
}

/// A record as it was received, or what several records of a request have in common, with its large
/// texts by address.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReceivedRecord {
    pub number: i32,
    /// Protobuf of the message. A `string_value_strindex` in it is a text, by its place in `texts`.
    pub bytes: Vec<u8>,
    pub texts: Vec<PayloadRef>,
}

/// The records of one request that share resource and scope, as they were received.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    pub request_id: i64,
    pub signal: Signal,
    /// `ResourceSpans`, `ResourceLogs` or `ResourceMetrics` with resource and scope, without records.
    pub head: ReceivedRecord,
    /// A `Span`, a `LogRecord`, or a `Metric` with one data point each.
    pub records: Vec<ReceivedRecord>,
}

/// One act as one record reports it: identity, place and time from OTLP, meaning from the
/// conventions. Times are Unix nanoseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Act {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub parent_span_id: Option<SpanId>,
    pub origin: Origin,
    pub operation: Operation,
    /// Plumbing of the harness, folded away by default.
    pub plumbing: bool,
    /// A detail of its parent act (an attempt, the execution half of a tool call): kept, not counted.
    pub part_of_parent: bool,
    pub name: Arc<str>,
    pub kind: SpanKind,
    pub start_ns: i64,
    /// `None` while the act is not known to have ended.
    pub end_ns: Option<i64>,
    pub status: Status,
    pub status_message: Option<Arc<str>>,
    pub facts: Facts,
    pub tool_results_seen: Vec<ToolResultSeen>,
    /// Tool calls that the output of this model request asks for, in its order.
    pub tool_calls_asked: Vec<ToolCallAsked>,
    /// JSON object; a large value is `{"$payload":{"hash","size_bytes"}}`.
    pub attributes: String,
    /// JSON object, shared by all records of one resource.
    pub resource: Arc<str>,
    /// JSON array of `{trace_id, span_id, trace_state, attributes}`; empty text = none.
    pub links: String,
    pub scope_name: Arc<str>,
    pub scope_version: Arc<str>,
    pub service_name: Arc<str>,
    pub trace_state: String,
    pub dropped_attributes_count: u32,
    /// `None` for an act that several records tell of only together.
    pub record: Option<RecordRef>,
}

/// A span event or a log record, kept as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Identity: hash of the record's content and place, so that a retry is recognised.
    pub event_id: [u8; 16],
    pub time_ns: i64,
    pub trace_id: Option<TraceId>,
    pub span_id: Option<SpanId>,
    /// Session id that the record itself carries.
    pub session_id: Option<Arc<str>>,
    /// True for a log record, false for a span event.
    pub is_log: bool,
    pub name: Arc<str>,
    pub severity: Option<Arc<str>>,
    /// Text of the body: a string as it is, anything else as JSON; large ones by address.
    pub body: Option<String>,
    pub body_payload: Option<PayloadRef>,
    /// JSON object, as [`Act::attributes`].
    pub attributes: String,
    pub service_name: Arc<str>,
    pub scope_name: Arc<str>,
    pub record: Option<RecordRef>,
}

/// One metric data point. Histograms give one row each for `sum` and `count`, the rest in `attributes`.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricPoint {
    pub point_id: [u8; 16],
    pub time_ns: i64,
    pub session_id: Option<Arc<str>>,
    pub name: Arc<str>,
    pub value: f64,
    pub unit: Arc<str>,
    /// `gauge`, `sum`, `histogram`, `exponential_histogram`, `summary`.
    pub kind: &'static str,
    /// JSON object.
    pub attributes: String,
    pub service_name: Arc<str>,
    pub record: Option<RecordRef>,
}

/// The text behind a [`PayloadRef`], on its way to the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Payload {
    pub address: PayloadRef,
    pub bytes: Vec<u8>,
}
