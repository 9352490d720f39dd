//! What the collector has done since it started.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::receive;
use crate::receive::admission::Budget;
use crate::redact::Redactor;

/// What the loader counts.
#[derive(Debug, Default)]
pub(crate) struct LoadCounters {
    pub(crate) spans: AtomicU64,
    pub(crate) events: AtomicU64,
    pub(crate) metric_points: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) duplicates: AtomicU64,
}

/// Counts since start, for status pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests acknowledged.
    pub requests: u64,
    /// Spans, and acts that only logs report, stored.
    pub spans: u64,
    /// Span events and log records stored.
    pub events: u64,
    /// Metric data points stored.
    pub metric_points: u64,
    /// Records and whole requests refused because they cannot be kept.
    pub rejected: u64,
    /// Records that were stored already.
    pub duplicates: u64,
    /// Bytes taken that are not loaded yet.
    pub queued_bytes: u64,
}

/// Reads the collector's counts; clones read the same ones.
#[derive(Clone)]
pub struct Meter {
    pub(crate) receive: Arc<receive::Counters>,
    pub(crate) load: Arc<LoadCounters>,
    pub(crate) budget: Budget,
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
        Counts {
            requests: read(&self.receive.accepted_requests),
            spans: read(&self.load.spans),
            events: read(&self.load.events),
            metric_points: read(&self.load.metric_points),
            rejected: read(&self.receive.rejected_records)
                + read(&self.receive.refused_requests)
                + read(&self.load.rejected),
            duplicates: read(&self.load.duplicates),
            queued_bytes: self.budget.used_bytes(),
        }
    }
}
