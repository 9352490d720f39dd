//! Sequences of calls that are gone through again and again.

use std::collections::{HashMap, HashSet};

use store::ActKey;

use super::act::Act;
use super::calls::{Sameness, Scope, is_look, is_note, is_same_call, is_weak, same_results, scope};
use super::{Confidence, Detector, Draft, Ending, Rule, Waste, grouped, loop_severity};

pub(super) const RULE: Rule = Rule {
    name: "cycle",
    version: 3,
    thresholds: &[("min_rounds", 3.0), ("max_length", 8.0)],
    make: |thresholds| {
        Box::new(Cycles {
            min_rounds: thresholds.count("min_rounds").max(2),
            max_period: thresholds.count("max_length").min(MAX_PERIOD),
            scopes: HashMap::new(),
            without_looks: HashMap::new(),
        })
    },
};

/// Longest sequence that can be asked for; the cost per call grows with it.
const MAX_PERIOD: usize = 32;

/// Stretches found before that a new one may lie within.
const REMEMBERED: usize = 16;

struct Cycles {
    min_rounds: usize,
    max_period: usize,
    scopes: HashMap<Scope, Sequence>,
    /// The same without calls that only look, so that a cycle shows although each round looks at
    /// something else.
    without_looks: HashMap<Scope, Sequence>,
}

/// The calls of one agent in one turn.
#[derive(Default)]
struct Sequence {
    calls: Vec<usize>,
    /// What all calls up to each place cost, that one included.
    call_waste: Vec<Waste>,
    /// What the requests before each place cost.
    request_waste: Vec<Waste>,
    requests: Waste,
    /// How many calls up to now equal the one so many places before: by period, from 2.
    matched: Vec<usize>,
    /// Stretches that have ended, with their period, and what they gave.
    closed: Vec<(Stretch, Option<Draft>)>,
}

#[derive(Debug, Clone, Copy)]
struct Stretch {
    start: usize,
    end: usize,
    period: usize,
}

impl Detector for Cycles {
    fn push(&mut self, acts: &[Act], at: usize) {
        let act = &acts[at];
        if act.is_model() {
            for scopes in [&mut self.scopes, &mut self.without_looks] {
                if let Some(sequence) = scopes.get_mut(&scope(act)) {
                    sequence.requests.add(act);
                }
            }
            return;
        }
        if !act.is_tool() || is_note(act) {
            return;
        }
        let sequence = self.scopes.entry(scope(act)).or_default();
        sequence.push(acts, at, self.max_period, self.min_rounds);
        if !is_look(act) {
            let sequence = self.without_looks.entry(scope(act)).or_default();
            sequence.push(acts, at, self.max_period, self.min_rounds);
        }
    }

    fn drafts(&self, acts: &[Act], _: Ending) -> Vec<Draft> {
        let mut drafts = self.of(acts, &self.scopes);
        let told: HashSet<ActKey> = drafts
            .iter()
            .flat_map(|draft| &draft.spans)
            .copied()
            .collect();
        let mut interleaved = self.of(acts, &self.without_looks);
        interleaved.retain(|draft| draft.spans.iter().all(|span| !told.contains(span)));
        for draft in &mut interleaved {
            draft.confidence = Confidence::Likely;
            draft.severity = loop_severity(Confidence::Likely, draft.repeat_count);
            draft
                .explanation
                .push_str(" Between them it only looked at other things.");
        }
        drafts.extend(interleaved);
        drafts
    }
}

impl Cycles {
    fn of(&self, acts: &[Act], scopes: &HashMap<Scope, Sequence>) -> Vec<Draft> {
        let mut drafts: Vec<Draft> = Vec::new();
        for sequence in scopes.values() {
            drafts.extend(
                sequence
                    .closed
                    .iter()
                    .filter_map(|(_, draft)| draft.clone()),
            );
            let open = (2..=self.max_period)
                .filter_map(|period| sequence.stretch(period, self.min_rounds))
                .find(|stretch| sequence.is_new(acts, *stretch));
            drafts.extend(open.and_then(|stretch| sequence.draft(acts, stretch, true)));
        }
        drafts.sort_by_key(|draft| draft.spans.first().copied());
        drafts
    }
}

