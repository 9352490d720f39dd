//! One span: an act and its events.

use std::fmt::Write as _;
use std::sync::Arc;

use proto::agent::{Act, Event, Operation, Origin, RecordRef, SpanKind, Status};
use proto::id::{SpanId, TraceId};
use proto::otlp::trace::v1::span::{self, Link};
use proto::otlp::trace::v1::{Span, Status as WireStatus};

use super::identity::{self, Fingerprint, nanos};
use super::payload::Bag;
use super::place::Place;
use super::record::{Reading, Record, SpanEvent};
use super::source::Source;
use super::value::{self, Value};
use super::{Private, Understood, content, facts, json, private};

pub(super) fn understand(
    source: &Source,
    span: Span,
    received: RecordRef,
    bag: &mut Bag,
    out: &mut Understood,
) {
    let (Some(trace_id), Some(span_id)) = (
        TraceId::from_wire(&span.trace_id),
        SpanId::from_wire(&span.span_id),
    ) else {
        out.rejected.push(format!(
            "span with an invalid id (trace id of {} bytes, span id of {} bytes; 16 and 8, not all zero, are valid)",
            span.trace_id.len(),
            span.span_id.len()
        ));
        return;
    };
    let attributes = value::attributes(span.attributes, bag);
    let events: Vec<SpanEvent> = span
        .events
        .into_iter()
        .map(|event| SpanEvent {
            name: event.name,
            time_ns: nanos(event.time_unix_nano),
            attributes: value::attributes(event.attributes, bag),
        })
        .collect();
    let (mut status, mut status_message) = status(span.status, bag);
    let active = source.family.for_record(&span.name);
    let record = Record {
        source,
        name: &span.name,
        kind: kind(span.kind),
        picked: active.names.pick(&attributes, bag),
        attributes: &attributes,
        events: &events,
        body: &Value::Null,
        is_error: status == Status::Error,
        dropped_attributes_count: span.dropped_attributes_count,
        dropped_events_count: span.dropped_events_count,
        is_log: false,
        start_ns: nanos(span.start_time_unix_nano),
        end_ns: (span.end_time_unix_nano != 0).then(|| nanos(span.end_time_unix_nano)),
    };
    let shape = active.shape(&record, bag);
    let mut reading = Reading::new(&record, shape);
    facts::read(&record, bag, &mut reading);
    content::read(&record, bag, &mut reading);
    if status == Status::Error && reading.facts.error_message.is_none() {
        reading.facts.error_message = status_message.clone();
    }
    active.adjust(&record, bag, &mut reading);
    source.claim(&mut reading.facts);
    if reading.is_control_flow {
        reading.forgive();
        (status, status_message) = (Status::Unset, None);
    }
    if reading.shape.operation == Operation::Model && reading.facts.join_key.is_none() {
        reading.facts.join_key = Some(bag.word(&span_join_key(&span_id)));
    }
    let session_id = reading
        .facts
        .session_id
        .clone()
        .or_else(|| reading.facts.resource_session_id.clone());

    if private::is_said(&attributes) {
        out.private.push(Private {
            session_id: session_id.clone(),
            trace_id: Some(trace_id),
        });
    }

    let reported: Vec<(usize, Reading)> = events
        .iter()
        .enumerate()
        .filter_map(|(at, event)| Some((at, active.span_event(&record, event, bag)?)))
        .collect();
    let mut text = json::object(&attributes);
    keep_extras(
        &mut text,
        source,
        &[
            ("events", span.dropped_events_count),
            ("links", span.dropped_links_count),
        ],
    );
    let links = links(span.links, bag);
    out.acts.push(Act {
        trace_id,
        span_id,
        parent_span_id: SpanId::from_wire(&span.parent_span_id),
        origin: active.family.origin.unwrap_or(Origin::Span),
        operation: reading.shape.operation,
        plumbing: reading.shape.plumbing,
        part_of_parent: reading.shape.part_of_parent,
        kind: record.kind,
        start_ns: reading.start_ns,
        end_ns: reading.end_ns,
        status: match (status, reading.facts.success) {
            (Status::Unset, Some(false)) => Status::Error,
            (status, _) => status,
        },
        status_message,
        facts: reading.facts,
        tool_results_seen: reading.tool_results_seen,
        tool_calls_asked: reading.tool_calls_asked,
        attributes: text,
        resource: source.origin.json.clone(),
        links,
        scope_name: source.scope_name.clone(),
        scope_version: source.scope_version.clone(),
        service_name: source.origin.service_name.clone(),
        trace_state: span.trace_state,
        dropped_attributes_count: span.dropped_attributes_count,
        record: Some(received),
        name: bag.word(&span.name),
    });
    let mut reported = reported.into_iter().peekable();
    for (at, event) in events.into_iter().enumerate() {
        let attributes = json::object(&event.attributes);
        let event_id = Fingerprint::of("span event", bag.hashing())
            .bytes(&trace_id.0)
            .bytes(&span_id.0)
            .int(at as i64)
            .int(event.time_ns)
            .text(&event.name)
            .text(&attributes)
            .finish();
        if let Some((_, mut reading)) = reported.next_if(|(of, _)| *of == at) {
            reading.facts.session_id.clone_from(&session_id);
            let place = Place {
                trace_id,
                span_id: identity::record_span(&event_id, 0),
                parent_span_id: Some(span_id),
                record: received,
            };
            let name = bag.word(&event.name);
            out.acts
                .push(place.act(source, name, attributes.clone(), 0, reading));
        }
        out.events.push(Event {
            event_id,
            time_ns: event.time_ns,
            trace_id: Some(trace_id),
            span_id: Some(span_id),
            session_id: session_id.clone(),
            is_log: false,
            name: bag.word(&event.name),
            severity: None,
            body: None,
            body_payload: None,
            attributes,
            service_name: source.origin.service_name.clone(),
            scope_name: source.scope_name.clone(),
            record: Some(received),
        });
    }
}

