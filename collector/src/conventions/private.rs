//! What of a batch is private: sessions that their emitter, or their user by a prompt, wants dropped.

use std::collections::HashSet;
use std::sync::Arc;

use proto::id::TraceId;

use super::Understood;
use super::value::{self, Attributes, Value};

/// Attribute of a resource, a span or a log record: the session is not to be kept.
pub const PRIVATE: &str = "spanreel.private";

/// A record that says that its session is private: by the session's id, or else by its trace.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Private {
    pub session_id: Option<Arc<str>>,
    pub trace_id: Option<TraceId>,
}

/// Whether attributes say so.
pub(super) fn is_said(attributes: &Attributes) -> bool {
    match value::get(attributes, PRIVATE) {
        Some(Value::Bool(is_private)) => *is_private,
        // Environment variables such as OTEL_RESOURCE_ATTRIBUTES know texts only.
        Some(Value::Text(text)) => text == "true" || text == "1",
        _ => false,
    }
}

/// Whether a prompt begins with the word by which users say so.
pub(super) fn is_asked(prompt: &str) -> bool {
    let word = prompt.split_whitespace().next().unwrap_or_default();
    word.strip_prefix('/').is_some_and(is_command)
}

/// Whether this is the name of the command by which users say so: their own, or the plugin's.
pub(super) fn is_command(name: &str) -> bool {
    matches!(name, "private" | "spanreel:private")
}

/// How far a batch was before a group of records.
pub(super) struct Before {
    acts: usize,
    events: usize,
    metrics: usize,
}

impl Before {
    pub(super) fn new(out: &Understood) -> Self {
        Self {
            acts: out.acts.len(),
            events: out.events.len(),
            metrics: out.metrics.len(),
        }
    }

    /// Says of all that was read since that it is private; what names neither session nor trace is
    /// left out at once, since nobody could find it later.
    pub(super) fn all_private(&self, out: &mut Understood) {
        let mut told: HashSet<Private> = HashSet::new();
        let acts = out.acts[self.acts..].iter().map(|act| Private {
            session_id: act
                .facts
                .session_id
                .clone()
                .or_else(|| act.facts.resource_session_id.clone()),
            trace_id: Some(act.trace_id),
        });
        let events = out.events[self.events..].iter().map(|event| Private {
            session_id: event.session_id.clone(),
            trace_id: event.trace_id,
        });
        let metrics = out.metrics[self.metrics..].iter().map(|point| Private {
            session_id: point.session_id.clone(),
            trace_id: None,
        });
        told.extend(acts.chain(events).chain(metrics));
        let is_found =
            |private: &Private| private.session_id.is_some() || private.trace_id.is_some();
        out.private.extend(told.into_iter().filter(is_found));
        let events = out.events.split_off(self.events);
        let is_found =
            |event: &proto::agent::Event| event.session_id.is_some() || event.trace_id.is_some();
        out.events.extend(events.into_iter().filter(is_found));
        let metrics = out.metrics.split_off(self.metrics);
        out.metrics.extend(
            metrics
                .into_iter()
                .filter(|point| point.session_id.is_some()),
        );
    }
}
