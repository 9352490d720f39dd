//! Which session each act belongs to, and which session is a child of which.

use std::collections::HashMap;
use std::sync::Arc;

use proto::id::TraceId;

use super::group::{Forest, Group};

/// Parent of each child session.
pub(super) type SessionParents = HashMap<Arc<str>, Arc<str>>;

/// Sets the session of every act. In order of strength: the id on the record itself, that of its
/// nearest ancestor, that of the earliest act of its trace that has one, that of the resource, and
/// the trace id as a stand-in.
pub(super) fn assign(group: &mut Group, forest: &Forest) -> SessionParents {
    let n = group.acts.len();
    let mut session: Vec<Option<Arc<str>>> = vec![None; n];
    for &i in &forest.top_down {
        session[i] = match &group.acts[i].facts.session_id {
            Some(own) => Some(own.clone()),
            None => forest.parent[i].and_then(|p| session[p].clone()),
        };
    }
    let mut of_trace: HashMap<TraceId, Arc<str>> = HashMap::new();
    let mut of_resource: HashMap<TraceId, Arc<str>> = HashMap::new();
    for &i in &forest.by_start {
        let act = &group.acts[i];
        if let Some(id) = &session[i] {
            of_trace
                .entry(act.key.trace_id)
                .or_insert_with(|| id.clone());
        }
        if let Some(id) = &act.facts.resource_session_id {
            of_resource
                .entry(act.key.trace_id)
                .or_insert_with(|| id.clone());
        }
    }
    let mut parents = SessionParents::new();
    for &i in &forest.top_down {
        let trace_id = group.acts[i].key.trace_id;
        let named = session[i]
            .clone()
            .or_else(|| of_trace.get(&trace_id).cloned())
            .or_else(|| of_resource.get(&trace_id).cloned());
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
