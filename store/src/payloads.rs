//! What is stored already, and the rows for what is not.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::io;

use duckdb::{Connection, Result};

use proto::agent::{Payload, PayloadRef};

use crate::columns::{Columns, each_row};
use crate::packer::PackedPayload;
use crate::pieces::{self, Codec};
use crate::seal::Seal;

/// Addresses kept in memory, of payloads and of pieces each: 25 bytes per entry, 26 MB when full. What
/// falls out is looked up (payloads) or stored once more (pieces). Just under what a table of 2^20
/// slots holds before it doubles.
const REMEMBERED: usize = 900_000;

/// The leading half of a BLAKE3 hash: nobody finds two texts that share it.
pub(crate) type Key = [u8; 16];

pub(crate) fn key(hash: &[u8; 32]) -> Key {
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    half
}

/// What `payload.hash_key` holds for a hash.
fn hash_key(hash: &[u8; 32]) -> i64 {
    let mut front = [0; 8];
    front.copy_from_slice(&hash[..8]);
    i64::from_be_bytes(front)
}

/// The condition that a payload's hash is among these.
pub(crate) fn hash_in<'a>(hashes: impl Iterator<Item = &'a [u8; 32]>) -> String {
    let (mut keys, mut texts) = (Vec::new(), Vec::new());
    for hash in hashes {
        keys.push(hash_key(hash).to_string());
        texts.push(format!("unhex('{}')", hex::encode(hash)));
    }
    let (keys, texts) = (keys.join(","), texts.join(","));
    format!("hash_key in ({keys}) and hash in ({texts})")
}

/// Addresses are hashes, which need no hard hashing of their own.
type Hashing = foldhash::fast::RandomState;

/// Row numbers by address, of the latest entries.
#[derive(Default)]
struct Known {
    ids: HashMap<Key, i64, Hashing>,
    next_id: i64,
}

impl Known {
    fn load(connection: &Connection, table: &str) -> Result<Self> {
        let mut known = Self {
            ids: HashMap::default(),
            next_id: 1,
        };
        let sql = format!(
            "select {table}_id as id, hash from {table} order by id desc limit {REMEMBERED}"
        );
        each_row(connection, &sql, |row| {
            if let (Some(id), Some(hash)) = (row.long("id"), row.bytes("hash"))
                && let Some(half) = hash.first_chunk::<16>()
            {
                known.ids.insert(*half, id);
                known.next_id = known.next_id.max(id + 1);
            }
        })?;
        Ok(known)
    }

    fn adopt(&mut self, fresh: Known) {
        self.ids.extend(fresh.ids);
        self.next_id = fresh.next_id;
        if self.ids.len() > REMEMBERED {
            let oldest = self.next_id - REMEMBERED as i64 / 2;
            self.ids.retain(|_, id| *id >= oldest);
        }
    }

    fn staged(&self) -> Self {
        Self {
            ids: HashMap::default(),
            next_id: self.next_id,
        }
    }

    fn take_id(&mut self, key: Key) -> i64 {
        let id = self.next_id;
        self.next_id += 1;
        self.ids.insert(key, id);
        id
    }
}

/// Addresses of the stored payloads and pieces.
#[derive(Default)]
pub(crate) struct Addresses {
    payloads: Known,
    pieces: Known,
    hashing: proto::Hashing,
}

impl Addresses {
    pub(crate) fn load(connection: &Connection, seal: &Seal) -> Result<Self> {
        Ok(Self {
            hashing: seal.hashing(),
            payloads: Known::load(connection, "payload")?,
            pieces: Known::load(connection, "piece")?,
        })
    }

    /// Row number of a stored payload, as far as memory reaches.
    pub(crate) fn payload_id(&self, address: &PayloadRef) -> Option<i64> {
        self.payloads.ids.get(&key(&address.hash)).copied()
    }

    /// Starts collecting what one transaction adds.
    pub(crate) fn stage<'b>(&self) -> Staged<'_, 'b> {
        Staged {
            known: self,
            payloads: self.payloads.staged(),
            pieces: self.pieces.staged(),
            payload_rows: Vec::new(),
            piece_rows: Vec::new(),
        }
    }

    /// Forgets deleted rows, so that a text that comes again is stored again.
    pub(crate) fn forget(&mut self, payloads: &HashSet<i64>, pieces: &HashSet<i64>) {
        self.payloads.ids.retain(|_, id| !payloads.contains(id));
        self.pieces.ids.retain(|_, id| !pieces.contains(id));
    }

    /// Remembers what a committed transaction added.
    pub(crate) fn adopt(&mut self, added: Added) {
        self.payloads.adopt(added.payloads);
        self.pieces.adopt(added.pieces);
    }
}

/// What one transaction adds, to be remembered once it is committed.
pub(crate) struct Added {
    payloads: Known,
    pieces: Known,
}

struct PayloadRow {
    id: i64,
    address: PayloadRef,
    pieces: Vec<i64>,
}

struct PieceRow<'b> {
    id: i64,
    hash: Key,
    raw_size: usize,
    codec: Codec,
    data: Cow<'b, [u8]>,
}

/// The payloads and pieces of a transaction in progress.
pub(crate) struct Staged<'a, 'b> {
    known: &'a Addresses,
    payloads: Known,
    pieces: Known,
    payload_rows: Vec<PayloadRow>,
    piece_rows: Vec<PieceRow<'b>>,
}

