//! A finding in the making, and the words that findings share.

use store::{ActKey, FindingRow};

use super::act::ActRow;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Confidence {
    Likely,
    Certain,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    Info,
    Warning,
    Error,
}

/// A finding before it knows its session and its detector.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) kind: &'static str,
    pub(crate) severity: Severity,
    pub(crate) confidence: Confidence,
    pub(crate) title: String,
    pub(crate) explanation: String,
    pub(crate) spans: Vec<ActKey>,
    pub(crate) repeat_count: usize,
    pub(crate) waste: Waste,
    /// The pattern can still grow.
    pub(crate) open: bool,
}

impl Draft {
    /// The finding as it is stored; `detector` is name and version, `exact_repeat/2`.
    pub(crate) fn into_row(self, session_id: &str, detector: &str, is_over: bool) -> FindingRow {
        FindingRow {
            finding_id: self.id(session_id, detector),
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
            detector: detector.to_owned(),
            title: self.title,
            explanation: self.explanation,
            spans: self.spans,
            repeat_count: self.repeat_count as i64,
            wasted_ns: self.waste.ns,
            wasted_tokens: self.waste.tokens,
            wasted_cost_usd: self.waste.cost_usd,
            detected_ns: 0,
            updated_ns: 0,
            open: self.open && !is_over,
        }
    }

    /// The same pattern of the same session has the same id, however often it is looked for and
    /// however far it has grown.
    fn id(&self, session_id: &str, detector: &str) -> String {
        let mut hasher = blake3::Hasher::new();
        for part in [session_id, detector] {
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
pub(crate) struct Waste {
    pub(crate) ns: i64,
    pub(crate) tokens: i64,
    pub(crate) cost_usd: Option<f64>,
}

impl Waste {
    pub(crate) fn add(&mut self, act: &ActRow) {
        self.ns = self.ns.saturating_add(act.duration_ns());
        if act.is_model() {
            self.tokens = self.tokens.saturating_add(act.tokens);
            if let Some(cost) = act.cost_usd {
                *self.cost_usd.get_or_insert(0.0) += cost;
            }
        }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            ns: self.ns.saturating_add(other.ns),
            tokens: self.tokens.saturating_add(other.tokens),
            cost_usd: match (self.cost_usd, other.cost_usd) {
                (Some(a), Some(b)) => Some(a + b),
                (a, b) => a.or(b),
            },
        }
    }

    /// What came after `earlier`, a sum that this one continues.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            ns: self.ns - earlier.ns,
            tokens: self.tokens - earlier.tokens,
            cost_usd: self
                .cost_usd
                .map(|cost| cost - earlier.cost_usd.unwrap_or(0.0)),
        }
    }

    /// ` The repeats took 3.2 s and 41,300 tokens.`, or nothing when nothing is known.
    pub(crate) fn sentence(&self) -> String {
        match self.words() {
            words if words.is_empty() => words,
            words => format!(" The repeats took {words}."),
        }
    }

    /// `3.2 s, 41,300 tokens and $0.0200`, or nothing when nothing is known.
    pub(crate) fn words(&self) -> String {
        let time = (self.ns > 0).then(|| duration_words(self.ns));
        let tokens = (self.tokens > 0).then(|| format!("{} tokens", grouped(self.tokens)));
        let cost = self.cost_usd.map(|cost| format!("${cost:.4}"));
        let parts: Vec<String> = [time, tokens, cost].into_iter().flatten().collect();
        match parts.as_slice() {
            [] => String::new(),
            [one] => one.clone(),
            [head @ .., last] => format!("{} and {last}", head.join(", ")),
        }
    }
}

pub(crate) fn duration_words(ns: i64) -> String {
    let ms = ns / 1_000_000;
    match ms {
        0 => "under 1 ms".to_owned(),
        1..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{:.1} s", ms as f64 / 1e3),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
    }
}

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: i64) -> String {
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

/// Equal steps in a row from which on no other reading is left: three may be one try too many.
pub(crate) const MIN_CERTAIN_REPEATS: usize = 4;

/// Severity of a loop: how sure, and how long it has gone on.
pub(crate) fn loop_severity(confidence: Confidence, repeats: usize) -> Severity {
    match (confidence, repeats >= 5) {
        (Confidence::Certain, true) => Severity::Error,
        (Confidence::Certain, false) | (Confidence::Likely, true) => Severity::Warning,
        (Confidence::Likely, false) => Severity::Info,
    }
}
