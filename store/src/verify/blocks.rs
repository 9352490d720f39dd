//! The database file below the engine: headers and blocks with their checksums, as they are on disk.
//!
//! The engine checks a block when it reads it, and never again while it is in memory. Here every block
//! is read, also those that no query has come by. The file is three headers of 4 KiB and then blocks of
//! one size, each with a checksum in its first 8 bytes (DuckDB, src/storage/single_file_block_manager.cpp).

use std::fs::File;
use std::io;
use std::time::Duration;

/// Bytes of each of the headers.
const HEADER_BYTES: usize = 4096;
/// The main header, and the two that take turns at each checkpoint.
const HEADERS: usize = 3;
const BLOCKS_AT: u64 = (HEADERS * HEADER_BYTES) as u64;
const DEFAULT_BLOCK_BYTES: u64 = 256 << 10;
const MAGIC_AT: usize = 8;
const MAGIC: &[u8; 4] = b"DUCK";
/// Where one of the latter two headers says how many blocks count, and how long one is.
const BLOCK_COUNT_AT: usize = 32;
const BLOCK_BYTES_AT: usize = 40;
/// A block that is being written looks damaged for a moment.
const LOOKS: u32 = 4;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// What a walk over the file has found.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) block_count: u64,
    pub(super) block_bytes: u64,
    /// Offsets of headers whose checksum is wrong.
    pub(super) bad_headers: Vec<u64>,
    /// Numbers of blocks whose checksum is wrong, or that the file is too short for.
    pub(super) bad_blocks: Vec<i64>,
}

impl Walk {
    /// Where a block begins in the file.
    pub(super) fn offset(&self, block: i64) -> u64 {
        BLOCKS_AT + block as u64 * self.block_bytes
    }
}

/// Bytes of a file from an offset, without moving a cursor that others share.
pub(crate) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset);
    #[cfg(not(unix))]
    {
        use std::io::{Read as _, Seek as _};
        let mut file = file;
        file.seek(io::SeekFrom::Start(offset))?;
        file.read_exact(bytes)
    }
}

/// The headers as they are; two that are equal say that there was no checkpoint in between.
pub(crate) fn headers(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; HEADERS * HEADER_BYTES];
    read_at(file, &mut bytes, 0)?;
    Ok(bytes)
}

/// Reads the whole file.
pub(super) fn walk(file: &File) -> io::Result<Walk> {
    let mut walk = Walk {
        block_bytes: DEFAULT_BLOCK_BYTES,
        ..Walk::default()
    };
    let len = file.metadata()?.len();
    if len < BLOCKS_AT {
        walk.bad_headers.push(0);
        return Ok(walk);
    }
    let headers = headers(file)?;
    let mut latest = 0;
    for (number, header) in headers.chunks(HEADER_BYTES).enumerate() {
        let has_magic = number > 0 || header[MAGIC_AT..].starts_with(MAGIC);
        if !has_magic || !is_intact(header) {
            walk.bad_headers.push((number * HEADER_BYTES) as u64);
        } else if number > 0 && word(header, 8) >= latest {
            latest = word(header, 8);
            walk.block_count = word(header, BLOCK_COUNT_AT);
            walk.block_bytes = word(header, BLOCK_BYTES_AT);
        }
    }
    if !walk.block_bytes.is_power_of_two() || !(4096..=1 << 20).contains(&walk.block_bytes) {
        walk.block_bytes = DEFAULT_BLOCK_BYTES;
    }
    let in_file = (len - BLOCKS_AT) / walk.block_bytes;
    if latest == 0 {
        walk.block_count = in_file;
    }
    let mut block = vec![0; walk.block_bytes as usize];
    for number in 0..walk.block_count as i64 {
        if number as u64 >= in_file || !is_good(file, &mut block, walk.offset(number))? {
            walk.bad_blocks.push(number);
        }
    }
    Ok(walk)
}

fn is_good(file: &File, block: &mut [u8], offset: u64) -> io::Result<bool> {
    for look in 0..LOOKS {
        if look > 0 {
            std::thread::sleep(BETWEEN_LOOKS);
        }
        match read_at(file, block, offset) {
            Ok(()) if is_intact(block) => return Ok(true),
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            // What the disk cannot give back is damaged as well.
            Err(error) if look + 1 == LOOKS => {
                tracing::warn!(%error, offset, "a block of the database cannot be read");
            }
            Err(_) => {}
        }
    }
    Ok(false)
}

fn word(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

/// Whether the checksum in the first 8 bytes is that of the others.
fn is_intact(bytes: &[u8]) -> bool {
    let (words, _) = bytes[8..].as_chunks::<8>();
    let sum = words.iter().fold(5381, |sum: u64, word| {
        sum ^ u64::from_le_bytes(*word).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    });
    sum == word(bytes, 0)
}
