//! Versions of JSON answers: a client that has the current one is not sent it again.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body::Body as _;

use crate::error::ApiError;

/// Gives JSON answers to GET an ETag made of their bytes, and answers 304 where it is known already.
/// Weak, because compression comes after it. What has an ETag already, and what is streamed, passes.
pub(crate) async fn etag(request: Request, next: Next) -> Response {
    let wanted = (request.method() == Method::GET).then(|| request.headers().clone());
    let response = next.run(request).await;
    let Some(wanted) = wanted else {
        return response;
    };
    let headers = response.headers();
    let is_json = headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    let is_whole = response.body().size_hint().exact().is_some();
    if response.status() != StatusCode::OK || headers.contains_key(ETAG) || !is_json || !is_whole {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let bytes = match to_bytes(body, usize::MAX).await {
        Ok(bytes) => bytes,
        Err(error) => return ApiError::internal(&error).into_response(),
    };
    let etag = format!("W/\"{}\"", &blake3::hash(&bytes).to_hex()[..32]);
    if is_current(&wanted, &etag) {
        return (StatusCode::NOT_MODIFIED, [(ETAG, etag)]).into_response();
    }
    if let Ok(value) = HeaderValue::from_str(&etag) {
        parts.headers.insert(ETAG, value);
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// Whether the client has this version.
pub(crate) fn is_current(headers: &HeaderMap, etag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|known| known.split(','))
        .any(|known| known.trim() == "*" || opaque(known) == opaque(etag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_versions_weakly() {
        let asks = |known: &str| {
            let value = HeaderValue::from_str(known).unwrap();
            is_current(&HeaderMap::from_iter([(IF_NONE_MATCH, value)]), "W/\"a\"")
        };
        assert!(asks("W/\"a\""));
        assert!(asks("\"b\", \"a\""));
        assert!(asks("*"));
        assert!(!asks("\"b\""));
        assert!(!is_current(&HeaderMap::new(), "\"a\""));
    }
}
