//! Cutting and compressing texts ahead of the transaction that stores them, on a thread of its own.

use std::collections::HashSet;
use std::io;

use proto::Hashing;
use proto::agent::{Payload, Received};

use crate::payloads::{Key, key};
use crate::pieces::{self, Codec};
use crate::received;

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

/// Records that are kept in one part as long as all of them are kept, compressed.
#[derive(Debug, Clone)]
pub struct PackedRecords {
    pub(crate) of: PartKey,
    pub(crate) codec: Codec,
    pub(crate) data: Vec<u8>,
}

/// Tells which records a part is made of: since records are left out and never changed, equal keys mean
/// equal bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PartKey {
    pub(crate) request_id: i64,
    /// Number of the first record behind the head.
    pub(crate) first: i32,
    pub(crate) last: i32,
    pub(crate) record_count: usize,
    /// With the head.
    pub(crate) raw_size: usize,
}

/// Packs texts for [`crate::Batch::packed`]. Does not know what is stored: what it has packed before
/// it only names, since a conversation is resent with every request.
pub struct Packer {
    compressor: zstd::bulk::Compressor<'static>,
    hashing: Hashing,
    recent: HashSet<Key>,
}

impl Packer {
    /// For a store that identifies texts so ([`crate::Store::hashing`]).
    ///
    /// # Errors
    /// When the compressor gets no memory.
    pub fn new(hashing: Hashing) -> io::Result<Self> {
        Ok(Self {
            compressor: pieces::compressor()?,
            hashing,
            recent: HashSet::new(),
        })
    }

    /// Compresses records as they will be stored unless some of them are left out.
    pub fn pack_records(&mut self, received: &[Received]) -> Vec<PackedRecords> {
        let mut packed = Vec::new();
        for group in received {
            received::cut(
                &group.records,
                |record| record.bytes.len(),
                |records| {
                    let bytes = std::iter::once(&group.head).chain(records);
                    let bytes: Vec<&[u8]> = bytes.map(|record| &*record.bytes).collect();
                    let raw = bytes.concat();
                    let (Some(first), Some(last)) = (records.first(), records.last()) else {
                        return;
                    };
                    // What could not be packed here is packed where its failure can be told.
                    if let Ok((codec, data)) = pieces::pack(&mut self.compressor, &raw) {
                        packed.push(PackedRecords {
                            of: PartKey {
                                request_id: group.request_id,
                                first: first.number,
                                last: last.number,
                                record_count: records.len(),
                                raw_size: raw.len(),
                            },
                            codec,
                            data,
                        });
                    }
                },
            );
        }
        packed
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
            let key = key(&self.hashing.hash(raw));
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
