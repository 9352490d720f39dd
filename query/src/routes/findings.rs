//! `/findings`.

use std::sync::Arc;

use axum::Json;
use serde::{Deserialize, Serialize};
use store::Value;
use utoipa::{IntoParams, ToSchema};

use crate::error::{ApiError, ErrorBody};
use crate::extract::ApiQuery;
use crate::findings::{self, Due, Heard};
use crate::model::Finding;
use crate::reach::{Reading, Whole};
use crate::rows::{self, text_param};
use crate::sql;
use crate::state::AppState;

const DEFAULT_LIMIT: i64 = 200;
const MAX_LIMIT: i64 = 5000;

/// Sessions that are read together; large ones need memory for all their acts.
const SESSIONS_PER_LOOK: usize = 16;

/// Which findings.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FindingFilter {
    session_id: Option<String>,
    kind: Option<String>,
    /// `info`, `warning`, `error`.
    severity: Option<String>,
    /// `certain` or `likely`.
    confidence: Option<String>,
    /// At most 5,000.
    limit: Option<i64>,
}

/// Findings, last changed first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FindingList {
    findings: Vec<Finding>,
}

/// What deserves attention, over all sessions or in one.
#[utoipa::path(get, path = "/findings", params(FindingFilter), tag = "findings",
    responses((status = 200, body = FindingList)))]
pub(crate) async fn list_findings(
    Reading(state): Reading,
    ApiQuery(filter): ApiQuery<FindingFilter>,
) -> Result<Json<FindingList>, ApiError> {
    let limit = filter.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let findings = query(
        &state,
        vec![
            Value::Int(limit),
            text_param(filter.session_id.as_deref()),
            text_param(filter.kind.as_deref()),
            Value::Null,
            Value::Null,
            text_param(filter.severity.as_deref()),
            text_param(filter.confidence.as_deref()),
        ],
    )
    .await?;
    Ok(Json(FindingList { findings }))
}

/// Which sessions to look at again.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DetectFilter {
    /// Only this session; every one without it.
    session_id: Option<String>,
}

/// What looking again has changed.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct DetectReport {
    /// Sessions that were looked at.
    sessions: usize,
    /// Findings that they have now.
    findings: usize,
    /// Findings that are new or changed.
    written: usize,
    /// Findings that hold no longer.
    removed: usize,
}

/// Runs the detectors over stored sessions from the start, as after a change of their thresholds.
#[utoipa::path(post, path = "/findings/detect", params(DetectFilter), tag = "findings",
    responses((status = 200, body = DetectReport),
        (status = 404, description = "No such session", body = ErrorBody)))]
pub(crate) async fn detect(
    Whole(state): Whole,
    ApiQuery(filter): ApiQuery<DetectFilter>,
) -> Result<Json<DetectReport>, ApiError> {
    let sessions = state
        .read(
            sql::SESSION_IDS,
            vec![text_param(filter.session_id.as_deref())],
        )
        .await?;
    if let (Some(id), true) = (&filter.session_id, sessions.rows.is_empty()) {
        return Err(ApiError::not_found(
            "session_not_found",
            format!("no session has the id {id}"),
        ));
    }
    let mut report = DetectReport::default();
    let ids: Vec<Arc<str>> = rows::rows(&sessions)
        .map(|row| Arc::from(row.string("session_id")))
        .collect();
    for ids in ids.chunks(SESSIONS_PER_LOOK) {
        let due = ids
            .iter()
            .map(|id| Due {
                session_id: id.clone(),
                before: None,
                news: Heard::nothing(),
            })
            .collect();
        let settings = Arc::clone(&state.config.detectors);
        let news = state
            .blocking(move |store| {
                let (_, news) = findings::look(store, &settings, due)?;
                store.announce_findings(&news.changed);
                news.write(store)?;
                Ok(news)
            })
            .await?;
        report.sessions += ids.len();
        report.findings += news.found;
        report.written += news.changed.len();
        report.removed += news.gone.iter().map(|(_, ids)| ids.len()).sum::<usize>();
    }
    Ok(Json(report))
}

/// All findings of some sessions.
pub(crate) async fn of_sessions(
    state: &AppState,
    session_ids: &[&str],
) -> Result<Vec<Finding>, ApiError> {
    let ids = session_ids.join(sql::ITEM_SEPARATOR);
    let params = vec![
        Value::Int(MAX_LIMIT),
        text_param(Some(&ids)),
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Null,
    ];
    query(state, params).await
}

/// The findings that a span is part of.
pub(crate) async fn of_span(
    state: &AppState,
    trace_id: &str,
    span_id: &str,
) -> Result<Vec<Finding>, ApiError> {
    let params = vec![
        Value::Int(MAX_LIMIT),
        Value::Null,
        Value::Null,
        text_param(Some(trace_id)),
        text_param(Some(span_id)),
        Value::Null,
        Value::Null,
    ];
    query(state, params).await
}

async fn query(state: &AppState, params: Vec<Value>) -> Result<Vec<Finding>, ApiError> {
    let table = state.read(sql::LIST_FINDINGS, params).await?;
    Ok(rows::rows(&table).map(|row| rows::finding(&row)).collect())
}
