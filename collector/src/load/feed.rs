//! The feed: understands what was accepted and hands it to the loader in groups, on a thread of its
//! own, so that the next group is understood while the database commits this one.
//!
//! What waits is in memory up to a bound. Beyond it the journal is the queue: requests are let go,
//! and read back from disk when their turn comes. What earlier runs left in the journal is the first
//! thing in the queue.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::time::Duration;

use proto::Hashing;
use store::Packer;
use tokio_util::sync::CancellationToken;

use super::group::Group;
use crate::body_refs::BodyRefs;
use crate::conventions::Bodies;
use crate::ingest::Accepted;
use crate::journal::{Journal, Record, Replay};

/// A group is complete at this size of request bodies; a request is never split.
const GROUP_BYTES: usize = 4 << 20;
/// What is a good bound for [`Feed::waiting_bytes`].
pub(crate) const WAITING_BYTES: usize = 6 << 20;
/// How soon a group is offered again to a loader that is busy.
const OFFER_EVERY: Duration = Duration::from_millis(4);
/// How long reading the journal pauses after an error, at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What a [`Feed`] is made of.
pub(crate) struct Feed {
    pub(crate) accepted: Receiver<Accepted>,
    /// Without room of its own, so that a group is taken only by a loader that waits for one.
    pub(crate) to_loader: SyncSender<Group>,
    pub(crate) journal: Journal,
    pub(crate) shutdown: CancellationToken,
    /// Reads bodies that records only name, where the user allows it.
    pub(crate) body_refs: Option<BodyRefs>,
    pub(crate) packer: Packer,
    /// How the store identifies texts.
    pub(crate) hashing: Hashing,
    /// Bodies of the requests that wait in memory.
    pub(crate) waiting_bytes: usize,
}

/// The requests that wait to be understood, in order.
struct Queue {
    in_memory: VecDeque<Accepted>,
    memory_bytes: usize,
    /// Behind those in memory.
    on_disk: Option<OnDisk>,
}

/// Requests that are in the journal alone.
struct OnDisk {
    reader: Replay,
    /// Position of the last one.
    through: u64,
}

impl Queue {
    /// A queue of what the journal holds behind position `loaded`.
    fn of_journal(journal: &Journal, loaded: u64) -> Self {
        let through = journal.stats().last_position;
        Self {
            in_memory: VecDeque::new(),
            memory_bytes: 0,
            on_disk: (through > loaded).then(|| OnDisk {
                reader: journal.replay(loaded),
                through,
            }),
        }
    }

    fn is_empty(&self) -> bool {
        self.in_memory.is_empty() && self.on_disk.is_none()
    }

    fn push(&mut self, accepted: Accepted, journal: &Journal, waiting_bytes: usize) {
        if let Some(on_disk) = &mut self.on_disk {
            on_disk.through = accepted.position;
        } else if self.in_memory.is_empty()
            || self.memory_bytes + accepted.size_bytes <= waiting_bytes
        {
            self.memory_bytes += accepted.size_bytes;
            self.in_memory.push_back(accepted);
        } else {
            self.on_disk = Some(OnDisk {
                reader: journal.replay(accepted.position - 1),
                through: accepted.position,
            });
        }
    }
}

impl Feed {
    /// Feeds the loader with what the journal holds behind position `loaded`, and then with what is
    /// accepted, until the journal closes its end of the channel and all is handed over.
    pub(crate) fn run(mut self, loaded: u64) {
        let mut queue = Queue::of_journal(&self.journal, loaded);
        let mut group = Group::new(self.hashing);
        let mut is_closed = false;
        loop {
            let can_add = group.bytes < GROUP_BYTES && !queue.is_empty();
            if !is_closed {
                let wait = match (can_add, group.requests) {
                    (true, _) => Some(Duration::ZERO),
                    (false, 0) => None,
                    (false, _) => Some(OFFER_EVERY),
                };
                is_closed = !self.take_in(wait, &mut queue);
            }
            if can_add && !self.add_next(&mut queue, &mut group) {
                return;
            }
            if is_closed && queue.is_empty() {
                if group.requests > 0 {
                    // A loader that is gone has said why.
                    let _ = self.to_loader.send(group);
                }
                return;
            }
            if group.requests > 0 {
                match self.to_loader.try_send(group) {
                    Ok(()) => group = Group::new(self.hashing),
                    Err(TrySendError::Full(back)) => group = back,
                    Err(TrySendError::Disconnected(_)) => return,
                }
                if is_closed && group.bytes >= GROUP_BYTES {
                    std::thread::sleep(OFFER_EVERY);
                }
            }
        }
    }

