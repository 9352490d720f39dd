//! Turns: what starts one, which acts belong to it, and whose agent's acts they are.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use proto::agent::Operation;
use proto::id::TraceId;

use super::group::{Forest, Group, is_counted, is_span};

/// The acts that start the turns of each session, in order of time.
pub(super) type TurnStarts = HashMap<Arc<str>, Vec<usize>>;

/// Finds the turn starters of every session and numbers every act.
///
/// A session's turns are its turn acts; where no emitter reports any, its outermost agent runs;
/// where there are none either, the roots of its traces that hold agent acts.
pub(super) fn assign(group: &mut Group, forest: &Forest) -> TurnStarts {
    let starts = find_starts(group, forest);
    let mut own_turn: HashMap<usize, i32> = HashMap::new();
    for list in starts.values() {
        for (n, &i) in list.iter().enumerate() {
            own_turn.insert(i, n as i32 + 1);
        }
    }
    for &i in &forest.top_down {
        let session_id = &group.acts[i].derived.session_id;
        let by_tree = own_turn.get(&i).copied().or_else(|| {
            let p = forest.parent[i]?;
            let parent = &group.acts[p].derived;
            (parent.turn > 0 && parent.session_id == *session_id).then_some(parent.turn)
        });
        let turn = by_tree.unwrap_or_else(|| {
            let at = group.acts[i].start_ns;
            starts.get(session_id).map_or(0, |list| {
                list.partition_point(|&s| group.acts[s].start_ns <= at) as i32
            })
        });
        group.acts[i].derived.turn = turn;
    }
    starts
}

fn find_starts(group: &Group, forest: &Forest) -> TurnStarts {
    let mut turns = TurnStarts::new();
    let mut runs = TurnStarts::new();
    let mut roots = TurnStarts::new();
    let mut acting_traces = HashSet::new();
    let mut inside_run = vec![false; group.acts.len()];
    for &i in &forest.top_down {
        let act = &group.acts[i];
        // An agent that a tool call starts is no turn of the user's.
        inside_run[i] = forest.parent[i].is_some_and(|p| {
            inside_run[p] || matches!(group.acts[p].operation, Operation::Agent | Operation::Tool)
        });
        if is_counted(act)
            && matches!(
                act.operation,
                Operation::Model | Operation::Tool | Operation::Agent
            )
        {
            acting_traces.insert(act.key.trace_id);
        }
    }
    for &i in &forest.by_start {
        let act = &group.acts[i];
        if act.derived.duplicate_of.is_some() {
            continue;
        }
        let session_id = &act.derived.session_id;
        let list = match act.operation {
            Operation::Turn => &mut turns,
            // An agent that another one handed over to goes on with the same turn.
            Operation::Agent
                if !inside_run[i]
                    && is_span(act)
                    && !act.facts.starts_subagent
                    && act.facts.parent_agent_id.is_none() =>
            {
                &mut runs
            }
            _ if is_first_of_session(group, forest, i)
                && is_span(act)
                && acting_traces.contains(&act.key.trace_id) =>
            {
                &mut roots
            }
            _ => continue,
        };
        list.entry(session_id.clone()).or_default().push(i);
    }
    for (weaker, keep_first_only) in [(runs, false), (roots, true)] {
        for (session_id, list) in weaker {
            turns.entry(session_id).or_insert_with(|| {
                if keep_first_only {
                    one_per_trace(group, list)
                } else {
                    list
                }
            });
        }
    }
    turns
}

/// Nothing of the act's own session is above it.
fn is_first_of_session(group: &Group, forest: &Forest, i: usize) -> bool {
    forest.parent[i]
        .is_none_or(|p| group.acts[p].derived.session_id != group.acts[i].derived.session_id)
}

/// Parents arrive last: until the root is there, a trace has many stand-in roots. Where traces name
/// their turn, those of one turn have one root among them.
fn one_per_trace(group: &Group, list: Vec<usize>) -> Vec<usize> {
    let mut named: HashMap<TraceId, &Arc<str>> = HashMap::new();
    for act in &group.acts {
        if let (Some(key), None) = (&act.facts.turn_key, &act.facts.agent_id) {
            let first = named.entry(act.key.trace_id).or_insert(key);
            *first = (*first).min(key);
        }
    }
    let mut seen_traces = HashSet::new();
    let mut seen_turns = HashSet::new();
    let roots: Vec<usize> = list
        .into_iter()
        .filter(|&i| seen_traces.insert(group.acts[i].key.trace_id))
        .collect();
    let turn = |i: usize| named.get(&group.acts[i].key.trace_id);
    if !roots.iter().any(|&i| turn(i).is_some()) {
        return one_per_prompt(group, roots);
    }
    roots
        .into_iter()
        .filter(|&i| turn(i).is_some_and(|key| seen_turns.insert((*key).clone())))
        .collect()
}

/// A program that calls the model itself makes a trace of each request: those that resend the same
/// prompt go on with the turn, and so does a tool call in a trace of its own.
fn one_per_prompt(group: &Group, roots: Vec<usize>) -> Vec<usize> {
    let mut starts: Vec<usize> = Vec::new();
    let mut prompt = None;
    for i in roots {
        let act = &group.acts[i];
        let own = act.facts.prompt;
        let goes_on = match act.operation {
            Operation::Model => own.is_none() || own == prompt,
            Operation::Tool | Operation::Embedding | Operation::Retrieval => true,
            _ => false,
        };
        if starts.is_empty() || !goes_on {
            starts.push(i);
        }
        prompt = own.or(prompt);
    }
    starts
}

