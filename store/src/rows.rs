//! From the types of a batch to columns of the private tables, and back for the light half of acts.

use std::sync::Arc;

use proto::agent::{
    Act, CostSource, Decision, Event, Facts, MetricPoint, Operation, Origin, OutputSource,
    PayloadRef, RecordRef, Status, ToolCallAsked, ToolResultSeen,
};
use proto::id::{SpanId, TraceId};

use crate::columns::{Columns, RowReader};
use crate::{ActKey, ActState, Derived, SessionRow, TraceRow, TurnRow, reported};

/// Finds the row number of a stored payload.
pub(crate) type PayloadIds<'a> = &'a dyn Fn(&PayloadRef) -> Option<i64>;

fn address<'a>(
    columns: &mut Columns,
    name: &str,
    ids: PayloadIds<'_>,
    values: impl Iterator<Item = Option<&'a PayloadRef>> + Clone,
) {
    columns.long(&format!("{name}_id"), values.clone().map(|v| ids(v?)));
    columns.bytes(
        &format!("{name}_hash"),
        values.clone().map(|v| Some(v?.hash)),
    );
    columns.long(
        &format!("{name}_size"),
        values.map(|v| Some(v?.size_bytes as i64)),
    );
}

/// The light half: key and everything that joining may change.
pub(crate) fn light(columns: &mut Columns, acts: &[&ActState], ids: PayloadIds<'_>) {
    let c = columns;
    let acts = || acts.iter().copied();
    let facts = || acts().map(|act| &act.facts);
    let derived = || acts().map(|act| &act.derived);
    macro_rules! fact {
        (text: $($column:literal = $field:ident),+) => {
            $(c.text($column, facts().map(|f| f.$field.as_deref()));)+
        };
        ($kind:ident: $($column:literal = $field:ident),+) => {
            $(c.$kind($column, facts().map(|f| f.$field));)+
        };
    }
    c.long("act_id", acts().map(|a| Some(a.act_id)));
    c.text("trace_id", acts().map(|a| Some(a.key.trace_id.hex())));
    c.text("span_id", acts().map(|a| Some(a.key.span_id.hex())));
    c.text(
        "reported_parent_id",
        acts().map(|a| Some(a.reported_parent?.hex())),
    );
    c.text("parent_span_id", derived().map(|d| Some(d.parent?.hex())));
    c.text("session_id", derived().map(|d| Some(&d.session_id)));
    c.flag(
        "session_inferred",
        derived().map(|d| Some(d.session_inferred)),
    );
    c.int("turn", derived().map(|d| Some(d.turn)));
    c.text(
        "duplicate_of_trace_id",
        derived().map(|d| Some(d.duplicate_of?.trace_id.hex())),
    );
    c.text(
        "duplicate_of",
        derived().map(|d| Some(d.duplicate_of?.span_id.hex())),
    );
    c.text("origin", acts().map(|a| Some(a.origin.as_str())));
    c.text("operation", acts().map(|a| Some(a.operation.as_str())));
    c.flag("plumbing", acts().map(|a| Some(a.plumbing)));
    c.flag("part_of_parent", acts().map(|a| Some(a.part_of_parent)));
    c.text("name", acts().map(|a| Some(&a.name)));
    c.time("started_at", acts().map(|a| Some(a.start_ns)));
    c.time("ended_at", acts().map(|a| a.end_ns));
    c.long(
        "duration_ns",
        acts().map(|a| Some(a.end_ns?.saturating_sub(a.start_ns))),
    );
    c.text("status", acts().map(|a| Some(a.status.as_str())));
    c.text("status_message", acts().map(|a| a.status_message.as_ref()));
    fact!(text: "harness" = harness, "harness_version" = harness_version, "record_session_id" = session_id,
        "resource_session_id" = resource_session_id, "parent_session_id" = parent_session_id,
        "child_session_id" = child_session_id, "turn_key" = turn_key);
    address(c, "prompt", ids, facts().map(|f| f.prompt.as_ref()));
    fact!(text: "title" = title, "agent_name" = agent_name, "agent_id" = agent_id,
        "parent_agent_id" = parent_agent_id);
    c.flag("starts_subagent", facts().map(|f| Some(f.starts_subagent)));
    fact!(text: "model" = model, "provider" = provider, "request_id" = request_id,
        "join_key" = join_key, "tool_name" = tool_name, "tool_call_id" = tool_call_id,
        "mcp_server" = mcp_server, "skill_name" = skill_name, "hook_event" = hook_event,
        "hook_name" = hook_name);
    c.text(
        "decision",
        facts().map(|f| f.decision.map(Decision::as_str)),
    );
    fact!(text: "decision_source" = decision_source);
    fact!(text: "decision_reason" = decision_reason);
    fact!(long: "input_tokens" = input_tokens, "output_tokens" = output_tokens,
        "cache_read_tokens" = cache_read_tokens, "cache_write_tokens" = cache_write_tokens,
        "reasoning_tokens" = reasoning_tokens);
    fact!(double: "cost_usd" = cost_usd);
    c.text(
        "cost_source",
        facts().map(|f| f.cost_source.map(CostSource::as_str)),
    );
    fact!(long: "attempt_count" = attempt_count);
    fact!(text: "finish_reason" = finish_reason, "error_type" = error_type,
        "error_message" = error_message);
    fact!(flag: "success" = success);
    fact!(long: "exit_code" = exit_code);
    fact!(text: "user_id" = user_id, "host" = host, "project" = project, "branch" = branch);
    address(c, "input", ids, facts().map(|f| f.input.as_ref()));
    address(c, "output", ids, facts().map(|f| f.output.as_ref()));
    c.text(
        "output_source",
        facts().map(|f| f.output_source.map(OutputSource::as_str)),
    );
    fact!(text: "call_hash" = call_hash, "truncated_upstream" = truncated_upstream,
        "detail" = detail);
    c.text("reported", acts().map(reported::json));
}