/// What a model request's span and the log records written inside it have in common.
pub(super) fn span_join_key(span_id: &SpanId) -> String {
    format!("span:{span_id}")
}

/// Adds what OTLP carries beside the attributes: scope attributes and counts of what was dropped.
pub(super) fn keep_extras(object: &mut String, source: &Source, dropped: &[(&str, u32)]) {
    let mut extras = String::new();
    if !matches!(source.scope_attributes, Value::Null) {
        extras.push_str(r#","$scope":"#);
        json::write_value(&source.scope_attributes, None, &mut extras);
    }
    let dropped: Vec<String> = dropped
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(what, count)| format!(r#""{what}":{count}"#))
        .collect();
    if !dropped.is_empty() {
        let _ = write!(extras, r#","$dropped":{{{}}}"#, dropped.join(","));
    }
    if extras.is_empty() {
        return;
    }
    object.pop();
    object.push_str(if object.len() == 1 {
        &extras[1..]
    } else {
        &extras
    });
    object.push('}');
}

fn kind(kind: i32) -> SpanKind {
    match span::SpanKind::try_from(kind) {
        Ok(span::SpanKind::Internal) => SpanKind::Internal,
        Ok(span::SpanKind::Server) => SpanKind::Server,
        Ok(span::SpanKind::Client) => SpanKind::Client,
        Ok(span::SpanKind::Producer) => SpanKind::Producer,
        Ok(span::SpanKind::Consumer) => SpanKind::Consumer,
        Ok(span::SpanKind::Unspecified) | Err(_) => SpanKind::Unspecified,
    }
}

fn status(status: Option<WireStatus>, bag: &mut Bag) -> (Status, Option<Arc<str>>) {
    let Some(status) = status else {
        return (Status::Unset, None);
    };
    let code = match status.code {
        1 => Status::Ok,
        2 => Status::Error,
        _ => Status::Unset,
    };
    let message = (!status.message.is_empty()).then(|| bag.word(&status.message));
    (code, message)
}

fn links(links: Vec<Link>, bag: &mut Bag) -> String {
    if links.is_empty() {
        return String::new();
    }
    let mut out = String::from("[");
    for (at, link) in links.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        let _ = write!(
            out,
            r#"{{"trace_id":"{}","span_id":"{}","trace_state":"#,
            hex::encode(&link.trace_id),
            hex::encode(&link.span_id)
        );
        json::write_string(&link.trace_state, &mut out);
        out.push_str(r#","attributes":"#);
        let attributes = value::attributes(link.attributes, bag);
        out.push_str(&json::object(&attributes));
        if link.dropped_attributes_count > 0 {
            let _ = write!(
                out,
                r#","dropped_attributes_count":{}"#,
                link.dropped_attributes_count
            );
        }
        out.push('}');
    }
    out.push(']');
    out
}
