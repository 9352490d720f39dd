//! Why a run failed, in words: from its findings, its errors and its end, by fixed rules.

use store::{ActKey, FindingRow};

use super::act::Act;
use super::draft::{Waste, grouped};
use super::remedy::{Remedy, remedy};
use super::text::one_line;

/// How a run failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Loop,
    Blocked,
    ModelFailure,
    CutOff,
    /// It reached a limit of turns or steps.
    Limit,
    Interrupted,
    ToolFailure,
    Drift,
    None,
}

impl Mode {
    /// As the API says it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Loop => "loop",
            Self::Blocked => "blocked",
            Self::ModelFailure => "model_failure",
            Self::CutOff => "cut_off",
            Self::Limit => "limit",
            Self::Interrupted => "interrupted",
            Self::ToolFailure => "tool_failure",
            Self::Drift => "drift",
            Self::None => "none",
        }
    }

    fn of(finding: &FindingRow) -> Self {
        match finding.kind.as_str() {
            "loop" => Self::Loop,
            "blocked" => Self::Blocked,
            "retry_storm" => Self::ModelFailure,
            "premature_stop" => Self::CutOff,
            "drift" => Self::Drift,
            _ => Self::ToolFailure,
        }
    }
}

/// What went wrong in a run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) mode: Mode,
    /// The whole in a few sentences.
    pub(crate) sentence: String,
    /// What shows it, with the acts, in order of time.
    pub(crate) evidence: Vec<Evidence>,
    /// What had gone well up to where it went wrong.
    pub(crate) change: Option<Evidence>,
    /// What the waste of all findings cost.
    pub(crate) waste: Waste,
    pub(crate) remedy: Remedy,
}

/// A statement and the act that shows it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Evidence {
    pub(crate) text: String,
    pub(crate) span: ActKey,
}

/// How the run ended, as it is stored, and where its remedy is to ask.
pub(crate) struct Outcome<'a> {
    /// `ok`, `error`, `interrupted`, `killed`, `running`.
    pub(crate) status: &'a str,
    pub(crate) harness: Option<&'a str>,
    /// The command line of the hook that refuses repetitions.
    pub(crate) guard: &'a str,
}

/// Pieces of evidence, at most.
const MAX_EVIDENCE: usize = 8;

/// Works out why a run failed. `findings` are those of the same acts.
pub(crate) fn verdict(acts: &[Act], findings: &[FindingRow], outcome: &Outcome<'_>) -> Verdict {
    let worst = worst(findings);
    let end = ending(acts, outcome);
    // How the run ended explains more than what it did on the way, unless that is how it came to its end.
    let led_there = match (&end, worst) {
        (Some(end), Some(finding)) => leads_to(acts, finding, end),
        _ => true,
    };
    let begin = match outcome.status {
        "ok" => "The run ended normally, but",
        "error" => "The run failed:",
        "interrupted" => "The run was cut short:",
        "killed" => "The run stops without a word of its end:",
        _ => "The run is still going:",
    };
    let (mode, cause, sentence) = match (end.as_ref(), worst) {
        (None, None) => return nothing_wrong(outcome),
        (Some(end), Some(finding)) if led_there => {
            let there = match finding.spans.contains(&end.span) || end.is_mere_silence {
                true => String::new(),
                false => format!(" It ended there: {}", lower_first(&end.what)),
            };
            let sentence = format!("{begin} {}{there}", lower_first(&finding.explanation));
            (Mode::of(finding), Some(finding), sentence)
        }
        (None, Some(finding)) => (
            Mode::of(finding),
            Some(finding),
            format!("{begin} {}", lower_first(&finding.explanation)),
        ),
        (Some(end), other) => {
            let also = other.map_or_else(String::new, |finding| {
                format!(" Before that, {}", lower_first(&finding.explanation))
            });
            (
                end.mode,
                None,
                format!("{begin} {}{also}", lower_first(&end.what)),
            )
        }
    };
    let mut chain = Chain::default();
    let told = cause.or(worst);
    if let Some(finding) = told {
        chain.add_finding(acts, finding);
    }
    if let Some(end) = &end {
        chain.add(&end.what, end.span);
    }
    for finding in findings {
        let is_told = told.is_some_and(|told| told.finding_id == finding.finding_id);
        if let (false, Some(span)) = (is_told, finding.spans.first()) {
            chain.add(&finding.title, *span);
        }
    }
    if let Some(failed) = acts.iter().rev().find(|act| act.is_error) {
        chain.add(
            &format!("The last failure: {}", failure(failed)),
            failed.key,
        );
    }
    let began = match (&end, cause) {
        (_, Some(finding)) => finding.spans.first().copied(),
        (Some(end), None) => Some(end.span),
        (None, None) => None,
    };
    let waste = findings.iter().fold(Waste::default(), |sum, finding| {
        sum.plus(Waste {
            ns: finding.wasted_ns,
            tokens: finding.wasted_tokens,
            cost_usd: finding.wasted_cost_usd,
        })
    });
    Verdict {
        mode,
        sentence,
        evidence: chain.in_order(acts),
        change: began.and_then(|span| change(acts, span)),
        waste,
        remedy: remedy(mode, cause, acts, outcome),
    }
}

