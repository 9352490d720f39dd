//! The journal: what was acknowledged is here, on disk, before the answer leaves.
//!
//! Verbatim request bodies are appended to numbered segment files, one fsync for all that wait. The
//! loader behind it stores the position of the last loaded record in the same transaction as its rows;
//! after a crash everything behind that position is replayed. Segments that are loaded whole are
//! deleted.
//!
//! Invariants: positions rise over the life of the data folder and are never used twice; a file that an
//! earlier run wrote is never appended to; a record that was handed to the loader is on disk.

mod append;
mod check;
mod replay;
mod segment;
mod thread;
mod upkeep;

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use proto::{Encoding, Signal};
use store::{EncryptionKey, Purpose, Sealer};
use tokio::sync::mpsc::WeakUnboundedSender;

use crate::error::Error;
use crate::ingest::{Accepted, Busy, IngestHandle, Work};
use append::{Appender, sync_dir};
pub use check::{Check, Stretch, StretchKind, check};
pub use replay::Replay;
use segment::{Next, SegmentReader};

/// Where the journal lives and how it is cut into files.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder of the segments; created when missing.
    pub dir: PathBuf,
    /// A segment that has reached this size is followed by a new one. 64 MiB is a good value: small
    /// enough that loaded ones go soon, large enough that new ones are rare.
    pub segment_bytes: u64,
    /// What bodies are encrypted with.
    pub encryption: Option<Encryption>,
}

/// Encrypts the bodies of a journal.
#[derive(Debug, Clone)]
pub struct Encryption {
    sealer: Sealer,
    /// By which a segment says its key.
    mark: u32,
}

impl Encryption {
    /// With a key of the user's.
    ///
    /// # Errors
    /// When the cipher refuses the key.
    pub fn new(key: &EncryptionKey) -> std::io::Result<Self> {
        Ok(Self {
            sealer: key.sealer(Purpose::Journal)?,
            mark: key.mark(),
        })
    }
}

/// One request body as the journal kept it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub position: u64,
    /// When it arrived, Unix nanoseconds.
    pub received_ns: i64,
    pub signal: Signal,
    pub encoding: Encoding,
    /// Verbatim body, decompressed.
    pub body: Vec<u8>,
}

/// A segment that is no longer written.
#[derive(Debug, Clone)]
struct Closed {
    path: PathBuf,
    /// Nothing in it lies behind this position.
    last_position: u64,
    bytes: u64,
}

/// What the journal's users share.
#[derive(Debug)]
struct Shared {
    config: Config,
    closed: Mutex<VecDeque<Closed>>,
    /// The segment that is being written.
    active: Mutex<Option<PathBuf>>,
    last_position: AtomicU64,
    fsyncs: AtomicU64,
    bytes_written: AtomicU64,
    /// Of the segment that is being written, as far as it is on disk.
    active_bytes: AtomicU64,
    failing: AtomicBool,
    /// How the thread is asked for something, once it runs.
    queue: Mutex<Option<WeakUnboundedSender<Work>>>,
    /// What is on disk and not loaded, oldest first.
    waiting: Mutex<VecDeque<Waiting>>,
}

/// Records that came within [`WAITING_GRAIN`] of each other and are not all loaded.
#[derive(Debug)]
struct Waiting {
    since: Instant,
    last_position: u64,
}

/// How exactly it is known since when the oldest record waits.
const WAITING_GRAIN: Duration = Duration::from_millis(20);

impl Shared {
    fn closed(&self) -> MutexGuard<'_, VecDeque<Closed>> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn active(&self) -> MutexGuard<'_, Option<PathBuf>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self) -> MutexGuard<'_, Option<WeakUnboundedSender<Work>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that everything up to `last_position` is on disk, the newest of it since now.
    fn note_waiting(&self, last_position: u64) {
        let now = Instant::now();
        let mut waiting = self.waiting();
        match waiting.back_mut() {
            Some(newest) if now.duration_since(newest.since) < WAITING_GRAIN => {
                newest.last_position = last_position;
            }
            _ => waiting.push_back(Waiting {
                since: now,
                last_position,
            }),
        }
    }

    /// Bytes of the segments that are no longer written and hold what is not loaded.
    fn closed_bytes(&self) -> u64 {
        self.closed().iter().map(|closed| closed.bytes).sum()
    }
}

/// The journal of a data folder. Clones are handles to the same one.
#[derive(Debug, Clone)]
pub struct Journal {
    shared: Arc<Shared>,
    next_segment: u64,
}

