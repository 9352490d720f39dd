//! Reading what is not loaded yet, also while the journal is written.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::segment::{Damage, Next, SegmentReader};
use super::{Record, Shared};
use crate::error::Error;

/// Reader of what is not loaded yet; see [`Journal::replay`](super::Journal::replay).
#[derive(Debug)]
pub struct Replay {
    shared: Arc<Shared>,
    after: u64,
    /// The last segment that was read to its end.
    done: Option<PathBuf>,
    reader: Option<SegmentReader>,
    damaged_bytes: u64,
}

impl Replay {
    pub(super) fn new(shared: Arc<Shared>, after: u64) -> Self {
        Self {
            shared,
            after,
            done: None,
            reader: None,
            damaged_bytes: 0,
        }
    }

    /// Bytes that could not be read as records so far.
    pub fn damaged_bytes(&self) -> u64 {
        self.damaged_bytes
    }

    /// The next record up to `position`, which is on disk; nothing behind it is looked at, since that
    /// may be half written. `None` when there is no more up to there.
    ///
    /// # Errors
    ///
    /// [`Error::ReadJournal`] when a segment cannot be read. It may be tried again.
    pub fn next_through(&mut self, position: u64) -> Option<Result<Record, Error>> {
        self.read(position)
            .map_err(|(path, source)| Error::ReadJournal { path, source })
            .transpose()
    }

    fn read(&mut self, through: u64) -> Result<Option<Record>, (PathBuf, std::io::Error)> {
        while self.after < through {
            let Some(reader) = &mut self.reader else {
                let Some(path) = self.next_segment() else {
                    return Ok(None);
                };
                let encryption = self.shared.config.encryption.as_ref();
                self.reader = match SegmentReader::open(&path, encryption) {
                    Ok(reader) => reader,
                    Err(error) => return Err((path, error)),
                };
                if self.reader.is_none() {
                    let bytes = fs::metadata(&path).map_or(0, |metadata| metadata.len());
                    report(&path, Damage { from: 0, to: bytes });
                    self.damaged_bytes += bytes;
                    self.done = Some(path);
                }
                continue;
            };
            match reader.next() {
                Ok(Next::Record(record)) if record.position <= self.after => {}
                Ok(Next::Record(record)) => {
                    self.after = record.position;
                    return Ok(Some(record));
                }
                Ok(Next::Damaged(damage)) => {
                    report(reader.path(), damage);
                    self.damaged_bytes += damage.to - damage.from;
                }
                Ok(Next::End) => {
                    // Looked at before its length: once it is closed it grows no more.
                    let is_active = self.shared.active().as_deref() == Some(reader.path());
                    match reader.has_grown() {
                        Ok(true) => {}
                        Ok(false) if is_active => return Ok(None),
                        Ok(false) => self.done = self.reader.take().map(SegmentReader::into_path),
                        Err(error) => {
                            let path = reader.path().to_owned();
                            self.reader = None;
                            return Err((path, error));
                        }
                    }
                }
                Err(error) => {
                    let path = reader.path().to_owned();
                    self.reader = None;
                    return Err((path, error));
                }
            }
        }
        Ok(None)
    }

    /// The segment behind those that are done which holds what is wanted.
    fn next_segment(&self) -> Option<PathBuf> {
        // Names rise with the number of the segment.
        let is_behind = |path: &Path| self.done.as_deref().is_none_or(|done| path > done);
        // The active one is looked at first: it may be closed meanwhile, not the other way round.
        let active = self.shared.active().clone();
        let closed = self.shared.closed();
        let mut wanted = closed
            .iter()
            .filter(|segment| segment.last_position > self.after && is_behind(&segment.path));
        let closed = wanted.next().map(|segment| segment.path.clone());
        closed.or_else(|| active.filter(|path| is_behind(path)))
    }
}

impl Iterator for Replay {
    type Item = Result<Record, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_through(u64::MAX)
    }
}

fn report(path: &Path, damage: Damage) {
    tracing::error!(
        path = %path.display(),
        from = damage.from,
        to = damage.to,
        "journal segment is damaged: these bytes are no intact record and are skipped",
    );
}
