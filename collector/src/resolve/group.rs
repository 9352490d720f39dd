//! One connected group of acts (traces that share sessions), and its shape as a forest.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use proto::agent::{Operation, Origin, ToolCallAsked, ToolResultSeen};
use proto::id::TraceId;
use store::{ActKey, ActState};

use super::Hashing;
use super::summary::Summary;

/// The acts of a connected group, in order of arrival.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) acts: Vec<ActState>,
    /// Fingerprint of each act as last stored; `None` = not stored yet.
    pub(super) stored: Vec<Option<u64>>,
    pub(super) by_key: HashMap<ActKey, usize, Hashing>,
    /// Tool calls that the answers of model requests ask for, by the request's start and act.
    pub(super) calls_asked: BTreeMap<(i64, ActKey), Vec<ToolCallAsked>>,
    /// Results of tool calls as later model requests show them, by call id: of several requests, as
    /// the first one shows it.
    pub(super) results_seen: HashMap<Arc<str>, ((i64, ActKey), ToolResultSeen)>,
    /// Sessions that have a stored row.
    pub(super) stored_sessions: HashSet<Arc<str>>,
    /// The rows as last written; empty for a group just read back.
    pub(super) summary: Summary,
    pub(super) traces: HashSet<TraceId, Hashing>,
    /// Session ids that any act of the group names.
    pub(super) named_sessions: HashSet<Arc<str>>,
}

impl Group {
    /// Adds an act unless one with its key is there. Returns whether it was added.
    pub(super) fn insert(&mut self, state: ActState, stored: Option<u64>) -> bool {
        if self.by_key.contains_key(&state.key) {
            return false;
        }
        self.traces.insert(state.key.trace_id);
        for name in named_sessions(&state) {
            if !self.named_sessions.contains(name) {
                self.named_sessions.insert(name.clone());
            }
        }
        self.by_key.insert(state.key, self.acts.len());
        self.acts.push(state);
        self.stored.push(stored);
        true
    }

    /// Takes note of what a model request shows of tool calls.
    pub(super) fn show(
        &mut self,
        request: ActKey,
        start_ns: i64,
        asked: &[ToolCallAsked],
        results: &[ToolResultSeen],
    ) {
        let place = (start_ns, request);
        if !asked.is_empty() {
            self.calls_asked.insert(place, asked.to_vec());
        }
        for result in results {
            self.see_result(place, result.clone());
        }
    }

    fn see_result(&mut self, place: (i64, ActKey), result: ToolResultSeen) {
        match self.results_seen.get_mut(&result.tool_call_id) {
            Some(seen) if seen.0 <= place => {}
            Some(seen) => *seen = (place, result),
            None => {
                let id = result.tool_call_id.clone();
                self.results_seen.insert(id, (place, result));
            }
        }
    }

    /// Moves everything of `other` into this group.
    pub(super) fn absorb(&mut self, other: Group) {
        for (state, stored) in other.acts.into_iter().zip(other.stored) {
            self.insert(state, stored);
        }
        for (place, result) in other.results_seen.into_values() {
            self.see_result(place, result);
        }
        self.calls_asked.extend(other.calls_asked);
        self.stored_sessions.extend(other.stored_sessions);
    }
}

/// The session ids by which an act ties its trace to other traces.
pub(super) fn named_sessions(state: &ActState) -> impl Iterator<Item = &Arc<str>> {
    let facts = &state.facts;
    facts
        .session_id
        .iter()
        .chain(&facts.resource_session_id)
        .chain(&facts.parent_session_id)
        .chain(&facts.child_session_id)
}

/// The group as a forest, by index into `Group::acts`.
pub(super) struct Forest {
    /// Parent of each act; `None` for roots and for acts whose parent has not arrived.
    pub(super) parent: Vec<Option<usize>>,
    /// A parent is named but has not arrived.
    pub(super) waiting: Vec<bool>,
    /// All acts, parents before children.
    pub(super) top_down: Vec<usize>,
    /// All acts by start time, parents first among equals.
    pub(super) by_start: Vec<usize>,
}

