//! Cutting and compressing texts ahead of the transaction that stores them, on a thread of its own.

use std::collections::HashSet;
use std::io;

use proto::agent::Payload;

use crate::payloads::{Key, key};
use crate::pieces::{self, Codec};

/// Pieces that a packer remembers having packed, 17 bytes each; then it starts anew.
const REMEMBERED: usize = 200_000;

/// A text, and the pieces that it is cut into.
#[derive(Debug, Clone)]
pub struct PackedPayload {
    pub(crate) payload: Payload,
    /// In order; together they are the text.
    pub(crate) pieces: Vec<PackedPiece>,
}

#[derive(Debug, Clone)]
pub(crate) struct PackedPiece {
    pub(crate) key: Key,
    pub(crate) raw_size: usize,
    /// `None` where the piece is most likely stored by now; the writer packs it if it is not.
    pub(crate) packed: Option<(Codec, Vec<u8>)>,
}

impl PackedPayload {
    /// Length of the text in bytes.
    pub fn size_bytes(&self) -> usize {
        self.payload.bytes.len()
    }
}

/// Packs texts for [`crate::Batch::packed`]. Does not know what is stored: what it has packed before
/// it only names, since a conversation is resent with every request.
pub struct Packer {
    compressor: zstd::bulk::Compressor<'static>,
    recent: HashSet<Key>,
}

impl Packer {
    /// # Errors
    /// When the compressor gets no memory.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            compressor: pieces::compressor()?,
            recent: HashSet::new(),
        })
    }

    /// Cuts a text into pieces and packs those that are new to this packer.
    pub fn pack(&mut self, payload: Payload) -> PackedPayload {
        if self.recent.len() > REMEMBERED {
            self.recent.clear();
        }
        let ranges = pieces::split(&payload.bytes);
        let mut packed = Vec::with_capacity(ranges.len());
        for range in ranges {
            let raw = &payload.bytes[range];
            let key = key(blake3::hash(raw).as_bytes());
            packed.push(PackedPiece {
                key,
                raw_size: raw.len(),
                // A piece that could not be packed here fails where that can be told.
                packed: if self.recent.insert(key) {
                    pieces::pack(&mut self.compressor, raw).ok()
                } else {
                    None
                },
            });
        }
        PackedPayload {
            payload,
            pieces: packed,
        }
    }
}
