//! One log record: an event, and an act when it reports one.

use std::collections::HashMap;
use std::sync::Arc;

use proto::agent::{Act, Event, Operation, RecordRef, SpanKind};
use proto::id::{SpanId, TraceId};
use proto::otlp::logs::v1::LogRecord;

use super::content::{self, is_answer_event};
use super::identity::{self, Fingerprint, Repeats, nanos};
use super::json;
use super::payload::Bag;
use super::place::Place;
use super::record::{Reading, Record};
use super::source::Source;
use super::span::{keep_extras, span_join_key};
use super::value::{self, Attributes, Value};
use super::{Bodies, Private, Understood, private};

/// Where it stands why the body that a record names was not read.
pub(super) const BODY_NOT_READ: &str = "spanreel.body_ref.error";

pub(super) fn understand(
    source: &Source,
    log: LogRecord,
    received: RecordRef,
    bodies: Option<&dyn Bodies>,
    bag: &mut Bag,
    gathered: &mut Gathered,
    out: &mut Understood,
) {
    let mut attributes = value::attributes(log.attributes, bag);
    let body = Value::from_wire(log.body, bag);
    let name = event_name(&log.event_name, &attributes, &body, bag);
    // Some emitters set only the time at which the SDK saw the record.
    let time_ns = nanos(if log.time_unix_nano != 0 {
        log.time_unix_nano
    } else {
        log.observed_time_unix_nano
    });
    let trace_id = TraceId::from_wire(&log.trace_id);
    let span_id = SpanId::from_wire(&log.span_id);
    let mut text = json::object(&attributes);
    keep_extras(
        &mut text,
        source,
        &[("attributes", log.dropped_attributes_count)],
    );
    // Behind the text, which is what the record says and is known by.
    if let Some(bodies) = bodies {
        fetch_body(&mut attributes, bodies, bag);
    }
    let active = source.family.for_record(&name);
    let record = Record {
        source,
        name: &name,
        kind: SpanKind::Internal,
        picked: active.names.pick(&attributes, bag),
        attributes: &attributes,
        events: &[],
        body: &body,
        is_error: false,
        dropped_attributes_count: log.dropped_attributes_count,
        dropped_events_count: 0,
        is_log: true,
        start_ns: time_ns,
        end_ns: Some(time_ns),
    };
    let (body_text, body_payload) = match &body {
        Value::Null => (None, None),
        Value::Text(text) => (Some(text.clone()), None),
        Value::Large(address) => (None, Some(*address)),
        nested => {
            let content = nested.content(bag).into_owned();
            if content.len() > super::payload::INLINE_MAX {
                (None, Some(bag.add(content)))
            } else {
                (Some(content), None)
            }
        }
    };
    let event_id = gathered.repeats.distinguish(
        Fingerprint::of("log record", bag.hashing())
            .text(&source.origin.json)
            .text(&source.scope_name)
            .int(nanos(log.time_unix_nano))
            .int(nanos(log.observed_time_unix_nano))
            .bytes(&log.trace_id)
            .bytes(&log.span_id)
            .int(i64::from(log.severity_number))
            .text(&log.severity_text)
            .text(&name)
            .text(&text)
            .text(body_text.as_deref().unwrap_or(""))
            .bytes(
                body_payload
                    .as_ref()
                    .map_or(&[], |address| &address.hash[..]),
            )
            .finish(),
    );
    let reading = active.log(&record, bag);
    let session_id = match &reading {
        Some(reading) => reading.facts.session_id.clone(),
        None => record.picked.word(super::names::Concept::Session, bag),
    }
    .or_else(|| source.session_id.clone());
    let is_private = reading.as_ref().is_some_and(|reading| reading.is_private);
    if (is_private || private::is_said(&attributes)) && (session_id.is_some() || trace_id.is_some())
    {
        out.private.push(Private {
            session_id: session_id.clone(),
            trace_id,
        });
    }

    if let Some(mut reading) = reading {
        let also = std::mem::take(&mut reading.also);
        for (n, reading) in std::iter::once(reading).chain(also).enumerate() {
            let place = Place {
                trace_id: trace_id.unwrap_or_else(|| match &session_id {
                    Some(session_id) => identity::session_trace(session_id),
                    None => identity::record_trace(&event_id),
                }),
                span_id: identity::record_span(&event_id, n),
                parent_span_id: span_id,
                record: received,
            };
            report(&record, reading, place, &text, bag, gathered, out);
        }
    }
    out.events.push(Event {
        event_id,
        time_ns,
        trace_id,
        span_id,
        session_id,
        is_log: true,
        name: bag.word(&name),
        severity: severity(log.severity_number, &log.severity_text, bag),
        body: body_text,
        body_payload,
        attributes: text,
        service_name: source.origin.service_name.clone(),
        scope_name: source.scope_name.clone(),
        record: Some(received),
    });
}