/// Calls that the answers of model requests ask for, with the row number of the request's act.
pub(crate) fn calls_asked<'a>(
    calls: impl Iterator<Item = (i64, usize, &'a ToolCallAsked)> + Clone,
) -> Columns {
    let mut c = Columns::default();
    let call = || calls.clone().map(|(_, _, call)| call);
    c.long("act_id", calls.clone().map(|(id, ..)| Some(id)));
    c.int("position", calls.clone().map(|(_, n, _)| Some(n as i32)));
    c.text(
        "tool_call_id",
        call().map(|call| call.tool_call_id.as_ref()),
    );
    c.text("tool_name", call().map(|call| Some(&call.tool_name)));
    c.text("mcp_server", call().map(|call| call.mcp_server.as_ref()));
    c.bytes("input_hash", call().map(|call| Some(call.input?.hash)));
    c.long(
        "input_size",
        call().map(|call| Some(call.input?.size_bytes as i64)),
    );
    c.text("call_hash", call().map(|call| call.call_hash.as_ref()));
    c.text("detail", call().map(|call| call.detail.as_ref()));
    c
}

/// A call as [`calls_asked`] wrote it.
pub(crate) fn call_asked(row: &RowReader<'_>) -> Option<ToolCallAsked> {
    Some(ToolCallAsked {
        tool_call_id: row.text("tool_call_id"),
        tool_name: row.text("tool_name")?,
        mcp_server: row.text("mcp_server"),
        input: address_of(row, "input"),
        call_hash: row.text("call_hash"),
        detail: row.text("detail"),
    })
}

/// Results of tool calls that model requests resend, with the row number of the request's act.
pub(crate) fn results_seen<'a>(
    results: impl Iterator<Item = (i64, &'a ToolResultSeen)> + Clone,
) -> Columns {
    let mut c = Columns::default();
    let seen = || results.clone().map(|(_, seen)| seen);
    c.long("act_id", results.clone().map(|(id, _)| Some(id)));
    c.text("tool_call_id", seen().map(|seen| Some(&seen.tool_call_id)));
    c.bytes("output_hash", seen().map(|seen| Some(seen.output.hash)));
    c.long(
        "output_size",
        seen().map(|seen| Some(seen.output.size_bytes as i64)),
    );
    c.flag("is_error", seen().map(|seen| seen.is_error));
    c.text("error", seen().map(|seen| seen.error.as_ref()));
    c
}

