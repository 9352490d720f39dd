//! Folding the log of changes into the database file.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use duckdb::Connection;

use crate::Error;
use crate::open::Shared;
use crate::writer::Core;

/// How long a checkpoint that is needed waits for others.
const CHECKPOINT_PATIENCE: Duration = Duration::from_secs(20);
/// How long one that can be done later waits; commits wait with it.
const FOLD_PATIENCE: Duration = Duration::from_millis(300);
/// The log of changes is folded behind a commit that makes it longer than this, which takes the next commit
/// some 8 ms for each megabyte; and once nothing was committed for a while, if it is longer than that.
const LONG_LOG_BYTES: u64 = 24 << 20;
/// What it may grow meanwhile where folding was held up.
const HELD_UP_BYTES: u64 = 16 << 20;
const PAUSE: Duration = Duration::from_secs(3);
const PAUSE_LOG_BYTES: u64 = 8 << 20;
/// After so long a quiet everything is packed.
const QUIET: Duration = Duration::from_secs(300);
/// Rows that were replaced since the engine last cleared them away, after which it does so even while much
/// comes in: every scan of their tables goes over them.
const MOST_REPLACED_ROWS: u64 = 500_000;
/// What each folding leaves in the engine's memory until everything is packed: which transaction wrote which
/// of the last rows of each table.
const FOLDING_BYTES: u64 = 1792 << 10;
/// What of the engine's memory is needed for other things.
const OTHER_MEMORY_BYTES: u64 = 176 << 20;
/// Foldings since everything was packed, up to which packing takes a few seconds at most.
const FEW_FOLDINGS: i64 = 8;

/// How the log of changes is folded while there is something to do: beside a reader, because the engine
/// then writes the new rows behind the ones before. With nobody reading it packs the latest 122,880 rows of
/// each table anew, however little was added, which takes a second or two, and clears replaced rows away.
pub(crate) struct Folding {
    reader: Connection,
    /// Foldings since everything was packed.
    count: i64,
    /// Those of them since the database was opened, which are those that memory remembers.
    remembered_count: u64,
    /// Rows replaced since then.
    pub(crate) replaced_rows: u64,
}

impl Folding {
    /// `reader` is for nothing else: after a query of its own it would go on reading.
    pub(crate) fn new(connection: &Connection, reader: Connection) -> duckdb::Result<Self> {
        let count = connection.query_row("select count(*) from fold", [], |row| row.get(0))?;
        Ok(Self {
            reader,
            count,
            remembered_count: 0,
            replaced_rows: 0,
        })
    }

    /// Whether what foldings leave behind has to be cleared away, given the memory of the engine.
    fn is_full(&self, memory_limit_bytes: u64) -> bool {
        let left_bytes = self.remembered_count * FOLDING_BYTES;
        let room_bytes = memory_limit_bytes.saturating_sub(OTHER_MEMORY_BYTES);
        self.replaced_rows > MOST_REPLACED_ROWS
            || left_bytes > room_bytes.max(FEW_FOLDINGS.unsigned_abs() * FOLDING_BYTES)
    }
}

/// How long the log of changes may become. It rises where folding fails, so that not every commit tries.
pub(crate) struct LogLimit {
    bytes: AtomicU64,
    /// Those who want the file to stay as it is for now.
    holders: AtomicUsize,
}

impl Default for LogLimit {
    fn default() -> Self {
        Self {
            bytes: AtomicU64::new(LONG_LOG_BYTES),
            holders: AtomicUsize::new(0),
        }
    }
}

/// Nothing is folded while it lives, unless the log of changes becomes very long.
pub(crate) struct Held<'a>(&'a LogLimit);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.holders.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What became of a checkpoint.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    Failed,
    /// Others read for too long.
    HeldUp,
    /// A damaged block keeps it from being done, now and later: each try makes the engine give up.
    Damaged,
}

impl LogLimit {
    pub(crate) fn hold(&self) -> Held<'_> {
        self.holders.fetch_add(1, Ordering::Relaxed);
        Held(self)
    }

    fn heed(&self, outcome: Outcome) {
        let limit = match outcome {
            Outcome::Done => LONG_LOG_BYTES,
            Outcome::Failed => self.bytes().saturating_add(LONG_LOG_BYTES),
            Outcome::HeldUp => self.bytes().saturating_add(HELD_UP_BYTES),
            Outcome::Damaged => return self.give_up(),
        };
        self.bytes.store(limit, Ordering::Relaxed);
    }

    fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// A damaged block keeps the log from being folded: until the next start nobody tries again.
    pub(crate) fn give_up(&self) {
        self.bytes.store(u64::MAX, Ordering::Relaxed);
    }

    pub(crate) fn can_fold(&self) -> bool {
        self.bytes() < u64::MAX
    }

    /// Whether the log may be folded at all.
    fn allows(&self) -> bool {
        self.can_fold() && self.holders.load(Ordering::Relaxed) == 0
    }
}

