//! What a token has to be good for, request by request, and how the refused are told.

use access::{Caller, Denial, Granted, Right};
use axum::extract::Request;
use axum::http::header::{
    ACCEPT, CONTENT_TYPE, HOST, HeaderValue, LOCATION, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::uri::{Authority, Uri};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use tonic::{Code, Status};

use crate::error::ApiError;
use crate::flight;
use crate::reach::beyond_limit;
use crate::routes::signin;

/// What anybody may ask: whether the server lives, and to be let in.
const FOR_ALL: &[&str] = &[
    "/healthz",
    "/readyz",
    "/icon.svg",
    signin::PATH,
    signin::STYLE_PATH,
    signin::OUT_PATH,
];

/// What is asked by POST and changes nothing. Every other method but GET and HEAD takes an administrator.
const READING_POSTS: &[&str] = &["/api/v1/sql", "/api/v1/guard", "/mcp"];

/// The right that a request takes; `None` where it takes none.
fn needed(method: &Method, path: &str) -> Option<Right> {
    if FOR_ALL.contains(&path) {
        return None;
    }
    let only_reads = method == Method::GET
        || method == Method::HEAD
        || (method == Method::POST
            && (READING_POSTS.contains(&path)
                || path.starts_with(flight::PREFIX)
                || is_run_of_a_query(path)));
    Some(if only_reads {
        Right::Read
    } else {
        Right::Admin
    })
}

/// `POST /api/v1/queries/{name}` runs what somebody saved.
fn is_run_of_a_query(path: &str) -> bool {
    path.strip_prefix("/api/v1/queries/")
        .is_some_and(|name| !name.is_empty() && !name.contains('/'))
}

/// Lets a request on with what it was granted ([`Granted`], among its extensions; nothing where anybody may
/// ask), or answers it.
pub(crate) fn admit(request: &mut Request) -> Result<(), Box<Response>> {
    let Some(right) = needed(request.method(), request.uri().path()) else {
        return Ok(());
    };
    let granted = check(request, right)?;
    request.extensions_mut().insert(granted);
    Ok(())
}

fn check(request: &Request, right: Right) -> Result<Granted, Box<Response>> {
    let Some(caller) = request.extensions().get::<Caller>() else {
        // Nothing but a mistake of ours: every connection and every question of ours has one.
        tracing::error!("a request came from nowhere");
        return Err(Box::new(StatusCode::INTERNAL_SERVER_ERROR.into_response()));
    };
    match caller.check(request.headers(), right) {
        Ok(granted) if granted.by_cookie && !is_own_page(request) => Err(Box::new(
            ApiError::new(
                StatusCode::FORBIDDEN,
                "foreign_origin",
                "a browser that is signed in may change something only from a page of this server",
            )
            .into_response(),
        )),
        // Statements of users see all that is recorded, and these routes take nothing else.
        Ok(granted) if granted.projects.is_some() && is_flight(request) => {
            let refusal = beyond_limit();
            let status = Status::new(Code::PermissionDenied, refusal.message());
            Err(Box::new(status.into_http()))
        }
        Ok(granted) => Ok(granted),
        Err(denial) => Err(Box::new(refused(request, &denial))),
    }
}

fn is_flight(request: &Request) -> bool {
    request.uri().path().starts_with(flight::PREFIX)
}

/// Cookies come along whichever page asks, pages of other ports of this host included: what changes
/// something has to name this very origin.
fn is_own_page(request: &Request) -> bool {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return true;
    }
    let headers = request.headers();
    let origin = headers
        .get(ORIGIN)
        .and_then(|origin| Uri::try_from(origin.as_bytes()).ok())
        .and_then(|origin| origin.authority().cloned());
    let host = request.uri().authority().cloned().or_else(|| {
        let host = headers.get(HOST)?;
        Authority::try_from(host.as_bytes()).ok()
    });
    origin.is_some() && origin == host
}

