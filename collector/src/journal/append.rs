//! Writing groups of records, and getting up again after the disk refused.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::segment::{
    HEADER_BYTES, RecordHeader, file_header, record_header, stored_body, too_long,
};
use super::{Closed, Encryption, Shared};
use crate::ingest::Pending;

/// What waits to be loaded may take this much disk; then senders are told to retry.
const MAX_BACKLOG_BYTES: u64 = 1 << 30;

/// Bodies below this are copied together so that a group of small ones is one write.
const COPY_BELOW: usize = 64 * 1024;

/// The calls by which a segment touches the disk, so that tests can make them fail.
pub(super) trait SegmentFile: Send {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Data and length are on disk.
    fn sync(&mut self) -> io::Result<()>;
    fn truncate(&mut self, len: u64) -> io::Result<()>;
}

impl SegmentFile for File {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        Write::write_all(self, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }
}

type CreateFile = Box<dyn Fn(&Path) -> io::Result<Box<dyn SegmentFile>> + Send>;

/// The segment that is being written.
struct Active {
    file: Box<dyn SegmentFile>,
    path: PathBuf,
    salt: u32,
    /// Everything before this is on disk.
    durable_len: u64,
}

/// Owned by the journal's thread: appends groups of records durably.
pub(super) struct Appender {
    shared: Arc<Shared>,
    create: CreateFile,
    active: Option<Active>,
    next_segment: u64,
    next_position: u64,
    buffer: Vec<u8>,
}

impl Appender {
    pub(super) fn new(shared: Arc<Shared>, next_segment: u64) -> Self {
        Self::with_files(shared, next_segment, Box::new(create_file))
    }

    pub(super) fn with_files(shared: Arc<Shared>, next_segment: u64, create: CreateFile) -> Self {
        let next_position = shared.last_position.load(Ordering::Relaxed) + 1;
        Self {
            shared,
            create,
            active: None,
            next_segment,
            next_position,
            buffer: Vec::new(),
        }
    }

    /// Ends the active segment, if there is one.
    pub(super) fn end_segment(&mut self) {
        self.close(self.next_position - 1);
    }

    /// As much as the journal may hold waits to be loaded.
    pub(super) fn is_behind(&self) -> bool {
        is_behind(&self.shared)
    }

    /// Writes the group and syncs it once. Returns the position of its first record; the others
    /// follow without gaps.
    ///
    /// After an error nothing of the group counts: what was written of it is cut off, its positions
    /// are not used again, and the next group starts a new segment, because a file whose sync failed
    /// cannot be trusted to keep what is written to it afterwards.
    pub(super) fn append(&mut self, group: &[Pending]) -> io::Result<u64> {
        let first = self.next_position;
        self.next_position += group.len() as u64;
        let result = self.write(first, group);
        match &result {
            Ok(()) => self.recovered(),
            Err(error) => self.failed(error),
        }
        result.map(|()| first)
    }

