//! `/signin`: where a person shows a token, for a cookie. Pages without a script, apart from the
//! application, which nobody is shown before.

use access::{Caller, Denial};
use axum::body::Bytes;
use axum::extract::{Extension, RawQuery};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, REFERRER_POLICY, RETRY_AFTER,
    SET_COOKIE,
};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::encode::percent_encoded;

pub(crate) const PATH: &str = "/signin";
pub(crate) const OUT_PATH: &str = "/signout";
pub(crate) const STYLE_PATH: &str = "/signin.css";

const PAGE: &str = include_str!("signin/page.html");
const STYLE: &str = include_str!("signin/page.css");

/// Where to go afterwards.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Place {
    next: String,
}

#[derive(Deserialize)]
struct Form {
    token: String,
    #[serde(default)]
    next: String,
}

/// The address of the page; `next` is where the browser goes from there.
pub(crate) fn address(next: &str) -> String {
    format!("{PATH}?next={}", percent_encoded(next))
}

/// `GET /signin`
pub(crate) async fn show(
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    if !caller.needs_token() {
        return to("/");
    }
    let place: Place =
        serde_html_form::from_str(query.as_deref().unwrap_or_default()).unwrap_or_default();
    let is_signed_in =
        headers.contains_key(header::COOKIE) && caller.check(&headers, access::Right::Read).is_ok();
    page(StatusCode::OK, &place.next, None, is_signed_in)
}

/// `POST /signin`
pub(crate) async fn sign_in(Extension(caller): Extension<Caller>, body: Bytes) -> Response {
    let Ok(form) = serde_html_form::from_bytes::<Form>(&body) else {
        return page(
            StatusCode::BAD_REQUEST,
            "",
            Some("The form came without a token."),
            false,
        );
    };
    match caller.sign_in(&form.token) {
        Ok(cookie) => with_cookie(to(local(&form.next)), &cookie),
        Err(denial) => {
            let (status, words) = match &denial {
                Denial::NotAllowed { .. } => (
                    StatusCode::FORBIDDEN,
                    "This token may not read: take one with the right read or admin.",
                ),
                Denial::TooManyFailures { .. } => (
                    StatusCode::TOO_MANY_REQUESTS,
                    "Too many wrong tokens came from your address: wait a moment.",
                ),
                Denial::NoToken | Denial::UnknownToken => (
                    StatusCode::UNAUTHORIZED,
                    "This token is not known here, or no longer.",
                ),
            };
            let mut response = page(status, &form.next, Some(words), false);
            if let Some(seconds) = denial.retry_after_seconds() {
                response.headers_mut().insert(RETRY_AFTER, seconds.into());
            }
            response
        }
    }
}

/// `POST /signout`
pub(crate) async fn sign_out(Extension(caller): Extension<Caller>) -> Response {
    match caller.sign_out() {
        Some(cookie) => with_cookie(to(PATH), &cookie),
        None => to("/"),
    }
}

/// `GET /signin.css`
pub(crate) async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

fn page(status: StatusCode, next: &str, problem: Option<&str>, is_signed_in: bool) -> Response {
    let problem = problem.map_or_else(String::new, |words| {
        format!("<p class=\"problem\" role=\"alert\">{words}</p>")
    });
    let out = if is_signed_in {
        "<form method=\"post\" action=\"/signout\"><p>You are signed in.</p><button>Sign out</button></form>"
    } else {
        ""
    };
    let html = PAGE
        .replace("{problem}", &problem)
        .replace("{out}", out)
        .replace("{next}", &escaped(local(next)));
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        // Without it browsers send `Origin: null` with the form.
        (REFERRER_POLICY, "same-origin"),
    ];
    (status, headers, html).into_response()
}

/// A path of this server; the beginning where `next` is anything else.
fn local(next: &str) -> &str {
    let is_path = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains(['\\', '\r', '\n', '\t'])
        && !next.starts_with(PATH);
    if is_path { next } else { "/" }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn to(path: &str) -> Response {
    let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(SET_COOKIE, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere() {
        assert_eq!(local("/replay/s1?span=a&b=c"), "/replay/s1?span=a&b=c");
        for elsewhere in [
            "",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "javascript:alert(1)",
            "/signin?next=/signin",
        ] {
            assert_eq!(local(elsewhere), "/", "{elsewhere}");
        }
    }
}
