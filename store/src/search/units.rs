//! What of the store is searched, as units of text in order of arrival.
//!
//! A unit is a piece of a payload, which is stored once however often the text was sent, or a message
//! that shares a piece with others; the seam of two pieces that one word or phrase may straddle; or what an act is called and about.

use std::collections::{HashMap, HashSet};

use duckdb::{Connection, Result};

use super::index::Position;
use super::plain::{Shape, nesting, plain};
use crate::columns::each_row;
use crate::payload::{self, Pieces};
use crate::pieces;

/// Payloads read at a time.
const PAYLOADS: usize = 2_000;
/// Acts read at a time.
const ACTS: usize = 20_000;
/// Bytes on each side of a seam.
const SEAM: usize = 256;

/// Words of an act beside its payloads, as SQL over `span`.
pub(crate) const ACT_TEXT: &str = "concat_ws(chr(10), name, tool_name, mcp_server, skill_name, \
     hook_event, hook_name, agent_name, model, detail, decision_reason, error_type, error_message, \
     status_message, tool_call_id, request_id)";

/// A text that is searched on its own.
#[derive(Debug)]
pub(crate) struct Unit {
    /// Number of the piece, or that of the act, negative.
    pub(crate) key: i64,
    /// Equal for equal texts, whichever piece holds them.
    pub(crate) same: i64,
    pub(crate) text: String,
}

impl Unit {
    fn of_piece(key: i64, bytes: &[u8], shape: Shape) -> Self {
        let text = plain(bytes, shape).into_owned();
        let hash = blake3::hash(text.trim().as_bytes());
        let same = hash
            .as_bytes()
            .first_chunk()
            .map_or(0, |half| i64::from_be_bytes(*half));
        Self { key, same, text }
    }
}

/// Hands on what arrived behind `position`, about `max_bytes` of it at most, and moves `position`
/// behind that. True when there is more.
pub(crate) fn next(
    connection: &Connection,
    position: &mut Position,
    max_bytes: usize,
    each: &mut dyn FnMut(Unit),
) -> Result<bool> {
    // What failed halfway is handed on once more.
    let mut reached = position.clone();
    let more_payloads = payloads(connection, &mut reached, max_bytes, each)?;
    let more_acts = acts(connection, &mut reached, each)?;
    *position = reached;
    Ok(more_payloads || more_acts)
}

fn acts(
    connection: &Connection,
    position: &mut Position,
    each: &mut dyn FnMut(Unit),
) -> Result<bool> {
    let sql = format!(
        "select act_id, {ACT_TEXT} as text from span where act_id > {} order by act_id limit {ACTS}",
        position.act_id
    );
    let mut count = 0;
    each_row(connection, &sql, |row| {
        if let (Some(id), Some(text)) = (row.long("act_id"), row.str("text")) {
            each(Unit {
                key: -id,
                same: -id,
                text: text.to_owned(),
            });
            position.act_id = position.act_id.max(id);
        }
        count += 1;
    })?;
    Ok(count == ACTS)
}

fn payloads(
    connection: &Connection,
    position: &mut Position,
    max_bytes: usize,
    each: &mut dyn FnMut(Unit),
) -> Result<bool> {
    let sql = format!(
        "select payload_id, size, pieces from payload where payload_id > {} \
         order by payload_id limit {PAYLOADS}",
        position.payload_id
    );
    let mut rows: Vec<(i64, usize, Vec<i64>)> = Vec::new();
    each_row(connection, &sql, |row| {
        if let (Some(id), Some(size), Some(pieces)) = (
            row.long("payload_id"),
            row.long("size"),
            row.longs("pieces"),
        ) {
            rows.push((id, size as usize, pieces));
        }
    })?;
    let is_full = rows.len() == PAYLOADS;
    let known = position.piece_id;
    let mut rows = rows.into_iter().peekable();
    let mut done: HashSet<i64> = HashSet::new();
    while rows.peek().is_some() {
        // As many payloads as bring about so many bytes of new pieces.
        let mut group: Vec<Vec<i64>> = Vec::new();
        let mut wanted: HashSet<i64> = HashSet::new();
        let mut bytes = 0;
        while let Some((id, size, pieces)) = rows.next_if(|_| bytes < max_bytes) {
            position.payload_id = id;
            let is_new = |id: &i64| *id > known && !done.contains(id);
            let fresh = pieces.iter().filter(|id| is_new(id)).count();
            if fresh == 0 {
                continue;
            }
            bytes += size / pieces.len() * fresh;
            wanted.extend(pieces.first());
            for (at, piece) in pieces.iter().enumerate() {
                if is_new(piece) {
                    // Its neighbours tell where it was cut.
                    wanted.extend(&pieces[at.saturating_sub(1)..(at + 2).min(pieces.len())]);
                }
            }
            group.push(pieces);
        }
        let wanted: Vec<i64> = wanted.into_iter().collect();
        let raw = payload::pieces(connection, &wanted)?;
        for pieces in &group {
            units(pieces, &raw, known, &mut done, each);
        }
        if bytes >= max_bytes {
            break;
        }
    }
    let has_left = rows.peek().is_some();
    position.piece_id = done.into_iter().max().unwrap_or(0).max(known);
    Ok(has_left || is_full)
}