    fn write(&mut self, first: u64, group: &[Pending]) -> io::Result<()> {
        let full = |active: &Active| active.durable_len >= self.shared.config.segment_bytes;
        if self.active.as_ref().is_some_and(full) {
            self.close(first - 1);
        }
        let mut active = match self.active.take() {
            Some(active) => active,
            None => self.create_segment(first)?,
        };
        let encryption = self.shared.config.encryption.as_ref();
        let written = write_group(&mut active, &mut self.buffer, encryption, first, group);
        let active = self.active.insert(active);
        let bytes = written?;
        active.file.sync()?;
        active.durable_len += bytes;
        let durable_len = active.durable_len;
        let last = first + group.len() as u64 - 1;
        self.shared
            .active_bytes
            .store(durable_len, Ordering::Relaxed);
        self.shared.last_position.store(last, Ordering::Relaxed);
        self.shared.note_waiting(last);
        self.shared.fsyncs.fetch_add(1, Ordering::Relaxed);
        self.shared
            .bytes_written
            .fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    fn create_segment(&mut self, first_position: u64) -> io::Result<Active> {
        let name = format!("{:010}.wal", self.next_segment);
        let path = self.shared.config.dir.join(name);
        // A number is never tried twice: a failed attempt may leave a file that cannot be removed.
        self.next_segment += 1;
        let salt = random_salt();
        let create = || {
            let mut file = (self.create)(&path)?;
            let encryption = self.shared.config.encryption.as_ref();
            file.write_all(&file_header(salt, first_position, encryption))?;
            // The file's name must be on disk before anything in it is acknowledged.
            file.sync()?;
            sync_dir(&self.shared.config.dir)?;
            Ok(file)
        };
        match create() {
            Ok(file) => {
                *self.shared.active() = Some(path.clone());
                Ok(Active {
                    file,
                    path,
                    salt,
                    durable_len: HEADER_BYTES as u64,
                })
            }
            Err(error) => {
                let _ = fs::remove_file(&path);
                Err(error)
            }
        }
    }

    /// Ends the active segment, whose last record is at `last_position`.
    fn close(&mut self, last_position: u64) {
        if let Some(active) = self.active.take() {
            self.shared.closed().push_back(Closed {
                path: active.path,
                last_position,
                bytes: active.durable_len,
            });
            *self.shared.active() = None;
            self.shared.active_bytes.store(0, Ordering::Relaxed);
        }
    }

    fn failed(&mut self, error: &io::Error) {
        if let Some(active) = &mut self.active {
            let cut = active
                .file
                .truncate(active.durable_len)
                .and_then(|()| active.file.sync());
            if let Err(error) = cut {
                tracing::debug!(%error, "the failed end of a journal segment could not be cut off");
            }
        }
        // Positions of the failed group may be in the file if it could not be cut.
        self.close(self.next_position - 1);
        if !self.shared.failing.swap(true, Ordering::Relaxed) {
            tracing::error!(
                %error,
                path = %self.shared.config.dir.display(),
                "the journal cannot be written: senders are told to retry until it can",
            );
        }
    }

    fn recovered(&mut self) {
        if self.shared.failing.swap(false, Ordering::Relaxed) {
            tracing::warn!("the journal can be written again");
        }
    }
}

/// As much as the journal may hold waits to be loaded.
pub(super) fn is_behind(shared: &Shared) -> bool {
    shared.closed_bytes() >= MAX_BACKLOG_BYTES
}

/// Bytes that a disk must take to be counted as writable again.
const TRIAL_BYTES: usize = 64 * 1024;

/// Writes, syncs and removes a file in the journal's folder.
pub(super) fn try_disk(dir: &Path) -> io::Result<()> {
    let path = dir.join("trial");
    let tried = File::create(&path).and_then(|mut file| {
        Write::write_all(&mut file, &[0; TRIAL_BYTES])?;
        file.sync_data()
    });
    let removed = fs::remove_file(&path);
    tried.and(removed)
}

/// Writes headers and bodies; returns the number of bytes.
fn write_group(
    active: &mut Active,
    buffer: &mut Vec<u8>,
    encryption: Option<&Encryption>,
    first: u64,
    group: &[Pending],
) -> io::Result<u64> {
    buffer.clear();
    let mut bytes = 0;
    for (position, pending) in (first..).zip(group) {
        let header = RecordHeader {
            position,
            received_ns: pending.received_ns,
            signal: pending.request.signal(),
            encoding: pending.encoding,
        };
        let body = stored_body(encryption, &header, &pending.body)?;
        let header = record_header(active.salt, &header, &body).ok_or_else(too_long)?;
        buffer.extend_from_slice(&header);
        bytes += (header.len() + body.len()) as u64;
        if body.len() < COPY_BELOW {
            buffer.extend_from_slice(&body);
        } else {
            active.file.write_all(buffer)?;
            buffer.clear();
            active.file.write_all(&body)?;
        }
        if buffer.len() >= COPY_BELOW {
            active.file.write_all(buffer)?;
            buffer.clear();
        }
    }
    active.file.write_all(buffer)?;
    Ok(bytes)
}

fn create_file(path: &Path) -> io::Result<Box<dyn SegmentFile>> {
    let file = OpenOptions::new().write(true).create_new(true).open(path)?;
    Ok(Box::new(file))
}

/// Makes the names in a folder durable. Where folders cannot be opened (Windows) the file system does
/// so itself.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(dir)?.sync_all()?;
    }
    Ok(())
}

fn random_salt() -> u32 {
    let random = std::collections::hash_map::RandomState::new()
        .build_hasher()
        .finish();
    (random >> 32) as u32 ^ random as u32
}