/// A result as [`results_seen`] wrote it.
pub(crate) fn result_seen(row: &RowReader<'_>) -> Option<ToolResultSeen> {
    Some(ToolResultSeen {
        tool_call_id: row.text("tool_call_id")?,
        output: address_of(row, "output")?,
        is_error: row.flag("is_error"),
        error: row.text("error"),
    })
}

fn address_of(row: &RowReader<'_>, name: &str) -> Option<PayloadRef> {
    Some(PayloadRef {
        hash: row.bytes(&format!("{name}_hash"))?.try_into().ok()?,
        size_bytes: row.long(&format!("{name}_size"))? as u64,
    })
}

/// The heavy half, written once. `resource_ids` gives the row number of each act's resource.
pub(crate) fn heavy(columns: &mut Columns, acts: &[&Act], resource_ids: &[i64]) {
    let c = columns;
    let acts = || acts.iter().copied();
    c.text("kind", acts().map(|a| Some(a.kind.as_str())));
    c.text("attributes", acts().map(|a| json(&a.attributes)));
    c.long("resource_id", resource_ids.iter().map(|id| Some(*id)));
    c.text("links", acts().map(|a| json(&a.links)));
    c.text("scope_name", acts().map(|a| filled(&a.scope_name)));
    c.text("scope_version", acts().map(|a| filled(&a.scope_version)));
    c.text("service_name", acts().map(|a| filled(&a.service_name)));
    c.text("trace_state", acts().map(|a| filled(&a.trace_state)));
    c.long(
        "dropped_attributes_count",
        acts().map(|a| Some(i64::from(a.dropped_attributes_count))),
    );
    record(c, acts().map(|a| a.record));
}

fn record(c: &mut Columns, records: impl Iterator<Item = Option<RecordRef>> + Clone) {
    c.long("received_id", records.clone().map(|r| Some(r?.request_id)));
    c.int("record", records.map(|r| Some(r?.number)));
}

/// Empty text says nothing, which SQL spells null.
fn filled(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// JSON text that queries can rely on. Text that is not JSON is kept as a string under `$invalid`,
/// because one value that the engine cannot parse fails every query that touches it.
pub(crate) fn json(text: &str) -> Option<std::borrow::Cow<'_, str>> {
    use std::borrow::Cow;
    if text.is_empty() {
        return None;
    }
    // Skipping over a value does not look at surrogates, which the engine refuses when alone.
    let escapes = text.as_bytes().contains(&b'\\');
    let surrogates = escapes && (text.contains("\\ud") || text.contains("\\uD"));
    let valid = if surrogates {
        serde_json::from_str::<serde_json::Value>(text).is_ok()
    } else {
        serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
    };
    if valid {
        return Some(Cow::Borrowed(text));
    }
    Some(Cow::Owned(
        serde_json::json!({ "$invalid": text }).to_string(),
    ))
}

