//! What every request passes: known Host and Origin only, a token where one is asked for, a bounded
//! number at a time, an id, and headers that keep browsers in bounds.

use std::cell::Cell;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, HeaderValue, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{Method, StatusCode, Uri, uri::Authority};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::bodies::{self, Taken};
use crate::error::{ApiError, REQUEST_ID, request_id};
use crate::rights;
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
pub(crate) async fn guard(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let number = NEXT_REQUEST.fetch_add(1, Ordering::Relaxed);
    // Ids differ between runs, so that they can be told apart in a log.
    let id = (state.started_ns as u64)
        .rotate_left(20)
        .wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    REQUEST_ID
        .scope(Cell::new(id), async move {
            let admitted = admit(&request, &state.config)
                .map_err(|refusal| Box::new(refusal.into_response()))
                .and_then(|()| rights::admit(&mut request));
            let mut response = match admitted {
                Ok(()) => answer(&state, request, next).await,
                Err(refusal) => *refusal,
            };
            let headers = response.headers_mut();
            for (name, value) in [
                (CONTENT_SECURITY_POLICY, CONTENT_POLICY),
                (X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (X_FRAME_OPTIONS, "DENY"),
            ] {
                headers.insert(name, HeaderValue::from_static(value));
            }
            for (name, value) in [
                (CACHE_CONTROL, "no-cache"),
                (REFERRER_POLICY, "no-referrer"),
            ] {
                let value = HeaderValue::from_static(value);
                headers.entry(name).or_insert(value);
            }
            if let Ok(value) = HeaderValue::from_str(&request_id()) {
                headers.insert(REQUEST_ID_HEADER, value);
            }
            response
        })
        .await
}

/// Answers a request when not too many others are being answered.
async fn answer(state: &AppState, request: Request, next: Next) -> Response {
    let (request, places) = match bodies::take(request).await {
        Ok(Taken::Whole(request)) => (request, &state.requests),
        Ok(Taken::Flowing(request)) => (request, &state.uploads),
        Err(error) => return error.into_response(),
    };
    match places.try_acquire() {
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

/// The hosts that the client says it talks to: in the address, as HTTP/2 and proxies give it, and in
/// the Host header. `None` when one is no host, or none is named.
fn hosts_of(request: &Request) -> Option<Vec<Authority>> {
    let mut headers = request.headers().get_all(HOST).iter();
    let header = headers
        .next()
        .map(|value| Authority::try_from(value.as_bytes()));
    if headers.next().is_some() {
        return None;
    }
    let hosts: Vec<Authority> = request
        .uri()
        .authority()
        .cloned()
        .into_iter()
        .chain(header.transpose().ok()?)
        .collect();
    (!hosts.is_empty()).then_some(hosts)
}

fn is_known_host(request: &Request, config: &Config) -> bool {
    hosts_of(request).is_some_and(|hosts| {
        hosts
            .iter()
            .all(|authority| is_known_authority(authority, config))
    })
}

/// Whether a page may ask. A browser names the page, unless it reads from the page's own origin; any
/// page could otherwise have the browser of whoever looks at it post to this server. What pages load
/// without naming themselves, as images, is told by another header, and links to this server are fine.
fn is_known_origin(request: &Request, config: &Config) -> bool {
    let headers = request.headers();
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|given| given == value);
    if is("sec-fetch-site", "cross-site")
        && !(request.method() == Method::GET
            && is("sec-fetch-mode", "navigate")
            && is("sec-fetch-dest", "document"))
    {
        return false;
    }
    headers.get_all(ORIGIN).iter().all(|origin| {
        Uri::try_from(origin.as_bytes())
            .ok()
            .and_then(|origin| origin.authority().cloned())
            .is_some_and(|authority| is_known_authority(&authority, config))
    })
}

fn is_known_authority(authority: &Authority, config: &Config) -> bool {
    // No client sends a user's name here.
    !authority.as_str().contains('@') && is_known_name(authority.host(), config)
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
    let unknown = || "no host, or several,".to_owned();
    let host = hosts_of(request).map_or_else(unknown, |hosts| {
        let names: Vec<&str> = hosts.iter().map(Authority::host).collect();
        format!("the host `{}`", names.join("`, `"))
    });
    ApiError::new(
        StatusCode::MISDIRECTED_REQUEST,
        "unknown_host",
        format!(
            "this request came for {host}, which Spanreel does not serve. Open it as localhost or \
             127.0.0.1, or start Spanreel with --allowed-host and that name"
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
            is_encrypted: false,
            otlp_needs_token: false,
            allowed_hosts: vec!["reel.example".to_owned()],
            prices: crate::PriceTable::default(),
            detectors: std::sync::Arc::default(),

            alerts: std::sync::Arc::default(),
            alerts_folder: None,
            retention: std::sync::Arc::default(),
            removes_expired: false,
            journal: crate::upkeep::JournalUpkeep::default(),
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
