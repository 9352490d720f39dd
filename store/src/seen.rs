//! Small hashes of everything stored: a quick "never seen" for traces, sessions, events and metrics.

use std::collections::{HashMap, HashSet};

use duckdb::{Connection, Result};
use proto::id::TraceId;

use crate::Batch;
use crate::columns::{RowReader, each_row};
use crate::load::SESSION_COLUMNS;

#[derive(Default)]
pub(crate) struct Seen {
    /// With the first and last row number of an act of each, which prune a search.
    traces: HashMap<u64, Range>,
    sessions: HashMap<u64, Range>,
    pub(crate) events: SeenRecords,
    pub(crate) metrics: SeenRecords,
}

/// Row numbers of acts, both ends included; empty when `first` exceeds `last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) first: i64,
    pub(crate) last: i64,
}

impl Range {
    pub(crate) const EMPTY: Self = Self {
        first: i64::MAX,
        last: i64::MIN,
    };

    pub(crate) fn with(self, other: Self) -> Self {
        Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
        }
    }
}

/// Identities of stored records of one table.
pub(crate) struct SeenRecords {
    table: &'static str,
    column: &'static str,
    hashes: HashSet<u64>,
}

impl Default for SeenRecords {
    fn default() -> Self {
        Self {
            table: "event",
            column: "event_id",
            hashes: HashSet::new(),
        }
    }
}

impl Seen {
    pub(crate) fn load(connection: &Connection) -> Result<Self> {
        let mut seen = Self {
            metrics: SeenRecords {
                table: "metric",
                column: "point_id",
                hashes: HashSet::new(),
            },
            ..Self::default()
        };
        each_row(
            connection,
            "select trace_id as id, min(act_id) as first, max(act_id) as last from span group by id \
             union all select trace_id, null, null from trace",
            |row| {
                if let Some(id) = row.str("id").and_then(|id| id.parse().ok()) {
                    extend(&mut seen.traces, of_trace(&id), range_of(&row));
                }
            },
        )?;
        let mut sessions: Vec<String> = SESSION_COLUMNS
            .iter()
            .map(|column| {
                format!(
                    "select {column} as id, min(act_id) as first, max(act_id) as last from span \
                     where {column} is not null group by id"
                )
            })
            .collect();
        sessions.push("select session_id, null, null from session".to_owned());
        each_row(connection, &sessions.join(" union all "), |row| {
            if let Some(id) = row.str("id") {
                extend(&mut seen.sessions, of_session(id), range_of(&row));
            }
        })?;
        seen.events.load(connection)?;
        seen.metrics.load(connection)?;
        Ok(seen)
    }

    /// Where the acts of a trace lie; `None` for a trace never seen.
    pub(crate) fn trace(&self, id: &TraceId) -> Option<Range> {
        self.traces.get(&of_trace(id)).copied()
    }

    /// Where the acts of a session lie; `None` for a session never seen.
    pub(crate) fn session(&self, id: &str) -> Option<Range> {
        self.sessions.get(&of_session(id)).copied()
    }

    /// Remembers a committed batch.
    pub(crate) fn adopt(&mut self, batch: &Batch) {
        let acts = batch.new_acts.iter().map(|(_, state)| state);
        for act in acts.chain(&batch.changed_acts) {
            let range = Range {
                first: act.act_id,
                last: act.act_id,
            };
            extend(&mut self.traces, of_trace(&act.key.trace_id), range);
            let facts = &act.facts;
            let named = [
                facts.session_id.as_ref(),
                facts.resource_session_id.as_ref(),
                facts.parent_session_id.as_ref(),
            ];
            for id in named.into_iter().flatten().chain([&act.derived.session_id]) {
                extend(&mut self.sessions, of_session(id), range);
            }
        }
        for trace in &batch.traces {
            extend(&mut self.traces, of_trace(&trace.trace_id), Range::EMPTY);
        }
        for session in &batch.sessions {
            let session = of_session(&session.session_id);
            extend(&mut self.sessions, session, Range::EMPTY);
        }
        let events = batch.events.iter().map(|event| of_record(&event.event_id));
        self.events.hashes.extend(events);
        let points = batch.metrics.iter().map(|point| of_record(&point.point_id));
        self.metrics.hashes.extend(points);
    }
}

fn extend(ranges: &mut HashMap<u64, Range>, hash: u64, range: Range) {
    let known = ranges.entry(hash).or_insert(Range::EMPTY);
    *known = known.with(range);
}

fn range_of(row: &RowReader<'_>) -> Range {
    match (row.long("first"), row.long("last")) {
        (Some(first), Some(last)) => Range { first, last },
        _ => Range::EMPTY,
    }
}

impl SeenRecords {
    fn load(&mut self, connection: &Connection) -> Result<()> {
        let sql = format!("select {} as id from {}", self.column, self.table);
        each_row(connection, &sql, |row| {
            if let Some(Ok(id)) = row.bytes("id").map(<[u8; 16]>::try_from) {
                self.hashes.insert(of_record(&id));
            }
        })
    }

    /// Those of `records` that are not stored, each once.
    pub(crate) fn fresh<'a, T>(
        &self,
        connection: &Connection,
        records: &'a [T],
        id: impl Fn(&T) -> [u8; 16],
    ) -> Result<Vec<&'a T>> {
        let mut known = HashSet::new();
        let suspects = records.iter().map(&id);
        let suspects: Vec<String> = suspects
            .filter(|id| self.hashes.contains(&of_record(id)))
            .map(|id| format!("unhex('{}')", hex::encode(id)))
            .collect();
        for some in suspects.chunks(1000) {
            let sql = format!(
                "select {0} as id from {1} where {0} in ({2})",
                self.column,
                self.table,
                some.join(",")
            );
            each_row(connection, &sql, |row| {
                if let Some(Ok(id)) = row.bytes("id").map(<[u8; 16]>::try_from) {
                    known.insert(id);
                }
            })?;
        }
        Ok(records
            .iter()
            .filter(|record| known.insert(id(record)))
            .collect())
    }
}

fn of_trace(id: &TraceId) -> u64 {
    let (front, back) = id.0.split_at(8);
    of_bytes(front) ^ of_bytes(back)
}

fn of_session(id: &str) -> u64 {
    of_bytes(blake3::hash(id.as_bytes()).as_bytes())
}

/// Identities of records are hashes themselves.
fn of_record(id: &[u8; 16]) -> u64 {
    of_bytes(id)
}

fn of_bytes(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .take(8)
        .fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}
