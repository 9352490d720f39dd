//! The runs that are sent: agents that resend the conversation with every request, side by side, and
//! a million small spans.

use bytes::Bytes;
use prost::Message;
use proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use proto::otlp::common::v1::any_value::Value;
use proto::otlp::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use proto::otlp::resource::v1::Resource;
use proto::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

use crate::words::Source;

/// Sessions that run side by side.
const SIDE_BY_SIDE: usize = 16;
/// Requests of a session.
const REQUESTS: usize = 120;
/// Spans of one OTLP request of small spans, and of one trace.
const SMALL_BATCH: u64 = 512;
const SMALL_TRACE: u64 = 32;
const START_NS: u64 = 1_790_000_000_000_000_000;
const TOOLS: [&str; 8] = [
    "Read", "Bash", "Grep", "Edit", "Write", "WebFetch", "Glob", "Agent",
];

/// A session in progress.
struct Conversation {
    number: u64,
    source: Source,
    messages: Vec<String>,
    request: usize,
}

impl Conversation {
    fn new(number: u64, system: &str) -> Self {
        let mut source = Source::new(number + 1);
        let prompt = source.text(600);
        Self {
            number,
            messages: vec![message("system", system), message("user", &prompt)],
            request: 0,
            source,
        }
    }

    /// One model request and the call that it asks for: two spans.
    fn step(&mut self) -> Vec<Span> {
        let input = format!("[{}]", self.messages.join(","));
        let length = 200 + self.source.below(800) as usize;
        let mut answer = self.source.text(length);
        // One session in a hundred says what nobody else does.
        if self.number % 100 == 7 && self.request == 60 {
            answer.push_str("zebrafinch_quorum");
        }
        let result = match self.source.below(12) {
            0 => self.source.text(24_000),
            1..4 => self.source.text(6_000),
            _ => self.source.text(900),
        };
        let tool = TOOLS[self.source.below(8) as usize];
        let arguments = format!(
            r#"{{"path":"src/{}.rs","query":"{}"}}"#,
            self.source.below(500),
            self.source.text(60)
        );
        let call = format!("call-{}-{}", self.number, self.request);
        let asked = format!(
            r#"{{"role":"assistant","parts":[{{"type":"text","content":"{answer}"}},{{"type":"tool_call","id":"{call}","name":"{tool}","arguments":{arguments}}}]}}"#
        );
        let spans = vec![
            self.span(
                0,
                "chat model-large",
                vec![
                    text("gen_ai.operation.name", "chat"),
                    text("gen_ai.provider.name", "anthropic"),
                    text(
                        "gen_ai.request.model",
                        ["model-large", "model-small"][(self.number % 2) as usize],
                    ),
                    int("gen_ai.usage.input_tokens", input.len() as i64 / 4),
                    int("gen_ai.usage.output_tokens", answer.len() as i64 / 4),
                    text("gen_ai.input.messages", &input),
                    text("gen_ai.output.messages", &format!("[{asked}]")),
                ],
            ),
            self.span(
                1,
                &format!("execute_tool {tool}"),
                vec![
                    text("gen_ai.operation.name", "execute_tool"),
                    text("gen_ai.tool.name", tool),
                    text("gen_ai.tool.call.id", &call),
                    text("gen_ai.tool.call.arguments", &arguments),
                    text(
                        "gen_ai.tool.call.result",
                        &result.replace("\\n", "\n").replace("\\\"", "\""),
                    ),
                ],
            ),
        ];
        self.messages.push(asked);
        self.messages.push(format!(
            r#"{{"role":"tool","parts":[{{"type":"tool_call_response","id":"{call}","response":"{result}"}}]}}"#
        ));
        self.request += 1;
        spans
    }

    fn span(&self, place: u64, name: &str, mut attributes: Vec<KeyValue>) -> Span {
        let session = format!("search-session-{}", self.number);
        attributes.push(text("gen_ai.conversation.id", &session));
        let number = self.request as u64 * 2 + place + 1;
        let mut trace_id = vec![9; 16];
        trace_id[8..].copy_from_slice(&(self.number + 1).to_be_bytes());
        let start = START_NS + self.number * 60_000_000_000 + number * 1_000_000_000;
        Span {
            trace_id,
            span_id: ((self.number << 20) | number).to_be_bytes().to_vec(),
            name: name.into(),
            kind: 1,
            start_time_unix_nano: start,
            end_time_unix_nano: start + 900_000_000,
            attributes,
            status: Some(Status {
                code: 1,
                ..Status::default()
            }),
            ..Span::default()
        }
    }
}

