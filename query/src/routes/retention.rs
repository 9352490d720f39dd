//! `/retention` and `/sessions/{id}/retention`: how long recordings are kept.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use axum::Json;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use store::Retention;
use utoipa::ToSchema;

use super::annotations::know_session;
use crate::error::{ApiError, ErrorBody};
use crate::extract::{ApiJson, ApiPath};
use crate::reach::{Reading, Whole};
use crate::retention::{self, Removed};
use crate::time::{now_ns, parse_when, rfc3339};

/// Sessions that are listed; beyond them they are counted.
const MOST_LISTED: usize = 1_000;

/// The rules, how much is stored, and what was removed since the start.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RetentionOverview {
    /// Since the latest activity; null = for ever.
    max_age_ns: Option<i64>,
    /// Of everything stored; null = without limit.
    max_size_bytes: Option<u64>,
    /// By tag, in place of `max_age_ns`; null = for ever.
    tags: BTreeMap<String, Option<i64>>,
    /// How often the rules are applied.
    every_ns: u64,
    /// This server applies them by itself.
    running: bool,
    /// Of what is stored in the database, about; this is what `max_size_bytes` limits.
    stored_bytes: u64,
    /// That the data folder takes, with index and logs, and with room that later recordings use and `/compact`
    /// gives back.
    folder_bytes: u64,
    last_run_at: Option<String>,
    last_error: Option<String>,
    /// Since the start; the relation `deleted_sessions` has every session.
    removed: RemovedSessions,
}

/// What was removed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RemovedSessions {
    session_count: u64,
    span_count: u64,
    /// Texts that no other session held.
    payload_count: u64,
    /// Sessions by reason: `age`, `tag: <tag>`, `expired`, `size`.
    reasons: BTreeMap<String, u64>,
}

impl From<Removed> for RemovedSessions {
    fn from(removed: Removed) -> Self {
        Self {
            session_count: removed.session_count,
            span_count: removed.span_count,
            payload_count: removed.payload_count,
            reasons: removed.reasons,
        }
    }
}

/// How long recordings are kept.
#[utoipa::path(get, path = "/retention", tag = "upkeep",
    responses((status = 200, body = RetentionOverview)))]
pub(crate) async fn get_retention(
    Whole(state): Whole,
) -> Result<Json<RetentionOverview>, ApiError> {
    let stored = state.blocking(|store| Ok((store.stored_bytes()?, store.folder_bytes())));
    let (stored_bytes, folder_bytes) = stored.await?;
    let settings = &state.config.retention;
    let done = state.retention.lock();
    let done = done.unwrap_or_else(PoisonError::into_inner).clone();
    Ok(Json(RetentionOverview {
        max_age_ns: settings.rules.max_age_ns,
        max_size_bytes: settings.rules.max_size_bytes,
        tags: settings.rules.tags.iter().cloned().collect(),
        every_ns: settings.every.as_nanos() as u64,
        running: state.config.removes_expired,
        stored_bytes,
        folder_bytes,
        last_run_at: done.last_run_ns.map(rfc3339),
        last_error: done.last_error,
        removed: done.removed.into(),
    }))
}

/// Sessions that are due.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DueSessions {
    /// With those that each started, which go with it.
    session_count: u64,
    span_count: u64,
    /// The first 1,000.
    sessions: Vec<DueSession>,
}

#[derive(Debug, Serialize, ToSchema)]
struct DueSession {
    session_id: String,
    title: Option<String>,
    /// Latest activity of it and those that it started.
    last_at: String,
    /// It and those that it started.
    session_count: u64,
    span_count: u64,
    /// `age`, `tag: <tag>`, `expired` or `size`; by size it is an estimate.
    reason: String,
}

/// What would go if the rules were applied now. Removes nothing.
#[utoipa::path(get, path = "/retention/due", tag = "upkeep",
    responses((status = 200, body = DueSessions)))]
pub(crate) async fn get_due(Whole(state): Whole) -> Result<Json<DueSessions>, ApiError> {
    let rules = state.config.retention.rules.clone();
    let due = state
        .blocking(move |store| Ok(retention::due(store, &rules)?))
        .await?;
    Ok(Json(DueSessions {
        session_count: due.iter().map(|one| one.session_count).sum(),
        span_count: due.iter().map(|one| one.span_count).sum(),
        sessions: due
            .into_iter()
            .take(MOST_LISTED)
            .map(|one| DueSession {
                session_id: one.session_id,
                title: one.title,
                last_at: rfc3339(one.last_ns),
                session_count: one.session_count,
                span_count: one.span_count,
                reason: one.reason,
            })
            .collect(),
    }))
}

