//! Where a run leaves its task: the plan that it made is not carried out.

use std::collections::{BTreeSet, HashSet};

use super::act::Act;
use super::said::Said;
use super::{Confidence, Detector, Draft, Ending, Rule, Severity, Waste, topic};

pub(super) const RULE: Rule = Rule {
    name: "plan_dropped",
    version: 1,
    thresholds: &[("min_score", 0.7)],
    make: |thresholds| {
        Box::new(PlanDropped {
            min_score: thresholds.get("min_score"),
            turns: Vec::new(),
            last_turn: 0,
        })
    },
};

/// Planned steps for each one done, that count as much as a planned tool never called.
const STEPS_PER_POINT: f64 = 3.0;

/// Places where an answer says that it makes something up, beyond which more say no more.
const MAX_INVENTIONS: f64 = 3.0;

/// Plans that were made, and what was done of each, turn by turn.
struct PlanDropped {
    min_score: f64,
    turns: Vec<Plan>,
    last_turn: i64,
}

/// The first plan of a turn, and what followed it.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    turn: i64,
    /// The answer that states it.
    at: usize,
    /// The last act of its turn.
    last: usize,
    steps: usize,
    names: BTreeSet<String>,
    /// Answers after it that are no plans, and tool calls.
    answers: usize,
    calls: usize,
    called: HashSet<String>,
    inventions: usize,
    /// Answers that say that something is assumed or made up.
    invented: Vec<usize>,
}

impl Plan {
    fn new(act: &Act, at: usize, said: &Said) -> Self {
        Self {
            turn: act.turn,
            at,
            last: at,
            steps: said.plan.len(),
            names: said.planned_names.iter().cloned().collect(),
            answers: 0,
            calls: 0,
            called: HashSet::new(),
            inventions: 0,
            invented: Vec::new(),
        }
    }

    fn take(&mut self, act: &Act, at: usize, agent: &str) {
        self.last = at;
        if act.is_tool() {
            let name = act.tool_name.as_deref().unwrap_or(&act.name);
            self.called.insert(name.to_owned());
            self.calls += 1;
        }
        let Some(said) = act.content.said.as_deref() else {
            return;
        };
        if said.plan.is_empty() || said.code.is_some() {
            self.answers += 1;
        }
        self.called.extend(said.called_names.iter().cloned());
        if *act.agent == *agent && said.inventions > 0 && !said.called_names.is_empty() {
            self.inventions += said.inventions;
            self.invented.push(at);
        }
    }

    /// What was done after it: each step is an answer, a call, or both.
    fn done(&self) -> usize {
        self.answers.max(self.calls)
    }

    /// The planned tools that were never called.
    fn missed(&self) -> Vec<&str> {
        let names = self.names.iter().map(String::as_str);
        names.filter(|name| !self.called.contains(*name)).collect()
    }

    /// How little of the plan was done, from 0: planned steps for each one that followed, the
    /// share of planned tools never called, and words for making things up.
    fn score(&self) -> f64 {
        let steps = self.steps as f64 / (1 + self.done()) as f64 / STEPS_PER_POINT;
        let missed = match self.names.len() {
            0 => 0.0,
            all => self.missed().len() as f64 / all as f64,
        };
        steps + missed + (self.inventions as f64).min(MAX_INVENTIONS) / MAX_INVENTIONS
    }
}

impl Detector for PlanDropped {
    fn push(&mut self, acts: &[Act], at: usize) {
        let act = &acts[at];
        self.last_turn = self.last_turn.max(act.turn);
        match self.turns.last_mut() {
            Some(plan) if plan.turn == act.turn => {
                let is_next_draft =
                    plan.answers == 0 && plan.called.is_empty() && acts[plan.at].agent == act.agent;
                match act.content.said.as_deref() {
                    // The last of several drafts is the plan.
                    Some(said) if is_next_draft && !said.plan.is_empty() => {
                        *plan = Plan::new(act, at, said);
                    }
                    _ => plan.take(act, at, &acts[plan.at].agent),
                }
            }
            _ => {
                if let Some(said) = act.content.said.as_deref()
                    && !said.plan.is_empty()
                {
                    self.turns.push(Plan::new(act, at, said));
                }
            }
        }
    }

    fn drafts(&self, acts: &[Act], ending: Ending) -> Vec<Draft> {
        self.turns
            .iter()
            // While the turn goes on, the plan may still be carried out.
            .filter(|plan| ending.ended || plan.turn < self.last_turn)
            .filter(|plan| plan.score() >= self.min_score)
            .map(|plan| draft(acts, plan))
            .collect()
    }
}

fn draft(acts: &[Act], plan: &Plan) -> Draft {
    let missed = plan.missed();
    let tools = match missed.as_slice() {
        [] => String::new(),
        names => format!(" Planned and never called: {}.", names.join(", ")),
    };
    let invented = match plan.invented.len() {
        0 => String::new(),
        1 => " One answer says that something is assumed or made up.".to_owned(),
        n => format!(" {n} answers say that something is assumed or made up."),
    };
    // The turn's prompt lies before its plan.
    let begin = acts[..plan.at]
        .iter()
        .rposition(|act| act.turn != plan.turn)
        .map_or(0, |before| before + 1);
    let off_topic = topic::change_point(acts, begin, plan.last)
        .map_or_else(String::new, |change| format!(" {}", change.sentence(acts)));
    let mut spans = vec![plan.at];
    spans.extend(&plan.invented);
    spans.push(plan.last);
    spans.dedup();
    Draft {
        kind: "drift",
        severity: Severity::Warning,
        confidence: Confidence::Likely,
        title: "The plan was not carried out".to_owned(),
        explanation: format!(
            "The agent planned {} steps, and the turn was over {} later.{tools}{invented}{off_topic}",
            plan.steps,
            match plan.done() {
                1 => "one step".to_owned(),
                n => format!("{n} steps"),
            },
        ),
        spans: spans.iter().map(|at| acts[*at].key).collect(),
        repeat_count: 1,
        waste: Waste::default(),
        open: false,
    }
}

/// How far a run has left its plans: the score of the worst.
pub(super) fn plan_score(acts: &[Act]) -> f64 {
    let mut detector = PlanDropped {
        min_score: 0.0,
        turns: Vec::new(),
        last_turn: 0,
    };
    for at in 0..acts.len() {
        detector.push(acts, at);
    }
    detector.turns.iter().map(Plan::score).fold(0.0, f64::max)
}
