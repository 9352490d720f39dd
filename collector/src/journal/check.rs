//! Reading a journal again, to see whether every record is as it was written.

use std::io;
use std::path::{Path, PathBuf};

use super::segment::{Damage, Next, SegmentReader};
use super::{Encryption, Journal, list};
use crate::error::Error;

/// What reading every record again has found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Check {
    pub segment_count: u64,
    /// Intact records.
    pub record_count: u64,
    pub bytes: u64,
    pub stretches: Vec<Stretch>,
}

/// Bytes of a segment that are no intact record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// The segment's file.
    pub path: PathBuf,
    /// The first of these bytes.
    pub from: u64,
    /// The byte behind the last of them.
    pub to: u64,
    /// Position of the intact record before them; 0 when there is none.
    pub after: u64,
    pub kind: StretchKind,
}

/// How bytes came to be no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StretchKind {
    /// The file ends within a record, as a crash leaves it: it was never acknowledged.
    CutShort,
    /// The database has what was here.
    Loaded,
    /// Acknowledged records may have been here that the database does not have.
    Damaged,
}

/// Reads the journal in a folder that nobody has open; the database has everything up to
/// `loaded_position`. No folder is an empty journal.
///
/// # Errors
/// [`Error::OpenJournal`] when the folder or a file cannot be read at all.
pub fn check(
    dir: &Path,
    encryption: Option<&Encryption>,
    loaded_position: u64,
) -> Result<Check, Error> {
    let failed = |source| Error::OpenJournal {
        path: dir.to_owned(),
        source,
    };
    let segments = match list(dir) {
        Ok(segments) => segments,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Check::default()),
        Err(error) => return Err(failed(error)),
    };
    let paths = segments.into_iter().map(|(_, path)| path).collect();
    read(paths, encryption, u64::MAX, loaded_position).map_err(failed)
}

impl Journal {
    /// As [`check`], while it is written to: what is on disk at this moment.
    ///
    /// # Errors
    /// [`Error::OpenJournal`] when a file cannot be read at all.
    pub fn check(&self, loaded_position: u64) -> Result<Check, Error> {
        let through = self.stats().last_position;
        let config = &self.shared.config;
        let encryption = config.encryption.as_ref();
        read(self.paths(), encryption, through, loaded_position).map_err(|source| {
            Error::OpenJournal {
                path: config.dir.clone(),
                source,
            }
        })
    }
}

/// Reads segments up to the record at `through`; what lies behind may be half written.
fn read(
    paths: Vec<PathBuf>,
    encryption: Option<&Encryption>,
    through: u64,
    loaded_position: u64,
) -> io::Result<Check> {
    let mut check = Check::default();
    for path in paths {
        let opened = match SegmentReader::open(&path, encryption) {
            // It was loaded whole, meanwhile, and deleted.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            opened => opened?,
        };
        check.segment_count += 1;
        let Some(mut reader) = opened else {
            let to = std::fs::metadata(&path)?.len();
            check.bytes += to;
            check.stretches.push(Stretch {
                kind: match to < super::segment::HEADER_BYTES as u64 {
                    true => StretchKind::CutShort,
                    false => StretchKind::Damaged,
                },
                path,
                from: 0,
                to,
                after: 0,
            });
            continue;
        };
        check.bytes += reader.len();
        let first = check.stretches.len();
        // The segment before ends where this one begins.
        settle(
            &mut check.stretches,
            reader.first_position(),
            loaded_position,
        );
        let mut after = reader.first_position() - 1;
        while after < through {
            match reader.next()? {
                Next::Record(record) => {
                    settle(
                        &mut check.stretches[first..],
                        record.position,
                        loaded_position,
                    );
                    after = record.position;
                    check.record_count += 1;
                }
                Next::Damaged(Damage { from, to }) => check.stretches.push(Stretch {
                    path: path.clone(),
                    from,
                    to,
                    after,
                    kind: match to == reader.len() && reader.is_cut_short(from)? {
                        true => StretchKind::CutShort,
                        false => StretchKind::Damaged,
                    },
                }),
                Next::End => break,
            }
        }
    }
    Ok(check)
}

/// Judges the stretches that end before the record at `position`.
fn settle(stretches: &mut [Stretch], position: u64, loaded_position: u64) {
    if position > loaded_position + 1 {
        return;
    }
    for stretch in stretches {
        if stretch.kind == StretchKind::Damaged && stretch.after < position {
            stretch.kind = StretchKind::Loaded;
        }
    }
}
