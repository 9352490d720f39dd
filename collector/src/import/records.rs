//! Spans and log records as every reader writes them, and the requests that carry them.

use std::sync::Arc;

use prost::Message as _;
use proto::agent::Operation;
use proto::attributes::Attributes;
use proto::otlp::collector::logs::v1::ExportLogsServiceRequest;
use proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use proto::otlp::common::v1::any_value::Value;
use proto::otlp::common::v1::{AnyValue, InstrumentationScope};
use proto::otlp::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use proto::otlp::resource::v1::Resource;
use proto::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span, status};
use proto::{Encoding, Signal};
use serde_json::Value as Json;

use super::otlp_file::Body;
use crate::conventions::session_trace;

/// Scope of every record that comes from a transcript.
pub const SCOPE_NAME: &str = "spanreel.transcript";

/// Longest error message of a span, in characters; the whole of it is the call's result.
const ERROR_MAX: usize = 200;

/// The harness that wrote a transcript, as it named itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Harness {
    pub(super) name: &'static str,
    pub(super) version: Option<Arc<str>>,
}

/// What the entries of a file have said so far of where and by what they were written.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) harness: Harness,
    pub(super) file_name: String,
    pub(super) session: Arc<str>,
    pub(super) parent_session: Option<Arc<str>>,
    pub(super) folder: Option<Arc<str>>,
    pub(super) branch: Option<Arc<str>>,
    /// Latest time that any entry bears, Unix nanoseconds.
    pub(super) last_ns: u64,
}

impl Place {
    pub(super) fn new(harness: &'static str, file_name: &str) -> Self {
        Self {
            harness: Harness {
                name: harness,
                version: None,
            },
            file_name: file_name.to_owned(),
            session: Arc::from(""),
            parent_session: None,
            folder: None,
            branch: None,
            last_ns: 0,
        }
    }

    /// An id that the same name in the same session gives again.
    pub(super) fn id(&self, kind: &str, name: &str) -> [u8; 8] {
        let mut hasher = blake3::Hasher::new();
        for part in ["spanreel transcript", kind, &self.session, name] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        let [a, b, c, d, e, f, g, h, ..] = *hasher.finalize().as_bytes();
        [a, b, c, d, e, f, g, h]
    }

    fn attributes(&self, line: u64) -> Attributes {
        Attributes::new()
            .text("session.id", &*self.session)
            .text_if("session.previous_id", self.parent_session.as_deref())
            .text_if("process.working_directory", self.folder.as_deref())
            .text_if("vcs.ref.head.name", self.branch.as_deref())
            .text("log.file.name", self.file_name.as_str())
            .int("spanreel.line", line)
    }
}

/// An act as a reader describes it.
pub(super) struct NewAct<'a> {
    pub(super) operation: Operation,
    pub(super) id: [u8; 8],
    pub(super) parent: Option<[u8; 8]>,
    pub(super) name: String,
    pub(super) start_ns: u64,
    /// `None` while it has not ended.
    pub(super) end_ns: Option<u64>,
    /// Why it failed.
    pub(super) error: Option<&'a str>,
    pub(super) attributes: Attributes,
}

/// Records of one harness and version.
#[derive(Debug)]
struct Group {
    harness: Harness,
    spans: Vec<Span>,
    logs: Vec<LogRecord>,
}

/// What was read and not sent yet.
#[derive(Debug, Default)]
pub struct Records {
    groups: Vec<Group>,
    size_bytes: usize,
    /// Acts taken over so far, the sent ones included.
    pub span_count: u64,
    /// Other entries kept so far, the sent ones included.
    pub log_count: u64,
}

