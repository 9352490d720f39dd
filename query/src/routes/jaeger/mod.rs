//! The reading half of Jaeger's HTTP API, so that Grafana's Jaeger data source and the Jaeger UI show
//! the same data. Shapes as in `model/json` of Jaeger; times are microseconds.

mod model;
mod search;
mod trace;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery};
use axum::http::header::HOST;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::Value;
use tower_http::compression::CompressionLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::ApiError;
use crate::etag;
use crate::reach::{Reading, Site};
use crate::rows::{self, text_param};
use crate::sql;
use crate::state::AppState;
use crate::time::now_ns;
use model::{
    JaegerDependencies, JaegerDependency, JaegerError, JaegerFailure, JaegerNames, JaegerOperation,
    JaegerOperations, JaegerTraces,
};
use search::{DependencyQuery, OperationQuery, TraceQuery};

/// The routes, to be put under `/jaeger/api`.
pub(crate) fn router() -> OpenApiRouter<Site> {
    OpenApiRouter::new()
        .routes(routes!(list_services))
        .routes(routes!(list_operation_names))
        .routes(routes!(list_operations))
        .routes(routes!(find_traces))
        .routes(routes!(get_trace))
        .routes(routes!(list_dependencies))
        .layer(axum::middleware::from_fn(etag::etag))
        .layer(CompressionLayer::new())
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// In the shape that Jaeger's clients read.
    Asked(StatusCode, String),
    Failed(ApiError),
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, msg) = match self {
            Self::Asked(status, message) => (status, message),
            Self::Failed(error) => return error.into_response(),
        };
        let error = JaegerError {
            code: Some(status.as_u16()),
            msg,
            trace_id: None,
        };
        (status, Json(JaegerFailure::new(error))).into_response()
    }
}

fn bad_request(message: impl Into<String>) -> Refusal {
    Refusal::Asked(StatusCode::BAD_REQUEST, message.into())
}

fn parameters<T: DeserializeOwned>(query: Option<String>) -> Result<T, Refusal> {
    serde_html_form::from_str(query.as_deref().unwrap_or_default())
        .map_err(|error| bad_request(format!("the query string: {error}")))
}

fn named(path: Result<Path<String>, PathRejection>) -> Result<String, Refusal> {
    path.map(|Path(name)| name)
        .map_err(|rejection| bad_request(rejection.body_text()))
}

/// Everything that sent spans.
#[utoipa::path(get, path = "/services", tag = "jaeger",
    responses((status = 200, body = JaegerNames)))]
pub(crate) async fn list_services(Reading(state): Reading) -> Result<Response, Refusal> {
    let table = state.read(sql::JAEGER_SERVICES, Vec::new()).await?;
    let names = rows::rows(&table).map(|row| row.string("service"));
    Ok(Json(JaegerNames::new(names.collect())).into_response())
}

/// Names of a service's spans.
#[utoipa::path(get, path = "/services/{service}/operations", tag = "jaeger",
    params(("service" = String, Path)),
    responses((status = 200, body = JaegerNames), (status = 400, body = JaegerFailure)))]
pub(crate) async fn list_operation_names(
    Reading(state): Reading,
    service: Result<Path<String>, PathRejection>,
) -> Result<Response, Refusal> {
    let mut names: Vec<String> = operations(&state, &named(service)?, None)
        .await?
        .into_iter()
        .map(|operation| operation.name)
        .collect();
    names.dedup();
    Ok(Json(JaegerNames::new(names)).into_response())
}

/// Names and kinds of a service's spans.
#[utoipa::path(get, path = "/operations", tag = "jaeger", params(OperationQuery),
    responses((status = 200, body = JaegerOperations), (status = 400, body = JaegerFailure)))]
pub(crate) async fn list_operations(
    Reading(state): Reading,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let query: OperationQuery = parameters(query)?;
    let service = query
        .service
        .as_deref()
        .filter(|service| !service.is_empty())
        .ok_or_else(|| bad_request("parameter 'service' is required"))?;
    let kind = query.span_kind.as_deref().filter(|kind| !kind.is_empty());
    let operations = operations(&state, service, kind).await?;
    Ok(Json(JaegerOperations::new(operations)).into_response())
}

