//! `resourceLogs` and everything below it.

use super::Result;
use super::common::{attributes, body, enumeration, id, message, resource, scope, text, u32, u64};
use super::reader::Reader;
use crate::otlp::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use crate::signal::Rejected;

pub(super) fn resource_logs(
    r: &mut Reader<'_>,
    rejected: &mut Rejected,
    out: &mut Vec<ResourceLogs>,
) -> Result<()> {
    let group = message(r, |r, key, group: &mut ResourceLogs| {
        match key {
            "resource" => group.resource = resource(r)?,
            "scopeLogs" | "scope_logs" => {
                r.array(|r| scope_logs(r, rejected, &mut group.scope_logs))?;
            }
            "schemaUrl" | "schema_url" => group.schema_url = text(r)?,
            _ => r.skip()?,
        }
        Ok(())
    })?;
    out.extend(group);
    Ok(())
}

fn scope_logs(r: &mut Reader<'_>, rejected: &mut Rejected, out: &mut Vec<ScopeLogs>) -> Result<()> {
    let group = message(r, |r, key, group: &mut ScopeLogs| {
        match key {
            "scope" => group.scope = scope(r)?,
            "logRecords" | "log_records" => r.array(|r| {
                match log_record(r)? {
                    Some(record) => group.log_records.push(record),
                    None => rejected.add(|| "a log record is not a JSON object".to_owned()),
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

fn log_record(r: &mut Reader<'_>) -> Result<Option<LogRecord>> {
    message(r, |r, key, record: &mut LogRecord| {
        match key {
            "timeUnixNano" | "time_unix_nano" => record.time_unix_nano = u64(r)?,
            "observedTimeUnixNano" | "observed_time_unix_nano" => {
                record.observed_time_unix_nano = u64(r)?;
            }
            "severityNumber" | "severity_number" => {
                record.severity_number = enumeration(r, "SEVERITY_NUMBER", |name| {
                    SeverityNumber::from_str_name(name).map(i32::from)
                })?;
            }
            "severityText" | "severity_text" => record.severity_text = text(r)?,
            "body" => record.body = body(r)?,
            "attributes" => record.attributes = attributes(r)?,
            "droppedAttributesCount" | "dropped_attributes_count" => {
                record.dropped_attributes_count = u32(r)?;
            }
            "flags" => record.flags = u32(r)?,
            "traceId" | "trace_id" => record.trace_id = id(r, 16)?,
            "spanId" | "span_id" => record.span_id = id(r, 8)?,
            "eventName" | "event_name" => record.event_name = text(r)?,
            _ => r.skip()?,
        }
        Ok(())
    })
}