    /// Takes all that was accepted into the queue, waiting for the first up to `wait` (`None`: as
    /// long as it takes). False when no more will come.
    fn take_in(&self, wait: Option<Duration>, queue: &mut Queue) -> bool {
        let first = match wait {
            None => self
                .accepted
                .recv()
                .map_err(|_| RecvTimeoutError::Disconnected),
            Some(wait) => self.accepted.recv_timeout(wait),
        };
        match first {
            Ok(accepted) => queue.push(accepted, &self.journal, self.waiting_bytes),
            Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        for accepted in self.accepted.try_iter() {
            queue.push(accepted, &self.journal, self.waiting_bytes);
        }
        true
    }

    /// Understands the next request of the queue. False on shutdown while the journal cannot be read.
    fn add_next(&mut self, queue: &mut Queue, group: &mut Group) -> bool {
        let bodies = self.body_refs.as_ref().map(|refs| refs as &dyn Bodies);
        if let Some(accepted) = queue.in_memory.pop_front() {
            queue.memory_bytes -= accepted.size_bytes;
            let position = accepted.position;
            group.add(position, accepted.request, bodies, &mut self.packer);
            group.close_request(
                accepted.position,
                accepted.size_bytes,
                Some(accepted.permit),
            );
            return true;
        }
        let Some(on_disk) = &mut queue.on_disk else {
            return true;
        };
        let Some(record) = read(on_disk, &self.shutdown) else {
            return false;
        };
        let Some(record) = record else {
            queue.on_disk = None;
            return true;
        };
        match proto::decode(record.signal, record.encoding, &record.body) {
            Ok(decoded) => {
                group.add(record.position, decoded.request, bodies, &mut self.packer);
            }
            Err(error) => tracing::error!(
                position = record.position,
                %error,
                "a journal record cannot be decoded and is left out"
            ),
        }
        group.close_request(record.position, record.body.len(), None);
        true
    }
}

/// The next record, `Some(None)` behind the last one. Tries until the disk gives it: going on would
/// leave out what was acknowledged. `None` on shutdown meanwhile.
#[allow(clippy::option_option)]
fn read(on_disk: &mut OnDisk, shutdown: &CancellationToken) -> Option<Option<Record>> {
    let mut pause = Duration::from_millis(100);
    loop {
        match on_disk.reader.next_through(on_disk.through).transpose() {
            Ok(record) => return Some(record),
            Err(error) => tracing::error!(
                error = &error as &dyn std::error::Error,
                "what was acknowledged waits in the journal, which cannot be read; trying again"
            ),
        }
        if shutdown.is_cancelled() {
            return None;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use bytes::Bytes;
    use prost::Message as _;
    use proto::otlp::collector::logs::v1::ExportLogsServiceRequest;
    use proto::otlp::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
    use proto::{Encoding, Request};

    use super::*;
    use crate::ingest::IngestHandle;
    use crate::journal::Config;
    use crate::receive::admission::Permit;

    const REQUESTS: u64 = 40;

    async fn submit(handle: &IngestHandle, number: u64) {
        let request = ExportLogsServiceRequest {
            resource_logs: vec![ResourceLogs {
                scope_logs: vec![ScopeLogs {
                    log_records: vec![LogRecord {
                        time_unix_nano: number,
                        ..LogRecord::default()
                    }],
                    ..ScopeLogs::default()
                }],
                ..ResourceLogs::default()
            }],
        };
        let body = Bytes::from(request.encode_to_vec());
        let request = Request::Logs(request);
        let permit = Permit::uncounted();
        let submitted = handle.submit(Encoding::Protobuf, body, request, permit);
        submitted.await.unwrap();
    }

    fn journal(folder: &tempfile::TempDir) -> Journal {
        let dir = folder.path().to_owned();
        // Small segments, so that reading goes on from one to the next while they are written.
        let config = Config {
            dir,
            segment_bytes: 300,
            encryption: None,
        };
        Journal::open(config, 0).unwrap()
    }

    /// Starts a feed of which next to nothing may wait in memory.
    fn start(journal: &Journal, loaded: u64) -> (IngestHandle, Receiver<Group>) {
        let (sender, accepted) = mpsc::channel();
        let (to_loader, groups) = mpsc::sync_channel(0);
        let feed = Feed {
            accepted,
            to_loader,
            journal: journal.clone(),
            shutdown: CancellationToken::new(),
            body_refs: None,
            packer: Packer::new(Hashing::default()).unwrap(),
            hashing: Hashing::default(),
            waiting_bytes: 30,
        };
        let handle = journal.start(sender).unwrap();
        std::thread::spawn(move || feed.run(loaded));
        (handle, groups)
    }

    /// When each record was made, and that the positions rise to the last one.
    fn times(groups: &Receiver<Group>, requests: usize) -> Vec<i64> {
        let (mut times, mut position, mut seen) = (Vec::new(), 0, 0);
        while seen < requests {
            let group = groups.recv().unwrap();
            seen += group.requests;
            position += group.requests as u64;
            times.extend(group.understood.events.iter().map(|event| event.time_ns));
            assert!(group.position >= position);
        }
        times
    }

    #[tokio::test]
    async fn what_does_not_fit_into_memory_comes_from_the_journal_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let (handle, groups) = start(&journal(&folder), 0);
        for number in 1..=REQUESTS {
            submit(&handle, number).await;
            // Some are taken while more come.
            if number % 16 == 0 {
                let group = groups.recv().unwrap();
                assert!(group.position <= number);
                let count = group.understood.events.len() as u64;
                assert_eq!(count, group.requests as u64);
            }
        }
        drop(handle);
        let rest: Vec<Group> = groups.iter().collect();
        assert_eq!(rest.last().unwrap().position, REQUESTS);
        let rest: Vec<i64> = rest
            .iter()
            .flat_map(|group| &group.understood.events)
            .map(|event| event.time_ns)
            .collect();
        assert!(rest.is_sorted());
        assert_eq!(rest.last(), Some(&(REQUESTS as i64)));
    }

    #[tokio::test]
    async fn what_an_earlier_run_left_comes_before_what_is_new() {
        let folder = tempfile::tempdir().unwrap();
        let (handle, groups) = start(&journal(&folder), 0);
        for number in 1..=REQUESTS {
            submit(&handle, number).await;
        }
        drop((handle, groups));
        let (handle, groups) = start(&journal(&folder), 10);
        submit(&handle, REQUESTS + 1).await;
        let wanted: Vec<i64> = (11..=REQUESTS as i64 + 1).collect();
        assert_eq!(times(&groups, wanted.len()), wanted);
        drop(handle);
        assert!(groups.recv().is_err());
    }
}