/// The light half of an act as [`light`] wrote it; `None` when the row cannot be one.
pub(crate) fn act_state(row: &RowReader<'_>) -> Option<ActState> {
    let span_id = |name: &str| row.str(name)?.parse::<SpanId>().ok();
    let address = |name: &str| address_of(row, name);
    let duplicate_of = match (row.str("duplicate_of_trace_id"), span_id("duplicate_of")) {
        (Some(trace_id), Some(span_id)) => Some(ActKey {
            trace_id: trace_id.parse().ok()?,
            span_id,
        }),
        _ => None,
    };
    let facts = Facts {
        harness: row.text("harness"),
        harness_version: row.text("harness_version"),
        session_id: row.text("record_session_id"),
        resource_session_id: row.text("resource_session_id"),
        parent_session_id: row.text("parent_session_id"),
        child_session_id: row.text("child_session_id"),
        turn_key: row.text("turn_key"),
        prompt: address("prompt"),
        title: row.text("title"),
        agent_name: row.text("agent_name"),
        agent_id: row.text("agent_id"),
        parent_agent_id: row.text("parent_agent_id"),
        starts_subagent: row.flag("starts_subagent").unwrap_or(false),
        model: row.text("model"),
        provider: row.text("provider"),
        request_id: row.text("request_id"),
        join_key: row.text("join_key"),
        tool_name: row.text("tool_name"),
        tool_call_id: row.text("tool_call_id"),
        mcp_server: row.text("mcp_server"),
        skill_name: row.text("skill_name"),
        hook_event: row.text("hook_event"),
        hook_name: row.text("hook_name"),
        decision: row.str("decision").and_then(Decision::parse),
        decision_source: row.text("decision_source"),
        decision_reason: row.text("decision_reason"),
        input_tokens: row.long("input_tokens"),
        output_tokens: row.long("output_tokens"),
        cache_read_tokens: row.long("cache_read_tokens"),
        cache_write_tokens: row.long("cache_write_tokens"),
        reasoning_tokens: row.long("reasoning_tokens"),
        cost_usd: row.double("cost_usd"),
        cost_source: row.str("cost_source").and_then(CostSource::parse),
        attempt_count: row.long("attempt_count"),
        finish_reason: row.text("finish_reason"),
        error_type: row.text("error_type"),
        error_message: row.text("error_message"),
        success: row.flag("success"),
        exit_code: row.long("exit_code"),
        user_id: row.text("user_id"),
        host: row.text("host"),
        project: row.text("project"),
        branch: row.text("branch"),
        input: address("input"),
        output: address("output"),
        output_source: row.str("output_source").and_then(OutputSource::parse),
        call_hash: row.text("call_hash"),
        truncated_upstream: row.text("truncated_upstream"),
        detail: row.text("detail"),
    };
    let mut state = ActState {
        act_id: row.long("act_id")?,
        key: ActKey {
            trace_id: row.str("trace_id")?.parse::<TraceId>().ok()?,
            span_id: span_id("span_id")?,
        },
        reported_parent: span_id("reported_parent_id"),
        origin: Origin::parse(row.str("origin")?)?,
        operation: Operation::parse(row.str("operation")?)?,
        plumbing: row.flag("plumbing")?,
        part_of_parent: row.flag("part_of_parent")?,
        name: row.text("name")?,
        start_ns: row.time("started_at")?,
        end_ns: row.time("ended_at"),
        status: Status::parse(row.str("status")?)?,
        status_message: row.text("status_message"),
        facts,
        reported: None,
        derived: Derived {
            session_id: row.text("session_id").unwrap_or_else(|| Arc::from("")),
            session_inferred: row.flag("session_inferred").unwrap_or(false),
            turn: row.int("turn").unwrap_or(0),
            parent: span_id("parent_span_id"),
            duplicate_of,
        },
    };
    if let Some(json) = row.str("reported") {
        state.reported = Some(Box::new(reported::parse(json, &state)?));
    }
    Some(state)
}

pub(crate) fn events(events: &[&Event], ids: PayloadIds<'_>) -> Columns {
    let mut c = Columns::default();
    let events = || events.iter().copied();
    c.bytes("event_id", events().map(|e| Some(e.event_id)));
    c.time("time", events().map(|e| Some(e.time_ns)));
    c.text("session_id", events().map(|e| e.session_id.as_ref()));
    c.text("trace_id", events().map(|e| Some(e.trace_id?.hex())));
    c.text("span_id", events().map(|e| Some(e.span_id?.hex())));
    c.flag("is_log", events().map(|e| Some(e.is_log)));
    c.text("name", events().map(|e| Some(&e.name)));
    c.text("severity", events().map(|e| e.severity.as_ref()));
    c.text("body", events().map(|e| e.body.as_ref()));
    address(
        &mut c,
        "body",
        ids,
        events().map(|e| e.body_payload.as_ref()),
    );
    c.text("attributes", events().map(|e| json(&e.attributes)));
    c.text("service_name", events().map(|e| filled(&e.service_name)));
    c.text("scope_name", events().map(|e| filled(&e.scope_name)));
    record(&mut c, events().map(|e| e.record));
    c
}

