//! A session as the OTLP that brought it: OTLP/JSON, one request a line, in order of arrival.
//!
//! Requests keep their borders, because some records mean something only together with others of
//! their request. Neighbouring groups with the same resource and scope become one, so that the
//! export of an import is the same file.

use std::io::Write;

use prost::Message;
use proto::otlp::collector::logs::v1::ExportLogsServiceRequest;
use proto::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
use proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use proto::otlp::common::v1::any_value::Value;
use proto::otlp::logs::v1::{LogRecord, ResourceLogs};
use proto::otlp::metrics::v1::{Metric, ResourceMetrics};
use proto::otlp::trace::v1::{ResourceSpans, Span};
use proto::{Request, Signal, Values};
use store::{Store, StoredRecord, StoredRecords};

use super::{ExportError, Family};

/// A request that has become this large, in bytes of protobuf, is continued on the next line:
/// receivers refuse larger ones.
const LINE_BYTES: usize = 16 << 20;

/// Writes the records of `family`.
pub(crate) fn write(
    store: &Store,
    family: &Family,
    out: &mut impl Write,
) -> Result<(), ExportError> {
    let records = store.records_of(&family.session_ids)?;
    let mut line: Option<Line> = None;
    let mut failure = None;
    store.received(&records, &mut |group| {
        let done = take(&mut line, group, out);
        let go_on = done.is_ok();
        failure = done.err();
        go_on
    })?;
    if let Some(error) = failure {
        return Err(error);
    }
    if let Some(line) = line {
        line.write(out)?;
    }
    Ok(())
}

/// A request under way.
struct Line {
    request_id: i64,
    request: Request,
    head: StoredRecord,
    size_bytes: usize,
}

fn take(
    line: &mut Option<Line>,
    group: StoredRecords,
    out: &mut impl Write,
) -> Result<(), ExportError> {
    let size_bytes = size(&group);
    if let Some(full) = line.take_if(|line| {
        line.request_id != group.request_id || line.size_bytes + size_bytes > LINE_BYTES
    }) {
        full.write(out)?;
    }
    let line = line.get_or_insert_with(|| Line {
        request_id: group.request_id,
        request: match group.signal {
            Signal::Traces => Request::Traces(ExportTraceServiceRequest::default()),
            Signal::Logs => Request::Logs(ExportLogsServiceRequest::default()),
            Signal::Metrics => Request::Metrics(ExportMetricsServiceRequest::default()),
        },
        head: StoredRecord::default(),
        size_bytes: 0,
    });
    line.size_bytes += size_bytes;
    line.add(group)
}

fn size(group: &StoredRecords) -> usize {
    let records = std::iter::once(&group.head).chain(&group.records);
    records
        .map(|record| record.bytes.len() + record.texts.iter().map(String::len).sum::<usize>())
        .sum()
}

impl Line {
    fn add(&mut self, group: StoredRecords) -> Result<(), ExportError> {
        macro_rules! add {
            ($groups:expr, $Group:ident, $scopes:ident, $records:ident, $Record:ident) => {{
                if $groups.is_empty() || self.head != group.head {
                    let mut head = $Group::decode(&*group.head.bytes)?;
                    let mut texts = group.head.texts.clone();
                    let scopes = &mut head.$scopes;
                    restore(&mut head.resource, &mut texts);
                    for scope in scopes {
                        restore(&mut scope.scope, &mut texts);
                    }
                    $groups.push(head);
                    self.head = group.head;
                }
                let last = $groups.last_mut();
                if let Some(scope) = last.and_then(|group| group.$scopes.last_mut()) {
                    for stored in group.records {
                        let mut record = $Record::decode(&*stored.bytes)?;
                        let mut texts = stored.texts;
                        restore(&mut record, &mut texts);
                        scope.$records.push(record);
                    }
                }
            }};
        }
        match &mut self.request {
            Request::Traces(request) => {
                add!(
                    request.resource_spans,
                    ResourceSpans,
                    scope_spans,
                    spans,
                    Span
                );
            }
            Request::Logs(request) => {
                add!(
                    request.resource_logs,
                    ResourceLogs,
                    scope_logs,
                    log_records,
                    LogRecord
                );
            }
            Request::Metrics(request) => {
                add!(
                    request.resource_metrics,
                    ResourceMetrics,
                    scope_metrics,
                    metrics,
                    Metric
                );
            }
        }
        Ok(())
    }

    fn write(self, out: &mut impl Write) -> Result<(), ExportError> {
        out.write_all(proto::to_json(&self.request).as_bytes())?;
        out.write_all(b"\n")?;
        Ok(())
    }
}

/// Puts the large texts back in the place of their numbers.
fn restore(message: &mut impl Values, texts: &mut [String]) {
    message.each_value(&mut |value| {
        if let Some(Value::StringValueStrindex(number)) = value {
            let text = usize::try_from(*number).ok().and_then(|n| texts.get_mut(n));
            *value = text.map(|text| Value::StringValue(std::mem::take(text)));
        }
    });
}
