//! The acts that show what is said of a run, and the words for them.

use store::{ActKey, FindingRow};

use super::Evidence;
use crate::findings::text::one_line;
use crate::findings::{Act, grouped};

/// Pieces of evidence, at most.
const MAX_EVIDENCE: usize = 8;

pub(super) fn call_words(act: &Act) -> String {
    match act.is_model() {
        true => format!(
            "A request to {}",
            act.model.as_deref().unwrap_or("the model")
        ),
        false => format!("{}{}", act.tool_words(), act.detail_words()),
    }
}

pub(super) fn failure(act: &Act) -> String {
    let what = lower_first(&call_words(act));
    match act.error.as_deref() {
        Some(error) => format!("{what} with \"{}\".", one_line(error)),
        None => format!("{what}."),
    }
}

/// Evidence as it is gathered: one statement for each act.
#[derive(Default)]
pub(super) struct Chain(Vec<Evidence>);

impl Chain {
    pub(super) fn add(&mut self, text: &str, span: ActKey) {
        if self.0.len() < MAX_EVIDENCE && self.0.iter().all(|told| told.span != span) {
            self.0.push(Evidence {
                text: text.to_owned(),
                span,
            });
        }
    }

    /// First, second and last act of a finding.
    pub(super) fn add_finding(&mut self, acts: &[Act], finding: &FindingRow) {
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

    pub(super) fn in_order(mut self, acts: &[Act]) -> Vec<Evidence> {
        self.0
            .sort_by_cached_key(|evidence| acts.iter().position(|act| act.key == evidence.span));
        self.0
    }
}

/// How the same agent had fared up to an act, and its last success; for its first call that it was that.
pub(super) fn change(acts: &[Act], span: ActKey) -> Option<Evidence> {
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

pub(super) fn lower_first(text: &str) -> String {
    ["The ", "A ", "One ", "Within ", "Its ", "It "]
        .iter()
        .find_map(|word| Some(word.to_lowercase() + text.strip_prefix(word)?))
        .unwrap_or_else(|| text.to_owned())
}
