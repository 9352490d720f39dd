//! One real-world act, one row: marks the records that report an act again, and lets them fill its
//! gaps.
//!
//! Records join by the tool call's id, by the model request's ids, or by nesting: a request inside a
//! request is the same request seen by another instrumentation.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use proto::agent::{Decision, Operation, Origin, PayloadRef, Status};
use store::ActState;

use super::agents;
use super::calls;
use super::facts;
use super::group::{Forest, Group, end_or_start, is_counted, is_span, overlap};
use super::hooks;
use super::refusals;
use super::requests;
use super::tools;
use super::transcripts::{self, is_transcript};

/// A hook's denial and the permission check that it decided lie this close together.
const HOOK_NEARNESS_NS: i64 = 2_000_000_000;

/// Marks duplicates and fills gaps in the whole group.
pub(super) fn join(group: &mut Group, forest: &mut Forest) {
    for act in &mut group.acts {
        act.derived.duplicate_of = None;
    }
    let acting_below = forest.acting_below(group);
    join_tools_by_call_id(group, forest, &acting_below);
    refusals::stand_back(group);
    requests::join(group, forest);
    join_nested(group, forest);
    tools::join_by_time(group, forest);
    hooks::join(group, forest);
    tools::infer_denials(group, forest);
    agents::join(group, forest, &acting_below);
    agents::join_records(group, forest);
    join_subagent_reports(group, forest);
    join_turns(group, forest);
    transcripts::join(group, forest);
    fill_from_parts(group, forest);
    calls::fill_from_answers(group, forest);
    calls::name_the_rest(group);
    calls::show_late_results(group);
    for act in &mut group.acts {
        facts::settle_status(act);
    }
    attribute_hook_denials(group, forest);
}

/// Marks a further report of an act, and lets it fill the act's gaps. A report that failed makes the
/// act fail.
pub(super) fn mark_duplicate(group: &mut Group, duplicate: usize, canonical: usize) {
    if !absorb(group, duplicate, canonical) {
        return;
    }
    let failed = group.acts[duplicate].status == Status::Error;
    let status_message = group.acts[duplicate].status_message.clone();
    let act = &mut group.acts[canonical];
    if failed && act.status != Status::Error {
        act.status = Status::Error;
        act.status_message = status_message;
    }
    // A command that could be started and did not end well is no success.
    if failed && act.operation == Operation::Tool {
        act.facts.success = Some(false);
    }
}

/// Marks a further report of an act, and lets it fill the act's gaps; the status stays. Returns
/// whether it had not been marked before.
pub(super) fn absorb(group: &mut Group, duplicate: usize, canonical: usize) -> bool {
    if duplicate == canonical || group.acts[duplicate].derived.duplicate_of.is_some() {
        return false;
    }
    group.acts[duplicate].derived.duplicate_of = Some(group.acts[canonical].key);
    let reported = std::mem::take(&mut group.acts[duplicate].facts);
    let act = &mut group.acts[canonical];
    // Of two reports of an answer, the one that knows the answer's identity has all of it; the other
    // may hold its text and not the tool calls.
    if act.operation == Operation::Model
        && act.facts.call_hash.is_none()
        && reported.call_hash.is_some()
        && reported.output.is_some()
    {
        act.facts.output = reported.output;
    }
    facts::prefer_whole(&mut act.facts, &reported);
    if act.operation == Operation::Tool {
        facts::prefer_bare_name(&mut act.facts, &reported);
    }
    facts::fill(&mut act.facts, &reported);
    group.acts[duplicate].facts = reported;
    true
}

/// Gap in time between two acts; 0 when they overlap.
pub(super) fn distance(a: &ActState, b: &ActState) -> i64 {
    if overlap(a, b) {
        0
    } else {
        (a.start_ns.saturating_sub(end_or_start(b))).max(b.start_ns.saturating_sub(end_or_start(a)))
    }
}

/// Groups spans that overlap (they are sorted by start) behind one of each group, and returns those:
/// the first, or the first that acts hang below. Two spans with one id that follow each other are two
/// acts: ids are reused.
pub(super) fn collapse_overlapping(
    group: &mut Group,
    members: &[usize],
    acting_below: &[bool],
) -> Vec<usize> {
    let mut clusters: Vec<Vec<usize>> = Vec::new();
    for &i in members {
        match clusters.last_mut() {
            Some(cluster) if overlap(&group.acts[cluster[0]], &group.acts[i]) => cluster.push(i),
            _ => clusters.push(vec![i]),
        }
    }
    let mut canonical = Vec::with_capacity(clusters.len());
    for cluster in clusters {
        let with_acts = cluster
            .iter()
            .copied()
            .find(|&i| acting_below.get(i) == Some(&true));
        let chosen = with_acts.unwrap_or(cluster[0]);
        for i in cluster {
            mark_duplicate(group, i, chosen);
        }
        canonical.push(chosen);
    }
    canonical
}

