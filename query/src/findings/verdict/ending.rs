//! What the end of a run says by itself.

use store::{ActKey, FindingRow};

use super::evidence::{call_words, failure};
use super::{Mode, Outcome};
use crate::findings::Act;

/// How a run that did not end well ended.
pub(super) struct End {
    pub(super) mode: Mode,
    /// In a sentence.
    pub(super) what: String,
    pub(super) span: ActKey,
    /// Nothing failed and nothing was left undone: the records stop.
    pub(super) is_mere_silence: bool,
}

/// What the end of a run says by itself; `None` for one that ended well, or of which nothing tells.
pub(super) fn ending(acts: &[Act], outcome: &Outcome<'_>) -> Option<End> {
    let last = acts
        .iter()
        .rev()
        .find(|act| act.is_model() || act.is_tool())
        .or(acts.last())?;
    let stopped = |act: &Act, what: String| End {
        mode: Mode::Interrupted,
        what,
        span: act.key,
        is_mere_silence: act.end_ns.is_some(),
    };
    if matches!(outcome.status, "interrupted" | "killed") {
        let pending = acts
            .iter()
            .rev()
            .find(|act| (act.is_model() || act.is_tool()) && act.end_ns.is_none());
        return Some(match pending {
            Some(act) => stopped(
                act,
                format!("{} had not ended when the records stop.", call_words(act)),
            ),
            None => stopped(
                last,
                format!(
                    "The records stop after {}, with no word of an end.",
                    call_words(last)
                ),
            ),
        });
    }
    if outcome.status == "running" {
        return None;
    }
    let failed = match outcome.status {
        "error" => acts.iter().rev().find(|act| act.is_error)?,
        _ if last.is_error => last,
        _ => return None,
    };
    let mode = match failed.error.as_deref() {
        Some(error) if is_limit(error) => Mode::Limit,
        _ if failed.is_denied() => Mode::Blocked,
        _ if failed.is_model() => Mode::ModelFailure,
        _ => Mode::ToolFailure,
    };
    let what = match mode {
        Mode::Limit => format!("It reached a limit of its steps: {}", failure(failed)),
        _ if failed.key == last.key => format!("The last thing it did failed: {}", failure(failed)),
        _ => format!("Its last failure was {}", failure(failed)),
    };
    Some(End {
        mode,
        what,
        span: failed.key,
        is_mere_silence: false,
    })
}

/// Whether an error says that a run used up the turns or steps that it was given.
fn is_limit(error: &str) -> bool {
    const COUNTED: [&str; 7] = [
        "turn",
        "step",
        "iteration",
        "recursion",
        "request_limit",
        "tool_calls_limit",
        "round",
    ];
    const BOUNDS: [&str; 4] = ["max", "limit", "exceed", "too many"];
    let error = error.to_lowercase();
    BOUNDS.iter().any(|bound| error.contains(bound))
        && COUNTED.iter().any(|counted| error.contains(counted))
        && !error.contains("rate limit")
}

/// Whether a finding explains a run better than its end does: the end is one of its acts, or says nothing,
/// or is a limit that was reached while the same agent was still at it in the same turn.
pub(super) fn leads_to(acts: &[Act], finding: &FindingRow, end: &End) -> bool {
    if finding.spans.contains(&end.span) || end.is_mere_silence {
        return true;
    }
    let act_of = |key: &ActKey| acts.iter().find(|act| act.key == *key);
    let (Some(last), Some(ended)) = (finding.spans.last().and_then(act_of), act_of(&end.span))
    else {
        return false;
    };
    if finding.kind == "blocked" {
        return end.mode == Mode::Blocked && last.turn == ended.turn;
    }
    let went_on = acts
        .iter()
        .filter(|act| act.is_tool() && act.start_ns > last.start_ns)
        .any(|act| act.agent == last.agent);
    end.mode == Mode::Limit && last.turn == ended.turn && !went_on
}
