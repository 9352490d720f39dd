//! Runs that took far more than earlier runs of the same agent.

use super::act::Act;
use super::settings::{Settings, Thresholds};
use super::{Confidence, Detector, Draft, Ending, Rule, Severity, Waste, duration_words, grouped};

pub(super) const RULE: Rule = Rule {
    name: "outlier",
    version: 1,
    thresholds: &[
        ("min_sessions", 8.0),
        ("min_ratio", 3.0),
        ("min_deviations", 5.0),
    ],
    make: |thresholds| {
        Box::new(Outlier {
            limits: Limits::new(thresholds),
            largest: None,
        })
    },
};

/// What makes a run an outlier.
struct Limits {
    min_sessions: usize,
    min_ratio: f64,
    min_deviations: f64,
}

impl Limits {
    fn new(thresholds: &Thresholds) -> Self {
        Self {
            min_sessions: thresholds.count("min_sessions").max(2),
            min_ratio: thresholds.get("min_ratio"),
            min_deviations: thresholds.get("min_deviations"),
        }
    }

    fn are_enough(&self, history: &History) -> bool {
        history.session_count >= self.min_sessions
    }

    fn is_far(&self, figure: &Figure) -> bool {
        figure.median > 0.0
            && figure.ratio() >= self.min_ratio
            && figure.deviations() >= self.min_deviations
    }
}

/// Whether something is to be said of what a session took.
pub(super) fn stands_out(history: &History, settings: &Settings) -> bool {
    let limits = Limits::new(&settings.thresholds(&RULE));
    let figures = [history.duration_ns, history.tokens, history.cost_usd];
    limits.are_enough(history) && figures.iter().flatten().any(|figure| limits.is_far(figure))
}

/// The median absolute deviation of a normal distribution is this part of its standard deviation.
const MAD_PER_DEVIATION: f64 = 0.6745;

/// Part of the median that counts as ordinary variation even where earlier runs hardly varied.
const MIN_DEVIATION_SHARE: f64 = 0.1;

/// What one session took, beside earlier ones of the same harness and project.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct History {
    /// Earlier sessions that have ended, at most 50, the latest.
    pub(crate) session_count: usize,
    /// Time of all turns together, ns.
    pub(crate) duration_ns: Option<Figure>,
    /// Input and output tokens of all model requests.
    pub(crate) tokens: Option<Figure>,
    pub(crate) cost_usd: Option<Figure>,
}

/// One figure of a session, and the middle and spread of the same figure in earlier ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Figure {
    pub(crate) own: f64,
    pub(crate) median: f64,
    /// Median absolute deviation from the median.
    pub(crate) mad: f64,
}

impl Figure {
    fn ratio(&self) -> f64 {
        self.own / self.median
    }

    fn deviations(&self) -> f64 {
        let deviation = (self.mad / MAD_PER_DEVIATION).max(self.median * MIN_DEVIATION_SHARE);
        (self.own - self.median) / deviation
    }
}

struct Outlier {
    limits: Limits,
    /// The act that took most: by tokens, then by time.
    largest: Option<usize>,
}

impl Detector for Outlier {
    fn push(&mut self, acts: &[Act], at: usize) {
        let size = |at: usize| (acts[at].tokens, acts[at].duration_ns());
        if (acts[at].is_model() || acts[at].is_tool())
            && self.largest.is_none_or(|largest| size(at) > size(largest))
        {
            self.largest = Some(at);
        }
    }

    fn drafts(&self, acts: &[Act], ending: Ending) -> Vec<Draft> {
        self.draft(acts, ending).into_iter().collect()
    }
}

impl Outlier {
    fn draft(&self, acts: &[Act], ending: Ending) -> Option<Draft> {
        let history = ending
            .history
            .filter(|history| ending.ended && self.limits.are_enough(history))?;
        let largest = self.largest?;
        let (mut names, mut figures) = (Vec::new(), Vec::new());
        let mut tell =
            |name: &'static str, figure: Option<Figure>, words: &dyn Fn(f64) -> String| {
                let Some(figure) = figure.filter(|figure| self.limits.is_far(figure)) else {
                    return;
                };
                names.push(name);
                figures.push(format!(
                    "{} {name}, {:.1} times the usual {}",
                    words(figure.own),
                    figure.ratio(),
                    words(figure.median)
                ));
            };
        tell("time", history.duration_ns, &|ns| duration_words(ns as i64));
        tell("tokens", history.tokens, &|count| grouped(count as i64));
        tell("cost", history.cost_usd, &|usd| format!("${usd:.4}"));
        if names.is_empty() {
            return None;
        }
        Some(Draft {
            kind: "outlier",
            severity: Severity::Warning,
            confidence: Confidence::Likely,
            title: format!("Far more {} than usual", names.join(", ")),
            explanation: format!(
                "Measured against the {} sessions of the same harness and project before it, the run took {}. The usual is their median.",
                history.session_count,
                figures.join("; ")
            ),
            spans: vec![acts[largest].key],
            repeat_count: 1,
            waste: Waste::default(),
            open: false,
        })
    }
}
