//! Tool calls as the model sees them: asked for in an answer, their results resent with the next
//! request. They fill tool acts whose own record says less.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use proto::agent::{Operation, OutputSource, ToolCallAsked};
use store::ActKey;

use super::facts::has_weak_hash;
use super::group::{Forest, Group, end_or_start, is_counted};
use super::join::same_tool;

/// A call begins when its answer is complete; clocks and rounding take this much.
const SLACK_NS: i64 = 2_000_000;

/// Gives tool acts the arguments that the model asked for: by the call's id, else in order, by name,
/// between the answer and the next request of the same agent.
pub(super) fn fill_from_answers(group: &mut Group, forest: &Forest) {
    if group.calls_asked.is_empty() {
        return;
    }
    let mut by_id: HashMap<(Arc<str>, Arc<str>), Vec<usize>> = HashMap::new();
    let mut without_id: HashMap<Arc<str>, Vec<usize>> = HashMap::new();
    let mut requests: HashMap<Arc<str>, Vec<i64>> = HashMap::new();
    for &i in &forest.by_start {
        let act = &group.acts[i];
        if !is_counted(act) {
            continue;
        }
        let session = &act.derived.session_id;
        match (act.operation, &act.facts.tool_call_id) {
            (Operation::Tool, Some(id)) => {
                let key = (session.clone(), id.clone());
                by_id.entry(key).or_default().push(i);
            }
            (Operation::Tool, None) => without_id.entry(session.clone()).or_default().push(i),
            (Operation::Model, _) => {
                let agent = agent_of(group, forest, i);
                requests.entry(agent).or_default().push(act.start_ns);
            }
            _ => {}
        }
    }
    let mut answered: HashSet<ActKey> = HashSet::new();
    let mut taken: HashSet<usize> = HashSet::new();
    let calls_asked = std::mem::take(&mut group.calls_asked);
    for ((_, key), calls) in &calls_asked {
        let Some(&reporter) = group.by_key.get(key) else {
            continue;
        };
        let canonical = group.acts[reporter].derived.duplicate_of.unwrap_or(*key);
        let Some(&model) = group.by_key.get(&canonical) else {
            continue;
        };
        if !answered.insert(canonical) {
            continue;
        }
        let session = group.acts[model].derived.session_id.clone();
        let asked_at = group.acts[model].start_ns;
        let answered_at = end_or_start(&group.acts[model]) - SLACK_NS;
        let agent = agent_of(group, forest, model);
        let until = requests.get(&agent).map_or(i64::MAX, |starts| {
            let next = starts.partition_point(|&at| at <= group.acts[model].start_ns);
            starts.get(next).copied().unwrap_or(i64::MAX)
        });
        for call in calls {
            let id = call.tool_call_id.as_ref();
            let with_id = id.and_then(|id| by_id.get(&(session.clone(), id.clone())));
            let in_window = |i: &usize| {
                (asked_at..=until).contains(&group.acts[*i].start_ns) && !taken.contains(i)
            };
            let free = |fits: &dyn Fn(Option<&str>) -> bool| {
                let acts = without_id.get(&session)?;
                let first = acts.partition_point(|&i| group.acts[i].start_ns < answered_at);
                acts[first..]
                    .iter()
                    .copied()
                    .take_while(|&i| group.acts[i].start_ns <= until)
                    .find(|i| {
                        !taken.contains(i)
                            && agent_of(group, forest, *i) == agent
                            && fits(group.acts[*i].facts.tool_name.as_deref())
                    })
            };
            let unnamed = || {
                free(&|name| name.is_some() && same_tool(name, Some(&call.tool_name)))
                    .or_else(|| free(&|name| name.is_none()))
            };
            let found = with_id
                .and_then(|acts| acts.iter().copied().find(in_window))
                .or_else(unnamed)
                .or_else(|| with_id.and_then(|acts| acts.first().copied()));
            if let Some(i) = found {
                taken.insert(i);
                fill(group, i, call);
            }
        }
    }
    group.calls_asked = calls_asked;
}

/// The agent whose act it is: the nearest act that runs an agent, or the session itself.
fn agent_of(group: &Group, forest: &Forest, i: usize) -> Arc<str> {
    let runs_agent = |&a: &usize| {
        group.acts[a].operation == Operation::Agent || group.acts[a].facts.starts_subagent
    };
    match forest.ancestors(i).find(runs_agent) {
        Some(agent) => group.acts[agent].key.span_id.hex().into(),
        None => group.acts[i].derived.session_id.clone(),
    }
}

fn fill(group: &mut Group, i: usize, call: &ToolCallAsked) {
    let facts = &mut group.acts[i].facts;
    if facts.tool_name.is_none() {
        facts.tool_name = Some(call.tool_name.clone());
    }
    if facts.tool_call_id.is_none() {
        facts.tool_call_id.clone_from(&call.tool_call_id);
    }
    if facts.mcp_server.is_none() {
        facts.mcp_server.clone_from(&call.mcp_server);
    }
    if facts.input.is_none() && call.input.is_some() {
        facts.input = call.input;
        facts.call_hash.clone_from(&call.call_hash);
        if facts.detail.is_none() {
            facts.detail.clone_from(&call.detail);
        }
    } else if has_weak_hash(facts) && call.call_hash.is_some() {
        facts.call_hash.clone_from(&call.call_hash);
    }
}

/// A call that no answer gave its name has that of its record.
pub(super) fn name_the_rest(group: &mut Group) {
    for act in &mut group.acts {
        if act.operation == Operation::Tool && act.facts.tool_name.is_none() {
            act.facts.tool_name = Some(act.name.clone());
        }
    }
}

/// Gives a tool call whose result is missing or cut the one that a later model request carried.
pub(super) fn show_late_results(group: &mut Group) {
    if group.results_seen.is_empty() {
        return;
    }
    for act in &mut group.acts {
        let facts = &act.facts;
        let is_cut = facts.truncated_upstream.is_some();
        if act.operation != Operation::Tool || (facts.output.is_some() && !is_cut) {
            continue;
        }
        let Some(id) = &act.facts.tool_call_id else {
            continue;
        };
        if let Some((_, result)) = group.results_seen.get(id) {
            let known = act.facts.output.map_or(0, |output| output.size_bytes);
            if known > 0 && result.output.size_bytes <= known {
                continue;
            }
            // A call with an identity has its arguments whole.
            if known > 0 && act.facts.call_hash.is_some() {
                act.facts.truncated_upstream = None;
            }
            act.facts.output = Some(result.output);
            act.facts.output_source = Some(OutputSource::NextRequest);
            if act.facts.success.is_none() && result.is_error == Some(true) {
                act.facts.success = Some(false);
            }
        }
    }
}
