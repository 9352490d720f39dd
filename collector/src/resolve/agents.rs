//! One run of an agent, reported by more than one span.

use std::collections::HashMap;
use std::sync::Arc;

use proto::agent::Operation;
use store::ActState;

use super::group::{Forest, Group, end_or_start, is_counted, is_span, overlap};
use super::join::{mark_duplicate, same_name};

/// Joins the runs of one agent that lie directly inside each other, and a run that nothing hangs
/// below with the one beside it that holds what the agent did.
pub(super) fn join(group: &mut Group, forest: &Forest, acting_below: &[bool]) {
    let mut beside: HashMap<(Option<usize>, Arc<str>), Vec<usize>> = HashMap::new();
    for &i in &forest.top_down {
        let act = &group.acts[i];
        if !is_span(act) || !is_counted(act) || act.operation != Operation::Agent {
            continue;
        }
        let Some(name) = act.facts.agent_name.clone() else {
            continue;
        };
        let outer = forest.acting_ancestor(group, i);
        match outer {
            Some(o) if is_same_run(group, o, i) => {
                let canonical = group.acts[o].derived.duplicate_of;
                let canonical = canonical.and_then(|key| group.by_key.get(&key).copied());
                mark_duplicate(group, i, canonical.unwrap_or(o));
            }
            _ => beside.entry((outer, name)).or_default().push(i),
        }
    }
    for runs in beside.into_values() {
        let (mut with_acts, empty): (Vec<usize>, Vec<usize>) =
            runs.into_iter().partition(|&i| acting_below[i]);
        for i in empty {
            let whole = with_acts
                .iter()
                .position(|&w| overlap(&group.acts[w], &group.acts[i]));
            if let Some(at) = whole {
                mark_duplicate(group, i, with_acts.remove(at));
            }
        }
    }
}

fn is_same_run(group: &Group, outer: usize, inner: usize) -> bool {
    let (outer, inner) = (&group.acts[outer], &group.acts[inner]);
    outer.operation == Operation::Agent
        && is_span(outer)
        && outer.facts.agent_name == inner.facts.agent_name
        && overlap(outer, inner)
}

/// Records of one agent's run, its start and its end, are one act: the span of the run where there
/// is one, else the first record.
pub(super) fn join_records(group: &mut Group, forest: &Forest) {
    let mut runs: HashMap<(Arc<str>, Arc<str>), usize> = HashMap::new();
    let is_run = |act: &ActState| act.operation == Operation::Agent && is_counted(act);
    for &i in &forest.by_start {
        let act = &group.acts[i];
        if is_run(act)
            && is_span(act)
            && let Some(id) = &act.facts.agent_id
        {
            let key = (act.derived.session_id.clone(), id.clone());
            runs.entry(key).or_insert(i);
        }
    }
    for &i in &forest.by_start {
        let act = &group.acts[i];
        if !is_run(act) || is_span(act) {
            continue;
        }
        let around = forest.parent[i].filter(|&p| {
            let around = &group.acts[p];
            is_run(around) && same_name(&around.facts.agent_name, &act.facts.agent_name)
        });
        let key = act
            .facts
            .agent_id
            .as_ref()
            .map(|id| (act.derived.session_id.clone(), id.clone()));
        let known = key.as_ref().and_then(|key| runs.get(key).copied());
        match (around.or(known), key) {
            (Some(run), _) => {
                let end = end_or_start(&group.acts[i]);
                mark_duplicate(group, i, run);
                let run = &mut group.acts[run];
                if !is_span(run) {
                    run.end_ns = run.end_ns.max(Some(end));
                }
            }
            (None, Some(key)) => {
                runs.insert(key, i);
            }
            (None, None) => {}
        }
    }
}
