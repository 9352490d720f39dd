//! One look at sessions: their acts read, given to the detectors, and what changed written.
//!
//! Any number of sessions is read by the same few queries.

use std::collections::HashMap;
use std::sync::Arc;

use proto::agent::{Decision, Operation};
use store::{ActKey, FindingRow, Row, Store, Value};

use super::ending::ending;
use super::{Act, ActRow, Content, Ending, Session, Settings};
use crate::error::ApiError;
use crate::rows;
use crate::sql;
use crate::time::now_ns;

/// Texts from this size on are compared by their hash only.
const MAX_TEXT_BYTES: i64 = 64 * 1024;

/// Characters of a text that are compared.
const COMPARED_CHARS: i64 = 8 * 1024;

/// A session that is to be looked at, and as it was when it was looked at last.
pub(crate) struct Due {
    pub(crate) session_id: Arc<str>,
    pub(crate) before: Option<Session>,
}

/// How many findings a look has changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) written: usize,
    pub(crate) removed: usize,
    /// Findings that there are now.
    pub(crate) found: usize,
}

/// Brings the stored findings of sessions up to date. What still holds of a session as it was looked at
/// last is not gone through again.
pub(crate) fn refresh(
    store: &Store,
    settings: &Settings,
    due: Vec<Due>,
) -> Result<(Vec<Session>, Changes), ApiError> {
    let ids: Vec<Arc<str>> = due.iter().map(|due| due.session_id.clone()).collect();
    let looked_at = read_sessions(store, settings, due)?;
    let mut known = known(store, &ids)?;
    let now = now_ns();
    let mut changes = Changes::default();
    let mut changed = Vec::new();
    let mut sessions = Vec::with_capacity(looked_at.len());
    for (session, ending) in looked_at {
        let mut known = known.remove(session.id()).unwrap_or_default();
        for mut finding in session.findings(ending) {
            changes.found += 1;
            finding.updated_ns = now;
            match known.remove(&finding.finding_id) {
                None => {
                    finding.detected_ns = now;
                    changed.push(finding);
                }
                Some(old) if same(&old, &finding) => {}
                Some(old) => {
                    finding.detected_ns = old.detected_ns;
                    changed.push(finding);
                }
            }
        }
        let gone: Vec<String> = known
            .into_values()
            .filter(|finding| super::is_ours(&finding.detector))
            .map(|finding| finding.finding_id)
            .collect();
        if !gone.is_empty() {
            store.remove_findings(session.id(), &gone)?;
            changes.removed += gone.len();
        }
        sessions.push(session);
    }
    changes.written = changed.len();
    if !changed.is_empty() {
        store.write_findings(&changed)?;
    }
    Ok((sessions, changes))
}

/// One session with all its acts.
pub(crate) fn read_session(
    store: &Store,
    settings: &Settings,
    session_id: &Arc<str>,
) -> Result<(Session, Ending), store::Error> {
    let due = Due {
        session_id: session_id.clone(),
        before: None,
    };
    let mut sessions = read_sessions(store, settings, vec![due])?;
    let gone = Ending {
        ended: true,
        ..Ending::default()
    };
    Ok(sessions
        .pop()
        .unwrap_or_else(|| (Session::new(session_id, settings), gone)))
}

/// The acts of a session as they were read, and what of them is known already.
struct Reading {
    session: Session,
    /// Acts that the session has not taken yet.
    new: Vec<ActRow>,
    /// What was read of acts when the session was looked at last, where it has to be gone through again.
    contents: HashMap<ActKey, Act>,
}

/// Takes the acts of sessions that have not been taken yet; all acts of a session of which an earlier one
/// has come or changed since.
fn read_sessions(
    store: &Store,
    settings: &Settings,
    due: Vec<Due>,
) -> Result<Vec<(Session, Ending)>, store::Error> {
    let ids: Vec<&str> = due.iter().map(|due| &*due.session_id).collect();
    let ids = [Value::Text(Arc::from(ids.join(sql::ITEM_SEPARATOR)))];
    let state = store.read(sql::SESSION_STATE, &ids)?;
    let running: HashMap<String, bool> = rows::rows(&state)
        .map(|row| (row.string("session_id"), !row.flag("ended")))
        .collect();
    let mut acts: HashMap<Arc<str>, Vec<ActRow>> = due
        .iter()
        .map(|due| (due.session_id.clone(), Vec::new()))
        .collect();
    store.scan(sql::SESSION_ACTS, &ids, &mut |row| {
        let of_session = row.text(SESSION_ID).and_then(|id| acts.get_mut(id));
        if let (Some(of_session), Some(act)) = (of_session, act(row)) {
            of_session.push(act);
        }
    })?;
    let mut readings: Vec<Reading> = due
        .into_iter()
        .map(|due| {
            let rows = acts.remove(&due.session_id).unwrap_or_default();
            continued(due, rows, settings)
        })
        .collect();
    let mut texts = read_texts(store, &readings)?;
    let mut sessions = Vec::with_capacity(readings.len());
    for Reading {
        mut session,
        new,
        mut contents,
    } in readings.drain(..)
    {
        for row in new {
            let content = match texts.remove(&row.key) {
                Some((input, output)) => {
                    Content::of(row.operation, input.as_deref(), output.as_deref())
                }
                None => contents
                    .remove(&row.key)
                    .filter(|known| has_same_texts(&known.row, &row))
                    .map(|known| known.content)
                    .unwrap_or_default(),
            };
            session.push(Act { row, content });
        }
        // One that is gone is not running.
        let ended = !running.get(&**session.id()).copied().unwrap_or(false);
        let ending = ending(store, settings, &session, ended)?;
        sessions.push((session, ending));
    }
    Ok(sessions)
}

