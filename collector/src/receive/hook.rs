//! `POST /hooks/{harness}`: the document that a harness hands to an HTTP hook, taken in as the same log
//! record that `spanreel hook` sends. `?event=` names the event for harnesses whose documents do not.
//!
//! The answer is an empty decision, given once the record is on disk: the harness goes on as if there
//! were no hook.

use std::sync::atomic::{AtomicU64, Ordering};

use ::http::{Method, header};
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use prost::Message as _;
use proto::hook::Fire;
use proto::{Encoding, Signal};

use super::decompress::Compression;
use super::http::{content_length, error, is_local_origin, respond};
use super::refusal::Refusal;
use super::{Received, Receiver, authorize};

const PREFIX: &str = "/hooks/";
const LONGEST_NAME: usize = 64;

/// Whether a request is for this endpoint.
pub(super) fn is_hook(path: &str) -> bool {
    path.starts_with(PREFIX)
}

pub(super) async fn handle(receiver: &Receiver, request: Request) -> Response {
    match take(receiver, request).await {
        Ok(()) => respond(::http::StatusCode::OK, Encoding::Json, b"{}".to_vec()),
        Err(refusal) => {
            receiver.count(&refusal);
            error(&refusal, Encoding::Json)
        }
    }
}

async fn take(receiver: &Receiver, request: Request) -> Result<(), Refusal> {
    let time_ns = crate::ingest::unix_ns();
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let harness = path.strip_prefix(PREFIX).unwrap_or_default();
    if !is_name(harness) {
        return Err(Refusal::UnknownRoute {
            path: path.to_owned(),
        });
    }
    if parts.method != Method::POST {
        return Err(Refusal::Method {
            method: parts.method.to_string(),
        });
    }
    if !is_local_origin(&parts.headers) {
        return Err(Refusal::ForeignOrigin);
    }
    let granted = authorize(&parts)?;
    if parts.headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Refusal::Unsupported(
            "send a hook's document without compression".to_owned(),
        ));
    }
    let mut reader = receiver.body_reader(body);
    reader.read_all(content_length(&parts.headers)).await?;
    let (bytes, permit) = reader.finish();
    let document = String::from_utf8(Vec::from(bytes))
        .map_err(|_| Refusal::Invalid("a hook's document is JSON in UTF-8".to_owned()))?;
    let fire = Fire {
        harness: harness.to_owned(),
        event: event_parameter(parts.uri.query()),
        id: next_id(time_ns),
        time_ns: u64::try_from(time_ns).unwrap_or_default(),
        place: None,
        document,
        ran: None,
    };
    let received = Received {
        signal: Signal::Logs,
        encoding: Encoding::Protobuf,
        compression: Compression::Identity,
        bytes: Bytes::from(fire.into_request().encode_to_vec()),
        permit,
        granted,
    };
    receiver.take(received).await.map(|_| ())
}

/// Letters, digits, dots, dashes and underscores, and not many.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST_NAME
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

fn event_parameter(query: Option<&str>) -> Option<String> {
    let value = query?
        .split('&')
        .find_map(|pair| pair.strip_prefix("event="))?;
    is_name(value).then(|| value.to_owned())
}

/// Unique within the life of this process and, by the time, across restarts.
fn next_id(time_ns: i64) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{time_ns}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        assert!(is_name("claude-code"));
        for bad in ["", "a/b", "a b", "é", &"x".repeat(65)] {
            assert!(!is_name(bad), "{bad}");
        }
        assert_eq!(
            event_parameter(Some("a=1&event=preToolUse")).as_deref(),
            Some("preToolUse")
        );
        assert_eq!(event_parameter(Some("event=a%20b")), None);
    }
}
