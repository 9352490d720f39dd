//! Failures that keep coming: the same error whatever the arguments, streaks, requests that fail
//! again and again, tools that do not exist.

use std::collections::HashMap;
use std::sync::Arc;

use super::act::Act;
use super::calls::{Scope, error_kind, is_passing_error, scope};
use super::text::one_line;
use super::{Confidence, Detector, Draft, Ending, Rule, Severity, Waste, loop_severity};

pub(super) const ALTERNATION_RULE: Rule = Rule {
    name: "error_alternation",
    version: 1,
    thresholds: &[("min_repeats", 4.0)],
    make: |thresholds| {
        Box::new(Failures::new(
            Which::SameError,
            thresholds.count("min_repeats"),
        ))
    },
};

pub(super) const STREAK_RULE: Rule = Rule {
    name: "error_streak",
    version: 1,
    thresholds: &[("min_failures", 5.0)],
    make: |thresholds| {
        Box::new(Failures::new(
            Which::AnyError,
            thresholds.count("min_failures"),
        ))
    },
};

pub(super) const RETRY_STORM_RULE: Rule = Rule {
    name: "retry_storm",
    version: 1,
    thresholds: &[("min_failures", 5.0)],
    make: |thresholds| {
        Box::new(Failures::new(
            Which::Request,
            thresholds.count("min_failures"),
        ))
    },
};

/// Which failures in a row are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    /// Calls of one tool that fail with the same error, the model asked between.
    SameError,
    /// Calls of any tool, with any error.
    AnyError,
    /// Model requests.
    Request,
}

struct Failures {
    which: Which,
    min: usize,
    rows: HashMap<Scope, Row>,
    closed: Vec<Draft>,
}

#[derive(Default)]
struct Row {
    failures: Vec<usize>,
    waste: Waste,
    pending: Waste,
}

impl Failures {
    fn new(which: Which, min: usize) -> Self {
        Self {
            which,
            min: min.max(2),
            rows: HashMap::new(),
            closed: Vec::new(),
        }
    }

    fn goes_on(&self, acts: &[Act], row: &Row, act: &Act) -> bool {
        match (self.which, row.failures.last().map(|last| &acts[*last])) {
            (Which::SameError, Some(last)) => {
                last.tool_name == act.tool_name
                    && error_kind(last).is_some()
                    && error_kind(last) == error_kind(act)
            }
            _ => true,
        }
    }
}

impl Detector for Failures {
    fn push(&mut self, acts: &[Act], at: usize) {
        let act = &acts[at];
        let is_kind = match self.which {
            Which::Request => act.is_model(),
            _ => act.is_tool(),
        };
        if !is_kind {
            if act.is_model()
                && let Some(row) = self.rows.get_mut(&scope(act))
            {
                row.pending.add(act);
            }
            return;
        }
        // A denial is told as such; a call that still runs says nothing yet.
        if act.is_denied() || act.end_ns.is_none() {
            return;
        }
        let counts = act.is_error
            && (self.which != Which::SameError
                || (error_kind(act).is_some() && !is_passing_error(act)));
        let row = self.rows.remove(&scope(act)).unwrap_or_default();
        let mut row = if counts && self.goes_on(acts, &row, act) {
            row
        } else {
            self.closed.extend(self.draft(acts, &row, false));
            Row::default()
        };
        if counts {
            if !row.failures.is_empty() {
                row.waste = row.waste.plus(row.pending);
                row.waste.add(act);
            }
            row.pending = Waste::default();
            row.failures.push(at);
            self.rows.insert(scope(act), row);
        }
    }

    fn drafts(&self, acts: &[Act], _: Ending) -> Vec<Draft> {
        let mut drafts = self.closed.clone();
        drafts.extend(
            self.rows
                .values()
                .filter_map(|row| self.draft(acts, row, true)),
        );
        drafts.sort_by_key(|draft| draft.spans.first().copied());
        drafts
    }
}