/// The candidate nearest in time to act `i`.
pub(super) fn nearest(group: &Group, candidates: &[usize], i: usize) -> Option<usize> {
    candidates
        .iter()
        .copied()
        .min_by_key(|&c| distance(&group.acts[c], &group.acts[i]))
}

fn join_tools_by_call_id(group: &mut Group, forest: &Forest, acting_below: &[bool]) {
    let mut by_id: HashMap<(Arc<str>, Arc<str>), Vec<usize>> = HashMap::new();
    for &i in &forest.by_start {
        let act = &group.acts[i];
        let Some(id) = &act.facts.tool_call_id else {
            continue;
        };
        let is_about_call = matches!(
            act.operation,
            Operation::Tool | Operation::Mcp | Operation::Policy
        ) || (act.operation == Operation::Internal && act.plumbing);
        if is_about_call
            && !is_own_part(act)
            && !is_transcript(act)
            && !refusals::is_placed(act)
            && act.origin != Origin::Hook
        {
            let key = (act.derived.session_id.clone(), id.clone());
            by_id.entry(key).or_default().push(i);
        }
    }
    for members in by_id.into_values() {
        let is_tool = |&i: &usize| group.acts[i].operation == Operation::Tool;
        let (tools, others): (Vec<usize>, Vec<usize>) = members.into_iter().partition(is_tool);
        let is_check = |&i: &usize| group.acts[i].operation == Operation::Policy;
        let (checks, others): (Vec<usize>, Vec<usize>) = others.into_iter().partition(is_check);
        let is_transport = |&i: &usize| group.acts[i].operation == Operation::Mcp;
        let (transports, frames): (Vec<usize>, Vec<usize>) =
            others.into_iter().partition(is_transport);
        let (spans, records): (Vec<usize>, Vec<usize>) =
            tools.into_iter().partition(|&i| is_span(&group.acts[i]));
        let mut canonical = collapse_overlapping(group, &spans, acting_below);
        if canonical.is_empty() {
            canonical = records;
        } else {
            for i in records {
                if let Some(c) = nearest(group, &canonical, i) {
                    mark_duplicate(group, i, c);
                }
            }
        }
        for i in transports {
            if let Some(c) = nearest(group, &canonical, i) {
                mark_duplicate(group, i, c);
            }
        }
        for i in checks {
            match nearest(group, &canonical, i) {
                Some(c) => {
                    group.acts[i].derived.duplicate_of = Some(group.acts[c].key);
                    let check = group.acts[i].facts.clone();
                    facts::fill_outcome(&mut group.acts[c].facts, &check);
                }
                None if !is_span(&group.acts[i]) => {
                    stand_for_call(&mut group.acts[i]);
                    canonical.push(i);
                }
                None => {}
            }
        }
        // What a framework was about to call stands for a call that never ran.
        if canonical.is_empty()
            && let Some(&frame) = frames.first()
        {
            group.acts[frame].operation = Operation::Tool;
            group.acts[frame].plumbing = false;
        }
    }
}

/// A call that was decided on and of which nothing else is known happened all the same: it was
/// refused, or it runs, or its process died. The decision's record stands for it until a report of
/// the call itself arrives.
fn stand_for_call(decision: &mut ActState) {
    decision.operation = Operation::Tool;
    if decision.facts.decision != Some(Decision::Deny) {
        decision.end_ns = None;
    }
}

/// A span that is a detail of its own parent span joins through the tree, not by id.
fn is_own_part(act: &ActState) -> bool {
    act.part_of_parent && is_span(act)
}