/// Requests of sessions that run side by side, until their texts make up `raw_bytes`; each is handed
/// on with the bytes of its texts.
pub(crate) fn conversations(raw_bytes: usize, mut send: impl FnMut(Bytes, usize)) {
    // Instructions and tools are the same for all sessions of a harness.
    let system = Source::new(0).text(20_000);
    let mut sent = 0;
    let mut next = 0;
    let mut running: Vec<Conversation> = Vec::new();
    while sent < raw_bytes {
        while running.len() < SIDE_BY_SIDE {
            running.push(Conversation::new(next, &system));
            next += 1;
        }
        for conversation in &mut running {
            let spans = conversation.step();
            let raw = spans.iter().map(texts_of).sum();
            sent += raw;
            send(request(spans).encode_to_vec().into(), raw);
        }
        running.retain(|conversation| conversation.request < REQUESTS);
    }
}

/// `count` small spans in traces of 32, one session each, in requests of 512.
pub(crate) fn small_spans(count: u64, mut send: impl FnMut(Bytes, usize)) {
    let mut source = Source::new(77);
    for first in (0..count).step_by(SMALL_BATCH as usize) {
        let spans = (first..count.min(first + SMALL_BATCH)).map(|n| small_span(n, &mut source));
        let spans: Vec<Span> = spans.collect();
        let raw = spans.iter().map(texts_of).sum();
        send(request(spans).encode_to_vec().into(), raw);
    }
}

fn small_span(number: u64, source: &mut Source) -> Span {
    let trace = number / SMALL_TRACE;
    let place = number % SMALL_TRACE;
    let mut trace_id = vec![5; 16];
    trace_id[8..].copy_from_slice(&(trace + 1).to_be_bytes());
    let span_id = |place: u64| {
        ((trace << 8) | (place + 1) | (1 << 56))
            .to_be_bytes()
            .to_vec()
    };
    let session = format!("small-session-{trace}");
    let mut attributes = vec![text("gen_ai.conversation.id", &session)];
    let name = match place {
        0 => {
            attributes.push(text("gen_ai.operation.name", "invoke_agent"));
            "invoke_agent small".to_owned()
        }
        n if !n.is_multiple_of(2) => {
            attributes.extend([
                text("gen_ai.operation.name", "chat"),
                text("gen_ai.provider.name", "anthropic"),
                text("gen_ai.request.model", "model-small"),
                int("gen_ai.usage.input_tokens", source.below(9_000) as i64),
                int("gen_ai.usage.output_tokens", source.below(900) as i64),
                text(
                    "gen_ai.output.messages",
                    &format!("[{}]", message("assistant", &source.text(120))),
                ),
            ]);
            "chat model-small".to_owned()
        }
        // Every tenth session asks the same thing again and again.
        n => {
            let asked = match trace % 10 {
                0 => "the same again".to_owned(),
                _ => source.text(30),
            };
            let tool = TOOLS[(n / 2 % 8) as usize];
            attributes.extend([
                text("gen_ai.operation.name", "execute_tool"),
                text(
                    "gen_ai.tool.name",
                    if trace.is_multiple_of(10) {
                        "Bash"
                    } else {
                        tool
                    },
                ),
                text(
                    "gen_ai.tool.call.arguments",
                    &format!(r#"{{"command":"{asked}"}}"#),
                ),
                text("gen_ai.tool.call.result", &source.text(60)),
            ]);
            format!("execute_tool {tool}")
        }
    };
    let start = START_NS + 100_000_000_000_000 + number * 1_000_000;
    Span {
        trace_id,
        span_id: span_id(place),
        parent_span_id: if place == 0 { Vec::new() } else { span_id(0) },
        name,
        kind: 1,
        start_time_unix_nano: start,
        end_time_unix_nano: start + 900_000 + source.below(50_000_000),
        attributes,
        status: Some(Status {
            code: if number.is_multiple_of(97) { 2 } else { 1 },
            ..Status::default()
        }),
        ..Span::default()
    }
}

fn texts_of(span: &Span) -> usize {
    let sizes = span.attributes.iter().map(|pair| match &pair.value {
        Some(AnyValue {
            value: Some(Value::StringValue(text)),
        }) => text.len(),
        _ => 0,
    });
    sizes.sum()
}

fn message(role: &str, content: &str) -> String {
    format!(r#"{{"role":"{role}","parts":[{{"type":"text","content":"{content}"}}]}}"#)
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
