//! The format of a segment file, and reading it.
//!
//! A segment is a 32-byte header and records one after the other; all numbers are little-endian.
//!
//! | segment header | record header |
//! |---|---|
//! | 0..8 `SPANJRNL` | 0..4 mark |
//! | 8..12 format version | 4..8 length of the body |
//! | 12..16 salt of the checksums | 8..16 position |
//! | 16..24 first position | 16..24 arrival, Unix nanoseconds |
//! | 24..28 mark of the key, zero without one | 24 signal, 25 encoding, 26..28 zero |
//! | 28..32 CRC-32C of 0..28 | 28..32 CRC-32C of the salt, 0..28 and the body |
//!
//! The salt is random per file, so that a body that holds a copy of journal bytes can never be taken
//! for a record when a damaged file is searched for the next one. With a key each body is sealed, bound to
//! bytes 4..28 of its header; the checksum is that of the sealed body, so that damage is found without the key.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use proto::{Encoding, Signal};
use store::Sealer;

use super::{Encryption, Record};

const FILE_MAGIC: &[u8; 8] = b"SPANJRNL";
const VERSION: u32 = 1;
/// Bytes before the first record, and before each body.
pub(super) const HEADER_BYTES: usize = 32;
const MARK: [u8; 4] = [0xd5, b'S', b'R', 0x1a];
/// Offset of the mark of the key in the header of a file.
const KEY_AT: usize = 24;
/// Offset of the checksum in both headers; everything before it is covered.
const CHECKSUM_AT: usize = 28;
/// What of a record's header its sealed body is bound to.
const SEALED_WITH: std::ops::Range<usize> = 4..CHECKSUM_AT;
/// How much is searched at a time for the next record behind a damaged one.
const SEARCH_BYTES: usize = 1 << 20;

/// The first bytes of a segment.
pub(super) fn file_header(
    salt: u32,
    first_position: u64,
    encryption: Option<&Encryption>,
) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(FILE_MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[12..16].copy_from_slice(&salt.to_le_bytes());
    header[16..24].copy_from_slice(&first_position.to_le_bytes());
    let key = encryption.map_or(0, |encryption| encryption.mark);
    header[KEY_AT..CHECKSUM_AT].copy_from_slice(&key.to_le_bytes());
    let checksum = crc32c::crc32c(&header[..CHECKSUM_AT]);
    header[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
    header
}

/// What a record header says beside the body.
pub(super) struct RecordHeader {
    pub(super) position: u64,
    pub(super) received_ns: i64,
    pub(super) signal: Signal,
    pub(super) encoding: Encoding,
}

/// The body as it is on disk: sealed, where there is a key.
pub(super) fn stored_body<'a>(
    encryption: Option<&Encryption>,
    record: &RecordHeader,
    body: &'a [u8],
) -> io::Result<Cow<'a, [u8]>> {
    let Some(encryption) = encryption else {
        return Ok(Cow::Borrowed(body));
    };
    let header = unsummed_header(record, body.len() + Sealer::OVERHEAD).ok_or_else(too_long)?;
    let sealed = encryption.sealer.seal(&header[SEALED_WITH], body)?;
    Ok(Cow::Owned(sealed))
}

pub(super) fn too_long() -> io::Error {
    io::Error::other("a body of 4 GiB or more cannot be kept")
}

/// The header of a record, without its checksum.
fn unsummed_header(record: &RecordHeader, body_len: usize) -> Option<[u8; HEADER_BYTES]> {
    let mut header = [0; HEADER_BYTES];
    header[..4].copy_from_slice(&MARK);
    header[4..8].copy_from_slice(&u32::try_from(body_len).ok()?.to_le_bytes());
    header[8..16].copy_from_slice(&record.position.to_le_bytes());
    header[16..24].copy_from_slice(&record.received_ns.to_le_bytes());
    header[24] = record.signal.code();
    header[25] = record.encoding.code();
    Some(header)
}

