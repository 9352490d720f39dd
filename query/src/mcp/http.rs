//! MCP over HTTP, at `/mcp`.

use std::sync::Arc;

use access::Granted;
use axum::extract::{Extension, Request};
use axum::routing::{MethodRouter, any};
use axum::{Router, response::Response};
use rmcp::transport::streamable_http_server::StreamableHttpService;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::tower::StreamableHttpServerConfig;
use tokio_util::sync::CancellationToken;

use super::Mcp;
use super::ask::InProcess;
use super::tools;

/// Largest message that is taken.
const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// The route `/mcp`; `site` answers its questions, as far as the client's token goes.
///
/// Every answer is complete and depends on nothing before it, so there are no sessions to keep and
/// plain JSON is enough. Hosts and origins are checked by [`crate::guard`], for this service as for the
/// rest of the site: rmcp's own list of hosts knows the loopback names only, not the ones that the user
/// has allowed.
pub(crate) fn route(site: Router, shutdown: CancellationToken) -> MethodRouter {
    let tools = Arc::new(tools::all());
    any(
        move |Extension(granted): Extension<Granted>, request: Request| {
            let mcp = Mcp {
                ask: Arc::new(InProcess {
                    site: site.clone(),
                    granted,
                }),
                links: None,
                tools: Arc::clone(&tools),
            };
            let shutdown = shutdown.clone();
            async move { answer(mcp, shutdown, request).await }
        },
    )
}

async fn answer(mcp: Mcp, shutdown: CancellationToken, request: Request) -> Response {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .disable_allowed_hosts()
        .with_max_request_body_bytes(MAX_MESSAGE_BYTES)
        .with_cancellation_token(shutdown);
    let service = StreamableHttpService::new(
        move || Ok(mcp.clone()),
        Arc::new(NeverSessionManager::default()),
        config,
    );
    service.handle(request).await.map(axum::body::Body::new)
}
