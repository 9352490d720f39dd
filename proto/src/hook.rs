//! A hook fire as it crosses the wire: an OTLP log record.
//!
//! Harnesses run hooks with a JSON document that says what happened. `spanreel hook` and the HTTP hook
//! endpoint put that document, byte for byte, into the body of a log record; what it means is worked
//! out where every other record is understood.

use serde::Deserialize;

use crate::id::{SpanId, TraceId};
use crate::otlp::collector::logs::v1::ExportLogsServiceRequest;
use crate::otlp::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use crate::otlp::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use crate::otlp::resource::v1::Resource;

/// Scope of the records.
pub const SCOPE: &str = "spanreel.hook";
/// Attribute: what tells equal fires apart, so that one that is delivered twice is known.
pub const ID: &str = "spanreel.hook.id";
/// Attribute: the hook command that was run.
pub const COMMAND: &str = "process.command_line";
/// Attribute: its exit code.
pub const EXIT_CODE: &str = "process.exit.code";
/// Attribute: what it wrote to standard output.
pub const STDOUT: &str = "spanreel.hook.stdout";
/// Attribute: what it wrote to standard error.
pub const STDERR: &str = "spanreel.hook.stderr";
/// Attribute: how long it ran, in milliseconds.
pub const DURATION_MS: &str = "spanreel.hook.duration_ms";

/// One hook fire.
#[derive(Debug, Clone, PartialEq)]
pub struct Fire {
    /// Which harness ran the hook (`claude-code`, `codex`, …).
    pub harness: String,
    /// The event, where the caller knows it better than the document (some do not name it).
    pub event: Option<String>,
    /// Unique per fire.
    pub id: String,
    /// When the hook was started, Unix nanoseconds.
    pub time_ns: u64,
    /// Where in a trace the harness says it was.
    pub place: Option<(TraceId, SpanId)>,
    /// What the harness wrote to the hook.
    pub document: String,
    /// The hook command that ran, where Spanreel ran it.
    pub ran: Option<Ran>,
}

/// A hook command and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Ran {
    /// Program and arguments, as one line.
    pub command: String,
    /// `None` when a signal ended it.
    pub exit_code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub duration_ms: f64,
}

#[derive(Deserialize)]
struct Named {
    #[serde(alias = "hookEventName")]
    hook_event_name: Option<String>,
}

/// The event that a hook's document names; `None` when it names none or is no JSON object.
pub fn event_of(document: &str) -> Option<String> {
    let named: Named = serde_json::from_str(document).ok()?;
    named.hook_event_name.filter(|name| !name.is_empty())
}

impl Fire {
    /// The fire as an export request with one record.
    pub fn into_request(self) -> ExportLogsServiceRequest {
        let event = event_of(&self.document)
            .or(self.event)
            .unwrap_or_else(|| "hook".to_owned());
        let mut attributes = vec![text("event.name", event), text(ID, self.id)];
        if let Some(ran) = self.ran {
            attributes.push(text(COMMAND, ran.command));
            if let Some(code) = ran.exit_code {
                let code = any_value::Value::IntValue(i64::from(code));
                attributes.push(attribute(EXIT_CODE, code));
            }
            attributes.push(text(STDOUT, ran.stdout));
            attributes.push(text(STDERR, ran.stderr));
            let duration = any_value::Value::DoubleValue(ran.duration_ms);
            attributes.push(attribute(DURATION_MS, duration));
        }
        let (trace_id, span_id) = match self.place {
            Some((trace_id, span_id)) => (trace_id.0.to_vec(), span_id.0.to_vec()),
            None => (Vec::new(), Vec::new()),
        };
        let record = LogRecord {
            time_unix_nano: self.time_ns,
            observed_time_unix_nano: self.time_ns,
            body: Some(AnyValue {
                value: Some(any_value::Value::StringValue(self.document)),
            }),
            attributes,
            trace_id,
            span_id,
            ..LogRecord::default()
        };
        ExportLogsServiceRequest {
            resource_logs: vec![ResourceLogs {
                resource: Some(Resource {
                    attributes: vec![text("service.name", self.harness)],
                    ..Resource::default()
                }),
                scope_logs: vec![ScopeLogs {
                    scope: Some(InstrumentationScope {
                        name: SCOPE.to_owned(),
                        ..InstrumentationScope::default()
                    }),
                    log_records: vec![record],
                    ..ScopeLogs::default()
                }],
                ..ResourceLogs::default()
            }],
        }
    }
}

fn text(key: &str, value: String) -> KeyValue {
    attribute(key, any_value::Value::StringValue(value))
}

fn attribute(key: &str, value: any_value::Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_names_the_event_or_else_the_caller_does() {
        assert_eq!(
            event_of(r#"{"a":1,"hook_event_name":"Stop"}"#).as_deref(),
            Some("Stop")
        );
        assert_eq!(
            event_of(r#"{"hookEventName":"stop"}"#).as_deref(),
            Some("stop")
        );
        for unnamed in ["", "no json", "[1]", r#"{"hook_event_name":""}"#, "{}"] {
            assert_eq!(event_of(unnamed), None, "{unnamed}");
        }
    }

    #[test]
    fn the_document_is_the_body_byte_for_byte() {
        let document = "{\"prompt\":\"\\u0000 \u{202e} </script>\"} \n".to_owned();
        let request = Fire {
            harness: "codex".to_owned(),
            event: Some("preToolUse".to_owned()),
            id: "1".to_owned(),
            time_ns: 7,
            place: None,
            document: document.clone(),
            ran: None,
        }
        .into_request();
        let record = &request.resource_logs[0].scope_logs[0].log_records[0];
        let body = record.body.as_ref().and_then(|body| body.value.as_ref());
        assert_eq!(body, Some(&any_value::Value::StringValue(document)));
        assert_eq!(
            record.attributes[0],
            text("event.name", "preToolUse".to_owned())
        );
    }
}
