//! `/sessions` and `/sessions/{id}`.

use axum::Json;
use serde::{Deserialize, Serialize};
use store::Value;
use utoipa::openapi::schema::{AnyOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use crate::error::{ApiError, ErrorBody};
use crate::extract::{ApiPath, ApiQuery};
use crate::model::{Finding, SessionRow, Turn};
use crate::reach::Reading;
use crate::routes::session_filter::SessionFilter;
use crate::rows::{self, Named, text_param};
use crate::selection::select;
use crate::sql;
use crate::state::AppState;

const DEFAULT_LIMIT: i64 = 100;
const MAX_LIMIT: i64 = 1000;

/// In which order, and how many.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct SessionPage {
    /// Rows of one page, at most 1,000.
    limit: Option<i64>,
    /// `next_cursor` of the page before, asked with the same filter and order.
    cursor: Option<String>,
    /// `activity` (when absent: the latest sign of life), `started`, `duration`, `turns`, `tokens`,
    /// `cost`, `errors`, `findings`.
    #[param(inline)]
    sort: Option<SessionSort>,
    /// `desc` (when absent) or `asc`.
    #[param(inline)]
    order: Option<SortOrder>,
    /// Fields of a session to answer with, separated by commas; all of them when absent.
    #[param(example = "session_id,title,cost_usd")]
    fields: Option<String>,
}

/// What sessions are sorted by.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SessionSort {
    Activity,
    Started,
    Duration,
    Turns,
    Tokens,
    Cost,
    Errors,
    Findings,
}

impl SessionSort {
    /// As `list_sessions.sql` knows it.
    fn word(self) -> &'static str {
        match self {
            Self::Activity => "activity",
            Self::Started => "started",
            Self::Duration => "duration",
            Self::Turns => "turns",
            Self::Tokens => "tokens",
            Self::Cost => "cost",
            Self::Errors => "errors",
            Self::Findings => "findings",
        }
    }
}

/// In which direction.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SortOrder {
    #[default]
    Desc,
    Asc,
}

/// A page of sessions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionList {
    sessions: Vec<SessionRow>,
    /// Null on the last page.
    next_cursor: Option<String>,
}

/// A page of sessions with the fields that were asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SelectedSessionList {
    #[schema(value_type = Vec<Object>)]
    sessions: Vec<serde_json::Map<String, serde_json::Value>>,
    /// Null on the last page.
    next_cursor: Option<String>,
}

/// A page of sessions: whole rows, or the fields that were asked for.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum SessionAnswer {
    Whole(SessionList),
    Selected(SelectedSessionList),
}

/// Any of the two: an empty page is both.
impl PartialSchema for SessionAnswer {
    fn schema() -> RefOr<Schema> {
        AnyOfBuilder::new()
            .item(Ref::from_schema_name(SessionList::name()))
            .item(Ref::from_schema_name(SelectedSessionList::name()))
            .into()
    }
}

impl ToSchema for SessionAnswer {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        for (name, schema) in [
            (SessionList::name(), SessionList::schema()),
            (SelectedSessionList::name(), SelectedSessionList::schema()),
        ] {
            schemas.push((name.into_owned(), schema));
        }
        SessionList::schemas(schemas);
        SelectedSessionList::schemas(schemas);
    }
}

