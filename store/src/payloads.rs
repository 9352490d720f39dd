//! What is stored already, and the rows for what is not.

use std::collections::{HashMap, HashSet};
use std::io;

use duckdb::{Connection, Result};
use proto::agent::{Payload, PayloadRef};

use crate::columns::{Columns, each_row};
use crate::pieces::{self, Codec};

/// Addresses kept in memory, of payloads and of pieces each: about 40 bytes per entry. What falls
/// out is looked up (payloads) or stored once more (pieces).
const REMEMBERED: usize = 4_000_000;

/// The leading half of a BLAKE3 hash: nobody finds two texts that share it.
type Key = u128;

fn key(hash: &[u8; 32]) -> Key {
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    Key::from_be_bytes(half)
}

/// What `payload.hash_key` holds for a hash.
fn hash_key(hash: &[u8; 32]) -> i64 {
    (key(hash) >> 64) as i64
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

/// Row numbers by address, of the latest entries.
#[derive(Default)]
struct Known {
    ids: HashMap<Key, i64>,
    next_id: i64,
}

impl Known {
    fn load(connection: &Connection, table: &str) -> Result<Self> {
        let mut known = Self {
            ids: HashMap::new(),
            next_id: 1,
        };
        let sql = format!(
            "select {table}_id as id, hash from {table} order by id desc limit {REMEMBERED}"
        );
        each_row(connection, &sql, |row| {
            if let (Some(id), Some(hash)) = (row.long("id"), row.bytes("hash"))
                && let Some(half) = hash.first_chunk::<16>()
            {
                known.ids.insert(Key::from_be_bytes(*half), id);
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
            ids: HashMap::new(),
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
}

impl Addresses {
    pub(crate) fn load(connection: &Connection) -> Result<Self> {
        Ok(Self {
            payloads: Known::load(connection, "payload")?,
            pieces: Known::load(connection, "piece")?,
        })
    }

    /// Starts collecting what one transaction adds.
    pub(crate) fn stage(&self) -> Staged<'_> {
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

struct PieceRow {
    id: i64,
    hash: [u8; 16],
    raw_size: usize,
    codec: Codec,
    data: Vec<u8>,
}

/// The payloads and pieces of a transaction in progress.
pub(crate) struct Staged<'a> {
    known: &'a Addresses,
    payloads: Known,
    pieces: Known,
    payload_rows: Vec<PayloadRow>,
    piece_rows: Vec<PieceRow>,
}

impl Staged<'_> {
    /// Adds a text unless it is stored.
    pub(crate) fn add(
        &mut self,
        compressor: &mut zstd::bulk::Compressor<'_>,
        payload: &Payload,
    ) -> io::Result<()> {
        if self.id(&payload.address).is_some() {
            return Ok(());
        }
        let mut pieces = Vec::new();
        for range in pieces::split(&payload.bytes) {
            let raw = &payload.bytes[range];
            let hash = *blake3::hash(raw).as_bytes();
            let key = key(&hash);
            let stored = self
                .pieces
                .ids
                .get(&key)
                .or_else(|| self.known.pieces.ids.get(&key));
            let id = match stored {
                Some(id) => *id,
                None => {
                    let (codec, data) = pieces::pack(compressor, raw)?;
                    let id = self.pieces.take_id(key);
                    self.piece_rows.push(PieceRow {
                        id,
                        hash: key.to_be_bytes(),
                        raw_size: raw.len(),
                        codec,
                        data,
                    });
                    id
                }
            };
            pieces.push(id);
        }
        let id = self.payloads.take_id(key(&payload.address.hash));
        self.payload_rows.push(PayloadRow {
            id,
            address: payload.address,
            pieces,
        });
        Ok(())
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
    pub(crate) fn store(self, connection: &Connection) -> Result<Added> {
        let mut c = Columns::default();
        let rows = || self.piece_rows.iter();
        c.long("piece_id", rows().map(|p| Some(p.id)));
        c.bytes("hash", rows().map(|p| Some(p.hash)));
        c.long("raw_size", rows().map(|p| Some(p.raw_size as i64)));
        c.byte("codec", rows().map(|p| p.codec as u8));
        c.bytes("data", rows().map(|p| Some(&p.data)));
        c.append_to(connection, "piece")?;

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
