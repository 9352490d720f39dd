//! One look at sessions: their acts read and given to the detectors, and what has changed.
//!
//! Any number of sessions is read by the same few queries.

use std::collections::HashMap;
use std::sync::Arc;

use proto::agent::{Decision, Operation};
use store::{ActKey, FindingRow, Row, Store, Value};

use super::ending::{standings, with_endings};
use super::{Act, ActRow, Content, Ending, Session, Settings};
use crate::error::ApiError;
use crate::rows;
use crate::sql;
use crate::time::now_ns;

/// Texts from this size on are compared by their hash only.
const MAX_TEXT_BYTES: i64 = 64 * 1024;

/// Characters of a text that are compared.
const COMPARED_CHARS: i64 = 8 * 1024;

/// A session as it was left by a look.
pub(crate) struct Looked {
    pub(crate) session: Session,
    /// Its findings, as they are stored or about to be.
    known: Known,
}

/// A session that is to be looked at, and as it was left by the last look.
pub(crate) struct Due {
    pub(crate) session_id: Arc<str>,
    pub(crate) before: Option<Looked>,
}

/// What a look has changed.
#[derive(Default)]
pub(crate) struct News {
    /// Findings that are new or have grown.
    pub(crate) changed: Vec<FindingRow>,
    /// Sessions with the ids of their findings that hold no longer.
    pub(crate) gone: Vec<(Arc<str>, Vec<String>)>,
    /// Findings that there are now.
    pub(crate) found: usize,
}

impl News {
    pub(crate) fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.gone.is_empty()
    }

    /// Writes what has changed; waits for the commits of others.
    pub(crate) fn write(&self, store: &Store) -> Result<(), store::Error> {
        for (session_id, ids) in &self.gone {
            store.remove_findings(session_id, ids)?;
        }
        store.write_findings(&self.changed)
    }
}

/// Looks at sessions and says what has changed. What still holds of a session as it was left by the last
/// look is not gone through again.
pub(crate) fn look(
    store: &Store,
    settings: &Settings,
    due: Vec<Due>,
) -> Result<(Vec<Looked>, News), ApiError> {
    let mut remembered: HashMap<Arc<str>, Known> = HashMap::new();
    let mut forgotten = Vec::new();
    let mut befores = Vec::with_capacity(due.len());
    for Due { session_id, before } in due {
        let before = match before {
            Some(looked) => {
                remembered.insert(session_id.clone(), looked.known);
                Some(looked.session)
            }
            None => {
                forgotten.push(session_id.clone());
                None
            }
        };
        befores.push((session_id, before));
    }
    let sessions = read_sessions(store, settings, befores)?;
    remembered.extend(stored_findings(store, &forgotten)?);
    let now = now_ns();
    let mut news = News::default();
    let mut looked = Vec::with_capacity(sessions.len());
    for (session, ending) in sessions {
        let mut old = remembered.remove(session.id()).unwrap_or_default();
        let mut known = Known::new();
        for mut finding in session.findings(ending) {
            finding.updated_ns = now;
            finding.detected_ns = now;
            match old.remove(&finding.finding_id) {
                Some(old) if same(&old, &finding) => finding = old,
                old => {
                    if let Some(old) = old {
                        finding.detected_ns = old.detected_ns;
                    }
                    news.changed.push(finding.clone());
                }
            }
            known.insert(finding.finding_id.clone(), finding);
        }
        news.found += known.len();
        let gone: Vec<String> = old
            .into_values()
            .filter(|finding| super::is_ours(&finding.detector))
            .map(|finding| finding.finding_id)
            .collect();
        if !gone.is_empty() {
            news.gone.push((session.id().clone(), gone));
        }
        looked.push(Looked { session, known });
    }
    Ok((looked, news))
}

/// One session with all its acts.
pub(crate) fn read_session(
    store: &Store,
    settings: &Settings,
    session_id: &Arc<str>,
) -> Result<(Session, Ending), store::Error> {
    let mut sessions = read_sessions(store, settings, vec![(session_id.clone(), None)])?;
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
    due: Vec<(Arc<str>, Option<Session>)>,
) -> Result<Vec<(Session, Ending)>, store::Error> {
    let ids: Vec<&str> = due.iter().map(|(id, _)| &**id).collect();
    let ids = [Value::Text(Arc::from(ids.join(sql::ITEM_SEPARATOR)))];
    let standings = standings(store, &ids)?;
    let mut acts: HashMap<Arc<str>, Vec<ActRow>> =
        due.iter().map(|(id, _)| (id.clone(), Vec::new())).collect();
    store.scan(sql::SESSION_ACTS, &ids, &mut |row| {
        let of_session = row.text(SESSION_ID).and_then(|id| acts.get_mut(id));
        if let (Some(of_session), Some(act)) = (of_session, act(row)) {
            of_session.push(act);
        }
    })?;
    let mut readings: Vec<Reading> = due
        .into_iter()
        .map(|(id, before)| {
            let rows = acts.remove(&id).unwrap_or_default();
            continued(&id, before, rows, settings)
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
        sessions.push(session);
    }
    with_endings(store, settings, sessions, &standings)
}

/// What is left to be taken of a session whose acts are `rows`.
fn continued(
    session_id: &Arc<str>,
    before: Option<Session>,
    mut rows: Vec<ActRow>,
    settings: &Settings,
) -> Reading {
    match before {
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
                session: Session::new(session_id, settings),
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

/// Findings of a session, by id.
type Known = HashMap<String, FindingRow>;

/// The stored findings of sessions.
fn stored_findings(
    store: &Store,
    session_ids: &[Arc<str>],
) -> Result<HashMap<Arc<str>, Known>, ApiError> {
    if session_ids.is_empty() {
        return Ok(HashMap::new());
    }
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
