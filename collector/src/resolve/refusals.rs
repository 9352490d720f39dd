//! Tool calls that were refused before they ran: an answer asks for them, nothing reports them, and the
//! next request resends the refusal as their result.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use proto::agent::{Act, Decision, Facts, Operation, Origin, OutputSource, SpanKind, Status};
use proto::id::{SpanId, TraceId};
use store::{ActKey, ActState, Derived};

use super::group::{Group, end_or_start};
use super::{Heavy, Memory};

/// How the harness that checks a call's arguments words its refusal.
const REFUSED: &str = "<tool_use_error>";
/// Name of the acts that are placed here.
const NAME: &str = "refused tool call";
/// What a policy engine writes into the result of a call that it blocked.
const POLICY: (&str, &str) = (" by failproofai because: ", "failproofai");

/// Puts an act in place of each refused call. Where the call reports itself as well, that report is the
/// act and this one its duplicate: whether it is there depends on the refusal alone.
pub(super) fn place(group: &mut Group, memory: &mut impl Memory, heavy: &mut Heavy) {
    let mut placed: HashSet<ActKey> = HashSet::new();
    let mut states: Vec<ActState> = Vec::new();
    for ((_, request), calls) in &group.calls_asked {
        let Some(&i) = group.by_key.get(request) else {
            continue;
        };
        let asking = &group.acts[i];
        let Some(session_id) = &asking.facts.session_id else {
            continue;
        };
        for call in calls {
            let Some(id) = &call.tool_call_id else {
                continue;
            };
            let Some((_, result)) = group.results_seen.get(id) else {
                continue;
            };
            let reason = result
                .error
                .as_deref()
                .and_then(|error| error.trim_start().strip_prefix(REFUSED));
            let (Some(reason), key) = (reason, key_of(session_id, id)) else {
                continue;
            };
            if !placed.insert(key) {
                continue;
            }
            let reason = reason.split("</tool_use_error>").next().unwrap_or(reason);
            let reason: Arc<str> = reason.trim().into();
            let at = end_or_start(asking);
            states.push(ActState {
                act_id: 0,
                key,
                reported_parent: None,
                origin: Origin::Log,
                operation: Operation::Tool,
                plumbing: false,
                part_of_parent: false,
                name: NAME.into(),
                start_ns: at,
                end_ns: Some(at),
                status: Status::Error,
                status_message: Some(reason.clone()),
                facts: Facts {
                    harness: asking.facts.harness.clone(),
                    session_id: Some(session_id.clone()),
                    turn_key: asking.facts.turn_key.clone(),
                    agent_id: asking.facts.agent_id.clone(),
                    agent_name: asking.facts.agent_name.clone(),
                    tool_name: Some(call.tool_name.clone()),
                    tool_call_id: Some(id.clone()),
                    mcp_server: call.mcp_server.clone(),
                    input: call.input,
                    call_hash: call.call_hash.clone(),
                    output: Some(result.output),
                    output_source: Some(OutputSource::NextRequest),
                    success: Some(false),
                    error_type: Some("tool_use_error".into()),
                    error_message: Some(reason.clone()),
                    detail: call.detail.clone().or(Some(reason)),
                    ..Facts::default()
                },
                reported: None,
                derived: Derived::default(),
            });
        }
    }
    for mut state in states {
        match group.by_key.get(&state.key) {
            Some(&i) => {
                let known = &mut group.acts[i];
                state.act_id = known.act_id;
                state.derived = known.derived.clone();
                *known = state;
            }
            None => {
                state.act_id = memory.next_act_id();
                heavy.insert(state.key, heavy_half(&state));
                group.insert(state, None);
            }
        }
    }
}

/// Whether the act was placed here.
pub(super) fn is_placed(act: &ActState) -> bool {
    let facts = &act.facts;
    *act.name == *NAME
        && facts
            .session_id
            .as_ref()
            .zip(facts.tool_call_id.as_ref())
            .is_some_and(|(session, id)| act.key == key_of(session, id))
}

