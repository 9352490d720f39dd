//! How far the detectors are, for status pages.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Kept up by the runner, read by whoever wants to know.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    waiting: AtomicU64,
    looked: AtomicU64,
    last_look_us: AtomicU64,
}

/// [`Progress`] at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Reached {
    /// Sessions that have changed and are to be looked at.
    pub(crate) waiting_sessions: u64,
    /// Sessions looked at since the start, each time that they were.
    pub(crate) looked_sessions: u64,
    /// What the latest look at some sessions took.
    pub(crate) last_look: Duration,
}

impl Progress {
    /// So many sessions wait.
    pub(super) fn waits(&self, sessions: usize) {
        self.waiting.store(sessions as u64, Ordering::Relaxed);
    }

    /// So many sessions were looked at, in this time.
    pub(super) fn looked(&self, sessions: usize, took: Duration) {
        self.looked.fetch_add(sessions as u64, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.last_look_us.store(micros, Ordering::Relaxed);
    }

    /// How far they are.
    pub(crate) fn reached(&self) -> Reached {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Reached {
            waiting_sessions: read(&self.waiting),
            looked_sessions: read(&self.looked),
            last_look: Duration::from_micros(read(&self.last_look_us)),
        }
    }
}
