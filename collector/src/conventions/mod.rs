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

use proto::agent::{Act, Event, MetricPoint, Payload};
use proto::otlp::collector::logs::v1::ExportLogsServiceRequest;
use proto::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
use proto::otlp::collector::trace::v1::ExportTraceServiceRequest;

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
mod record;
mod source;
mod span;
pub(crate) mod text;
mod value;

#[cfg(test)]
mod tests;

use payload::Bag;
use source::{Origin, Source};

pub(crate) use identity::session_trace;

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
}

/// Reads one trace export into `out`. Spans without a valid trace and span id are rejected.
pub fn understand_traces(request: ExportTraceServiceRequest, out: &mut Understood) {
    let mut bag = Bag::default();
    for group in request.resource_spans {
        let origin = Arc::new(Origin::new(group.resource, &mut bag));
        for scope in group.scope_spans {
            let source = Source::new(&origin, scope.scope, &mut bag);
            for span in scope.spans {
                span::understand(&source, span, &mut bag, out);
            }
        }
    }
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
    let mut bag = Bag::default();
    let mut gathered = log::Gathered::default();
    for group in request.resource_logs {
        let origin = Arc::new(Origin::new(group.resource, &mut bag));
        for scope in group.scope_logs {
            let source = Source::new(&origin, scope.scope, &mut bag);
            for record in scope.log_records {
                log::understand(&source, record, bodies, &mut bag, &mut gathered, out);
            }
        }
    }
    gathered.finish(&mut bag, out);
    out.payloads.extend(bag.into_payloads());
}

/// Reads one metrics export into `out`.
pub fn understand_metrics(request: ExportMetricsServiceRequest, out: &mut Understood) {
    let mut bag = Bag::default();
    let mut repeats = identity::Repeats::default();
    for group in request.resource_metrics {
        let origin = Arc::new(Origin::new(group.resource, &mut bag));
        for scope in group.scope_metrics {
            let source = Source::new(&origin, scope.scope, &mut bag);
            for metric in scope.metrics {
                metric::understand(&source, metric, &mut bag, &mut repeats, out);
            }
        }
    }
    out.payloads.extend(bag.into_payloads());
}
