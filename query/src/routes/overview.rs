//! Sessions taken together: totals, activity over time, values to filter by, shapes of runs.

use std::collections::BTreeMap;

use axum::Json;
use serde::{Deserialize, Serialize};
use store::Value;
use utoipa::{IntoParams, ToSchema};

use crate::error::{ApiError, ErrorBody};
use crate::extract::ApiQuery;
use crate::reach::Reading;
use crate::routes::session_filter::SessionFilter;
use crate::rows::{self, text_param};
use crate::sql;

/// Most values that are offered for one field.
const MAX_VALUES: i64 = 200;

/// Parts that the length of a run is cut into.
const SHAPE_PARTS: usize = 32;

/// Most sessions of one question for shapes.
const MAX_SHAPES: usize = 500;

/// Totals over sessions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionSummary {
    session_count: i64,
    running_count: i64,
    /// User prompts.
    turn_count: i64,
    model_request_count: i64,
    tool_call_count: i64,
    error_count: i64,
    denied_count: i64,
    finding_count: i64,
    /// Sessions with at least one finding.
    found_session_count: i64,
    input_tokens: i64,
    output_tokens: i64,
    cache_read_tokens: i64,
    /// Of the sessions whose cost is known; null when none is.
    cost_usd: Option<f64>,
    priced_session_count: i64,
    average_duration_ns: Option<i64>,
}

/// Totals of the sessions that pass a filter.
#[utoipa::path(get, path = "/summary", params(SessionFilter), tag = "sessions",
    responses((status = 200, body = SessionSummary), (status = 400, body = ErrorBody)))]
pub(crate) async fn get_summary(
    Reading(state): Reading,
    ApiQuery(filter): ApiQuery<SessionFilter>,
) -> Result<Json<SessionSummary>, ApiError> {
    let table = state.read(sql::SESSION_SUMMARY, filter.params()).await?;
    let row = rows::rows(&table)
        .next()
        .ok_or_else(|| ApiError::not_found("no_summary", "there are no totals"))?;
    Ok(Json(SessionSummary {
        session_count: row.count("session_count"),
        running_count: row.count("running_count"),
        turn_count: row.count("turn_count"),
        model_request_count: row.count("model_request_count"),
        tool_call_count: row.count("tool_call_count"),
        error_count: row.count("error_count"),
        denied_count: row.count("denied_count"),
        finding_count: row.count("finding_count"),
        found_session_count: row.count("found_session_count"),
        input_tokens: row.count("input_tokens"),
        output_tokens: row.count("output_tokens"),
        cache_read_tokens: row.count("cache_read_tokens"),
        cost_usd: row.double("cost_usd"),
        priced_session_count: row.count("priced_session_count"),
        average_duration_ns: row.int("average_duration_ns"),
    }))
}

/// When sessions started, as columns of equal length, in order of time.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Activity {
    /// Start of a quarter of an hour, Unix seconds. Quarters without a session are absent.
    start_s: Vec<i64>,
    session_count: Vec<i64>,
    /// Input and output tokens of those sessions.
    tokens: Vec<i64>,
    cost_usd: Vec<Option<f64>>,
}

/// When the sessions that pass a filter started: by quarters of an hour, so that a client can add
/// them up to days of any time zone.
#[utoipa::path(get, path = "/activity", params(SessionFilter), tag = "sessions",
    responses((status = 200, body = Activity), (status = 400, body = ErrorBody)))]
pub(crate) async fn get_activity(
    Reading(state): Reading,
    ApiQuery(filter): ApiQuery<SessionFilter>,
) -> Result<Json<Activity>, ApiError> {
    let table = state.read(sql::SESSION_ACTIVITY, filter.params()).await?;
    let mut activity = Activity::default();
    for row in rows::rows(&table) {
        activity.start_s.push(row.count("quarter") * 900);
        activity.session_count.push(row.count("session_count"));
        activity.tokens.push(row.count("tokens"));
        activity.cost_usd.push(row.double("cost_usd"));
    }
    Ok(Json(activity))
}

/// A value that sessions can be filtered by.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FilterValue {
    value: String,
    session_count: i64,
}

/// Values by the filter that takes them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FilterValues {
    fields: BTreeMap<String, Vec<FilterValue>>,
}

/// What the filters of `/sessions` can be given, most frequent first, 200 values each at most.
#[utoipa::path(get, path = "/filter-values", tag = "sessions",
    responses((status = 200, body = FilterValues)))]
pub(crate) async fn get_filter_values(
    Reading(state): Reading,
) -> Result<Json<FilterValues>, ApiError> {
    let table = state
        .read(sql::FILTER_VALUES, vec![Value::Int(MAX_VALUES)])
        .await?;
    let mut fields: BTreeMap<String, Vec<FilterValue>> = BTreeMap::new();
    for row in rows::rows(&table) {
        fields
            .entry(row.string("field"))
            .or_default()
            .push(FilterValue {
                value: row.string("value"),
                session_count: row.count("session_count"),
            });
    }
    Ok(Json(FilterValues { fields }))
}

/// Of which sessions.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct ShapeFilter {
    /// At most 500.
    session_id: Vec<String>,
}

/// How a run spent its time: its length in 32 equal parts. Percentages; beyond 100 things ran side
/// by side.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SessionShape {
    model: Vec<u16>,
    tool: Vec<u16>,
    /// Places of the parts in which something failed or was denied.
    failed: Vec<usize>,
}

/// Shapes by session id. Sessions without any model request or tool call are absent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionShapes {
    shapes: BTreeMap<String, SessionShape>,
}

/// The shapes of some sessions.
#[utoipa::path(get, path = "/shapes", params(ShapeFilter), tag = "sessions",
    responses((status = 200, body = SessionShapes), (status = 400, body = ErrorBody)))]
pub(crate) async fn get_shapes(
    Reading(state): Reading,
    ApiQuery(filter): ApiQuery<ShapeFilter>,
) -> Result<Json<SessionShapes>, ApiError> {
    if filter.session_id.len() > MAX_SHAPES {
        let message = format!("at most {MAX_SHAPES} `session_id` at a time");
        return Err(ApiError::bad_request(message));
    }
    let ids = filter.session_id.join(sql::ITEM_SEPARATOR);
    let params = vec![text_param(Some(&ids)), Value::Int(SHAPE_PARTS as i64)];
    let table = state.read(sql::SESSION_SHAPES, params).await?;
    let mut shapes: BTreeMap<String, SessionShape> = BTreeMap::new();
    for row in rows::rows(&table) {
        let shape = shapes
            .entry(row.string("session_id"))
            .or_insert_with(|| SessionShape {
                model: vec![0; SHAPE_PARTS],
                tool: vec![0; SHAPE_PARTS],
                failed: Vec::new(),
            });
        let part = usize::try_from(row.count("part")).unwrap_or(0);
        // What is open only for a moment still shows.
        let percent = |name: &str| {
            row.double(name)
                .map_or(0, |share| (share * 100.0).ceil() as u16)
        };
        if let Some(model) = shape.model.get_mut(part) {
            *model = percent("model_share");
        }
        if let Some(tool) = shape.tool.get_mut(part) {
            *tool = percent("tool_share");
        }
        if row.flag("failed") {
            shape.failed.push(part);
        }
    }
    Ok(Json(SessionShapes { shapes }))
}
