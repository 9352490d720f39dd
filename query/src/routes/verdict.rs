//! `/sessions/{id}/why` and `/compare`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::compare::{self, Pair};
use crate::error::{ApiError, ErrorBody};
use crate::extract::ApiQuery;
use crate::findings::{self, Act, Evidence, Outcome, Session, Verdict};
use crate::model::SpanRef;
use crate::rows::{self, text_param};
use crate::sql;
use crate::state::AppState;

/// Why a run failed, by fixed rules, with what shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Why {
    session_id: String,
    status: String,
    /// `loop`, `blocked`, `model_failure`, `cut_off`, `interrupted`, `tool_failure`, `drift`, `none`.
    mode: &'static str,
    sentence: String,
    /// In order of time.
    evidence: Vec<WhyEvidence>,
    /// The last thing that went well before it went wrong.
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
    State(state): State<AppState>,
    Path(session_id): Path<String>,
) -> Result<Json<Why>, ApiError> {
    let (figures, session, ending) = read(&state, &session_id).await?;
    let found = session.findings(ending);
    let outcome = Outcome {
        status: &figures.status,
        harness: figures.harness.as_deref(),
    };
    let Verdict {
        mode,
        sentence,
        evidence,
        change,
        waste,
        remedy,
    } = findings::verdict(session.acts(), &found, &outcome);
    Ok(Json(Why {
        session_id,
        status: figures.status,
        mode,
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
    }))
}

fn shown(evidence: Evidence) -> WhyEvidence {
    WhyEvidence {
        text: evidence.text,
        span: span_ref(&evidence.span),
    }
}

fn span_ref(key: &store::ActKey) -> SpanRef {
    SpanRef {
        trace_id: key.trace_id.hex(),
        span_id: key.span_id.hex(),
    }
}

/// Which two sessions.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ComparePair {
    a: String,
    b: String,
}

/// The figures of one session.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Figures {
    session_id: String,
    title: Option<String>,
    harness: Option<String>,
    harness_version: Option<String>,
    status: String,
    models: Vec<String>,
    turn_count: i64,
    model_request_count: i64,
    tool_call_count: i64,
    error_count: i64,
    denied_count: i64,
    input_tokens: i64,
    output_tokens: i64,
    cost_usd: Option<f64>,
    duration_ns: i64,
}

/// Two sessions side by side.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Comparison {
    a: Figures,
    b: Figures,
    /// Where they first part, in words; null when all calls agree.
    divergence: Option<String>,
    /// Place of the first step that is not the same.
    divergence_at: Option<usize>,
    /// The tool calls of both, aligned.
    steps: Vec<CompareStep>,
    /// Only the first 2,000 calls of each were aligned.
    truncated: bool,
}

/// One step of the alignment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CompareStep {
    /// `same`, `varied` (the same kind of call with other arguments), `only_a`, `only_b`.
    kind: &'static str,
    a: Option<CompareCall>,
    b: Option<CompareCall>,
}

/// A call of an aligned step.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct CompareCall {
    span: SpanRef,
    tool: String,
    detail: Option<String>,
    is_error: bool,
}

/// Where do two runs part?
#[utoipa::path(get, path = "/compare", params(ComparePair), tag = "findings",
    responses((status = 200, body = Comparison),
        (status = 404, description = "No such session", body = ErrorBody)))]
pub(crate) async fn compare_sessions(
    State(state): State<AppState>,
    ApiQuery(pair): ApiQuery<ComparePair>,
) -> Result<Json<Comparison>, ApiError> {
    let (a, session_a, _) = read(&state, &pair.a).await?;
    let (b, session_b, _) = read(&state, &pair.b).await?;
    let (calls_a, calls_b) = (calls(&session_a), calls(&session_b));
    let pairs = compare::align(&calls_a, &calls_b);
    let call = |calls: &[&Act], at: Option<usize>| calls.get(at?).map(|act| shown_call(act));
    let steps: Vec<CompareStep> = pairs
        .iter()
        .map(|pair| {
            let (at_a, at_b) = pair.places();
            CompareStep {
                kind: pair.word(),
                a: call(&calls_a, at_a),
                b: call(&calls_b, at_b),
            }
        })
        .collect();
    let divergence_at = pairs
        .iter()
        .position(|pair| !matches!(pair, Pair::Same(..)));
    let divergence = divergence_at.and_then(|at| steps.get(at).map(|step| divergence(at, step)));
    Ok(Json(Comparison {
        a,
        b,
        divergence,
        divergence_at,
        steps,
        truncated: calls_a.len().max(calls_b.len()) > compare::MAX_CALLS,
    }))
}

fn calls(session: &Session) -> Vec<&Act> {
    session.acts().iter().filter(|act| act.is_tool()).collect()
}

fn shown_call(act: &Act) -> CompareCall {
    CompareCall {
        span: span_ref(&act.key),
        tool: act.tool_words(),
        detail: act.detail.as_deref().map(str::to_owned),
        is_error: act.is_error || act.is_denied(),
    }
}

fn divergence(agreed: usize, step: &CompareStep) -> String {
    let words = |call: &CompareCall| match call.detail.as_deref() {
        Some(detail) if !detail.is_empty() => format!("{} ({detail})", call.tool),
        _ => call.tool.clone(),
    };
    let then = match (&step.a, &step.b) {
        (Some(a), Some(b)) => format!("A called {} and B {}", words(a), words(b)),
        (Some(a), None) => format!("only A called {}", words(a)),
        (None, Some(b)) => format!("only B called {}", words(b)),
        (None, None) => String::new(),
    };
    match agreed {
        0 => format!("They part at the first call: {then}."),
        1 => format!("They agree in one call, then {then}."),
        n => format!("They agree in {n} calls, then {then}."),
    }
}

/// A session's figures and its acts, as stored.
async fn read(
    state: &AppState,
    session_id: &str,
) -> Result<(Figures, Session, findings::Ending), ApiError> {
    let table = state
        .read(sql::SESSION_FIGURES, vec![text_param(Some(session_id))])
        .await?;
    let Some(figures) = rows::rows(&table).next().map(|row| figures(&row)) else {
        return Err(ApiError::not_found(
            "session_not_found",
            format!("no session has the id {session_id}"),
        ));
    };
    let id: Arc<str> = Arc::from(session_id);
    let settings = Arc::clone(&state.config.detectors);
    let (session, ending) = state
        .blocking(move |store| Ok(findings::read_session(store, &settings, &id, None)?))
        .await?;
    Ok((figures, session, ending))
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
