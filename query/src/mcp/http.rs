//! MCP over HTTP, at `/mcp`.

use std::sync::Arc;

use axum::Router;
use rmcp::transport::streamable_http_server::StreamableHttpService;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::tower::StreamableHttpServerConfig;
use tokio_util::sync::CancellationToken;

use super::Mcp;
use super::ask::InProcess;

/// Largest message that is taken.
const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// The service behind `/mcp`; `site` answers its questions.
///
/// Every answer is complete and depends on nothing before it, so there are no sessions to keep and
/// plain JSON is enough. Hosts and origins are checked by [`crate::guard`], for this service as for the
/// rest of the site: rmcp's own list of hosts knows the loopback names only, not the ones that the user
/// has allowed.
pub(crate) fn service(
    site: Router,
    shutdown: CancellationToken,
) -> StreamableHttpService<Mcp, NeverSessionManager> {
    let mcp = Mcp::new(Arc::new(InProcess(site)), None);
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .disable_allowed_hosts()
        .with_max_request_body_bytes(MAX_MESSAGE_BYTES)
        .with_cancellation_token(shutdown);
    StreamableHttpService::new(
        move || Ok(mcp.clone()),
        Arc::new(NeverSessionManager::default()),
        config,
    )
}
