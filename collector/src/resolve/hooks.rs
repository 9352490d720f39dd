//! What hooks say beside telemetry: a fire that both report is one fire, and what a hook was told of a
//! tool call, a subagent or a prompt belongs to that act. What telemetry does not report stands for
//! itself.
//!
//! Records of hooks rank last: they are never the canonical one where there is another.

use std::collections::HashMap;
use std::sync::Arc;

use proto::agent::{Decision, Operation, Origin, Status};
use store::ActState;

use super::group::{Forest, Group, is_counted, is_span};
use super::join::{distance, mark_duplicate, same_tool};
use super::transcripts::is_transcript;

/// A harness starts its hooks, and what they are about, within this time of what it reports itself.
const NEARNESS_NS: i64 = 2_000_000_000;

type SessionAnd<T> = (Arc<str>, T);

/// Joins the records of hooks with each other and with what telemetry reports.
pub(super) fn join(group: &mut Group, forest: &Forest) {
    let has_any = group.acts.iter().any(is_from_hook);
    join_reports_of_fires(group, forest);
    if !has_any {
        return;
    }
    join_equal(group, forest);
    join_fires(group, forest);
    join_calls_by_id(group, forest);
    join_calls_by_time(group, forest);
    join_subagents(group, forest);
}

fn is_from_hook(act: &ActState) -> bool {
    act.origin == Origin::Hook
}

/// The counted acts that `wanted` picks, in order of start, by session and key.
fn by_session<K: std::hash::Hash + Eq>(
    group: &Group,
    forest: &Forest,
    key: impl Fn(&ActState) -> Option<K>,
) -> HashMap<SessionAnd<K>, Vec<usize>> {
    let mut lists: HashMap<SessionAnd<K>, Vec<usize>> = HashMap::new();
    for &i in &forest.by_start {
        let act = &group.acts[i];
        // Transcripts find what is joined here by themselves.
        if is_counted(act)
            && !is_transcript(act)
            && let Some(key) = key(act)
        {
            let session = act.derived.session_id.clone();
            lists.entry((session, key)).or_default().push(i);
        }
    }
    lists
}

/// The event of a hook act, in one spelling.
fn event(act: &ActState) -> Option<String> {
    (act.operation == Operation::Hook)
        .then(|| act.facts.hook_event.as_deref().map(str::to_ascii_lowercase))
        .flatten()
}

/// Pairs each of `records` with the nearest of `candidates` that `fits`, each candidate once. Both are
/// in order of start.
fn pair(
    group: &Group,
    records: &[usize],
    candidates: &[usize],
    fits: impl Fn(&ActState, &ActState) -> bool,
) -> Vec<(usize, usize)> {
    let start = |i: usize| group.acts[i].start_ns;
    let mut taken = vec![false; candidates.len()];
    let mut pairs = Vec::new();
    for &i in records {
        let from = candidates.partition_point(|&c| start(c) < start(i).saturating_sub(NEARNESS_NS));
        let nearest = candidates[from..]
            .iter()
            .enumerate()
            .take_while(|&(_, &c)| start(c) <= start(i).saturating_add(NEARNESS_NS))
            .filter(|&(n, &c)| !taken[from + n] && fits(&group.acts[c], &group.acts[i]))
            .min_by_key(|&(_, &c)| start(c).abs_diff(start(i)));
        if let Some((n, &c)) = nearest {
            taken[from + n] = true;
            pairs.push((i, c));
        }
    }
    pairs
}

/// A span and a log record of the same fire.
fn join_reports_of_fires(group: &mut Group, forest: &Forest) {
    let fires = by_session(group, forest, |act| {
        event(act).filter(|_| !is_from_hook(act))
    });
    for list in fires.into_values() {
        let (spans, records): (Vec<usize>, Vec<usize>) =
            list.into_iter().partition(|&i| is_span(&group.acts[i]));
        let pairs = pair(group, &records, &spans, |span, record| {
            agree(&span.facts.hook_name, &record.facts.hook_name)
        });
        for (record, span) in pairs {
            mark_duplicate(group, record, span);
        }
    }
}

