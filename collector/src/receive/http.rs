//! OTLP/HTTP: `POST /v1/{traces,logs,metrics}` in protobuf or JSON.

use ::http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header};
use access::Denial;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use prost::Message;
use proto::{Encoding, Rejected, Signal};
use serde_json::json;

use super::decompress::{ACCEPTED, Compression};
use super::grpc::response_bytes;
use super::refusal::Refusal;
use super::{Received, Receiver, authorize};

pub(super) async fn handle(receiver: &Receiver, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let encoding = encoding(&parts.headers);
    let mut reader = receiver.body_reader(body);
    let head = head(&parts.method, parts.uri.path(), &parts.headers)
        .and_then(|head| Ok((head, authorize(&parts)?)));
    let read = match head {
        Ok((head, granted)) => reader
            .read_all(content_length(&parts.headers))
            .await
            .map(|()| (head, granted)),
        Err(refusal) => Err(refusal),
    };
    let outcome = match (read, encoding) {
        (Ok(((signal, compression), granted)), Some(encoding)) => {
            let (bytes, permit) = reader.finish();
            let received = Received {
                signal,
                encoding,
                compression,
                bytes,
                permit,
                granted,
            };
            let rejected = receiver.take(received).await;
            rejected.map(|rejected| (signal, encoding, rejected))
        }
        (Ok(_), None) => Err(Refusal::Internal),
        (Err(refusal), _) => {
            // HTTP/2 and senders that ask first get their answer without this; one that was too slow
            // has had its time.
            let asks_first = parts.headers.contains_key(header::EXPECT);
            let is_slow = refusal == Refusal::Slow;
            if parts.version < Version::HTTP_2 && !asks_first && !is_slow {
                reader.discard().await;
            }
            Err(refusal)
        }
    };
    match outcome {
        Ok((signal, encoding, rejected)) => success(signal, encoding, rejected),
        Err(refusal) => {
            receiver.count(&refusal);
            error(&refusal, encoding.unwrap_or(Encoding::Json))
        }
    }
}

/// What the head of the request says; everything that can be refused without the body.
fn head(
    method: &Method,
    path: &str,
    headers: &HeaderMap,
) -> Result<(Signal, Compression), Refusal> {
    // Senders that are given a base URL with a path put the OTLP path behind it.
    let trimmed = path.trim_end_matches('/');
    let signal = Signal::ALL.into_iter().find(|signal| {
        trimmed
            .strip_suffix(signal.as_str())
            .is_some_and(|prefix| prefix.ends_with("/v1/"))
    });
    let Some(signal) = signal else {
        return Err(Refusal::UnknownRoute {
            path: path.to_owned(),
        });
    };
    if method != Method::POST {
        return Err(Refusal::Method {
            method: method.to_string(),
        });
    }
    if !is_local_origin(headers) {
        return Err(Refusal::ForeignOrigin);
    }
    if encoding(headers).is_none() {
        let given = headers.get(header::CONTENT_TYPE).map_or_else(
            || "no content type".to_owned(),
            |value| {
                let value = String::from_utf8_lossy(value.as_bytes());
                format!("`{}`", value.chars().take(80).collect::<String>())
            },
        );
        return Err(Refusal::Unsupported(format!(
            "{given} is not an OTLP content type: send application/x-protobuf or application/json"
        )));
    }
    let compression = match headers.get(header::CONTENT_ENCODING) {
        Some(value) => Compression::from_header(value.as_bytes())?,
        None => Compression::Identity,
    };
    Ok((signal, compression))
}

/// The encoding that the content type names, whatever parameters follow it.
fn encoding(headers: &HeaderMap) -> Option<Encoding> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let media_type = value.split(';').next()?.trim().to_ascii_lowercase();
    match media_type.as_str() {
        "application/x-protobuf" | "application/protobuf" => Some(Encoding::Protobuf),
        "application/json" => Some(Encoding::Json),
        _ => None,
    }
}

pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// Only browsers send an origin, and they always do with a POST: this keeps pages of other hosts out,
/// also those that had their name rebound to this machine.
pub(super) fn is_local_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let host = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.parse::<::http::Uri>().ok())
        .and_then(|origin| origin.host().map(str::to_owned));
    host.is_some_and(|host| matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]"))
}

fn success(signal: Signal, encoding: Encoding, rejected: Rejected) -> Response {
    let body = match encoding {
        Encoding::Protobuf => response_bytes(signal, rejected),
        Encoding::Json if rejected.count == 0 => b"{}".to_vec(),
        Encoding::Json => {
            let key = match signal {
                Signal::Traces => "rejectedSpans",
                Signal::Logs => "rejectedLogRecords",
                Signal::Metrics => "rejectedDataPoints",
            };
            let partial = json!({key: rejected.count.to_string(), "errorMessage": rejected.reason});
            json!({"partialSuccess": partial}).to_string().into_bytes()
        }
    };
    respond(StatusCode::OK, encoding, body)
}

pub(super) fn error(refusal: &Refusal, encoding: Encoding) -> Response {
    let retry_after = refusal.retry_after();
    let body = match encoding {
        Encoding::Protobuf => {
            let status = refusal.status();
            // With details, tonic has encoded the whole `google.rpc.Status` already.
            if retry_after.is_some() {
                status.details().to_vec()
            } else {
                tonic_types::Status {
                    code: status.code() as i32,
                    message: status.message().to_owned(),
                    details: Vec::new(),
                }
                .encode_to_vec()
            }
        }
        Encoding::Json => {
            let mut body = json!({
                "code": refusal.grpc_code() as i32,
                "message": refusal.message(),
            });
            if let Some(delay) = retry_after {
                body["details"] = json!([{
                    "@type": tonic_types::RetryInfo::TYPE_URL,
                    "retryDelay": format!("{}s", delay.as_secs()),
                }]);
            }
            body.to_string().into_bytes()
        }
    };
    let mut response = respond(refusal.http_status(), encoding, body);
    let headers = response.headers_mut();
    if let Some(delay) = retry_after {
        headers.insert(header::RETRY_AFTER, delay.as_secs().into());
    }
    match refusal {
        Refusal::Denied(Denial::NoToken | Denial::UnknownToken) => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        Refusal::Method { .. } => {
            headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        Refusal::Unsupported(_) => {
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(ACCEPTED));
        }
        _ => {}
    }
    response
}

pub(super) fn respond(status: StatusCode, encoding: Encoding, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(encoding.media_type());
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}
