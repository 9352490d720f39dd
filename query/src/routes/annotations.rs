//! `/annotations` and `/sessions/{id}/annotations`: what people say of a run.

use axum::Json;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use store::AnnotationRow;
use utoipa::ToSchema;

use super::sessions::session_not_found;
use crate::error::{ApiError, ErrorBody};
use crate::extract::{ApiJson, ApiPath};
use crate::reach::{Reading, Whole};
use crate::rows::{self, text_param};
use crate::sql;
use crate::state::AppState;
use crate::time::{now_ns, rfc3339};

const LONGEST_COMMENT_BYTES: usize = 64 << 10;
pub(crate) const LONGEST_AUTHOR_BYTES: usize = 200;

/// What somebody says of a session, of a turn, or of one act.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewAnnotation {
    session_id: String,
    #[serde(default)]
    trace_id: Option<String>,
    #[serde(default)]
    span_id: Option<String>,
    #[serde(default)]
    turn: Option<i64>,
    /// `good` or `wrong`.
    #[serde(default)]
    verdict: Option<String>,
    #[serde(default)]
    comment: Option<String>,
    #[serde(default)]
    author: Option<String>,
}

/// One annotation as stored.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Annotation {
    annotation_id: String,
    session_id: String,
    trace_id: Option<String>,
    span_id: Option<String>,
    turn: Option<i64>,
    verdict: Option<String>,
    comment: Option<String>,
    author: Option<String>,
    created_at: String,
}

/// The annotations of a session and its child sessions, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnnotationList {
    annotations: Vec<Annotation>,
}

impl NewAnnotation {
    fn check(&self) -> Result<(), ApiError> {
        let bad = |message: &str| Err(ApiError::bad_request(message));
        match self.verdict.as_deref() {
            None | Some("good" | "wrong") => {}
            Some(_) => return bad("`verdict` is `good`, `wrong` or absent"),
        }
        let comment = self.comment.as_deref().unwrap_or_default();
        if self.verdict.is_none() && comment.trim().is_empty() {
            return bad("an annotation has a `verdict`, a `comment`, or both");
        }
        if comment.len() > LONGEST_COMMENT_BYTES {
            return bad("`comment` is longer than 65,536 bytes");
        }
        if self.author.as_deref().unwrap_or_default().len() > LONGEST_AUTHOR_BYTES {
            return bad("`author` is longer than 200 bytes");
        }
        if self.turn.is_some_and(|turn| i32::try_from(turn).is_err()) {
            return bad("`turn` is the number of a turn, as sessions show it");
        }
        Ok(())
    }

    /// Its id is that of content and time: sent twice in the same nanosecond it is one.
    fn row(self) -> AnnotationRow {
        let created_ns = now_ns();
        let named = format!("{}\u{1f}{created_ns}\u{1f}{self:?}", self.session_id);
        AnnotationRow {
            annotation_id: blake3::hash(named.as_bytes()).to_hex()[..32].to_owned(),
            session_id: self.session_id,
            trace_id: self.trace_id.map(|id| id.to_lowercase()),
            span_id: self.span_id.map(|id| id.to_lowercase()),
            turn: self.turn,
            verdict: self.verdict,
            comment: self.comment.filter(|text| !text.trim().is_empty()),
            author: self.author.filter(|text| !text.trim().is_empty()),
            created_ns,
        }
    }
}

/// Says something of a session, a turn or an act.
#[utoipa::path(post, path = "/annotations", tag = "sessions", request_body = NewAnnotation,
    responses((status = 201, body = Annotation), (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody)))]
pub(crate) async fn annotate(
    Whole(state): Whole,
    ApiJson(new): ApiJson<NewAnnotation>,
) -> Result<(StatusCode, Json<Annotation>), ApiError> {
    new.check()?;
    know_session(&state, &new.session_id).await?;
    know_act(&state, new.trace_id.as_deref(), new.span_id.as_deref()).await?;
    let row = new.row();
    let stored = row.clone();
    state
        .blocking(move |store| Ok(store.write_annotation(&stored)?))
        .await?;
    Ok((StatusCode::CREATED, Json(stored_annotation(row))))
}

fn stored_annotation(row: AnnotationRow) -> Annotation {
    Annotation {
        created_at: rfc3339(row.created_ns),
        annotation_id: row.annotation_id,
        session_id: row.session_id,
        trace_id: row.trace_id,
        span_id: row.span_id,
        turn: row.turn,
        verdict: row.verdict,
        comment: row.comment,
        author: row.author,
    }
}

/// Makes sure that there is such a session.
pub(crate) async fn know_session(state: &AppState, session_id: &str) -> Result<(), ApiError> {
    let id = vec![text_param(Some(session_id))];
    if state.read(sql::SESSION_IDS, id).await?.rows.is_empty() {
        return Err(session_not_found(session_id));
    }
    Ok(())
}