async fn operations(
    state: &AppState,
    service: &str,
    kind: Option<&str>,
) -> Result<Vec<JaegerOperation>, Refusal> {
    let kind = kind.map(str::to_lowercase);
    let params = vec![text_param(Some(service)), text_param(kind.as_deref())];
    let table = state.read(sql::JAEGER_OPERATIONS, params).await?;
    Ok(rows::rows(&table)
        .map(|row| JaegerOperation {
            name: row.string("name"),
            span_kind: row.string("kind"),
        })
        .collect())
}

/// Traces that fit, or those that are named.
///
/// A trace fits when one of its spans has the service, the name, the tags and the duration. Texts of
/// acts come whole up to 64 KiB each and 16 MiB together; of larger ones the address comes.
#[utoipa::path(get, path = "/traces", tag = "jaeger", params(TraceQuery),
    responses((status = 200, body = JaegerTraces), (status = 400, body = JaegerFailure)))]
pub(crate) async fn find_traces(
    Reading(state): Reading,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let query: TraceQuery = parameters(query)?;
    let found = match query.trace_ids().map_err(bad_request)? {
        Some(ids) => known(&state, ids).await?,
        None => {
            let params = query.params(now_ns()).map_err(bad_request)?;
            let table = state.read(sql::JAEGER_FIND_TRACES, params).await?;
            let ids = rows::rows(&table).map(|row| row.string("trace_id"));
            trace::Found::all(ids.collect())
        }
    };
    Ok(trace::response(state, found, host(&headers)))
}

/// One trace.
#[utoipa::path(get, path = "/traces/{trace_id}", tag = "jaeger",
    params(("trace_id" = String, Path, description = "Up to 32 hex digits")),
    responses((status = 200, body = JaegerTraces), (status = 400, body = JaegerFailure),
        (status = 404, body = JaegerFailure)))]
pub(crate) async fn get_trace(
    Reading(state): Reading,
    headers: HeaderMap,
    trace_id: Result<Path<String>, PathRejection>,
) -> Result<Response, Refusal> {
    let id = search::trace_id(&named(trace_id)?).map_err(bad_request)?;
    let found = known(&state, vec![id]).await?;
    if found.ids.is_empty() {
        let message = "trace not found".to_owned();
        return Err(Refusal::Asked(StatusCode::NOT_FOUND, message));
    }
    Ok(trace::response(state, found, host(&headers)))
}

/// Which of `ids` there are.
async fn known(state: &AppState, ids: Vec<String>) -> Result<trace::Found, ApiError> {
    let mut found = trace::Found::default();
    let listed = text_param(Some(&ids.join(sql::ITEM_SEPARATOR)));
    let table = state.read(sql::KNOWN_TRACES, vec![listed]).await?;
    let there: Vec<String> = rows::rows(&table)
        .map(|row| row.string("trace_id"))
        .collect();
    for id in ids {
        match there.contains(&id) {
            true => found.ids.push(id),
            false => found.missing.push(id),
        }
    }
    Ok(found)
}

/// The name under which the client reaches this server, for addresses in answers.
fn host(headers: &HeaderMap) -> Option<String> {
    let host = headers.get(HOST)?.to_str().ok()?;
    Some(host.to_owned())
}

/// Which services call which.
#[utoipa::path(get, path = "/dependencies", tag = "jaeger", params(DependencyQuery),
    responses((status = 200, body = JaegerDependencies), (status = 400, body = JaegerFailure)))]
pub(crate) async fn list_dependencies(
    Reading(state): Reading,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let query: DependencyQuery = parameters(query)?;
    let (from_ns, until_ns) = query.range(now_ns()).map_err(bad_request)?;
    let params = vec![Value::Int(from_ns), Value::Int(until_ns)];
    let table = state.read(sql::JAEGER_DEPENDENCIES, params).await?;
    let wanted = query.service.as_deref().filter(|name| !name.is_empty());
    let links = rows::rows(&table)
        .map(|row| JaegerDependency {
            parent: row.string("parent"),
            child: row.string("child"),
            call_count: row.count("call_count"),
        })
        .filter(|link| wanted.is_none_or(|name| link.parent == name || link.child == name));
    Ok(Json(JaegerDependencies::new(links.collect())).into_response())
}

/// An answer as Jaeger wraps it.
fn written(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
