//! The model's context: nearly full, compacted in the middle of the work, answers that were cut off;
//! and subagents that were left behind.

use std::collections::HashMap;
use std::sync::Arc;

use proto::agent::Operation;

use super::act::Act;
use super::{Confidence, Detector, Draft, Ending, Rule, Severity, Waste, grouped};

pub(super) const FULL_RULE: Rule = Rule {
    name: "context_full",
    version: 1,
    thresholds: &[("window_tokens", 200_000.0), ("min_share", 0.85)],
    make: |thresholds| {
        Box::new(Full {
            limit: thresholds.get("window_tokens") * thresholds.get("min_share"),
            agents: HashMap::new(),
        })
    },
};

/// Requests whose input comes near the window, by agent.
struct Full {
    /// Input tokens from which a request counts.
    limit: f64,
    agents: HashMap<Arc<str>, Vec<usize>>,
}

impl Detector for Full {
    fn push(&mut self, acts: &[Act], at: usize) {
        let act = &acts[at];
        if act.is_model() && act.input_tokens.unwrap_or(0) as f64 >= self.limit {
            self.agents.entry(act.agent.clone()).or_default().push(at);
        }
    }

    fn drafts(&self, acts: &[Act], _: Ending) -> Vec<Draft> {
        let mut drafts: Vec<Draft> = self
            .agents
            .values()
            .map(|requests| {
                let most = requests.iter().filter_map(|at| acts[*at].input_tokens).max();
                let most = grouped(most.unwrap_or(0));
                draft(
                    acts,
                    requests,
                    "context_full",
                    Confidence::Likely,
                    format!("The context grew to {most} tokens"),
                    format!(
                        "{} model requests held at least {} tokens of input, up to {most}: little room is left, and what is old may be dropped.",
                        requests.len(),
                        grouped(self.limit as i64)
                    ),
                )
            })
            .collect();
        drafts.sort_by_key(|draft| draft.spans.first().copied());
        drafts
    }
}

pub(super) const COMPACTION_RULE: Rule = Rule {
    name: "compaction",
    version: 1,
    thresholds: &[("min_tokens", 20_000.0), ("max_share_left", 0.5)],
    make: |thresholds| {
        Box::new(Compaction {
            min_tokens: thresholds.get("min_tokens"),
            max_left: thresholds.get("max_share_left"),
            last: HashMap::new(),
            found: Vec::new(),
        })
    },
};

/// Requests of which the input is suddenly much shorter, within one turn of one agent.
struct Compaction {
    min_tokens: f64,
    max_left: f64,
    last: HashMap<(Arc<str>, i64), usize>,
    found: Vec<(usize, usize)>,
}

impl Detector for Compaction {
    fn push(&mut self, acts: &[Act], at: usize) {
        let act = &acts[at];
        let (true, Some(tokens)) = (act.is_model() && !act.is_error, act.input_tokens) else {
            return;
        };
        let before = self.last.insert((act.agent.clone(), act.turn), at);
        if let Some(before) = before
            && let Some(had) = acts[before].input_tokens
            && acts[before].model == act.model
            && had as f64 >= self.min_tokens
            && (tokens as f64) < had as f64 * self.max_left
        {
            self.found.push((before, at));
        }
    }

    fn drafts(&self, acts: &[Act], _: Ending) -> Vec<Draft> {
        self.found
            .iter()
            .map(|(before, at)| {
                let tokens = |at: usize| grouped(acts[at].input_tokens.unwrap_or(0));
                draft(
                    acts,
                    &[*before, *at],
                    "compaction",
                    Confidence::Likely,
                    "The context was compacted in the middle of the work".to_owned(),
                    format!(
                        "Within one turn the input fell from {} to {} tokens: the agent goes on with a summary of what was said and done.",
                        tokens(*before),
                        tokens(*at)
                    ),
                )
            })
            .collect()
    }
}

pub(super) const CUT_OFF_RULE: Rule = Rule {
    name: "premature_stop",
    version: 1,
    thresholds: &[],
    make: |_| Box::new(CutOff::default()),
};

/// Answers that the model did not finish.
#[derive(Default)]
struct CutOff {
    found: Vec<usize>,
    last: HashMap<Arc<str>, usize>,
}

impl Detector for CutOff {
    fn push(&mut self, acts: &[Act], at: usize) {
        let act = &acts[at];
        if !act.is_model() {
            return;
        }
        self.last.insert(act.agent.clone(), at);
        let reason = act.finish_reason.as_deref().unwrap_or_default();
        let reason = reason.to_ascii_lowercase();
        let cut = [
            "max_tokens",
            "length",
            "content_filter",
            "refusal",
            "safety",
        ];
        if cut.iter().any(|word| reason.contains(word)) {
            self.found.push(at);
        }
    }

    fn drafts(&self, acts: &[Act], ending: Ending) -> Vec<Draft> {
        self.found
            .iter()
            .map(|at| {
                let act = &acts[*at];
                let is_last = ending.ended && self.last.get(&act.agent) == Some(at);
                let mut draft = draft(
                    acts,
                    &[*at],
                    "premature_stop",
                    Confidence::Certain,
                    match is_last {
                        true => "The run ended with an answer that was cut off".to_owned(),
                        false => "An answer was cut off".to_owned(),
                    },
                    format!(
                        "The model stopped with \"{}\" after {} tokens of output.",
                        act.finish_reason.as_deref().unwrap_or_default(),
                        grouped(act.output_tokens.unwrap_or(0))
                    ),
                );
                if is_last {
                    draft.severity = Severity::Error;
                }
                draft
            })
            .collect()
    }
}

pub(super) const ORPHAN_RULE: Rule = Rule {
    name: "orphaned_subagent",
    version: 1,
    thresholds: &[],
    make: |_| Box::new(Orphans::default()),
};

/// Subagents that never ended in a session that did.
#[derive(Default)]
struct Orphans {
    agents: Vec<usize>,
}

impl Detector for Orphans {
    fn push(&mut self, acts: &[Act], at: usize) {
        let act = &acts[at];
        if act.operation == Operation::Agent && act.end_ns.is_none() {
            self.agents.push(at);
        }
    }

    fn drafts(&self, acts: &[Act], ending: Ending) -> Vec<Draft> {
        if !ending.ended {
            return Vec::new();
        }
        self.agents
            .iter()
            .map(|at| {
                draft(
                    acts,
                    &[*at],
                    "orphaned_subagent",
                    Confidence::Likely,
                    format!("The subagent {} never ended", acts[*at].name),
                    "The session is over, and no end of this subagent was reported: it was killed, or nobody waited for it.".to_owned(),
                )
            })
            .collect()
    }
}

fn draft(
    acts: &[Act],
    spans: &[usize],
    kind: &'static str,
    confidence: Confidence,
    title: String,
    explanation: String,
) -> Draft {
    Draft {
        kind,
        severity: Severity::Warning,
        confidence,
        title,
        explanation,
        spans: spans.iter().map(|at| acts[*at].key).collect(),
        repeat_count: spans.len(),
        waste: Waste::default(),
        open: false,
    }
}
