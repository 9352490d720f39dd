//! Records as they were received: kept in parts beside the rows made of them, read back for exports,
//! taken out when their session is deleted.
//!
//! A part is the head that some records of one request share and those records, end to end and
//! compressed. What the bytes mean is not known here, but for the numbers that stand for large texts.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use duckdb::{Connection, Result};
use proto::Signal;
use proto::agent::{Event, MetricPoint, PayloadRef, Received, ReceivedRecord, RecordRef};

use crate::columns::{Columns, RowReader, each_row};
use crate::load::quoted;
use crate::packer::{PackedRecords, PartKey};
use crate::payload::{self, Layout};
use crate::pieces::{self, Codec};
use crate::seal::Seal;
use crate::{Batch, Error, Store};

/// A part is closed when its records have become this large, raw.
const PART_BYTES: usize = 32 << 10;
/// No record is larger: requests are bounded when they are received.
const LONGEST_PART_BYTES: usize = 1 << 30;
/// Requests that are read together.
const REQUESTS_AT_ONCE: usize = 128;
/// Texts that are put together from pieces read together, in bytes.
const TEXT_BYTES_AT_ONCE: u64 = 32 << 20;

/// Some records of one request that share resource and scope.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRecords {
    /// Place of the request in the journal.
    pub request_id: i64,
    pub signal: Signal,
    /// As [`Received::head`].
    pub head: StoredRecord,
    /// As [`Received::records`].
    pub records: Vec<StoredRecord>,
}

/// A record as it was received; see [`ReceivedRecord`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StoredRecord {
    pub number: i32,
    pub bytes: Vec<u8>,
    /// The large texts, by the numbers that stand for them in `bytes`.
    pub texts: Vec<String>,
}

/// Of a set with an entry for each record of a group.
type Hashing = foldhash::fast::RandomState;

/// One row of `received`, unpacked. The head is the first entry.
#[derive(Default)]
pub(crate) struct Part<'a> {
    pub(crate) request_id: i64,
    pub(crate) part: i32,
    signal: u8,
    entries: Vec<Entry<'a>>,
}

struct Entry<'a> {
    number: i32,
    bytes: Cow<'a, [u8]>,
    texts: Vec<i64>,
}

impl Part<'_> {
    fn key(&self, raw_size: usize) -> Option<PartKey> {
        let records = self.entries.get(1..)?;
        Some(PartKey {
            request_id: self.request_id,
            first: records.first()?.number,
            last: records.last()?.number,
            record_count: records.len(),
            raw_size,
        })
    }

    /// Takes the records away that `is_gone` names; false when none is left.
    pub(crate) fn without(&mut self, is_gone: impl Fn(RecordRef) -> bool) -> bool {
        let request_id = self.request_id;
        let mut is_head = true;
        self.entries.retain(|entry| {
            let number = entry.number;
            std::mem::take(&mut is_head) || !is_gone(RecordRef { request_id, number })
        });
        self.entries.len() > 1
    }
}

/// The received records that new rows are made of.
pub(crate) fn of_new_rows(
    batch: &Batch,
    events: &[&Event],
    metrics: &[&MetricPoint],
) -> HashSet<RecordRef, Hashing> {
    let of_acts = batch.new_acts.iter().filter_map(|(act, _)| act.record);
    let of_events = events.iter().filter_map(|event| event.record);
    let of_metrics = metrics.iter().filter_map(|point| point.record);
    of_acts.chain(of_events).chain(of_metrics).collect()
}

/// The parts to store for those records of a batch that rows are made of.
pub(crate) fn parts<'a>(
    received: &'a [Received],
    needed: &HashSet<RecordRef, Hashing>,
    id: impl Fn(&PayloadRef) -> Option<i64>,
) -> Vec<Part<'a>> {
    let entry = |record: &'a ReceivedRecord| Entry {
        number: record.number,
        bytes: Cow::Borrowed(&*record.bytes),
        texts: record
            .texts
            .iter()
            .map(|text| id(text).unwrap_or(0))
            .collect(),
    };
    let mut parts: Vec<Part<'_>> = Vec::new();
    let mut next_part: HashMap<i64, i32> = HashMap::new();
    for group in received {
        let request_id = group.request_id;
        let is_needed = |record: &&ReceivedRecord| {
            let number = record.number;
            needed.contains(&RecordRef { request_id, number })
        };
        let records: Vec<&ReceivedRecord> = group.records.iter().filter(is_needed).collect();
        cut(
            &records,
            |record| record.bytes.len(),
            |records| {
                let part = next_part.entry(request_id).or_insert(0);
                *part += 1;
                let head = std::iter::once(&group.head);
                parts.push(Part {
                    request_id,
                    part: *part,
                    signal: group.signal.code(),
                    entries: head.chain(records.iter().copied()).map(entry).collect(),
                });
            },
        );
    }
    parts
}

/// Hands the records of each part to `each`.
pub(crate) fn cut<'a, T>(
    records: &'a [T],
    size: impl Fn(&T) -> usize,
    mut each: impl FnMut(&'a [T]),
) {
    let (mut from, mut bytes) = (0, 0);
    for (at, record) in records.iter().enumerate() {
        bytes += size(record);
        if bytes >= PART_BYTES || at + 1 == records.len() {
            each(&records[from..=at]);
            (from, bytes) = (at + 1, 0);
        }
    }
}

