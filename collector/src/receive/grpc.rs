//! OTLP/gRPC: the unary `Export` of three services, and the health check.
//!
//! A unary call is one length-prefixed message in, one out and a status; it is read here rather than by
//! a generated server because the verbatim message goes to the journal, and because its length must
//! pass admission before its bytes are in memory.

use ::http::request::Parts;
use ::http::{HeaderMap, HeaderValue, Method, header};
use access::Granted;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use prost::Message;
use proto::otlp::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
use proto::otlp::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceResponse,
};
use proto::otlp::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};
use proto::{Encoding, Rejected, Signal};

use super::body::BodyReader;
use super::decompress::{ACCEPTED, Compression};
use super::refusal::Refusal;
use super::{Received, Receiver, authorize};

/// Compressed flag and length before each message.
const PREFIX_BYTES: usize = 5;

/// `grpc.health.v1.HealthCheckResponse` with status `SERVING`.
const SERVING: &[u8] = &[0x08, 0x01];

pub(super) async fn handle(receiver: &Receiver, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut reader = receiver.body_reader(body);
    let answer = match route(&parts.method, parts.uri.path(), &parts.headers) {
        Ok(Route::Health) => Ok(Bytes::from_static(SERVING)),
        Ok(Route::Export(signal)) => match read(&mut reader, &parts).await {
            Ok((compression, granted)) => {
                let (bytes, permit) = reader.finish();
                let received = Received {
                    signal,
                    encoding: Encoding::Protobuf,
                    compression,
                    bytes,
                    permit,
                    granted,
                };
                let rejected = receiver.take(received).await;
                rejected.map(|rejected| response_bytes(signal, rejected).into())
            }
            Err(refusal) => Err(refusal),
        },
        Err(refusal) => Err(refusal),
    };
    match answer {
        Ok(message) => success(&message),
        Err(refusal) => {
            receiver.count(&refusal);
            let mut response = refusal.status().into_http::<Body>();
            if matches!(refusal, Refusal::Unsupported(_)) {
                let headers = response.headers_mut();
                headers.insert("grpc-accept-encoding", HeaderValue::from_static(ACCEPTED));
            }
            response
        }
    }
}

enum Route {
    Export(Signal),
    Health,
}

fn route(method: &Method, path: &str, headers: &HeaderMap) -> Result<Route, Refusal> {
    if method != Method::POST {
        return Err(Refusal::Method {
            method: method.to_string(),
        });
    }
    if headers.contains_key(header::ORIGIN) {
        return Err(Refusal::ForeignOrigin);
    }
    match path {
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export" => {
            Ok(Route::Export(Signal::Traces))
        }
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export" => {
            Ok(Route::Export(Signal::Logs))
        }
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" => {
            Ok(Route::Export(Signal::Metrics))
        }
        "/grpc.health.v1.Health/Check" => Ok(Route::Health),
        _ => Err(Refusal::UnknownRoute {
            path: path.to_owned(),
        }),
    }
}

/// Reads the one message of the call into the reader's buffer, if the sender may send it.
async fn read(reader: &mut BodyReader, parts: &Parts) -> Result<(Compression, Granted), Refusal> {
    let granted = authorize(parts)?;
    let declared = match parts.headers.get("grpc-encoding") {
        Some(value) => Compression::from_header(value.as_bytes())?,
        None => Compression::Identity,
    };
    if !reader.read_to(PREFIX_BYTES).await? {
        return Err(Refusal::Invalid("the call has no message".to_owned()));
    }
    let flag = reader.buffer().get_u8();
    let length = reader.buffer().get_u32() as usize;
    let compression = match (flag, declared) {
        (0, _) => Compression::Identity,
        (1, Compression::Identity) => {
            let problem = "the message is marked as compressed but no grpc-encoding is given";
            return Err(Refusal::Invalid(problem.to_owned()));
        }
        (1, declared) => declared,
        _ => return Err(Refusal::Invalid("unknown gRPC message flag".to_owned())),
    };
    reader.check_len(length)?;
    if !reader.read_to(length).await? {
        return Err(Refusal::Invalid(format!(
            "the message is cut short: {} of {length} bytes arrived",
            reader.buffer().len()
        )));
    }
    if reader.buffer().len() > length || !reader.read_end().await? {
        return Err(Refusal::Invalid(
            "the call has more than one message".to_owned(),
        ));
    }
    Ok((compression, granted))
}

/// The export response of the signal, protobuf.
pub(super) fn response_bytes(signal: Signal, rejected: Rejected) -> Vec<u8> {
    let Rejected { count, reason } = rejected;
    let rejected = i64::try_from(count).unwrap_or(i64::MAX);
    let partial = count > 0;
    match signal {
        Signal::Traces => ExportTraceServiceResponse {
            partial_success: partial.then_some(ExportTracePartialSuccess {
                rejected_spans: rejected,
                error_message: reason,
            }),
        }
        .encode_to_vec(),
        Signal::Logs => ExportLogsServiceResponse {
            partial_success: partial.then_some(ExportLogsPartialSuccess {
                rejected_log_records: rejected,
                error_message: reason,
            }),
        }
        .encode_to_vec(),
        Signal::Metrics => ExportMetricsServiceResponse {
            partial_success: partial.then_some(ExportMetricsPartialSuccess {
                rejected_data_points: rejected,
                error_message: reason,
            }),
        }
        .encode_to_vec(),
    }
}

fn success(message: &[u8]) -> Response {
    let mut framed = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    framed.put_u8(0);
    framed.put_u32(message.len() as u32);
    framed.put_slice(message);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::new(framed.freeze()).with_trailers(async { Some(Ok(trailers)) });
    let mut response = Response::new(Body::new(body));
    let content_type = HeaderValue::from_static("application/grpc");
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}
