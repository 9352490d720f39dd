//! The spans that are sent: traces of 32 with model requests and tool calls, one session each.

use bytes::Bytes;
use prost::Message;
use proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use proto::otlp::common::v1::any_value::Value;
use proto::otlp::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use proto::otlp::resource::v1::Resource;
use proto::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

const SPANS_PER_TRACE: u64 = 32;
const START_NS: u64 = 1_790_000_000_000_000_000;

/// `count` encoded requests of `size` spans, about 1.1 KB each, from batch number `from` on; no two
/// spans have the same texts, and `size` should be a multiple of a trace's 32 spans.
pub(crate) fn batches(from: usize, count: usize, size: usize) -> Vec<Bytes> {
    (from as u64..(from + count) as u64)
        .map(|batch| {
            let first = batch * size as u64;
            let spans = (first..first + size as u64).map(span).collect();
            request(spans).encode_to_vec().into()
        })
        .collect()
}

fn request(spans: Vec<Span>) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: vec![
                    text("service.name", "bench-agent"),
                    text("host.name", "bench-host"),
                ],
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                scope: Some(InstrumentationScope {
                    name: "bench".into(),
                    version: "1".into(),
                    ..InstrumentationScope::default()
                }),
                spans,
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
}

fn span(number: u64) -> Span {
    let trace = number / SPANS_PER_TRACE;
    let in_trace = number % SPANS_PER_TRACE;
    let mut trace_id = vec![7; 16];
    trace_id[8..].copy_from_slice(&(trace + 1).to_be_bytes());
    let span_id = |index: u64| (trace * SPANS_PER_TRACE + index + 1).to_be_bytes().to_vec();
    let start = START_NS + number * 1_000_000;
    let mut attributes = vec![
        text("session.id", &format!("bench-session-{trace}")),
        text("gen_ai.conversation.id", &format!("bench-session-{trace}")),
        text("gen_ai.agent.name", "bench"),
    ];
    let name = match in_trace {
        0 => {
            attributes.push(text("gen_ai.operation.name", "invoke_agent"));
            attributes.push(text("note", &words(number, 830)));
            "invoke_agent bench"
        }
        n if n % 2 == 1 => {
            attributes.extend([
                text("gen_ai.operation.name", "chat"),
                text("gen_ai.provider.name", "anthropic"),
                text("gen_ai.request.model", "model-large"),
                text("gen_ai.response.id", &format!("resp-{number}")),
                int("gen_ai.usage.input_tokens", number as i64 % 9000),
                int("gen_ai.usage.output_tokens", number as i64 % 900),
                text("gen_ai.output.messages", &message(&words(number, 600))),
            ]);
            "chat model-large"
        }
        _ => {
            attributes.extend([
                text("gen_ai.operation.name", "execute_tool"),
                text("gen_ai.tool.name", "search"),
                text("gen_ai.tool.call.id", &format!("call-{number}")),
                text(
                    "gen_ai.tool.call.arguments",
                    &format!("{{\"query\":\"{}\"}}", words(number, 200)),
                ),
                text("gen_ai.tool.call.result", &words(number + 1, 520)),
            ]);
            "execute_tool search"
        }
    };
    Span {
        trace_id,
        span_id: span_id(in_trace),
        parent_span_id: if in_trace == 0 {
            Vec::new()
        } else {
            span_id(0)
        },
        name: name.into(),
        kind: 1,
        start_time_unix_nano: start,
        end_time_unix_nano: start + 900_000,
        attributes,
        status: Some(Status {
            code: 1,
            ..Status::default()
        }),
        ..Span::default()
    }
}

fn message(content: &str) -> String {
    format!(r#"[{{"role":"assistant","parts":[{{"type":"text","content":"{content}"}}]}}]"#)
}

/// About `length` bytes of words that differ with `seed`.
fn words(seed: u64, length: usize) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut text = String::with_capacity(length + 16);
    while text.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.push_str(&format!("{:x} ", state >> 40));
    }
    text
}

fn text(key: &str, value: &str) -> KeyValue {
    pair(key, Value::StringValue(value.into()))
}

fn int(key: &str, value: i64) -> KeyValue {
    pair(key, Value::IntValue(value))
}

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.into(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}