/// Appends parts within the connection's transaction; `ahead` has some that were packed before.
pub(crate) fn append(
    connection: &Connection,
    compressor: &mut zstd::bulk::Compressor<'_>,
    seal: &Seal,
    parts: &[Part<'_>],
    ahead: &[PackedRecords],
) -> Result<()> {
    let ahead: HashMap<PartKey, &PackedRecords> =
        ahead.iter().map(|packed| (packed.of, packed)).collect();
    let mut packed: Vec<(usize, Codec, Cow<'_, [u8]>)> = Vec::with_capacity(parts.len());
    for part in parts {
        let raw: Vec<&[u8]> = part.entries.iter().map(|entry| &*entry.bytes).collect();
        let raw_size = raw.iter().map(|bytes| bytes.len()).sum();
        if let Some(ahead) = part.key(raw_size).and_then(|key| ahead.get(&key)) {
            packed.push((raw_size, ahead.codec, Cow::Borrowed(&*ahead.data)));
            continue;
        }
        let (codec, data) = pieces::pack(compressor, &raw.concat())
            .map_err(|error| duckdb::Error::ToSqlConversionFailure(Box::new(error)))?;
        packed.push((raw_size, codec, Cow::Owned(data)));
    }
    let of_entries = |of: fn(&Entry<'_>) -> i64| -> Vec<Vec<i64>> {
        parts
            .iter()
            .map(|part| part.entries.iter().map(of).collect())
            .collect()
    };
    let numbers = of_entries(|entry| entry.number.into());
    let sizes = of_entries(|entry| entry.bytes.len() as i64);
    let text_counts = of_entries(|entry| entry.texts.len() as i64);
    let texts: Vec<Vec<i64>> = parts
        .iter()
        .map(|part| {
            let texts = part.entries.iter().flat_map(|entry| &entry.texts);
            texts.copied().collect()
        })
        .collect();
    let mut c = Columns::default();
    c.long(
        "received_id",
        parts.iter().map(|part| Some(part.request_id)),
    );
    c.int("part", parts.iter().map(|part| Some(part.part)));
    c.byte("signal", parts.iter().map(|part| part.signal));
    c.longs("numbers", numbers.iter().map(Vec::as_slice));
    c.longs("sizes", sizes.iter().map(Vec::as_slice));
    c.longs("text_counts", text_counts.iter().map(Vec::as_slice));
    c.longs("texts", texts.iter().map(Vec::as_slice));
    c.long(
        "raw_size",
        packed.iter().map(|(size, ..)| Some(*size as i64)),
    );
    c.byte("codec", packed.iter().map(|(_, codec, _)| *codec as u8));
    c.bytes("data", packed.iter().map(|(.., data)| Some(data)));
    c.append_sealed(connection, seal, "received")
}

/// The columns of a part, as [`part`] reads them.
pub(crate) const COLUMNS: &str =
    "received_id, part, signal, numbers, sizes, text_counts, texts, raw_size, codec, data";

/// The parts of some requests, in order; one that is damaged is absent and logged.
pub(crate) fn read(connection: &Connection, request_ids: &[i64]) -> Result<Vec<Part<'static>>> {
    let mut parts = Vec::new();
    let mut damaged = 0;
    let mut decompressor = pieces::decompressor()
        .map_err(|error| duckdb::Error::ToSqlConversionFailure(Box::new(error)))?;
    let Some(condition) = payload::among("received_id", request_ids) else {
        return Ok(parts);
    };
    let wanted: HashSet<i64> = request_ids.iter().copied().collect();
    let sql =
        format!("select {COLUMNS} from received where {condition} order by received_id, part");
    each_row(connection, &sql, |row| {
        if row
            .long("received_id")
            .is_some_and(|id| wanted.contains(&id))
        {
            match part(&row, &mut decompressor) {
                Some(part) => parts.push(part),
                None => damaged += 1,
            }
        }
    })?;
    if damaged > 0 {
        tracing::error!(part_count = damaged, "stored records cannot be read back");
    }
    Ok(parts)
}

/// One part; `None` when it is damaged.
pub(crate) fn part(
    row: &RowReader<'_>,
    decompressor: &mut zstd::bulk::Decompressor<'_>,
) -> Option<Part<'static>> {
    let raw = pieces::unpack(
        decompressor,
        row.byte("codec")?,
        row.bytes("data")?,
        usize::try_from(row.long("raw_size")?).ok()?,
        LONGEST_PART_BYTES,
    )?;
    let (mut bytes, texts) = (&*raw, row.longs("texts")?);
    let mut texts = &*texts;
    let (sizes, counts) = (row.longs("sizes")?, row.longs("text_counts")?);
    let mut entries = Vec::with_capacity(sizes.len());
    for ((number, size), count) in row.longs("numbers")?.into_iter().zip(sizes).zip(counts) {
        let (own_bytes, other_bytes) = bytes.split_at_checked(usize::try_from(size).ok()?)?;
        let (own_texts, other_texts) = texts.split_at_checked(usize::try_from(count).ok()?)?;
        (bytes, texts) = (other_bytes, other_texts);
        entries.push(Entry {
            number: i32::try_from(number).ok()?,
            bytes: Cow::Owned(own_bytes.to_vec()),
            texts: own_texts.to_vec(),
        });
    }
    Some(Part {
        request_id: row.long("received_id")?,
        part: row.int("part")?,
        signal: row.byte("signal")?,
        entries,
    })
}

