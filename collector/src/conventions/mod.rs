//! Understanding: what OTLP records say, in the words of the agent model.
//!
//! Pure functions from (resource, scope, span | log record | metric point) to acts, events and
//! metric points. One record at a time: what joins records (sessions, turns, duplicates) is the
//! resolver's. Nothing is thrown away: what no rule knows stays in the attributes. Nothing panics,
//! whatever the sender writes.
//!
//! - `value`, `payload`, `json`, `parse`: values as they came, large texts by address;
//! - `names`, `family`: which attribute says what, per emitter;
//! - `facts`, `content`, `messages`: the shared rules;
//! - `span`, `log`, `metric`: one record each.

use std::sync::Arc;

use proto::agent::{Act, Event, MetricPoint, Payload, Received};
use proto::otlp::collector::logs::v1::ExportLogsServiceRequest;
use proto::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
use proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use proto::otlp::logs::v1::ResourceLogs;
use proto::otlp::metrics::v1::ResourceMetrics;
use proto::otlp::trace::v1::ResourceSpans;
use proto::{Hashing, Signal};

mod blocks;
mod content;
mod facts;
mod family;
mod flattened;
mod identity;
mod json;
mod langchain;
mod log;
mod media;
mod messages;
mod metric;
mod names;
mod parse;
mod payload;
mod place;
mod private;
mod received;
mod record;
mod source;
mod span;
pub(crate) mod text;
mod value;

#[cfg(test)]
mod tests;

use payload::Bag;
use received::Shelf;
use source::{Origin, Source};

pub(crate) use identity::session_trace;
use private::Before;
pub use private::{PRIVATE, Private};
pub use source::PROJECT;

/// Everything that a group of requests says.
#[derive(Debug, Default)]
pub struct Understood {
    /// One per span, and one per log record that reports an act.
    pub acts: Vec<Act>,
    /// One per span event and log record.
    pub events: Vec<Event>,
    pub metrics: Vec<MetricPoint>,
    /// Texts that acts and events refer to; each once per request.
    pub payloads: Vec<Payload>,
    /// Why records were refused, one line each, without their content.
    pub rejected: Vec<String>,
    /// The records themselves, by the request that brought them.
    pub received: Vec<Received>,
    /// What says of itself that it is private.
    pub private: Vec<Private>,
    /// Place in the journal of the request that is read next: set it before each.
    pub request_id: i64,
    /// How texts and records are identified: set it once.
    pub hashing: Hashing,
}

/// Reads one trace export into `out`. Spans without a valid trace and span id are rejected.
pub fn understand_traces(request: ExportTraceServiceRequest, out: &mut Understood) {
    let mut bag = Bag::new(out.hashing);
    let mut shelf = Shelf::new(out.request_id, Signal::Traces);
    for mut group in request.resource_spans {
        bag.lift(&mut group.resource);
        let of_resource = bag.lifted().to_vec();
        let origin = Arc::new(Origin::new(group.resource.clone(), &mut bag));
        let before = Before::new(out);
        for mut scope in std::mem::take(&mut group.scope_spans) {
            let spans = std::mem::take(&mut scope.spans);
            bag.set_lifted(&of_resource);
            bag.lift_also(&mut scope.scope);
            let source = Source::new(&origin, scope.scope.clone(), &mut bag);
            let head = ResourceSpans {
                scope_spans: vec![scope],
                ..group.clone()
            };
            shelf.head(&head, &bag);
            for mut span in spans {
                bag.lift(&mut span);
                let record = shelf.record(&span, &bag);
                span::understand(&source, span, record, &mut bag, out);
            }
        }
        if origin.is_private {
            before.all_private(out);
        }
    }
    shelf.finish(out);
    out.payloads.extend(bag.into_payloads());
}

/// Reads bodies that records only name.
pub trait Bodies {
    /// The text of the file at `path`.
    ///
    /// # Errors
    /// Why it was not read, in words that end a sentence.
    fn read(&self, path: &str) -> Result<String, &'static str>;
}

/// Reads one log export into `out`. Every record becomes an event; those that report an act become
/// an act as well, with the body that `bodies` reads for a record that only names it.
pub fn understand_logs(
    request: ExportLogsServiceRequest,
    bodies: Option<&dyn Bodies>,
    out: &mut Understood,
) {
    let mut bag = Bag::new(out.hashing);
    let mut shelf = Shelf::new(out.request_id, Signal::Logs);
    let mut gathered = log::Gathered::default();
    for mut group in request.resource_logs {
        bag.lift(&mut group.resource);
        let of_resource = bag.lifted().to_vec();
        let origin = Arc::new(Origin::new(group.resource.clone(), &mut bag));
        let before = Before::new(out);
        for mut scope in std::mem::take(&mut group.scope_logs) {
            let log_records = std::mem::take(&mut scope.log_records);
            bag.set_lifted(&of_resource);
            bag.lift_also(&mut scope.scope);
            let source = Source::new(&origin, scope.scope.clone(), &mut bag);
            let head = ResourceLogs {
                scope_logs: vec![scope],
                ..group.clone()
            };
            shelf.head(&head, &bag);
            for mut record in log_records {
                bag.lift(&mut record);
                let place = shelf.record(&record, &bag);
                log::understand(&source, record, place, bodies, &mut bag, &mut gathered, out);
            }
        }
        if origin.is_private {
            before.all_private(out);
        }
    }
    shelf.finish(out);
    gathered.finish(&mut bag, out);
    out.payloads.extend(bag.into_payloads());
}

/// Reads one metrics export into `out`.
pub fn understand_metrics(request: ExportMetricsServiceRequest, out: &mut Understood) {
    let mut bag = Bag::new(out.hashing);
    let mut shelf = Shelf::new(out.request_id, Signal::Metrics);
    let mut repeats = identity::Repeats::default();
    for mut group in request.resource_metrics {
        bag.lift(&mut group.resource);
        let of_resource = bag.lifted().to_vec();
        let origin = Arc::new(Origin::new(group.resource.clone(), &mut bag));
        let before = Before::new(out);
        for mut scope in std::mem::take(&mut group.scope_metrics) {
            let metrics = std::mem::take(&mut scope.metrics);
            bag.set_lifted(&of_resource);
            bag.lift_also(&mut scope.scope);
            let source = Source::new(&origin, scope.scope.clone(), &mut bag);
            let head = ResourceMetrics {
                scope_metrics: vec![scope],
                ..group.clone()
            };
            shelf.head(&head, &bag);
            for metric in metrics {
                for mut point in received::single_points(metric) {
                    bag.lift(&mut point);
                    let record = shelf.record(&point, &bag);
                    metric::understand(&source, point, record, &mut bag, &mut repeats, out);
                }
            }
        }
        if origin.is_private {
            before.all_private(out);
        }
    }
    shelf.finish(out);
    out.payloads.extend(bag.into_payloads());
}
