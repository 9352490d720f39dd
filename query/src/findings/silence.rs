//! Stalls and silent ends: the timeline simply stops, although something had to follow.

use proto::agent::{Decision, Operation};

use super::act::Act;
use super::settings::Settings;
use super::{Confidence, Detector, Draft, Ending, Rule, Severity, Waste, duration_words};

pub(super) const RULE: Rule = Rule {
    name: "stall",
    version: 1,
    thresholds: &[("min_minutes", 10.0)],
    make: |thresholds| Box::new(Silence::new(minutes_ns(thresholds.get("min_minutes")))),
};

fn minutes_ns(minutes: f64) -> i64 {
    (minutes * 60e9) as i64
}

/// Times within a turn at which nothing ran.
struct Silence {
    min_ns: i64,
    turn: i64,
    /// When the last of the turn's acts ended that are no frames of others.
    busy_until_ns: Option<i64>,
    /// The tool call or model request that ended last.
    last: Option<usize>,
    /// Calls and requests of the turn of which no end is known.
    running: Vec<usize>,
    /// A person was asked, and nothing was done since.
    is_asking: bool,
    /// The acts before and after each silence.
    gaps: Vec<(usize, usize, i64)>,
}

impl Silence {
    fn new(min_ns: i64) -> Self {
        Self {
            min_ns,
            turn: 0,
            busy_until_ns: None,
            last: None,
            running: Vec::new(),
            is_asking: false,
            gaps: Vec::new(),
        }
    }

    fn enter(&mut self, turn: i64) {
        *self = Self {
            turn,
            gaps: std::mem::take(&mut self.gaps),
            ..Self::new(self.min_ns)
        };
    }
}

impl Detector for Silence {
    fn push(&mut self, acts: &[Act], at: usize) {
        let act = &acts[at];
        if act.operation == Operation::Turn || act.turn != self.turn {
            self.enter(act.turn);
        }
        if is_frame(act) {
            return;
        }
        if let (Some(busy_until_ns), Some(last)) = (self.busy_until_ns, self.last) {
            let silent_ns = act.start_ns.saturating_sub(busy_until_ns);
            if silent_ns >= self.min_ns
                && self.running.is_empty()
                && !self.is_asking
                && calls_for_more(&acts[last])
            {
                self.gaps.push((last, at, silent_ns));
            }
        }
        let end_ns = act.end_ns.unwrap_or(act.start_ns);
        if act.is_tool() || act.is_model() {
            self.is_asking = false;
            if act.end_ns.is_none() {
                self.running.push(at);
            }
            if self.busy_until_ns.is_none_or(|until| end_ns >= until) || self.last.is_none() {
                self.last = Some(at);
            }
        }
        self.is_asking |= act.decision == Some(Decision::Ask);
        self.busy_until_ns = self.busy_until_ns.max(Some(end_ns));
    }

    fn drafts(&self, acts: &[Act], ending: Ending) -> Vec<Draft> {
        let past = self.gaps.iter().map(|(before, after, silent_ns)| {
            let words = duration_words(*silent_ns);
            draft(
                acts,
                &[*before, *after],
                format!("Nothing happened for {words}"),
                format!(
                    "Between {} and the next act lay {words} in which nothing ran, in the middle of a turn: the agent hung, or the machine slept.",
                    step_words(&acts[*before]),
                ),
                *silent_ns,
                false,
            )
        });
        past.chain(self.end(acts, ending)).collect()
    }
}

impl Silence {
    /// What the end of the timeline leaves open.
    fn end(&self, acts: &[Act], ending: Ending) -> Option<Draft> {
        let last = self.last?;
        if ending.ended {
            // Whoever went on after it has seen its end, even if no record tells of it.
            let open = *self.running.last()?;
            let went_on = acts[open + 1..]
                .iter()
                .any(|act| (act.is_tool() || act.is_model()) && act.agent == acts[open].agent);
            return (!went_on).then(|| {
                let mut draft = draft(
                    acts,
                    &[open],
                    "The session ended with an act still open".to_owned(),
                    format!(
                        "The session is over, and no end of {} was reported: it was killed, or its result was lost.",
                        step_words(&acts[open])
                    ),
                    0,
                    false,
                );
                // How the session ended says more.
                draft.severity = Severity::Info;
                draft
            });
        }
        let now_ns = ending.awaited_at_ns?;
        let is_silent = now_ns.saturating_sub(self.busy_until_ns?) >= self.min_ns;
        (is_silent && !self.is_asking && calls_for_more(&acts[last])).then(|| {
            draft(
                acts,
                &[last],
                "Silent in the middle of the work".to_owned(),
                format!(
                    "After {} the agent had to go on, and nothing has come for more than {}: it hangs, it was killed, or what it sends does not arrive.",
                    step_words(&acts[last]),
                    duration_words(self.min_ns)
                ),
                0,
                true,
            )
        })
    }
}

/// An act that only holds others, which tell what is being done.
fn is_frame(act: &Act) -> bool {
    matches!(
        act.operation,
        Operation::Session | Operation::Turn | Operation::Agent
    )
}

/// Whether the agent has to do something after it by itself, without a word of the user.
fn calls_for_more(act: &Act) -> bool {
    act.end_ns.is_none() || act.is_tool() || act.asks_for_tool()
}

/// `the call of Bash (./run_tests.sh)`, `the request to big`.
fn step_words(act: &Act) -> String {
    match act.is_model() {
        true => format!(
            "the request to {}",
            act.model.as_deref().unwrap_or("the model")
        ),
        false => format!("the call of {}{}", act.tool_words(), act.detail_words()),
    }
}

fn draft(
    acts: &[Act],
    spans: &[usize],
    title: String,
    explanation: String,
    wasted_ns: i64,
    open: bool,
) -> Draft {
    Draft {
        kind: "stall",
        severity: Severity::Warning,
        confidence: Confidence::Likely,
        title,
        explanation,
        spans: spans.iter().map(|at| acts[*at].key).collect(),
        repeat_count: 1,
        waste: Waste {
            ns: wasted_ns,
            ..Waste::default()
        },
        open,
    }
}

/// The time (Unix ns) that the last act of a session has to lie before, `now_ns`, to be called silent.
pub(super) fn from_ns(settings: &Settings, now_ns: i64) -> i64 {
    now_ns.saturating_sub(minutes_ns(settings.thresholds(&RULE).get("min_minutes")))
}

/// Whether nothing has come of a session for long enough.
pub(super) fn is_silent(acts: &[Act], settings: &Settings, now_ns: i64) -> bool {
    let latest = acts
        .iter()
        .map(|act| act.end_ns.unwrap_or(act.start_ns))
        .max();
    settings.is_on(&RULE) && latest.is_some_and(|at| at <= from_ns(settings, now_ns))
}