/// Numbers for status pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Position of the newest record on disk.
    pub last_position: u64,
    /// Shared fsyncs since start.
    pub fsyncs: u64,
    /// Bytes written since start.
    pub bytes_written: u64,
    /// Bytes in segments that wait to be loaded or released, the current one left out.
    pub closed_bytes: u64,
    /// Bytes of the current segment.
    pub active_bytes: u64,
    /// How long the oldest record that is not loaded has been on disk; `None` when all are loaded.
    pub oldest_waiting: Option<Duration>,
    /// The last attempt to write failed; nothing is acknowledged meanwhile.
    pub failing: bool,
}

impl Journal {
    /// Opens the journal of a data folder, of which everything up to `loaded_position` is in the store.
    /// Segments that are loaded whole are deleted. An end that is no intact record, as a crash leaves it, is
    /// removed with a warning.
    ///
    /// # Errors
    ///
    /// [`Error::OpenJournal`] when the folder or its newest segment cannot be read.
    pub fn open(config: Config, loaded_position: u64) -> Result<Self, Error> {
        let failed = |source| Error::OpenJournal {
            path: config.dir.clone(),
            source,
        };
        fs::create_dir_all(&config.dir).map_err(failed)?;
        if let Some(parent) = config.dir.parent() {
            sync_dir(parent).map_err(failed)?;
        }
        let segments = list(&config.dir).map_err(failed)?;
        let next_segment = segments.last().map_or(1, |(number, _)| number + 1);
        let mut closed = VecDeque::new();
        let mut last_position = loaded_position;
        // From new to old, because where a segment ends shows in the start of the one behind it.
        let mut end = None;
        for (_, path) in segments.into_iter().rev() {
            let bytes = fs::metadata(&path).map_err(failed)?.len();
            let (first, last) = match (
                SegmentReader::open(&path, config.encryption.as_ref()).map_err(failed)?,
                end,
            ) {
                (Some(reader), Some(end)) => (Some(reader.first_position()), end),
                (Some(reader), None) => {
                    let first = reader.first_position();
                    (
                        Some(first),
                        cut_tail(reader).map_err(failed)?.max(first - 1),
                    )
                }
                (None, end) => (None, end.unwrap_or(last_position)),
            };
            end = first.map(|first| first - 1).or(end);
            last_position = last_position.max(last);
            closed.push_front(Closed {
                path,
                last_position: last,
                bytes,
            });
        }
        let shared = Arc::new(Shared {
            config,
            closed: Mutex::new(closed),
            active: Mutex::new(None),
            last_position: AtomicU64::new(last_position),
            fsyncs: AtomicU64::new(0),
            bytes_written: AtomicU64::new(0),
            active_bytes: AtomicU64::new(0),
            failing: AtomicBool::new(false),
            queue: Mutex::new(None),
            waiting: Mutex::default(),
        });
        if last_position > loaded_position {
            shared.note_waiting(last_position);
        }
        let journal = Self {
            shared,
            next_segment,
        };
        if let Err(error) = journal.release(loaded_position) {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a loaded journal segment stays"
            );
        }
        Ok(journal)
    }

    /// Reads the records behind position `after`, in order. Damaged stretches are skipped and reported
    /// to the log. As an iterator it gives what earlier runs left and is for a journal that is not
    /// written to; [`Replay::next_through`] reads while it is.
    pub fn replay(&self, after: u64) -> Replay {
        Replay::new(Arc::clone(&self.shared), after)
    }

    /// Starts the journal's thread. It ends when the last [`IngestHandle`] is gone and everything
    /// submitted is written and handed to `loader`; dropping `loader` then tells the loader so.
    ///
    /// # Errors
    ///
    /// [`Error::StartThread`] when the system has no thread to give.
    pub fn start(&self, loader: Sender<Accepted>) -> Result<IngestHandle, Error> {
        let appender = Appender::new(Arc::clone(&self.shared), self.next_segment);
        let (handle, queue) = IngestHandle::channel();
        *self.shared.queue() = Some(handle.downgrade());
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || thread::run(queue, appender, &loader))
            .map_err(|source| Error::StartThread { source })?;
        Ok(handle)
    }

    /// Notes that everything up to `position` is loaded, and deletes the segments that hold nothing
    /// else. Only files that are no longer written go.
    ///
    /// # Errors
    ///
    /// [`Error::ReleaseJournal`] when a file cannot be deleted; it is tried again the next time.
    pub fn release(&self, position: u64) -> Result<(), Error> {
        {
            let mut waiting = self.shared.waiting();
            let is_loaded = |oldest: &Waiting| oldest.last_position <= position;
            while waiting.front().is_some_and(is_loaded) {
                waiting.pop_front();
            }
        }
        loop {
            let oldest = {
                let closed = self.shared.closed();
                match closed.front() {
                    Some(oldest) if oldest.last_position <= position => oldest.path.clone(),
                    _ => return Ok(()),
                }
            };
            match fs::remove_file(&oldest) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::ReleaseJournal {
                        path: oldest,
                        source,
                    });
                }
                _ => {}
            }
            let mut closed = self.shared.closed();
            if closed.front().is_some_and(|front| front.path == oldest) {
                closed.pop_front();
            }
        }
    }

    /// Deletes the segment that was written last, too, if it is loaded whole: for when nobody writes
    /// any more.
    ///
    /// # Errors
    ///
    /// As [`Self::release`].
    pub fn finish(&self, position: u64) -> Result<(), Error> {
        self.release(position)?;
        let mut active = self.shared.active();
        if self.shared.last_position.load(Ordering::Relaxed) > position {
            return Ok(());
        }
        match active.take().map(|path| (fs::remove_file(&path), path)) {
            Some((Err(source), path)) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::ReleaseJournal { path, source })
            }
            _ => Ok(()),
        }
    }

    /// Segment files, the one that is being written last.
    fn paths(&self) -> Vec<PathBuf> {
        // The active one is looked at first: it may be closed meanwhile, not the other way round.
        let active = self.shared.active().clone();
        let closed = self.shared.closed();
        let mut paths: Vec<PathBuf> = closed.iter().map(|segment| segment.path.clone()).collect();
        paths.extend(active.filter(|active| !paths.contains(active)));
        paths
    }

    /// Numbers for status pages.
    pub fn stats(&self) -> Stats {
        Stats {
            last_position: self.shared.last_position.load(Ordering::Relaxed),
            fsyncs: self.shared.fsyncs.load(Ordering::Relaxed),
            bytes_written: self.shared.bytes_written.load(Ordering::Relaxed),
            closed_bytes: self.shared.closed_bytes(),
            active_bytes: self.shared.active_bytes.load(Ordering::Relaxed),
            oldest_waiting: {
                let waiting = self.shared.waiting();
                waiting.front().map(|oldest| oldest.since.elapsed())
            },
            failing: self.shared.failing.load(Ordering::Relaxed),
        }
    }

    /// Why nothing can be acknowledged at this moment; `None` when it can. Blocking: after a failed
    /// write it tries the disk with a small file.
    pub fn refuses(&self) -> Option<Busy> {
        if append::is_behind(&self.shared) {
            return Some(Busy::Behind);
        }
        let is_failing = self.shared.failing.load(Ordering::Relaxed);
        (is_failing && append::try_disk(&self.shared.config.dir).is_err()).then_some(Busy::Disk)
    }
}

