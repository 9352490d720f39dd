//! What the demo's emitters have in common: ids, a clock, and an outbox in which every record waits
//! until a real exporter would have sent it.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

pub(super) use proto::attributes::Attributes;
use proto::otlp::collector::logs::v1::ExportLogsServiceRequest;
use proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use proto::otlp::common::v1::any_value::Value;
use proto::otlp::common::v1::{AnyValue, InstrumentationScope};
use proto::otlp::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use proto::otlp::resource::v1::Resource;
use proto::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span, status};

/// Milliseconds since the run began.
pub(super) type Millis = u64;

/// Fresh ids, different in every run of the demo.
pub(super) struct Ids(u64);

impl Ids {
    pub(super) fn new() -> Self {
        Self(RandomState::new().hash_one(std::process::id()))
    }

    /// The same numbers whenever `seed` is the same.
    pub(super) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// The next pseudo-random number (SplitMix64).
    pub(super) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn trace(&mut self) -> Vec<u8> {
        [self.number().to_be_bytes(), self.number().to_be_bytes()].concat()
    }

    pub(super) fn span(&mut self) -> Vec<u8> {
        self.number().to_be_bytes().to_vec()
    }

    /// `prefix` and 16 hex digits.
    pub(super) fn prefixed(&mut self, prefix: &str) -> String {
        format!("{prefix}{:016x}", self.number())
    }

    /// A random UUID (version 4).
    pub(super) fn uuid(&mut self) -> String {
        let (high, low) = (self.number(), self.number());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | (low >> 50),
            low & 0xffff_ffff_ffff
        )
    }
}

/// Where the run lies in real time.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    /// Unix nanoseconds of millisecond 0.
    pub(super) origin_ns: u64,
}

impl Clock {
    pub(super) fn unix_ns(self, at: Millis) -> u64 {
        self.origin_ns + at * 1_000_000
    }
}

/// How a span ended.
#[derive(Clone, Copy)]
pub(super) enum Outcome<'a> {
    Unset,
    Ok,
    Error(&'a str),
}

/// A span as the emitters describe it.
pub(super) struct NewSpan<'a> {
    pub(super) trace_id: &'a [u8],
    pub(super) span_id: Vec<u8>,
    /// Empty for a root.
    pub(super) parent_id: &'a [u8],
    pub(super) name: String,
    pub(super) kind: span::SpanKind,
    pub(super) time: (Millis, Millis),
    pub(super) attributes: Attributes,
    pub(super) events: Vec<span::Event>,
    pub(super) outcome: Outcome<'a>,
}

enum Record {
    Span(Span),
    Log(LogRecord),
}

/// One instrumented process: its resource, its scopes and the records that it has yet to send.
pub(super) struct Emitter {
    clock: Clock,
    resource: Resource,
    trace_scope: InstrumentationScope,
    log_scope: InstrumentationScope,
    /// A batch leaves at each multiple of this.
    interval: Millis,
    outbox: Vec<(Millis, Record)>,
}

/// What an emitter sends at one moment; an absent signal has nothing to say.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) traces: Option<ExportTraceServiceRequest>,
    pub(super) logs: Option<ExportLogsServiceRequest>,
}

impl Emitter {
    pub(super) fn new(
        clock: Clock,
        interval: Millis,
        resource: Attributes,
        trace_scope: (&str, &str),
    ) -> Self {
        let trace_scope = scope(trace_scope);
        Self {
            clock,
            resource: Resource {
                attributes: resource.into_wire(),
                ..Resource::default()
            },
            log_scope: trace_scope.clone(),
            trace_scope,
            interval,
            outbox: Vec::new(),
        }
    }

    pub(super) fn with_log_scope(mut self, log_scope: (&str, &str)) -> Self {
        self.log_scope = scope(log_scope);
        self
    }

    pub(super) fn event(&self, at: Millis, name: &str, attributes: Attributes) -> span::Event {
        span::Event {
            time_unix_nano: self.clock.unix_ns(at),
            name: name.to_owned(),
            attributes: attributes.into_wire(),
            ..span::Event::default()
        }
    }

    /// Hands a span over, as exporters do: when it has ended.
    pub(super) fn span(&mut self, new: NewSpan<'_>) {
        let status = match new.outcome {
            Outcome::Unset => None,
            Outcome::Ok => Some(Status {
                code: status::StatusCode::Ok.into(),
                message: String::new(),
            }),
            Outcome::Error(message) => Some(Status {
                code: status::StatusCode::Error.into(),
                message: message.to_owned(),
            }),
        };
        let (start, end) = new.time;
        let span = Span {
            trace_id: new.trace_id.to_vec(),
            span_id: new.span_id,
            parent_span_id: new.parent_id.to_vec(),
            name: new.name,
            kind: new.kind.into(),
            start_time_unix_nano: self.clock.unix_ns(start),
            end_time_unix_nano: self.clock.unix_ns(end),
            attributes: new.attributes.into_wire(),
            events: new.events,
            status,
            flags: 0x101,
            ..Span::default()
        };
        self.outbox.push((end, Record::Span(span)));
    }

