//! What the collector has done since it started.

use std::sync::atomic::AtomicU64;

/// Counts since start, for status pages.
#[derive(Debug, Default)]
pub struct Counters {
    /// Requests acknowledged.
    pub requests: AtomicU64,
    /// Spans (and acts that only logs report) stored.
    pub spans: AtomicU64,
    /// Events and log records stored.
    pub log_records: AtomicU64,
    /// Metric data points stored.
    pub metric_points: AtomicU64,
    /// Records refused because they cannot be kept (no valid id).
    pub rejected: AtomicU64,
    /// Records that were stored already.
    pub duplicates: AtomicU64,
}