/// The bytes before `body`. `None` when the body is too long for the format (4 GiB).
pub(super) fn record_header(
    salt: u32,
    record: &RecordHeader,
    body: &[u8],
) -> Option<[u8; HEADER_BYTES]> {
    let mut header = unsummed_header(record, body.len())?;
    let checksum = checksum(salt, &header, body);
    header[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
    Some(header)
}

fn checksum(salt: u32, header: &[u8; HEADER_BYTES], body: &[u8]) -> u32 {
    let salted = crc32c::crc32c(&salt.to_le_bytes());
    let covered = crc32c::crc32c_append(salted, &header[..CHECKSUM_AT]);
    crc32c::crc32c_append(covered, body)
}

/// A stretch of a file that holds no intact record: bytes `from..to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Damage {
    pub(super) from: u64,
    pub(super) to: u64,
}

/// What stands next in a segment.
#[derive(Debug)]
pub(super) enum Next {
    Record(Record),
    Damaged(Damage),
    End,
}

/// Reads a segment from front to back.
#[derive(Debug)]
pub(super) struct SegmentReader {
    file: BufReader<File>,
    path: PathBuf,
    /// Opens the bodies; `None` for a file that is not encrypted.
    sealer: Option<Sealer>,
    salt: u32,
    first_position: u64,
    last_position: u64,
    len: u64,
    /// Where the next record is expected.
    at: u64,
    /// Where the file's cursor is.
    cursor: u64,
}

impl SegmentReader {
    /// Opens a segment; `None` when it has no intact header, which a crash right after its creation
    /// leaves and which no record can follow. A file that is encrypted with another key than that given is an
    /// error.
    pub(super) fn open(path: &Path, encryption: Option<&Encryption>) -> io::Result<Option<Self>> {
        let mut file = File::open(path)?;
        let len = file.metadata()?.len();
        let mut header = [0; HEADER_BYTES];
        if len < HEADER_BYTES as u64 {
            return Ok(None);
        }
        file.read_exact(&mut header)?;
        let intact = header[..8] == *FILE_MAGIC
            && u32_at(&header, 8) == VERSION
            && u32_at(&header, CHECKSUM_AT) == crc32c::crc32c(&header[..CHECKSUM_AT]);
        let first_position = u64_at(&header, 16);
        if !intact || first_position == 0 {
            return Ok(None);
        }
        let sealer = match (u32_at(&header, KEY_AT), encryption) {
            (0, _) => None,
            (mark, Some(encryption)) if encryption.mark == mark => Some(encryption.sealer.clone()),
            _ => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "it is encrypted, and the key is another or none was given",
                ));
            }
        };
        Ok(Some(Self {
            sealer,
            file: BufReader::with_capacity(256 * 1024, file),
            path: path.to_owned(),
            salt: u32_at(&header, 12),
            first_position,
            last_position: first_position - 1,
            len,
            at: HEADER_BYTES as u64,
            cursor: HEADER_BYTES as u64,
        }))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The file that was read.
    pub(super) fn into_path(self) -> PathBuf {
        self.path
    }

    /// Looks whether the file is longer than it was; then there is more to read.
    pub(super) fn has_grown(&mut self) -> io::Result<bool> {
        let len = self.file.get_ref().metadata()?.len();
        let has_grown = len > self.len;
        self.len = self.len.max(len);
        Ok(has_grown)
    }

    /// The position from which the segment's records count; at least 1.
    pub(super) fn first_position(&self) -> u64 {
        self.first_position
    }

    /// Length of the file.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// The next record, or the damaged stretch before it.
    pub(super) fn next(&mut self) -> io::Result<Next> {
        if self.at >= self.len {
            return Ok(Next::End);
        }
        let from = self.at;
        if let Some(record) = self.record_at(from)? {
            return Ok(Next::Record(record));
        }
        // It may have been half written when the length was taken, and be whole by now.
        if self.has_grown()?
            && let Some(record) = self.record_at(from)?
        {
            return Ok(Next::Record(record));
        }
        let to = self.find_record(from + 1)?.unwrap_or(self.len);
        self.at = to;
        Ok(Next::Damaged(Damage { from, to }))
    }

    /// The record at `offset`, if an intact one is there; the reader then stands behind it.
    fn record_at(&mut self, offset: u64) -> io::Result<Option<Record>> {
        let room = self.len.saturating_sub(offset);
        if room < HEADER_BYTES as u64 {
            return Ok(None);
        }
        let mut header = [0; HEADER_BYTES];
        self.read_at(offset, &mut header)?;
        let body_len = u32_at(&header, 4);
        let position = u64_at(&header, 8);
        let (Some(signal), Some(encoding)) = (
            Signal::from_code(header[24]),
            Encoding::from_code(header[25]),
        ) else {
            return Ok(None);
        };
        if header[..4] != MARK
            || u64::from(body_len) > room - HEADER_BYTES as u64
            || position <= self.last_position
        {
            return Ok(None);
        }
        let mut body = vec![0; body_len as usize];
        self.read_at(offset + HEADER_BYTES as u64, &mut body)?;
        if u32_at(&header, CHECKSUM_AT) != checksum(self.salt, &header, &body) {
            return Ok(None);
        }
        if let Some(sealer) = &self.sealer {
            match sealer.open(&header[SEALED_WITH], &body) {
                Some(opened) => body = opened,
                None => return Ok(None),
            }
        }
        self.at = self.cursor;
        self.last_position = position;
        Ok(Some(Record {
            position,
            received_ns: u64_at(&header, 16).cast_signed(),
            signal,
            encoding,
            body,
        }))
    }

    /// Where the next record is expected.
    pub(super) fn offset(&self) -> u64 {
        self.at
    }

    /// Whether the file ends within the record that begins at `from`.
    pub(super) fn is_cut_short(&mut self, from: u64) -> io::Result<bool> {
        let room = self.len.saturating_sub(from);
        if room < HEADER_BYTES as u64 {
            return Ok(true);
        }
        let mut header = [0; HEADER_BYTES];
        self.read_at(from, &mut header)?;
        let body_len = u64::from(u32_at(&header, 4));
        Ok(header[..4] == MARK && body_len > room - HEADER_BYTES as u64)
    }

    /// Offset of the first intact record at or behind `from`.
    fn find_record(&mut self, mut from: u64) -> io::Result<Option<u64>> {
        let mut window = vec![0; SEARCH_BYTES];
        while from + (HEADER_BYTES as u64) <= self.len {
            let wanted = (self.len - from).min(SEARCH_BYTES as u64);
            let window = &mut window[..usize::try_from(wanted).unwrap_or(SEARCH_BYTES)];
            self.read_at(from, window)?;
            for (index, _) in window
                .windows(MARK.len())
                .enumerate()
                .filter(|(_, bytes)| **bytes == MARK)
            {
                let (at, last_position) = (self.at, self.last_position);
                let offset = from + index as u64;
                if self.record_at(offset)?.is_some() {
                    (self.at, self.last_position) = (at, last_position);
                    return Ok(Some(offset));
                }
            }
            // The next window starts before the end of this one, where a mark may be cut.
            from += (window.len() - MARK.len() + 1) as u64;
        }
        Ok(None)
    }

    fn read_at(&mut self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if self.cursor != offset {
            self.file.seek(SeekFrom::Start(offset))?;
        }
        self.cursor = offset;
        self.file.read_exact(out)?;
        self.cursor += out.len() as u64;
        Ok(())
    }
}

