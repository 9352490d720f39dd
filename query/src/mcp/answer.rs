//! Answers of tools: bounded, and marked as recorded.

use rmcp::ErrorData;
use rmcp::handler::server::tool::IntoCallToolResult;
use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock};
use serde::Serialize;
use serde_json::Value as Json;

use crate::recorded::{NOTICE, fenced, head, line};
use crate::tokens::estimate;
use crate::visible::{escaped_json, visible};

/// Tokens of an answer when nobody says otherwise.
pub(super) const DEFAULT_BUDGET: usize = 4_000;
pub(super) const MIN_BUDGET: usize = 500;
/// What clients take at most: Claude Code cuts answers beyond 25,000 tokens of its own counting.
pub(super) const MAX_BUDGET: usize = 20_000;

/// The longest refusal, in characters.
const MAX_REFUSAL_CHARS: usize = 1_500;

/// Why a tool has no answer, in words for the model that called it.
#[derive(Debug)]
pub(super) struct Refused(pub(super) String);

impl IntoCallToolResult for Refused {
    fn into_call_tool_result(self) -> Result<CallToolResponse, ErrorData> {
        // Refusals may quote what was recorded, as a database does with a value it cannot convert.
        let text = line(&self.0, MAX_REFUSAL_CHARS);
        Ok(CallToolResult::error(vec![ContentBlock::text(text)]).into())
    }
}

impl From<Refused> for ErrorData {
    fn from(refused: Refused) -> Self {
        Self::invalid_params(line(&refused.0, MAX_REFUSAL_CHARS), None)
    }
}

/// How many tokens an answer may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget(usize);

impl Budget {
    /// The budget that was asked for.
    pub(super) fn of(asked: Option<usize>) -> Result<Self, Refused> {
        let tokens = asked.unwrap_or(DEFAULT_BUDGET);
        if (MIN_BUDGET..=MAX_BUDGET).contains(&tokens) {
            return Ok(Self(tokens));
        }
        Err(Refused(format!(
            "budget_tokens is between {MIN_BUDGET} and {MAX_BUDGET}; each answer says how to ask for what comes behind it"
        )))
    }

    pub(super) fn tokens(self) -> usize {
        self.0
    }

    /// What is left for lines of a quoted text, under `lead` and over the line on how to go on.
    pub(super) fn within(self, lead: &str) -> usize {
        const FRAME: usize = 120;
        self.0.saturating_sub(estimate(lead) + FRAME)
    }
}

/// An answer that a tool gives.
#[derive(Debug)]
pub(super) struct Said {
    text: String,
    structured: Option<Json>,
    budget: Budget,
}

impl Said {
    /// Text that is marked and fenced already.
    pub(super) fn marked(text: String, budget: Budget) -> Self {
        Self {
            text,
            structured: None,
            budget,
        }
    }

    /// `body` was recorded; `lead` and `more` are our own words: what it is, and how to see more.
    pub(super) fn quoted(lead: &str, body: &str, more: &str, budget: Budget) -> Self {
        let mut text = format!("{lead}\n{NOTICE}\n{}", fenced(body));
        if !more.is_empty() {
            text.push_str(more);
            text.push('\n');
        }
        Self::marked(text, budget)
    }

    /// An object whose texts were recorded. The text and the structured content say the same; a client
    /// shows its model one of them.
    pub(super) fn object(object: &impl Serialize, budget: Budget) -> Result<Self, Refused> {
        let unwritable = |error| Refused(format!("the answer cannot be written: {error}"));
        let structured = serde_json::to_value(object).map_err(unwritable)?;
        Ok(Self {
            text: escaped_json(&structured.to_string()),
            structured: Some(structured),
            budget,
        })
    }
}

impl IntoCallToolResult for Said {
    fn into_call_tool_result(self) -> Result<CallToolResponse, ErrorData> {
        let size = estimate(&self.text);
        if size > self.budget.tokens() {
            return Refused(format!(
                "the answer would take {size} tokens, more than budget_tokens: ask for less of it, or raise the budget (at most {MAX_BUDGET})"
            ))
            .into_call_tool_result();
        }
        let mut result = CallToolResult::success(vec![ContentBlock::text(self.text)]);
        result.structured_content = self.structured;
        Ok(result.into())
    }
}

/// Tokens that an object takes in an answer.
pub(super) fn size_of(object: &impl Serialize) -> usize {
    estimate(&escaped_json(
        &serde_json::to_string(object).unwrap_or_default(),
    ))
}

/// How many of `lines`, from the first, fit into `tokens`.
pub(super) fn fitting(lines: &[String], tokens: usize) -> usize {
    let mut left = tokens;
    lines
        .iter()
        .take_while(|line| {
            let size = estimate(line) + 1;
            let fits = size <= left;
            left = left.saturating_sub(size);
            fits
        })
        .count()
}

/// The longest beginning of `text` that takes at most `tokens` when it is made visible.
pub(super) fn beginning(text: &str, tokens: usize) -> &str {
    // A byte never takes less than a twentieth of a token, blanks aside.
    let mut shown = head(text, tokens.saturating_mul(20));
    while estimate(&visible(shown)) > tokens {
        let size = estimate(&visible(shown));
        let shorter = shown.len() * tokens / size;
        shown = head(shown, shorter.min(shown.len() - 1));
    }
    shown
}

/// Cuts every text in `value` to `max_bytes`, saying how much there is.
pub(super) fn clip(value: &mut Json, max_bytes: usize) {
    match value {
        Json::String(text) if text.len() > max_bytes => {
            *text = format!("{}… ({} bytes in all)", head(text, max_bytes), text.len());
        }
        Json::Array(items) => items.iter_mut().for_each(|item| clip(item, max_bytes)),
        Json::Object(fields) => fields.values_mut().for_each(|field| clip(field, max_bytes)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_fit() {
        for text in [
            "",
            "plain words ",
            "日本語",
            "\x1b\x1b[2J",
            "        ",
            "0f3a",
        ] {
            let text = text.repeat(3_000);
            for tokens in [1, 10, 500] {
                let shown = beginning(&text, tokens);
                assert!(estimate(&visible(shown)) <= tokens, "{shown}");
            }
        }
    }

    #[test]
    fn an_answer_beyond_its_budget_is_refused() {
        let budget = Budget::of(Some(MIN_BUDGET)).unwrap();
        let said = Said::quoted("lead", &"word ".repeat(1_000), "", budget);
        let Ok(CallToolResponse::Complete(result)) = said.into_call_tool_result() else {
            panic!("a result")
        };
        assert_eq!(result.is_error, Some(true));
        assert!(Budget::of(Some(MAX_BUDGET + 1)).is_err());
    }

    #[test]
    fn texts_are_clipped_at_any_depth() {
        let mut value = serde_json::json!({"a": ["xxxxxxxx", 1], "b": "ok"});
        clip(&mut value, 4);
        assert_eq!(
            value,
            serde_json::json!({"a": ["xxxx… (8 bytes in all)", 1], "b": "ok"})
        );
    }
}
