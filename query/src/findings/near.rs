//! Calls of one tool that are nearly the same and get no further.

use std::collections::HashMap;
use std::sync::Arc;

use super::act::Act;
use super::calls::{
    Sameness, asks_in_words, changes_something, error_template, failure_words, is_bare_error,
    is_note, is_passing_error, is_same_call, same_result,
};
use super::text::one_line;
use super::{Confidence, Detector, Draft, Ending, MIN_CERTAIN_REPEATS, Rule, Waste, loop_severity};

pub(super) const RULE: Rule = Rule {
    name: "near_duplicate_call",
    version: 2,
    thresholds: &[
        ("min_likeness", 0.4),
        ("min_likeness_same_result", 0.6),
        ("min_failures", 2.0),
        ("min_repeats", 3.0),
        ("min_rewordings", 4.0),
        ("min_result_likeness", 0.9),
    ],
    make: |thresholds| {
        Box::new(Near {
            min_likeness: thresholds.get("min_likeness"),
            min_likeness_same_result: thresholds.get("min_likeness_same_result"),
            min_failures: thresholds.count("min_failures").max(2),
            min_repeats: thresholds.count("min_repeats").max(2),
            min_rewordings: thresholds.count("min_rewordings").max(2),
            min_result_likeness: thresholds.get("min_result_likeness"),
            rows: HashMap::new(),
            requests: HashMap::new(),
            closed: Vec::new(),
        })
    },
};

/// Distinct words below which a reworded question cannot be told from another one.
const MIN_QUESTION_WORDS: usize = 5;

/// Calls of one tool by one agent in one turn.
type Place = (Arc<str>, i64, Arc<str>);

struct Near {
    min_likeness: f64,
    min_likeness_same_result: f64,
    min_failures: usize,
    min_repeats: usize,
    min_rewordings: usize,
    min_result_likeness: f64,
    rows: HashMap<Place, Row>,
    /// What the requests of each agent have cost up to now.
    requests: HashMap<Arc<str>, Waste>,
    closed: Vec<Draft>,
}

/// How a call follows the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Both failed in the same way.
    Failed,
    /// Other arguments, the same result.
    SameResult,
    /// The same question in other words.
    Reworded,
}

struct Row {
    calls: Vec<usize>,
    steps: Vec<Step>,
    calls_waste: Waste,
    /// What requests had cost at the first call and at the last.
    requests_from: Waste,
    requests_to: Waste,
}

