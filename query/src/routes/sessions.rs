//! `/sessions` and `/sessions/{id}`.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use store::Value;
use utoipa::{IntoParams, ToSchema};

use crate::error::{ApiError, ErrorBody};
use crate::extract::{ApiPath, ApiQuery};
use crate::model::{Finding, SessionRow, Turn};
use crate::rows::{self, Named, text_param};
use crate::sql;
use crate::state::AppState;

const DEFAULT_LIMIT: i64 = 100;
const MAX_LIMIT: i64 = 1000;

/// Which sessions.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct SessionFilter {
    /// Rows of one page, at most 1,000.
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Free text over title, id, harness, project, model and tool names.
    q: Option<String>,
    status: Option<String>,
    harness: Option<String>,
    /// Kind of finding, or `any`.
    finding: Option<String>,
    /// Children of this session instead of top-level sessions.
    parent: Option<String>,
    /// Child sessions too.
    include_children: bool,
    /// Only these sessions.
    #[serde(skip)]
    #[param(ignore)]
    pub(crate) ids: Option<Vec<String>>,
}

/// A page of sessions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionList {
    sessions: Vec<SessionRow>,
    /// Null on the last page.
    next_cursor: Option<String>,
}

/// Sessions, newest activity first; top-level ones unless asked otherwise.
#[utoipa::path(get, path = "/sessions", params(SessionFilter), tag = "sessions",
    responses((status = 200, body = SessionList), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_sessions(
    State(state): State<AppState>,
    ApiQuery(filter): ApiQuery<SessionFilter>,
) -> Result<Json<SessionList>, ApiError> {
    let limit = filter.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let table = state
        .read(sql::LIST_SESSIONS, params(&filter, limit + 1)?)
        .await?;
    let mut rows: Vec<Named<'_>> = rows::rows(&table).collect();
    let has_more = rows.len() as i64 > limit;
    rows.truncate(limit as usize);
    let next_cursor = rows.last().filter(|_| has_more).map(|last| {
        let place = format!("{}:{}", last.count("last_ns"), last.string("session_id"));
        hex::encode(place)
    });
    Ok(Json(SessionList {
        sessions: rows.iter().map(rows::session).collect(),
        next_cursor,
    }))
}

fn params(filter: &SessionFilter, limit: i64) -> Result<Vec<Value>, ApiError> {
    let (last_ns, last_id) = match &filter.cursor {
        None => (Value::Null, Value::Null),
        Some(cursor) => read_cursor(cursor)
            .ok_or_else(|| ApiError::bad_request("`cursor` is not one that /sessions gave"))?,
    };
    let words = filter.q.as_ref().map(|q| q.trim().to_lowercase());
    let ids = filter.ids.as_ref().map(|ids| ids.join(sql::ITEM_SEPARATOR));
    let text = |text: &Option<String>| text_param(text.as_deref().filter(|t| !t.is_empty()));
    Ok(vec![
        Value::Int(limit),
        last_ns,
        last_id,
        text(&words),
        text(&filter.status),
        text(&filter.harness),
        text(&filter.finding),
        text(&filter.parent),
        Value::Bool(filter.include_children),
        text_param(ids.as_deref()),
    ])
}

fn read_cursor(cursor: &str) -> Option<(Value, Value)> {
    let place = String::from_utf8(hex::decode(cursor).ok()?).ok()?;
    let (ns, id) = place.split_once(':')?;
    Some((Value::Int(ns.parse().ok()?), Value::Text(id.into())))
}

/// The rows of some sessions, whichever their place.
pub(crate) async fn sessions_by_id(
    state: &AppState,
    ids: Vec<String>,
) -> Result<Vec<SessionRow>, ApiError> {
    let limit = ids.len() as i64;
    let filter = SessionFilter {
        include_children: true,
        ids: Some(ids),
        ..SessionFilter::default()
    };
    let table = state
        .read(sql::LIST_SESSIONS, params(&filter, limit)?)
        .await?;
    Ok(rows::rows(&table).map(|row| rows::session(&row)).collect())
}

/// One session with all that belongs to it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionDetail {
    session: SessionRow,
    turns: Vec<Turn>,
    findings: Vec<Finding>,
    /// Sessions that this one started.
    children: Vec<SessionRow>,
    traces: Vec<TraceSummary>,
}

/// One trace of a session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TraceSummary {
    trace_id: String,
    started_at: String,
    span_count: i64,
}

/// One session: its turns, findings, child sessions and traces.
#[utoipa::path(get, path = "/sessions/{session_id}", tag = "sessions",
    params(("session_id" = String, Path)),
    responses((status = 200, body = SessionDetail), (status = 404, body = ErrorBody)))]
pub(crate) async fn get_session(
    State(state): State<AppState>,
    ApiPath(session_id): ApiPath<String>,
) -> Result<Json<SessionDetail>, ApiError> {
    let session = sessions_by_id(&state, vec![session_id.clone()])
        .await?
        .pop()
        .ok_or_else(|| session_not_found(&session_id))?;
    let id = Value::Text(session_id.as_str().into());
    let child_filter = SessionFilter {
        parent: Some(session_id.clone()),
        ..SessionFilter::default()
    };
    let this_one = [session_id.as_str()];
    let (turns, findings, children, traces) = tokio::try_join!(
        state.read(sql::SESSION_TURNS, vec![id.clone()]),
        super::findings::of_sessions(&state, &this_one),
        state.read(sql::LIST_SESSIONS, params(&child_filter, MAX_LIMIT)?),
        state.read(sql::SESSION_TRACES, vec![id]),
    )?;
    Ok(Json(SessionDetail {
        session,
        turns: rows::rows(&turns).map(|row| rows::turn(&row)).collect(),
        findings,
        children: rows::rows(&children)
            .map(|row| rows::session(&row))
            .collect(),
        traces: rows::rows(&traces)
            .map(|row| TraceSummary {
                trace_id: row.string("trace_id"),
                started_at: row.time("started_at").unwrap_or_default(),
                span_count: row.count("span_count"),
            })
            .collect(),
    }))
}

pub(crate) fn session_not_found(session_id: &str) -> ApiError {
    let shown: String = session_id.chars().take(100).collect();
    ApiError::not_found(
        "session_not_found",
        format!("there is no session `{shown}`; GET /api/v1/sessions lists them"),
    )
}
