//! Google's Agent Development Kit.

use proto::agent::Operation;

use super::Family;
use crate::conventions::json::parse_nested;
use crate::conventions::names::Concept as C;
use crate::conventions::payload::Bag;
use crate::conventions::record::{Reading, Record, Shape};

pub(super) static FAMILY: Family = Family {
    harness: Some("google-adk"),
    scopes: &["gcp.vertex.agent"],
    names: &[
        (
            C::Session,
            &["gen_ai.conversation.id", "gcp.vertex.agent.session_id"],
        ),
        (C::TurnKey, &["gcp.vertex.agent.invocation_id"]),
        (C::Input, &["gcp.vertex.agent.llm_request"]),
        (
            C::Output,
            &["gen_ai.output.messages", "gcp.vertex.agent.llm_response"],
        ),
        (
            C::ToolInput,
            &[
                "gen_ai.tool.call.arguments",
                "gcp.vertex.agent.tool_call_args",
            ],
        ),
        (
            C::ToolOutput,
            &["gen_ai.tool.call.result", "gcp.vertex.agent.tool_response"],
        ),
    ],
    shape: |record, bag| match record.name {
        // Parallel calls add a span that repeats all of them.
        _ if is_merged(record, bag) => Some(Shape::plumbing(Operation::Internal)),
        // Around `generate_content`, the same request; where that is missing, the request itself.
        "call_llm" => Some(Shape::of(Operation::Model)),
        _ => None,
    },
    adjust: |record, bag, reading| match reading.shape.operation {
        Operation::Model => model(record, bag, reading),
        Operation::Tool => tool(record, bag, reading),
        _ => {}
    },
    ..Family::PLAIN
};

fn is_merged(record: &Record<'_>, bag: &Bag) -> bool {
    record.name == "execute_tool (merged)"
        || record.text("gen_ai.tool.name", bag) == Some("(merged tools)")
}

const NO_CONTENT: &str = "content not sent; set ADK_CAPTURE_MESSAGE_CONTENT_IN_SPANS=true";
/// What stands for content that is not captured.
const NOT_CAPTURED: &str = "{}";

fn model(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    let request = record.text("gcp.vertex.agent.llm_request", bag);
    let response = record.text("gcp.vertex.agent.llm_response", bag);
    let is_dropped = request == Some(NOT_CAPTURED);
    let model = request
        .and_then(parse_nested)
        .and_then(|request| Some(request.get("model")?.as_str()?.to_owned()));
    let usage = response
        .and_then(parse_nested)
        .and_then(|mut response| Some(response.get_mut("usage_metadata")?.take()));
    let is_answer_dropped = response == Some(NOT_CAPTURED);
    let facts = &mut reading.facts;
    if facts.model.is_none() {
        facts.model = model.map(|model| bag.word(&model));
        facts.detail.clone_from(&facts.model);
    }
    if let Some(usage) = usage.filter(|_| facts.input_tokens.is_none()) {
        let count = |key: &str| usage.get(key).and_then(serde_json::Value::as_i64);
        let thoughts = count("thoughts_token_count");
        facts.input_tokens = count("prompt_token_count");
        facts.cache_read_tokens = count("cached_content_token_count");
        facts.reasoning_tokens = thoughts;
        // Gemini counts thoughts beside the answer.
        facts.output_tokens = count("candidates_token_count")
            .map(|answer| answer.saturating_add(thoughts.unwrap_or(0)));
    }
    if is_dropped && record.picked.key(C::Input) == Some("gcp.vertex.agent.llm_request") {
        facts.input = None;
        facts.prompt = None;
        facts.title = None;
        reading.cut(NO_CONTENT, bag);
    }
    if is_answer_dropped && record.picked.key(C::Output) == Some("gcp.vertex.agent.llm_response") {
        reading.facts.output = None;
        reading.facts.call_hash = None;
        reading.cut(NO_CONTENT, bag);
    }
}

/// Empty arguments with an empty result are those of a call whose content is not captured; either
/// alone may be real.
fn tool(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    let is_empty = |key: &str| record.text(key, bag) == Some(NOT_CAPTURED);
    if is_empty("gcp.vertex.agent.tool_call_args")
        && is_empty("gcp.vertex.agent.tool_response")
        && record.picked.key(C::ToolInput) == Some("gcp.vertex.agent.tool_call_args")
    {
        let facts = &mut reading.facts;
        facts.input = None;
        facts.output = None;
        facts.call_hash = None;
        reading.cut(NO_CONTENT, bag);
    }
}
