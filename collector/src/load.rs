//! The loader: takes what the journal has on disk, understands and resolves it, and commits it to
//! the store in groups.
//!
//! One thread. Large groups are what makes the database fast, so it waits a moment for company; it
//! waits longer when commits take long, so that a slow disk or a huge session gets larger groups
//! rather than a growing queue. The journal position is stored in the same transaction as the rows,
//! so a crash at any moment neither loses nor doubles anything.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use proto::Request;
use proto::id::TraceId;
use store::{Batch, LoadedAct, Writer};
use tokio_util::sync::CancellationToken;

use crate::body_refs::BodyRefs;
use crate::conventions::{
    Bodies, Understood, understand_logs, understand_metrics, understand_traces,
};
use crate::counters::LoadCounters;
use crate::error::Error;
use crate::ingest::Accepted;
use crate::journal::Journal;
use crate::resolve::{Memory, Resolver};

/// How long the first request of a group waits for others.
const SHORTEST_WAIT: Duration = Duration::from_millis(40);
const LONGEST_WAIT: Duration = Duration::from_millis(200);
/// A group is complete at this size of request bodies.
const GROUP_BYTES: usize = 16 << 20;

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
    pub(crate) resolver: Resolver,
    pub(crate) journal: Journal,
    pub(crate) counters: Arc<LoadCounters>,
    pub(crate) shutdown: CancellationToken,
    /// Reads bodies that records only name, where the user allows it.
    pub(crate) body_refs: Option<BodyRefs>,
    /// A group was left to the journal. Nothing behind it may be loaded either: the position that
    /// would be stored with it says that everything before is loaded.
    pub(crate) gave_up: bool,
    /// Deletions of sessions that the resolver's memory knows of.
    pub(crate) deletions: u64,
}

impl Loader {
    /// Loads what an earlier run acknowledged and did not get to load. Call it before any sender is
    /// let in.
    ///
    /// # Errors
    /// When a segment cannot be read: going on would leave out what was acknowledged.
    pub(crate) fn recover(&mut self) -> Result<(), Error> {
        let loaded = self.writer.journal_position();
        let mut group = Group::default();
        let mut records = 0_u64;
        for record in self.journal.replay(loaded) {
            let record = record?;
            let bytes = record.body.len();
            match proto::decode(record.signal, record.encoding, &record.body) {
                Ok(decoded) => {
                    group.add(decoded.request, self.bodies(), record.position, bytes);
                }
                Err(error) => tracing::error!(
                    position = record.position,
                    %error,
                    "a journal record cannot be decoded and is left out"
                ),
            }
            records += 1;
            if group.bytes >= GROUP_BYTES {
                self.load(std::mem::take(&mut group));
            }
        }
        self.load(group);
        if records > 0 {
            tracing::info!(records, "loaded what was acknowledged before the last stop");
        }
        Ok(())
    }

    fn bodies(&self) -> Option<&dyn Bodies> {
        self.body_refs.as_ref().map(|refs| refs as &dyn Bodies)
    }

    /// Loads until the journal closes its end of the channel.
    pub(crate) fn run(mut self, accepted: &Receiver<Accepted>) {
        let mut last_load = Duration::ZERO;
        while let Ok(first) = accepted.recv() {
            let wait = last_load.clamp(SHORTEST_WAIT, LONGEST_WAIT);
            let deadline = Instant::now() + wait;
            let mut permits = Vec::new();
            let mut group = Group::default();
            let mut next = Some(first);
            while let Some(request) = next.take() {
                let size_bytes = request.size_bytes;
                group.add(request.request, self.bodies(), request.position, size_bytes);
                permits.push(request.permit);
                if group.bytes >= GROUP_BYTES {
                    break;
                }
                let left = deadline.saturating_duration_since(Instant::now());
                next = accepted.recv_timeout(left).ok();
            }
            let started = Instant::now();
            self.load(group);
            last_load = started.elapsed();
        }
    }

    /// Understands, resolves and commits one group. Tries until the store takes it, or until shutdown:
    /// then the journal still has it.
    fn load(&mut self, group: Group) {
        if group.requests == 0 || self.gave_up {
            return;
        }
        let Understood {
            mut acts,
            events,
            metrics,
            payloads,
            rejected,
            received,
            ..
        } = group.understood;
        let mut batch = Batch {
            events,
            metrics,
            payloads,
            received,
            journal_position: group.position,
            ..Batch::default()
        };
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
        let outcome = self.resolver.resolve(acts, &mut self.writer, &mut batch);
        let mut committed = None;
        let done = self.insist("write", |loader| {
            committed = Some(loader.writer.commit_ref(&batch)?);
            Ok(())
        });
        if let (true, Some(committed)) = (done, committed) {
            let counters = &self.counters;
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
            if let Err(error) = self.journal.release(group.position) {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a loaded journal segment stays"
                );
            }
        }
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
                Ok(()) => return true,
                Err(error) => tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "cannot {what} the database; what was acknowledged is safe in the journal, trying again"
                ),
            }
            if self.shutdown.is_cancelled() {
                self.gave_up = true;
                return false;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }
}

/// Requests that are loaded together.
#[derive(Default)]
struct Group {
    understood: Understood,
    requests: usize,
    bytes: usize,
    position: u64,
}

impl Group {
    fn add(&mut self, request: Request, bodies: Option<&dyn Bodies>, position: u64, bytes: usize) {
        self.understood.request_id = i64::try_from(position).unwrap_or(i64::MAX);
        match request {
            Request::Traces(request) => understand_traces(request, &mut self.understood),
            Request::Logs(request) => understand_logs(request, bodies, &mut self.understood),
            Request::Metrics(request) => understand_metrics(request, &mut self.understood),
        }
        self.requests += 1;
        self.bytes += bytes;
        self.position = self.position.max(position);
    }
}
