//! LangSmith's OpenTelemetry export of LangChain and LangGraph runs: a run type, and the whole inputs
//! and outputs of every run as JSON.

use proto::agent::Operation;

use super::Family;
use crate::conventions::names::Concept as C;
use crate::conventions::payload::Bag;
use crate::conventions::record::{Reading, Record, Shape};

/// The attributes, which may also be set beside another convention's. `langsmith.trace.session_id` is
/// the project, not a session.
pub(super) static FAMILY: Family = Family {
    names: &[
        (
            C::Session,
            &[
                "langsmith.metadata.thread_id",
                "langsmith.metadata.session_id",
                "langsmith.metadata.conversation_id",
                "langgraph.thread_id",
            ],
        ),
        (C::Project, &["langsmith.trace.session_name"]),
        (C::ToolInput, &["gen_ai.prompt"]),
        (C::ToolOutput, &["gen_ai.completion"]),
    ],
    shape: |record, bag| {
        Some(match record.text("langsmith.span.kind", bag)? {
            "llm" => Shape::of(Operation::Model),
            "tool" => Shape::of(Operation::Tool),
            "retriever" => Shape::of(Operation::Retrieval),
            "embedding" => Shape::of(Operation::Embedding),
            _ => Shape::of(Operation::Internal),
        })
    },
    adjust,
    ..Family::PLAIN
};

/// LangSmith's exporter itself.
pub(super) static EXPORTER: Family = Family {
    harness: Some("langsmith"),
    scopes: &["langsmith"],
    // Its operation names call a prompt template a chat and a retriever an embedding.
    shape: |record, bag| (FAMILY.shape)(record, bag),
    ..Family::PLAIN
};

fn adjust(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    if record.text("langsmith.span.kind", bag).is_none() {
        return;
    }
    let facts = &mut reading.facts;
    match reading.shape.operation {
        Operation::Tool if facts.tool_name.as_deref() != Some(record.name) => {
            facts.tool_name.get_or_insert_with(|| bag.word(record.name));
        }
        Operation::Model => {
            let detail =
                |attribute: &str, key: &str| python_dict_int(record.text(attribute, bag)?, key);
            let input = "gen_ai.usage.input_token_details";
            let output = "gen_ai.usage.output_token_details";
            facts.cache_read_tokens = facts
                .cache_read_tokens
                .or_else(|| detail(input, "cache_read"));
            facts.cache_write_tokens = facts
                .cache_write_tokens
                .or_else(|| detail(input, "cache_creation"));
            facts.reasoning_tokens = facts
                .reasoning_tokens
                .or_else(|| detail(output, "reasoning"));
        }
        _ => {}
    }
}

/// A whole number in a dictionary that Python printed (`{'cache_read': 5}`) or JSON.
fn python_dict_int(text: &str, key: &str) -> Option<i64> {
    let at = text
        .find(&format!("'{key}'"))
        .or_else(|| text.find(&format!("\"{key}\"")))?;
    let rest = text.get(at + key.len() + 2..)?.trim_start();
    let digits = rest.strip_prefix(':')?.trim_start();
    let end = digits
        .find(|ch: char| !ch.is_ascii_digit())
        .unwrap_or(digits.len());
    digits.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_of_printed_dictionaries() {
        let text = "{'cache_read': 50, 'cache_creation':7, 'audio': None}";
        assert_eq!(python_dict_int(text, "cache_read"), Some(50));
        assert_eq!(python_dict_int(text, "cache_creation"), Some(7));
        assert_eq!(python_dict_int(text, "audio"), None);
        assert_eq!(python_dict_int(text, "reasoning"), None);
        assert_eq!(python_dict_int(r#"{"reasoning": 3}"#, "reasoning"), Some(3));
        assert_eq!(python_dict_int("'é'", "é"), None);
    }
}
