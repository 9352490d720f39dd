//! What the collector has done since it started.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::ingest::Busy;
use crate::journal::{self, Journal};
use crate::receive::admission::Budget;
use crate::receive::{self, Reason};
use crate::redact::Redactor;

/// What the loader counts.
#[derive(Debug, Default)]
pub(crate) struct LoadCounters {
    pub(crate) spans: AtomicU64,
    pub(crate) events: AtomicU64,
    pub(crate) metric_points: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) duplicates: AtomicU64,
    /// What resolving and committing a group took.
    pub(crate) group_times: DurationHistogram,
    /// Attempts that the store refused.
    pub(crate) failures: AtomicU64,
    /// The latest attempt was refused.
    pub(crate) is_failing: AtomicBool,
}

/// Upper bounds in seconds of the buckets that durations are counted in; one more holds the rest.
const BUCKET_BOUNDS_S: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Durations counted by size.
#[derive(Debug, Default)]
pub(crate) struct DurationHistogram {
    buckets: [AtomicU64; BUCKET_BOUNDS_S.len() + 1],
    sum_us: AtomicU64,
}

impl DurationHistogram {
    pub(crate) fn add(&self, duration: Duration) {
        let bucket = BUCKET_BOUNDS_S.partition_point(|bound| *bound < duration.as_secs_f64());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    fn counts(&self) -> DurationCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        DurationCounts {
            bounds_s: &BUCKET_BOUNDS_S,
            counts: self.buckets.iter().map(read).collect(),
            sum_s: Duration::from_micros(read(&self.sum_us)).as_secs_f64(),
        }
    }
}

/// How many durations fell into each bucket.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DurationCounts {
    /// Upper bounds of the buckets in seconds, rising.
    pub bounds_s: &'static [f64],
    /// One for each bound, and one for what is longer than the last.
    pub counts: Vec<u64>,
    /// All durations together, in seconds.
    pub sum_s: f64,
}

/// Counts since start, for status pages.
#[derive(Debug, Clone, PartialEq)]
pub struct Counts {
    /// Requests acknowledged.
    pub requests: u64,
    /// Decompressed bytes of those.
    pub received_bytes: u64,
    /// Spans, and acts that only logs report, stored.
    pub spans: u64,
    /// Span events and log records stored.
    pub events: u64,
    /// Metric data points stored.
    pub metric_points: u64,
    /// Records and whole requests refused because they cannot be kept.
    pub rejected: u64,
    /// Whole requests that were not taken, by reason; those told to retry as well.
    pub refusals: Vec<(Reason, u64)>,
    /// Records that were stored already.
    pub duplicates: u64,
    /// Memory that requests hold between socket and store.
    pub queued_bytes: u64,
    /// What they may hold at most.
    pub queue_limit_bytes: u64,
    pub journal: journal::Stats,
    /// What resolving and committing each group of requests took.
    pub group_times: DurationCounts,
    /// Attempts to store a group that failed; each was repeated.
    pub load_failures: u64,
    /// The latest attempt failed: nothing new becomes queryable meanwhile.
    pub is_load_failing: bool,
}

/// Reads the collector's counts; clones read the same ones.
#[derive(Clone)]
pub struct Meter {
    pub(crate) receive: Arc<receive::Counters>,
    pub(crate) load: Arc<LoadCounters>,
    pub(crate) budget: Budget,
    pub(crate) journal: Journal,
    pub(crate) redactor: Option<Arc<Redactor>>,
}

impl Meter {
    /// How much of each kind was redacted since the start, in the order of the documentation; kinds
    /// that were not met are left out. `None` when nothing is redacted.
    pub fn redactions(&self) -> Option<Vec<(&str, u64)>> {
        self.redactor.as_ref().map(|redactor| redactor.counts())
    }

    /// The counts at this moment.
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let refusals = Reason::ALL.map(|reason| (reason, self.receive.refused(reason)));
        let refused_for_good: u64 = refusals
            .iter()
            .filter(|(reason, _)| !reason.is_busy())
            .map(|(_, count)| count)
            .sum();
        Counts {
            requests: read(&self.receive.accepted_requests),
            received_bytes: read(&self.receive.accepted_bytes),
            spans: read(&self.load.spans),
            events: read(&self.load.events),
            metric_points: read(&self.load.metric_points),
            rejected: read(&self.receive.rejected_records)
                + refused_for_good
                + read(&self.load.rejected),
            refusals: refusals.to_vec(),
            duplicates: read(&self.load.duplicates),
            queued_bytes: self.budget.used_bytes(),
            queue_limit_bytes: self.budget.total_bytes(),
            journal: self.journal.stats(),
            group_times: self.load.group_times.counts(),
            load_failures: read(&self.load.failures),
            is_load_failing: self.load.is_failing.load(Ordering::Relaxed),
        }
    }

    /// Why no request would be acknowledged at this moment; `None` when it would. Blocking.
    pub fn refuses(&self) -> Option<Busy> {
        self.journal.refuses()
    }
}
