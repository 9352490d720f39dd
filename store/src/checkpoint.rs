//! Folding the log of changes into the database file.

use std::time::{Duration, Instant};

use crate::Error;
use crate::writer::Core;

/// How long a checkpoint that is needed waits for others.
const CHECKPOINT_PATIENCE: Duration = Duration::from_secs(20);

impl Core {
    /// Folds the log of changes into the file now; waits for what is still being written beside it.
    pub(crate) fn checkpoint_now(&self) -> duckdb::Result<()> {
        let begun = Instant::now();
        loop {
            match self.connection.execute_batch("checkpoint") {
                Err(error)
                    if error
                        .to_string()
                        .contains("other write transactions active")
                        && begun.elapsed() < CHECKPOINT_PATIENCE =>
                {
                    std::thread::sleep(Duration::from_millis(5));
                }
                done => return done,
            }
        }
    }

    /// Folds the log of changes into the file. False when a damaged block keeps it from that, now and later.
    pub(crate) fn checkpoint(&self) -> bool {
        // Where it fails the log of changes stays, and with it everything committed.
        let Err(source) = self.connection.execute_batch("checkpoint") else {
            return true;
        };
        let error = Error::Commit { source };
        let is_damaged = error.is_damaged_block();
        let error: &dyn std::error::Error = &error;
        if is_damaged {
            tracing::error!(
                error,
                "a block of the database is damaged, so its log of changes cannot be folded into it and grows: \
                 run `spanreel verify` to see what is lost, and `spanreel restore` to go back to a backup"
            );
        } else {
            tracing::warn!(error, "checkpoint failed");
        }
        !is_damaged
    }

    /// As [`Self::checkpoint`], when the last commit was so long ago.
    pub(crate) fn checkpoint_when_idle(&mut self, now: Instant, idle: Duration) -> bool {
        let is_idle = |at| now.duration_since(at) >= idle;
        if !self.last_commit.is_some_and(is_idle) {
            return true;
        }
        self.last_commit = None;
        self.checkpoint()
    }
}