impl Detector for Near {
    fn push(&mut self, acts: &[Act], at: usize) {
        let act = &acts[at];
        if act.is_model() {
            self.requests.entry(act.agent.clone()).or_default().add(act);
            return;
        }
        if !act.is_tool() || is_note(act) {
            return;
        }
        let spent = self.requests.get(&act.agent).copied().unwrap_or_default();
        // After a change, the same call asks something new.
        if changes_something(act) && !act.is_error {
            let tool = act.tool_name.clone();
            let (agent, turn) = (act.agent.clone(), act.turn);
            let mut broken = Vec::new();
            self.rows.retain(|(a, t, name), row| {
                let goes_on = *a != agent || *t != turn || Some(name) == tool.as_ref();
                if !goes_on {
                    broken.push(std::mem::replace(row, Row::starting_with(at, spent)));
                }
                goes_on
            });
            for row in broken {
                let draft = self.draft(acts, &row, false);
                self.closed.extend(draft);
            }
        }
        let Some(tool) = act.tool_name.clone() else {
            return;
        };
        let step = self
            .rows
            .get(&(act.agent.clone(), act.turn, tool.clone()))
            .and_then(|row| self.step(&acts[*row.calls.last()?], act));
        let row = self
            .rows
            .entry((act.agent.clone(), act.turn, tool))
            .or_insert_with(|| Row::empty(spent));
        if let Some(step) = step {
            row.steps.push(step);
            row.calls.push(at);
            row.calls_waste.add(act);
            row.requests_to = spent;
            return;
        }
        let ended = std::mem::replace(row, Row::starting_with(at, spent));
        let draft = self.draft(acts, &ended, false);
        self.closed.extend(draft);
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

impl Near {
    fn step(&self, earlier: &Act, later: &Act) -> Option<Step> {
        if earlier.is_denied() || later.is_denied() {
            return None;
        }
        let (a, b) = (
            earlier.content.arguments.as_ref()?,
            later.content.arguments.as_ref()?,
        );
        let likeness = match is_same_call(earlier, later) {
            true => 1.0,
            false => a.likeness(b),
        };
        if likeness < self.min_likeness {
            return None;
        }
        if earlier.is_error || later.is_error {
            let same = earlier.is_error
                && later.is_error
                && error_template(earlier) == error_template(later)
                && !is_passing_error(later)
                && (!is_bare_error(later) || a.exact == b.exact);
            // Other items that fail in the same way are batch work.
            let other_item = a.advances_to(b) || a.swaps_one_item(b);
            if same && !other_item {
                return Some(Step::Failed);
            }
        }
        let same_result = same_result(earlier, later) != Sameness::Not
            || match (&earlier.content.result, &later.content.result) {
                (Some(a), Some(b)) => {
                    a.len() >= MIN_QUESTION_WORDS && a.likeness(b) >= self.min_result_likeness
                }
                _ => false,
            };
        let other_item = a.advances_to(b) || a.swaps_one_item(b);
        if same_result
            && !other_item
            && !earlier.is_error
            && likeness >= self.min_likeness_same_result
        {
            return Some(Step::SameResult);
        }
        let is_question = asks_in_words(later) && a.len().min(b.len()) >= MIN_QUESTION_WORDS;
        (is_question && !other_item && a.exact != b.exact && !is_same_call(earlier, later))
            .then_some(Step::Reworded)
    }

    /// Whether all calls are the same one, which is another rule's.
    fn is_one_call(&self, acts: &[Act], row: &Row) -> bool {
        row.calls
            .windows(2)
            .all(|pair| is_same_call(&acts[pair[0]], &acts[pair[1]]))
    }

    fn draft(&self, acts: &[Act], row: &Row, open: bool) -> Option<Draft> {
        let count = row.calls.len();
        let failures = longest(&row.steps, Step::Failed) + 1;
        let is_failing = failures >= self.min_failures && failures > 1;
        let enough = match row.steps.contains(&Step::Reworded) {
            true => self.min_rewordings,
            false => self.min_repeats,
        };
        if !is_failing && (count < enough || self.is_one_call(acts, row)) {
            return None;
        }
        let first = &acts[row.calls[0]];
        // Calls that differ may each have been a try of something else.
        let confidence = match failures >= MIN_CERTAIN_REPEATS && is_one_but_for_ids(acts, row) {
            true => Confidence::Certain,
            false => Confidence::Likely,
        };
        let waste = row
            .calls_waste
            .plus(row.requests_to.since(row.requests_from));
        let tool = first.tool_words();
        let last = &acts[row.calls[count - 1]];
        let varies = match (first.detail.as_deref(), last.detail.as_deref()) {
            (Some(a), Some(b)) if a != b => {
                format!(", from \"{}\" to \"{}\"", one_line(a), one_line(b))
            }
            _ => first.detail_words(),
        };
        let result = if is_failing {
            let failed = row.calls.iter().rev().find(|at| acts[**at].is_error);
            let words = failed.map(|at| failure_words(&acts[*at]));
            format!(
                " {failures} of them failed in the same way{}.",
                words.unwrap_or_default()
            )
        } else if row.steps.iter().all(|step| *step == Step::Reworded) {
            " The question was put in other words each time, without a new item or a next page."
                .to_owned()
        } else {
            " The results were the same, or nearly.".to_owned()
        };
        Some(Draft {
            kind: "loop",
            severity: loop_severity(confidence, count),
            confidence,
            title: format!("{tool} called {count} times with nearly the same arguments"),
            explanation: format!(
                "The agent called {tool} {count} times with arguments that hardly differ{varies}.{result}{}",
                waste.sentence()
            ),
            spans: row.calls.iter().map(|at| acts[*at].key).collect(),
            repeat_count: count,
            waste,
            open,
        })
    }
}

impl Row {
    fn empty(spent: Waste) -> Self {
        Self {
            calls: Vec::new(),
            steps: Vec::new(),
            calls_waste: Waste::default(),
            requests_from: spent,
            requests_to: spent,
        }
    }

    fn starting_with(at: usize, spent: Waste) -> Self {
        Self {
            calls: vec![at],
            ..Self::empty(spent)
        }
    }
}

/// Whether all calls are the same one but for ids and times in their arguments.
fn is_one_but_for_ids(acts: &[Act], row: &Row) -> bool {
    row.calls.windows(2).all(|pair| {
        let (a, b) = (&acts[pair[0]], &acts[pair[1]]);
        is_same_call(a, b)
            || match (&a.content.arguments, &b.content.arguments) {
                (Some(a), Some(b)) => a.len() > 0 && a.exact == b.exact,
                _ => false,
            }
    })
}

/// The longest row of one kind of step.
fn longest(steps: &[Step], wanted: Step) -> usize {
    steps
        .chunk_by(|a, b| a == b)
        .filter(|run| run.first() == Some(&wanted))
        .map(<[Step]>::len)
        .max()
        .unwrap_or(0)
}
