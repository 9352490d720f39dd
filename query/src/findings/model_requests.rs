//! Loops that leave no tool span: an agent whose calls are refused before they run shows only as
//! model requests with nothing between.

use std::collections::HashMap;
use std::sync::Arc;

use proto::agent::Operation;

use super::act::Act;
use super::{Confidence, Detector, Draft, Ending, MIN_CERTAIN_REPEATS, Rule, Waste, loop_severity};

pub(super) const RULE: Rule = Rule {
    name: "repeated_model_request",
    version: 3,
    thresholds: &[("min_repeats", 3.0)],
    make: |thresholds| {
        Box::new(Requests {
            min: thresholds.count("min_repeats").max(2),
            runs: HashMap::new(),
            closed: Vec::new(),
        })
    },
};

/// How two requests in a row are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Likeness {
    Input,
    Output,
    /// The model asked for a tool with an answer of the same length.
    Shape,
}

/// Requests of one agent in a row that are alike, with no other act between.
struct Requests {
    min: usize,
    runs: HashMap<Arc<str>, Run>,
    closed: Vec<Draft>,
}

impl Detector for Requests {
    fn push(&mut self, acts: &[Act], at: usize) {
        let act = &acts[at];
        if !act.is_model() {
            if interrupts(act) {
                // An act that names no agent may belong to any of them.
                let (min, closed) = (self.min, &mut self.closed);
                self.runs.retain(|agent, run| {
                    let goes_on = !act.agent.is_empty() && *agent != act.agent;
                    if !goes_on {
                        closed.extend(run.draft(acts, min, false));
                    }
                    goes_on
                });
            }
            return;
        }
        // A failed request is tried again as it was; that is no loop.
        if act.is_error {
            return;
        }
        let run = self.runs.entry(act.agent.clone()).or_default();
        let alike = run
            .requests
            .last()
            .and_then(|last| likeness(&acts[*last], act));
        match alike {
            Some(alike) => {
                run.alike.push(alike);
                run.waste.add(act);
            }
            None => {
                self.closed.extend(run.draft(acts, self.min, false));
                *run = Run::default();
            }
        }
        run.requests.push(at);
    }

    fn drafts(&self, acts: &[Act], _: Ending) -> Vec<Draft> {
        let mut drafts = self.closed.clone();
        let open = self.runs.values();
        drafts.extend(open.filter_map(|run| run.draft(acts, self.min, true)));
        drafts.sort_by_key(|draft| draft.spans.first().copied());
        drafts
    }
}

/// What ends a row of requests: anything that the agent did, was asked or was told.
fn interrupts(act: &Act) -> bool {
    !matches!(
        act.operation,
        Operation::Session | Operation::Agent | Operation::Internal | Operation::Evaluation
    )
}

fn likeness(earlier: &Act, later: &Act) -> Option<Likeness> {
    if !earlier.is_beside(later) {
        return None;
    }
    if earlier.input_hash.is_some() && earlier.input_hash == later.input_hash {
        return Some(Likeness::Input);
    }
    let both_ask = earlier.asks_for_tool() && later.asks_for_tool();
    // The conversation that the next request resends holds the answer before. The same short answer
    // to unrelated inputs is batch work, not a loop.
    let resends = earlier
        .input_tokens
        .zip(later.input_tokens)
        .zip(earlier.output_tokens)
        .is_some_and(|((before, after), answer)| after >= before + answer.max(1));
    // The call hash of a request identifies its answer without the ids that each answer has anew.
    let same_text = earlier.output_hash.is_some() && earlier.output_hash == later.output_hash;
    let same_call = earlier.call_hash.is_some() && earlier.call_hash == later.call_hash;
    let same_answer = same_text || same_call;
    if same_answer && (both_ask || resends) {
        return Some(Likeness::Output);
    }
    let same_shape = earlier.output_tokens.is_some_and(|tokens| tokens > 0)
        && earlier.output_tokens == later.output_tokens
        && earlier.model == later.model;
    // Where both answers are known, their length says nothing more.
    let is_known = |act: &Act| act.call_hash.is_some();
    let comparable = is_known(earlier) && is_known(later);
    (both_ask && same_shape && !comparable).then_some(Likeness::Shape)
}

#[derive(Default)]
struct Run {
    requests: Vec<usize>,
    alike: Vec<Likeness>,
    waste: Waste,
}

impl Run {
    fn draft(&self, acts: &[Act], min: usize, open: bool) -> Option<Draft> {
        let count = self.requests.len();
        if count < min {
            return None;
        }
        let identical = !self.alike.contains(&Likeness::Shape);
        let confidence = match identical && count >= MIN_CERTAIN_REPEATS {
            true => Confidence::Certain,
            false => Confidence::Likely,
        };
        let first = &acts[self.requests[0]];
        let why = if self.alike.iter().all(|alike| *alike == Likeness::Input) {
            "The requests are identical.".to_owned()
        } else if identical {
            "The answers are identical.".to_owned()
        } else {
            format!(
                "Each answer asked for a tool with {} output tokens, and no tool ran: the call was \
                 probably refused before it started.",
                first.output_tokens.unwrap_or_default()
            )
        };
        let model = first.model.as_deref().unwrap_or("the model");
        Some(Draft {
            kind: "loop",
            severity: loop_severity(confidence, count),
            confidence,
            title: format!("{count} alike requests to {model} with nothing between"),
            explanation: format!(
                "The agent sent {count} requests to {model} in a row without any act between. \
                 {why}{}",
                self.waste.sentence()
            ),
            spans: self.requests.iter().map(|at| acts[*at].key).collect(),
            repeat_count: count,
            waste: self.waste,
            open,
        })
    }
}