impl<'b> Staged<'_, 'b> {
    /// Adds a text unless it is stored.
    pub(crate) fn add(
        &mut self,
        compressor: &mut zstd::bulk::Compressor<'_>,
        payload: &'b Payload,
    ) -> io::Result<()> {
        if self.id(&payload.address).is_some() {
            return Ok(());
        }
        let mut ids = Vec::new();
        for range in pieces::split(&payload.bytes) {
            let raw = &payload.bytes[range];
            let key = key(&self.known.hashing.hash(raw));
            ids.push(self.add_piece(key, raw, || {
                let (codec, data) = pieces::pack(compressor, raw)?;
                Ok((codec, Cow::Owned(data)))
            })?);
        }
        self.add_row(payload.address, ids);
        Ok(())
    }

    /// As [`Self::add`], of a text that was cut before, and packed as far as it seemed worth it.
    pub(crate) fn add_packed(
        &mut self,
        compressor: &mut zstd::bulk::Compressor<'_>,
        payload: &'b PackedPayload,
    ) -> io::Result<()> {
        if self.id(&payload.payload.address).is_some() {
            return Ok(());
        }
        let mut ids = Vec::with_capacity(payload.pieces.len());
        let mut at = 0;
        for piece in &payload.pieces {
            let raw = &payload.payload.bytes[at..at + piece.raw_size];
            at += piece.raw_size;
            ids.push(self.add_piece(piece.key, raw, || match &piece.packed {
                Some((codec, data)) => Ok((*codec, Cow::Borrowed(&**data))),
                None => {
                    let (codec, data) = pieces::pack(compressor, raw)?;
                    Ok((codec, Cow::Owned(data)))
                }
            })?);
        }
        self.add_row(payload.payload.address, ids);
        Ok(())
    }

    /// The row number of a piece, which is packed unless it is stored.
    fn add_piece(
        &mut self,
        key: Key,
        raw: &[u8],
        pack: impl FnOnce() -> io::Result<(Codec, Cow<'b, [u8]>)>,
    ) -> io::Result<i64> {
        let staged = self.pieces.ids.get(&key);
        if let Some(id) = staged.or_else(|| self.known.pieces.ids.get(&key)) {
            return Ok(*id);
        }
        let (codec, data) = pack()?;
        let id = self.pieces.take_id(key);
        self.piece_rows.push(PieceRow {
            id,
            hash: key,
            raw_size: raw.len(),
            codec,
            data,
        });
        Ok(id)
    }

    fn add_row(&mut self, address: PayloadRef, pieces: Vec<i64>) {
        let id = self.payloads.take_id(key(&address.hash));
        self.payload_rows.push(PayloadRow {
            id,
            address,
            pieces,
        });
    }

    /// Row number of a payload that is stored or staged, as far as memory reaches.
    pub(crate) fn id(&self, address: &PayloadRef) -> Option<i64> {
        let key = key(&address.hash);
        let id = self.payloads.ids.get(&key);
        id.or_else(|| self.known.payloads.ids.get(&key)).copied()
    }

    /// Makes [`Self::id`] know those of `addresses` that are stored but have left memory.
    pub(crate) fn look_up<'a>(
        &mut self,
        connection: &Connection,
        addresses: impl Iterator<Item = &'a PayloadRef>,
    ) -> Result<()> {
        // Below the limit memory holds all there is.
        if self.known.payloads.ids.len() < REMEMBERED / 2 {
            return Ok(());
        }
        let missing: Vec<[u8; 32]> = addresses
            .filter(|address| self.id(address).is_none())
            .map(|address| address.hash)
            .collect();
        for some in missing.chunks(1000) {
            let sql = format!(
                "select payload_id, hash from payload where {}",
                hash_in(some.iter())
            );
            each_row(connection, &sql, |row| {
                if let (Some(id), Some(hash)) = (row.long("payload_id"), row.bytes("hash"))
                    && let Ok(hash) = hash.try_into()
                {
                    self.payloads.ids.insert(key(&hash), id);
                }
            })?;
        }
        Ok(())
    }

    /// Appends the rows within the connection's transaction.
    pub(crate) fn store(self, connection: &Connection, seal: &Seal) -> Result<Added> {
        let mut c = Columns::default();
        let rows = || self.piece_rows.iter();
        c.long("piece_id", rows().map(|p| Some(p.id)));
        c.bytes("hash", rows().map(|p| Some(p.hash)));
        c.long("raw_size", rows().map(|p| Some(p.raw_size as i64)));
        c.byte("codec", rows().map(|p| p.codec as u8));
        c.bytes("data", rows().map(|p| Some(&p.data)));
        c.append_sealed(connection, seal, "piece")?;

        let mut c = Columns::default();
        let rows = || self.payload_rows.iter();
        c.long("payload_id", rows().map(|p| Some(p.id)));
        c.long("hash_key", rows().map(|p| Some(hash_key(&p.address.hash))));
        c.bytes("hash", rows().map(|p| Some(p.address.hash)));
        c.long("size", rows().map(|p| Some(p.address.size_bytes as i64)));
        c.longs("pieces", rows().map(|p| &*p.pieces));
        c.append_to(connection, "payload")?;

        Ok(Added {
            payloads: self.payloads,
            pieces: self.pieces,
        })
    }
}
