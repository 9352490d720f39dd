//! `GET /metrics`: what the program tells of itself, in the text format of Prometheus.
//!
//! Labels have few values, those that stand here and the names of the user's redaction patterns, and nothing of what was recorded is in them.

use std::fmt::{Display, Write as _};

use axum::http::header::{CONTENT_TYPE, HeaderName};

use crate::error::ApiError;
use crate::findings::Reached;
use crate::reach::Whole;
use crate::routes::status;
use crate::state::{DurationCounts, Footprint, IngestCounters};

const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Everything in one answer, from memory and the file system: no query runs for it.
pub(crate) async fn metrics(
    Whole(state): Whole,
) -> Result<([(HeaderName, &'static str); 1], String), ApiError> {
    let (footprint, refuses) = status::observe(&state).await?;
    let mut page = Page::default();
    page.labelled(
        Kind::Gauge,
        "spanreel_build_info",
        "The version that runs, as a label.",
        "version",
        [(env!("CARGO_PKG_VERSION"), 1)],
    );
    let is_ready = refuses.is_none() && !state.shutdown.is_cancelled();
    page.one(
        Kind::Gauge,
        "spanreel_ready",
        "1 while requests are acknowledged.",
        u8::from(is_ready),
    );
    page.one(
        Kind::Counter,
        "spanreel_database_recoveries_total",
        "Times that the database engine gave up and the database was opened again.",
        state.store.recovery_count(),
    );
    ingest(&mut page, &state.observer.ingest());
    detectors(&mut page, state.detectors.reached());
    machine(&mut page, &footprint);
    page.one(
        Kind::Gauge,
        "process_start_time_seconds",
        "Start of the process, in seconds since the Unix epoch.",
        state.started_ns as f64 / 1e9,
    );
    Ok(([(CONTENT_TYPE, MEDIA_TYPE)], page.text))
}

fn ingest(page: &mut Page, counters: &IngestCounters) {
    let counts = [
        (
            "spanreel_ingest_requests_total",
            "Requests acknowledged.",
            counters.requests,
        ),
        (
            "spanreel_ingest_received_bytes_total",
            "Bytes of acknowledged requests, decompressed.",
            counters.received_bytes,
        ),
        (
            "spanreel_ingest_rejected_total",
            "Records, and whole requests, refused because they cannot be kept.",
            counters.rejected,
        ),
        (
            "spanreel_ingest_duplicates_total",
            "Records that were stored already.",
            counters.duplicates,
        ),
        (
            "spanreel_journal_written_bytes_total",
            "Bytes written to the journal.",
            counters.journal_written_bytes,
        ),
        (
            "spanreel_journal_syncs_total",
            "Syncs of the journal, each shared by the requests that waited for it.",
            counters.journal_syncs,
        ),
        (
            "spanreel_load_failures_total",
            "Attempts to store what was acknowledged that failed; each is repeated.",
            counters.load_failures,
        ),
    ];
    for (name, help, count) in counts {
        page.one(Kind::Counter, name, help, count);
    }
    page.labelled(
        Kind::Counter,
        "spanreel_ingest_stored_total",
        "Records stored.",
        "kind",
        [
            ("span", counters.spans),
            ("log_record", counters.log_records),
            ("metric_point", counters.metric_points),
        ],
    );
    page.labelled(
        Kind::Counter,
        "spanreel_ingest_refusals_total",
        "Whole requests that were not taken, by reason.",
        "reason",
        counters.refusals.iter().copied(),
    );
    if let Some(kinds) = &counters.redactions {
        page.labelled(
            Kind::Counter,
            "spanreel_ingest_redactions_total",
            "Passages replaced before they were stored, by kind.",
            "kind",
            kinds.iter().map(|(kind, count)| (kind.as_str(), *count)),
        );
    }
    let gauges = [
        (
            "spanreel_ingest_queue_bytes",
            "Memory that requests hold between socket and store.",
            counters.queued_bytes,
        ),
        (
            "spanreel_ingest_queue_limit_bytes",
            "Memory that requests may hold at most; beyond it senders are told to retry.",
            counters.queue_limit_bytes,
        ),
        (
            "spanreel_journal_bytes",
            "Bytes of the journal on disk: what is acknowledged is there until it is stored.",
            counters.journal_bytes,
        ),
        (
            "spanreel_journal_failing",
            "1 while the latest write of the journal failed.",
            u64::from(counters.is_journal_failing),
        ),
        (
            "spanreel_load_failing",
            "1 while the latest attempt to store what was acknowledged failed.",
            u64::from(counters.is_load_failing),
        ),
    ];
    for (name, help, value) in gauges {
        page.one(Kind::Gauge, name, help, value);
    }
    page.one(
        Kind::Gauge,
        "spanreel_ingest_lag_seconds",
        "How long the oldest acknowledged request that cannot be queried yet has waited.",
        counters.lag.as_secs_f64(),
    );
    page.histogram(
        "spanreel_load_group_duration_seconds",
        "What resolving and storing each group of requests took.",
        &counters.group_times,
    );
}

fn detectors(page: &mut Page, reached: Reached) {
    page.one(
        Kind::Gauge,
        "spanreel_findings_waiting_sessions",
        "Sessions that have changed and are to be looked at by the detectors.",
        reached.waiting_sessions,
    );
    page.one(
        Kind::Counter,
        "spanreel_findings_looked_sessions_total",
        "Sessions looked at by the detectors, each time that they were.",
        reached.looked_sessions,
    );
    page.one(
        Kind::Gauge,
        "spanreel_findings_last_look_seconds",
        "What the latest look at some sessions took.",
        reached.last_look.as_secs_f64(),
    );
}

fn machine(page: &mut Page, footprint: &Footprint) {
    page.labelled(
        Kind::Gauge,
        "spanreel_folder_bytes",
        "Bytes of the parts of the data folder.",
        "part",
        footprint.parts.iter().copied(),
    );
    let told = [
        (
            "spanreel_folder_free_bytes",
            "Bytes that the file system of the data folder has left.",
            footprint.free_bytes,
        ),
        (
            "process_resident_memory_bytes",
            "Memory that the process holds.",
            footprint.resident_bytes,
        ),
        (
            "process_open_fds",
            "Files and sockets that the process has open.",
            footprint.open_files,
        ),
    ];
    for (name, help, value) in told {
        if let Some(value) = value {
            page.one(Kind::Gauge, name, help, value);
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// An answer under construction. Names, help texts and label values are our own, without characters
/// that would need escaping.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn head(&mut self, kind: Kind, name: &str, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn one(&mut self, kind: Kind, name: &str, help: &str, value: impl Display) {
        self.head(kind, name, help);
        let _ = writeln!(self.text, "{name} {value}");
    }

    fn labelled<'a, V: Display>(
        &mut self,
        kind: Kind,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'a str, V)>,
    ) {
        self.head(kind, name, help);
        for (label_value, value) in values {
            let _ = writeln!(self.text, "{name}{{{label}=\"{label_value}\"}} {value}");
        }
    }

    /// Buckets hold what is at most as long as their bound, shorter ones included.
    fn histogram(&mut self, name: &str, help: &str, times: &DurationCounts) {
        self.head(Kind::Histogram, name, help);
        let mut total = 0;
        let bounds = times.bounds_s.iter().map(f64::to_string);
        for (bound, count) in bounds.chain(["+Inf".to_owned()]).zip(&times.counts) {
            total += count;
            let _ = writeln!(self.text, "{name}_bucket{{le=\"{bound}\"}} {total}");
        }
        let _ = writeln!(
            self.text,
            "{name}_sum {}\n{name}_count {total}",
            times.sum_s
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_add_up() {
        let mut page = Page::default();
        let times = DurationCounts {
            bounds_s: &[0.5, 1.0],
            counts: vec![3, 0, 2],
            sum_s: 7.25,
        };
        page.histogram("spanreel_t_seconds", "Times.", &times);
        assert_eq!(
            page.text,
            "# HELP spanreel_t_seconds Times.\n# TYPE spanreel_t_seconds histogram\n\
             spanreel_t_seconds_bucket{le=\"0.5\"} 3\nspanreel_t_seconds_bucket{le=\"1\"} 3\n\
             spanreel_t_seconds_bucket{le=\"+Inf\"} 5\nspanreel_t_seconds_sum 7.25\n\
             spanreel_t_seconds_count 5\n"
        );
    }
}
