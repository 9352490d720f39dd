//! `DELETE /sessions/{id}` and what keeps a deleted session out.

use axum::Json;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::sessions::session_not_found;
use crate::error::{ApiError, ErrorBody};
use crate::extract::{ApiJson, ApiPath};
use crate::reach::Whole;
use crate::state::AppState;
use crate::time::now_ns;

const MOST_SESSIONS: usize = 1000;

/// Sessions to delete.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeleteRequest {
    /// At most 1,000. Those that are not there are passed over.
    session_ids: Vec<String>,
}

/// What was deleted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Deletion {
    /// The sessions, those that they started included.
    session_ids: Vec<String>,
    span_count: u64,
    event_count: u64,
    /// Texts that no other session holds.
    payload_count: u64,
    /// Stored pieces of texts that no other session holds.
    piece_count: u64,
}

async fn delete(state: &AppState, ids: Vec<String>) -> Result<Deletion, ApiError> {
    let deletion = state
        .blocking(move |store| Ok(store.delete_sessions(&ids, now_ns())?))
        .await?;
    Ok(deletion.into())
}

impl From<store::Deletion> for Deletion {
    fn from(deletion: store::Deletion) -> Self {
        Self {
            session_ids: deletion.session_ids,
            span_count: deletion.span_count,
            event_count: deletion.event_count,
            payload_count: deletion.payload_count,
            piece_count: deletion.piece_count,
        }
    }
}

/// Deletes a session and those that it started, for good. Records of it that come later are left
/// out, until it is allowed again.
#[utoipa::path(delete, path = "/sessions/{session_id}", tag = "sessions",
    params(("session_id" = String, Path)),
    responses((status = 200, body = Deletion), (status = 404, body = ErrorBody)))]
pub(crate) async fn delete_session(
    Whole(state): Whole,
    ApiPath(session_id): ApiPath<String>,
) -> Result<Json<Deletion>, ApiError> {
    let deletion = delete(&state, vec![session_id.clone()]).await?;
    if deletion.session_ids.is_empty() {
        return Err(session_not_found(&session_id));
    }
    Ok(Json(deletion))
}

/// Deletes many sessions at once, as one change.
#[utoipa::path(post, path = "/sessions/delete", tag = "sessions", request_body = DeleteRequest,
    responses((status = 200, body = Deletion), (status = 400, body = ErrorBody)))]
pub(crate) async fn delete_sessions(
    Whole(state): Whole,
    ApiJson(request): ApiJson<DeleteRequest>,
) -> Result<Json<Deletion>, ApiError> {
    if request.session_ids.is_empty() || request.session_ids.len() > MOST_SESSIONS {
        return Err(ApiError::bad_request(
            "`session_ids` names 1 to 1,000 sessions",
        ));
    }
    Ok(Json(delete(&state, request.session_ids).await?))
}

/// Makes a session private: deletes it and those that it started, for good, and leaves out what comes
/// of it later, also when nothing of it is there yet.
#[utoipa::path(post, path = "/sessions/{session_id}/private", tag = "sessions",
    params(("session_id" = String, Path)), responses((status = 200, body = Deletion)))]
pub(crate) async fn make_private(
    Whole(state): Whole,
    ApiPath(session_id): ApiPath<String>,
) -> Result<Json<Deletion>, ApiError> {
    let deletion = state
        .blocking(move |store| Ok(store.make_private(&[session_id], &[], now_ns())?))
        .await?;
    Ok(Json(deletion.into()))
}

/// Lets the records of a deleted session in again. What was deleted does not come back by itself.
#[utoipa::path(delete, path = "/deleted-sessions/{session_id}", tag = "sessions",
    params(("session_id" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub(crate) async fn allow_session_again(
    Whole(state): Whole,
    ApiPath(session_id): ApiPath<String>,
) -> Result<StatusCode, ApiError> {
    let was_deleted = state
        .blocking(move |store| Ok(store.allow_session_again(&session_id)?))
        .await?;
    if was_deleted {
        Ok(StatusCode::NO_CONTENT)
    } else {
        let message = "no session of that id was deleted; the relation deleted_sessions lists them";
        Err(ApiError::not_found("not_deleted", message))
    }
}
