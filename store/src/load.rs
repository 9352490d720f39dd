//! Reading back the connected group of acts that a resolver needs.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use duckdb::{Connection, Result};
use proto::id::TraceId;

use crate::columns::{Columns, each_row};
use crate::seen::{Range, Seen};
use crate::{ActState, rows};

/// All acts of the group that the traces and sessions belong to, in order of arrival.
pub(crate) fn acts(
    connection: &Connection,
    seen: &Seen,
    traces: &[TraceId],
    sessions: &[Arc<str>],
) -> Result<Vec<ActState>> {
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
            "select distinct trace_id, session_id from span where {}",
            group.condition()
        );
        let mut reached = Vec::new();
        each_row(connection, &sql, |row| {
            reached.push((row.text("trace_id"), row.text("session_id")));
        })?;
        for (trace, session) in reached {
            if let Some(id) = trace.as_deref().and_then(|id| id.parse::<TraceId>().ok()) {
                group.range = group.range.with(seen.trace(&id).unwrap_or(Range::EMPTY));
                group.traces.insert(id.hex());
            }
            if let Some(id) = session {
                group.range = group.range.with(seen.session(&id).unwrap_or(Range::EMPTY));
                group.sessions.insert(id.to_string());
            }
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
    let mut acts = Vec::new();
    let mut damaged = 0;
    let mut ids = HashSet::new();
    each_row(connection, &sql, |row| match rows::act_state(&row) {
        Some(act) if ids.insert(act.act_id) => acts.push(act),
        Some(_) => {}
        None => damaged += 1,
    })?;
    if damaged > 0 {
        tracing::error!(span_count = damaged, "stored acts cannot be read back");
    }
    Ok(acts)
}

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
            parts.push(format!("session_id in ({})", list(&self.sessions)));
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