/// Places acts that only log records report under what was going on: their subagent, else their turn.
pub(super) fn place_records(group: &mut Group, forest: &Forest, starts: &TurnStarts) {
    let mut agents: HashMap<Arc<str>, usize> = HashMap::new();
    for &i in &forest.by_start {
        let act = &group.acts[i];
        if let (Operation::Agent, Some(id)) = (act.operation, &act.facts.agent_id) {
            let canonical = act.derived.duplicate_of.as_ref();
            let at = canonical.and_then(|key| group.by_key.get(key));
            agents.entry(id.clone()).or_insert(at.copied().unwrap_or(i));
        }
    }
    for i in 0..group.acts.len() {
        let act = &group.acts[i];
        let parent = match forest.parent[i] {
            Some(p) => Some(group.acts[p].key.span_id),
            None if is_span(act) || act.reported_parent.is_some() => act.reported_parent,
            None => {
                let agent = act
                    .facts
                    .agent_id
                    .as_ref()
                    .and_then(|id| agents.get(id))
                    .copied();
                let turn = starts
                    .get(&act.derived.session_id)
                    .and_then(|list| {
                        list.get(usize::try_from(act.derived.turn).ok()?.checked_sub(1)?)
                    })
                    .copied();
                agent
                    .into_iter()
                    .chain(turn)
                    .find(|&p| {
                        p != i
                            && group.acts[p].key.trace_id == act.key.trace_id
                            && group.acts[p].derived.parent != Some(act.key.span_id)
                    })
                    .map(|p| group.acts[p].key.span_id)
            }
        };
        group.acts[i].derived.parent = parent;
    }
}

/// Marks the roots of subagents, and tells every act whose agent it is an act of.
pub(super) fn attribute_agents(group: &mut Group, forest: &Forest) {
    let acts_itself = agents_that_act(group, forest);
    let names = names_by_id(group, forest);
    for &i in &forest.top_down {
        if group.acts[i].operation == Operation::Agent
            && is_subagent(group, forest, &acts_itself, i)
        {
            group.acts[i].facts.starts_subagent = true;
        }
        // An agent's run is the agent's own: only what it does inherits from it.
        let (Some(p), false) = (
            forest.parent[i],
            group.acts[i].operation == Operation::Agent,
        ) else {
            continue;
        };
        let parent = &group.acts[p];
        let starts_agent = parent.operation == Operation::Agent || parent.facts.starts_subagent;
        let id = match &parent.facts.agent_id {
            Some(id) if !starts_agent || parent.operation == Operation::Agent => Some(id.clone()),
            _ if starts_agent => Some(parent.key.span_id.hex().into()),
            other => other.clone(),
        };
        let name = parent.facts.agent_name.clone();
        let facts = &mut group.acts[i].facts;
        if facts.agent_id.is_none() {
            facts.agent_id = id;
        }
        if facts.agent_name.is_none() {
            facts.agent_name = name;
        }
    }
    for act in &mut group.acts {
        let facts = &mut act.facts;
        if facts.agent_name.is_none() {
            let id = facts.agent_id.as_ref().unwrap_or(&act.derived.session_id);
            facts.agent_name = names.get(id).cloned();
        }
    }
}

/// What the runs of agents, and the calls that start an agent with a session of its own, say of whom
/// an id belongs to.
fn names_by_id(group: &Group, forest: &Forest) -> HashMap<Arc<str>, Arc<str>> {
    let mut names = HashMap::new();
    for &i in &forest.by_start {
        let act = &group.acts[i];
        if act.operation == Operation::Agent
            && let (Some(id), Some(name)) = (&act.facts.agent_id, &act.facts.agent_name)
        {
            names.entry(id.clone()).or_insert_with(|| name.clone());
        }
        if let (Some(child), Some(name)) = (&act.facts.child_session_id, &act.facts.agent_name) {
            names.entry(child.clone()).or_insert_with(|| name.clone());
        }
    }
    names
}

/// Agents that make model requests themselves, as opposed to mere wrappers of other agents.
fn agents_that_act(group: &Group, forest: &Forest) -> Vec<bool> {
    let mut acts_itself = vec![false; group.acts.len()];
    let is_agent = |&a: &usize| group.acts[a].operation == Operation::Agent;
    for (i, act) in group.acts.iter().enumerate() {
        if act.operation == Operation::Model
            && let Some(agent) = forest.ancestors(i).find(is_agent)
        {
            acts_itself[agent] = true;
        }
    }
    acts_itself
}

/// An agent that another agent started: by a tool call, or in the middle of its own requests. Agents
/// that a workflow runs one after the other are nobody's subagents; one that a tool call already
/// stands for is not counted again.
fn is_subagent(group: &Group, forest: &Forest, acts_itself: &[bool], i: usize) -> bool {
    let mut by_tool = false;
    for a in forest.ancestors(i) {
        let above = &group.acts[a];
        match above.operation {
            Operation::Tool if above.facts.starts_subagent => return false,
            Operation::Tool => by_tool = true,
            Operation::Agent => {
                let same = above.facts.agent_name == group.acts[i].facts.agent_name;
                return by_tool || (acts_itself[a] && !same);
            }
            _ => {}
        }
    }
    by_tool
}
