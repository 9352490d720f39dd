//! Why a run failed, in words: from its findings, its errors and its end, by fixed rules.

mod ending;
mod evidence;
mod mode;
mod remedy;
#[cfg(test)]
mod tests;

use store::{ActKey, FindingRow};

use self::ending::{ending, leads_to};
use self::evidence::{Chain, change, failure, lower_first};
pub(crate) use self::mode::Mode;
use self::remedy::{Remedy, remedy};
use super::act::Act;
use super::draft::Waste;
use super::topic;

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

/// Works out why a run failed. `findings` are those of the same acts.
pub(crate) fn verdict(acts: &[Act], findings: &[FindingRow], outcome: &Outcome<'_>) -> Verdict {
    let end = ending(acts, outcome);
    let worst = worst(findings, end.is_some());
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
    if let Some(change) = topic::worst_change(acts) {
        chain.add(&change.sentence(acts), acts[change.at].key);
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

/// The finding that explains most: by severity, then by kind, certainty and length. That a run fell
/// silent says less than how it ended, where that is known.
fn worst(findings: &[FindingRow], is_end_known: bool) -> Option<&FindingRow> {
    findings
        .iter()
        .filter(|finding| finding.severity != "info")
        .filter(|finding| !(is_end_known && finding.kind == "stall" && finding.spans.len() == 1))
        .max_by_key(|finding| {
            let severity = u8::from(finding.severity == "error");
            let kind = match finding.kind.as_str() {
                "retry_storm" => 7,
                "loop" => 6,
                "blocked" => 5,
                "premature_stop" => 4,
                "error_streak" => 3,
                "unfinished" | "stall" => 2,
                "outlier" => 0,
                _ => 1,
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