pub(crate) fn metrics(points: &[&MetricPoint]) -> Columns {
    let mut c = Columns::default();
    let points = || points.iter().copied();
    c.bytes("point_id", points().map(|p| Some(p.point_id)));
    c.time("time", points().map(|p| Some(p.time_ns)));
    c.text("session_id", points().map(|p| p.session_id.as_ref()));
    c.text("name", points().map(|p| Some(&p.name)));
    c.double("value", points().map(|p| Some(p.value)));
    c.text("unit", points().map(|p| filled(&p.unit)));
    c.text("kind", points().map(|p| Some(p.kind)));
    c.text("attributes", points().map(|p| json(&p.attributes)));
    c.text("service_name", points().map(|p| filled(&p.service_name)));
    record(&mut c, points().map(|p| p.record));
    c
}

pub(crate) fn sessions(sessions: &[SessionRow]) -> Columns {
    let mut c = Columns::default();
    let rows = || sessions.iter();
    macro_rules! counts {
        ($($field:ident),+) => { $(c.long(stringify!($field), rows().map(|s| Some(s.$field)));)+ };
    }
    c.text("session_id", rows().map(|s| Some(&s.session_id)));
    c.text(
        "parent_session_id",
        rows().map(|s| s.parent_session_id.as_ref()),
    );
    c.flag("inferred", rows().map(|s| Some(s.inferred)));
    c.text("harness", rows().map(|s| s.harness.as_ref()));
    c.text(
        "harness_version",
        rows().map(|s| s.harness_version.as_ref()),
    );
    c.text("title", rows().map(|s| s.title.as_ref()));
    c.text("host", rows().map(|s| s.host.as_ref()));
    c.text("project", rows().map(|s| s.project.as_ref()));
    c.texts("projects", rows().map(|s| s.projects.clone()));
    c.text("branch", rows().map(|s| s.branch.as_ref()));
    c.text("user_id", rows().map(|s| s.user_id.as_ref()));
    c.time("started_at", rows().map(|s| Some(s.started_ns)));
    c.time("last_at", rows().map(|s| Some(s.last_ns)));
    c.long(
        "duration_ns",
        rows().map(|s| Some(s.last_ns.saturating_sub(s.started_ns))),
    );
    c.flag("ended", rows().map(|s| Some(s.ended)));
    c.text("status", rows().map(|s| Some(s.status)));
    c.text("silent_status", rows().map(|s| Some(s.silent_status)));
    counts!(
        turn_count,
        span_count,
        model_request_count,
        tool_call_count,
        error_count,
        denied_count,
        subagent_count,
        input_tokens,
        output_tokens,
        cache_read_tokens,
        cache_write_tokens,
        reasoning_tokens
    );
    c.double("cost_usd", rows().map(|s| s.cost_usd));
    c.texts("models", rows().map(|s| s.models.clone()));
    c.texts("tools", rows().map(|s| s.tools.clone()));
    counts!(payload_bytes);
    c
}

pub(crate) fn turns(turns: &[&TurnRow], ids: PayloadIds<'_>) -> Columns {
    let mut c = Columns::default();
    let rows = || turns.iter();
    macro_rules! counts {
        ($($field:ident),+) => { $(c.long(stringify!($field), rows().map(|t| Some(t.$field)));)+ };
    }
    c.text("session_id", rows().map(|t| Some(&t.session_id)));
    c.int("turn", rows().map(|t| Some(t.turn)));
    address(&mut c, "prompt", ids, rows().map(|t| t.prompt.as_ref()));
    address(&mut c, "response", ids, rows().map(|t| t.response.as_ref()));
    c.time("started_at", rows().map(|t| Some(t.started_ns)));
    counts!(
        duration_ns,
        span_count,
        model_request_count,
        tool_call_count,
        error_count,
        denied_count,
        input_tokens,
        output_tokens
    );
    c.double("cost_usd", rows().map(|t| t.cost_usd));
    c
}

pub(crate) fn traces(traces: &[TraceRow]) -> Columns {
    let mut c = Columns::default();
    let rows = || traces.iter();
    c.text("trace_id", rows().map(|t| Some(t.trace_id.hex())));
    c.text("session_id", rows().map(|t| Some(&t.session_id)));
    c.time("min_at", rows().map(|t| Some(t.min_ns)));
    c.time("max_at", rows().map(|t| Some(t.max_ns)));
    c
}