/// Segment files in order.
fn list(dir: &Path) -> std::io::Result<Vec<(u64, PathBuf)>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let is_segment = path.extension().is_some_and(|extension| extension == "wal");
        let number = path
            .file_stem()
            .and_then(|stem| stem.to_str()?.parse().ok());
        if let (true, Some(number)) = (is_segment, number) {
            segments.push((number, path));
        }
    }
    segments.sort_unstable();
    Ok(segments)
}

/// Finds the last intact record of the newest segment and removes what follows it. Returns its
/// position, 0 when there is none.
fn cut_tail(mut reader: SegmentReader) -> std::io::Result<u64> {
    let mut last_position = 0;
    let end = loop {
        match reader.next()? {
            Next::Record(record) => last_position = record.position,
            Next::Damaged(damage) if damage.to == reader.len() => break damage.from,
            // In the middle: a replay reports it.
            Next::Damaged(_) => {}
            Next::End => return Ok(last_position),
        }
    };
    tracing::warn!(
        path = %reader.path().display(),
        bytes = reader.len() - end,
        "the journal does not end in an intact record: a crash or power cut leaves an end that nobody was told is there, a damaged disk one that is lost; it is cut off (`spanreel verify --data` tells which before a start)",
    );
    let file = fs::OpenOptions::new().write(true).open(reader.path())?;
    file.set_len(end)?;
    file.sync_all()?;
    Ok(last_position)
}
