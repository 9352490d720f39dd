//! What every request passes: known Host and Origin only, a bounded number at a time, an id, and
//! headers that keep browsers in bounds.

use std::cell::Cell;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, HeaderValue, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{StatusCode, Uri, uri::Authority};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::{ApiError, REQUEST_ID, request_id};
use crate::state::{AppState, Config};

/// Nothing but what this server itself serves; editors need style elements of their own.
const CONTENT_POLICY: &str = "default-src 'self'; script-src 'self'; \
     style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
     worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'";

/// Longest path and query string; filters over many sessions need some.
const MAX_ADDRESS_BYTES: usize = 16 << 10;

const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");

static NEXT_REQUEST: AtomicU64 = AtomicU64::new(1);

/// Wraps the whole site.
pub(crate) async fn guard(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let number = NEXT_REQUEST.fetch_add(1, Ordering::Relaxed);
    // Ids differ between runs, so that they can be told apart in a log.
    let id = (state.started_ns as u64)
        .rotate_left(20)
        .wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    REQUEST_ID
        .scope(Cell::new(id), async move {
            let mut response = match admit(&request, &state.config) {
                Ok(()) => answer(&state, request, next).await,
                Err(refusal) => refusal.into_response(),
            };
            let headers = response.headers_mut();
            for (name, value) in [
                (CONTENT_SECURITY_POLICY, CONTENT_POLICY),
                (X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (X_FRAME_OPTIONS, "DENY"),
                (REFERRER_POLICY, "no-referrer"),
            ] {
                headers.insert(name, HeaderValue::from_static(value));
            }
            headers
                .entry(CACHE_CONTROL)
                .or_insert(HeaderValue::from_static("no-cache"));
            if let Ok(value) = HeaderValue::from_str(&request_id()) {
                headers.insert(REQUEST_ID_HEADER, value);
            }
            response
        })
        .await
}

/// Answers a request when not too many others are being answered.
async fn answer(state: &AppState, request: Request, next: Next) -> Response {
    match state.requests.try_acquire() {
        Ok(_permit) => next.run(request).await,
        Err(_) => ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "too many requests are being answered; try again in a moment",
        )
        .into_response(),
    }
}

/// Whether a request may be answered at all.
fn admit(request: &Request, config: &Config) -> Result<(), ApiError> {
    if !is_known_host(request, config) {
        return Err(misdirected(request));
    }
    if !is_known_origin(request, config) {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "foreign_origin",
            "this request comes from a page that Spanreel did not serve. Pages of other origins may \
             not use it; what runs outside of a browser sends no Origin header",
        ));
    }
    let address = request.uri().path_and_query();
    if address.is_some_and(|address| address.as_str().len() > MAX_ADDRESS_BYTES) {
        return Err(ApiError::new(
            StatusCode::URI_TOO_LONG,
            "address_too_long",
            format!(
                "path and query string are longer than {MAX_ADDRESS_BYTES} bytes; ask in several \
                 requests, or with SQL"
            ),
        ));
    }
    Ok(())
}

/// The host that the client believes to talk to: HTTP/2's authority, else the Host header.
fn host_of(request: &Request) -> Option<Authority> {
    let from_uri = request.uri().authority().cloned();
    from_uri.or_else(|| {
        let header = request.headers().get(HOST)?;
        Authority::try_from(header.as_bytes()).ok()
    })
}

fn is_known_host(request: &Request, config: &Config) -> bool {
    host_of(request).is_some_and(|authority| is_known_name(authority.host(), config))
}

/// A browser names the page that asks, unless it reads from the page's own origin. Any page could
/// otherwise have the browser of whoever looks at it post to this server.
fn is_known_origin(request: &Request, config: &Config) -> bool {
    let Some(origin) = request.headers().get(ORIGIN) else {
        return true;
    };
    Uri::try_from(origin.as_bytes())
        .ok()
        .and_then(|origin| origin.authority().cloned())
        .is_some_and(|authority| is_known_name(authority.host(), config))
}

fn is_known_name(host: &str, config: &Config) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let bare = host
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'))
        .unwrap_or(host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        // An address cannot be rebound by a foreign name server, a name can.
        return address.is_loopback()
            || address == config.ui.ip()
            || config.ui.ip().is_unspecified()
            || config.allowed_hosts.iter().any(|allowed| allowed == bare);
    }
    bare.eq_ignore_ascii_case("localhost")
        || bare.to_ascii_lowercase().ends_with(".localhost")
        || config
            .allowed_hosts
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(bare))
}

fn misdirected(request: &Request) -> ApiError {
    let host = host_of(request).map_or_else(
        || "no Host header".to_owned(),
        |authority| format!("the host `{}`", authority.host()),
    );
    ApiError::new(
        StatusCode::MISDIRECTED_REQUEST,
        "unknown_host",
        format!(
            "this request came for {host}, which Spanreel does not serve. Open it as localhost or \
             127.0.0.1, or start Spanreel with that name among the allowed hosts"
        ),
    )
}

/// Answers when a handler panicked.
pub(crate) fn after_panic(_panic: Box<dyn std::any::Any + Send + 'static>) -> Response {
    tracing::error!(request.id = request_id(), "a request handler panicked");
    ApiError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "something went wrong in Spanreel; its log has the cause under this request id",
    )
    .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_hosts() {
        let config = Config {
            otlp_grpc: ([127, 0, 0, 1], 1).into(),
            otlp_http: ([127, 0, 0, 1], 2).into(),
            ui: ([192, 168, 1, 7], 3).into(),
            allowed_hosts: vec!["reel.example".to_owned()],
            prices: crate::PriceTable::default(),
            detectors: std::sync::Arc::default(),

            alerts: std::sync::Arc::default(),
            alerts_folder: None,
            ask: None,
        };
        for host in [
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "127.0.0.1",
            "127.9.9.9",
            "[::1]",
            "192.168.1.7",
            "reel.example",
            "Reel.Example",
        ] {
            assert!(is_known_name(host, &config), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "192.168.1.8",
            "",
            "reel.example.evil",
        ] {
            assert!(!is_known_name(host, &config), "{host}");
        }
    }
}
