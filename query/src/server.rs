//! The whole site: routes, layers, and the tasks behind them.

use std::sync::Arc;
use std::time::Duration;

use ::access::Listener;
use axum::http::header::HeaderName;
use axum::middleware;
use axum::routing::{get, post};
use axum::{Extension, Router};
use store::Store;
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::alerts::Outbox;
use crate::guard as front_door;
use crate::mcp;
use crate::reach::Site;
use crate::routes::{
    access, acts, alerts, annotations, ask, assets, compare, deletion, digest, doctor, export,
    findings, guard, jaeger, live, marks, metrics, overview, payload, queries, retention, search,
    sessions, setup, signin, span, sql, status, transcript, tree, upkeep, usage, verdict,
};
use crate::state::{AppState, Config, Observe};
use crate::{description, etag, flight};

/// How long a shutdown waits for answers that are being given.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(OpenApi)]
#[openapi(info(
    title = "Spanreel",
    description = "Flight recorder for AI agent runs: sessions, spans, payloads, findings, SQL."
))]
struct Api;

/// The routes under /api/v1 and their description.
fn api() -> OpenApiRouter<Site> {
    let compressed = OpenApiRouter::new()
        .routes(routes!(sessions::list_sessions))
        .routes(routes!(sessions::get_session, deletion::delete_session))
        .routes(routes!(overview::get_summary))
        .routes(routes!(overview::get_activity))
        .routes(routes!(overview::get_filter_values))
        .routes(routes!(overview::get_shapes))
        .routes(routes!(acts::list_acts))
        .routes(routes!(usage::get_timeline))
        .routes(routes!(usage::get_catalog))
        .routes(routes!(tree::session_tree))
        .routes(routes!(transcript::session_transcript))
        .routes(routes!(transcript::search_session))
        .routes(routes!(annotations::annotate))
        .routes(routes!(annotations::list_annotations))
        .routes(routes!(
            annotations::change_annotation,
            annotations::remove_annotation
        ))
        .routes(routes!(marks::change_tags))
        .routes(routes!(marks::set_checkpoint, marks::list_checkpoints))
        .routes(routes!(marks::remove_checkpoint))
        .routes(routes!(deletion::delete_sessions))
        .routes(routes!(deletion::make_private))
        .routes(routes!(deletion::allow_session_again))
        .routes(routes!(tree::trace_tree))
        .routes(routes!(span::get_span))
        .routes(routes!(findings::list_findings))
        .routes(routes!(findings::detect))
        .routes(routes!(alerts::get_alerts))
        .routes(routes!(alerts::test_alerts))
        .routes(routes!(ask::preview_ask))
        .routes(routes!(ask::ask))
        .routes(routes!(guard::guard))
        .routes(routes!(digest::get_digest))
        .routes(routes!(digest::session_digest))
        .routes(routes!(verdict::why))
        .routes(routes!(compare::compare_sessions))
        .routes(routes!(search::search))
        .routes(routes!(queries::list_queries, queries::add_query))
        .routes(routes!(
            queries::run_query,
            queries::replace_query,
            queries::remove_query
        ))
        .routes(routes!(sql::run_sql))
        .routes(routes!(sql::get_schema))
        .routes(routes!(status::get_stats))
        .routes(routes!(access::get_access))
        .routes(routes!(setup::get_setup))
        .routes(routes!(doctor::get_checkup))
        .routes(routes!(upkeep::verify))
        .routes(routes!(upkeep::compact))
        .routes(routes!(upkeep::backup))
        .routes(routes!(retention::get_retention))
        .routes(routes!(retention::get_due))
        .routes(routes!(retention::run_retention))
        .routes(routes!(
            retention::session_retention,
            retention::set_retention,
            retention::forget_retention
        ))
        .layer(middleware::from_fn(etag::etag))
        .layer(CompressionLayer::new());
    let api = OpenApiRouter::with_openapi(Api::openapi());
    let v1 = compressed
        // Exact bytes and ranges; files as they are written; an event stream.
        .routes(routes!(payload::get_payload))
        .routes(routes!(export::export_session))
        .routes(routes!(live::live));
    api.nest("/api/v1", v1)
        .nest("/jaeger/api", jaeger::router())
}