/// The units that a payload brings: its new pieces, and where one of them meets another.
fn units(
    ids: &[i64],
    raw: &Pieces,
    known: i64,
    done: &mut HashSet<i64>,
    each: &mut dyn FnMut(Unit),
) {
    let whole = ids.first().and_then(|id| raw.get(id));
    let shape = Shape::of(whole.map_or(&[], Vec::as_slice));
    let mut new_before = false;
    let mut before: Option<(i64, &[u8])> = None;
    for id in ids {
        let is_new = *id > known && done.insert(*id);
        let bytes = raw.get(id).map(Vec::as_slice);
        if let Some(bytes) = bytes {
            let (own, goes_on) = reading(shape, before.map(|(_, bytes)| bytes), bytes);
            if is_new {
                for (element, shape) in elements(bytes, own) {
                    each(Unit::of_piece(*id, element, shape));
                }
            }
            if let Some((id, before)) = before
                && goes_on
                && (is_new || new_before)
            {
                let seam = [
                    &before[before.len().saturating_sub(SEAM)..],
                    &bytes[..bytes.len().min(SEAM)],
                ];
                each(Unit::of_piece(id, &seam.concat(), own));
            }
        }
        before = bytes.map(|bytes| (*id, bytes));
        new_before = is_new;
    }
}

/// The short messages that share a piece of a list, each with how it is to be read; anything else as it is.
fn elements(bytes: &[u8], shape: Shape) -> Vec<(&[u8], Shape)> {
    let ends = match (shape, bytes.first()) {
        (Shape::Json, Some(b'[' | b',')) => {
            let as_list = [b"[", &bytes[1..]].concat();
            pieces::list_elements(&as_list).unwrap_or_default()
        }
        (Shape::JsonBehind, _) => nesting(bytes).1,
        _ => Vec::new(),
    };
    let mut elements = Vec::new();
    let (mut start, mut own) = (0, shape);
    for end in ends.into_iter().chain([bytes.len()]) {
        elements.push((&bytes[start..end], own));
        (start, own) = (end, Shape::Json);
    }
    elements
}

/// How a piece is to be read, and whether it goes on with the text of the piece before it.
fn reading(shape: Shape, before: Option<&[u8]>, piece: &[u8]) -> (Shape, bool) {
    let Some(before) = before else {
        return (shape, false);
    };
    if shape == Shape::Text {
        return (shape, true);
    }
    let without_quote = before.strip_suffix(b"\"");
    let is_odd = |bytes: &[u8]| {
        let backslashes = bytes.iter().rev().take_while(|byte| **byte == b'\\');
        backslashes.count() % 2 == 1
    };
    // Behind an opening quote there is a long string; it is a piece without its quotes.
    if without_quote.is_some_and(|bytes| !is_odd(bytes)) {
        return (Shape::JsonInside, false);
    }
    match piece.first() {
        Some(b'"') if !is_odd(before) => (Shape::JsonBehind, false),
        Some(b',' | b']' | b'}') => (Shape::Json, false),
        _ => (Shape::JsonInside, true),
    }
}

/// A piece of a payload as it is searched, the beginning of the next piece included.
pub(crate) fn piece_text(pieces: &[i64], piece: i64, raw: &Pieces) -> Option<String> {
    let at = pieces.iter().position(|id| *id == piece)?;
    let shape = Shape::of(raw.get(pieces.first()?)?);
    let bytes = raw.get(&piece)?;
    let before = at.checked_sub(1).and_then(|at| raw.get(pieces.get(at)?));
    let (own, _) = reading(shape, before.map(Vec::as_slice), bytes);
    let next = pieces.get(at + 1).and_then(|id| raw.get(id));
    let text = match next {
        Some(next) if reading(shape, Some(bytes), next).1 => {
            let with_next = [bytes.as_slice(), &next[..next.len().min(SEAM)]].concat();
            plain(&with_next, own).into_owned()
        }
        _ => plain(bytes, own).into_owned(),
    };
    Some(text)
}

/// Largest list of messages that is read whole, to tell which message answers, in bytes.
const MAX_LIST: u64 = 4 << 20;

/// The pieces that are needed to show a piece of each payload: its neighbours, or all.
pub(crate) fn needed(layouts: &HashMap<i64, payload::Layout>, wanted: &[(i64, i64)]) -> Vec<i64> {
    let mut needed = HashSet::new();
    for (payload, piece) in wanted {
        let Some(layout) = layouts.get(payload) else {
            continue;
        };
        if layout.size <= MAX_LIST {
            needed.extend(&layout.pieces);
            continue;
        }
        needed.extend(layout.pieces.first());
        if let Some(at) = layout.pieces.iter().position(|id| id == piece) {
            needed.extend(&layout.pieces[at.saturating_sub(1)..(at + 2).min(layout.pieces.len())]);
        }
    }
    needed.into_iter().collect()
}
