use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use proto::agent::{Decision, Operation};
use store::{ActKey, FindingRow, Notice, Row, Store, Value};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::{Act, ActRow, Content, Ending, Session, Settings};
use crate::error::ApiError;
use crate::rows;
use crate::sql;
use crate::state::AppState;
use crate::time::now_ns;

/// A session is looked at this long after its first change; changes meanwhile share the look.
const DEBOUNCE: Duration = Duration::from_millis(200);

/// A look that takes long is followed by a rest of so many times its length, so that a huge session
/// cannot take a processor for itself.
const REST_FACTOR: u32 = 2;

/// While nothing is due, it is noted this often how far the looks have come.
const MARK_PERIOD: Duration = Duration::from_secs(2);

/// Acts of the sessions that are kept between looks; about two kilobytes each.
const KEPT_ACTS: usize = 50_000;

/// Texts from this size on are compared by their hash only.
const MAX_TEXT_BYTES: i64 = 64 * 1024;

/// Characters of a text that are compared.
const COMPARED_CHARS: i64 = 8 * 1024;

/// Findings of a session as last written, by id.
type Known = HashMap<String, FindingRow>;

/// Sessions that were looked at, so that the next look takes only what is new.
type Watched = HashMap<Arc<str>, Session>;

/// Runs until shutdown. Starts with the sessions that were not finished, or not looked at, when the
/// last run ended.
pub(crate) async fn run(state: AppState, mut notices: broadcast::Receiver<Arc<Notice>>) {
    let mut due: HashMap<Arc<str>, Instant> = HashMap::new();
    let mut watched = Watched::new();
    let mut mark = Mark {
        is_behind: true,
        ..Mark::default()
    };
    let mut mark_ticks = interval(MARK_PERIOD);
    mark_ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    schedule_unfinished(&state, &mut due).await;
    loop {
        let next = due.values().min().copied();
        tokio::select! {
            () = state.shutdown.cancelled() => return,
            _ = mark_ticks.tick(), if mark.is_behind && due.is_empty() => mark.advance(&state).await,
            () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                let now = Instant::now();
                let ready: Vec<Arc<str>> = due
                    .iter()
                    .filter(|(_, at)| **at <= now)
                    .map(|(id, _)| id.clone())
                    .collect();
                for id in ready {
                    due.remove(&id);
                    let took = look(&state, &id, &mut watched).await;
                    drain(&mut notices, &mut due, took * REST_FACTOR);
                }
            }
            notice = notices.recv() => match notice {
                Ok(notice) => {
                    mark.is_behind = true;
                    schedule(&notice, &mut due, DEBOUNCE);
                }
                Err(RecvError::Lagged(_)) => schedule_unfinished(&state, &mut due).await,
                Err(RecvError::Closed) => return,
            },
        }
    }
}

/// How far the looks have come, so that the next run need not look at everything.
#[derive(Default)]
struct Mark {
    stored: i64,
    /// The latest act a period ago: the notice of its commit has come since, and nothing is due.
    settled: i64,
    /// There may be acts behind what is stored.
    is_behind: bool,
}

impl Mark {
    async fn advance(&mut self, state: &AppState) {
        if self.settled > self.stored {
            let act_id = self.settled;
            let marked = state.blocking(move |store| Ok(store.mark_looked_at(act_id)?));
            // A failure is in the log already; a mark that lags costs looks at the next start.
            if marked.await.is_ok() {
                self.stored = act_id;
            }
        }
        if let Ok(table) = state.read(sql::LAST_ACT, Vec::new()).await
            && let Some(Value::Int(act_id)) = table.rows.first().and_then(|row| row.first())
        {
            self.settled = *act_id;
            self.is_behind = self.settled > self.stored;
        }
    }
}

/// Takes the notices that came while a session was looked at.
fn drain(
    notices: &mut broadcast::Receiver<Arc<Notice>>,
    due: &mut HashMap<Arc<str>, Instant>,
    rest: Duration,
) {
    while let Ok(notice) = notices.try_recv() {
        schedule(&notice, due, rest.max(DEBOUNCE));
    }
}

fn schedule(notice: &Notice, due: &mut HashMap<Arc<str>, Instant>, after: Duration) {
    if let Notice::Committed {
        session_ids,
        removed_sessions,
        ..
    } = notice
    {
        let at = Instant::now() + after;
        for id in session_ids.iter().chain(removed_sessions) {
            due.entry(id.clone()).or_insert(at);
        }
    }
}