/// Makes an act of one reading of a record, whose attributes are `text` in JSON.
fn report(
    record: &Record<'_>,
    mut reading: Reading,
    place: Place,
    text: &str,
    bag: &mut Bag,
    gathered: &mut Gathered,
    out: &mut Understood,
) {
    let active = record.source.family.for_record(record.name);
    if (reading.joins_span || record.name.starts_with("gen_ai."))
        && active.family.requests_log_inside
        && reading.shape.operation == Operation::Model
        && let Some(span_id) = &place.parent_span_id
    {
        reading.facts.join_key = Some(bag.word(&span_join_key(span_id)));
    }
    let messages = std::mem::take(&mut reading.messages);
    let name = bag.word(record.name);
    let dropped = record.dropped_attributes_count;
    let act = place.act(record.source, name, text.to_owned(), dropped, reading);
    if messages.is_empty() {
        out.acts.push(act);
    } else {
        gathered.add(act, is_answer_event(record.name), messages);
    }
}

/// What the records of one request say only together.
#[derive(Default)]
pub(super) struct Gathered {
    repeats: Repeats,
    requests: Vec<Messages>,
    by_parent: HashMap<(TraceId, SpanId), usize>,
}

/// A model request whose messages came in one record each: one act for all of them.
struct Messages {
    act: Act,
    input: Vec<serde_json::Value>,
    output: Vec<serde_json::Value>,
}

impl Gathered {
    fn add(&mut self, act: Act, is_answer: bool, messages: Vec<serde_json::Value>) {
        let key = act.parent_span_id.map(|parent| (act.trace_id, parent));
        let known = key.and_then(|key| self.by_parent.get(&key).copied());
        let at = known.unwrap_or(self.requests.len());
        if known.is_none() {
            if let Some(key) = key {
                self.by_parent.insert(key, at);
            }
            self.requests.push(Messages {
                act,
                input: Vec::new(),
                output: Vec::new(),
            });
        }
        if let Some(request) = self.requests.get_mut(at) {
            let list = if is_answer {
                &mut request.output
            } else {
                &mut request.input
            };
            list.extend(messages);
        }
    }

    /// Hands over the acts that took several records.
    pub(super) fn finish(self, bag: &mut Bag, out: &mut Understood) {
        for Messages {
            mut act,
            input,
            output,
        } in self.requests
        {
            content::set_messages(input, output, bag, &mut act);
            out.acts.push(act);
        }
    }
}

/// The event's name in full. It may stand in an attribute (with or without the emitter's prefix), in
/// OTLP's own field (where one emitter writes a source line), or in the body.
fn event_name(field: &str, attributes: &Attributes, body: &Value, bag: &Bag) -> String {
    // A list begins with the word for what happened.
    let listed = match body {
        Value::List(parts) => match parts.first() {
            Some(Value::Text(word)) if is_name(word) => Some(word.as_str()),
            _ => None,
        },
        _ => None,
    };
    let body = match body {
        Value::Text(text) if is_name(text) => Some(text.as_str()),
        _ => None,
    };
    if let Some(name) = value::text(attributes, "event.name", bag) {
        let in_full = body.filter(|body| {
            body.strip_suffix(name)
                .is_some_and(|prefix| prefix.ends_with('.'))
        });
        return in_full.unwrap_or(name).to_owned();
    }
    if !field.is_empty() {
        return field.to_owned();
    }
    body.filter(|body| body.contains('.'))
        .or(listed)
        .unwrap_or("log")
        .to_owned()
}

/// Adds the body that the record only names, or why it was not read.
fn fetch_body(attributes: &mut Attributes, bodies: &dyn Bodies, bag: &mut Bag) {
    if value::get(attributes, "body").is_some() {
        return;
    }
    let Some(path) = value::text(attributes, "body_ref", bag) else {
        return;
    };
    let (key, text) = match bodies.read(path) {
        Ok(body) => ("body", body),
        Err(why) => (BODY_NOT_READ, why.to_owned()),
    };
    attributes.push((key.to_owned(), Value::from_text(text, bag)));
}

/// Letters, digits, dots, dashes and underscores only.
fn is_name(text: &str) -> bool {
    text.len() <= 128
        && text.starts_with(|ch: char| ch.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

fn severity(number: i32, text: &str, bag: &mut Bag) -> Option<Arc<str>> {
    let word = match number {
        _ if !text.is_empty() => text,
        1..=4 => "TRACE",
        5..=8 => "DEBUG",
        9..=12 => "INFO",
        13..=16 => "WARN",
        17..=20 => "ERROR",
        21..=24 => "FATAL",
        _ => return None,
    };
    Some(bag.word(word))
}
