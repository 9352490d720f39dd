//! `/acts`: what agents did, across sessions, in the order in which it arrived.

use axum::Json;
use serde::{Deserialize, Serialize};
use store::Value;
use utoipa::{IntoParams, ToSchema};

use crate::error::{ApiError, ErrorBody};
use crate::extract::ApiQuery;
use crate::reach::Reading;
use crate::rows::{self, Named, list_param, text_param};
use crate::sql;

const DEFAULT_LIMIT: i64 = 100;
const MAX_LIMIT: i64 = 1000;

/// Which acts.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct ActFilter {
    /// At most 1,000.
    limit: Option<i64>,
    /// Only acts that arrived after the act with this `act_id`.
    after: Option<i64>,
    /// Only acts that arrived before the act with this `act_id`.
    before: Option<i64>,
    /// `model`, `tool`, `agent`, `hook`, …
    operation: Vec<String>,
    harness: Vec<String>,
    /// Only acts that failed or were denied.
    trouble: bool,
    /// Free text over names and what the acts are about.
    q: Option<String>,
    session_id: Option<String>,
}

/// One act, as a line of the live stream.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActLine {
    /// Rises in the order of arrival.
    act_id: i64,
    trace_id: String,
    span_id: String,
    session_id: Option<String>,
    session_title: Option<String>,
    harness: Option<String>,
    operation: String,
    name: String,
    /// What it is about, on one line: a command, a path, a prompt.
    detail: Option<String>,
    tool_name: Option<String>,
    mcp_server: Option<String>,
    model: Option<String>,
    agent_name: Option<String>,
    decision: Option<String>,
    started_at: String,
    /// Null while it runs.
    duration_ns: Option<i64>,
    failed: bool,
    error: Option<String>,
    input_tokens: Option<i64>,
    output_tokens: Option<i64>,
    cost_usd: Option<f64>,
}

/// Acts, latest arrival first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActList {
    acts: Vec<ActLine>,
}

/// The latest counted acts of all sessions. To follow them, ask again with `after` whenever `/live`
/// tells of a commit.
#[utoipa::path(get, path = "/acts", params(ActFilter), tag = "live",
    responses((status = 200, body = ActList), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_acts(
    Reading(state): Reading,
    ApiQuery(filter): ApiQuery<ActFilter>,
) -> Result<Json<ActList>, ApiError> {
    let int = |value: Option<i64>| value.map_or(Value::Null, Value::Int);
    let words = filter.q.as_ref().map(|q| q.trim().to_lowercase());
    let text = |text: Option<&str>| text_param(text.filter(|text| !text.is_empty()));
    let params = vec![
        Value::Int(filter.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)),
        int(filter.after),
        int(filter.before),
        list_param(&filter.operation),
        list_param(&filter.harness),
        Value::Bool(filter.trouble),
        text(words.as_deref()),
        text(filter.session_id.as_deref()),
    ];
    let table = state.read(sql::LIST_ACTS, params).await?;
    let acts = rows::rows(&table).map(|row| act_line(&row)).collect();
    Ok(Json(ActList { acts }))
}

fn act_line(row: &Named<'_>) -> ActLine {
    ActLine {
        act_id: row.count("act_id"),
        trace_id: row.string("trace_id"),
        span_id: row.string("span_id"),
        session_id: row.text("session_id"),
        session_title: row.text("session_title"),
        harness: row.text("harness"),
        operation: row.string("operation"),
        name: row.string("name"),
        detail: row.text("detail"),
        tool_name: row.text("tool_name"),
        mcp_server: row.text("mcp_server"),
        model: row.text("model"),
        agent_name: row.text("agent_name"),
        decision: row.text("decision"),
        started_at: row.time("started_at").unwrap_or_default(),
        duration_ns: row.time("ended_at").and(row.int("duration_ns")),
        failed: row.flag("failed"),
        error: row.text("error"),
        input_tokens: row.int("input_tokens"),
        output_tokens: row.int("output_tokens"),
        cost_usd: row.double("cost_usd"),
    }
}
