//! `/sessions/{id}/tags` and `/sessions/{id}/checkpoints`: names that people give.

use axum::Json;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use store::CheckpointRow;
use utoipa::ToSchema;

use super::annotations::{LONGEST_AUTHOR_BYTES, know_act, know_session};
use crate::error::{ApiError, ErrorBody};
use crate::extract::{ApiJson, ApiPath};
use crate::reach::{Reading, Whole};
use crate::rows::{self, Named, text_param};
use crate::sql;
use crate::time::{now_ns, rfc3339};

const LONGEST_NAME_BYTES: usize = 200;
const MOST_TAGS: usize = 100;

/// Tags to give a session, and to take away. Those in both lists are given.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TagChange {
    add: Vec<String>,
    remove: Vec<String>,
}

/// The tags of a session, in order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TagList {
    tags: Vec<String>,
}

/// A name without the space around it.
fn name(text: &str, what: &str) -> Result<String, ApiError> {
    let name = text.trim();
    if name.is_empty() || name.len() > LONGEST_NAME_BYTES || name.contains(char::is_control) {
        return Err(ApiError::bad_request(format!(
            "{what} is 1 to 200 bytes of text on one line"
        )));
    }
    Ok(name.to_owned())
}

/// Gives a session tags, and takes others away.
#[utoipa::path(post, path = "/sessions/{session_id}/tags", tag = "sessions",
    params(("session_id" = String, Path)), request_body = TagChange,
    responses((status = 200, body = TagList), (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody)))]
pub(crate) async fn change_tags(
    Whole(state): Whole,
    ApiPath(session_id): ApiPath<String>,
    ApiJson(change): ApiJson<TagChange>,
) -> Result<Json<TagList>, ApiError> {
    let names = |tags: &[String]| -> Result<Vec<String>, ApiError> {
        tags.iter().map(|tag| name(tag, "a tag")).collect()
    };
    let (add, remove) = (names(&change.add)?, names(&change.remove)?);
    if add.len() + remove.len() > MOST_TAGS {
        return Err(ApiError::bad_request("at most 100 tags at a time"));
    }
    know_session(&state, &session_id).await?;
    let id = session_id.clone();
    state
        .blocking(move |store| Ok(store.change_tags(&id, &add, &remove, now_ns())?))
        .await?;
    let table = state
        .read(sql::SESSION_TAGS, vec![text_param(Some(&session_id))])
        .await?;
    let tags = rows::rows(&table).map(|row| row.string("tag")).collect();
    Ok(Json(TagList { tags }))
}

/// A name for a moment of a session, or for an act of it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCheckpoint {
    /// Given again, the checkpoint moves.
    name: String,
    /// With `span_id`: the act; the moment is then its start unless `time_ns` says otherwise.
    #[serde(default)]
    trace_id: Option<String>,
    #[serde(default)]
    span_id: Option<String>,
    /// The moment, Unix nanoseconds.
    #[serde(default)]
    time_ns: Option<i64>,
    #[serde(default)]
    author: Option<String>,
}

/// A named moment as stored.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Checkpoint {
    session_id: String,
    name: String,
    trace_id: Option<String>,
    span_id: Option<String>,
    time: String,
    author: Option<String>,
    created_at: String,
}

/// The named moments of a session and its child sessions, in order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckpointList {
    checkpoints: Vec<Checkpoint>,
}

/// Names a moment of a session or an act.
#[utoipa::path(post, path = "/sessions/{session_id}/checkpoints", tag = "sessions",
    params(("session_id" = String, Path)), request_body = NewCheckpoint,
    responses((status = 201, body = Checkpoint), (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody)))]
pub(crate) async fn set_checkpoint(
    Whole(state): Whole,
    ApiPath(session_id): ApiPath<String>,
    ApiJson(new): ApiJson<NewCheckpoint>,
) -> Result<(StatusCode, Json<Checkpoint>), ApiError> {
    let name = name(&new.name, "the name of a checkpoint")?;
    if new.author.as_deref().unwrap_or_default().len() > LONGEST_AUTHOR_BYTES {
        return Err(ApiError::bad_request("`author` is longer than 200 bytes"));
    }
    know_session(&state, &session_id).await?;
    let act = know_act(&state, new.trace_id.as_deref(), new.span_id.as_deref()).await?;
    let time_ns = new
        .time_ns
        .or(act.as_ref().map(|act| act.started_ns))
        .ok_or_else(|| {
            ApiError::bad_request(
                "a checkpoint is at an act (`trace_id`, `span_id`) or at `time_ns`",
            )
        })?;
    let (trace_id, span_id) = act.map(|act| (act.trace_id, act.span_id)).unzip();
    let row = CheckpointRow {
        session_id,
        name,
        trace_id,
        span_id,
        time_ns,
        author: new.author.filter(|text| !text.trim().is_empty()),
        created_ns: now_ns(),
    };
    let stored = row.clone();
    state
        .blocking(move |store| Ok(store.write_checkpoint(&stored)?))
        .await?;
    let checkpoint = Checkpoint {
        session_id: row.session_id,
        name: row.name,
        trace_id: row.trace_id,
        span_id: row.span_id,
        time: rfc3339(row.time_ns),
        author: row.author,
        created_at: rfc3339(row.created_ns),
    };
    Ok((StatusCode::CREATED, Json(checkpoint)))
}

/// The named moments of a session.
#[utoipa::path(get, path = "/sessions/{session_id}/checkpoints", tag = "sessions",
    params(("session_id" = String, Path)),
    responses((status = 200, body = CheckpointList)))]
pub(crate) async fn list_checkpoints(
    Reading(state): Reading,
    ApiPath(session_id): ApiPath<String>,
) -> Result<Json<CheckpointList>, ApiError> {
    let id = vec![text_param(Some(&session_id))];
    let table = state.read(sql::LIST_CHECKPOINTS, id).await?;
    let checkpoints = rows::rows(&table).map(|row| checkpoint(&row)).collect();
    Ok(Json(CheckpointList { checkpoints }))
}

fn checkpoint(row: &Named<'_>) -> Checkpoint {
    Checkpoint {
        session_id: row.string("session_id"),
        name: row.string("name"),
        trace_id: row.text("trace_id"),
        span_id: row.text("span_id"),
        time: row.time("time").unwrap_or_default(),
        author: row.text("author"),
        created_at: row.time("created_at").unwrap_or_default(),
    }
}

/// Takes a name back.
#[utoipa::path(delete, path = "/sessions/{session_id}/checkpoints/{name}", tag = "sessions",
    params(("session_id" = String, Path), ("name" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub(crate) async fn remove_checkpoint(
    Whole(state): Whole,
    ApiPath((session_id, name)): ApiPath<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let was_there = state
        .blocking(move |store| Ok(store.remove_checkpoint(&session_id, &name)?))
        .await?;
    if was_there {
        Ok(StatusCode::NO_CONTENT)
    } else {
        let message = "the session has no checkpoint of that name";
        Err(ApiError::not_found("checkpoint_not_found", message))
    }
}
