//! What was deleted stays deleted: records that come late or again are left out.

use std::borrow::Cow;
use std::collections::HashSet;

use duckdb::{Connection, Result};
use proto::agent::{Act, RecordRef};
use proto::id::TraceId;

use crate::Batch;
use crate::columns::each_row;

/// Ids of deleted sessions, other ids that their records name them by, and their traces.
#[derive(Default)]
pub(crate) struct Deleted {
    sessions: HashSet<String>,
    traces: HashSet<TraceId>,
    /// Rises with each deletion of this run.
    pub(crate) count: u64,
}

impl Deleted {
    pub(crate) fn load(connection: &Connection) -> Result<Self> {
        let mut deleted = Self::default();
        each_row(connection, "select kind, id from deleted", |row| {
            let Some(id) = row.str("id") else { return };
            if row.str("kind") == Some("trace") {
                deleted.traces.extend(id.parse::<TraceId>());
            } else {
                deleted.sessions.insert(id.to_owned());
            }
        })?;
        Ok(deleted)
    }

    /// Takes over what was read back.
    pub(crate) fn become_like(&mut self, deleted: Self) {
        let count = self.count;
        *self = Self { count, ..deleted };
    }

    /// As [`Self::become_like`], counting a deletion.
    pub(crate) fn become_after_deletion(&mut self, deleted: Self) {
        self.count += 1;
        self.become_like(deleted);
    }

    fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.traces.is_empty()
    }

    pub(crate) fn has_session(&self, id: &str) -> bool {
        self.sessions.contains(id)
    }

    pub(crate) fn has_trace(&self, id: &TraceId) -> bool {
        self.traces.contains(id)
    }

    /// Whether what names this session, or only this trace, is of a deleted session.
    fn has(&self, session_id: Option<&str>, trace_id: Option<&TraceId>) -> bool {
        match session_id {
            Some(id) => self.sessions.contains(id),
            None => trace_id.is_some_and(|id| self.traces.contains(id)),
        }
    }

    /// Leaves out what records say of deleted sessions.
    pub(crate) fn leave_out(&self, acts: &mut Vec<Act>, batch: &mut Batch) {
        if self.is_empty() {
            return;
        }
        let before = acts.len();
        acts.retain(|act| {
            let facts = &act.facts;
            let named = facts
                .session_id
                .as_ref()
                .or(facts.resource_session_id.as_ref());
            !self.has(named.map(|id| &**id), Some(&act.trace_id))
        });
        let left_out = before != acts.len();
        if self.leave_out_records(batch) || left_out {
            let acts = acts.iter().filter_map(|act| act.record);
            keep_referred(acts.collect(), batch);
        }
    }

    /// The batch without what belongs to sessions that were deleted while it was worked out.
    pub(crate) fn living<'a>(&self, batch: &'a Batch) -> Cow<'a, Batch> {
        let is_gone = |id: &str| self.sessions.contains(id);
        let is_living = self.is_empty()
            || !(batch
                .new_acts
                .iter()
                .any(|(_, state)| is_gone(&state.derived.session_id))
                || batch.sessions.iter().any(|row| is_gone(&row.session_id))
                || batch.traces.iter().any(|row| is_gone(&row.session_id)));
        if is_living {
            return Cow::Borrowed(batch);
        }
        let mut batch = batch.clone();
        batch
            .new_acts
            .retain(|(_, state)| !is_gone(&state.derived.session_id));
        batch
            .changed_acts
            .retain(|state| !is_gone(&state.derived.session_id));
        batch.sessions.retain(|row| !is_gone(&row.session_id));
        batch.turns.retain(|row| !is_gone(&row.session_id));
        batch.traces.retain(|row| !is_gone(&row.session_id));
        self.leave_out_records(&mut batch);
        let acts = batch.new_acts.iter().filter_map(|(act, _)| act.record);
        keep_referred(acts.collect(), &mut batch);
        Cow::Owned(batch)
    }

    /// True when something was left out.
    fn leave_out_records(&self, batch: &mut Batch) -> bool {
        let before = batch.events.len() + batch.metrics.len();
        batch
            .events
            .retain(|event| !self.has(event.session_id.as_deref(), event.trace_id.as_ref()));
        batch
            .metrics
            .retain(|point| !self.has(point.session_id.as_deref(), None));
        before != batch.events.len() + batch.metrics.len()
    }
}

/// Keeps the received records that rows of the batch, beside those of `records`, are made of.
fn keep_referred(mut records: HashSet<RecordRef>, batch: &mut Batch) {
    batch.is_partial = true;
    records.extend(batch.events.iter().filter_map(|event| event.record));
    records.extend(batch.metrics.iter().filter_map(|point| point.record));
    for group in &mut batch.received {
        let request_id = group.request_id;
        group.records.retain(|record| {
            let number = record.number;
            records.contains(&RecordRef { request_id, number })
        });
    }
    batch.received.retain(|group| !group.records.is_empty());
}

/// Hashes of the texts that the rows and records of a batch refer to.
pub(crate) fn referred_texts(batch: &Batch) -> HashSet<[u8; 32]> {
    let new = || batch.new_acts.iter();
    let states = new().map(|(_, state)| state).chain(&batch.changed_acts);
    let of_facts = states.flat_map(|state| {
        let reported = state.reported.as_ref().map(|reported| &reported.facts);
        let facts = std::iter::once(&state.facts).chain(reported);
        facts.flat_map(|facts| [facts.prompt, facts.input, facts.output])
    });
    let of_calls = new().flat_map(|(act, _)| {
        let asked = act.tool_calls_asked.iter().map(|call| call.input);
        asked.chain(act.tool_results_seen.iter().map(|seen| Some(seen.output)))
    });
    let of_turns = batch
        .turns
        .iter()
        .flat_map(|turn| [turn.prompt, turn.response]);
    let of_events = batch.events.iter().map(|event| event.body_payload);
    let of_records = batch.received.iter().flat_map(|group| {
        let records = std::iter::once(&group.head).chain(&group.records);
        records.flat_map(|record| record.texts.iter().map(|text| Some(*text)))
    });
    of_facts
        .chain(of_calls)
        .chain(of_turns)
        .chain(of_events)
        .chain(of_records)
        .flatten()
        .map(|address| address.hash)
        .collect()
}
