//! The web interface: its files, and its one page for every address that is not a file.

use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;
use crate::etag::is_current;

/// Answers everything outside the API.
pub(crate) async fn serve(request: Request) -> Response {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return ApiError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "only GET is answered here; the API is under /api/v1",
        )
        .into_response();
    }
    let asset = ui::asset(request.uri().path()).unwrap_or_else(|| ui::index());
    let etag = format!("\"{}\"", &blake3::hash(asset.bytes).to_hex()[..32]);
    if is_current(request.headers(), &etag) {
        return (StatusCode::NOT_MODIFIED, [(ETAG, etag)]).into_response();
    }
    let headers = [
        (CONTENT_TYPE, asset.content_type),
        // The names are stable, so the browser must ask each time.
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, [(ETAG, etag)], asset.bytes).into_response()
}

/// Answers under /api what no route knows.
pub(crate) async fn unknown_route(request: Request) -> ApiError {
    let path: String = request.uri().path().chars().take(200).collect();
    ApiError::not_found(
        "unknown_route",
        format!(
            "there is no {} {path}; /api/v1/openapi.json lists all",
            request.method()
        ),
    )
}

/// Answers a known route that is asked with another method.
pub(crate) async fn wrong_method(request: Request) -> ApiError {
    let path: String = request.uri().path().chars().take(200).collect();
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        format!("{path} is not asked with {}", request.method()),
    )
}
