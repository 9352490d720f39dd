//! What arrives in a second, averaged over the last minute.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::state::{AppState, IngestCounters};

/// How often the counters are noted.
const NOTED_EVERY: Duration = Duration::from_secs(5);
/// Notes that are kept: those of a minute.
const NOTES: usize = 12;

/// Averages per second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct PerSecond {
    pub(crate) requests: f64,
    pub(crate) received_bytes: f64,
    pub(crate) spans: f64,
    pub(crate) log_records: f64,
    pub(crate) metric_points: f64,
    pub(crate) refusals: f64,
}

/// The counters of the last minute.
#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<VecDeque<(Instant, IngestCounters)>>);

impl Rates {
    fn note(&self, at: Instant, counters: IngestCounters) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() == NOTES {
            notes.pop_front();
        }
        notes.push_back((at, counters));
    }

    /// The averages up to now, when the counters are these.
    pub(crate) fn now(&self, counters: &IngestCounters) -> PerSecond {
        self.at(Instant::now(), counters)
    }

    fn at(&self, now: Instant, counters: &IngestCounters) -> PerSecond {
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((since, before)) = notes.front() else {
            return PerSecond::default();
        };
        let seconds = now.duration_since(*since).as_secs_f64();
        if seconds <= 0.0 {
            return PerSecond::default();
        }
        let rate = |read: fn(&IngestCounters) -> u64| {
            read(counters).saturating_sub(read(before)) as f64 / seconds
        };
        PerSecond {
            requests: rate(|counters| counters.requests),
            received_bytes: rate(|counters| counters.received_bytes),
            spans: rate(|counters| counters.spans),
            log_records: rate(|counters| counters.log_records),
            metric_points: rate(|counters| counters.metric_points),
            refusals: rate(|counters| counters.refusals.iter().map(|(_, count)| count).sum()),
        }
    }
}

/// Notes the counters until shutdown.
pub(crate) async fn run(state: AppState) {
    let mut ticks = tokio::time::interval(NOTED_EVERY);
    while state
        .shutdown
        .run_until_cancelled(ticks.tick())
        .await
        .is_some()
    {
        state.rates.note(Instant::now(), state.observer.ingest());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_are_those_of_the_notes_that_are_kept() {
        let rates = Rates::default();
        let counters = |requests| IngestCounters {
            requests,
            refusals: vec![("disk", requests / 2), ("slow", 0)],
            ..IngestCounters::default()
        };
        let start = Instant::now();
        assert_eq!(rates.at(start, &counters(9)), PerSecond::default());
        for note in 0..30 {
            let at = start + NOTED_EVERY * note;
            rates.note(at, counters(u64::from(note) * 100));
        }
        // The oldest note is that of a minute before the end of the thirtieth.
        let average = rates.at(start + NOTED_EVERY * 30, &counters(3000));
        assert_eq!((average.requests, average.refusals), (20.0, 10.0));
    }
}