impl Forest {
    pub(super) fn of(group: &Group) -> Self {
        let n = group.acts.len();
        let mut parent: Vec<Option<usize>> = vec![None; n];
        let mut waiting = vec![false; n];
        for (i, act) in group.acts.iter().enumerate() {
            if let Some(span_id) = act.reported_parent {
                let key = ActKey {
                    trace_id: act.key.trace_id,
                    span_id,
                };
                match group.by_key.get(&key) {
                    Some(&p) if p != i => parent[i] = Some(p),
                    Some(_) => {}
                    None => waiting[i] = true,
                }
            }
        }
        let depth = depths(&mut parent);
        // By identity among equals: the order of arrival must not show.
        let mut by_start: Vec<usize> = (0..n).collect();
        by_start.sort_by_key(|&i| (group.acts[i].start_ns, depth[i], group.acts[i].key));
        let mut top_down = by_start.clone();
        top_down.sort_by_key(|&i| depth[i]);
        Self {
            parent,
            waiting,
            top_down,
            by_start,
        }
    }

    /// Hangs acts under the act that stands for their parent, where the parent is another's duplicate.
    pub(super) fn lift(&mut self, group: &Group) {
        for (i, act) in group.acts.iter().enumerate() {
            let Some(parent) = self.parent[i].filter(|_| act.origin == Origin::Transcript) else {
                continue;
            };
            let canonical = group.acts[parent].derived.duplicate_of;
            if let Some(&above) = canonical.and_then(|key| group.by_key.get(&key))
                && above != i
            {
                self.parent[i] = Some(above);
            }
        }
        let depth = depths(&mut self.parent);
        self.top_down.clone_from(&self.by_start);
        self.top_down.sort_by_key(|&i| depth[i]);
    }

    /// The ancestors of an act, nearest first.
    pub(super) fn ancestors(&self, i: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(self.parent[i], |&p| self.parent[p])
    }

    /// Whether acts of an agent hang anywhere below each act.
    pub(super) fn acting_below(&self, group: &Group) -> Vec<bool> {
        let mut below = vec![false; group.acts.len()];
        for &i in self.top_down.iter().rev() {
            let act = &group.acts[i];
            let acts = !act.plumbing
                && !act.part_of_parent
                && matches!(
                    act.operation,
                    Operation::Agent | Operation::Model | Operation::Tool
                );
            if let (true, Some(p)) = (acts || below[i], self.parent[i]) {
                below[p] = true;
            }
        }
        below
    }

    /// The nearest ancestor that is an act of the agent, past internals and transport.
    pub(super) fn acting_ancestor(&self, group: &Group, i: usize) -> Option<usize> {
        self.ancestors(i).find(|&a| {
            !matches!(
                group.acts[a].operation,
                Operation::Internal | Operation::Mcp
            )
        })
    }
}

/// Depth of each node; a cycle is cut at the node where the walk first meets itself.
fn depths(parent: &mut [Option<usize>]) -> Vec<u32> {
    const UNKNOWN: u32 = u32::MAX;
    const ON_PATH: u32 = u32::MAX - 1;
    let mut depth = vec![UNKNOWN; parent.len()];
    let mut path = Vec::new();
    for start in 0..parent.len() {
        let mut node = start;
        while depth[node] == UNKNOWN {
            depth[node] = ON_PATH;
            path.push(node);
            match parent[node] {
                Some(p) if depth[p] == ON_PATH => parent[node] = None,
                Some(p) => node = p,
                None => {}
            }
        }
        while let Some(node) = path.pop() {
            depth[node] = parent[node].map_or(0, |p| depth[p] + 1);
        }
    }
    depth
}

/// End of an act, or its start while it is open.
pub(super) fn end_or_start(act: &ActState) -> i64 {
    act.end_ns.unwrap_or(act.start_ns).max(act.start_ns)
}

/// Whether an act is counted: not a second report, not a detail of another act, not plumbing.
pub(super) fn is_counted(act: &ActState) -> bool {
    act.derived.duplicate_of.is_none() && !act.part_of_parent && !act.plumbing
}

/// Whether two acts overlap in time (touching counts).
pub(super) fn overlap(a: &ActState, b: &ActState) -> bool {
    a.start_ns <= end_or_start(b) && b.start_ns <= end_or_start(a)
}

/// Reported by a span of its own, as opposed to a log record, hook or transcript line.
pub(super) fn is_span(act: &ActState) -> bool {
    act.origin == Origin::Span
}
