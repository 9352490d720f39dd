//! Hashing every piece and every payload again.

use std::collections::{HashMap, HashSet};

use duckdb::Connection;
use proto::Hashing;

use super::{Damage, DamageKind, Source, Verification, owners};
use crate::Error;
use crate::columns::each_row;
use crate::payload::{self, Pieces};
use crate::payloads::key;

/// Pieces that are read together; 16 MiB at most.
const PIECES_AT_ONCE: usize = 256;
/// Payloads that are gone through as of one moment.
const PAYLOADS_AT_ONCE: i64 = 128;
/// Pieces that are kept for the payloads behind, which mostly share them; 64 MiB at most.
const PIECES_KEPT: usize = 1024;

/// Numbers of pieces that cannot be used, each with why not.
pub(super) type BadPieces = HashMap<i64, &'static str>;

const UNREADABLE: &str = "cannot be read from the database";
const DAMAGED: &str = "cannot be unpacked";
const UNSEALED: &str = "does not open: it was changed on disk, or stands in the place of another";
const OTHER: &str = "has other bytes than its hash says";

/// Hashes every piece. Those in damaged blocks are not listed one by one: the blocks are, and the payloads.
pub(super) fn pieces(source: &Source<'_>, found: &mut Verification) -> Result<BadPieces, Error> {
    let mut bad = BadPieces::new();
    let last = last(source, "piece")?;
    let mut first = 1;
    while first <= last {
        let end = first + PIECES_AT_ONCE as i64;
        hash_pieces(source, first, end, &mut bad, found)?;
        first = end;
    }
    let mut numbers: Vec<i64> = bad.keys().copied().collect();
    numbers.sort_unstable();
    let mut unreadable = numbers.iter().filter(|id| bad.get(id) == Some(&UNREADABLE));
    if let Some(first) = unreadable.next() {
        let count = 1 + unreadable.clone().count();
        let last = unreadable.next_back().unwrap_or(first);
        let message = format!(
            "{count} pieces of texts, among numbers {first} to {last}, lie in damaged blocks, or so close that \
             the engine cannot read them either"
        );
        found.add(Damage::new(DamageKind::Piece, message));
    }
    for number in numbers {
        let why = bad.get(&number).copied().unwrap_or_default();
        if why != UNREADABLE {
            let message = format!("piece {number} of texts {why}");
            found.add(Damage::new(DamageKind::Piece, message));
        }
    }
    Ok(bad)
}

/// The highest number of a table's rows.
fn last(source: &Source<'_>, table: &str) -> Result<i64, Error> {
    let sql = format!("select coalesce(max({table}_id), 0) from {table}");
    source.read(|connection| connection.query_row(&sql, [], |row| row.get(0)))
}

