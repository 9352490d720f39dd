//! Keeps the stored findings equal to what the detectors say, session by session.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use proto::agent::{Decision, Operation};
use store::{ActKey, FindingRow, Notice, Row, Store, Value};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};

use super::{ActRow, detect};
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

/// Findings of a session as last written, by id.
type Known = HashMap<String, FindingRow>;

/// Runs until shutdown. Starts with the sessions that were not finished when the last run ended.
pub(crate) async fn run(state: AppState, mut notices: broadcast::Receiver<Arc<Notice>>) {
    let mut due: HashMap<Arc<str>, Instant> = HashMap::new();
    schedule_unfinished(&state, &mut due).await;
    loop {
        let next = due.values().min().copied();
        tokio::select! {
            () = state.shutdown.cancelled() => return,
            () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                let now = Instant::now();
                let ready: Vec<Arc<str>> = due
                    .iter()
                    .filter(|(_, at)| **at <= now)
                    .map(|(id, _)| id.clone())
                    .collect();
                for id in ready {
                    due.remove(&id);
                    let took = look(&state, &id).await;
                    drain(&mut notices, &mut due, took * REST_FACTOR);
                }
            }
            notice = notices.recv() => match notice {
                Ok(notice) => schedule(&notice, &mut due, DEBOUNCE),
                Err(RecvError::Lagged(_)) => schedule_unfinished(&state, &mut due).await,
                Err(RecvError::Closed) => return,
            },
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
async fn look(state: &AppState, session_id: &Arc<str>) -> Duration {
    let started = Instant::now();
    let id = session_id.clone();
    // A failure is in the log already; the next commit of the session looks again.
    let _ = state.blocking(move |store| refresh(store, &id)).await;
    started.elapsed()
}

/// Brings the stored findings of one session up to date.
pub(super) fn refresh(store: &Store, session_id: &Arc<str>) -> Result<(), ApiError> {
    let id = [Value::Text(session_id.clone())];
    let session = store.read(sql::SESSION_STATE, &id)?;
    let ended = session
        .rows
        .first()
        .is_none_or(|row| row.first() == Some(&Value::Bool(true)));
    let mut acts = Vec::new();
    store.scan(sql::SESSION_ACTS, &id, &mut |row| acts.extend(act(row)))?;
    let mut known = known(store, session_id)?;
    let now = now_ns();
    let mut changed = Vec::new();
    for mut finding in detect(session_id, &acts, ended) {
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
    Ok(())
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
        key: ActKey {
            trace_id: row.text(0)?.parse().ok()?,
            span_id: row.text(1)?.parse().ok()?,
        },
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