/// Hooks of one fire are handed the same document: what it says is said once.
fn join_equal(group: &mut Group, forest: &Forest) {
    let equal = by_session(group, forest, |act| {
        let key = act.facts.join_key.clone().filter(|_| is_from_hook(act))?;
        Some((key, act.operation))
    });
    for list in equal.into_values() {
        let mut first: Option<usize> = None;
        for i in list {
            match first {
                Some(c) if group.acts[i].start_ns - group.acts[c].start_ns <= NEARNESS_NS => {
                    adopt(group, i, c);
                }
                _ => first = Some(i),
            }
        }
    }
}

/// Fires that telemetry reports too.
fn join_fires(group: &mut Group, forest: &Forest) {
    for list in by_session(group, forest, event).into_values() {
        let (records, reported): (Vec<usize>, Vec<usize>) = list
            .into_iter()
            .partition(|&i| is_from_hook(&group.acts[i]));
        let pairs = pair(group, &records, &reported, |fire, record| {
            agree(&fire.facts.tool_call_id, &record.facts.tool_call_id)
                && match (&fire.facts.hook_name, &record.facts.tool_name) {
                    // `PreToolUse:Bash`
                    (Some(name), Some(tool)) => name
                        .split_once(':')
                        .is_none_or(|(_, of)| same_tool(Some(of), Some(tool))),
                    _ => true,
                }
        });
        for (record, fire) in pairs {
            adopt(group, record, fire);
        }
    }
    join_nameless_fires(group, forest);
}

/// Fires whose event telemetry does not tell, by time.
fn join_nameless_fires(group: &mut Group, forest: &Forest) {
    let fires = by_session(group, forest, |act| {
        (act.operation == Operation::Hook).then_some(())
    });
    for list in fires.into_values() {
        let (records, reported): (Vec<usize>, Vec<usize>) = list
            .into_iter()
            .partition(|&i| is_from_hook(&group.acts[i]));
        let nameless: Vec<usize> = reported
            .into_iter()
            .filter(|&i| group.acts[i].facts.hook_event.is_none())
            .collect();
        for (record, fire) in pair(group, &records, &nameless, |_, _| true) {
            adopt(group, record, fire);
        }
    }
}

/// Marks a hook's record as a duplicate of an act, which learns what only the hook knows: the verdict
/// of several is the strictest, and the hook knows best what ran and when a call ended.
fn adopt(group: &mut Group, record: usize, canonical: usize) {
    if record == canonical || group.acts[record].derived.duplicate_of.is_some() {
        return;
    }
    let told = &group.acts[record];
    let is_stricter = told.facts.decision == Some(Decision::Deny)
        && group.acts[canonical].facts.decision != Some(Decision::Deny);
    let verdict = is_stricter.then(|| {
        let facts = &told.facts;
        (
            facts.decision_source.clone(),
            facts.decision_reason.clone(),
            facts.hook_name.clone(),
        )
    });
    let what_ran = told.facts.detail.clone();
    let (ended, status) = (told.end_ns, told.status);
    let is_fire = told.operation == Operation::Hook;
    mark_duplicate(group, record, canonical);
    let act = &mut group.acts[canonical];
    if let Some((source, reason, hook_name)) = verdict {
        act.facts.decision = Some(Decision::Deny);
        act.facts.decision_source = source;
        act.facts.decision_reason = reason;
        if act.facts.hook_name.is_none() || is_from_hook(act) {
            act.facts.hook_name = hook_name;
        }
    }
    if act.status == Status::Unset {
        act.status = status;
    }
    if is_fire && what_ran.is_some() {
        act.facts.detail = what_ran;
    }
    if act.end_ns.is_none() || (is_from_hook(act) && act.end_ns < ended) {
        act.end_ns = ended;
    }
}

