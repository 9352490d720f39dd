//! Answers of a model that say, or write, nearly what they said before.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::act::Act;
use super::text::Sketch;
use super::{Confidence, Detector, Draft, Ending, Rule, Waste, loop_severity};

pub(super) const CODE_RULE: Rule = Rule {
    name: "near_duplicate_code",
    version: 1,
    thresholds: &[("min_likeness", 0.5), ("min_repeats", 4.0)],
    make: |thresholds| {
        Box::new(Answers {
            what: What::Code,
            min_likeness: thresholds.get("min_likeness"),
            min_repeats: thresholds.count("min_repeats").max(2),
            agents: HashMap::new(),
        })
    },
};

pub(super) const MONOLOGUE_RULE: Rule = Rule {
    name: "monologue",
    version: 1,
    thresholds: &[("min_likeness", 0.8), ("min_repeats", 3.0)],
    make: |thresholds| {
        Box::new(Answers {
            what: What::Prose,
            min_likeness: thresholds.get("min_likeness"),
            min_repeats: thresholds.count("min_repeats").max(2),
            agents: HashMap::new(),
        })
    },
};

/// Answers before, that a new one is compared with.
const REMEMBERED: usize = 8;

/// Words below which prose says too little to be compared.
const MIN_PROSE_WORDS: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// Code blocks, of agents that act by writing code.
    Code,
    /// Prose without code, with nothing done between.
    Prose,
}

struct Answers {
    what: What,
    min_likeness: f64,
    min_repeats: usize,
    agents: HashMap<(Arc<str>, i64), Row>,
}

#[derive(Default)]
struct Row {
    recent: VecDeque<usize>,
    /// Answers that are like one before, with the first of its kind.
    alike: Vec<usize>,
    waste: Waste,
}

impl Detector for Answers {
    fn push(&mut self, acts: &[Act], at: usize) {
        let act = &acts[at];
        let place = (act.agent.clone(), act.turn);
        if self.what == What::Prose && act.is_tool() {
            // Something was done: what is said next is about something new.
            if let Some(row) = self.agents.get_mut(&place) {
                row.recent.clear();
            }
            return;
        }
        if !act.is_model() || act.is_error {
            return;
        }
        let Some(text) = self.text(act) else { return };
        let row = self.agents.entry(place).or_default();
        let best = row
            .recent
            .iter()
            .filter_map(|before| Some((*before, self.what.text(&acts[*before])?.likeness(text))))
            .max_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((before, likeness)) = best
            && likeness >= self.min_likeness
        {
            if row.alike.is_empty() {
                row.alike.push(before);
            }
            row.alike.push(at);
            row.waste.add(act);
        }
        row.recent.push_back(at);
        if row.recent.len() > REMEMBERED {
            row.recent.pop_front();
        }
    }

    fn drafts(&self, acts: &[Act], _: Ending) -> Vec<Draft> {
        let mut drafts: Vec<Draft> = self
            .agents
            .values()
            .filter(|row| row.alike.len() >= self.min_repeats)
            .map(|row| self.draft(acts, row))
            .collect();
        drafts.sort_by_key(|draft| draft.spans.first().copied());
        drafts
    }
}

impl What {
    fn text(self, act: &Act) -> Option<&Sketch> {
        let said = act.content.said.as_deref()?;
        match self {
            Self::Code => said.code.as_ref(),
            Self::Prose => {
                (said.code.is_none() && said.plan.is_empty() && said.prose.len() >= MIN_PROSE_WORDS)
                    .then_some(&said.prose)
            }
        }
    }
}

impl Answers {
    fn text<'a>(&self, act: &'a Act) -> Option<&'a Sketch> {
        self.what.text(act)
    }

    fn draft(&self, acts: &[Act], row: &Row) -> Draft {
        let count = row.alike.len();
        let (title, what) = match self.what {
            What::Code => (
                format!("{count} nearly identical pieces of code"),
                "wrote nearly the same code",
            ),
            What::Prose => (
                format!("{count} nearly identical answers with nothing done between"),
                "said nearly the same without doing anything between",
            ),
        };
        Draft {
            kind: "loop",
            severity: loop_severity(Confidence::Likely, count),
            confidence: Confidence::Likely,
            title,
            explanation: format!(
                "The agent {what} {count} times: each shares at least {:.0} % of its words with one before.{}",
                self.min_likeness * 100.0,
                row.waste.sentence()
            ),
            spans: row.alike.iter().map(|at| acts[*at].key).collect(),
            repeat_count: count,
            waste: row.waste,
            open: true,
        }
    }
}
