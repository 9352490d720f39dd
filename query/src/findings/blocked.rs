//! Acts that somebody or something forbade, and what the agent did next.

use std::collections::HashMap;

use proto::agent::Operation;

use super::act::ActRow;
use super::calls::one_line;
use super::{Confidence, Draft, Severity, Waste};

/// Records of one denial lie at most this far apart.
const SAME_DENIAL_NS: i64 = 2_000_000_000;

/// What the agent did after a denial.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Next<'a> {
    Repeated,
    Other(&'a ActRow),
    /// Went on thinking, without a further call.
    Answered,
    Stopped,
    NothingYet,
}

/// One finding for each distinct act that was blocked, however often.
pub(super) fn denials(acts: &[ActRow], ended: bool) -> Vec<Draft> {
    let mut order: Vec<Vec<usize>> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for at in blocked_acts(acts) {
        let act = &acts[at];
        let what = act.call_hash.as_deref().or(act.detail.as_deref());
        let identity = format!(
            "{}\0{}\0{}",
            act.agent,
            act.tool_words(),
            what.unwrap_or("")
        );
        let place = *places.entry(identity).or_insert_with(|| {
            order.push(Vec::new());
            order.len() - 1
        });
        order[place].push(at);
    }
    order
        .iter()
        .map(|blocked| draft(acts, blocked, ended))
        .collect()
}

/// The denied acts, each once: a denial is often reported by the tool call, by the hook and by the
/// policy that decided; the call stands for all of them.
fn blocked_acts(acts: &[ActRow]) -> Vec<usize> {
    let denied: Vec<usize> = (0..acts.len())
        .filter(|at| is_blocked(&acts[*at]))
        .collect();
    denied
        .iter()
        .copied()
        .filter(|at| {
            let act = &acts[*at];
            !denied
                .iter()
                .any(|other| other != at && speaks_for(&acts[*other], act))
        })
        .collect()
}

fn is_blocked(act: &ActRow) -> bool {
    act.is_denied() || (act.operation == Operation::Guardrail && act.is_error)
}

/// Whether `main` is the act that `report` reports the denial of.
fn speaks_for(main: &ActRow, report: &ActRow) -> bool {
    if rank(main) >= rank(report) {
        return false;
    }
    let same_call = main.tool_call_id.is_some() && main.tool_call_id == report.tool_call_id;
    let related =
        report.parent == Some(main.key.span_id) || main.parent == Some(report.key.span_id);
    let end = main.end_ns.unwrap_or(main.start_ns);
    let at_that_time = report.start_ns >= main.start_ns - SAME_DENIAL_NS
        && report.start_ns <= end + SAME_DENIAL_NS;
    let same_tool = report.tool_name.is_none()
        || main.tool_name.is_none()
        || main.tool_name == report.tool_name;
    let different_calls = main.tool_call_id.is_some() && report.tool_call_id.is_some();
    same_call || related || (at_that_time && same_tool && !different_calls)
}

fn rank(act: &ActRow) -> u8 {
    match act.operation {
        Operation::Tool | Operation::Agent | Operation::Skill => 0,
        Operation::Hook => 1,
        Operation::Policy => 2,
        _ => 3,
    }
}

fn draft(acts: &[ActRow], blocked: &[usize], ended: bool) -> Draft {
    let first = &acts[blocked[0]];
    let last_at = blocked[blocked.len() - 1];
    let count = blocked.len();
    let mut waste = Waste::default();
    for at in &blocked[1..] {
        waste.add(&acts[*at]);
    }
    let who = decided_by(acts, first);
    let what = what_words(first);
    let why = match &first.error {
        Some(error) if !error.is_empty() => format!(" It said: \"{}\".", one_line(error)),
        _ => String::new(),
    };
    let times = match count {
        1 => String::new(),
        n => format!(" The same act was blocked {n} times."),
    };
    let next = next_act(acts, last_at, ended);
    let then = match next {
        Next::Repeated => " The agent then tried the same call again.".to_owned(),
        Next::Other(act) => format!(
            " The agent then called {}{}.",
            act.tool_words(),
            act.detail_words()
        ),
        Next::Answered => " The agent then went on without a further call.".to_owned(),
        Next::Stopped => " The agent did nothing after it.".to_owned(),
        Next::NothingYet => " The agent has done nothing since.".to_owned(),
    };
    let severity = match count {
        1 if next == Next::Repeated => Severity::Error,
        1 => Severity::Warning,
        _ => Severity::Error,
    };
    Draft {
        kind: "blocked",
        detector: "blocked/1",
        severity,
        confidence: Confidence::Certain,
        title: match count {
            1 => format!("{what} was blocked"),
            n => format!("{what} was blocked {n} times"),
        },
        explanation: format!(
            "{who} blocked {what}{}.{why}{times}{then}",
            first.detail_words()
        ),
        spans: blocked.iter().map(|at| acts[*at].key).collect(),
        repeat_count: count,
        waste,
        open: matches!(next, Next::NothingYet | Next::Answered),
    }
}

fn what_words(act: &ActRow) -> String {
    match act.operation {
        Operation::Tool => act.tool_words(),
        Operation::Guardrail => format!("an act that the guardrail {} checks", act.name),
        _ => match &act.tool_name {
            Some(_) => act.tool_words(),
            None => format!(
                "what {} checks",
                act.hook_event.as_deref().unwrap_or(&act.name)
            ),
        },
    }
}

fn decided_by(acts: &[ActRow], act: &ActRow) -> String {
    // The hook that decided, when one of the reports of this denial names it.
    let hook = acts
        .iter()
        .filter(|other| other.operation == Operation::Hook && is_blocked(other))
        .find(|other| other.key == act.key || speaks_for(act, other))
        .and_then(|other| other.hook_name.as_deref().or(other.hook_event.as_deref()));
    if let Some(hook) = hook {
        return format!("The hook {hook}");
    }
    if act.operation == Operation::Guardrail {
        return format!("The guardrail {}", act.name);
    }
    match act.decision_source.as_deref() {
        Some("hook") => "A hook".to_owned(),
        Some("config" | "policy" | "rule") => "A permission rule".to_owned(),
        Some(source) if source.starts_with("user") => "The user".to_owned(),
        Some(source) => format!("`{source}`"),
        None => "A permission check".to_owned(),
    }
}

fn next_act(acts: &[ActRow], blocked_at: usize, ended: bool) -> Next<'_> {
    let blocked = &acts[blocked_at];
    let after = || {
        acts[blocked_at + 1..]
            .iter()
            .filter(|act| act.agent == blocked.agent)
    };
    if let Some(call) = after().find(|act| act.is_tool() && act.key != blocked.key) {
        let same = call.call_hash.is_some() && call.call_hash == blocked.call_hash;
        return if same {
            Next::Repeated
        } else {
            Next::Other(call)
        };
    }
    if after().any(ActRow::is_model) {
        return Next::Answered;
    }
    if ended {
        Next::Stopped
    } else {
        Next::NothingYet
    }
}