/// The condition that a session is among these.
pub(crate) fn session_in(column: &str, session_ids: &[String]) -> String {
    let ids: Vec<String> = session_ids.iter().map(|id| quoted(id)).collect();
    format!("{column} in ({})", ids.join(","))
}

impl Store {
    /// The records that the rows of some sessions were made of, in order of arrival.
    ///
    /// # Errors
    /// [`Error::Query`] when the engine fails.
    pub fn records_of(&self, session_ids: &[String]) -> std::result::Result<Vec<RecordRef>, Error> {
        if session_ids.is_empty() {
            return Ok(Vec::new());
        }
        let own = session_in("session_id", session_ids);
        let of_event = session_in("coalesce(e.session_id, t.session_id)", session_ids);
        let sql = format!(
            "select distinct received_id, record from ( \
                 select received_id, record from span where {own} \
                 union all select e.received_id, e.record from event e \
                     left join trace t on t.trace_id = e.trace_id where {of_event} \
                 union all select received_id, record from metric where {own} \
             ) where received_id is not null order by all"
        );
        self.with_reader(|connection| {
            let mut refs = Vec::new();
            each_row(connection, &sql, |row| {
                if let (Some(request_id), Some(number)) =
                    (row.long("received_id"), row.int("record"))
                {
                    refs.push(RecordRef { request_id, number });
                }
            })?;
            Ok(refs)
        })
    }

    /// Hands the records that `refs` names, which are in order, to `each`, some of one request at a
    /// time, until it returns false.
    ///
    /// # Errors
    /// [`Error::Damaged`] when a text cannot be put together, [`Error::Query`] when the engine fails.
    pub fn received(
        &self,
        refs: &[RecordRef],
        each: &mut dyn FnMut(StoredRecords) -> bool,
    ) -> std::result::Result<(), Error> {
        let wanted: HashSet<RecordRef> = refs.iter().copied().collect();
        let mut request_ids: Vec<i64> = refs.iter().map(|record| record.request_id).collect();
        request_ids.dedup();
        for some in request_ids.chunks(REQUESTS_AT_ONCE) {
            let mut parts = self.with_reader(|connection| read(connection, some))?;
            parts.retain_mut(|part| part.without(|record| !wanted.contains(&record)));
            let ids: Vec<i64> = text_ids(&parts).collect();
            let layouts = self.with_reader(|connection| payload::layouts(connection, &ids))?;
            let size = |part: &Part<'_>| -> u64 {
                let texts = text_ids(std::slice::from_ref(part));
                texts
                    .filter_map(|id| layouts.get(&id))
                    .map(|layout| layout.size)
                    .sum()
            };
            let mut rest = &*parts;
            while let Some(first) = rest.first() {
                let mut bytes = size(first);
                let more = rest[1..].iter().take_while(|part| {
                    bytes += size(part);
                    bytes <= TEXT_BYTES_AT_ONCE
                });
                let (now, later) = rest.split_at(1 + more.count());
                rest = later;
                if !self.hand_over(now, &layouts, each)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn hand_over(
        &self,
        parts: &[Part<'_>],
        layouts: &HashMap<i64, Layout>,
        each: &mut dyn FnMut(StoredRecords) -> bool,
    ) -> std::result::Result<bool, Error> {
        let mut ids: Vec<i64> = text_ids(parts)
            .filter_map(|id| layouts.get(&id))
            .flat_map(|layout| layout.pieces.iter().copied())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        let raw = self.with_reader(|connection| payload::pieces(connection, &ids))?;
        let text = |id: &i64| -> std::result::Result<String, Error> {
            let bytes = layouts
                .get(id)
                .and_then(|layout| payload::assemble(layout, &raw));
            bytes
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(|| Error::Damaged(format!("payload number {id}")))
        };
        for part in parts {
            let mut records = Vec::with_capacity(part.entries.len());
            for entry in &part.entries {
                records.push(StoredRecord {
                    number: entry.number,
                    bytes: entry.bytes.to_vec(),
                    texts: entry
                        .texts
                        .iter()
                        .map(text)
                        .collect::<std::result::Result<_, _>>()?,
                });
            }
            let Some(signal) = Signal::from_code(part.signal) else {
                continue;
            };
            let go_on = each(StoredRecords {
                request_id: part.request_id,
                signal,
                head: records.remove(0),
                records,
            });
            if !go_on {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn text_ids(parts: &[Part<'_>]) -> impl Iterator<Item = i64> {
    parts
        .iter()
        .flat_map(|part| &part.entries)
        .flat_map(|entry| entry.texts.iter().copied())
}
