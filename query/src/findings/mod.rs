//! Findings: what deserves attention in a run, found while it is going.
//!
//! Detectors are pure: the ordered, counted acts of one session in, findings out. The runner reads
//! the acts, compares with what is stored, and writes the difference, so that a live session and a
//! stored one give the same answer. Rules and examples: docs/detectors.md.

mod act;
mod blocked;
mod calls;
mod model_requests;
mod runner;
#[cfg(test)]
mod tests;

use store::{ActKey, FindingRow};

pub(crate) use act::ActRow;
pub(crate) use runner::run;

/// Acts that make a repetition.
const MIN_REPEATS: usize = 3;

/// Runs every detector over the acts of one session, which are ordered by start and hold no
/// duplicates. `ended` says that the session cannot go on by itself.
pub(crate) fn detect(session_id: &str, acts: &[ActRow], ended: bool) -> Vec<FindingRow> {
    let mut drafts = calls::repeats(acts);
    drafts.extend(calls::cycles(acts));
    drafts.extend(model_requests::repeats(acts));
    drafts.extend(blocked::denials(acts, ended));
    drafts
        .into_iter()
        .map(|draft| draft.into_row(session_id, ended))
        .collect()
}

/// Whether a stored finding is one of these detectors', of any version.
pub(crate) fn is_ours(detector: &str) -> bool {
    let name = detector.split('/').next().unwrap_or_default();
    ["exact_repeat", "cycle", "repeated_model_request", "blocked"].contains(&name)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Confidence {
    Likely,
    Certain,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Severity {
    Info,
    Warning,
    Error,
}

/// A finding before it knows its session.
#[derive(Debug)]
struct Draft {
    kind: &'static str,
    /// Name and version, `exact_repeat/1`.
    detector: &'static str,
    severity: Severity,
    confidence: Confidence,
    title: String,
    explanation: String,
    spans: Vec<ActKey>,
    repeat_count: usize,
    waste: Waste,
    open: bool,
}

impl Draft {
    fn into_row(self, session_id: &str, ended: bool) -> FindingRow {
        FindingRow {
            finding_id: self.id(session_id),
            session_id: session_id.to_owned(),
            kind: self.kind.to_owned(),
            severity: match self.severity {
                Severity::Info => "info",
                Severity::Warning => "warning",
                Severity::Error => "error",
            }
            .to_owned(),
            confidence: match self.confidence {
                Confidence::Likely => "likely",
                Confidence::Certain => "certain",
            }
            .to_owned(),
            detector: self.detector.to_owned(),
            title: self.title,
            explanation: self.explanation,
            spans: self.spans,
            repeat_count: self.repeat_count as i64,
            wasted_ns: self.waste.ns,
            wasted_tokens: self.waste.tokens,
            wasted_cost_usd: self.waste.cost_usd,
            detected_ns: 0,
            updated_ns: 0,
            open: self.open && !ended,
        }
    }

    /// The same pattern of the same session has the same id, however often it is looked for and
    /// however far it has grown.
    fn id(&self, session_id: &str) -> String {
        let mut hasher = blake3::Hasher::new();
        for part in [session_id, self.detector] {
            hasher.update(part.as_bytes());
            hasher.update(&[0]);
        }
        if let Some(first) = self.spans.first() {
            hasher.update(&first.trace_id.0);
            hasher.update(&first.span_id.0);
        }
        hex::encode(&hasher.finalize().as_bytes()[..16])
    }
}

/// What the repeats after the first cost.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Waste {
    ns: i64,
    tokens: i64,
    cost_usd: Option<f64>,
}

impl Waste {
    fn add(&mut self, act: &ActRow) {
        self.ns = self.ns.saturating_add(act.duration_ns());
        if act.is_model() {
            self.tokens = self.tokens.saturating_add(act.tokens);
            if let Some(cost) = act.cost_usd {
                *self.cost_usd.get_or_insert(0.0) += cost;
            }
        }
    }

    /// ` The repeats took 3.2 s and 41,300 tokens.`, or nothing when nothing is known.
    fn sentence(&self) -> String {
        let time = (self.ns > 0).then(|| duration_words(self.ns));
        let tokens = (self.tokens > 0).then(|| format!("{} tokens", grouped(self.tokens)));
        let cost = self.cost_usd.map(|cost| format!("${cost:.4}"));
        let parts: Vec<String> = [time, tokens, cost].into_iter().flatten().collect();
        match parts.as_slice() {
            [] => String::new(),
            [one] => format!(" The repeats took {one}."),
            [head @ .., last] => format!(" The repeats took {} and {last}.", head.join(", ")),
        }
    }
}

fn duration_words(ns: i64) -> String {
    let ms = ns / 1_000_000;
    match ms {
        0 => "under 1 ms".to_owned(),
        1..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{:.1} s", ms as f64 / 1e3),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
    }
}

/// `1234567` as `1,234,567`.
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && digit != '-' {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Severity of a loop: how sure, and how long it has gone on.
fn loop_severity(confidence: Confidence, repeats: usize) -> Severity {
    match (confidence, repeats >= 5) {
        (Confidence::Certain, true) => Severity::Error,
        (Confidence::Certain, false) | (Confidence::Likely, true) => Severity::Warning,
        (Confidence::Likely, false) => Severity::Info,
    }
}