fn join_nested(group: &mut Group, forest: &Forest) {
    for &i in &forest.top_down {
        let act = &group.acts[i];
        if !is_span(act)
            || !is_counted(act)
            || !matches!(
                act.operation,
                Operation::Model | Operation::Tool | Operation::Embedding
            )
        {
            continue;
        }
        let Some(outer) = forest.acting_ancestor(group, i) else {
            continue;
        };
        let around = &group.acts[outer];
        if around.plumbing
            || around.operation != act.operation
            || !overlap(around, act)
            || !same_act(around, act)
        {
            continue;
        }
        let canonical = match group.acts[outer].derived.duplicate_of {
            Some(key) => group.by_key.get(&key).copied().unwrap_or(outer),
            None => outer,
        };
        mark_duplicate(group, i, canonical);
    }
}

/// Whether a span inside a span of the same operation reports the same act. Different ids say no;
/// a tool inside a tool must also bear the same name (a tool may well call another tool).
fn same_act(outer: &ActState, inner: &ActState) -> bool {
    fn agree<T: PartialEq>(a: &Option<T>, b: &Option<T>) -> bool {
        match (a, b) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        }
    }
    match outer.operation {
        Operation::Tool => {
            let (a, b) = (&outer.facts, &inner.facts);
            let same_id = a.tool_call_id.is_some() && a.tool_call_id == b.tool_call_id;
            let same_arguments = facts::has_weak_hash(a)
                || facts::has_weak_hash(b)
                || agree(&a.call_hash, &b.call_hash);
            same_id
                || (agree(&a.tool_call_id, &b.tool_call_id)
                    && same_arguments
                    && same_tool(a.tool_name.as_deref(), b.tool_name.as_deref()))
        }
        _ => {
            agree(&outer.facts.request_id, &inner.facts.request_id)
                || inner.facts.request_id.is_none()
        }
    }
}

pub(super) fn same_tool(outer: Option<&str>, inner: Option<&str>) -> bool {
    let bare = |name: &str| name.rsplit("__").next().map(str::to_owned);
    match (outer, inner) {
        (Some(outer), Some(inner)) => outer == inner || bare(outer) == bare(inner),
        _ => true,
    }
}

pub(super) fn same_name(a: &Option<Arc<str>>, b: &Option<Arc<str>>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    }
}

/// A log record that says "the subagent has finished" reports the act that started it.
fn join_subagent_reports(group: &mut Group, forest: &Forest) {
    let starters: Vec<usize> = forest
        .by_start
        .iter()
        .copied()
        .filter(|&i| {
            group.acts[i].facts.starts_subagent
                && !is_transcript(&group.acts[i])
                && is_counted(&group.acts[i])
                && group.acts[i].operation != Operation::Agent
        })
        .collect();
    if starters.is_empty() {
        return;
    }
    // Logs and hooks may both say so.
    let mut taken: HashSet<(usize, Origin)> = HashSet::new();
    for &i in &forest.by_start {
        let act = &group.acts[i];
        if is_span(act)
            || is_transcript(act)
            || act.operation != Operation::Agent
            || !is_counted(act)
        {
            continue;
        }
        let found = starters.iter().enumerate().find(|&(n, &s)| {
            let starter = &group.acts[s];
            !taken.contains(&(n, act.origin))
                && starter.derived.session_id == act.derived.session_id
                && overlap(starter, act)
                && same_name(&starter.facts.agent_name, &act.facts.agent_name)
        });
        if let Some((n, &s)) = found {
            taken.insert((n, act.origin));
            group.acts[i].derived.duplicate_of = Some(group.acts[s].key);
        }
    }
}

/// Execution halves, permission checks and transport spans tell their act how it went.
fn fill_from_parts(group: &mut Group, forest: &Forest) {
    for &i in forest.top_down.iter().rev() {
        let Some(p) = forest.parent[i] else { continue };
        let act = &group.acts[i];
        let transport =
            act.operation == Operation::Mcp && group.acts[p].operation == Operation::Tool;
        // A check may lie below internals of the call that it is about.
        let checked = (act.operation == Operation::Policy && act.part_of_parent)
            .then(|| {
                forest
                    .ancestors(i)
                    .find(|&a| group.acts[a].operation == Operation::Tool)
            })
            .flatten();
        if !(is_own_part(act) || transport || checked.is_some() || is_note(act)) {
            continue;
        }
        let mut part = act.facts.clone();
        if act.status == Status::Error && part.success.is_none() {
            part.success = Some(false);
        }
        if part.error_message.is_none() {
            part.error_message = act.status_message.clone();
        }
        let whole = &mut group.acts[checked.unwrap_or(p)].facts;
        facts::fill_outcome(whole, &part);
        if whole.agent_name.is_none() {
            whole.agent_name = part.agent_name;
        }
    }
}

