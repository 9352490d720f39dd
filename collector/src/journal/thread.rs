//! The journal's thread: one group at a time, one fsync per group.

use std::sync::mpsc::Sender;

use tokio::sync::mpsc::UnboundedReceiver;

use super::append::Appender;
use crate::ingest::{Accepted, Busy, Pending, Work};

/// A group is closed at this size, so that its first waiter does not wait for everybody's bytes.
const GROUP_BYTES: usize = 8 << 20;

/// Runs until every handle is gone and the queue is empty.
///
/// While a group is being synced the next one gathers in the queue: the busier the senders, the more
/// of them share one fsync, without any waiting on purpose.
pub(super) fn run(
    mut queue: UnboundedReceiver<Work>,
    mut appender: Appender,
    loader: &Sender<Accepted>,
) {
    let mut group = Vec::new();
    let mut loader_gone = false;
    while let Some(first) = queue.blocking_recv() {
        let (mut bytes, mut ends_segment) = (0, false);
        let mut next = Some(first);
        while let Some(work) = next {
            match work {
                Work::Request(pending) => {
                    bytes += pending.body.len();
                    group.push(pending);
                }
                Work::EndSegment => ends_segment = true,
            }
            let is_full = bytes >= GROUP_BYTES || ends_segment;
            next = if is_full { None } else { queue.try_recv().ok() };
        }
        if ends_segment && group.is_empty() {
            appender.end_segment();
            continue;
        }
        if loader_gone {
            refuse(&mut group, Busy::Closing);
            continue;
        }
        if appender.is_behind() {
            refuse(&mut group, Busy::Behind);
            continue;
        }
        match appender.append(&group) {
            Ok(first) => loader_gone = !accept(first, &mut group, loader),
            Err(_) => refuse(&mut group, Busy::Disk),
        }
        if ends_segment {
            appender.end_segment();
        }
    }
}

/// Answers every waiter, then hands the requests on in order. False when nobody loads any more.
fn accept(first: u64, group: &mut Vec<Pending>, loader: &Sender<Accepted>) -> bool {
    let mut accepted = Vec::with_capacity(group.len());
    for (position, pending) in (first..).zip(group.drain(..)) {
        // A sender that has gone is no reason not to load what it sent.
        let _ = pending.done.send(Ok(position));
        accepted.push(Accepted {
            position,
            received_ns: pending.received_ns,
            size_bytes: pending.body.len(),
            request: pending.request,
            permit: pending.permit,
        });
    }
    for accepted in accepted {
        if loader.send(accepted).is_err() {
            tracing::error!(
                "the loader has stopped: what is in the journal is loaded at the next start, nothing new is accepted"
            );
            return false;
        }
    }
    true
}

