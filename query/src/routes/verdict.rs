//! `/sessions/{id}/why`: why a run failed.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::Path;
use serde::Serialize;
use store::Table;
use utoipa::ToSchema;

use super::sessions::session_not_found;

use crate::error::{ApiError, ErrorBody};
use crate::findings::{self, Evidence, Outcome, Session, Verdict};
use crate::model::SpanRef;
use crate::reach::Reading;
use crate::rows::{self, text_param};
use crate::sql;
use crate::state::AppState;

/// Why a run failed, by fixed rules, with what shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Why {
    session_id: String,
    status: String,
    /// `loop`, `blocked`, `model_failure`, `cut_off`, `limit`, `interrupted`, `tool_failure`, `drift`,
    /// `stall`, `unfinished`, `context`, `outlier`,
    /// `none`.
    mode: &'static str,
    sentence: String,
    /// In order of time.
    evidence: Vec<WhyEvidence>,
    /// What had gone well up to where it went wrong.
    change: Option<WhyEvidence>,
    /// What the waste of all findings cost.
    wasted_ns: i64,
    wasted_tokens: i64,
    wasted_cost_usd: Option<f64>,
    remedy: WhyRemedy,
}

/// A statement and the span that shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WhyEvidence {
    text: String,
    span: SpanRef,
}

/// What to do about it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WhyRemedy {
    text: String,
    /// The harness's settings file that `configuration` is to be pasted into.
    file: Option<&'static str>,
    configuration: Option<String>,
}

/// Why did this run fail?
#[utoipa::path(get, path = "/sessions/{session_id}/why", tag = "findings",
    params(("session_id" = String, Path)),
    responses((status = 200, body = Why),
        (status = 404, description = "No such session", body = ErrorBody)))]
pub(crate) async fn why(
    Reading(state): Reading,
    Path(session_id): Path<String>,
) -> Result<Json<Why>, ApiError> {
    Ok(Json(explain(&state, session_id).await?))
}

/// Works out why a session failed.
pub(crate) async fn explain(state: &AppState, session_id: String) -> Result<Why, ApiError> {
    let (figures, session, ending) = read(state, &session_id).await?;
    let found = session.findings(ending);
    let guard = guard_command(state.config.ui);
    let outcome = Outcome {
        status: &figures.status,
        harness: figures.harness.as_deref(),
        guard: &guard,
    };
    let Verdict {
        mode,
        sentence,
        evidence,
        change,
        waste,
        remedy,
    } = findings::verdict(session.acts(), &found, &outcome);
    Ok(Why {
        session_id,
        status: figures.status,
        mode: mode.word(),
        sentence,
        evidence: evidence.into_iter().map(shown).collect(),
        change: change.map(shown),
        wasted_ns: waste.ns,
        wasted_tokens: waste.tokens,
        wasted_cost_usd: waste.cost_usd,
        remedy: WhyRemedy {
            text: remedy.text,
            file: remedy.file,
            configuration: remedy.configuration,
        },
    })
}

/// The hook that asks this server, as a harness is to run it.
pub(crate) fn guard_command(ui: SocketAddr) -> String {
    const DEFAULT_PORT: u16 = 7771;
    match ui.port() {
        DEFAULT_PORT => "spanreel guard".to_owned(),
        _ => format!("spanreel guard --url http://{ui}"),
    }
}

fn shown(evidence: Evidence) -> WhyEvidence {
    WhyEvidence {
        text: evidence.text,
        span: span_ref(&evidence.span),
    }
}

pub(crate) fn span_ref(key: &store::ActKey) -> SpanRef {
    SpanRef {
        trace_id: key.trace_id.hex(),
        span_id: key.span_id.hex(),
    }
}

/// The figures of one session.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Figures {
    pub(crate) session_id: String,
    pub(crate) title: Option<String>,
    pub(crate) harness: Option<String>,
    pub(crate) harness_version: Option<String>,
    pub(crate) status: String,
    pub(crate) models: Vec<String>,
    pub(crate) turn_count: i64,
    pub(crate) model_request_count: i64,
    pub(crate) tool_call_count: i64,
    pub(crate) error_count: i64,
    pub(crate) denied_count: i64,
    pub(crate) input_tokens: i64,
    pub(crate) output_tokens: i64,
    pub(crate) cost_usd: Option<f64>,
    pub(crate) duration_ns: i64,
}

/// A session's figures and its acts, as stored.
pub(crate) async fn read(
    state: &AppState,
    session_id: &str,
) -> Result<(Figures, Session, findings::Ending), ApiError> {
    let table = figures_table(state, session_id).await?;
    let Some(figures) = rows::rows(&table).next().map(|row| figures(&row)) else {
        return Err(session_not_found(session_id));
    };
    let id: Arc<str> = Arc::from(session_id);
    let settings = Arc::clone(&state.config.detectors);
    let (session, ending) = state
        .blocking(move |store| Ok(findings::read_session(store, &settings, &id)?))
        .await?;
    Ok((figures, session, ending))
}

async fn figures_table(state: &AppState, session_id: &str) -> Result<Table, ApiError> {
    let id = vec![text_param(Some(session_id))];
    state.read(sql::SESSION_FIGURES, id).await
}

fn figures(row: &rows::Named<'_>) -> Figures {
    Figures {
        session_id: row.string("session_id"),
        title: row.text("title"),
        harness: row.text("harness"),
        harness_version: row.text("harness_version"),
        status: row.string("status"),
        models: row.texts("models"),
        turn_count: row.count("turn_count"),
        model_request_count: row.count("model_request_count"),
        tool_call_count: row.count("tool_call_count"),
        error_count: row.count("error_count"),
        denied_count: row.count("denied_count"),
        input_tokens: row.count("input_tokens"),
        output_tokens: row.count("output_tokens"),
        cost_usd: row.double("cost_usd"),
        duration_ns: row.count("duration_ns"),
    }
}
