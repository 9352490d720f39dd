//! `/sessions/{id}/export`: a session as a file.

use axum::body::Body;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::sync::mpsc;
use utoipa::{IntoParams, ToSchema};

use super::sessions::session_not_found;
use crate::error::{ApiError, ErrorBody};
use crate::export::{self, Channel, ExportError, Family};
use crate::extract::{ApiPath, ApiQuery};
use crate::reach::Reading;

/// Chunks that wait for a slow reader.
const WAITING_CHUNKS: usize = 4;

/// What an export is written as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// One row for each prompt and act.
    Csv,
    /// Everything, as one document.
    #[default]
    Json,
    /// The records as they were received, OTLP/JSON, one request a line.
    Otlp,
    /// A transcript to read.
    Md,
    /// A page that replays the session by itself, without a network.
    Html,
}

/// What to export.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct ExportQuery {
    /// `csv`, `json` (when absent), `otlp`, `md`, `html`.
    #[param(inline)]
    format: Format,
    /// CSV only: leave texts that a spreadsheet would take for formulas as they are.
    raw: bool,
    /// HTML only: what each of these regular expressions finds is replaced in every text.
    redact: Vec<String>,
    /// HTML only: leave all payloads out.
    no_payloads: bool,
    /// HTML only: kinds of content to leave out: `thinking`, `system`, `input`, `output`, `attributes`.
    without: Vec<String>,
}

/// A session, with the sessions that it started, as a file. Texts are whole.
#[utoipa::path(get, path = "/sessions/{session_id}/export", tag = "sessions",
    params(("session_id" = String, Path), ExportQuery),
    responses(
        (status = 200, content((String = "text/csv"), (serde_json::Value = "application/json"),
            (String = "application/x-ndjson"), (String = "text/markdown"), (String = "text/html"))),
        (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn export_session(
    Reading(state): Reading,
    ApiPath(session_id): ApiPath<String>,
    ApiQuery(query): ApiQuery<ExportQuery>,
) -> Result<Response, ApiError> {
    let redaction = export::html::Redaction::new(&query.redact, query.no_payloads, &query.without)?;
    if redaction.leaves_out_anything() && query.format != Format::Html {
        return Err(ApiError::bad_request(
            "`redact`, `no_payloads` and `without` are for `format=html`; the other formats are exact",
        ));
    }
    let id = session_id.clone();
    let family = state
        .blocking(move |store| Family::of(store, &id))
        .await?
        .ok_or_else(|| session_not_found(&session_id))?;
    let (content_type, ending) = match query.format {
        Format::Csv => ("text/csv; charset=utf-8", "csv"),
        Format::Json => ("application/json", "json"),
        Format::Otlp => ("application/x-ndjson", "otlp.jsonl"),
        Format::Md => ("text/markdown; charset=utf-8", "md"),
        Format::Html => ("text/html; charset=utf-8", "html"),
    };
    let headers = [
        (CONTENT_TYPE, content_type.to_owned()),
        (
            CONTENT_DISPOSITION,
            format!(
                "attachment; filename=\"{}.{ending}\"",
                file_name(&session_id)
            ),
        ),
    ];
    if query.format == Format::Html {
        let page = export::html::page(&state, &family, &redaction).await?;
        return Ok((headers, page).into_response());
    }
    let (sender, receiver) = mpsc::channel(WAITING_CHUNKS);
    let store = state.store.clone();
    let request_id = crate::error::request_id();
    tokio::task::spawn_blocking(move || {
        let mut out = Channel::new(sender);
        let done = match query.format {
            Format::Csv => export::csv::write(&store, &family, query.raw, &mut out),
            Format::Otlp => export::otlp::write(&store, &family, &mut out),
            Format::Md => export::markdown::write(&store, &family, &mut out),
            Format::Json | Format::Html => export::json::write(&store, &family, &mut out),
        };
        let done = done.and_then(|()| Ok(std::io::Write::flush(&mut out)?));
        match done {
            Ok(()) | Err(ExportError::Write(_)) => {}
            Err(error) => {
                tracing::error!(
                    request.id = request_id,
                    error = &error as &dyn std::error::Error,
                    "an export failed"
                );
                out.fail();
            }
        }
    });
    let chunks = futures_util::stream::unfold(receiver, |mut receiver| async move {
        let chunk = receiver.recv().await?;
        Some((chunk, receiver))
    });
    Ok((headers, Body::from_stream(chunks)).into_response())
}

/// A session's id as the name of a file, without what file systems and headers refuse.
fn file_name(session_id: &str) -> String {
    let name: String = session_id
        .chars()
        .take(80)
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') {
                c
            } else {
                '_'
            }
        })
        .collect();
    format!("spanreel-{name}")
}
