//! Turns the store's notices into messages for everybody who watches.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use store::Notice;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::model::SessionRow;
use crate::routes::sessions::sessions_by_id;
use crate::rows;
use crate::state::AppState;

/// Messages that a slow client may fall behind.
pub(crate) const CAPACITY: usize = 1024;

/// Commits within this time share one reading of their sessions.
const SESSION_PACE: Duration = Duration::from_millis(100);

/// One event of the live stream, ready to be sent to any number of clients.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) event: &'static str,
    /// JSON on one line.
    pub(crate) data: String,
    /// The sessions that it tells of; `None` = it tells nothing of what is recorded.
    about: Option<Vec<Arc<str>>>,
}

impl Message {
    /// One that tells nothing of what is recorded.
    pub(crate) fn for_everybody(event: &'static str, body: &impl Serialize) -> Self {
        Self {
            event,
            data: serde_json::to_string(body).unwrap_or_else(|_| "null".to_owned()),
            about: None,
        }
    }

    /// One that tells of sessions.
    fn of(
        event: &'static str,
        body: &impl Serialize,
        sessions: impl IntoIterator<Item = Arc<str>>,
    ) -> Self {
        Self {
            about: Some(sessions.into_iter().collect()),
            ..Self::for_everybody(event, body)
        }
    }
}

/// Of some messages what is for somebody who sees no more than `state` does; nothing when that cannot be found
/// out, which the log tells. What others sent shows in no count. One question for all of them.
pub(crate) async fn for_limited(state: &AppState, messages: &[Arc<Message>]) -> Vec<Arc<Message>> {
    let about = messages.iter().filter_map(|message| message.about.as_ref());
    let ids: HashSet<&Arc<str>> = about.flatten().collect();
    let ids: Vec<String> = ids.into_iter().map(|id| id.to_string()).collect();
    let rows = match ids.is_empty() {
        true => Vec::new(),
        false => sessions_by_id(state, ids).await.unwrap_or_default(),
    };
    let visible: HashMap<&str, &SessionRow> = rows
        .iter()
        .map(|row| (row.session_id.as_str(), row))
        .collect();
    let told = messages
        .iter()
        .filter_map(|message| limited(message, &visible));
    told.collect()
}

/// What of a message is for somebody who sees these sessions.
fn limited(message: &Arc<Message>, visible: &HashMap<&str, &SessionRow>) -> Option<Arc<Message>> {
    let Some(about) = &message.about else {
        return Some(Arc::clone(message));
    };
    let ids: Vec<&Arc<str>> = about
        .iter()
        .filter(|id| visible.contains_key(&***id))
        .collect();
    let row = visible.get(&***ids.first()?)?;
    let of = || ids.iter().map(|id| Arc::clone(id));
    match message.event {
        "session" => Some(Arc::new(Message::of("session", row, of()))),
        "finding" => Some(Arc::clone(message)),
        "commit" => {
            let commit = Commit {
                session_ids: ids.iter().map(|id| &***id).collect(),
                removed_session_ids: Vec::new(),
                span_count: 0,
                event_count: 0,
                resync: false,
            };
            Some(Arc::new(Message::of("commit", &commit, of())))
        }
        _ => None,
    }
}

#[derive(Serialize)]
struct Commit<'a> {
    session_ids: Vec<&'a str>,
    /// Sessions that are there no longer.
    removed_session_ids: Vec<&'a str>,
    span_count: u64,
    event_count: u64,
    /// Something was missed: read again what is shown.
    resync: bool,
}

/// Tells a client that it has missed something.
pub(crate) fn resync() -> Message {
    Message::for_everybody(
        "commit",
        &Commit {
            session_ids: Vec::new(),
            removed_session_ids: Vec::new(),
            span_count: 0,
            event_count: 0,
            resync: true,
        },
    )
}

/// Passes notices on until shutdown.
pub(crate) async fn run(state: AppState, mut notices: broadcast::Receiver<Arc<Notice>>) {
    let mut changed: HashSet<Arc<str>> = HashSet::new();
    let mut due = Instant::now();
    // Reading sessions takes a while; what needs no reading does not wait for it.
    let mut reading = JoinSet::new();
    loop {
        tokio::select! {
            () = state.shutdown.cancelled() => return,
            () = sleep_until(due), if !changed.is_empty() && reading.is_empty() => {
                let (state, ids) = (state.clone(), std::mem::take(&mut changed));
                reading.spawn(async move { send_sessions(&state, ids.into_iter()).await });
            }
            Some(_) = reading.join_next() => due = Instant::now() + SESSION_PACE,
            notice = notices.recv() => match notice {
                Ok(notice) => pass_on(&state, &notice, &mut changed, &mut due),
                Err(RecvError::Lagged(_)) => send(&state, resync()),
                Err(RecvError::Closed) => return,
            },
        }
    }
}

fn pass_on(state: &AppState, notice: &Notice, changed: &mut HashSet<Arc<str>>, due: &mut Instant) {
    match notice {
        Notice::Committed {
            sessions,
            removed_sessions,
            span_count,
            event_count,
            ..
        } => {
            let session_ids = || sessions.iter().map(|changed| &changed.session_id);
            let ids = session_ids().chain(removed_sessions);
            let commit = Commit {
                session_ids: ids.map(|id| &**id).collect(),
                removed_session_ids: removed_sessions.iter().map(|id| &**id).collect(),
                span_count: *span_count,
                event_count: *event_count,
                resync: false,
            };
            let message = Message::of("commit", &commit, session_ids().cloned());
            send(state, message);
            changed.extend(session_ids().cloned());
        }
        Notice::Findings(findings) => {
            for finding in findings {
                let told = rows::announced_finding(finding);
                let id = Arc::from(finding.session_id.as_str());
                send(state, Message::of("finding", &told, [id]));
            }
        }
        Notice::FindingsStored(session_ids) => changed.extend(session_ids.iter().cloned()),
    }
    *due = (*due).max(Instant::now());
}

async fn send_sessions(state: &AppState, ids: impl Iterator<Item = Arc<str>>) {
    if state.live.receiver_count() == 0 {
        return;
    }
    let ids = ids.map(|id| id.to_string()).collect();
    // A failure is in the log already; the next commit brings the rows again.
    for row in sessions_by_id(state, ids).await.unwrap_or_default() {
        let id = Arc::from(row.session_id.as_str());
        send(state, Message::of("session", &row, [id]));
    }
}

fn send(state: &AppState, message: Message) {
    // Fails when nobody watches.
    let _ = state.live.send(Arc::new(message));
}
