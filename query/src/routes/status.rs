//! Counters and health.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::state::AppState;
use crate::time::rfc3339;

/// Counting reads whole columns, so its result serves this long.
const COUNTS_LIFE: Duration = Duration::from_secs(1);

/// How much is stored, and what has arrived since the start.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Stats {
    version: &'static str,
    started_at: String,
    session_count: u64,
    span_count: u64,
    event_count: u64,
    metric_count: u64,
    /// Of all distinct payloads, as sent.
    payload_bytes: u64,
    /// On disk.
    stored_bytes: u64,
    otlp: OtlpAddresses,
    prices: Prices,
    ingest: Ingest,
    search: SearchIndex,
}

/// How far the index of the full-text search is; searches read what waits themselves.
#[derive(Debug, Serialize, ToSchema)]
struct SearchIndex {
    /// Acts that are not indexed yet.
    waiting_acts: u64,
    /// Bytes of texts that are not indexed yet.
    waiting_bytes: u64,
    /// On disk.
    index_bytes: u64,
}

/// Where OTLP is received.
#[derive(Debug, Serialize, ToSchema)]
struct OtlpAddresses {
    grpc: String,
    http: String,
}

/// The price table behind costs whose `cost_source` is `price_table`.
#[derive(Debug, Serialize, ToSchema)]
struct Prices {
    /// Day up to which the prices were looked up, `YYYY-MM-DD`.
    date: String,
    /// Path of the user's own table over the shipped one, where there is one.
    overridden_by: Option<String>,
}

/// Counted since the start.
#[derive(Debug, Serialize, ToSchema)]
struct Ingest {
    requests: u64,
    spans: u64,
    log_records: u64,
    metric_points: u64,
    rejected: u64,
    duplicates: u64,
    queued_bytes: u64,
}

/// Counts of what is stored and of what has arrived.
#[utoipa::path(get, path = "/stats", tag = "status", responses((status = 200, body = Stats)))]
pub(crate) async fn get_stats(State(state): State<AppState>) -> Result<Json<Stats>, ApiError> {
    let cached = {
        let counts = state.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.filter(|(at, _)| at.elapsed() < COUNTS_LIFE)
    };
    let counts = match cached {
        Some((_, counts)) => counts,
        None => {
            let counts = state.blocking(|store| Ok(store.counts()?)).await?;
            *state.counts.lock().unwrap_or_else(PoisonError::into_inner) =
                Some((Instant::now(), counts));
            counts
        }
    };
    let search = state.blocking(|store| Ok(store.search_state()?)).await?;
    let ingest = (state.count_ingest)();
    Ok(Json(Stats {
        version: env!("CARGO_PKG_VERSION"),
        started_at: rfc3339(state.started_ns),
        session_count: counts.session_count,
        span_count: counts.span_count,
        event_count: counts.event_count,
        metric_count: counts.metric_count,
        payload_bytes: counts.payload_bytes,
        stored_bytes: counts.file_bytes,
        otlp: OtlpAddresses {
            grpc: state.config.otlp_grpc.to_string(),
            http: state.config.otlp_http.to_string(),
        },
        prices: Prices {
            date: state.config.prices.date.clone(),
            overridden_by: state
                .config
                .prices
                .overridden_by
                .as_ref()
                .map(|path| path.display().to_string()),
        },
        ingest: Ingest {
            requests: ingest.requests,
            spans: ingest.spans,
            log_records: ingest.log_records,
            metric_points: ingest.metric_points,
            rejected: ingest.rejected,
            duplicates: ingest.duplicates,
            queued_bytes: ingest.queued_bytes,
        },
        search: SearchIndex {
            waiting_acts: search.waiting_act_count,
            waiting_bytes: search.waiting_bytes,
            index_bytes: search.index_bytes,
        },
    }))
}

/// The process answers.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// The store answers as well.
pub(crate) async fn readyz(State(state): State<AppState>) -> (StatusCode, &'static str) {
    match state.read("select 1", Vec::new()).await {
        Ok(_) if !state.shutdown.is_cancelled() => (StatusCode::OK, "ready\n"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
    }
}