/// Sessions, newest activity first unless asked otherwise; top-level ones unless asked otherwise.
#[utoipa::path(get, path = "/sessions", params(SessionFilter, SessionPage), tag = "sessions",
    responses((status = 200, body = SessionAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_sessions(
    Reading(state): Reading,
    ApiQuery(filter): ApiQuery<SessionFilter>,
    ApiQuery(page): ApiQuery<SessionPage>,
) -> Result<Json<SessionAnswer>, ApiError> {
    let limit = page.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let table = state
        .read(sql::LIST_SESSIONS, page_params(&filter, &page, limit + 1)?)
        .await?;
    let mut rows: Vec<Named<'_>> = rows::rows(&table).collect();
    let has_more = rows.len() as i64 > limit;
    rows.truncate(limit as usize);
    let next_cursor = rows.last().filter(|_| has_more).map(|last| {
        let place = format!("{}:{}", last.count("sort_key"), last.string("session_id"));
        hex::encode(place)
    });
    let sessions: Vec<SessionRow> = rows.iter().map(rows::session).collect();
    Ok(Json(match &page.fields {
        None => SessionAnswer::Whole(SessionList {
            sessions,
            next_cursor,
        }),
        Some(fields) => SessionAnswer::Selected(SelectedSessionList {
            sessions: select(&sessions, fields)?,
            next_cursor,
        }),
    }))
}

fn page_params(
    filter: &SessionFilter,
    page: &SessionPage,
    limit: i64,
) -> Result<Vec<Value>, ApiError> {
    let (last_key, last_id) = match &page.cursor {
        None => (Value::Null, Value::Null),
        Some(cursor) => read_cursor(cursor)
            .ok_or_else(|| ApiError::bad_request("`cursor` is not one that /sessions gave"))?,
    };
    let sort = page.sort.map(SessionSort::word);
    let sign = match page.order.unwrap_or_default() {
        SortOrder::Desc => 1,
        SortOrder::Asc => -1,
    };
    let mut params = filter.params();
    params.extend([
        Value::Int(limit),
        text_param(sort),
        Value::Int(sign),
        last_key,
        last_id,
    ]);
    Ok(params)
}

fn read_cursor(cursor: &str) -> Option<(Value, Value)> {
    let place = String::from_utf8(hex::decode(cursor).ok()?).ok()?;
    let (key, id) = place.split_once(':')?;
    Some((Value::Int(key.parse().ok()?), Value::Text(id.into())))
}

/// The first page of the sessions that pass a filter.
pub(crate) async fn first_page(
    state: &AppState,
    filter: &SessionFilter,
    limit: i64,
) -> Result<Vec<SessionRow>, ApiError> {
    let params = page_params(filter, &SessionPage::default(), limit)?;
    let table = state.read(sql::LIST_SESSIONS, params).await?;
    Ok(rows::rows(&table).map(|row| rows::session(&row)).collect())
}

/// The rows of some sessions, whichever their place.
pub(crate) async fn sessions_by_id(
    state: &AppState,
    ids: Vec<String>,
) -> Result<Vec<SessionRow>, ApiError> {
    let limit = ids.len() as i64;
    first_page(state, &SessionFilter::only(ids), limit).await
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
    Reading(state): Reading,
    ApiPath(session_id): ApiPath<String>,
) -> Result<Json<SessionDetail>, ApiError> {
    let Some(session) = sessions_by_id(&state, vec![session_id.clone()])
        .await?
        .pop()
    else {
        return Err(missing_session(&state, &session_id).await);
    };
    let id = Value::Text(session_id.as_str().into());
    let child_filter = SessionFilter::children_of(session_id.clone());
    let this_one = [session_id.as_str()];
    let (turns, findings, children, traces) = tokio::try_join!(
        state.read(sql::SESSION_TURNS, vec![id.clone()]),
        super::findings::of_sessions(&state, &this_one),
        first_page(&state, &child_filter, MAX_LIMIT),
        state.read(sql::SESSION_TRACES, vec![id]),
    )?;
    Ok(Json(SessionDetail {
        session,
        turns: rows::rows(&turns).map(|row| rows::turn(&row)).collect(),
        findings,
        children,
        traces: rows::rows(&traces)
            .map(|row| TraceSummary {
                trace_id: row.string("trace_id"),
                started_at: row.time("started_at").unwrap_or_default(),
                span_count: row.count("span_count"),
            })
            .collect(),
    }))
}

/// Why a session is not there: it never was, or it was deleted.
async fn missing_session(state: &AppState, session_id: &str) -> ApiError {
    let id = vec![text_param(Some(session_id))];
    let table = match state.read(sql::DELETED_SESSION, id).await {
        Ok(table) => table,
        Err(error) => return error,
    };
    match rows::rows(&table).next() {
        None => session_not_found(session_id),
        Some(row) => ApiError::not_found(
            "session_deleted",
            format!(
                "this session was deleted at {}; `spanreel delete --allow` lets its records in again",
                row.time("deleted_at").unwrap_or_default()
            ),
        ),
    }
}

pub(crate) fn session_not_found(session_id: &str) -> ApiError {
    let shown: String = session_id.chars().take(100).collect();
    ApiError::not_found(
        "session_not_found",
        format!("there is no session `{shown}`; GET /api/v1/sessions lists them"),
    )
}
