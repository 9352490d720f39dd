//! `/timeline` and `/catalog`: what was used, over time and by name.

use axum::Json;
use serde::{Deserialize, Serialize};
use store::Value;
use utoipa::{IntoParams, ToSchema};

use crate::error::{ApiError, ErrorBody};
use crate::extract::ApiQuery;
use crate::reach::Reading;
use crate::rows::{self, Named, list_param};
use crate::sql;
use crate::time::{comparable_ns, now_ns};

const DEFAULT_SPAN_NS: i64 = 7 * 24 * 3600 * 1_000_000_000;
const DEFAULT_STEPS: i64 = 84;
const MAX_STEPS: i64 = 2000;

/// Parts of the time that the trend of a catalog entry counts in.
const TREND_PARTS: usize = 24;

/// Which time and which sessions.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct TimelineFilter {
    /// Unix nanoseconds; seven days before the end when absent.
    from_ns: Option<i64>,
    /// Unix nanoseconds; now when absent.
    until_ns: Option<i64>,
    /// Length of one step; at most 2,000 steps.
    step_ns: Option<i64>,
    harness: Vec<String>,
    project: Vec<String>,
    model: Vec<String>,
}

/// Figures over time, as columns of equal length. Steps without any act are absent.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Timeline {
    from_ns: i64,
    until_ns: i64,
    step_ns: i64,
    /// Step number, from 0.
    step: Vec<i64>,
    /// Sessions that started in the step, without those of subagents.
    session_count: Vec<i64>,
    model_request_count: Vec<i64>,
    tool_call_count: Vec<i64>,
    error_count: Vec<i64>,
    denied_count: Vec<i64>,
    input_tokens: Vec<i64>,
    output_tokens: Vec<i64>,
    cache_read_tokens: Vec<i64>,
    cost_usd: Vec<Option<f64>>,
    /// Median duration of model requests, and the one that 95 of 100 stay under.
    model_p50_ns: Vec<Option<i64>>,
    model_p95_ns: Vec<Option<i64>>,
    tool_p50_ns: Vec<Option<i64>>,
    tool_p95_ns: Vec<Option<i64>>,
}

/// The time that a question is about.
fn time_range(from_ns: Option<i64>, until_ns: Option<i64>) -> Result<(i64, i64), ApiError> {
    let until = comparable_ns(until_ns.unwrap_or_else(now_ns));
    let from = comparable_ns(from_ns.unwrap_or(until.saturating_sub(DEFAULT_SPAN_NS)));
    if from < until && until.checked_sub(from).is_some() {
        Ok((from, until))
    } else {
        Err(ApiError::bad_request(
            "`from_ns` has to be before `until_ns`",
        ))
    }
}

/// Usage, cost, latency and errors of counted acts over time.
#[utoipa::path(get, path = "/timeline", params(TimelineFilter), tag = "usage",
    responses((status = 200, body = Timeline), (status = 400, body = ErrorBody)))]
pub(crate) async fn get_timeline(
    Reading(state): Reading,
    ApiQuery(filter): ApiQuery<TimelineFilter>,
) -> Result<Json<Timeline>, ApiError> {
    let (from_ns, until_ns) = time_range(filter.from_ns, filter.until_ns)?;
    let span_ns = until_ns - from_ns;
    let step_ns = filter.step_ns.unwrap_or((span_ns / DEFAULT_STEPS).max(1));
    if step_ns < 1 || span_ns / step_ns >= MAX_STEPS {
        let message = format!("`step_ns` has to give between 1 and {MAX_STEPS} steps");
        return Err(ApiError::bad_request(message));
    }
    let params = vec![
        Value::Int(from_ns),
        Value::Int(until_ns),
        Value::Int(step_ns),
        list_param(&filter.harness),
        list_param(&filter.project),
        list_param(&filter.model),
    ];
    let table = state.read(sql::TIMELINE, params).await?;
    let mut timeline = Timeline {
        from_ns,
        until_ns,
        step_ns,
        ..Timeline::default()
    };
    for row in rows::rows(&table) {
        timeline.push(&row);
    }
    Ok(Json(timeline))
}