fn refuse(group: &mut Vec<Pending>, busy: Busy) {
    for pending in group.drain(..) {
        let _ = pending.done.send(Err(busy));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;
    use std::sync::{Arc, Mutex, mpsc};

    use bytes::Bytes;
    use proto::otlp::collector::logs::v1::ExportLogsServiceRequest;
    use proto::{Encoding, Request};

    use super::*;
    use crate::ingest::IngestHandle;
    use crate::journal::append::SegmentFile;
    use crate::journal::{Config, Journal};
    use crate::receive::admission::Permit;

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Event {
        Written(usize),
        Synced,
        Truncated(u64),
        Refused,
        Answered,
        Loaded(u64),
    }

    /// A disk that notes what is asked of it and refuses on demand.
    #[derive(Clone, Default)]
    struct Disk {
        events: Arc<Mutex<Vec<Event>>>,
        refuse_writes: Arc<Mutex<bool>>,
        refuse_syncs: Arc<Mutex<bool>>,
    }

    impl Disk {
        fn note(&self, event: Event) {
            self.events.lock().unwrap().push(event);
        }

        fn take(&self) -> Vec<Event> {
            std::mem::take(&mut self.events.lock().unwrap())
        }

        fn refuse(&self, switch: &Mutex<bool>) -> io::Result<()> {
            if *switch.lock().unwrap() {
                self.note(Event::Refused);
                return Err(io::ErrorKind::StorageFull.into());
            }
            Ok(())
        }
    }

    impl SegmentFile for Disk {
        fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.refuse(&self.refuse_writes)?;
            self.note(Event::Written(bytes.len()));
            Ok(())
        }

        fn sync(&mut self) -> io::Result<()> {
            self.refuse(&self.refuse_syncs)?;
            self.note(Event::Synced);
            Ok(())
        }

        fn truncate(&mut self, len: u64) -> io::Result<()> {
            self.note(Event::Truncated(len));
            Ok(())
        }
    }

    struct Rig {
        disk: Disk,
        handle: IngestHandle,
        loader: mpsc::Receiver<Accepted>,
        _dir: tempfile::TempDir,
    }

    impl Rig {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let config = Config {
                dir: dir.path().to_owned(),
                segment_bytes: 1000,
                encryption: None,
            };
            let journal = Journal::open(config, 0).unwrap();
            let disk = Disk::default();
            let file = disk.clone();
            let create =
                move |_: &Path| -> io::Result<Box<dyn SegmentFile>> { Ok(Box::new(file.clone())) };
            let appender = Appender::with_files(journal.shared, 1, Box::new(create));
            let (handle, queue) = IngestHandle::channel();
            let (sender, loader) = mpsc::channel();
            std::thread::spawn(move || run(queue, appender, &sender));
            Self {
                disk,
                handle,
                loader,
                _dir: dir,
            }
        }

        /// Submits a body of 100 bytes and notes the answer among the disk's events.
        async fn submit(&self) -> Result<u64, Busy> {
            let request = Request::Logs(ExportLogsServiceRequest::default());
            let body = Bytes::from(vec![b'x'; 100]);
            let permit = Permit::uncounted();
            let answer = self
                .handle
                .submit(Encoding::Protobuf, body, request, permit)
                .await;
            if answer.is_ok() {
                self.disk.note(Event::Answered);
                let position = self.loader.recv().unwrap().position;
                self.disk.note(Event::Loaded(position));
            }
            answer
        }
    }

    #[tokio::test]
    async fn the_answer_comes_after_the_sync() {
        use Event::{Answered, Loaded, Synced, Written};

        let rig = Rig::new();
        rig.submit().await.unwrap();
        // A segment header, then the record.
        let record = [Written(132), Synced, Answered];
        let mut expected = vec![Written(32), Synced];
        expected.extend(record);
        expected.push(Loaded(1));
        assert_eq!(rig.disk.take(), expected);
        rig.submit().await.unwrap();
        assert_eq!(rig.disk.take(), [&record[..], &[Loaded(2)]].concat());
    }

    #[tokio::test]
    async fn a_full_disk_is_busy_and_what_was_written_is_cut_off() {
        let rig = Rig::new();
        assert_eq!(rig.submit().await, Ok(1));
        rig.disk.take();
        *rig.disk.refuse_writes.lock().unwrap() = true;
        assert_eq!(rig.submit().await, Err(Busy::Disk));
        assert_eq!(
            rig.disk.take(),
            [Event::Refused, Event::Truncated(164), Event::Synced]
        );
        assert_eq!(rig.submit().await, Err(Busy::Disk));
        *rig.disk.refuse_writes.lock().unwrap() = false;
        // Positions of what failed are not used again.
        assert_eq!(rig.submit().await, Ok(4));
    }

    #[tokio::test]
    async fn after_a_failed_sync_nothing_more_goes_to_that_file() {
        let rig = Rig::new();
        assert_eq!(rig.submit().await, Ok(1));
        *rig.disk.refuse_syncs.lock().unwrap() = true;
        assert_eq!(rig.submit().await, Err(Busy::Disk));
        *rig.disk.refuse_syncs.lock().unwrap() = false;
        rig.disk.take();
        assert_eq!(rig.submit().await, Ok(3));
        // A new segment: its header comes first.
        assert_eq!(rig.disk.take()[..2], [Event::Written(32), Event::Synced]);
    }

    #[tokio::test]
    async fn waiters_share_a_sync() {
        let rig = Rig::new();
        let submit = |_| {
            let handle = rig.handle.clone();
            async move {
                let request = Request::Logs(ExportLogsServiceRequest::default());
                let permit = Permit::uncounted();
                handle
                    .submit(Encoding::Json, Bytes::from_static(b"{}"), request, permit)
                    .await
            }
        };
        let answers = futures_util::future::join_all((0..200).map(submit)).await;
        assert!(answers.into_iter().all(|answer| answer.is_ok()));
        let syncs = rig
            .disk
            .take()
            .iter()
            .filter(|event| **event == Event::Synced)
            .count();
        assert!(syncs < 200, "{syncs} syncs for 200 requests");
        // The loader is told after the waiters are.
        let positions: Vec<_> = rig
            .loader
            .iter()
            .take(200)
            .map(|accepted| accepted.position)
            .collect();
        assert_eq!(positions, (1..=200).collect::<Vec<_>>());
    }
}