impl Sequence {
    /// Takes the next call.
    fn push(&mut self, acts: &[Act], at: usize, max_period: usize, min_rounds: usize) {
        let act = &acts[at];
        self.matched.resize(max_period + 1, 0);
        let here = self.calls.len();
        for period in 2..=max_period {
            let goes_on = here >= period && is_same_call(&acts[self.calls[here - period]], act);
            if goes_on {
                self.matched[period] += 1;
                continue;
            }
            if let Some(stretch) = self.stretch(period, min_rounds)
                && self.is_new(acts, stretch)
            {
                let draft = self.draft(acts, stretch, false);
                self.closed.push((stretch, draft));
            }
            self.matched[period] = 0;
        }
        let mut waste = self.call_waste.last().copied().unwrap_or_default();
        waste.add(act);
        self.call_waste.push(waste);
        self.request_waste.push(self.requests);
        self.calls.push(at);
    }

    /// The stretch of this period that reaches up to the last call, when it is long enough.
    fn stretch(&self, period: usize, min_rounds: usize) -> Option<Stretch> {
        let matched = *self.matched.get(period)?;
        let end = self.calls.len();
        (matched >= period * (min_rounds - 1)).then(|| Stretch {
            start: end - matched - period,
            end,
            period,
        })
    }

    /// Whether a stretch is told by no other, and its unit is not itself a repetition.
    fn is_new(&self, acts: &[Act], stretch: Stretch) -> bool {
        let covered = self
            .closed
            .iter()
            .rev()
            .take(REMEMBERED)
            .any(|(other, _)| other.start <= stretch.start && stretch.end <= other.end);
        let unit = &self.calls[stretch.start..stretch.start + stretch.period];
        let is_repetition = (1..unit.len())
            .filter(|shorter| unit.len().is_multiple_of(*shorter))
            .any(|shorter| {
                (shorter..unit.len())
                    .all(|at| is_same_call(&acts[unit[at]], &acts[unit[at - shorter]]))
            });
        !covered && !is_repetition
    }

    fn draft(&self, acts: &[Act], stretch: Stretch, open: bool) -> Option<Draft> {
        let Stretch { start, end, period } = stretch;
        let run = &self.calls[start..end];
        let rounds = run.len() / period;
        let same = (0..period)
            .map(|place| {
                let calls = run[place..].iter().step_by(period).map(|at| &acts[*at]);
                same_results(calls.filter(|call| call.end_ns.is_some()))
            })
            .min()
            .unwrap_or(Sameness::Not);
        let weak = run.iter().any(|at| is_weak(&acts[*at]));
        let confidence = match (same, weak) {
            (Sameness::Exact, false) => Confidence::Certain,
            (Sameness::Not, true) => return None,
            _ => Confidence::Likely,
        };
        let calls = self.call_waste[end - 1].since(self.call_waste[start + period - 1]);
        let requests = self.request_waste[end - 1].since(self.request_waste[start]);
        let waste = calls.plus(requests);
        let words = |at: &usize| {
            let act = &acts[*at];
            (act.tool_words(), act.detail_words())
        };
        let (names, unit): (Vec<String>, Vec<String>) = run[..period]
            .iter()
            .map(words)
            .map(|(name, detail)| (name.clone(), format!("{name}{detail}")))
            .unzip();
        Some(Draft {
            kind: "loop",
            severity: loop_severity(confidence, rounds),
            confidence,
            title: format!("{} repeated {rounds} times", names.join(" → ")),
            explanation: format!(
                "The agent went through the same {period} calls {rounds} times ({} calls in all): {}.{}{}",
                grouped(run.len() as i64),
                unit.join(", then "),
                match same {
                    Sameness::Exact => " Each round had the same results.",
                    Sameness::Masked => " The results differ in numbers and ids only.",
                    Sameness::Not => " The results differ, or not all of them are known.",
                },
                waste.sentence()
            ),
            spans: run.iter().map(|at| acts[*at].key).collect(),
            repeat_count: rounds,
            waste,
            open,
        })
    }
}
