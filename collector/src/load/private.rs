//! Which sessions a batch makes private.

use std::collections::HashSet;

use proto::agent::{Act, Event};
use proto::id::TraceId;
use store::Writer;

use crate::conventions::Private;

/// Sessions, and traces of no session, that are to be dropped and kept out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Dropped {
    pub(super) session_ids: Vec<String>,
    pub(super) trace_ids: Vec<TraceId>,
}

/// Works out what records that say so, and acts whose parent is dropped, make private. What is kept
/// out already is not told again.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn dropped(
    writer: &mut Writer,
    private: &[Private],
    acts: &[Act],
    events: &[Event],
) -> Result<Dropped, store::Error> {
    let mut sessions: HashSet<String> = HashSet::new();
    let mut traces: HashSet<TraceId> = HashSet::new();
    for record in private {
        match (&record.session_id, record.trace_id) {
            (Some(id), _) => {
                sessions.insert(id.to_string());
            }
            (None, Some(trace_id)) => {
                traces.insert(trace_id);
            }
            (None, None) => {}
        }
    }
    // A record that names no session belongs to that of its trace.
    for act in acts.iter().filter(|act| traces.contains(&act.trace_id)) {
        sessions.extend(named(act).map(str::to_owned));
    }
    let is_of_trace = |event: &&Event| event.trace_id.is_some_and(|id| traces.contains(&id));
    let of_events = events.iter().filter(is_of_trace);
    sessions.extend(of_events.filter_map(|event| event.session_id.as_deref().map(str::to_owned)));
    sessions.extend(writer.sessions_of_traces(&traces)?);
    // Those that a dropped session has started go along, and those that they have started.
    loop {
        let before = sessions.len();
        for act in acts {
            let (Some(parent), Some(own)) = (&act.facts.parent_session_id, named(act)) else {
                continue;
            };
            if sessions.contains(&**parent) || writer.keeps_out(parent) {
                sessions.insert(own.to_owned());
            }
        }
        if sessions.len() == before {
            break;
        }
    }
    let mut dropped = Dropped {
        session_ids: sessions
            .into_iter()
            .filter(|id| !writer.keeps_out(id))
            .collect(),
        trace_ids: traces
            .into_iter()
            .filter(|id| !writer.keeps_out_trace(id))
            .collect(),
    };
    dropped.session_ids.sort_unstable();
    dropped.trace_ids.sort_unstable();
    Ok(dropped)
}

fn named(act: &Act) -> Option<&str> {
    let facts = &act.facts;
    let named = facts
        .session_id
        .as_ref()
        .or(facts.resource_session_id.as_ref());
    named.map(|id| &**id)
}
