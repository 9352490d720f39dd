//! Putting payloads together from their pieces.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use duckdb::{Connection, Result};

use crate::columns::each_row;
use crate::payloads::hash_in;
use crate::{Error, PayloadSlice, pieces};

/// Sizes and pieces of payloads, by row number.
pub(crate) struct Layout {
    pub(crate) size: u64,
    pub(crate) pieces: Vec<i64>,
}

/// Raw bytes of pieces by row number; one that is damaged is absent.
pub(crate) type Pieces = HashMap<i64, Vec<u8>>;

/// The condition that `column` is among `ids`; may let a few more rows through. `None` for no ids.
///
/// The range prunes by zone. A list of thousands costs more to plan than neighbours cost to skip.
pub(crate) fn among(column: &str, ids: &[i64]) -> Option<String> {
    let (first, last) = (ids.iter().min()?, ids.iter().max()?);
    let range = format!("{column} between {first} and {last}");
    if last - first < 2 * ids.len() as i64 {
        return Some(range);
    }
    let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
    Some(format!("{range} and {column} in ({})", ids.join(",")))
}

/// The layouts of some payloads in one query.
pub(crate) fn layouts(connection: &Connection, ids: &[i64]) -> Result<HashMap<i64, Layout>> {
    let mut layouts = HashMap::new();
    let Some(condition) = among("payload_id", ids) else {
        return Ok(layouts);
    };
    let sql = format!("select payload_id, size, pieces from payload where {condition}");
    each_row(connection, &sql, |row| {
        if let (Some(id), Some(size), Some(pieces)) = (
            row.long("payload_id"),
            row.long("size"),
            row.longs("pieces"),
        ) {
            let size = size as u64;
            layouts.insert(id, Layout { size, pieces });
        }
    })?;
    Ok(layouts)
}

/// Some pieces, unpacked, in one query.
pub(crate) fn pieces(connection: &Connection, ids: &[i64]) -> Result<Pieces> {
    let mut raw = HashMap::with_capacity(ids.len());
    let Some(condition) = among("piece_id", ids) else {
        return Ok(raw);
    };
    let wanted: HashSet<i64> = ids.iter().copied().collect();
    let mut decompressor = pieces::decompressor()
        .map_err(|error| duckdb::Error::ToSqlConversionFailure(Box::new(error)))?;
    let sql = format!("select piece_id, raw_size, codec, data from piece where {condition}");
    each_row(connection, &sql, |row| {
        if let (Some(id), Some(size), Some(codec), Some(data)) = (
            row.long("piece_id"),
            row.long("raw_size"),
            row.byte("codec"),
            row.bytes("data"),
        ) && wanted.contains(&id)
            && let Some(bytes) = pieces::unpack(
                &mut decompressor,
                codec,
                data,
                size as usize,
                pieces::MAX_PIECE,
            )
        {
            raw.insert(id, bytes);
        }
    })?;
    Ok(raw)
}

/// The whole text; `None` when a piece is missing or damaged.
pub(crate) fn assemble(layout: &Layout, pieces: &Pieces) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(layout.size as usize);
    for id in &layout.pieces {
        bytes.extend_from_slice(pieces.get(id)?);
    }
    (bytes.len() as u64 == layout.size).then_some(bytes)
}

/// A payload by hash, whole or in part. The outer result is the engine's.
pub(crate) fn read(
    connection: &Connection,
    hash: &[u8; 32],
    range: Option<Range<u64>>,
) -> Result<std::result::Result<Option<PayloadSlice>, Error>> {
    let hex = hex::encode(hash);
    let mut layout = None;
    let sql = format!(
        "select size, pieces from payload where {} limit 1",
        hash_in(std::iter::once(hash))
    );
    each_row(connection, &sql, |row| {
        if let (Some(size), Some(pieces)) = (row.long("size"), row.longs("pieces")) {
            let size = size as u64;
            layout = Some(Layout { size, pieces });
        }
    })?;
    let Some(layout) = layout else {
        return Ok(Ok(None));
    };
    let damaged = || Ok(Err(Error::Damaged(format!("payload {hex}"))));
    let total_size = layout.size;
    let Some(range) = range else {
        let raw = pieces(connection, &layout.pieces)?;
        return match assemble(&layout, &raw) {
            Some(bytes) => Ok(Ok(Some(PayloadSlice { bytes, total_size }))),
            None => damaged(),
        };
    };
    let range = range.start.min(total_size)..range.end.min(total_size);
    let mut bytes = Vec::new();
    // Pieces in the range only; their sizes say where each lies.
    let mut sizes = HashMap::new();
    if let Some(condition) = among("piece_id", &layout.pieces) {
        let sql = format!("select piece_id, raw_size from piece where {condition}");
        each_row(connection, &sql, |row| {
            if let (Some(id), Some(size)) = (row.long("piece_id"), row.long("raw_size")) {
                sizes.insert(id, size as u64);
            }
        })?;
    }
    let mut at = 0;
    let mut wanted = Vec::new();
    for id in &layout.pieces {
        let Some(size) = sizes.get(id).copied() else {
            return damaged();
        };
        if at < range.end && at + size > range.start {
            wanted.push((*id, at));
        }
        at += size;
    }
    let ids: Vec<i64> = wanted.iter().map(|(id, _)| *id).collect();
    let raw = pieces(connection, &ids)?;
    for (id, at) in wanted {
        let Some(piece) = raw.get(&id) else {
            return damaged();
        };
        let from = range.start.saturating_sub(at) as usize;
        let to = (range.end - at).min(piece.len() as u64) as usize;
        bytes.extend_from_slice(piece.get(from..to).unwrap_or_default());
    }
    Ok(Ok(Some(PayloadSlice { bytes, total_size })))
}
