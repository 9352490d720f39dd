//! `/digest` and `/sessions/{id}/digest`: what matters of sessions, within a budget of tokens.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use super::session_filter::SessionFilter;
use super::sessions::{session_not_found, sessions_by_id};
use crate::digest::{self, DEFAULT_BUDGET, Digest, Format, MAX_BUDGET, MIN_BUDGET, Wanted};
use crate::error::{ApiError, ErrorBody};
use crate::extract::{ApiPath, ApiQuery};
use crate::reach::Reading;
use crate::state::AppState;
use crate::time::{now_ns, parse_when};

/// The longest address that links may begin with, in bytes.
const MAX_LINKS_BYTES: usize = 100;

/// How much, and how.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct DigestForm {
    /// Tokens that the answer takes at most, estimated from above; 500 to 200,000, 8,000 when absent.
    budget_tokens: Option<usize>,
    /// `md` (when absent) or `json`.
    #[param(inline)]
    format: Format,
    /// Address that links begin with; when absent, `http://localhost` and the port of this server.
    links: Option<String>,
}

/// Which sessions, beside the filters that all routes over sessions share.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct DigestSessions {
    /// These sessions and no others; the other filters do not count then.
    session: Vec<String>,
    /// Those that started then or later: RFC 3339, `2026-11-21`, or an age as `7d`, `12h`, `30m`.
    since: Option<String>,
}

/// A bounded account of the sessions that pass the filters, those first in which something went wrong:
/// verdicts, findings, prompts, the acts that failed, were denied or came last, tokens, cost, files.
#[utoipa::path(get, path = "/digest", params(DigestSessions, SessionFilter, DigestForm), tag = "sessions",
    responses(
        (status = 200, content((String = "text/markdown; charset=utf-8"), (Digest = "application/json"))),
        (status = 400, body = ErrorBody),
        (status = 404, description = "No such session", body = ErrorBody)))]
pub(crate) async fn get_digest(
    Reading(state): Reading,
    ApiQuery(wanted): ApiQuery<DigestSessions>,
    ApiQuery(filter): ApiQuery<SessionFilter>,
    ApiQuery(form): ApiQuery<DigestForm>,
) -> Result<Response, ApiError> {
    let filter = match &wanted.since {
        None => filter,
        Some(since) => {
            let from_ns = parse_when(since, now_ns()).ok_or_else(|| {
                ApiError::bad_request("`since` is a time or an age, as 2026-11-21, 12h or 7d")
            })?;
            filter.since(from_ns)
        }
    };
    answer(&state, wanted.session, filter, &form).await
}

/// The digest of one session.
#[utoipa::path(get, path = "/sessions/{session_id}/digest", tag = "sessions",
    params(("session_id" = String, Path), DigestForm),
    responses(
        (status = 200, content((String = "text/markdown; charset=utf-8"), (Digest = "application/json"))),
        (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn session_digest(
    Reading(state): Reading,
    ApiPath(session_id): ApiPath<String>,
    ApiQuery(form): ApiQuery<DigestForm>,
) -> Result<Response, ApiError> {
    answer(&state, vec![session_id], SessionFilter::default(), &form).await
}

async fn answer(
    state: &AppState,
    ids: Vec<String>,
    filter: SessionFilter,
    form: &DigestForm,
) -> Result<Response, ApiError> {
    let budget_tokens = form.budget_tokens.unwrap_or(DEFAULT_BUDGET);
    if !(MIN_BUDGET..=MAX_BUDGET).contains(&budget_tokens) {
        return Err(ApiError::bad_request(format!(
            "`budget_tokens` is between {MIN_BUDGET} and {MAX_BUDGET}"
        )));
    }
    let links = form.links.clone().unwrap_or_else(|| own_address(state));
    if !is_address(&links) {
        return Err(ApiError::bad_request(
            "`links` is the address of a server, as in http://localhost:7771",
        ));
    }
    let filter = match ids.is_empty() {
        true => filter,
        false => only(state, ids).await?,
    };
    let text = text(state, &filter, budget_tokens, form.format, links).await?;
    let content_type = match form.format {
        Format::Md => "text/markdown; charset=utf-8",
        Format::Json => "application/json",
    };
    Ok(([(CONTENT_TYPE, content_type)], text).into_response())
}

/// The digest of one session in Markdown, as it is handed to others.
pub(crate) async fn text_of_session(
    state: &AppState,
    session_id: String,
    budget_tokens: usize,
) -> Result<String, ApiError> {
    let filter = only(state, vec![session_id]).await?;
    text(
        state,
        &filter,
        budget_tokens,
        Format::Md,
        own_address(state),
    )
    .await
}

async fn text(
    state: &AppState,
    filter: &SessionFilter,
    budget_tokens: usize,
    format: Format,
    links: String,
) -> Result<String, ApiError> {
    let material = digest::gather(state, filter, budget_tokens).await?;
    let wanted = Wanted {
        budget_tokens,
        format,
        links,
    };
    state
        .blocking(move |_| Ok(digest::compose(&material, &wanted)))
        .await
}

/// These sessions and no others.
async fn only(state: &AppState, ids: Vec<String>) -> Result<SessionFilter, ApiError> {
    let known = sessions_by_id(state, ids.clone()).await?;
    let missing = ids
        .iter()
        .find(|id| known.iter().all(|row| row.session_id != **id));
    match missing {
        Some(missing) => Err(session_not_found(missing)),
        None => Ok(SessionFilter::only(ids)),
    }
}

fn own_address(state: &AppState) -> String {
    let (scheme, port) = (state.config.scheme(), state.config.ui.port());
    format!("{scheme}://localhost:{port}")
}

fn is_address(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]/".contains(&byte);
    (text.starts_with("http://") || text.starts_with("https://"))
        && text.len() <= MAX_LINKS_BYTES
        && text.bytes().all(is_plain)
}