/// An act that somebody means.
pub(crate) struct KnownAct {
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) started_ns: i64,
}

/// Finds the act that is meant, where one is.
pub(crate) async fn know_act(
    state: &AppState,
    trace_id: Option<&str>,
    span_id: Option<&str>,
) -> Result<Option<KnownAct>, ApiError> {
    let (Some(trace_id), Some(span_id)) = (trace_id, span_id) else {
        if trace_id.is_some() || span_id.is_some() {
            let message = "`trace_id` and `span_id` name an act together";
            return Err(ApiError::bad_request(message));
        }
        return Ok(None);
    };
    let (trace_id, span_id) = (trace_id.to_lowercase(), span_id.to_lowercase());
    let place = vec![text_param(Some(&trace_id)), text_param(Some(&span_id))];
    let table = state.read(sql::GET_SPAN, place).await?;
    let row = rows::rows(&table).next().ok_or_else(|| {
        let message = "there is no such act; ids are as spans show them";
        ApiError::not_found("span_not_found", message)
    })?;
    Ok(Some(KnownAct {
        started_ns: row.time_ns("started_at").unwrap_or(0),
        trace_id,
        span_id,
    }))
}

/// What an annotation says from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnnotationChange {
    /// `good` or `wrong`.
    #[serde(default)]
    verdict: Option<String>,
    #[serde(default)]
    comment: Option<String>,
    /// Stays when absent.
    #[serde(default)]
    author: Option<String>,
}

/// Says something else in place of an annotation; its place and time stay.
#[utoipa::path(put, path = "/sessions/{session_id}/annotations/{annotation_id}",
    tag = "sessions", request_body = AnnotationChange,
    params(("session_id" = String, Path), ("annotation_id" = String, Path)),
    responses((status = 200, body = Annotation), (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody)))]
pub(crate) async fn change_annotation(
    Whole(state): Whole,
    ApiPath((session_id, annotation_id)): ApiPath<(String, String)>,
    ApiJson(change): ApiJson<AnnotationChange>,
) -> Result<Json<Annotation>, ApiError> {
    let place = vec![
        text_param(Some(&session_id)),
        text_param(Some(&annotation_id)),
    ];
    let table = state.read(sql::GET_ANNOTATION, place).await?;
    let row = rows::rows(&table).next().ok_or_else(|| {
        let message = "the session has no such annotation; GET …/annotations lists them";
        ApiError::not_found("annotation_not_found", message)
    })?;
    let new = NewAnnotation {
        session_id,
        trace_id: row.text("trace_id"),
        span_id: row.text("span_id"),
        turn: row.int("turn"),
        verdict: change.verdict,
        comment: change.comment,
        author: change.author.or_else(|| row.text("author")),
    };
    new.check()?;
    let row = AnnotationRow {
        annotation_id,
        created_ns: row.time_ns("created_at").unwrap_or(0),
        ..new.row()
    };
    let stored = row.clone();
    state
        .blocking(move |store| Ok(store.write_annotation(&stored)?))
        .await?;
    Ok(Json(stored_annotation(row)))
}

/// What people say of a session.
#[utoipa::path(get, path = "/sessions/{session_id}/annotations", tag = "sessions",
    params(("session_id" = String, Path)),
    responses((status = 200, body = AnnotationList)))]
pub(crate) async fn list_annotations(
    Reading(state): Reading,
    ApiPath(session_id): ApiPath<String>,
) -> Result<Json<AnnotationList>, ApiError> {
    let id = vec![text_param(Some(&session_id))];
    let table = state.read(sql::LIST_ANNOTATIONS, id).await?;
    let annotations = rows::rows(&table)
        .map(|row| Annotation {
            annotation_id: row.string("annotation_id"),
            session_id: row.string("session_id"),
            trace_id: row.text("trace_id"),
            span_id: row.text("span_id"),
            turn: row.int("turn"),
            verdict: row.text("verdict"),
            comment: row.text("comment"),
            author: row.text("author"),
            created_at: row.time("created_at").unwrap_or_default(),
        })
        .collect();
    Ok(Json(AnnotationList { annotations }))
}

/// Takes an annotation back.
#[utoipa::path(delete, path = "/sessions/{session_id}/annotations/{annotation_id}",
    tag = "sessions",
    params(("session_id" = String, Path), ("annotation_id" = String, Path)),
    responses((status = 204)))]
pub(crate) async fn remove_annotation(
    Whole(state): Whole,
    ApiPath((session_id, annotation_id)): ApiPath<(String, String)>,
) -> Result<StatusCode, ApiError> {
    state
        .blocking(move |store| Ok(store.remove_annotation(&session_id, &annotation_id)?))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