/// The description of the API in OpenAPI's JSON, as committed in `query/openapi.json`.
pub fn openapi() -> String {
    let (_, description) = api().split_for_parts();
    let description = description::complete(description);
    let mut text = description.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// The routes under /api/v1 alone, for answers that are taken by Spanreel itself: as limited as `state` is.
pub(crate) fn answers(state: AppState) -> Router {
    let (api, _) = api().split_for_parts();
    api.layer(Extension(state.granted()))
        .with_state(Site::new(state))
}

/// Everything: API and interface, and MCP, which asks the API in this process.
fn site(state: AppState) -> Router {
    let site = pages(state.clone());
    let mcp = Router::new()
        .route("/mcp", mcp::route(site.clone(), state.shutdown.clone()))
        .layer(CatchPanicLayer::custom(front_door::after_panic))
        .layer(middleware::from_fn_with_state(state, front_door::guard));
    site.merge(mcp)
}

/// API and interface.
fn pages(state: AppState) -> Router {
    let (api, _) = api().split_for_parts();
    let (jaeger, _) = jaeger::router().split_for_parts();
    let description = openapi();
    // Says nothing of what is recorded, so that anybody may ask.
    let asked = state.clone();
    api.route(
        "/api/v1/openapi.json",
        get(async move || {
            let json = HeaderName::from_static("content-type");
            ([(json, "application/json")], description)
        }),
    )
    // Some versions of Grafana drop the path of a data source's address when they search.
    .nest("/api", jaeger)
    .route("/api", get(assets::unknown_route))
    .route("/api/{*rest}", axum::routing::any(assets::unknown_route))
    .route_service(flight::PATH, flight::service(state.clone()))
    .route(signin::PATH, get(signin::show).post(signin::sign_in))
    .route(signin::OUT_PATH, post(signin::sign_out))
    .route(signin::STYLE_PATH, get(signin::style))
    .route("/healthz", get(status::healthz))
    .route("/readyz", get(move || status::readyz(asked)))
    .route("/metrics", get(metrics::metrics))
    .fallback(assets::serve)
    .method_not_allowed_fallback(assets::wrong_method)
    .layer(CatchPanicLayer::custom(front_door::after_panic))
    .layer(middleware::from_fn_with_state(
        state.clone(),
        front_door::guard,
    ))
    .with_state(Site::new(state))
}

/// Serves API and interface on `listener` until `shutdown`, then finishes what it has begun.
///
/// Also runs what watches the store: the live stream, the detectors that write findings, and alerts.
pub async fn serve(
    listener: Listener,
    store: Store,
    config: Config,
    observer: Arc<dyn Observe>,
    shutdown: CancellationToken,
) {
    // Subscribed before anything can be missed.
    let for_live = store.subscribe();
    let for_findings = store.subscribe();
    let for_alerts = store.subscribe();
    let (live, _) = broadcast::channel(crate::live::CAPACITY);
    let (arrived, arrivals) = mpsc::unbounded_channel();
    let outbox = Outbox::start(&config.alerts.targets, &arrived, &shutdown);
    let state = AppState::new(store, config, observer, live, outbox, shutdown.clone());
    let live = tokio::spawn(crate::live::run(state.clone(), for_live));
    let findings = tokio::spawn(crate::findings::run(state.clone(), for_findings));
    let retention = tokio::spawn(crate::retention::run(state.clone()));
    let alerts = tokio::spawn(crate::alerts::run(state.clone(), for_alerts, arrivals));
    let rates = tokio::spawn(crate::rates::run(state.clone()));
    ::access::serve(vec![listener], site(state), DRAIN_TIMEOUT, shutdown.clone()).await;
    shutdown.cancel();
    for task in [live, findings, alerts, retention, rates] {
        if let Err(error) = task.await {
            tracing::error!(%error, "a task of the web server failed");
        }
    }
}