/// Lets the placed acts stand back behind what reports the call itself.
pub(super) fn stand_back(group: &mut Group) {
    let placed: Vec<usize> = (0..group.acts.len())
        .filter(|&i| is_placed(&group.acts[i]))
        .collect();
    if placed.is_empty() {
        return;
    }
    let mut reported: HashMap<(&Arc<str>, &Arc<str>), ActKey> = HashMap::new();
    for act in &group.acts {
        if let Some(id) = &act.facts.tool_call_id
            && act.operation == Operation::Tool
            && act.derived.duplicate_of.is_none()
            && !is_placed(act)
        {
            let first = reported
                .entry((&act.derived.session_id, id))
                .or_insert(act.key);
            *first = act.key.min(*first);
        }
    }
    let behind: Vec<(usize, ActKey)> = placed
        .into_iter()
        .filter_map(|i| {
            let act = &group.acts[i];
            let id = act.facts.tool_call_id.as_ref()?;
            let key = reported.get(&(&act.derived.session_id, id))?;
            Some((i, *key))
        })
        .collect();
    for (i, key) in behind {
        group.acts[i].derived.duplicate_of = Some(key);
    }
}

/// A denied call whose result names the policy engine was decided by that, not by the hook that ran it.
pub(super) fn attribute_policies(group: &mut Group) {
    if group.results_seen.is_empty() {
        return;
    }
    let (mark, name) = POLICY;
    for act in &mut group.acts {
        let facts = &mut act.facts;
        let is_decision = matches!(act.operation, Operation::Tool | Operation::Policy)
            && facts
                .decision
                .is_none_or(|decision| decision == Decision::Deny);
        let Some(id) = facts.tool_call_id.as_ref().filter(|_| is_decision) else {
            continue;
        };
        let reason = group
            .results_seen
            .get(id)
            .and_then(|(_, result)| result.error.as_deref()?.split_once(mark))
            .map(|(_, reason)| reason.split(", as per the policy").next().unwrap_or(reason));
        if let Some(reason) = reason {
            facts.decision = Some(Decision::Deny);
            facts.decision_source = Some(name.into());
            facts.error_message = Some(reason.trim().into());
        }
    }
}

/// The identity of a refused call: the same in every request that resends the refusal.
fn key_of(session_id: &str, tool_call_id: &str) -> ActKey {
    let mut hasher = blake3::Hasher::new();
    for text in ["spanreel refused call", session_id, tool_call_id] {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    let hash = hasher.finalize();
    let (mut trace_id, mut span_id) = ([0; 16], [0; 8]);
    trace_id.copy_from_slice(&hash.as_bytes()[..16]);
    span_id.copy_from_slice(&hash.as_bytes()[16..24]);
    ActKey {
        trace_id: TraceId(trace_id),
        span_id: SpanId(span_id),
    }
}

/// No record stands behind the act: its text columns are empty.
fn heavy_half(state: &ActState) -> Act {
    Act {
        trace_id: state.key.trace_id,
        span_id: state.key.span_id,
        parent_span_id: None,
        origin: state.origin,
        operation: state.operation,
        plumbing: state.plumbing,
        part_of_parent: state.part_of_parent,
        name: state.name.clone(),
        kind: SpanKind::Internal,
        start_ns: state.start_ns,
        end_ns: state.end_ns,
        status: state.status,
        status_message: state.status_message.clone(),
        facts: Facts::default(),
        tool_results_seen: Vec::new(),
        tool_calls_asked: Vec::new(),
        attributes: "{}".to_owned(),
        resource: "{}".into(),
        links: String::new(),
        scope_name: "".into(),
        scope_version: "".into(),
        service_name: "".into(),
        trace_state: String::new(),
        dropped_attributes_count: 0,
        record: None,
    }
}
