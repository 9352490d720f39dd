//! `/verify`, `/compact` and `/backup`: keeping what was recorded.

use std::path::PathBuf;
use std::time::Instant;

use axum::Json;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::sync::SemaphorePermit;
use utoipa::ToSchema;

use crate::error::{ApiError, ErrorBody};
use crate::extract::ApiJson;
use crate::reach::Whole;
use crate::state::AppState;
use crate::time::{now_ns, rfc3339};
use crate::upkeep::VerifyReport;

/// Runs one task of upkeep; only one runs at a time.
async fn alone<T: Send + 'static>(
    state: &AppState,
    work: impl FnOnce(&store::Store) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let _turn = turn(state)?;
    state.blocking(work).await
}

/// The right to do upkeep, until it is dropped.
pub(super) fn turn(state: &AppState) -> Result<SemaphorePermit<'_>, ApiError> {
    state.upkeep.try_acquire().map_err(|_| {
        ApiError::new(
            StatusCode::CONFLICT,
            "upkeep_running",
            "a verification, compaction, backup or retention is running; try again when it is through",
        )
    })
}

/// Reads everything that is stored again: every block, text, reference and journal record. The answer
/// comes when that is through; others read and write meanwhile.
#[utoipa::path(post, path = "/verify", tag = "upkeep",
    responses((status = 200, body = VerifyReport), (status = 409, body = ErrorBody)))]
pub(crate) async fn verify(Whole(state): Whole) -> Result<Json<VerifyReport>, ApiError> {
    let begun = Instant::now();
    let check_journal = state.config.journal.check.clone();
    let report = alone(&state, move |store| {
        let found = store.verify()?;
        let journal = check_journal(found.journal_position).map_err(ApiError::failed)?;
        let elapsed_ms = begun.elapsed().as_millis() as u64;
        Ok(VerifyReport::new(found, journal, elapsed_ms))
    });
    Ok(Json(report.await?))
}

/// Sizes of the database file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Compaction {
    before_bytes: u64,
    after_bytes: u64,
    /// Everything that was acknowledged had been loaded, so nothing of what was deleted is left in the
    /// journal.
    journal_settled: bool,
    elapsed_ms: u64,
}

/// Gives back the disk space of what was deleted: nothing deleted is in the folder afterwards. Writing
/// waits meanwhile; what is sent is acknowledged from the journal.
#[utoipa::path(post, path = "/compact", tag = "upkeep",
    responses((status = 200, body = Compaction), (status = 409, body = ErrorBody)))]
pub(crate) async fn compact(Whole(state): Whole) -> Result<Json<Compaction>, ApiError> {
    let begun = Instant::now();
    let settle = state.config.journal.settle.clone();
    let compaction = alone(&state, move |store| {
        let journal_settled = settle().map_err(ApiError::failed)?;
        let compaction = store.compact()?;
        let elapsed_ms = begun.elapsed().as_millis() as u64;
        tracing::info!(
            before_bytes = compaction.before_bytes,
            after_bytes = compaction.after_bytes,
            elapsed_ms,
            "the database was compacted"
        );
        Ok(Compaction {
            before_bytes: compaction.before_bytes,
            after_bytes: compaction.after_bytes,
            journal_settled,
            elapsed_ms,
        })
    });
    Ok(Json(compaction.await?))
}

/// Where a backup goes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackupRequest {
    /// A folder of the server's machine, empty or not there yet; its path from the root.
    to: String,
}

/// A backup that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BackupReport {
    to: String,
    created_at: String,
    file_count: u64,
    size_bytes: u64,
    elapsed_ms: u64,
}

/// Copies database, journal and settings into a folder of the server's machine. Everything that was
/// acknowledged before is in it.
#[utoipa::path(post, path = "/backup", tag = "upkeep", request_body = BackupRequest,
    responses((status = 200, body = BackupReport), (status = 400, body = ErrorBody),
        (status = 409, body = ErrorBody)))]
pub(crate) async fn backup(
    Whole(state): Whole,
    ApiJson(request): ApiJson<BackupRequest>,
) -> Result<Json<BackupReport>, ApiError> {
    let begun = Instant::now();
    let to = PathBuf::from(&request.to);
    if !to.is_absolute() {
        return Err(ApiError::bad_request(
            "`to` is the path of a folder from the root",
        ));
    }
    let copy = state.config.journal.copy.clone();
    let backup = alone(&state, move |store| {
        let made = store.backup(&to, env!("CARGO_PKG_VERSION"), now_ns(), &mut |folder| {
            copy(folder)
        });
        made.map_err(|error| match error {
            // What is wrong with the folder that was named.
            store::Error::Target { .. } | store::Error::Folder { .. } => {
                ApiError::bad_request(told(&error))
            }
            error => error.into(),
        })
    });
    let backup = backup.await?;
    Ok(Json(BackupReport {
        to: request.to,
        created_at: rfc3339(backup.created_ns),
        file_count: backup.files.len() as u64,
        size_bytes: backup.size_bytes(),
        elapsed_ms: begun.elapsed().as_millis() as u64,
    }))
}

/// An error with its cause, which is about a path that the client named.
fn told(error: &store::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