fn refused(request: &Request, denial: &Denial) -> Response {
    let content_type = request.headers().get(CONTENT_TYPE);
    if content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc")) {
        let code = match denial {
            Denial::NoToken | Denial::UnknownToken => Code::Unauthenticated,
            Denial::NotAllowed { .. } => Code::PermissionDenied,
            Denial::TooManyFailures { .. } => Code::ResourceExhausted,
        };
        return Status::new(code, denial.message()).into_http();
    }
    if *denial == Denial::NoToken && is_page(request) {
        return to_sign_in(request);
    }
    response(denial)
}

/// A denial as the API tells it.
pub(crate) fn response(denial: &Denial) -> Response {
    let status = match denial {
        Denial::NoToken | Denial::UnknownToken => StatusCode::UNAUTHORIZED,
        Denial::NotAllowed { .. } => StatusCode::FORBIDDEN,
        Denial::TooManyFailures { .. } => StatusCode::TOO_MANY_REQUESTS,
    };
    let mut response = ApiError::new(status, denial.code(), denial.message()).into_response();
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = denial.retry_after_seconds() {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// Whether a person opens an address in a browser.
fn is_page(request: &Request) -> bool {
    request.method() == Method::GET
        && !request.uri().path().starts_with("/api/")
        && request
            .headers()
            .get(ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .is_some_and(|accept| accept.contains("text/html"))
}

/// To the page that asks for the token, and back.
fn to_sign_in(request: &Request) -> Response {
    let wanted = request.uri().path_and_query();
    let wanted = wanted.map_or("/", |wanted| wanted.as_str());
    let location = signin::address(wanted);
    match HeaderValue::from_str(&location) {
        Ok(location) => (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response(),
        Err(_) => response(&Denial::NoToken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_something_takes_an_administrator() {
        for (method, path, right) in [
            (Method::GET, "/", Some(Right::Read)),
            (Method::GET, "/app.js", Some(Right::Read)),
            (Method::GET, "/api/v1/sessions", Some(Right::Read)),
            (Method::GET, "/metrics", Some(Right::Read)),
            (Method::GET, "/jaeger/api/traces", Some(Right::Read)),
            (Method::POST, "/api/v1/sql", Some(Right::Read)),
            (Method::POST, "/mcp", Some(Right::Read)),
            (Method::DELETE, "/mcp", Some(Right::Admin)),
            (
                Method::POST,
                "/api/v1/queries/slowest-tools",
                Some(Right::Read),
            ),
            (Method::POST, "/api/v1/queries", Some(Right::Admin)),
            (Method::PUT, "/api/v1/queries/x", Some(Right::Admin)),
            (Method::POST, "/api/v1/queries/x/y", Some(Right::Admin)),
            (
                Method::POST,
                "/arrow.flight.protocol.FlightService/DoGet",
                Some(Right::Read),
            ),
            (Method::POST, "/api/v1/sessions/delete", Some(Right::Admin)),
            (Method::DELETE, "/api/v1/sessions/x", Some(Right::Admin)),
            (Method::POST, "/api/v1/annotations", Some(Right::Admin)),
            (Method::POST, "/api/v1/sessions/x/ask", Some(Right::Admin)),
            (Method::POST, "/api/v1/verify", Some(Right::Admin)),
            (Method::POST, "/api/v1/compact", Some(Right::Admin)),
            (Method::POST, "/api/v1/backup", Some(Right::Admin)),
            (Method::POST, "/api/v1/retention/run", Some(Right::Admin)),
            (
                Method::PUT,
                "/api/v1/sessions/x/retention",
                Some(Right::Admin),
            ),
            (Method::GET, "/api/v1/retention/due", Some(Right::Read)),
            (Method::POST, "/api/v1/sql/", Some(Right::Admin)),
            (Method::POST, "/what/ever", Some(Right::Admin)),
            (Method::GET, "/healthz", None),
            (Method::GET, "/readyz", None),
            (Method::GET, "/signin", None),
            (Method::POST, "/signin", None),
            (Method::GET, "/healthz/x", Some(Right::Read)),
        ] {
            assert_eq!(needed(&method, path), right, "{method} {path}");
        }
    }
}
