//! `/spans/{trace_id}/{span_id}`: one span with everything.

use axum::Json;
use serde::Serialize;
use serde_json::value::RawValue;
use store::{Store, Value};
use utoipa::ToSchema;

use super::messages::{self, Messages};
use crate::error::{ApiError, ErrorBody};
use crate::extract::ApiPath;
use crate::model::{Finding, Payload, SpanRef};
use crate::reach::Reading;
use crate::rows::{self, Named, text_param};
use crate::sql;
use crate::state::AppState;

/// Payloads up to this size come whole with the span.
const WHOLE_PAYLOAD_BYTES: u64 = 262_144;
/// Of larger ones this much comes.
const PAYLOAD_HEAD_BYTES: u64 = 65_536;
/// Model inputs beyond this size are not taken apart into messages.
const MAX_MESSAGES_BYTES: u64 = 32 << 20;

/// JSON that is passed on as it was stored.
#[derive(Debug, Serialize, ToSchema)]
#[schema(value_type = Object)]
pub(crate) struct Stored(Box<RawValue>);

impl Stored {
    /// `text` when it is JSON, else `otherwise`.
    fn new(text: Option<&str>, otherwise: &str) -> Self {
        let parse = |text: &str| serde_json::from_str::<Box<RawValue>>(text).ok();
        let value = text
            .and_then(parse)
            .or_else(|| parse(otherwise))
            .unwrap_or_else(|| RawValue::NULL.to_owned());
        Self(value)
    }
}

/// One span with everything that is known of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SpanDetail {
    span: SpanFacts,
    input: Option<Payload>,
    output: Option<Payload>,
    /// Of model requests only.
    messages: Option<Messages>,
    /// As sent; a large value is `{"$payload":{"hash","size_bytes"}}`.
    attributes: Stored,
    resource: Stored,
    /// `[{trace_id, span_id, attributes}]`.
    #[schema(value_type = Vec<Object>)]
    links: Stored,
    events: Vec<SpanEvent>,
    related: Vec<Related>,
    findings: Vec<Finding>,
}

/// The columns of a span.
#[derive(Debug, Serialize, ToSchema)]
struct SpanFacts {
    trace_id: String,
    span_id: String,
    parent_span_id: Option<String>,
    session_id: Option<String>,
    turn: Option<i64>,
    operation: String,
    name: String,
    kind: String,
    started_at: String,
    ended_at: Option<String>,
    duration_ns: Option<i64>,
    status: String,
    status_message: Option<String>,
    error_type: Option<String>,
    error_message: Option<String>,
    /// Of the process that the act ran.
    exit_code: Option<i64>,
    agent_name: Option<String>,
    agent_id: Option<String>,
    model: Option<String>,
    provider: Option<String>,
    tool_name: Option<String>,
    tool_call_id: Option<String>,
    mcp_server: Option<String>,
    skill_name: Option<String>,
    hook_event: Option<String>,
    hook_name: Option<String>,
    decision: Option<String>,
    decision_source: Option<String>,
    decision_reason: Option<String>,
    input_tokens: Option<i64>,
    output_tokens: Option<i64>,
    cache_read_tokens: Option<i64>,
    cache_write_tokens: Option<i64>,
    reasoning_tokens: Option<i64>,
    cost_usd: Option<f64>,
    finish_reason: Option<String>,
    call_hash: Option<String>,
    duplicate_of: Option<String>,
    origin: String,
    scope_name: Option<String>,
    scope_version: Option<String>,
    service_name: Option<String>,
    host: Option<String>,
    trace_state: Option<String>,
    dropped_attributes_count: Option<i64>,
    /// What the sender cut, and its switch that prevents it.
    truncated_upstream: Option<String>,
    request_id: Option<String>,
}

/// A span event, or a log record that names the span.
#[derive(Debug, Serialize, ToSchema)]
struct SpanEvent {
    time: String,
    name: String,
    severity: Option<String>,
    body: Option<String>,
    attributes: Stored,
    /// `event` or `log`.
    kind: &'static str,
}

/// Another span that says more about this one.
#[derive(Debug, Serialize, ToSchema)]
struct Related {
    trace_id: String,
    span_id: String,
    /// `duplicate_of`, `duplicate`, `child_session`, `retry`, `same_call`.
    relation: String,
    name: String,
    operation: String,
    origin: String,
}

/// One span: columns, payloads, messages, attributes, events, relatives, findings.
#[utoipa::path(get, path = "/spans/{trace_id}/{span_id}", tag = "spans",
    params(("trace_id" = String, Path), ("span_id" = String, Path)),
    responses((status = 200, body = SpanDetail), (status = 404, body = ErrorBody)))]
