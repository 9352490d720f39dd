//! Findings: what deserves attention in a run, found while it is going.
//!
//! A detector is pure and incremental: it takes the counted acts of one session one by one, in their
//! order, at a constant cost each, and can say at any time what it has found. The runner feeds it and
//! writes what changed. When an act arrives late or changes, the session is gone through again, so
//! that a live session and a stored one give the same answer. Rules and examples: docs/detectors.md.

mod act;
mod act_rows;
mod assess;
mod blocked;
mod calls;
mod comparing;
mod context;
mod cycles;
mod draft;
mod drift;
mod ending;
mod errors;
mod history;
mod known;
mod look;
mod model_requests;
mod near;
mod outputs;
mod progress;
mod repeats;
mod runner;
mod said;
mod session;
mod settings;
mod silence;
#[cfg(test)]
pub(crate) mod tests;
mod text;
mod todo;
mod topic;
mod unfinished;
mod verdict;

pub(crate) use act::{Act, ActRow, Content};
pub use assess::{AssessedFinding, Assessment, assess};
pub(crate) use blocked::evades;
pub(crate) use draft::{
    Confidence, Draft, MIN_CERTAIN_REPEATS, Severity, Waste, duration_words, grouped, loop_severity,
};
pub(crate) use history::{Figure, History};
pub(crate) use look::{Due, Heard, look, read_session};
pub(crate) use progress::{Progress, Reached};
pub(crate) use runner::run;
pub(crate) use session::Session;
#[cfg(test)]
pub(crate) use session::{detect, detect_with};
pub(crate) use settings::Thresholds;
pub use settings::{Settings, SettingsError};
pub(crate) use text::Sketch;
pub(crate) use verdict::{Evidence, Outcome, Verdict, verdict};

/// What is known of a session beside its acts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Ending {
    /// The session cannot go on by itself: its records say so, or it has been silent for
    /// [`store::SILENT_NS`] and nothing more was to be expected of it.
    pub(crate) ended: bool,
    /// It has been silent for so long that it counts as over, in whatever way.
    pub(crate) is_silent: bool,
    /// The time by the clock (Unix ns), while something is still to be expected: the session has not
    /// ended, and its last act calls for another.
    pub(crate) awaited_at_ns: Option<i64>,
    /// What earlier sessions of the same kind took; known of sessions that have ended.
    pub(crate) history: Option<History>,
}

/// One rule, in the state that it has for one session.
pub(crate) trait Detector: Send {
    /// Takes the act `acts[at]`; the ones before it were taken already.
    fn push(&mut self, acts: &[Act], at: usize);

    /// What has been found up to now; `acts` are all that were taken.
    fn drafts(&self, acts: &[Act], ending: Ending) -> Vec<Draft>;
}

/// A rule as it is listed.
pub(crate) struct Rule {
    /// Name in the settings and, with the version, in `findings.detector`.
    pub(crate) name: &'static str,
    /// Raised when the same acts may give another answer.
    pub(crate) version: u32,
    /// Names and defaults of what can be set.
    pub(crate) thresholds: &'static [(&'static str, f64)],
    make: fn(&Thresholds) -> Box<dyn Detector>,
}

/// All rules. A repetition that several of them see is told by the first.
pub(crate) const RULES: &[Rule] = &[
    repeats::RULE,
    cycles::RULE,
    model_requests::RULE,
    near::RULE,
    outputs::CODE_RULE,
    outputs::MONOLOGUE_RULE,
    errors::ALTERNATION_RULE,
    repeats::ACROSS_RULE,
    drift::RULE,
    blocked::RULE,
    errors::STREAK_RULE,
    errors::RETRY_STORM_RULE,
    errors::UNKNOWN_TOOL_RULE,
    context::FULL_RULE,
    context::COMPACTION_RULE,
    context::CUT_OFF_RULE,
    context::ORPHAN_RULE,
    unfinished::PROMISE_RULE,
    unfinished::TODO_RULE,
    unfinished::AFTER_ERROR_RULE,
    silence::RULE,
    history::RULE,
];

/// Whether a stored finding is one of these detectors', of any version.
pub(crate) fn is_ours(detector: &str) -> bool {
    let name = detector.split('/').next().unwrap_or_default();
    RULES.iter().any(|rule| rule.name == name)
}
