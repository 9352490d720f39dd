//! Filling one record's gaps from another record of the same act, and telling whether anything changed.

use std::hash::{BuildHasher, Hash, Hasher};

use proto::agent::{Facts, PayloadRef, Reported, Status};
use store::ActState;

/// What joining may change of an act.
pub(super) fn reported(state: &ActState) -> Reported {
    Reported {
        operation: state.operation,
        plumbing: state.plumbing,
        end_ns: state.end_ns,
        status: state.status,
        status_message: state.status_message.clone(),
        facts: state.facts.clone(),
    }
}

/// Takes back everything that an earlier join changed.
pub(super) fn restore(state: &mut ActState) {
    let Some(reported) = state.reported.take() else {
        return;
    };
    let Reported {
        operation,
        plumbing,
        end_ns,
        status,
        status_message,
        facts,
    } = *reported;
    state.operation = operation;
    state.plumbing = plumbing;
    state.end_ns = end_ns;
    state.status = status;
    state.status_message = status_message;
    state.facts = facts;
}

/// Whether an act is what its record said.
pub(super) fn is_as_reported(state: &ActState, reported: &Reported) -> bool {
    state.operation == reported.operation
        && state.plumbing == reported.plumbing
        && state.end_ns == reported.end_ns
        && state.status == reported.status
        && state.status_message == reported.status_message
        && state.facts == reported.facts
}

/// Takes from `other` whatever `facts` lacks. Doing it twice changes nothing.
///
/// The input and the hash that identifies the call travel together: one without the other would
/// compare calls by different texts.
pub(super) fn fill(facts: &mut Facts, other: &Facts) {
    macro_rules! take {
        ($($field:ident),+) => {
            $(if facts.$field.is_none() && other.$field.is_some() {
                facts.$field = other.$field.clone();
            })+
        };
    }
    proto::for_each_fact!(take);
    if facts.cost_usd.is_none() {
        facts.cost_usd = other.cost_usd;
        facts.cost_source = other.cost_source;
    }
    if facts.output.is_none() {
        facts.output = other.output;
        facts.output_source = other.output_source;
    }
    if facts.input.is_none() && other.input.is_some() {
        facts.input = other.input;
        if other.call_hash.is_some() {
            facts.call_hash = other.call_hash.clone();
        }
    } else if has_weak_hash(facts)
        && other.call_hash.is_some()
        && (facts.call_hash.is_none() || !has_weak_hash(other))
    {
        facts.call_hash = other.call_hash.clone();
    }
    facts.starts_subagent |= other.starts_subagent;
}

/// Of two copies of a payload, one of which the sender cut, takes the whole one.
pub(super) fn prefer_whole(facts: &mut Facts, other: &Facts) {
    if facts.truncated_upstream.is_none() || other.truncated_upstream.is_some() {
        return;
    }
    let is_smaller = |own: Option<PayloadRef>, other: Option<PayloadRef>| match (own, other) {
        (Some(own), Some(other)) => own.size_bytes < other.size_bytes,
        _ => false,
    };
    if is_smaller(facts.input, other.input) || facts.call_hash.is_none() {
        facts.input = other.input.or(facts.input);
        if other.call_hash.is_some() {
            facts.call_hash.clone_from(&other.call_hash);
        }
    }
    if is_smaller(facts.output, other.output) {
        facts.output = other.output;
        facts.output_source = other.output_source;
    }
    let is_covered =
        |own: Option<PayloadRef>, other: Option<PayloadRef>| own.is_none() || other.is_some();
    if is_covered(facts.input, other.input) && is_covered(facts.output, other.output) {
        facts.truncated_upstream = None;
    }
}

/// Of two names of one tool, takes the bare one: that of the report that knows the tool's server, or
/// the one that the other has its namespace glued to.
pub(super) fn prefer_bare_name(facts: &mut Facts, other: &Facts) {
    let (Some(own), Some(name)) = (&facts.tool_name, &other.tool_name) else {
        return;
    };
    let knows_server = facts.mcp_server.is_none() && other.mcp_server.is_some();
    let is_glued = own.len() > name.len() && own.ends_with(&**name);
    if own != name && (knows_server || (is_glued && facts.mcp_server == other.mcp_server)) {
        facts.tool_name = other.tool_name.clone();
    }
}

/// Whether the call is identified by nothing, or by the size of its arguments only.
pub(super) fn has_weak_hash(facts: &Facts) -> bool {
    facts
        .call_hash
        .as_deref()
        .is_none_or(|hash| hash.starts_with("size:"))
}

/// Takes from a detail of an act (an execution half, a permission check, the transport under a
/// tool call) what it says of the act's outcome.
pub(super) fn fill_outcome(facts: &mut Facts, part: &Facts) {
    macro_rules! take {
        ($($field:ident),+) => {
            $(if facts.$field.is_none() && part.$field.is_some() {
                facts.$field = part.$field.clone();
            })+
        };
    }
    take!(
        decision,
        decision_source,
        decision_reason,
        success,
        error_type,
        error_message,
        output,
        truncated_upstream,
        mcp_server,
        hook_name
    );
    if facts.input.is_none() && part.input.is_some() {
        facts.input = part.input;
        facts.call_hash = part.call_hash.clone();
    }
}

/// Makes the status tell what the record says elsewhere: `success = false` or an error class with an
/// unset OTLP status is a failure; a denial is not.
pub(super) fn settle_status(state: &mut ActState) {
    let facts = &state.facts;
    let denied = facts.decision == Some(proto::agent::Decision::Deny);
    let failed =
        facts.success == Some(false) || (facts.error_type.is_some() && facts.success != Some(true));
    if failed && !denied && state.status != Status::Error {
        state.status = Status::Error;
    }
    if state.status == Status::Error && state.status_message.is_none() {
        state.status_message = facts.error_message.clone();
    }
}

/// A hash over everything of an act that may change after it was stored. Good for this process only.
pub(super) fn fingerprint(state: &ActState) -> u64 {
    let mut hasher = foldhash::quality::FixedState::default().build_hasher();
    let facts = &state.facts;
    macro_rules! hash {
        ($($field:ident),+) => { $(facts.$field.hash(&mut hasher);)+ };
    }
    proto::for_each_fact!(hash);
    facts.input.hash(&mut hasher);
    facts.call_hash.hash(&mut hasher);
    facts.cost_usd.map(f64::to_bits).hash(&mut hasher);
    facts.cost_source.hash(&mut hasher);
    facts.output.hash(&mut hasher);
    facts.output_source.hash(&mut hasher);
    facts.starts_subagent.hash(&mut hasher);
    state.operation.hash(&mut hasher);
    state.start_ns.hash(&mut hasher);
    state.plumbing.hash(&mut hasher);
    state.end_ns.hash(&mut hasher);
    state.status.hash(&mut hasher);
    state.status_message.hash(&mut hasher);
    let derived = &state.derived;
    derived.session_id.hash(&mut hasher);
    derived.session_inferred.hash(&mut hasher);
    derived.turn.hash(&mut hasher);
    derived.parent.hash(&mut hasher);
    derived.duplicate_of.hash(&mut hasher);
    hasher.finish()
}