pub(crate) async fn get_span(
    Reading(state): Reading,
    ApiPath((trace_id, span_id)): ApiPath<(String, String)>,
) -> Result<Json<SpanDetail>, ApiError> {
    let (trace_id, span_id) = (trace_id.to_lowercase(), span_id.to_lowercase());
    let place = vec![text_param(Some(&trace_id)), text_param(Some(&span_id))];
    let table = state.read(sql::GET_SPAN, place.clone()).await?;
    let row = rows::rows(&table)
        .next()
        .ok_or_else(|| span_not_found(&trace_id, &span_id))?;
    let facts = facts(&row);
    let related = vec![
        text_param(Some(&trace_id)),
        text_param(Some(&span_id)),
        text_param(facts.session_id.as_deref()),
        text_param(facts.call_hash.as_deref()),
        text_param(row.str("duplicate_of_trace_id")),
        text_param(facts.duplicate_of.as_deref()),
    ];
    let (events, related, findings, texts) = tokio::try_join!(
        events(&state, place),
        state.read(sql::RELATED_SPANS, related),
        super::findings::of_span(&state, &trace_id, &span_id),
        texts(&state, &row, &facts),
    )?;
    Ok(Json(SpanDetail {
        input: texts.input,
        output: texts.output,
        messages: texts.messages,
        attributes: Stored::new(row.str("attributes"), "{}"),
        resource: Stored::new(row.str("resource"), "{}"),
        links: Stored::new(row.str("links").filter(|links| !links.is_empty()), "[]"),
        events,
        related: rows::rows(&related)
            .map(|row| Related {
                trace_id: row.string("trace_id"),
                span_id: row.string("span_id"),
                relation: row.string("relation"),
                name: row.string("name"),
                operation: row.string("operation"),
                origin: row.string("origin"),
            })
            .collect(),
        findings,
        span: facts,
    }))
}

fn span_not_found(trace_id: &str, span_id: &str) -> ApiError {
    let short = |id: &str| id.chars().take(64).collect::<String>();
    ApiError::not_found(
        "span_not_found",
        format!(
            "there is no span {} in trace {}; ids are 16 and 32 hex digits",
            short(span_id),
            short(trace_id)
        ),
    )
}

fn facts(row: &Named<'_>) -> SpanFacts {
    let non_empty = |name| row.text(name).filter(|text| !text.is_empty());
    SpanFacts {
        trace_id: row.string("trace_id"),
        span_id: row.string("span_id"),
        parent_span_id: row
            .text("parent_span_id")
            .or_else(|| row.text("reported_parent_id")),
        session_id: row.text("session_id"),
        turn: row.int("turn").filter(|turn| *turn > 0),
        operation: row.string("operation"),
        name: row.string("name"),
        kind: row.string("kind"),
        started_at: row.time("started_at").unwrap_or_default(),
        ended_at: row.time("ended_at"),
        duration_ns: row.int("duration_ns"),
        status: row.string("status"),
        status_message: non_empty("status_message"),
        error_type: row.text("error_type"),
        error_message: row.text("error_message"),
        exit_code: row.int("exit_code"),
        agent_name: row.text("agent_name"),
        agent_id: row.text("agent_id"),
        model: row.text("model"),
        provider: row.text("provider"),
        tool_name: row.text("tool_name"),
        tool_call_id: row.text("tool_call_id"),
        mcp_server: row.text("mcp_server"),
        skill_name: row.text("skill_name"),
        hook_event: row.text("hook_event"),
        hook_name: row.text("hook_name"),
        decision: row.text("decision"),
        decision_source: row.text("decision_source"),
        decision_reason: row.text("decision_reason"),
        input_tokens: row.int("input_tokens"),
        output_tokens: row.int("output_tokens"),
        cache_read_tokens: row.int("cache_read_tokens"),
        cache_write_tokens: row.int("cache_write_tokens"),
        reasoning_tokens: row.int("reasoning_tokens"),
        cost_usd: row.double("cost_usd"),
        finish_reason: row.text("finish_reason"),
        call_hash: row.text("call_hash"),
        duplicate_of: row.text("duplicate_of"),
        origin: row.string("origin"),
        scope_name: non_empty("scope_name"),
        scope_version: non_empty("scope_version"),
        service_name: non_empty("service_name"),
        host: row.text("host"),
        trace_state: non_empty("trace_state"),
        dropped_attributes_count: row.int("dropped_attributes_count"),
        truncated_upstream: row.text("truncated_upstream"),
        request_id: row.text("request_id"),
    }
}