/// What is left to be taken of a session whose acts are `rows`.
fn continued(due: Due, mut rows: Vec<ActRow>, settings: &Settings) -> Reading {
    match due.before {
        Some(session) if session.is_continued_by(&rows) => {
            let new = rows.split_off(session.acts().len());
            Reading {
                session,
                new,
                contents: HashMap::new(),
            }
        }
        before => {
            let acts = before.map(Session::into_acts).unwrap_or_default();
            Reading {
                session: Session::new(&due.session_id, settings),
                new: rows,
                contents: acts.into_iter().map(|act| (act.key, act)).collect(),
            }
        }
    }
}

/// Beginnings of the input and the output of an act.
type Texts = (Option<String>, Option<String>);

/// The texts of the acts that are new and not known yet.
fn read_texts(store: &Store, readings: &[Reading]) -> Result<HashMap<ActKey, Texts>, store::Error> {
    let (mut ids, mut starts): (Vec<&str>, Vec<String>) = (Vec::new(), Vec::new());
    for reading in readings {
        let unread = reading.new.iter().find(|row| {
            (row.input_hash.is_some() || row.output_hash.is_some())
                && row.has_compared_texts()
                && reading
                    .contents
                    .get(&row.key)
                    .is_none_or(|known| !has_same_texts(&known.row, row))
        });
        if let Some(first) = unread {
            ids.push(reading.session.id());
            starts.push(first.start_ns.to_string());
        }
    }
    let mut texts = HashMap::new();
    if ids.is_empty() {
        return Ok(texts);
    }
    let parameters = [
        Value::Text(Arc::from(ids.join(sql::ITEM_SEPARATOR))),
        Value::Text(Arc::from(starts.join(sql::ITEM_SEPARATOR))),
        Value::Int(MAX_TEXT_BYTES),
        Value::Int(COMPARED_CHARS),
    ];
    store.scan(sql::SESSION_TEXTS, &parameters, &mut |row| {
        let text = |at: usize| row.text(at).map(str::to_owned);
        if let Some(key) = key(row) {
            texts.insert(key, (text(2), text(3)));
        }
    })?;
    Ok(texts)
}

fn has_same_texts(a: &ActRow, b: &ActRow) -> bool {
    a.operation == b.operation && a.input_hash == b.input_hash && a.output_hash == b.output_hash
}

fn key(row: &Row<'_>) -> Option<ActKey> {
    Some(ActKey {
        trace_id: row.text(0)?.parse().ok()?,
        span_id: row.text(1)?.parse().ok()?,
    })
}

/// Findings of a session as last written, by id.
type Known = HashMap<String, FindingRow>;

/// The stored findings of sessions.
fn known(store: &Store, session_ids: &[Arc<str>]) -> Result<HashMap<Arc<str>, Known>, ApiError> {
    let filter = [
        Value::Int(i64::MAX),
        Value::Text(Arc::from(session_ids.join(sql::ITEM_SEPARATOR))),
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Null,
    ];
    let table = store.read(sql::LIST_FINDINGS, &filter)?;
    let mut known: HashMap<Arc<str>, Known> = HashMap::new();
    for row in rows::rows(&table) {
        let finding = rows::stored_finding(&row);
        known
            .entry(Arc::from(finding.session_id.as_str()))
            .or_default()
            .insert(finding.finding_id.clone(), finding);
    }
    Ok(known)
}

/// Whether nothing but the times differs.
fn same(old: &FindingRow, new: &FindingRow) -> bool {
    let old = FindingRow {
        detected_ns: new.detected_ns,
        updated_ns: new.updated_ns,
        ..old.clone()
    };
    old == *new
}

/// Column of the session in session_acts.sql.
const SESSION_ID: usize = 27;

/// Reads one row of session_acts.sql; the numbers are its column positions.
fn act(row: &Row<'_>) -> Option<ActRow> {
    let text = |at: usize| row.text(at).map(Arc::from);
    let hash = |at: usize| row.bytes(at).map(Arc::from);
    Some(ActRow {
        key: key(row)?,
        parent: row.text(2).and_then(|id| id.parse().ok()),
        operation: Operation::parse(row.text(3)?)?,
        name: text(4).unwrap_or_default(),
        agent: text(5).unwrap_or_default(),
        turn: row.int(6).unwrap_or(0),
        start_ns: row.int(7).unwrap_or(0),
        end_ns: row.int(8),
        is_error: row.flag(9).unwrap_or(false),
        error: text(10),
        model: text(11),
        tool_name: text(12),
        tool_call_id: text(13),
        mcp_server: text(14),
        hook_name: text(15),
        hook_event: text(16),
        decision: row.text(17).and_then(Decision::parse),
        decision_source: text(18),
        tokens: row
            .int(19)
            .unwrap_or(0)
            .saturating_add(row.int(20).unwrap_or(0)),
        input_tokens: row.int(19),
        output_tokens: row.int(20),
        cost_usd: row.double(21),
        finish_reason: text(22),
        input_hash: hash(23),
        output_hash: hash(24),
        call_hash: text(25),
        detail: text(26),
    })
}
