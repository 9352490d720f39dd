//! What subscribers are told after a commit.

use std::collections::HashMap;
use std::sync::Arc;

use crate::seen::Seen;
use crate::{Batch, Committed, FindingRow, SessionRow};

/// A session of which something was stored or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pub session_id: Arc<str>,
    /// No act of the session has a lower row number; 0 where that is not known.
    pub first_act_id: i64,
    /// Row numbers of its acts that are new or have changed; none when something else of it has.
    pub act_ids: Vec<i64>,
    /// Where it stands, if its row was written.
    pub standing: Option<Standing>,
}

/// Where a session stands, by its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub ended: bool,
    /// It has not ended, and its last act calls for another.
    pub is_awaited: bool,
    /// When its last act was, Unix ns.
    pub last_ns: i64,
}

impl Standing {
    fn of(row: &SessionRow) -> Self {
        Self {
            ended: row.ended,
            is_awaited: !row.ended && row.silent_status == "killed",
            last_ns: row.last_ns,
        }
    }
}

/// Told to every subscriber after a commit.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// Acts or events of these sessions were stored or changed.
    Committed {
        sessions: Vec<Changed>,
        /// Acts of these belong to other sessions now.
        left_sessions: Vec<Arc<str>>,
        removed_sessions: Vec<Arc<str>>,
        span_count: u64,
        event_count: u64,
    },
    /// These findings are new or have grown. They may not be stored yet.
    Findings(Vec<FindingRow>),
    /// Findings of these sessions were stored.
    FindingsStored(Vec<Arc<str>>),
}

impl Notice {
    /// Of a batch that the loader has committed; `seen` knows of it already.
    pub(crate) fn of_commit(seen: &Seen, batch: &Batch, committed: &Committed) -> Self {
        let mut acts: HashMap<&Arc<str>, Vec<i64>> = HashMap::new();
        let of_acts = batch.new_acts.iter().map(|(_, state)| state);
        for state in of_acts.chain(&batch.changed_acts) {
            let act_ids = acts.entry(&state.derived.session_id).or_default();
            act_ids.push(state.act_id);
        }
        let of_events = batch
            .events
            .iter()
            .filter_map(|event| event.session_id.as_ref());
        let of_sessions = batch.sessions.iter().map(|session| &session.session_id);
        for id in of_sessions.chain(of_events) {
            acts.entry(id).or_default();
        }
        let mut standings: HashMap<&Arc<str>, Standing> = batch
            .sessions
            .iter()
            .map(|session| (&session.session_id, Standing::of(session)))
            .collect();
        let sessions = acts.into_iter().filter(|(id, _)| !id.is_empty());
        let sessions = sessions.map(|(id, act_ids)| Changed {
            session_id: Arc::clone(id),
            first_act_id: seen.session(id).map_or(0, |range| range.first),
            act_ids,
            standing: standings.remove(id),
        });
        let mut sessions: Vec<Changed> = sessions.collect();
        sessions.sort_unstable_by(|a, b| a.session_id.cmp(&b.session_id));
        Self::Committed {
            sessions,
            left_sessions: batch.left_sessions.clone(),
            removed_sessions: batch.removed_sessions.clone(),
            span_count: committed.span_count,
            event_count: committed.event_count,
        }
    }

    /// Something of a session has changed that is no act.
    pub(crate) fn of_session(session_id: &str) -> Self {
        Self::Committed {
            sessions: vec![Changed {
                session_id: Arc::from(session_id),
                first_act_id: 0,
                act_ids: Vec::new(),
                standing: None,
            }],
            left_sessions: Vec::new(),
            removed_sessions: Vec::new(),
            span_count: 0,
            event_count: 0,
        }
    }

    /// Sessions were deleted, or nothing but the place of things in the file has changed.
    pub(crate) fn of_removal(removed_sessions: Vec<Arc<str>>) -> Self {
        Self::Committed {
            sessions: Vec::new(),
            left_sessions: Vec::new(),
            removed_sessions,
            span_count: 0,
            event_count: 0,
        }
    }
}
