//! Small hashes of everything stored: a quick "never seen" for traces, sessions, events and metrics.

use std::collections::{HashMap, HashSet};

use duckdb::{Connection, Result};
use proto::id::TraceId;

use crate::Batch;
use crate::columns::{RowReader, each_row};
use crate::load::SESSION_COLUMNS;

#[derive(Default)]
pub(crate) struct Seen {
    traces: HashMap<u64, Place>,
    sessions: HashMap<u64, Place>,
    pub(crate) events: SeenRecords,
    pub(crate) metrics: SeenRecords,
}

/// Where a trace or a session is stored, which prunes a search. It may say too much: it only grows, and
/// different ids may share one.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Row numbers of its acts.
    acts: Range,
    /// Times (Unix ns) that its own row has told as its end.
    ends: Range,
}

impl Place {
    const NOWHERE: Self = Self {
        acts: Range::EMPTY,
        ends: Range::EMPTY,
    };

    fn of_act(act_id: i64) -> Self {
        Self {
            acts: Range::of(act_id),
            ..Self::NOWHERE
        }
    }

    fn of_row(end_ns: i64) -> Self {
        Self {
            ends: Range::of(end_ns),
            ..Self::NOWHERE
        }
    }
}

/// Row numbers or times, both ends included; empty when `first` exceeds `last`.
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

    pub(crate) fn of(only: i64) -> Self {
        Self {
            first: only,
            last: only,
        }
    }

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
            "select trace_id as id, min(act_id) as first, max(act_id) as last, null as ended \
             from span group by id \
             union all select trace_id, null, null, epoch_ns(max_at) from trace",
            |row| {
                if let Some(id) = row.str("id").and_then(|id| id.parse().ok()) {
                    extend(&mut seen.traces, of_trace(&id), place_of(&row));
                }
            },
        )?;
        let mut sessions: Vec<String> = SESSION_COLUMNS
            .iter()
            .map(|column| {
                format!(
                    "select {column} as id, min(act_id) as first, max(act_id) as last, null as ended \
                     from span where {column} is not null group by id"
                )
            })
            .collect();
        sessions.push("select session_id, null, null, epoch_ns(last_at) from session".to_owned());
        each_row(connection, &sessions.join(" union all "), |row| {
            if let Some(id) = row.str("id") {
                extend(&mut seen.sessions, of_session(id), place_of(&row));
            }
        })?;
        seen.events.load(connection)?;
        seen.metrics.load(connection)?;
        Ok(seen)
    }

    /// Where the acts of a trace lie; `None` for a trace never seen.
    pub(crate) fn trace(&self, id: &TraceId) -> Option<Range> {
        self.traces.get(&of_trace(id)).map(|place| place.acts)
    }

    /// Where the acts of a session lie; `None` for a session never seen.
    pub(crate) fn session(&self, id: &str) -> Option<Range> {
        self.sessions.get(&of_session(id)).map(|place| place.acts)
    }

    /// The times (Unix ns) that `trace.max_at` of a trace lies in; `None` where it has no row.
    pub(crate) fn trace_ends(&self, id: &TraceId) -> Option<Range> {
        let place = self.traces.get(&of_trace(id))?;
        Some(place.ends).filter(|ends| *ends != Range::EMPTY)
    }

    /// The times (Unix ns) that `session.last_at` of a session lies in; `None` where it has no row.
    pub(crate) fn session_ends(&self, id: &str) -> Option<Range> {
        let place = self.sessions.get(&of_session(id))?;
        Some(place.ends).filter(|ends| *ends != Range::EMPTY)
    }

    /// Remembers a committed batch.
    pub(crate) fn adopt(&mut self, batch: &Batch) {
        let acts = batch.new_acts.iter().map(|(_, state)| state);
        for act in acts.chain(&batch.changed_acts) {
            let place = Place::of_act(act.act_id);
            extend(&mut self.traces, of_trace(&act.key.trace_id), place);
            let facts = &act.facts;
            let named = [
                facts.session_id.as_ref(),
                facts.resource_session_id.as_ref(),
                facts.parent_session_id.as_ref(),
            ];
            for id in named.into_iter().flatten().chain([&act.derived.session_id]) {
                extend(&mut self.sessions, of_session(id), place);
            }
        }
        for trace in &batch.traces {
            let place = Place::of_row(trace.max_ns);
            extend(&mut self.traces, of_trace(&trace.trace_id), place);
        }
        for session in &batch.sessions {
            let place = Place::of_row(session.last_ns);
            extend(&mut self.sessions, of_session(&session.session_id), place);
        }
        let events = batch.events.iter().map(|event| of_record(&event.event_id));
        self.events.hashes.extend(events);
        let points = batch.metrics.iter().map(|point| of_record(&point.point_id));
        self.metrics.hashes.extend(points);
    }
}

fn extend(places: &mut HashMap<u64, Place>, hash: u64, place: Place) {
    let known = places.entry(hash).or_insert(Place::NOWHERE);
    known.acts = known.acts.with(place.acts);
    known.ends = known.ends.with(place.ends);
}

fn place_of(row: &RowReader<'_>) -> Place {
    Place {
        acts: match (row.long("first"), row.long("last")) {
            (Some(first), Some(last)) => Range { first, last },
            _ => Range::EMPTY,
        },
        ends: row.long("ended").map_or(Range::EMPTY, Range::of),
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
