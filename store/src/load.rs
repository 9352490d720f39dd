//! Reading back the connected group of acts that a resolver needs.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use duckdb::{Connection, Result};
use proto::id::TraceId;

use crate::columns::{Columns, RowReader, each_row};
use crate::seen::{Range, Seen};
use crate::{LoadedAct, rows};

/// All acts of the group that the traces and sessions belong to, in order of arrival.
pub(crate) fn acts(
    connection: &Connection,
    seen: &Seen,
    traces: &[TraceId],
    sessions: &[Arc<str>],
) -> Result<Vec<LoadedAct>> {
    let mut group = Group::default();
    for id in traces {
        if let Some(range) = seen.trace(id) {
            group.range = group.range.with(range);
            group.traces.insert(id.hex());
        }
    }
    for id in sessions {
        if let Some(range) = seen.session(id) {
            group.range = group.range.with(range);
            group.sessions.insert(id.to_string());
        }
    }
    // Each round adds what the group so far reaches, until it reaches nothing new.
    loop {
        if group.traces.is_empty() && group.sessions.is_empty() {
            return Ok(Vec::new());
        }
        let known = group.traces.len() + group.sessions.len();
        let sql = format!(
            "select distinct trace_id, {} from span where {}",
            SESSION_COLUMNS.join(", "),
            group.condition()
        );
        let mut traces = Vec::new();
        let mut sessions = Vec::new();
        each_row(connection, &sql, |row| {
            traces.extend(
                row.str("trace_id")
                    .and_then(|id| id.parse::<TraceId>().ok()),
            );
            sessions.extend(SESSION_COLUMNS.iter().filter_map(|column| row.text(column)));
        })?;
        for id in traces {
            group.range = group.range.with(seen.trace(&id).unwrap_or(Range::EMPTY));
            group.traces.insert(id.hex());
        }
        for id in sessions {
            group.range = group.range.with(seen.session(&id).unwrap_or(Range::EMPTY));
            group.sessions.insert(id.to_string());
        }
        if group.traces.len() + group.sessions.len() == known {
            break;
        }
    }
    let mut columns = Columns::default();
    rows::light(&mut columns, &[], &|_| None);
    let sql = format!(
        "select {} from span where {} order by act_id",
        columns.names().join(", "),
        group.condition()
    );
    let mut acts: Vec<LoadedAct> = Vec::new();
    let mut damaged = 0;
    let mut place: HashMap<i64, usize> = HashMap::new();
    each_row(connection, &sql, |row| match rows::act_state(&row) {
        Some(state) => {
            if place.insert(state.act_id, acts.len()).is_none() {
                acts.push(LoadedAct {
                    state,
                    calls_asked: Vec::new(),
                    results_seen: Vec::new(),
                });
            }
        }
        None => damaged += 1,
    })?;
    let Range { first, last } = group.range;
    let shown = |table: &str, order: &str| {
        format!("select * from {table} where act_id between {first} and {last} order by {order}")
    };
    let act_of = |row: &RowReader<'_>| place.get(&row.long("act_id")?).copied();
    each_row(
        connection,
        &shown("call_asked", "act_id, position"),
        |row| {
            if let (Some(n), Some(call)) = (act_of(&row), rows::call_asked(&row)) {
                acts[n].calls_asked.push(call);
            }
        },
    )?;
    each_row(connection, &shown("result_seen", "act_id"), |row| {
        if let (Some(n), Some(result)) = (act_of(&row), rows::result_seen(&row)) {
            acts[n].results_seen.push(result);
        }
    })?;
    if damaged > 0 {
        tracing::error!(span_count = damaged, "stored acts cannot be read back");
    }
    Ok(acts)
}

/// Where an act names the sessions that tie its trace to others.
pub(crate) const SESSION_COLUMNS: [&str; 4] = [
    "session_id",
    "record_session_id",
    "resource_session_id",
    "parent_session_id",
];

/// The part of a connected group found so far.
struct Group {
    traces: BTreeSet<String>,
    sessions: BTreeSet<String>,
    /// Where its acts lie.
    range: Range,
}

impl Default for Group {
    fn default() -> Self {
        Self {
            traces: BTreeSet::new(),
            sessions: BTreeSet::new(),
            range: Range::EMPTY,
        }
    }
}

impl Group {
    fn condition(&self) -> String {
        let list = |ids: &BTreeSet<String>| {
            let quoted = ids.iter().map(|id| quoted(id));
            quoted.collect::<Vec<_>>().join(",")
        };
        let mut parts = Vec::new();
        if !self.traces.is_empty() {
            parts.push(format!("trace_id in ({})", list(&self.traces)));
        }
        if !self.sessions.is_empty() {
            let ids = list(&self.sessions);
            parts.extend(
                SESSION_COLUMNS
                    .iter()
                    .map(|column| format!("{column} in ({ids})")),
            );
        }
        let Range { first, last } = self.range;
        format!(
            "act_id between {first} and {last} and ({})",
            parts.join(" or ")
        )
    }
}

/// A string literal. The text of a statement cannot hold NUL itself.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''")).replace('\0', "' || chr(0) || '")
}