impl Records {
    /// About how large the requests will be.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    pub(super) fn act(&mut self, place: &Place, line: u64, new: NewAct<'_>) {
        let start_ns = new.start_ns;
        let span = Span {
            trace_id: session_trace(&place.session).0.to_vec(),
            span_id: new.id.to_vec(),
            parent_span_id: new.parent.map_or_else(Vec::new, |id| id.to_vec()),
            name: new.name,
            kind: match new.operation {
                Operation::Model => span::SpanKind::Client,
                _ => span::SpanKind::Internal,
            } as i32,
            start_time_unix_nano: start_ns,
            end_time_unix_nano: new.end_ns.map_or(0, |end| end.max(start_ns)),
            attributes: Attributes::new()
                .text("spanreel.operation", new.operation.as_str())
                .and(new.attributes)
                .and(place.attributes(line))
                .into_wire(),
            status: new.error.map(|message| Status {
                code: status::StatusCode::Error as i32,
                message: message.chars().take(ERROR_MAX).collect(),
            }),
            ..Span::default()
        };
        self.size_bytes += span.encoded_len();
        self.span_count += 1;
        self.group(&place.harness).spans.push(span);
    }

    /// Keeps an entry that is no act.
    pub(super) fn entry(&mut self, place: &Place, line: u64, name: &str, entry: &Json) {
        let record = LogRecord {
            time_unix_nano: place.last_ns,
            observed_time_unix_nano: place.last_ns,
            event_name: format!("transcript.{name}"),
            body: Some(AnyValue {
                value: Some(Value::StringValue(entry.to_string())),
            }),
            attributes: place.attributes(line).into_wire(),
            trace_id: session_trace(&place.session).0.to_vec(),
            ..LogRecord::default()
        };
        self.size_bytes += record.encoded_len();
        self.log_count += 1;
        self.group(&place.harness).logs.push(record);
    }

    fn group(&mut self, harness: &Harness) -> &mut Group {
        if self
            .groups
            .last()
            .is_none_or(|last| last.harness != *harness)
        {
            self.groups.push(Group {
                harness: harness.clone(),
                spans: Vec::new(),
                logs: Vec::new(),
            });
        }
        // One was pushed if there was none.
        let last = self.groups.len() - 1;
        &mut self.groups[last]
    }

    /// Hands over what was read since the last time, as requests.
    pub fn take(&mut self) -> Vec<Body> {
        let mut traces = ExportTraceServiceRequest::default();
        let mut logs = ExportLogsServiceRequest::default();
        for group in self.groups.drain(..) {
            let resource = Resource {
                attributes: Attributes::new()
                    .text("service.name", group.harness.name)
                    .text_if("service.version", group.harness.version.as_deref())
                    .into_wire(),
                ..Resource::default()
            };
            let scope = InstrumentationScope {
                name: SCOPE_NAME.to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                ..InstrumentationScope::default()
            };
            if !group.spans.is_empty() {
                traces.resource_spans.push(ResourceSpans {
                    resource: Some(resource.clone()),
                    scope_spans: vec![ScopeSpans {
                        scope: Some(scope.clone()),
                        spans: group.spans,
                        ..ScopeSpans::default()
                    }],
                    ..ResourceSpans::default()
                });
            }
            if !group.logs.is_empty() {
                logs.resource_logs.push(ResourceLogs {
                    resource: Some(resource),
                    scope_logs: vec![ScopeLogs {
                        scope: Some(scope),
                        log_records: group.logs,
                        ..ScopeLogs::default()
                    }],
                    ..ResourceLogs::default()
                });
            }
        }
        self.size_bytes = 0;
        let body = |signal, bytes: Vec<u8>| Body {
            signal,
            encoding: Encoding::Protobuf,
            bytes,
        };
        [
            body(Signal::Traces, traces.encode_to_vec()),
            body(Signal::Logs, logs.encode_to_vec()),
        ]
        .into_iter()
        .filter(|body| !body.bytes.is_empty())
        .collect()
    }
}

/// Unix nanoseconds of a time as harnesses write it (RFC 3339).
pub(super) fn time_ns(entry: &Json, key: &str) -> Option<u64> {
    let time = chrono::DateTime::parse_from_rfc3339(entry.get(key)?.as_str()?).ok()?;
    u64::try_from(time.timestamp_nanos_opt()?).ok()
}

/// A text of an entry, when it is one and not empty.
pub(super) fn text<'a>(entry: &'a Json, key: &str) -> Option<&'a str> {
    entry.get(key)?.as_str().filter(|text| !text.is_empty())
}

/// A tool's result as one text: a text as it is, text blocks joined, anything else as JSON.
pub(super) fn result_text(content: &Json) -> String {
    match content {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        Json::Array(blocks) => {
            let texts: Option<Vec<&str>> = blocks.iter().map(|block| text(block, "text")).collect();
            match texts {
                Some(texts) => texts.join("\n"),
                None => content.to_string(),
            }
        }
        other => other.to_string(),
    }
}

/// The last part of a path of any system.
pub(super) fn last_part(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_times() {
        let entry = json!({"timestamp": "2026-11-21T01:06:41.505Z", "bad": "yesterday"});
        assert_eq!(
            time_ns(&entry, "timestamp"),
            Some(1_795_223_201_505_000_000)
        );
        assert_eq!(time_ns(&entry, "bad"), None);
    }

    #[test]
    fn equal_names_of_two_sessions_have_ids_of_their_own() {
        let mut place = Place::new("claude-code", "a.jsonl");
        place.session = "one".into();
        let first = place.id("tool", "call");
        assert_eq!(first, place.id("tool", "call"));
        assert_ne!(first, place.id("request", "call"));
        place.session = "two".into();
        assert_ne!(first, place.id("tool", "call"));
    }

    #[test]
    fn joins_text_blocks_only() {
        assert_eq!(result_text(&json!([{"text": "a"}, {"text": "b"}])), "a\nb");
        assert_eq!(result_text(&json!("a")), "a");
        let image = json!([{"type": "image", "source": {}}]);
        assert_eq!(result_text(&image), image.to_string());
    }
}