    /// Hands a log record over.
    pub(super) fn log(
        &mut self,
        at: Millis,
        place: (&[u8], &[u8]),
        body: &str,
        attributes: Attributes,
    ) {
        let time = self.clock.unix_ns(at);
        let record = LogRecord {
            time_unix_nano: time,
            observed_time_unix_nano: time,
            body: Some(AnyValue {
                value: Some(Value::StringValue(body.to_owned())),
            }),
            attributes: attributes.into_wire(),
            trace_id: place.0.to_vec(),
            span_id: place.1.to_vec(),
            flags: 1,
            ..LogRecord::default()
        };
        self.outbox.push((at, Record::Log(record)));
    }

    /// When the last batch leaves.
    pub(super) fn last_batch(&self) -> Millis {
        let last = self.outbox.iter().map(|(at, _)| *at).max().unwrap_or(0);
        last.next_multiple_of(self.interval)
    }

    /// Takes out everything whose batch leaves at `now` or before.
    pub(super) fn take_due(&mut self, now: Millis) -> Batch {
        let interval = self.interval;
        let mut spans = Vec::new();
        let mut log_records = Vec::new();
        for (_, record) in self
            .outbox
            .extract_if(.., |(at, _)| at.next_multiple_of(interval) <= now)
        {
            match record {
                Record::Span(span) => spans.push(span),
                Record::Log(log_record) => log_records.push(log_record),
            }
        }
        Batch {
            traces: (!spans.is_empty()).then(|| self.traces(spans)),
            logs: (!log_records.is_empty()).then(|| self.logs(log_records)),
        }
    }

    fn traces(&self, mut spans: Vec<Span>) -> ExportTraceServiceRequest {
        spans.sort_by_key(|span| span.end_time_unix_nano);
        ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(self.resource.clone()),
                scope_spans: vec![ScopeSpans {
                    scope: Some(self.trace_scope.clone()),
                    spans,
                    ..ScopeSpans::default()
                }],
                ..ResourceSpans::default()
            }],
        }
    }

    fn logs(&self, mut log_records: Vec<LogRecord>) -> ExportLogsServiceRequest {
        log_records.sort_by_key(|record| record.time_unix_nano);
        ExportLogsServiceRequest {
            resource_logs: vec![ResourceLogs {
                resource: Some(self.resource.clone()),
                scope_logs: vec![ScopeLogs {
                    scope: Some(self.log_scope.clone()),
                    log_records,
                    ..ScopeLogs::default()
                }],
                ..ResourceLogs::default()
            }],
        }
    }
}

fn scope((name, version): (&str, &str)) -> InstrumentationScope {
    InstrumentationScope {
        name: name.to_owned(),
        version: version.to_owned(),
        ..InstrumentationScope::default()
    }
}

/// RFC 3339 with milliseconds, as log records spell times in text.
pub(super) fn timestamp(unix_ns: u64) -> String {
    let time = Duration::from_nanos(unix_ns);
    let (days, second) = (time.as_secs() / 86_400, time.as_secs() % 86_400);
    // Civil date from days since 1970-01-01, by way of years that start in March.
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        second / 3_600,
        second / 60 % 60,
        second % 60,
        time.subsec_millis()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spells_times() {
        assert_eq!(timestamp(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(
            timestamp(1_795_223_201_683_000_000),
            "2026-11-21T01:06:41.683Z"
        );
        assert_eq!(
            timestamp(951_782_400_000_000_000),
            "2000-02-29T00:00:00.000Z"
        );
    }

    #[test]
    fn uuids_have_their_form() {
        let mut ids = Ids::new();
        for _ in 0..100 {
            let uuid = ids.uuid();
            let lengths: Vec<usize> = uuid.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12], "{uuid}");
        }
    }

    #[test]
    fn records_leave_in_batches_after_they_end() {
        let clock = Clock {
            origin_ns: 1_000_000_000,
        };
        let mut emitter = Emitter::new(clock, 500, Attributes::new(), ("scope", "1"));
        emitter.log(700, (&[], &[]), "body", Attributes::new());
        assert!(emitter.take_due(999).logs.is_none());
        assert_eq!(emitter.last_batch(), 1000);
        assert!(emitter.take_due(1000).logs.is_some());
        assert!(emitter.take_due(2000).logs.is_none());
    }
}
