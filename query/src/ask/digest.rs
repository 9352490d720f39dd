//! What of a run is handed to a model: its verdict and some of its acts, within a bound.

use std::fmt::Write as _;

use crate::findings::{Act, Verdict};
use crate::rows::Named;

/// Bytes of a digest at most: about four thousand tokens.
const MAX_BYTES: usize = 16_000;
/// Acts told from the beginning and from the end of the run.
const FIRST_ACTS: usize = 12;
const LAST_ACTS: usize = 28;
/// Characters of any text of the run.
const MAX_TEXT_CHARS: usize = 200;

/// The digest of a run. `figures` is its row of `session_figures.sql`.
pub(crate) fn digest(figures: &Named<'_>, acts: &[Act], verdict: &Verdict) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "Harness: {} {}\nModels: {}\nStatus: {}\nTurns: {}, model requests: {}, tool calls: {}, failed: {}, denied: {}\nTokens in: {}, out: {}",
        figures.str("harness").unwrap_or("unknown"),
        figures.str("harness_version").unwrap_or_default(),
        figures.texts("models").join(", "),
        figures.string("status"),
        figures.count("turn_count"),
        figures.count("model_request_count"),
        figures.count("tool_call_count"),
        figures.count("error_count"),
        figures.count("denied_count"),
        figures.count("input_tokens"),
        figures.count("output_tokens"),
    );
    if let Some(title) = figures.str("title") {
        let _ = writeln!(text, "Task: {}", short(title));
    }
    let _ = writeln!(
        text,
        "\nVerdict by fixed rules ({}): {}",
        verdict.mode.word(),
        verdict.sentence
    );
    for evidence in &verdict.evidence {
        let _ = writeln!(
            text,
            "- {}: {}",
            evidence.span.span_id.hex(),
            short(&evidence.text)
        );
    }
    if let Some(change) = &verdict.change {
        let _ = writeln!(text, "Before: {}", short(&change.text));
    }
    let words = verdict.waste.words();
    if !words.is_empty() {
        let _ = writeln!(text, "Wasted: {words}");
    }
    let told: Vec<&Act> = acts
        .iter()
        .filter(|act| act.is_tool() || act.is_error || act.is_denied())
        .collect();
    let _ = writeln!(
        text,
        "\nCalls and failures, in order ({} in all):",
        told.len()
    );
    let left_out = told.len().saturating_sub(FIRST_ACTS + LAST_ACTS);
    for (at, act) in told.iter().enumerate() {
        if left_out > 0 && at == FIRST_ACTS {
            let _ = writeln!(text, "… {left_out} left out …");
        }
        if at >= FIRST_ACTS && at < FIRST_ACTS + left_out {
            continue;
        }
        let line = line(act);
        if text.len() + line.len() > MAX_BYTES {
            text.push_str("… the rest is left out\n");
            break;
        }
        text.push_str(&line);
    }
    bounded(text)
}

fn line(act: &Act) -> String {
    let outcome = match (act.is_denied(), act.is_error, act.end_ns) {
        (true, ..) => "denied",
        (_, true, _) => "failed",
        (_, _, None) => "not ended",
        _ => "ok",
    };
    let error = act
        .error
        .as_deref()
        .filter(|_| act.is_error || act.is_denied())
        .map_or_else(String::new, |error| format!(": {}", short(error)));
    format!(
        "- {} turn {} {}{}: {outcome}{error}\n",
        act.key.span_id.hex(),
        act.turn,
        act.tool_words(),
        short(&act.detail_words())
    )
}

/// The beginning of a text, on one line.
fn short(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_TEXT_CHARS)
        .collect();
    match text.chars().nth(MAX_TEXT_CHARS) {
        Some(_) => format!("{line}…"),
        None => line,
    }
}

/// Cut at the bound, whatever the parts were.
fn bounded(mut text: String) -> String {
    if text.len() > MAX_BYTES + 64 {
        let end = (0..=MAX_BYTES)
            .rev()
            .find(|end| text.is_char_boundary(*end))
            .unwrap_or(0);
        text.truncate(end);
    }
    text
}
