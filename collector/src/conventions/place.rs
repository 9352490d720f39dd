//! Acts that are reported by a record other than their own span: a log record, an event of a span.

use std::sync::Arc;

use proto::agent::{Act, Origin, RecordRef, SpanKind, Status};
use proto::id::{SpanId, TraceId};

use super::record::Reading;
use super::source::Source;

/// Where such an act stands.
pub(super) struct Place {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    /// The span in which the record was written.
    pub(super) parent_span_id: Option<SpanId>,
    pub(super) record: RecordRef,
}

impl Place {
    /// The act; `name` and `attributes` (as JSON) are the record's.
    pub(super) fn act(
        self,
        source: &Source,
        name: Arc<str>,
        attributes: String,
        dropped_attributes_count: u32,
        reading: Reading,
    ) -> Act {
        let mut facts = reading.facts;
        source.claim(&mut facts);
        Act {
            trace_id: self.trace_id,
            span_id: self.span_id,
            parent_span_id: self.parent_span_id,
            origin: source.family.family.origin.unwrap_or(Origin::Log),
            operation: reading.shape.operation,
            plumbing: reading.shape.plumbing,
            part_of_parent: reading.shape.part_of_parent,
            name: reading.name.unwrap_or(name),
            kind: SpanKind::Internal,
            start_ns: reading.start_ns,
            end_ns: reading.end_ns,
            status: match facts.success {
                Some(true) => Status::Ok,
                Some(false) => Status::Error,
                None => Status::Unset,
            },
            status_message: facts
                .error_message
                .clone()
                .filter(|_| facts.success == Some(false)),
            facts,
            tool_results_seen: reading.tool_results_seen,
            tool_calls_asked: reading.tool_calls_asked,
            attributes,
            resource: source.origin.json.clone(),
            links: String::new(),
            scope_name: source.scope_name.clone(),
            scope_version: source.scope_version.clone(),
            service_name: source.origin.service_name.clone(),
            trace_state: String::new(),
            dropped_attributes_count,
            record: Some(self.record),
        }
    }
}
