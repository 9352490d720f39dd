//! Which session each act belongs to, and which session is a child of which.

use std::collections::HashMap;
use std::sync::Arc;

use proto::agent::{Facts, Operation};
use proto::id::TraceId;

use super::group::{Forest, Group};

/// Parent of each child session.
pub(super) type SessionParents = HashMap<Arc<str>, Arc<str>>;

/// Sets the session of every act. In order of strength: the id on the record itself (for a turn, on
/// an act inside it), that of its nearest ancestor, that of the earliest act of its trace that has
/// one; then the same of the weaker ids; then the trace id as a stand-in.
pub(super) fn assign(group: &mut Group, forest: &Forest) -> SessionParents {
    let lent = sessions_of_turns(group, forest);
    let own = named_by(group, forest, |i, facts| {
        facts.session_id.as_ref().or_else(|| lent.get(&i))
    });
    let weaker = named_by(group, forest, |_, facts| facts.resource_session_id.as_ref());
    let mut parents = SessionParents::new();
    for &i in &forest.top_down {
        let trace_id = group.acts[i].key.trace_id;
        let named = own.of(i, trace_id).or_else(|| weaker.of(i, trace_id));
        let derived = &mut group.acts[i].derived;
        derived.session_inferred = named.is_none();
        let id = named.unwrap_or_else(|| {
            if *derived.session_id == *trace_id.hex() {
                derived.session_id.clone()
            } else {
                trace_id.hex().into()
            }
        });
        if derived.session_id != id {
            derived.session_id = id;
        }
    }
    for &i in &forest.by_start {
        let act = &group.acts[i];
        if let Some(parent) = &act.facts.parent_session_id {
            add_parent(&mut parents, &act.derived.session_id, parent);
        }
        if let Some(child) = &act.facts.child_session_id {
            add_parent(&mut parents, child, &act.derived.session_id);
        }
        if let Some(p) = forest.parent[i] {
            add_parent(
                &mut parents,
                &act.derived.session_id,
                &group.acts[p].derived.session_id,
            );
        }
    }
    parents
}

/// Session ids of one strength.
struct Named {
    of_act: Vec<Option<Arc<str>>>,
    of_trace: HashMap<TraceId, Arc<str>>,
}

impl Named {
    fn of(&self, act: usize, trace_id: TraceId) -> Option<Arc<str>> {
        self.of_act[act]
            .clone()
            .or_else(|| self.of_trace.get(&trace_id).cloned())
    }
}

/// The ids that acts carry themselves or have from their nearest ancestor, and the first of each trace.
fn named_by<'a>(
    group: &'a Group,
    forest: &Forest,
    id: impl Fn(usize, &'a Facts) -> Option<&'a Arc<str>>,
) -> Named {
    let mut of_act: Vec<Option<Arc<str>>> = vec![None; group.acts.len()];
    for &i in &forest.top_down {
        of_act[i] = match id(i, &group.acts[i].facts) {
            Some(own) => Some(own.clone()),
            None => forest.parent[i].and_then(|p| of_act[p].clone()),
        };
    }
    let mut of_trace: HashMap<TraceId, Arc<str>> = HashMap::new();
    for &i in &forest.by_start {
        if let Some(id) = &of_act[i] {
            of_trace
                .entry(group.acts[i].key.trace_id)
                .or_insert_with(|| id.clone());
        }
    }
    Named { of_act, of_trace }
}

/// A turn that does not say its session is of the one that the first act inside it names.
fn sessions_of_turns(group: &Group, forest: &Forest) -> HashMap<usize, Arc<str>> {
    let mut lent = HashMap::new();
    for &i in &forest.by_start {
        let Some(id) = &group.acts[i].facts.session_id else {
            continue;
        };
        let turn = forest
            .ancestors(i)
            .take_while(|&a| group.acts[a].facts.session_id.is_none())
            .find(|&a| group.acts[a].operation == Operation::Turn);
        if let Some(turn) = turn {
            lent.entry(turn).or_insert_with(|| id.clone());
        }
    }
    lent
}

/// Records a parent unless it is the session itself, known already, or would close a circle.
fn add_parent(parents: &mut SessionParents, child: &Arc<str>, parent: &Arc<str>) {
    if child == parent || parents.contains_key(child) {
        return;
    }
    let mut above = parents.get(parent);
    while let Some(session) = above {
        if session == child {
            return;
        }
        above = parents.get(session);
    }
    parents.insert(child.clone(), parent.clone());
}