/// Tool calls by the id of the call.
fn join_calls_by_id(group: &mut Group, forest: &Forest) {
    let calls = by_session(group, forest, |act| {
        act.facts
            .tool_call_id
            .clone()
            .filter(|_| act.operation == Operation::Tool)
    });
    for list in calls.into_values() {
        let (records, reported): (Vec<usize>, Vec<usize>) = list
            .into_iter()
            .partition(|&i| is_from_hook(&group.acts[i]));
        for &i in &records {
            let nearest = reported
                .iter()
                .copied()
                .min_by_key(|&c| distance(&group.acts[c], &group.acts[i]));
            if let Some(c) = nearest.or(records.first().copied()) {
                adopt(group, i, c);
            }
        }
    }
}

/// Tool calls of harnesses whose hooks are not told the call's id: by name, arguments and time.
fn join_calls_by_time(group: &mut Group, forest: &Forest) {
    let mut calls = by_session(group, forest, |act| {
        (act.operation == Operation::Tool).then_some(())
    });
    for list in calls.values_mut() {
        let is_nameless = |act: &ActState| is_from_hook(act) && act.facts.tool_call_id.is_none();
        let (records, reported): (Vec<usize>, Vec<usize>) =
            list.drain(..).partition(|&i| is_nameless(&group.acts[i]));
        let reported: Vec<usize> = reported
            .into_iter()
            .filter(|&i| !is_from_hook(&group.acts[i]))
            .collect();
        let (before, after): (Vec<usize>, Vec<usize>) = records
            .into_iter()
            .partition(|&i| group.acts[i].end_ns.is_none());
        for side in [&before, &after] {
            for (record, call) in pair(group, side, &reported, same_call) {
                adopt(group, record, call);
            }
        }
        join_ends(group, &before, &after);
    }
}

/// Pairs the end of a call with its beginning, where both only come from hooks.
fn join_ends(group: &mut Group, before: &[usize], after: &[usize]) {
    let is_open = |group: &Group, i: usize| group.acts[i].derived.duplicate_of.is_none();
    let mut waiting: HashMap<_, Vec<usize>> = HashMap::new();
    let identity = |act: &ActState| (act.facts.tool_name.clone(), act.facts.call_hash.clone());
    for &i in before.iter().rev().filter(|&&i| is_open(group, i)) {
        let list = waiting.entry(identity(&group.acts[i])).or_default();
        list.push(i);
    }
    let ends = after.iter().copied().filter(|&i| is_open(group, i));
    for i in ends.collect::<Vec<_>>() {
        let ended = group.acts[i].end_ns;
        let Some(list) = waiting.get_mut(&identity(&group.acts[i])) else {
            continue;
        };
        // The earliest that has begun is last.
        if let Some(&call) = list.last()
            && Some(group.acts[call].start_ns) <= ended
        {
            list.pop();
            adopt(group, i, call);
        }
    }
}

fn same_call(call: &ActState, record: &ActState) -> bool {
    same_tool(
        call.facts.tool_name.as_deref(),
        record.facts.tool_name.as_deref(),
    ) && (super::facts::has_weak_hash(&call.facts)
        || agree(&call.facts.call_hash, &record.facts.call_hash))
}

/// Start and end of a subagent, and any report of telemetry, by the agent's id.
fn join_subagents(group: &mut Group, forest: &Forest) {
    let agents = by_session(group, forest, |act| {
        act.facts
            .agent_id
            .clone()
            .filter(|_| act.operation == Operation::Agent)
    });
    for list in agents.into_values() {
        let (records, reported): (Vec<usize>, Vec<usize>) = list
            .into_iter()
            .partition(|&i| is_from_hook(&group.acts[i]));
        let canonical = reported.first().or(records.first()).copied();
        for i in records {
            if let Some(c) = canonical {
                adopt(group, i, c);
            }
        }
    }
}

fn agree<T: PartialEq>(a: &Option<T>, b: &Option<T>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    }
}
