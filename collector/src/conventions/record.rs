//! One record as the rules see it, and what they make of it.

use std::sync::Arc;

use proto::agent::{Facts, Operation, SpanKind, ToolCallAsked, ToolResultSeen};

use super::names::{Concept, Picked};
use super::payload::Bag;
use super::source::Source;
use super::value::{Attributes, Value};

/// A span event, its large texts in the bag.
pub(super) struct SpanEvent {
    pub(super) name: String,
    pub(super) time_ns: i64,
    pub(super) attributes: Attributes,
}

/// A span or a log record.
pub(super) struct Record<'a> {
    pub(super) source: &'a Source,
    /// Span name, or the event's name in full (`claude_code.tool_result`).
    pub(super) name: &'a str,
    pub(super) kind: SpanKind,
    pub(super) attributes: &'a Attributes,
    pub(super) picked: Picked<'a>,
    /// Events of a span.
    pub(super) events: &'a [SpanEvent],
    /// Body of a log record.
    pub(super) body: &'a Value,
    pub(super) is_error: bool,
    pub(super) dropped_attributes_count: u32,
    pub(super) dropped_events_count: u32,
    pub(super) is_log: bool,
    pub(super) start_ns: i64,
    pub(super) end_ns: Option<i64>,
}

impl<'a> Record<'a> {
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        super::value::get(self.attributes, key)
    }

    pub(super) fn text<'b>(&self, key: &str, bag: &'b Bag) -> Option<&'b str>
    where
        'a: 'b,
    {
        super::value::text(self.attributes, key, bag)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key)
            .is_some_and(|value| !matches!(value, Value::Null))
    }

    pub(super) fn has_prefix(&self, prefix: &str) -> bool {
        self.attributes
            .iter()
            .any(|(key, _)| key.starts_with(prefix))
    }

    /// Event name without the emitter's prefix (`tool_result`).
    pub(super) fn event(&self) -> &'a str {
        self.name
            .split_once('.')
            .map_or(self.name, |(_, rest)| rest)
    }

    /// Start of a record that is written at the end and says how long it took.
    pub(super) fn start_before(&self) -> i64 {
        let millis = self.picked.double(Concept::DurationMs).unwrap_or(0.0);
        let nanos = (millis.max(0.0) * 1e6).min(1e18) as i64;
        self.start_ns.saturating_sub(nanos)
    }
}

/// What kind of act a record reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) operation: Operation,
    pub(super) plumbing: bool,
    pub(super) part_of_parent: bool,
}

impl Shape {
    pub(super) const fn of(operation: Operation) -> Self {
        Self {
            operation,
            plumbing: false,
            part_of_parent: false,
        }
    }

    /// Folded away by default.
    pub(super) const fn plumbing(operation: Operation) -> Self {
        Self {
            plumbing: true,
            ..Self::of(operation)
        }
    }

    /// A detail of its parent, never counted.
    pub(super) const fn part(operation: Operation) -> Self {
        Self {
            part_of_parent: true,
            ..Self::of(operation)
        }
    }
}

/// What the rules make of a record.
pub(super) struct Reading {
    pub(super) shape: Shape,
    pub(super) facts: Facts,
    pub(super) tool_results_seen: Vec<ToolResultSeen>,
    pub(super) tool_calls_asked: Vec<ToolCallAsked>,
    /// Messages of a request that comes in one log record per message.
    pub(super) messages: Vec<serde_json::Value>,
    /// The log record belongs to the model request in whose span it was written.
    pub(super) joins_span: bool,
    /// Further acts that the same log record is evidence of.
    pub(super) also: Vec<Reading>,
    /// Name of the act where the record's own is not it.
    pub(super) name: Option<Arc<str>>,
    pub(super) start_ns: i64,
    pub(super) end_ns: Option<i64>,
    /// The error that the record reports is how its framework works, not a failure.
    pub(super) is_control_flow: bool,
    /// The user asks by it that the session is not kept.
    pub(super) is_private: bool,
}

impl Reading {
    pub(super) fn new(record: &Record<'_>, shape: Shape) -> Self {
        Self {
            shape,
            facts: Facts::default(),
            tool_results_seen: Vec::new(),
            tool_calls_asked: Vec::new(),
            messages: Vec::new(),
            joins_span: false,
            also: Vec::new(),
            name: None,
            start_ns: record.start_ns,
            end_ns: record.end_ns,
            is_control_flow: false,
            is_private: false,
        }
    }

    /// What an event of a span reports, so far no more than when.
    pub(super) fn of_event(event: &SpanEvent, shape: Shape) -> Self {
        Self {
            shape,
            facts: Facts::default(),
            tool_results_seen: Vec::new(),
            tool_calls_asked: Vec::new(),
            messages: Vec::new(),
            joins_span: false,
            also: Vec::new(),
            name: None,
            start_ns: event.time_ns,
            end_ns: Some(event.time_ns),
            is_control_flow: false,
            is_private: false,
        }
    }

    /// Takes back what was read as a failure.
    pub(super) fn forgive(&mut self) {
        self.facts.success = None;
        self.facts.error_type = None;
        self.facts.error_message = None;
    }

    /// Notes what the sender cut and the switch that prevents it; the first note stays.
    pub(super) fn cut(&mut self, note: &str, bag: &mut Bag) {
        if self.facts.truncated_upstream.is_none() {
            self.facts.truncated_upstream = Some(bag.word(note));
        }
    }
}
