//! Reading back the connected group of acts that a resolver needs.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use duckdb::{Connection, Result};
use proto::id::TraceId;

use crate::columns::{Columns, each_row};
use crate::seen::Seen;
use crate::{ActState, rows};

/// All acts of the group that the traces and sessions belong to, in order of arrival.
pub(crate) fn acts(
    connection: &Connection,
    seen: &Seen,
    traces: &[TraceId],
    sessions: &[Arc<str>],
) -> Result<Vec<ActState>> {
    let mut traces: BTreeSet<String> = traces
        .iter()
        .filter(|id| seen.knows_trace(id))
        .map(TraceId::hex)
        .collect();
    let mut sessions: BTreeSet<String> = sessions
        .iter()
        .filter(|id| seen.knows_session(id))
        .map(|id| id.to_string())
        .collect();
    if traces.is_empty() && sessions.is_empty() {
        return Ok(Vec::new());
    }
    // Each round adds what the group so far reaches, until it reaches nothing new.
    loop {
        let known = traces.len() + sessions.len();
        let sql = format!(
            "select distinct trace_id, session_id from span where {}",
            within(&traces, &sessions)
        );
        each_row(connection, &sql, |row| {
            traces.extend(row.str("trace_id").map(str::to_owned));
            sessions.extend(row.str("session_id").map(str::to_owned));
        })?;
        if traces.len() + sessions.len() == known {
            break;
        }
    }
    let mut columns = Columns::default();
    rows::light(&mut columns, &[], &|_| None);
    let sql = format!(
        "select {} from span where {} order by act_id",
        columns.names().join(", "),
        within(&traces, &sessions)
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

fn within(traces: &BTreeSet<String>, sessions: &BTreeSet<String>) -> String {
    let list = |ids: &BTreeSet<String>| {
        let quoted = ids.iter().map(|id| quoted(id));
        quoted.collect::<Vec<_>>().join(",")
    };
    let mut parts = Vec::new();
    if !traces.is_empty() {
        parts.push(format!("trace_id in ({})", list(traces)));
    }
    if !sessions.is_empty() {
        parts.push(format!("session_id in ({})", list(sessions)));
    }
    parts.join(" or ")
}

/// A string literal. The text of a statement cannot hold NUL itself.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''")).replace('\0', "' || chr(0) || '")
}
