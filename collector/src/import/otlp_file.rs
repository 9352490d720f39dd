//! Files of OTLP: JSON lines as the collector's file exporter writes them, one JSON document, protobuf
//! plain or with a length before each message. What is found is passed on as it is.

use prost::Message;
use proto::otlp::collector::logs::v1::ExportLogsServiceRequest;
use proto::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
use proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use proto::{Encoding, Signal};

/// A request body and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    pub signal: Signal,
    pub encoding: Encoding,
    pub bytes: Vec<u8>,
}

/// The signal of a JSON document or line, by its first key; `None` when it is no OTLP.
pub fn json_signal(json: &[u8]) -> Option<Signal> {
    let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
    let inside = json.trim_ascii_start().strip_prefix(b"{")?;
    let key = inside.trim_ascii_start().strip_prefix(b"\"")?;
    let keys: [(&[u8], Signal); 6] = [
        (b"resourceSpans\"", Signal::Traces),
        (b"resource_spans\"", Signal::Traces),
        (b"resourceLogs\"", Signal::Logs),
        (b"resource_logs\"", Signal::Logs),
        (b"resourceMetrics\"", Signal::Metrics),
        (b"resource_metrics\"", Signal::Metrics),
    ];
    keys.iter()
        .find(|(name, _)| key.starts_with(name))
        .map(|(_, signal)| *signal)
}

/// The messages of a protobuf file: one message, or several with their length before each as four
/// bytes (big-endian, as the file exporter writes) or as a varint. `None` when it is no OTLP.
pub fn protobuf_messages(bytes: &[u8]) -> Option<Vec<Body>> {
    let body = |message: &[u8]| {
        Some(Body {
            signal: protobuf_signal(message)?,
            encoding: Encoding::Protobuf,
            bytes: message.to_vec(),
        })
    };
    if let Some(one) = body(bytes) {
        return Some(vec![one]);
    }
    [four_byte_length, varint_length]
        .into_iter()
        .find_map(|length| {
            let messages = framed(bytes, length)?;
            messages.into_iter().map(body).collect()
        })
}

/// Length of the next message, and how many bytes tell it.
type ReadLength = fn(&[u8]) -> Option<(usize, usize)>;

fn four_byte_length(bytes: &[u8]) -> Option<(usize, usize)> {
    let (head, _) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_be_bytes(*head)).ok()?, 4))
}

fn varint_length(mut bytes: &[u8]) -> Option<(usize, usize)> {
    let before = bytes.len();
    let length = prost::encoding::decode_varint(&mut bytes).ok()?;
    Some((usize::try_from(length).ok()?, before - bytes.len()))
}

fn framed(mut bytes: &[u8], length: ReadLength) -> Option<Vec<&[u8]>> {
    let mut messages = Vec::new();
    while !bytes.is_empty() {
        let (size, head) = length(bytes)?;
        let message = bytes.get(head..head.checked_add(size)?)?;
        messages.push(message);
        bytes = bytes.get(head + size..)?;
    }
    (!messages.is_empty()).then_some(messages)
}

/// All three signals nest alike; what the innermost records look like tells them apart.
fn protobuf_signal(message: &[u8]) -> Option<Signal> {
    if let Ok(request) = ExportTraceServiceRequest::decode(message) {
        let mut spans = request
            .resource_spans
            .iter()
            .flat_map(|group| &group.scope_spans)
            .flat_map(|scope| &scope.spans)
            .peekable();
        if spans.peek().is_some()
            && spans.all(|span| span.trace_id.len() == 16 && span.span_id.len() == 8)
        {
            return Some(Signal::Traces);
        }
    }
    let has_logs = |request: ExportLogsServiceRequest| {
        let mut scopes = request
            .resource_logs
            .iter()
            .flat_map(|group| &group.scope_logs);
        scopes.any(|scope| !scope.log_records.is_empty())
    };
    if ExportLogsServiceRequest::decode(message).is_ok_and(has_logs) {
        return Some(Signal::Logs);
    }
    let has_metrics = |request: ExportMetricsServiceRequest| {
        let mut scopes = request
            .resource_metrics
            .iter()
            .flat_map(|group| &group.scope_metrics);
        scopes.any(|scope| scope.metrics.iter().any(|metric| metric.data.is_some()))
    };
    ExportMetricsServiceRequest::decode(message)
        .is_ok_and(has_metrics)
        .then_some(Signal::Metrics)
}

#[cfg(test)]
mod tests {
    use proto::otlp::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
    use proto::otlp::metrics::v1::{Gauge, Metric, ResourceMetrics, ScopeMetrics, metric};
    use proto::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span};

    use super::*;

    fn traces() -> Vec<u8> {
        let span = Span {
            trace_id: vec![1; 16],
            span_id: vec![2; 8],
            name: "chat".to_owned(),
            ..Span::default()
        };
        let scope_spans = vec![ScopeSpans {
            spans: vec![span],
            ..ScopeSpans::default()
        }];
        let resource_spans = vec![ResourceSpans {
            scope_spans,
            ..ResourceSpans::default()
        }];
        ExportTraceServiceRequest { resource_spans }.encode_to_vec()
    }

    fn logs() -> Vec<u8> {
        let record = LogRecord {
            time_unix_nano: 7,
            ..LogRecord::default()
        };
        let scope_logs = vec![ScopeLogs {
            log_records: vec![record],
            ..ScopeLogs::default()
        }];
        let resource_logs = vec![ResourceLogs {
            scope_logs,
            ..ResourceLogs::default()
        }];
        ExportLogsServiceRequest { resource_logs }.encode_to_vec()
    }

    fn metrics() -> Vec<u8> {
        let metric = Metric {
            name: "tokens".to_owned(),
            data: Some(metric::Data::Gauge(Gauge::default())),
            ..Metric::default()
        };
        let scope_metrics = vec![ScopeMetrics {
            metrics: vec![metric],
            ..ScopeMetrics::default()
        }];
        let resource_metrics = vec![ResourceMetrics {
            scope_metrics,
            ..ResourceMetrics::default()
        }];
        ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
    }

    fn signals(bytes: &[u8]) -> Option<Vec<Signal>> {
        let bodies = protobuf_messages(bytes)?;
        Some(bodies.iter().map(|body| body.signal).collect())
    }

    #[test]
    fn tells_signals_apart() {
        assert_eq!(signals(&traces()), Some(vec![Signal::Traces]));
        assert_eq!(signals(&logs()), Some(vec![Signal::Logs]));
        assert_eq!(signals(&metrics()), Some(vec![Signal::Metrics]));
        assert_eq!(signals(b"plain words"), None);
        assert_eq!(signals(b""), None);
        assert_eq!(
            json_signal(b" {\n \"resourceLogs\": []}"),
            Some(Signal::Logs)
        );
        assert_eq!(json_signal(b"{\"type\": \"user\"}"), None);
    }

    #[test]
    fn takes_messages_out_of_their_frames() {
        let both = [traces(), traces()];
        let mut fixed = Vec::new();
        let mut varint = Vec::new();
        for message in &both {
            fixed.extend((message.len() as u32).to_be_bytes());
            fixed.extend(message);
            prost::encoding::encode_varint(message.len() as u64, &mut varint);
            varint.extend(message);
        }
        let wanted = Some(vec![Signal::Traces, Signal::Traces]);
        assert_eq!(signals(&fixed), wanted);
        assert_eq!(signals(&varint), wanted);
        fixed.pop();
        assert_eq!(signals(&fixed), None);
    }
}