fn nothing_wrong(outcome: &Outcome<'_>) -> Verdict {
    let sentence = match outcome.status {
        "ok" => {
            "Nothing shows that this run failed: it ended normally, and no detector found anything."
        }
        "running" => {
            "Nothing shows that this run is failing: it is still going, and no detector has found anything."
        }
        _ => {
            "The run did not end well, but nothing that was recorded says why: no act failed, and no detector found anything."
        }
    };
    Verdict {
        mode: Mode::None,
        sentence: sentence.to_owned(),
        evidence: Vec::new(),
        change: None,
        waste: Waste::default(),
        remedy: Remedy::nothing(),
    }
}

/// The finding that explains most: by severity, then by kind, certainty and length.
fn worst(findings: &[FindingRow]) -> Option<&FindingRow> {
    findings
        .iter()
        .filter(|finding| finding.severity != "info")
        .max_by_key(|finding| {
            let severity = u8::from(finding.severity == "error");
            let kind = match finding.kind.as_str() {
                "retry_storm" => 5,
                "loop" => 4,
                "blocked" => 3,
                "premature_stop" => 2,
                "error_streak" => 1,
                _ => 0,
            };
            let sure = u8::from(finding.confidence == "certain");
            (
                severity,
                kind,
                sure,
                finding.repeat_count,
                &finding.finding_id,
            )
        })
}

/// How a run that did not end well ended.
struct End {
    mode: Mode,
    /// In a sentence.
    what: String,
    span: ActKey,
    /// Nothing failed and nothing was left undone: the records stop.
    is_mere_silence: bool,
}

/// What the end of a run says by itself; `None` for one that ended well, or of which nothing tells.
fn ending(acts: &[Act], outcome: &Outcome<'_>) -> Option<End> {
    let last = acts
        .iter()
        .rev()
        .find(|act| act.is_model() || act.is_tool())
        .or(acts.last())?;
    let stopped = |act: &Act, what: String| End {
        mode: Mode::Interrupted,
        what,
        span: act.key,
        is_mere_silence: act.end_ns.is_some(),
    };
    if matches!(outcome.status, "interrupted" | "killed") {
        let pending = acts
            .iter()
            .rev()
            .find(|act| (act.is_model() || act.is_tool()) && act.end_ns.is_none());
        return Some(match pending {
            Some(act) => stopped(
                act,
                format!("{} had not ended when the records stop.", call_words(act)),
            ),
            None => stopped(
                last,
                format!(
                    "The records stop after {}, with no word of an end.",
                    call_words(last)
                ),
            ),
        });
    }
    if outcome.status == "running" {
        return None;
    }
    let failed = match outcome.status {
        "error" => acts.iter().rev().find(|act| act.is_error)?,
        _ if last.is_error => last,
        _ => return None,
    };
    let mode = match failed.error.as_deref() {
        Some(error) if is_limit(error) => Mode::Limit,
        _ if failed.is_denied() => Mode::Blocked,
        _ if failed.is_model() => Mode::ModelFailure,
        _ => Mode::ToolFailure,
    };
    let what = match mode {
        Mode::Limit => format!("It reached a limit of its steps: {}", failure(failed)),
        _ if failed.key == last.key => format!("The last thing it did failed: {}", failure(failed)),
        _ => format!("Its last failure was {}", failure(failed)),
    };
    Some(End {
        mode,
        what,
        span: failed.key,
        is_mere_silence: false,
    })
}