fn hash_pieces(
    source: &Source<'_>,
    first: i64,
    end: i64,
    bad: &mut BadPieces,
    found: &mut Verification,
) -> Result<(), Error> {
    let hashing = source.seal().hashing();
    let absent = match source.seal().is_on() {
        true => UNSEALED,
        false => DAMAGED,
    };
    let read = source.read(|connection| {
        let mut hashes = Vec::new();
        let sql = format!(
            "select piece_id, hash from piece where piece_id >= {first} and piece_id < {end}"
        );
        each_row(connection, &sql, |row| {
            if let (Some(id), Some(hash)) = (row.long("piece_id"), row.bytes("hash")) {
                hashes.push((id, hash.to_vec()));
            }
        })?;
        let ids: Vec<i64> = hashes.iter().map(|(id, _)| *id).collect();
        let raw = payload::pieces(connection, &ids)?;
        let wrong: Vec<(i64, &'static str)> = hashes
            .iter()
            .filter_map(|(id, hash)| match raw.get(id) {
                None => Some((*id, absent)),
                Some(bytes) if key(&hashing.hash(bytes)) != **hash => Some((*id, OTHER)),
                Some(_) => None,
            })
            .collect();
        Ok((hashes.len() as u64, wrong))
    });
    match read {
        Ok((count, wrong)) => {
            found.piece_count += count;
            bad.extend(wrong);
            Ok(())
        }
        // A damaged block fails every query that comes by it: what it hides is found by halves.
        Err(error) if error.is_damaged_block() && end - first > 1 => {
            let middle = first + (end - first) / 2;
            hash_pieces(source, first, middle, bad, found)?;
            hash_pieces(source, middle, end, bad, found)
        }
        Err(error) if error.is_damaged_block() => {
            bad.insert(first, UNREADABLE);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

struct Row {
    id: i64,
    hash: Vec<u8>,
    size: u64,
    pieces: Vec<i64>,
}

/// Puts every payload together and hashes it.
pub(super) fn payloads(
    source: &Source<'_>,
    bad: &BadPieces,
    found: &mut Verification,
) -> Result<(), Error> {
    let last = last(source, "payload")?;
    let mut kept = Pieces::new();
    let mut wrong = Vec::new();
    let mut first = 1;
    while first <= last {
        let end = first + PAYLOADS_AT_ONCE;
        let hashing = source.seal().hashing();
        let read = source.read(|connection| {
            let rows = rows(connection, first, end)?;
            let (mut hashed, mut wrong) = (0, Vec::new());
            for row in &rows {
                match hash(connection, hashing, row, bad, &mut kept)? {
                    Ok(()) => hashed += row.size,
                    Err(why) => wrong.push((row.id, hex::encode(&row.hash), why)),
                }
            }
            Ok((rows.len() as u64, hashed, wrong))
        });
        match read {
            Ok((count, bytes, some)) => {
                found.payload_count += count;
                found.payload_bytes += bytes;
                wrong.extend(some);
            }
            // The block that says where they are is named already.
            Err(error) if error.is_damaged_block() => kept.clear(),
            Err(error) => return Err(error),
        }
        first = end;
    }
    name(source, wrong, found)
}

fn rows(connection: &Connection, first: i64, end: i64) -> duckdb::Result<Vec<Row>> {
    let mut rows = Vec::new();
    let sql = format!(
        "select payload_id, hash, size, pieces from payload \
         where payload_id >= {first} and payload_id < {end} order by payload_id"
    );
    each_row(connection, &sql, |row| {
        if let (Some(id), Some(hash), Some(size), Some(pieces)) = (
            row.long("payload_id"),
            row.bytes("hash"),
            row.long("size"),
            row.longs("pieces"),
        ) {
            let (hash, size) = (hash.to_vec(), size as u64);
            rows.push(Row {
                id,
                hash,
                size,
                pieces,
            });
        }
    })?;
    Ok(rows)
}

/// Hashes one payload, some pieces at a time; the inner error says what is wrong with it.
fn hash(
    connection: &Connection,
    hashing: Hashing,
    row: &Row,
    bad: &BadPieces,
    kept: &mut Pieces,
) -> duckdb::Result<Result<(), String>> {
    if let Some((piece, why)) = row.pieces.iter().find_map(|id| bad.get_key_value(id)) {
        return Ok(Err(format!("its piece {piece} {why}")));
    }
    let mut hasher = hashing.hasher();
    let mut size = 0;
    for some in row.pieces.chunks(PIECES_AT_ONCE) {
        let missing: HashSet<i64> = some
            .iter()
            .copied()
            .filter(|id| !kept.contains_key(id))
            .collect();
        if !missing.is_empty() {
            if kept.len() + missing.len() > PIECES_KEPT {
                kept.retain(|id, _| some.contains(id));
            }
            let ids: Vec<i64> = missing.into_iter().collect();
            kept.extend(read(connection, &ids)?);
        }
        for id in some {
            let Some(bytes) = kept.get(id) else {
                return Ok(Err(format!("its piece {id} is not there")));
            };
            hasher.update(bytes);
            size += bytes.len() as u64;
        }
    }
    if size != row.size || *hasher.finalize().as_bytes() != *row.hash {
        return Ok(Err(
            "its pieces give other bytes than its hash says".to_owned()
        ));
    }
    Ok(Ok(()))
}

/// Some pieces; one by one when they lie beside what cannot be read.
fn read(connection: &Connection, ids: &[i64]) -> duckdb::Result<Pieces> {
    payload::pieces(connection, ids).or_else(|_| {
        let mut pieces = Pieces::new();
        for id in ids {
            pieces.extend(payload::pieces(connection, &[*id])?);
        }
        Ok(pieces)
    })
}

/// Adds damaged payloads, each with the acts and sessions that show it.
fn name(
    source: &Source<'_>,
    wrong: Vec<(i64, String, String)>,
    found: &mut Verification,
) -> Result<(), Error> {
    for (id, hash, why) in wrong {
        let message = format!("payload {hash}: {why}");
        let mut damage = Damage::new(DamageKind::Payload, message);
        damage.payload_hash = Some(hash);
        // Beyond what is listed nobody sees who shows it.
        if found.damage.len() < super::MOST_LISTED {
            let sql = format!(
                "select session_id, trace_id, span_id from span \
                 where {id} in (prompt_id, input_id, output_id) \
                 union all select coalesce(e.session_id, t.session_id), e.trace_id, e.span_id \
                 from event e left join trace t on t.trace_id = e.trace_id where e.body_id = {id} \
                 union all select s.session_id, s.trace_id, s.span_id from span s \
                 where s.received_id in \
                     (select received_id from received where list_contains(texts, {id})) \
                 limit {}",
                super::MOST_PLACES
            );
            match source.read(|connection| owners::acts(connection, &sql)) {
                Ok(acts) => acts.into_iter().for_each(|act| damage.touches(act)),
                Err(error) if error.is_damaged_block() => {}
                Err(error) => return Err(error),
            }
        }
        found.add(damage);
    }
    Ok(())
}
