//! `resourceSpans` and everything below it.

use super::Result;
use super::common::{attributes, enumeration, id, message, resource, scope, text, u32, u64};
use super::reader::Reader;
use crate::otlp::trace::v1::span::{Event, Link, SpanKind};
use crate::otlp::trace::v1::status::StatusCode;
use crate::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use crate::signal::Rejected;

pub(super) fn resource_spans(
    r: &mut Reader<'_>,
    rejected: &mut Rejected,
    out: &mut Vec<ResourceSpans>,
) -> Result<()> {
    let group = message(r, |r, key, group: &mut ResourceSpans| {
        match key {
            "resource" => group.resource = resource(r)?,
            "scopeSpans" | "scope_spans" => {
                r.array(|r| scope_spans(r, rejected, &mut group.scope_spans))?;
            }
            "schemaUrl" | "schema_url" => group.schema_url = text(r)?,
            _ => r.skip()?,
        }
        Ok(())
    })?;
    out.extend(group);
    Ok(())
}

fn scope_spans(
    r: &mut Reader<'_>,
    rejected: &mut Rejected,
    out: &mut Vec<ScopeSpans>,
) -> Result<()> {
    let group = message(r, |r, key, group: &mut ScopeSpans| {
        match key {
            "scope" => group.scope = scope(r)?,
            "spans" => r.array(|r| {
                match span(r)? {
                    Some(span) => group.spans.push(span),
                    None => rejected.add(|| "a span is not a JSON object".to_owned()),
                }
                Ok(())
            })?,
            "schemaUrl" | "schema_url" => group.schema_url = text(r)?,
            _ => r.skip()?,
        }
        Ok(())
    })?;
    out.extend(group);
    Ok(())
}

fn span(r: &mut Reader<'_>) -> Result<Option<Span>> {
    message(r, |r, key, span: &mut Span| {
        match key {
            "traceId" | "trace_id" => span.trace_id = id(r, 16)?,
            "spanId" | "span_id" => span.span_id = id(r, 8)?,
            "parentSpanId" | "parent_span_id" => span.parent_span_id = id(r, 8)?,
            "traceState" | "trace_state" => span.trace_state = text(r)?,
            "flags" => span.flags = u32(r)?,
            "name" => span.name = text(r)?,
            "kind" => {
                span.kind = enumeration(r, "SPAN_KIND", |name| {
                    SpanKind::from_str_name(name).map(i32::from)
                })?;
            }
            "startTimeUnixNano" | "start_time_unix_nano" => span.start_time_unix_nano = u64(r)?,
            "endTimeUnixNano" | "end_time_unix_nano" => span.end_time_unix_nano = u64(r)?,
            "attributes" => span.attributes = attributes(r)?,
            "droppedAttributesCount" | "dropped_attributes_count" => {
                span.dropped_attributes_count = u32(r)?;
            }
            "events" => r.array(|r| {
                span.events.extend(event(r)?);
                Ok(())
            })?,
            "droppedEventsCount" | "dropped_events_count" => span.dropped_events_count = u32(r)?,
            "links" => r.array(|r| {
                span.links.extend(link(r)?);
                Ok(())
            })?,
            "droppedLinksCount" | "dropped_links_count" => span.dropped_links_count = u32(r)?,
            "status" => span.status = status(r)?,
            _ => r.skip()?,
        }
        Ok(())
    })
}

fn event(r: &mut Reader<'_>) -> Result<Option<Event>> {
    message(r, |r, key, event: &mut Event| {
        match key {
            "timeUnixNano" | "time_unix_nano" => event.time_unix_nano = u64(r)?,
            "name" => event.name = text(r)?,
            "attributes" => event.attributes = attributes(r)?,
            "droppedAttributesCount" | "dropped_attributes_count" => {
                event.dropped_attributes_count = u32(r)?;
            }
            _ => r.skip()?,
        }
        Ok(())
    })
}

fn link(r: &mut Reader<'_>) -> Result<Option<Link>> {
    message(r, |r, key, link: &mut Link| {
        match key {
            "traceId" | "trace_id" => link.trace_id = id(r, 16)?,
            "spanId" | "span_id" => link.span_id = id(r, 8)?,
            "traceState" | "trace_state" => link.trace_state = text(r)?,
            "attributes" => link.attributes = attributes(r)?,
            "droppedAttributesCount" | "dropped_attributes_count" => {
                link.dropped_attributes_count = u32(r)?;
            }
            "flags" => link.flags = u32(r)?,
            _ => r.skip()?,
        }
        Ok(())
    })
}

fn status(r: &mut Reader<'_>) -> Result<Option<Status>> {
    message(r, |r, key, status: &mut Status| {
        match key {
            "message" => status.message = text(r)?,
            "code" => {
                status.code = enumeration(r, "STATUS_CODE", |name| {
                    StatusCode::from_str_name(name).map(i32::from)
                })?;
            }
            _ => r.skip()?,
        }
        Ok(())
    })
}
