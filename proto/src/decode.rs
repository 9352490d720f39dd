//! OTLP request bodies to messages: protobuf through prost, JSON through [`crate::json`].
//!
//! One odd value never loses its batch: text that is not UTF-8 and values nested too deep are mended,
//! records that cannot be stored are dropped and counted. The same bytes always decode to the same
//! message, so a journal of bodies can be decoded again.

use prost::Message;

use crate::id::{SpanId, TraceId};
use crate::json;
use crate::otlp::collector::logs::v1::ExportLogsServiceRequest;
use crate::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
use crate::otlp::collector::trace::v1::ExportTraceServiceRequest;
use crate::repair;
use crate::signal::{Decoded, Encoding, Rejected, Request, Signal};

/// A body that is not an OTLP request at all.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are not protobuf of the expected message, for example cut short.
    #[error("the body is not a valid OTLP {signal} request in protobuf: {reason}")]
    Protobuf { signal: Signal, reason: String },
    /// The text is not JSON, or not a JSON object.
    #[error("the body is not a valid OTLP {signal} request in JSON: {source}")]
    Json {
        signal: Signal,
        source: json::JsonError,
    },
}

/// Decodes a request body of any signal.
///
/// # Errors
///
/// [`DecodeError`] when the body as a whole cannot be read; single bad records are counted in
/// [`Decoded::rejected`].
pub fn decode(
    signal: Signal,
    encoding: Encoding,
    bytes: &[u8],
) -> Result<Decoded<Request>, DecodeError> {
    Ok(match signal {
        Signal::Traces => decode_traces(bytes, encoding)?.map(Request::Traces),
        Signal::Logs => decode_logs(bytes, encoding)?.map(Request::Logs),
        Signal::Metrics => decode_metrics(bytes, encoding)?.map(Request::Metrics),
    })
}

/// Decodes an `ExportTraceServiceRequest`. Spans without a valid trace id (16 bytes, not all zero) or
/// span id (8 bytes, not all zero) are rejected.
///
/// # Errors
///
/// As [`decode`].
pub fn decode_traces(
    bytes: &[u8],
    encoding: Encoding,
) -> Result<Decoded<ExportTraceServiceRequest>, DecodeError> {
    let mut decoded = match encoding {
        Encoding::Protobuf => protobuf(bytes, Signal::Traces, repair::TRACES)?,
        Encoding::Json => json::traces(bytes).map_err(|source| DecodeError::Json {
            signal: Signal::Traces,
            source,
        })?,
    };
    reject_spans_without_identity(&mut decoded);
    Ok(decoded)
}

/// Decodes an `ExportLogsServiceRequest`. Invalid trace and span ids are kept as they came: a log
/// record may have none.
///
/// # Errors
///
/// As [`decode`].
pub fn decode_logs(
    bytes: &[u8],
    encoding: Encoding,
) -> Result<Decoded<ExportLogsServiceRequest>, DecodeError> {
    match encoding {
        Encoding::Protobuf => protobuf(bytes, Signal::Logs, repair::LOGS),
        Encoding::Json => json::logs(bytes).map_err(|source| DecodeError::Json {
            signal: Signal::Logs,
            source,
        }),
    }
}

/// Decodes an `ExportMetricsServiceRequest`.
///
/// # Errors
///
/// As [`decode`].
pub fn decode_metrics(
    bytes: &[u8],
    encoding: Encoding,
) -> Result<Decoded<ExportMetricsServiceRequest>, DecodeError> {
    match encoding {
        Encoding::Protobuf => protobuf(bytes, Signal::Metrics, repair::METRICS),
        Encoding::Json => json::metrics(bytes).map_err(|source| DecodeError::Json {
            signal: Signal::Metrics,
            source,
        }),
    }
}

fn protobuf<M: Message + Default>(
    bytes: &[u8],
    signal: Signal,
    schema: repair::Schema,
) -> Result<Decoded<M>, DecodeError> {
    let request = M::decode(bytes).or_else(|error| {
        // The common path pays nothing: only a body that prost refuses is walked and mended.
        repair::repair(bytes, schema)
            .and_then(|mended| M::decode(mended.as_slice()).ok())
            .ok_or_else(|| DecodeError::Protobuf {
                signal,
                reason: protobuf_reason(&error),
            })
    })?;
    Ok(Decoded {
        request,
        rejected: Rejected::default(),
    })
}

/// Prost's words without its prefix, which our own message already says.
fn protobuf_reason(error: &prost::DecodeError) -> String {
    let text = error.to_string();
    let reason = text
        .strip_prefix("failed to decode Protobuf message: ")
        .unwrap_or(&text);
    reason.to_owned()
}

fn reject_spans_without_identity(decoded: &mut Decoded<ExportTraceServiceRequest>) {
    let Decoded { request, rejected } = decoded;
    for resource_spans in &mut request.resource_spans {
        for scope_spans in &mut resource_spans.scope_spans {
            scope_spans.spans.retain(|span| {
                let field = if TraceId::from_wire(&span.trace_id).is_none() {
                    ("trace_id", 16, &span.trace_id)
                } else if SpanId::from_wire(&span.span_id).is_none() {
                    ("span_id", 8, &span.span_id)
                } else {
                    return true;
                };
                rejected.add(|| identity_reason(field.0, field.1, field.2));
                false
            });
        }
    }
}

fn identity_reason(field: &str, expected: usize, bytes: &[u8]) -> String {
    if bytes.len() == expected {
        format!("{field} is all zero")
    } else {
        format!("{field} has {} bytes, not {expected}", bytes.len())
    }
}
