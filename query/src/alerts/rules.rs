//! Whether a rule speaks of a finding or of a session.

use super::settings::{Rule, Subject, rank};
use crate::model::{Finding, SessionRow};

/// Whether a rule is over findings and this is one of its.
pub(super) fn is_of_finding(rule: &Rule, finding: &Finding, session: Option<&SessionRow>) -> bool {
    match &rule.subject {
        Subject::Findings {
            kinds,
            min_severity,
            certain_only,
        } => {
            (kinds.is_empty() || kinds.contains(&finding.kind))
                && rank(&finding.severity) >= *min_severity
                && (!certain_only || finding.confidence == "certain")
                && is_of_place(rule, session)
        }
        Subject::Sessions { .. } => false,
    }
}

/// What of a session a rule speaks of, in words; one item for each condition that holds.
pub(super) fn of_session(rule: &Rule, session: &SessionRow) -> Vec<String> {
    let Subject::Sessions {
        status,
        over_cost_usd,
        over_duration_s,
    } = &rule.subject
    else {
        return Vec::new();
    };
    if !is_of_place(rule, Some(session)) {
        return Vec::new();
    }
    let mut conditions = Vec::new();
    if status.contains(&session.status) {
        conditions.push(format!("the session is {}", words(&session.status)));
    }
    if let (Some(limit), Some(cost)) = (over_cost_usd, session.cost_usd)
        && cost > *limit
    {
        conditions.push(format!("it has cost more than ${limit}"));
    }
    if let Some(limit) = over_duration_s
        && session.duration_ns as f64 > limit * 1e9
    {
        conditions.push(format!("it has taken more than {limit} s"));
    }
    conditions
}

fn words(status: &str) -> &str {
    match status {
        "error" => "over: it failed",
        "ok" => "over: it ended well",
        "interrupted" => "over: it was interrupted",
        "killed" => "silent: it was killed, or stopped without a word",
        other => other,
    }
}

fn is_of_place(rule: &Rule, session: Option<&SessionRow>) -> bool {
    let harness = session.and_then(|session| session.harness.as_deref());
    let project = session.and_then(|session| session.project.as_deref());
    let is_harness = |wanted: &String| harness == Some(wanted.as_str());
    let is_project =
        |wanted: &String| project.is_some_and(|project| project.contains(wanted.as_str()));
    (rule.harness.is_empty() || rule.harness.iter().any(is_harness))
        && (rule.project.is_empty() || rule.project.iter().any(is_project))
}