fn u32_at(bytes: &[u8; HEADER_BYTES], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}

fn u64_at(bytes: &[u8; HEADER_BYTES], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const SALT: u32 = 7;

    fn record(position: u64) -> Vec<u8> {
        let header = RecordHeader {
            position,
            received_ns: 1,
            signal: Signal::Traces,
            encoding: Encoding::Protobuf,
        };
        let body = vec![position as u8; 100_000];
        let header = record_header(SALT, &header, &body).unwrap();
        [&header[..], &body].concat()
    }

    #[test]
    fn a_record_that_was_half_written_is_read_once_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0000000001.wal");
        let mut file = File::create_new(&path).unwrap();
        let second = record(2);
        let (begin, rest) = second.split_at(60_000);
        for bytes in [&file_header(SALT, 1, None)[..], &record(1), begin] {
            file.write_all(bytes).unwrap();
        }
        let mut reader = SegmentReader::open(&path, None).unwrap().unwrap();
        let mut next = || match reader.next().unwrap() {
            Next::Record(record) => Some(record.position),
            Next::End => None,
            Next::Damaged(damage) => panic!("{damage:?}"),
        };
        assert_eq!(next(), Some(1));
        for bytes in [rest, &record(3)] {
            file.write_all(bytes).unwrap();
        }
        assert_eq!([next(), next(), next()], [Some(2), Some(3), None]);
    }
}