impl Timeline {
    fn push(&mut self, row: &Named<'_>) {
        self.step.push(row.count("step"));
        self.session_count.push(row.count("session_count"));
        self.model_request_count
            .push(row.count("model_request_count"));
        self.tool_call_count.push(row.count("tool_call_count"));
        self.error_count.push(row.count("error_count"));
        self.denied_count.push(row.count("denied_count"));
        self.input_tokens.push(row.count("input_tokens"));
        self.output_tokens.push(row.count("output_tokens"));
        self.cache_read_tokens.push(row.count("cache_read_tokens"));
        self.cost_usd.push(row.double("cost_usd"));
        self.model_p50_ns.push(row.int("model_p50_ns"));
        self.model_p95_ns.push(row.int("model_p95_ns"));
        self.tool_p50_ns.push(row.int("tool_p50_ns"));
        self.tool_p95_ns.push(row.int("tool_p95_ns"));
    }
}

/// Which time and which sessions.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct CatalogFilter {
    /// Unix nanoseconds; seven days before the end when absent.
    from_ns: Option<i64>,
    /// Unix nanoseconds; now when absent.
    until_ns: Option<i64>,
    harness: Vec<String>,
    project: Vec<String>,
}

/// Something that sessions use.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogEntry {
    /// `tool`, `mcp` (a server), `skill`, `hook`, `agent`, `model`, `harness`.
    kind: String,
    name: String,
    /// Calls, requests, starts; of a harness, sessions without those of subagents.
    use_count: i64,
    session_count: i64,
    failure_count: i64,
    denied_count: i64,
    total_duration_ns: i64,
    p50_duration_ns: Option<i64>,
    p95_duration_ns: Option<i64>,
    input_tokens: i64,
    output_tokens: i64,
    cost_usd: Option<f64>,
    last_used_at: String,
    /// Uses in 24 equal parts of the time.
    trend: Vec<i64>,
}

/// Everything that was used, by kind, most used first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Catalog {
    from_ns: i64,
    until_ns: i64,
    entries: Vec<CatalogEntry>,
}

/// Tools, MCP servers, skills, hooks, agents, models and harnesses, and how they did.
#[utoipa::path(get, path = "/catalog", params(CatalogFilter), tag = "usage",
    responses((status = 200, body = Catalog), (status = 400, body = ErrorBody)))]
pub(crate) async fn get_catalog(
    Reading(state): Reading,
    ApiQuery(filter): ApiQuery<CatalogFilter>,
) -> Result<Json<Catalog>, ApiError> {
    let (from_ns, until_ns) = time_range(filter.from_ns, filter.until_ns)?;
    let params = vec![
        Value::Int(from_ns),
        Value::Int(until_ns),
        Value::Int(TREND_PARTS as i64),
        list_param(&filter.harness),
        list_param(&filter.project),
    ];
    let table = state.read(sql::CATALOG, params).await?;
    Ok(Json(Catalog {
        from_ns,
        until_ns,
        entries: rows::rows(&table).map(|row| catalog_entry(&row)).collect(),
    }))
}

fn catalog_entry(row: &Named<'_>) -> CatalogEntry {
    CatalogEntry {
        kind: row.string("kind"),
        name: row.string("name"),
        use_count: row.count("use_count"),
        session_count: row.count("session_count"),
        failure_count: row.count("failure_count"),
        denied_count: row.count("denied_count"),
        total_duration_ns: row.count("total_duration_ns"),
        p50_duration_ns: row.int("p50_duration_ns"),
        p95_duration_ns: row.int("p95_duration_ns"),
        input_tokens: row.count("input_tokens"),
        output_tokens: row.count("output_tokens"),
        cost_usd: row.double("cost_usd"),
        last_used_at: row.time("last_used_at").unwrap_or_default(),
        trend: trend(row.value("trend")),
    }
}

/// The counts of a histogram, parts without any filled with 0.
fn trend(histogram: &Value) -> Vec<i64> {
    let mut counts = vec![0; TREND_PARTS];
    if let Value::Object(entries) = histogram {
        for (part, count) in entries {
            let place = part
                .parse::<usize>()
                .ok()
                .and_then(|part| counts.get_mut(part));
            if let (Some(place), Value::Int(count)) = (place, count) {
                *place = *count;
            }
        }
    }
    counts
}
