//! Counters and health.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::reach::Whole;
use crate::state::{AppState, Footprint};
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
    findings: Detectors,
    health: Health,
    folder: Folder,
    process: Process,
}

/// Whether requests are acknowledged, and what they would be told otherwise.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    is_ready: bool,
    /// Why not.
    reason: Option<String>,
    /// Times that the database engine gave up and the database was opened again.
    database_recoveries: u64,
}

/// The data folder.
#[derive(Debug, Serialize, ToSchema)]
struct Folder {
    /// Bytes of each of its parts.
    parts: Vec<FolderPart>,
    /// What its file system has left.
    free_bytes: Option<u64>,
}

/// One part of the data folder: `database`, `database_log`, `journal`, `search`, `hooks`, `temporary`,
/// `other`.
#[derive(Debug, Serialize, ToSchema)]
struct FolderPart {
    name: &'static str,
    size_bytes: u64,
}

/// The running program.
#[derive(Debug, Serialize, ToSchema)]
struct Process {
    uptime_seconds: f64,
    /// Memory that it holds at present.
    resident_bytes: Option<u64>,
    /// Files and sockets that it has open.
    open_files: Option<u64>,
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

/// How far the detectors are, which look at each session that has changed.
#[derive(Debug, Serialize, ToSchema)]
struct Detectors {
    /// Sessions that have changed and are to be looked at.
    waiting_sessions: u64,
    /// Sessions looked at since the start, each time that they were.
    looked_sessions: u64,
    /// What the latest look at some sessions took.
    last_look_seconds: f64,
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
    /// Decompressed bytes of the requests that were taken.
    received_bytes: u64,
    /// Memory that requests hold between socket and store, and what they may hold at most.
    queued_bytes: u64,
    queue_limit_bytes: u64,
    /// How long the oldest acknowledged request that cannot be queried yet has waited.
    lag_seconds: f64,
    /// Of the journal on disk: what is acknowledged is there until it is loaded.
    journal_bytes: u64,
    /// Attempts to store what was acknowledged that failed; each is repeated until it succeeds.
    load_failures: u64,
    /// The latest attempt failed, so that nothing new can be queried.
    is_load_failing: bool,
    /// Mean time that a group of requests took from being understood to being stored.
    group_mean_seconds: Option<f64>,
    /// Whole requests that were not taken.
    refusals: Vec<Refusals>,
    /// Passages replaced before they were stored; null where nothing is redacted.
    redactions: Option<Vec<Redactions>>,
    /// The latest write of the journal failed, so that nothing is acknowledged.
    is_journal_failing: bool,
    /// Averages of the last minute.
    per_second: PerSecond,
}

/// Requests that were not taken for one reason.
#[derive(Debug, Serialize, ToSchema)]
struct Refusals {
    reason: &'static str,
    count: u64,
}

/// Passages of one kind that were replaced.
#[derive(Debug, Serialize, ToSchema)]
struct Redactions {
    kind: String,
    count: u64,
}

/// What arrived and was stored in a second, on the average.
#[derive(Debug, Serialize, ToSchema)]
struct PerSecond {
    requests: f64,
    received_bytes: f64,
    spans: f64,
    log_records: f64,
    metric_points: f64,
    refusals: f64,
}

/// Counts of what is stored and of what has arrived.
#[utoipa::path(get, path = "/stats", tag = "status", responses((status = 200, body = Stats)))]
pub(crate) async fn get_stats(Whole(state): Whole) -> Result<Json<Stats>, ApiError> {
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
    let (footprint, refuses) = observe(&state).await?;
    let ingest = state.observer.ingest();
    let detectors = state.detectors.reached();
    let rates = state.rates.now(&ingest);
    let groups: u64 = ingest.group_times.counts.iter().sum();
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
            received_bytes: ingest.received_bytes,
            queued_bytes: ingest.queued_bytes,
            queue_limit_bytes: ingest.queue_limit_bytes,
            lag_seconds: ingest.lag.as_secs_f64(),
            journal_bytes: ingest.journal_bytes,
            load_failures: ingest.load_failures,
            is_load_failing: ingest.is_load_failing,
            group_mean_seconds: (groups > 0).then(|| ingest.group_times.sum_s / groups as f64),
            refusals: ingest
                .refusals
                .into_iter()
                .filter(|(_, count)| *count > 0)
                .map(|(reason, count)| Refusals { reason, count })
                .collect(),
            redactions: ingest.redactions.map(|kinds| {
                kinds
                    .into_iter()
                    .map(|(kind, count)| Redactions { kind, count })
                    .collect()
            }),
            is_journal_failing: ingest.is_journal_failing,
            per_second: PerSecond {
                requests: rates.requests,
                received_bytes: rates.received_bytes,
                spans: rates.spans,
                log_records: rates.log_records,
                metric_points: rates.metric_points,
                refusals: rates.refusals,
            },
        },
        search: SearchIndex {
            waiting_acts: search.waiting_act_count,
            waiting_bytes: search.waiting_bytes,
            index_bytes: search.index_bytes,
        },
        findings: Detectors {
            waiting_sessions: detectors.waiting_sessions,
            looked_sessions: detectors.looked_sessions,
            last_look_seconds: detectors.last_look.as_secs_f64(),
        },
        health: Health {
            is_ready: refuses.is_none(),
            reason: refuses,
            database_recoveries: state.store.recovery_count(),
        },
        folder: Folder {
            parts: footprint
                .parts
                .into_iter()
                .map(|(name, size_bytes)| FolderPart { name, size_bytes })
                .collect(),
            free_bytes: footprint.free_bytes,
        },
        process: Process {
            uptime_seconds: state.started.elapsed().as_secs_f64(),
            resident_bytes: footprint.resident_bytes,
            open_files: footprint.open_files,
        },
    }))
}

/// What the program takes of its machine, and why it would not take a request, if so.
pub(crate) async fn observe(state: &AppState) -> Result<(Footprint, Option<String>), ApiError> {
    let observer = Arc::clone(&state.observer);
    state
        .blocking(move |_| Ok((observer.footprint(), observer.refuses())))
        .await
}

/// The process answers.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// The store answers as well, and a request would be acknowledged. Says why not in one line.
pub(crate) async fn readyz(state: AppState) -> (StatusCode, String) {
    match not_ready(&state).await {
        None => (StatusCode::OK, "ready\n".to_owned()),
        Some(reason) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("not ready: {reason}\n"),
        ),
    }
}

/// Why the whole cannot be used at this moment.
pub(crate) async fn not_ready(state: &AppState) -> Option<String> {
    if state.shutdown.is_cancelled() {
        return Some("the server is shutting down".to_owned());
    }
    if state.read("select 1", Vec::new()).await.is_err() {
        return Some("the database cannot be read".to_owned());
    }
    let observer = Arc::clone(&state.observer);
    let refuses = state.blocking(move |_| Ok(observer.refuses())).await;
    refuses.unwrap_or_else(|_| Some("the receivers do not answer".to_owned()))
}
