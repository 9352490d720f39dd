//! Loading: what the journal has on disk is understood, resolved and committed to the store in groups.
//!
//! Two threads: the [`feed::Feed`] understands the next group while the [`Loader`] resolves and
//! commits this one. Nothing waits on purpose while there is time: the first request after a quiet
//! moment is loaded at once. A transaction costs the same whatever is in it, so behind a small group
//! the loader pauses while company gathers; under load groups are large and there is no pause. The
//! journal position is stored in the same transaction as the rows, so a crash at any moment neither
//! loses nor doubles anything.

mod feed;
mod group;
mod private;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use proto::agent::{Act, Event};
use proto::id::TraceId;
use store::{Batch, LoadedAct, Store, Writer};
use tokio_util::sync::CancellationToken;

use crate::conventions::{Private, Understood};
use crate::counters::LoadCounters;
use crate::ingest::unix_ns;
use crate::journal::Journal;
use crate::resolve::{Memory, Resolver};

pub(crate) use feed::{Feed, WAITING_BYTES};
pub(crate) use group::Group;

/// The pause behind a small group, as a multiple of what loading it took, and its bounds.
const PAUSE_SHARE: u32 = 1;
const SHORTEST_PAUSE: Duration = Duration::from_millis(40);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// Request bodies of a group behind which there is no pause.
const BUSY_BYTES: usize = 1 << 20;

impl Memory for Writer {
    fn load_acts(
        &mut self,
        traces: &[TraceId],
        sessions: &[Arc<str>],
    ) -> Result<Vec<LoadedAct>, store::Error> {
        Writer::load_acts(self, traces, sessions)
    }

    fn next_act_id(&mut self) -> i64 {
        Writer::next_act_id(self)
    }
}

pub(crate) struct Loader {
    pub(crate) writer: Writer,
    /// The same store, to delete from.
    pub(crate) store: Store,
    pub(crate) resolver: Resolver,
    pub(crate) journal: Journal,
    pub(crate) counters: Arc<LoadCounters>,
    pub(crate) shutdown: CancellationToken,
    /// A group was left to the journal. Nothing behind it may be loaded either: the position that
    /// would be stored with it says that everything before is loaded.
    pub(crate) gave_up: bool,
    /// Deletions of sessions that the resolver's memory knows of.
    pub(crate) deletions: u64,
}

impl Loader {
    /// Loads until the feed is gone, which is when nothing more is written to the journal.
    pub(crate) fn run(mut self, groups: &Receiver<Group>) {
        while let Ok(group) = groups.recv() {
            let is_small = group.bytes < BUSY_BYTES;
            let started = Instant::now();
            self.load(group);
            if is_small {
                let pause = started.elapsed() * PAUSE_SHARE;
                std::thread::sleep(pause.clamp(SHORTEST_PAUSE, LONGEST_PAUSE));
            }
        }
        if let Err(error) = self.journal.finish(self.writer.journal_position()) {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a loaded journal segment stays"
            );
        }
    }

    /// Resolves and commits one group. Tries until the store takes it, or until shutdown:
    /// then the journal still has it.
    fn load(&mut self, group: Group) {
        if self.gave_up {
            return;
        }
        let begun = Instant::now();
        let Group {
            understood,
            packed,
            packed_records,
            requests,
            bytes,
            position,
            // Given back when everything is loaded.
            permits: _permits,
        } = group;
        let Understood {
            mut acts,
            events,
            metrics,
            payloads,
            rejected,
            received,
            private,
            ..
        } = understood;
        let mut batch = Batch {
            events,
            metrics,
            payloads,
            packed,
            packed_records,
            received,
            journal_position: position,
            ..Batch::default()
        };
        if !self.drop_private(&private, &acts, &batch.events) {
            return;
        }
        self.writer.leave_out_deleted(&mut acts, &mut batch);
        let deletions = self.writer.deletion_count();
        if deletions != self.deletions {
            self.deletions = deletions;
            self.resolver.forget();
        }
        if !self.insist("read", |loader| {
            loader.resolver.prepare(&acts, &mut loader.writer)
        }) {
            return;
        }
        let prepared = begun.elapsed();
        let outcome = self.resolver.resolve(acts, &mut self.writer, &mut batch);
        let resolved = begun.elapsed();
        let mut committed = None;
        let done = self.insist("write", |loader| {
            committed = Some(loader.writer.commit_ref(&batch)?);
            Ok(())
        });
        tracing::debug!(
            requests,
            bytes,
            spans = batch.new_acts.len(),
            changed = batch.changed_acts.len(),
            prepare_ms = prepared.as_millis(),
            resolve_ms = (resolved - prepared).as_millis(),
            commit_ms = (begun.elapsed() - resolved).as_millis(),
            "group"
        );
        if let (true, Some(committed)) = (done, committed) {
            let counters = &self.counters;
            counters.group_times.add(begun.elapsed());
            let add = |counter: &std::sync::atomic::AtomicU64, n: u64| {
                counter.fetch_add(n, Ordering::Relaxed);
            };
            add(&counters.spans, committed.span_count);
            add(&counters.events, committed.event_count);
            add(&counters.metric_points, committed.metric_count);
            add(&counters.rejected, rejected.len() as u64);
            add(
                &counters.duplicates,
                outcome.duplicate_count + committed.duplicate_event_count,
            );
            if let Err(error) = self.journal.release(position) {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a loaded journal segment stays"
                );
            }
        }
    }

    /// Drops sessions that this group makes private, before any of it is stored: the group that says so
    /// is read again when the program ends between. False = gave up because of shutdown.
    fn drop_private(&mut self, private: &[Private], acts: &[Act], events: &[Event]) -> bool {
        self.insist("write", |loader| {
            let dropped = private::dropped(&mut loader.writer, private, acts, events)?;
            if dropped != private::Dropped::default() {
                let (sessions, traces) = (&dropped.session_ids, &dropped.trace_ids);
                loader.store.make_private(sessions, traces, unix_ns())?;
            }
            Ok(())
        })
    }

    /// Repeats what the store refuses, with growing pauses. False = gave up because of shutdown.
    fn insist(
        &mut self,
        what: &'static str,
        mut attempt: impl FnMut(&mut Self) -> Result<(), store::Error>,
    ) -> bool {
        let mut pause = Duration::from_millis(100);
        loop {
            match attempt(self) {
                Ok(()) => {
                    self.counters.is_failing.store(false, Ordering::Relaxed);
                    return true;
                }
                Err(error) => tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "cannot {what} the database; what was acknowledged is safe in the journal, trying again"
                ),
            }
            self.counters.is_failing.store(true, Ordering::Relaxed);
            self.counters.failures.fetch_add(1, Ordering::Relaxed);
            if self.shutdown.is_cancelled() {
                self.gave_up = true;
                return false;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }
}
