//! Conversations that grow: each model request resends everything before it, as agents do.

use bytes::Bytes;
use prost::Message;
use proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use proto::otlp::common::v1::any_value::Value;
use proto::otlp::common::v1::{AnyValue, KeyValue};
use proto::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span};
use serde_json::json;

const START_NS: u64 = 1_795_000_000_000_000_000;
const WORDS: &str = "the a of to in is that it for was on are as with they be at one have this from \
    by hot but some what there we can out other were all your when up use word how said an each she \
    which do their time if will way about many then them would write like so these her long make \
    thing see him two has look more day could go come did my sound no most number who over know \
    water than call first people may down side been now find any new work part take get place made \
    function return value error file test line path result struct match string request response";

/// The requests of `sessions` conversations that take turns, one span per request, `turns` each.
pub(crate) fn requests(sessions: u64, turns: u64) -> Vec<Bytes> {
    let mut histories: Vec<Vec<serde_json::Value>> = (0..sessions)
        .map(|session| vec![message("system", &text(session + 1, 6000))])
        .collect();
    let mut requests = Vec::new();
    for turn in 0..turns {
        for session in 0..sessions {
            let seed = (turn * sessions + session) * 4 + 1000;
            let history = &mut histories[session as usize];
            history.push(message("user", &text(seed, 700)));
            let input = serde_json::Value::from(history.clone()).to_string();
            let answer = message("assistant", &text(seed + 1, 1200));
            history.push(answer.clone());
            history.push(message("tool", &text(seed + 2, 2500)));
            let output = json!([answer]).to_string();
            requests.push(request(session, turn, input, output));
        }
    }
    requests
}

fn message(role: &str, content: &str) -> serde_json::Value {
    json!({"role": role, "parts": [{"type": "text", "content": content}]})
}

fn request(session: u64, turn: u64, input: String, output: String) -> Bytes {
    let start = START_NS + (turn * 1000 + session) * 1_000_000;
    let attributes = [
        ("gen_ai.operation.name", "chat".to_owned()),
        ("gen_ai.provider.name", "anthropic".to_owned()),
        ("gen_ai.request.model", "model-large".to_owned()),
        ("gen_ai.conversation.id", format!("long-session-{session}")),
        ("gen_ai.input.messages", input),
        ("gen_ai.output.messages", output),
    ];
    let attributes = attributes.map(|(key, value)| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value)),
        }),
        ..KeyValue::default()
    });
    let id = (session + 1) * 1_000_000 + turn + 1;
    let span = Span {
        trace_id: [[8; 8], id.to_be_bytes()].concat(),
        span_id: id.to_be_bytes().to_vec(),
        name: "chat model-large".to_owned(),
        kind: 3,
        start_time_unix_nano: start,
        end_time_unix_nano: start + 900_000,
        attributes: attributes.to_vec(),
        ..Span::default()
    };
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            scope_spans: vec![ScopeSpans {
                spans: vec![span],
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    };
    request.encode_to_vec().into()
}

/// A request with one tool call whose result is a text of `size` bytes. Returns the text as well.
pub(crate) fn large_result(id: u64, size: usize) -> (Bytes, String) {
    let result = text(id * 77, size);
    let attributes = [
        ("gen_ai.operation.name", "execute_tool".to_owned()),
        ("gen_ai.tool.name", "read".to_owned()),
        ("gen_ai.conversation.id", format!("large-session-{id}")),
        ("gen_ai.tool.call.result", result.clone()),
    ];
    let attributes = attributes.map(|(key, value)| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value)),
        }),
        ..KeyValue::default()
    });
    let span = Span {
        trace_id: [[9; 8], (id + 1).to_be_bytes()].concat(),
        span_id: (id + 1).to_be_bytes().to_vec(),
        name: "execute_tool read".to_owned(),
        kind: 1,
        start_time_unix_nano: START_NS + id,
        end_time_unix_nano: START_NS + id + 900_000,
        attributes: attributes.to_vec(),
        ..Span::default()
    };
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            scope_spans: vec![ScopeSpans {
                spans: vec![span],
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    };
    (request.encode_to_vec().into(), result)
}

/// About `length` bytes of English words in an order that `seed` gives.
fn text(seed: u64, length: usize) -> String {
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut text = String::with_capacity(length + 16);
    while text.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.push_str(words[(state >> 33) as usize % words.len()]);
        text.push(' ');
    }
    text.truncate(length);
    text
}
