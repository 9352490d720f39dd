//! What the detectors and the plain rules that they must beat say of stored sessions, for measuring
//! them against labels.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use proto::id::TraceId;
use store::{Store, Value};

use super::act::Act;
use super::calls::{Scope, has_failed, is_passing_error, is_same_call, scope};
use super::{Settings, drift, look, topic};
use crate::rows;
use crate::sql;

/// What is said of one session.
#[derive(Debug, Clone)]
pub struct Assessment {
    pub session_id: String,
    /// The traces that its acts are of.
    pub traces: BTreeSet<TraceId>,
    pub findings: Vec<AssessedFinding>,
    /// Requests to models: how long the run is.
    pub model_request_count: usize,
    /// The longest row of equal tool calls of one agent in one turn.
    pub longest_exact_repeat: usize,
    /// The longest row of calls of one tool with a Jaccard likeness of 0.6 or more, each to the next.
    pub longest_near_repeat: usize,
    /// How far the run has left its plans, from 0; see docs/detectors.md, `plan_dropped`.
    pub plan_score: f64,
    /// Share of a turn's calls, at its end, that share no word with its first ones.
    pub topic_drift: f64,
    /// Failed calls that the agent made again as they were, at once, though waiting mends nothing.
    pub ignored_errors: usize,
}

/// A finding, as far as it is measured.
#[derive(Debug, Clone)]
pub struct AssessedFinding {
    /// Name of the rule, without its version.
    pub detector: String,
    pub kind: String,
    pub is_certain: bool,
    pub repeat_count: i64,
}

/// Runs the detectors over every stored session, without writing anything.
///
/// # Errors
/// When the store cannot be read; the text says why.
pub fn assess(store: &Store, settings: &Settings) -> Result<Vec<Assessment>, store::Error> {
    let sessions = store.read(sql::SESSION_IDS, &[Value::Null])?;
    let mut assessments = Vec::new();
    for row in rows::rows(&sessions) {
        let id: Arc<str> = Arc::from(row.string("session_id"));
        let (session, ending) = look::read_session(store, settings, &id)?;
        let acts = session.acts();
        let findings = session.findings(ending);
        assessments.push(Assessment {
            session_id: id.to_string(),
            traces: acts.iter().map(|act| act.key.trace_id).collect(),
            findings: findings
                .into_iter()
                .map(|finding| AssessedFinding {
                    detector: finding.detector.split('/').next().unwrap_or("").to_owned(),
                    kind: finding.kind,
                    is_certain: finding.confidence == "certain",
                    repeat_count: finding.repeat_count,
                })
                .collect(),
            model_request_count: acts.iter().filter(|act| act.is_model()).count(),
            longest_exact_repeat: longest_row(acts, is_same_call),
            longest_near_repeat: longest_row(acts, is_near),
            plan_score: drift::plan_score(acts),
            topic_drift: topic::drift_share(acts),
            ignored_errors: ignored_errors(acts),
        });
    }
    Ok(assessments)
}

/// Failed calls after which the next call of the same agent is the same one again.
fn ignored_errors(acts: &[Act]) -> usize {
    let mut last: HashMap<Scope, &Act> = HashMap::new();
    let mut count = 0;
    for act in acts.iter().filter(|act| act.is_tool()) {
        let before = last.insert(scope(act), act);
        let is_again = |before: &Act| {
            has_failed(before) && !is_passing_error(before) && is_same_call(before, act)
        };
        count += usize::from(before.is_some_and(is_again));
    }
    count
}

fn is_near(a: &Act, b: &Act) -> bool {
    let arguments = a
        .content
        .arguments
        .as_ref()
        .zip(b.content.arguments.as_ref());
    a.tool_name == b.tool_name && arguments.is_some_and(|(a, b)| a.likeness(b) >= 0.6)
}

/// The longest row of calls of one agent in one turn, each `alike` to the next.
fn longest_row(acts: &[Act], alike: impl Fn(&Act, &Act) -> bool) -> usize {
    let mut rows: HashMap<Scope, (&Act, usize)> = HashMap::new();
    let mut longest = 0;
    for act in acts.iter().filter(|act| act.is_tool()) {
        let length = match rows.get(&scope(act)) {
            Some((last, length)) if alike(last, act) => length + 1,
            _ => 1,
        };
        rows.insert(scope(act), (act, length));
        longest = longest.max(length);
    }
    longest
}