/// Whether an error says that a run used up the turns or steps that it was given.
fn is_limit(error: &str) -> bool {
    const COUNTED: [&str; 7] = [
        "turn",
        "step",
        "iteration",
        "recursion",
        "request_limit",
        "tool_calls_limit",
        "round",
    ];
    const BOUNDS: [&str; 4] = ["max", "limit", "exceed", "too many"];
    let error = error.to_lowercase();
    BOUNDS.iter().any(|bound| error.contains(bound))
        && COUNTED.iter().any(|counted| error.contains(counted))
        && !error.contains("rate limit")
}

/// Whether a finding explains a run better than its end does: the end is one of its acts, or says nothing,
/// or is a limit that was reached while the same agent was still at it in the same turn.
fn leads_to(acts: &[Act], finding: &FindingRow, end: &End) -> bool {
    if finding.spans.contains(&end.span) || end.is_mere_silence {
        return true;
    }
    let act_of = |key: &ActKey| acts.iter().find(|act| act.key == *key);
    let (Some(last), Some(ended)) = (finding.spans.last().and_then(act_of), act_of(&end.span))
    else {
        return false;
    };
    if finding.kind == "blocked" {
        return end.mode == Mode::Blocked && last.turn == ended.turn;
    }
    let went_on = acts
        .iter()
        .filter(|act| act.is_tool() && act.start_ns > last.start_ns)
        .any(|act| act.agent == last.agent);
    end.mode == Mode::Limit && last.turn == ended.turn && !went_on
}

fn call_words(act: &Act) -> String {
    match act.is_model() {
        true => format!(
            "A request to {}",
            act.model.as_deref().unwrap_or("the model")
        ),
        false => format!("{}{}", act.tool_words(), act.detail_words()),
    }
}

fn failure(act: &Act) -> String {
    let what = lower_first(&call_words(act));
    match act.error.as_deref() {
        Some(error) => format!("{what} with \"{}\".", one_line(error)),
        None => format!("{what}."),
    }
}

/// Evidence as it is gathered: one statement for each act.
#[derive(Default)]
struct Chain(Vec<Evidence>);

impl Chain {
    fn add(&mut self, text: &str, span: ActKey) {
        if self.0.len() < MAX_EVIDENCE && self.0.iter().all(|told| told.span != span) {
            self.0.push(Evidence {
                text: text.to_owned(),
                span,
            });
        }
    }

    /// First, second and last act of a finding.
    fn add_finding(&mut self, acts: &[Act], finding: &FindingRow) {
        let count = finding.spans.len();
        for place in [0, 1, count.saturating_sub(1)] {
            let act = finding
                .spans
                .get(place)
                .and_then(|span| acts.iter().find(|act| act.key == *span));
            let Some(act) = act else { continue };
            let text = match count {
                1 => finding.title.clone(),
                _ => format!(
                    "{} of {count}: {}",
                    grouped(place as i64 + 1),
                    lower_first(&call_words(act))
                ),
            };
            self.add(&text, act.key);
        }
    }

    fn in_order(mut self, acts: &[Act]) -> Vec<Evidence> {
        self.0
            .sort_by_cached_key(|evidence| acts.iter().position(|act| act.key == evidence.span));
        self.0
    }
}

