//! One run of an agent, reported by more than one span.

use std::collections::HashMap;
use std::sync::Arc;

use proto::agent::Operation;

use super::group::{Forest, Group, is_counted, is_span, overlap};
use super::join::mark_duplicate;

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