impl Shared {
    fn fold(&self, core: &mut Core) -> Outcome {
        match core.folding.is_full(self.config.memory_limit_bytes) {
            true => core.pack(),
            false => core.fold(),
        }
    }

    /// Folds the log of changes behind a commit that has made it long.
    pub(crate) fn fold_when_long(&self, core: &mut Core) {
        if self.log_limit.allows() && self.log_bytes() > self.log_limit.bytes() {
            self.log_limit.heed(self.fold(core));
        }
    }

    /// Folds the log of changes, and packs what it can, once nothing was committed for a while.
    pub(crate) fn fold_when_idle(&self, core: &mut Core) {
        let Some(idle) = core.last_commit.map(|at| at.elapsed()) else {
            return;
        };
        if !self.log_limit.allows() {
            return;
        }
        let outcome = if idle >= QUIET {
            core.last_commit = None;
            core.pack()
        } else if idle >= PAUSE && self.log_bytes() >= PAUSE_LOG_BYTES {
            let last_commit = core.last_commit;
            let outcome = self.fold(core);
            core.last_commit = last_commit.filter(|_| outcome == Outcome::Done);
            outcome
        } else {
            return;
        };
        self.log_limit.heed(outcome);
    }
}

impl Core {
    fn fold(&mut self) -> Outcome {
        let reader = &self.folding.reader;
        // The engine goes by whether anything was committed since the reader began.
        let begun = reader
            .execute_batch("begin transaction; select count(*) from fold")
            .and_then(|()| {
                self.connection
                    .execute_batch("insert into fold values (now())")
            });
        let outcome = outcome(begun.and_then(|()| self.checkpoint_within(FOLD_PATIENCE)));
        self.folding.count += 1;
        self.folding.remembered_count += 1;
        // Without a transaction it fails, which changes nothing.
        let _ = self.folding.reader.execute_batch("rollback");
        outcome
    }

    /// Folds the log of changes and packs the latest rows, as far as nobody reads; what was deleted leaves the
    /// file.
    pub(crate) fn pack(&mut self) -> Outcome {
        self.folding.replaced_rows = 0;
        self.folding.remembered_count = 0;
        // A commit just before makes everybody who reads somebody who keeps the engine from packing.
        let emptied = match std::mem::take(&mut self.folding.count) {
            0 => Ok(()),
            _ => self.connection.execute_batch("delete from fold"),
        };
        outcome(emptied.and_then(|()| self.connection.execute_batch("checkpoint")))
    }

    /// Folds the log of changes before the database closes.
    pub(crate) fn fold_last(&mut self) {
        if self.folding.count <= FEW_FOLDINGS {
            self.pack();
        } else {
            self.fold();
        }
    }

    /// Folds the log of changes into the file now; waits for what is still being written beside it.
    pub(crate) fn checkpoint_now(&self) -> duckdb::Result<()> {
        self.checkpoint_within(CHECKPOINT_PATIENCE)
    }

    /// The engine refuses while somebody reads what a commit has replaced since.
    fn checkpoint_within(&self, patience: Duration) -> duckdb::Result<()> {
        let begun = Instant::now();
        loop {
            match self.connection.execute_batch("checkpoint") {
                Err(error) if is_held_up(&error) && begun.elapsed() < patience => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                done => return done,
            }
        }
    }
}

fn is_held_up(error: &duckdb::Error) -> bool {
    let words = "other write transactions active";
    error.to_string().contains(words)
}

/// What became of it; a failure goes into the log. The log of changes then stays, and with it everything
/// committed.
fn outcome(done: duckdb::Result<()>) -> Outcome {
    let Err(source) = done else {
        return Outcome::Done;
    };
    if is_held_up(&source) {
        tracing::debug!("a checkpoint waits for those who read");
        return Outcome::HeldUp;
    }
    let error = Error::Commit { source };
    let is_damaged = error.is_damaged_block();
    let error: &dyn std::error::Error = &error;
    if !is_damaged {
        tracing::warn!(error, "checkpoint failed");
        return Outcome::Failed;
    }
    tracing::error!(
        error,
        "a block of the database is damaged, so its log of changes cannot be folded into it and grows: \
         run `spanreel verify` to see what is lost, and `spanreel restore` to go back to a backup"
    );
    Outcome::Damaged
}
