//! Small hashes of everything stored: a quick "never seen" for traces, sessions, events and metrics.

use std::collections::HashSet;

use duckdb::{Connection, Result};
use proto::id::TraceId;

use crate::Batch;
use crate::columns::each_row;

#[derive(Default)]
pub(crate) struct Seen {
    traces: HashSet<u64>,
    sessions: HashSet<u64>,
    pub(crate) events: SeenRecords,
    pub(crate) metrics: SeenRecords,
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
            "select distinct trace_id as id from span union select trace_id from trace",
            |row| {
                if let Some(id) = row.str("id").and_then(|id| id.parse().ok()) {
                    seen.traces.insert(of_trace(&id));
                }
            },
        )?;
        each_row(
            connection,
            "select distinct session_id as id from span union select session_id from session",
            |row| {
                if let Some(id) = row.str("id") {
                    seen.sessions.insert(of_session(id));
                }
            },
        )?;
        seen.events.load(connection)?;
        seen.metrics.load(connection)?;
        Ok(seen)
    }

    pub(crate) fn knows_trace(&self, id: &TraceId) -> bool {
        self.traces.contains(&of_trace(id))
    }

    pub(crate) fn knows_session(&self, id: &str) -> bool {
        self.sessions.contains(&of_session(id))
    }

    /// Remembers a committed batch.
    pub(crate) fn adopt(&mut self, batch: &Batch) {
        let acts = batch.new_acts.iter().map(|(_, state)| state);
        for act in acts.chain(&batch.changed_acts) {
            self.traces.insert(of_trace(&act.key.trace_id));
            self.sessions.insert(of_session(&act.derived.session_id));
        }
        let traces = batch.traces.iter().map(|trace| of_trace(&trace.trace_id));
        self.traces.extend(traces);
        let sessions = batch.sessions.iter().map(|row| of_session(&row.session_id));
        self.sessions.extend(sessions);
        let events = batch.events.iter().map(|event| of_record(&event.event_id));
        self.events.hashes.extend(events);
        let points = batch.metrics.iter().map(|point| of_record(&point.point_id));
        self.metrics.hashes.extend(points);
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