impl Failures {
    fn draft(&self, acts: &[Act], row: &Row, open: bool) -> Option<Draft> {
        let count = row.failures.len();
        if count < self.min {
            return None;
        }
        let first = &acts[row.failures[0]];
        let last = &acts[row.failures[count - 1]];
        let error = last.error.as_deref().map(one_line).unwrap_or_default();
        let waste = row.waste.sentence();
        let (kind, title, explanation, severity) = match self.which {
            Which::SameError => {
                let tool = first.tool_words();
                (
                    "loop",
                    format!("{tool} failed {count} times with the same error"),
                    format!(
                        "Model and error take turns: {tool} was called {count} times in a row with changing arguments, and failed each time with \"{error}\".{waste}"
                    ),
                    loop_severity(Confidence::Likely, count),
                )
            }
            Which::AnyError => (
                "error_streak",
                format!("{count} tool calls in a row failed"),
                format!(
                    "{count} tool calls of the agent failed one after the other; the last, {}{}, with \"{error}\".{waste}",
                    last.tool_words(),
                    last.detail_words()
                ),
                Severity::Warning,
            ),
            Which::Request => (
                "retry_storm",
                format!("{count} model requests in a row failed"),
                format!(
                    "{count} requests to {} failed one after the other; the last with \"{error}\".{waste}",
                    last.model.as_deref().unwrap_or("the model")
                ),
                Severity::Error,
            ),
        };
        Some(Draft {
            kind,
            severity,
            confidence: match self.which {
                Which::SameError => Confidence::Likely,
                _ => Confidence::Certain,
            },
            title,
            explanation,
            spans: row.failures.iter().map(|at| acts[*at].key).collect(),
            repeat_count: count,
            waste: row.waste,
            open,
        })
    }
}

pub(super) const UNKNOWN_TOOL_RULE: Rule = Rule {
    name: "unknown_tool",
    version: 2,
    thresholds: &[],
    make: |_| Box::new(UnknownTools::default()),
};

/// Calls of tools that do not exist, by tool.
#[derive(Default)]
struct UnknownTools {
    order: Vec<(Arc<str>, Vec<usize>)>,
}

impl Detector for UnknownTools {
    fn push(&mut self, acts: &[Act], at: usize) {
        let act = &acts[at];
        if !act.is_tool() || !act.is_error || !says_unknown(act) {
            return;
        }
        let name = act.tool_name.clone().unwrap_or_default();
        match self.order.iter_mut().find(|(known, _)| *known == name) {
            Some((_, calls)) => calls.push(at),
            None => self.order.push((name, vec![at])),
        }
    }

    fn drafts(&self, acts: &[Act], _: Ending) -> Vec<Draft> {
        self.order
            .iter()
            .map(|(name, calls)| {
                let error = acts[calls[0]].error.as_deref().map(one_line);
                Draft {
                    kind: "unknown_tool",
                    severity: Severity::Warning,
                    confidence: Confidence::Likely,
                    title: format!("{name} was called, which does not exist"),
                    explanation: format!(
                        "The model asked for the tool {name} {} and was told \"{}\".",
                        match calls.len() {
                            1 => "once".to_owned(),
                            n => format!("{n} times"),
                        },
                        error.unwrap_or_default()
                    ),
                    spans: calls.iter().map(|at| acts[*at].key).collect(),
                    repeat_count: calls.len(),
                    waste: Waste::default(),
                    open: true,
                }
            })
            .collect()
    }
}

fn says_unknown(act: &Act) -> bool {
    let error = act.error.as_deref().unwrap_or_default().to_lowercase();
    [
        "unknown tool",
        "no such tool",
        "unknown function",
        "tool not found",
        "no tool named",
        "unsupported call",
        "not a valid tool",
        "tool does not exist",
    ]
    .iter()
    .any(|sign| error.contains(sign))
}