/// Applies the rules now; answers when that is through.
#[utoipa::path(post, path = "/retention/run", tag = "upkeep",
    responses((status = 200, body = RemovedSessions), (status = 409, body = ErrorBody)))]
pub(crate) async fn run_retention(Whole(state): Whole) -> Result<Json<RemovedSessions>, ApiError> {
    let _turn = super::upkeep::turn(&state)?;
    Ok(Json(retention::run_once(&state).await?.into()))
}

/// How long one session is kept: one of both.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NewRetention {
    /// Until somebody deletes it.
    keep: bool,
    /// Until this time, and not longer; RFC 3339.
    expires_at: Option<String>,
}

/// What was said of a session; it goes before all rules.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionRetention {
    session_id: String,
    /// It stays until somebody deletes it.
    keep: bool,
    /// It goes then, and not before. With neither, the rules decide.
    expires_at: Option<String>,
}

impl SessionRetention {
    fn new(session_id: String, retention: Option<Retention>) -> Self {
        Self {
            session_id,
            keep: retention == Some(Retention::Keep),
            expires_at: match retention {
                Some(Retention::ExpireAt(ns)) => Some(rfc3339(ns)),
                _ => None,
            },
        }
    }
}

/// What was said of a session.
#[utoipa::path(get, path = "/sessions/{session_id}/retention", tag = "sessions",
    params(("session_id" = String, Path)),
    responses((status = 200, body = SessionRetention), (status = 404, body = ErrorBody)))]
pub(crate) async fn session_retention(
    Reading(state): Reading,
    ApiPath(session_id): ApiPath<String>,
) -> Result<Json<SessionRetention>, ApiError> {
    know_session(&state, &session_id).await?;
    let id = session_id.clone();
    let found = state
        .blocking(move |store| Ok(store.retention_of(&id)?))
        .await?;
    Ok(Json(SessionRetention::new(session_id, found)))
}

/// Says how long a session is kept, with those that it started.
#[utoipa::path(put, path = "/sessions/{session_id}/retention", tag = "sessions",
    params(("session_id" = String, Path)), request_body = NewRetention,
    responses((status = 200, body = SessionRetention), (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody)))]
pub(crate) async fn set_retention(
    Whole(state): Whole,
    ApiPath(session_id): ApiPath<String>,
    ApiJson(new): ApiJson<NewRetention>,
) -> Result<Json<SessionRetention>, ApiError> {
    let retention = match (new.keep, new.expires_at) {
        (true, None) => Retention::Keep,
        (false, Some(at)) => Retention::ExpireAt(expiry(&at)?),
        _ => {
            return Err(ApiError::bad_request(
                "give one of `\"keep\": true` and `expires_at`; DELETE takes back what was said",
            ));
        }
    };
    know_session(&state, &session_id).await?;
    let id = session_id.clone();
    state
        .blocking(move |store| Ok(store.set_retention(&id, Some(retention), now_ns())?))
        .await?;
    Ok(Json(SessionRetention::new(session_id, Some(retention))))
}

/// A time that is meant as one, not as an age.
fn expiry(text: &str) -> Result<i64, ApiError> {
    let is_time = text.trim().len() >= "2026-11-21".len();
    let found = parse_when(text, now_ns()).filter(|_| is_time);
    found.ok_or_else(|| {
        ApiError::bad_request(format!(
            "`expires_at`: {text:?} is no time; write it as 2027-01-31 or 2027-01-31T12:00:00Z"
        ))
    })
}

/// Takes back what was said of a session; the rules decide again.
#[utoipa::path(delete, path = "/sessions/{session_id}/retention", tag = "sessions",
    params(("session_id" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub(crate) async fn forget_retention(
    Whole(state): Whole,
    ApiPath(session_id): ApiPath<String>,
) -> Result<StatusCode, ApiError> {
    know_session(&state, &session_id).await?;
    state
        .blocking(move |store| Ok(store.set_retention(&session_id, None, now_ns())?))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
