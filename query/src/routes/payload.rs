//! `/payloads/{hash}`: the bytes of an input or output, exactly as they came.

use std::ops::Range;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_RANGE, RANGE,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::error::{ApiError, ErrorBody};
use crate::etag::is_current;
use crate::extract::ApiPath;
use crate::reach::Reading;

/// The bytes of a payload; `Range: bytes=…` for a part of them.
///
/// The address is the content, so it never changes. `If-Range` holds a range to one version. Several
/// ranges in one request are answered with everything.
#[utoipa::path(get, path = "/payloads/{hash}", tag = "spans",
    params(
        ("hash" = String, Path, description = "BLAKE3, 64 hex digits", pattern = "^[0-9a-fA-F]{64}$"),
        ("range" = Option<String>, Header, description = "`bytes=0-1023`, `bytes=1024-`, `bytes=-100`"),
        ("if-range" = Option<String>, Header, description = "The ETag that the range is meant for"),
        ("if-none-match" = Option<String>, Header, description = "An ETag that the client has")),
    responses(
        (status = 200, description = "All bytes; `application/octet-stream` when they are no text",
            content((String = "text/plain; charset=utf-8"), (Vec<u8> = "application/octet-stream")),
            headers(("etag" = String, description = "The hash, quoted"),
                ("accept-ranges" = String, description = "`bytes`"))),
        (status = 206, description = "The bytes of the range",
            content((String = "text/plain; charset=utf-8"), (Vec<u8> = "application/octet-stream")),
            headers(("content-range" = String, description = "`bytes 0-1023/4096`"),
                ("etag" = String, description = "The hash, quoted"))),
        (status = 304, description = "The client has it"), (status = 404, body = ErrorBody),
        (status = 416, body = ErrorBody, description = "The payload ends before the range",
            headers(("content-range" = String, description = "`bytes */4096`")))))]
pub(crate) async fn get_payload(
    Reading(state): Reading,
    ApiPath(text): ApiPath<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let mut hash = [0; 32];
    hex::decode_to_slice(&text, &mut hash).map_err(|_| {
        ApiError::bad_request("the hash of a payload is 64 hex digits, as spans show it")
    })?;
    let etag = format!("\"{}\"", hex::encode(hash));
    // A part of another version would be of no use; without it the whole is meant.
    let wanted = headers
        .get(RANGE)
        .filter(|_| {
            let version = headers.get(IF_RANGE);
            version.is_none_or(|version| version.as_bytes() == etag.as_bytes())
        })
        .and_then(|value| value.to_str().ok())
        .and_then(Wanted::parse);
    let absent = || ApiError::not_found("payload_not_found", "there is no such payload");
    let is_current = is_current(&headers, &etag);
    let mut range = None;
    let mut size = 0;
    if wanted.is_some() || is_current {
        // The size is needed before an open or a suffix range means bytes.
        let probe = state
            .blocking(move |store| Ok(store.payload(&hash, Some(0..1))?))
            .await?
            .ok_or_else(absent)?;
        if is_current {
            return Ok((StatusCode::NOT_MODIFIED, [(ETAG, etag)]).into_response());
        }
        size = probe.total_size;
        range = match wanted.map(|wanted| wanted.within(size)) {
            Some(None) => {
                let refusal = ApiError::new(
                    StatusCode::RANGE_NOT_SATISFIABLE,
                    "range_not_satisfiable",
                    format!("the payload has {size} bytes"),
                );
                return Ok(([(CONTENT_RANGE, format!("bytes */{size}"))], refusal).into_response());
            }
            Some(range) => range,
            None => None,
        };
    }
    let read = range.clone();
    let slice = state
        .blocking(move |store| Ok(store.payload(&hash, read)?))
        .await?
        .ok_or_else(absent)?;
    let headers = [
        (CONTENT_TYPE, content_type(&slice.bytes, range.is_some())),
        (ACCEPT_RANGES, "bytes"),
        // The address is the content, so it never changes; revalidation costs little.
        (CACHE_CONTROL, "private, max-age=3600"),
    ];
    let etag = [(ETAG, etag)];
    let body = Body::from(slice.bytes);
    Ok(match range {
        None => (headers, etag, body).into_response(),
        Some(range) => {
            let place = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            let place = [(CONTENT_RANGE, place)];
            (StatusCode::PARTIAL_CONTENT, headers, etag, place, body).into_response()
        }
    })
}

/// Text when it is UTF-8; a part of a text may begin and end within a character.
fn content_type(bytes: &[u8], is_part: bool) -> &'static str {
    let is_text = match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(_) if !is_part => false,
        Err(_) => {
            let continues = |byte: &&u8| (**byte & 0xc0) == 0x80;
            let start = bytes.iter().take(3).take_while(continues).count();
            match std::str::from_utf8(&bytes[start..]) {
                Ok(_) => true,
                Err(error) => error.error_len().is_none(),
            }
        }
    };
    if is_text {
        "text/plain; charset=utf-8"
    } else {
        "application/octet-stream"
    }
}

/// One range as a client asks for it. Several ranges in one request are answered with everything,
/// as the standard allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    From(u64),
    FromTo(u64, u64),
    Last(u64),
}

impl Wanted {
    fn parse(header: &str) -> Option<Self> {
        let (from, to) = header.trim().strip_prefix("bytes=")?.split_once('-')?;
        match (from.trim(), to.trim()) {
            ("", last) => Some(Self::Last(last.parse().ok()?)),
            (from, "") => Some(Self::From(from.parse().ok()?)),
            (from, to) => {
                let (from, to) = (from.parse().ok()?, to.parse().ok()?);
                (from <= to).then_some(Self::FromTo(from, to))
            }
        }
    }

    /// The bytes meant; `None` when there are none.
    fn within(self, size: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::From(from) => from..size,
            Self::FromTo(from, to) => from..to.saturating_add(1).min(size),
            Self::Last(count) => size.saturating_sub(count)..size,
        };
        (range.start < range.end).then_some(range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ranges() {
        let cases = [
            ("bytes=0-4", Some(Some(0..5))),
            ("bytes=5-", Some(Some(5..10))),
            ("bytes=-3", Some(Some(7..10))),
            ("bytes=-30", Some(Some(0..10))),
            ("bytes=8-100", Some(Some(8..10))),
            ("bytes=10-", Some(None)),
            ("bytes=-0", Some(None)),
            ("bytes=4-2", None),
            ("bytes=0-1,3-4", None),
            ("lines=1-2", None),
        ];
        for (header, expected) in cases {
            let range = Wanted::parse(header).map(|wanted| wanted.within(10));
            assert_eq!(range, expected, "{header}");
        }
    }

    #[test]
    fn tells_text_from_bytes() {
        let text = "aß".as_bytes();
        assert!(content_type(text, false).starts_with("text/"));
        assert!(content_type(&text[..2], true).starts_with("text/"));
        assert!(content_type(&text[2..], true).starts_with("text/"));
        assert!(content_type(&[0xff, 0x41], true).starts_with("application/"));
        assert!(content_type(&text[..2], false).starts_with("application/"));
    }
}