/// A log record that only adds to the span it was written in.
fn is_note(act: &ActState) -> bool {
    act.part_of_parent && !is_span(act) && act.operation == Operation::Internal
}

/// A hook that blocked and the act that it blocked are one denial: the act learns the hook's name and
/// reason, the hook learns which call it was.
fn attribute_hook_denials(group: &mut Group, forest: &Forest) {
    let is_denied = |act: &ActState| act.facts.decision == Some(Decision::Deny);
    let denied = forest.by_start.iter().copied();
    let denied = denied.filter(|&i| is_denied(&group.acts[i]) && is_counted(&group.acts[i]));
    let (hooks, calls): (Vec<usize>, Vec<usize>) = denied
        .filter(|&i| {
            let operation = group.acts[i].operation;
            matches!(
                operation,
                Operation::Hook | Operation::Tool | Operation::Policy
            )
        })
        .partition(|&i| group.acts[i].operation == Operation::Hook);
    for hook in hooks {
        let at = &group.acts[hook];
        let blocked = calls
            .iter()
            .copied()
            .filter(|&i| {
                let act = &group.acts[i];
                act.derived.session_id == at.derived.session_id
                    && match (&at.facts.tool_call_id, &act.facts.tool_call_id) {
                        (Some(told), Some(id)) => told == id,
                        _ => distance(act, at) <= HOOK_NEARNESS_NS,
                    }
            })
            .min_by_key(|&i| distance(&group.acts[i], at));
        let Some(i) = blocked else { continue };
        let call_id = group.acts[i].facts.tool_call_id.clone();
        let facts = &mut group.acts[hook].facts;
        if call_id.is_none() {
            // Nothing ties the two for whoever counts denials.
            facts.decision = None;
        } else if facts.tool_call_id.is_none() {
            facts.tool_call_id = call_id;
        }
        let (name, reason) = (facts.hook_name.clone(), facts.decision_reason.clone());
        let facts = &mut group.acts[i].facts;
        facts.hook_name = facts.hook_name.take().or(name);
        facts.decision_source.get_or_insert_with(|| "hook".into());
        facts.decision_reason = facts.decision_reason.take().or(reason);
    }
}

/// Pairs the two reports of a turn: a span over the whole turn and a record of its prompt.
fn join_turns(group: &mut Group, forest: &Forest) {
    const CLOCK_SLACK_NS: i64 = 2_000_000_000;
    let turns: Vec<usize> = forest
        .by_start
        .iter()
        .copied()
        .filter(|&i| {
            let act = &group.acts[i];
            act.operation == Operation::Turn && !act.part_of_parent && !is_transcript(act)
        })
        .collect();
    let (spans, mut records): (Vec<usize>, Vec<usize>) =
        turns.into_iter().partition(|&i| is_span(&group.acts[i]));
    // What telemetry reports goes before what a hook was told.
    records.sort_by_key(|&i| group.acts[i].origin == Origin::Hook);
    let mut prompts: HashMap<(Arc<str>, PayloadRef), Vec<usize>> = HashMap::new();
    let mut seen_keys: HashMap<(Arc<str>, Arc<str>), usize> = HashMap::new();
    for i in records {
        let act = &group.acts[i];
        let whole = spans.iter().copied().find(|&s| {
            let span = &group.acts[s];
            span.derived.session_id == act.derived.session_id
                && span.start_ns - CLOCK_SLACK_NS <= act.start_ns
                && act.start_ns <= end_or_start(span)
        });
        let key = act
            .facts
            .turn_key
            .clone()
            .map(|key| (act.derived.session_id.clone(), key));
        let earlier = key.as_ref().and_then(|key| seen_keys.get(key).copied());
        let prompt = act
            .facts
            .prompt
            .map(|prompt| (act.derived.session_id.clone(), prompt));
        let same_prompt = || {
            let told = prompts.get(prompt.as_ref()?)?.iter().copied();
            told.filter(|_| act.origin == Origin::Hook)
                .find(|&c| distance(&group.acts[c], act) <= CLOCK_SLACK_NS)
        };
        match whole.or(earlier).or_else(same_prompt) {
            Some(c) => mark_duplicate(group, i, c),
            None => {
                if let Some(prompt) = prompt {
                    prompts.entry(prompt).or_default().push(i);
                }
                if let Some(key) = key {
                    seen_keys.insert(key, i);
                }
            }
        }
    }
}
