//! Tool calls that only time, place or the lack of a report tell about: records without a call's id,
//! and calls that a hook stopped.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use proto::agent::{Decision, Operation, Origin};
use store::ActState;

use super::facts::has_weak_hash;
use super::group::{Forest, Group, end_or_start, is_counted, is_span};
use super::join::{distance, mark_duplicate, same_tool};
use super::transcripts::is_transcript;

/// A record of a call lies this close to the call's span.
const NEARNESS_NS: i64 = 2_000_000_000;

/// Joins records that name no call with the spans of their calls: the same tool with the same
/// arguments at the same time, one record each.
pub(super) fn join_by_time(group: &mut Group, forest: &Forest) {
    let mut spans: HashMap<Arc<str>, Vec<usize>> = HashMap::new();
    let mut records = Vec::new();
    for &i in &forest.by_start {
        let act = &group.acts[i];
        if act.operation != Operation::Tool
            || !is_counted(act)
            || is_transcript(act)
            || act.origin == Origin::Hook
        {
            continue;
        }
        if is_span(act) {
            let session = act.derived.session_id.clone();
            spans.entry(session).or_default().push(i);
        } else if act.facts.tool_call_id.is_none() {
            records.push(i);
        }
    }
    let mut taken: HashSet<usize> = HashSet::new();
    for record in records {
        let Some(spans) = spans.get(&group.acts[record].derived.session_id) else {
            continue;
        };
        let act = &group.acts[record];
        // A record is written when the call ends, a little later than the span.
        let until = end_or_start(act).saturating_add(NEARNESS_NS);
        let last = spans.partition_point(|&s| group.acts[s].start_ns <= until);
        let around = forest.parent[record];
        let found = spans[..last]
            .iter()
            .rev()
            .copied()
            .take_while(|&s| {
                group.acts[s].start_ns >= act.start_ns.saturating_sub(NEARNESS_NS)
                    || end_or_start(&group.acts[s]) >= act.start_ns
            })
            .filter(|&s| {
                let span = &group.acts[s];
                let same_place = around.is_none_or(|around| {
                    around == s || forest.ancestors(s).any(|above| above == around)
                });
                same_place
                    && !taken.contains(&s)
                    && distance(span, act) <= NEARNESS_NS
                    && is_same_call(span, act)
            })
            .min_by_key(|&s| {
                let span = &group.acts[s];
                let apart = (end_or_start(span) - end_or_start(act)).abs();
                (distance(span, act), apart, span.start_ns, span.key)
            });
        if let Some(span) = found {
            taken.insert(span);
            mark_duplicate(group, record, span);
        }
    }
}

fn is_same_call(a: &ActState, b: &ActState) -> bool {
    let (a, b) = (&a.facts, &b.facts);
    let same_arguments = has_weak_hash(a) || has_weak_hash(b) || a.call_hash == b.call_hash;
    same_arguments && same_tool(a.tool_name.as_deref(), b.tool_name.as_deref())
}

/// True for the events by which harnesses let a hook see a call before it runs.
fn is_before_tool(event: &str) -> bool {
    matches!(
        event,
        "PreToolUse"
            | "PermissionRequest"
            | "BeforeTool"
            | "preToolUse"
            | "beforeShellExecution"
            | "beforeMCPExecution"
            | "beforeReadFile"
            | "tool.execute.before"
    )
}

/// A call that a hook saw before it ran and of which no result is reported was stopped by the hook:
/// where the hook says so, or where the results of the session's other calls are reported.
pub(super) fn infer_denials(group: &mut Group, forest: &Forest) {
    let parts = group.acts.iter().enumerate().filter(|(_, act)| {
        let facts = &act.facts;
        act.part_of_parent
            && (facts.success.is_some() || facts.decision.is_some() || facts.output.is_some())
    });
    let told_by_parts: HashSet<usize> = parts.filter_map(|(i, _)| forest.parent[i]).collect();
    let mut stopped: Vec<(usize, usize)> = Vec::new();
    for &hook in &forest.by_start {
        let act = &group.acts[hook];
        let event = act.facts.hook_event.as_deref().unwrap_or_default();
        if act.operation != Operation::Hook || !is_span(act) || !is_before_tool(event) {
            continue;
        }
        let call = forest
            .ancestors(hook)
            .find(|&a| group.acts[a].operation == Operation::Tool);
        if let Some(call) = call
            && has_no_result(&group.acts[call])
            && !told_by_parts.contains(&call)
        {
            stopped.push((call, hook));
        }
    }
    if stopped.is_empty() {
        return;
    }
    let reports_results: HashSet<Arc<str>> = group
        .acts
        .iter()
        .filter(|act| act.operation == Operation::Tool && is_counted(act))
        .filter(|act| act.facts.success.is_some() || act.facts.output.is_some())
        .map(|act| act.derived.session_id.clone())
        .collect();
    for (call, hook) in stopped {
        let by = &group.acts[hook].facts;
        let is_said = by.decision == Some(Decision::Deny);
        let name = by.hook_name.clone().or_else(|| by.hook_event.clone());
        let act = &mut group.acts[call];
        if is_said || reports_results.contains(&act.derived.session_id) {
            act.facts.decision = Some(Decision::Deny);
            act.facts.decision_source = Some("hook".into());
            act.facts.hook_name = name;
        }
    }
}

fn has_no_result(call: &ActState) -> bool {
    let facts = &call.facts;
    is_span(call)
        && is_counted(call)
        && call.end_ns.is_some()
        && facts.decision.is_none()
        && facts.success.is_none()
        && facts.output.is_none()
        && facts.error_type.is_none()
        && facts.error_message.is_none()
}