async fn schedule_unfinished(state: &AppState, due: &mut HashMap<Arc<str>, Instant>) {
    // A failure is in the log already.
    if let Ok(table) = state.read(sql::SESSIONS_TO_WATCH, Vec::new()).await {
        let now = Instant::now();
        for row in &table.rows {
            if let Some(Value::Text(id)) = row.first() {
                due.entry(id.clone()).or_insert(now);
            }
        }
    }
}

/// Looks at one session; returns how long it took.
async fn look(state: &AppState, session_id: &Arc<str>, watched: &mut Watched) -> Duration {
    let started = Instant::now();
    let id = session_id.clone();
    let before = watched.remove(session_id);
    let settings = Arc::clone(&state.config.detectors);
    let looked = state
        .blocking(move |store| refresh(store, &settings, &id, before))
        .await;
    // A failure is in the log already; the next commit of the session looks again.
    if let Ok((session, _)) = looked {
        let kept: usize = watched.values().map(|other| other.acts().len()).sum();
        if kept + session.acts().len() > KEPT_ACTS {
            watched.clear();
        }
        if session.acts().len() <= KEPT_ACTS {
            watched.insert(session_id.clone(), session);
        }
    }
    started.elapsed()
}

/// How many findings of a session a look has changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) written: usize,
    pub(crate) removed: usize,
    /// Findings that there are now.
    pub(crate) found: usize,
}

/// Brings the stored findings of one session up to date. `before` is the session as it was looked at
/// last, of which what still holds is not gone through again.
pub(crate) fn refresh(
    store: &Store,
    settings: &Settings,
    session_id: &Arc<str>,
    before: Option<Session>,
) -> Result<(Session, Changes), ApiError> {
    let (session, ending) = read_session(store, settings, session_id, before)?;
    let mut known = known(store, session_id)?;
    let now = now_ns();
    let mut changed = Vec::new();
    let findings = session.findings(ending);
    let found = findings.len();
    for mut finding in findings {
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
        store.remove_findings(session_id, &gone)?;
    }
    if !changed.is_empty() {
        store.write_findings(&changed)?;
    }
    let changes = Changes {
        written: changed.len(),
        removed: gone.len(),
        found,
    };
    Ok((session, changes))
}

/// Takes the acts of a session that `before` has not taken yet; all of them when an earlier act has
/// come or changed since.
pub(crate) fn read_session(
    store: &Store,
    settings: &Settings,
    session_id: &Arc<str>,
    before: Option<Session>,
) -> Result<(Session, Ending), store::Error> {
    let id = [Value::Text(session_id.clone())];
    let state = store.read(sql::SESSION_STATE, &id)?;
    let ended = state
        .rows
        .first()
        .is_none_or(|row| row.first() == Some(&Value::Bool(true)));
    let mut rows = Vec::new();
    store.scan(sql::SESSION_ACTS, &id, &mut |row| rows.extend(act(row)))?;
    let mut contents: HashMap<ActKey, Act> = HashMap::new();
    let mut session = match before {
        Some(session) if session.is_continued_by(&rows) => session,
        before => {
            let acts = before.map(Session::into_acts).unwrap_or_default();
            contents.extend(acts.into_iter().map(|act| (act.key, act)));
            Session::new(session_id, settings)
        }
    };
    let taken = session.acts().len();
    let new = rows.get(taken..).unwrap_or_default();
    let mut texts = read_texts(store, session_id, new, &contents)?;
    for row in rows.drain(taken..) {
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
    Ok((session, Ending { ended }))
}

/// Beginnings of the input and the output of an act.
type Texts = (Option<String>, Option<String>);

/// The texts of the acts in `rows` that `known` has not read yet.
fn read_texts(
    store: &Store,
    session_id: &Arc<str>,
    rows: &[ActRow],
    known: &HashMap<ActKey, Act>,
) -> Result<HashMap<ActKey, Texts>, store::Error> {
    let mut texts = HashMap::new();
    let unread = rows.iter().find(|row| {
        (row.input_hash.is_some() || row.output_hash.is_some())
            && (row.is_tool() || row.is_model())
            && known
                .get(&row.key)
                .is_none_or(|known| !has_same_texts(&known.row, row))
    });
    let Some(first) = unread else {
        return Ok(texts);
    };
    let parameters = [
        Value::Text(session_id.clone()),
        Value::Int(first.start_ns),
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

/// The stored findings of a session.
fn known(store: &Store, session_id: &Arc<str>) -> Result<Known, ApiError> {
    let filter = [
        Value::Int(i64::MAX),
        Value::Text(session_id.clone()),
        Value::Null,
        Value::Null,
        Value::Null,
    ];
    let table = store.read(sql::LIST_FINDINGS, &filter)?;
    Ok(rows::rows(&table)
        .map(|row| (row.string("finding_id"), rows::stored_finding(&row)))
        .collect())
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