async fn events(state: &AppState, place: Vec<Value>) -> Result<Vec<SpanEvent>, ApiError> {
    state
        .blocking(move |store| {
            let table = store.read(sql::SPAN_EVENTS, &place)?;
            rows::rows(&table)
                .map(|row| {
                    let body = match row.hash("body_hash") {
                        Some(hash) => payload(store, &hash)?.map(|payload| payload.text),
                        None => row.text("body"),
                    };
                    Ok(SpanEvent {
                        time: row.time("time").unwrap_or_default(),
                        name: row.string("name"),
                        severity: row.text("severity"),
                        body,
                        attributes: Stored::new(row.str("attributes"), "{}"),
                        kind: if row.flag("is_log") { "log" } else { "event" },
                    })
                })
                .collect()
        })
        .await
}

struct Texts {
    input: Option<Payload>,
    output: Option<Payload>,
    messages: Option<Messages>,
}

async fn texts(state: &AppState, row: &Named<'_>, facts: &SpanFacts) -> Result<Texts, ApiError> {
    let (input, output) = (row.hash("input_hash"), row.hash("output_hash"));
    let previous = (facts.operation == "model").then(|| {
        vec![
            text_param(facts.session_id.as_deref()),
            text_param(facts.agent_id.as_deref().or(facts.agent_name.as_deref())),
            row.time_ns("started_at").map_or(Value::Null, Value::Int),
            text_param(Some(&facts.span_id)),
        ]
    });
    state
        .blocking(move |store| {
            let shown = |hash: Option<[u8; 32]>| match hash {
                Some(hash) => payload(store, &hash),
                None => Ok(None),
            };
            Ok(Texts {
                input: shown(input)?,
                output: shown(output)?,
                messages: match previous {
                    Some(previous) => read_messages(store, input, output, &previous)?,
                    None => None,
                },
            })
        })
        .await
}

/// A payload, whole or its head.
fn payload(store: &Store, hash: &[u8; 32]) -> Result<Option<Payload>, ApiError> {
    let Some(slice) = store.payload(hash, Some(0..WHOLE_PAYLOAD_BYTES))? else {
        return Ok(None);
    };
    let complete = slice.total_size <= WHOLE_PAYLOAD_BYTES;
    let mut bytes = slice.bytes;
    if !complete {
        bytes.truncate(PAYLOAD_HEAD_BYTES as usize);
        // The head ends with a whole character.
        if let Err(error) = std::str::from_utf8(&bytes)
            && error.error_len().is_none()
        {
            bytes.truncate(error.valid_up_to());
        }
    }
    Ok(Some(Payload {
        hash: hex::encode(hash),
        size_bytes: slice.total_size,
        text: String::from_utf8_lossy(&bytes).into_owned(),
        complete,
    }))
}

fn read_messages(
    store: &Store,
    input: Option<[u8; 32]>,
    output: Option<[u8; 32]>,
    previous: &[Value],
) -> Result<Option<Messages>, ApiError> {
    let input = parsed(store, input)?.unwrap_or_default();
    let output = parsed(store, output)?.unwrap_or_default();
    if input.is_empty() && output.is_empty() {
        return Ok(None);
    }
    let table = store.read(sql::PREVIOUS_MODEL_REQUEST, previous)?;
    let previous = rows::rows(&table).next();
    let before = match &previous {
        Some(row) => parsed(store, row.hash("input_hash"))?.unwrap_or_default(),
        None => Vec::new(),
    };
    Ok(Some(Messages {
        unchanged_count: messages::unchanged_count(&before, &input),
        input: messages::shape(&input, false, store.hashing()),
        output: messages::shape(&output, true, store.hashing()),
        previous_span: previous.map(|row| SpanRef {
            trace_id: row.string("trace_id"),
            span_id: row.string("span_id"),
        }),
    }))
}

fn parsed(
    store: &Store,
    hash: Option<[u8; 32]>,
) -> Result<Option<Vec<serde_json::Value>>, ApiError> {
    let Some(hash) = hash else { return Ok(None) };
    let slice = store.payload(&hash, Some(0..MAX_MESSAGES_BYTES))?;
    Ok(slice
        .filter(|slice| slice.total_size <= MAX_MESSAGES_BYTES)
        .and_then(|slice| String::from_utf8(slice.bytes).ok())
        .and_then(|text| messages::parse(&text)))
}