/// How the same agent had fared up to an act, and its last success; for its first call that it was that.
fn change(acts: &[Act], span: ActKey) -> Option<Evidence> {
    let at = acts.iter().position(|act| act.key == span)?;
    let agent = &acts[at].agent;
    let before = || {
        acts[..at]
            .iter()
            .filter(|act| act.is_tool() && act.agent == *agent)
    };
    let went_well = |act: &&Act| !act.is_error && !act.is_denied();
    let count = before().count();
    let text = match before().rev().find(went_well) {
        Some(last) => {
            return Some(Evidence {
                text: format!(
                    "Up to then {} of {count} tool calls had succeeded; the last that did was {}{}.",
                    before().filter(went_well).count(),
                    last.tool_words(),
                    last.detail_words()
                ),
                span: last.key,
            });
        }
        None if count > 0 => format!("None of the {count} tool calls before it had succeeded."),
        None if acts[at].is_tool() => {
            "It was the first tool call: nothing had been done before it.".to_owned()
        }
        None => "No tool had been called before it.".to_owned(),
    };
    Some(Evidence { text, span })
}

fn lower_first(text: &str) -> String {
    ["The ", "A ", "One ", "Within ", "Its ", "It "]
        .iter()
        .find_map(|word| Some(word.to_lowercase() + text.strip_prefix(word)?))
        .unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::session::detect;
    use super::super::tests::acts;
    use super::*;

    fn of(script: &str, status: &str) -> Verdict {
        let acts = acts(script);
        let findings = detect("s", &acts, status != "running");
        let outcome = Outcome {
            status,
            harness: Some("claude-code"),
            guard: "spanreel guard",
        };
        verdict(&acts, &findings, &outcome)
    }

    #[test]
    fn names_the_mode_and_the_evidence() {
        for (script, status, mode, words) in [
            (
                "t:B=y t:A!boom t:A!boom t:A!boom t:A!boom t:A!boom",
                "error",
                "loop",
                "called A 5 times",
            ),
            (
                "t:ls=x d:Bash(rm+-rf+build) m",
                "error",
                "blocked",
                "blocked Bash",
            ),
            (
                "m!:a> m!:b> m!:c> m!:d> m!:e>",
                "error",
                "model_failure",
                "5 requests",
            ),
            ("t:A=x m|max_tokens", "error", "cut_off", "max_tokens"),
            (
                "t:A=x t:B...",
                "interrupted",
                "interrupted",
                "had not ended",
            ),
            ("t:A=x t:B!broken", "error", "tool_failure", "broken"),
            (
                "t:A=x t:B!Max+turns+exceeded:+3",
                "error",
                "limit",
                "limit of its steps",
            ),
            (
                "t:B=y t:A!boom t:A!boom t:A!boom t:A!boom t:A!boom turn t:C=1 t:D!broken",
                "error",
                "tool_failure",
                "Before that, the agent called A 5 times",
            ),
            (
                "t:B=y t:A!boom t:A!boom t:A!boom t:A!boom t:A!boom t:X...",
                "killed",
                "interrupted",
                "without a word of its end: X (X) had not ended",
            ),
            ("t:A=x m", "ok", "none", "Nothing shows"),
        ] {
            let verdict = of(script, status);
            assert_eq!(verdict.mode.word(), mode, "{script}: {}", verdict.sentence);
            assert!(
                verdict.sentence.contains(words),
                "{script}: {}",
                verdict.sentence
            );
        }
        let verdict = of(
            "t:B=y t:A!boom t:A!boom t:A!boom t:A!boom t:A!boom",
            "error",
        );
        assert!(verdict.change.unwrap().text.contains("1 of 1 tool calls"));
        let pasted = verdict.remedy.configuration.unwrap();
        serde_json::from_str::<serde_json::Value>(&pasted).unwrap();
        assert!(pasted.contains("spanreel guard"), "{pasted}");
        let pasted = of("d:Bash(rm+-rf+build) m", "error")
            .remedy
            .configuration
            .unwrap();
        assert!(pasted.contains("Bash(rm:*)"), "{pasted}");
        let pasted = of("d:Bash(rm+-rf+build) t:Bash(rm+-rf+build)=ok m", "ok")
            .remedy
            .configuration
            .unwrap();
        assert!(pasted.contains("spanreel guard"), "{pasted}");
    }
}
