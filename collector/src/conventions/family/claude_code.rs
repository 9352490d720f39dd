//! Claude Code: names, and its spans. Its log records are in `claude_code_logs`.

use proto::agent::Operation;

use super::{Family, claude_code_logs};
use crate::conventions::names::Concept as C;
use crate::conventions::payload::Bag;
use crate::conventions::record::{Reading, Record, Shape};
use crate::conventions::value::{self, Value};
use crate::conventions::{blocks, content, facts, messages};

pub(super) static FAMILY: Family = Family {
    harness: Some("claude-code"),
    scopes: &["com.anthropic.claude_code"],
    services: &["claude-code"],
    prefixes: &["claude_code."],
    names: &[
        (C::TurnKey, &["prompt.id"]),
        (C::AgentName, &["agent.name", "subagent_type", "agent_type"]),
        (C::AgentId, &["agent_id"]),
        (C::ParentAgentId, &["parent_agent_id"]),
        (C::RequestModel, &["model"]),
        (C::RequestId, &["request_id"]),
        (C::JoinKey, &["request_body_id", "client_request_id"]),
        (C::ToolName, &["tool_name"]),
        (C::ToolCallId, &["tool_use_id"]),
        (C::McpServer, &["anthropic.mcp.server.name", "server_name"]),
        (C::SkillName, &["skill.name", "skill_name"]),
        (C::HookEvent, &["hook_event"]),
        (C::HookName, &["hook_name"]),
        (C::Decision, &["decision"]),
        (C::DecisionSource, &["source"]),
        (C::InputTokens, &["input_tokens"]),
        (C::OutputTokens, &["output_tokens"]),
        (C::CacheReadTokens, &["cache_read_tokens"]),
        (C::CacheWriteTokens, &["cache_creation_tokens"]),
        (C::Cost, &["cost_usd"]),
        (C::CostMicros, &["cost_usd_micros"]),
        (C::AttemptCount, &["attempt", "total_attempts"]),
        (C::FinishReason, &["stop_reason"]),
        (C::ErrorType, &["error_type", "error_class"]),
        (C::ErrorMessage, &["error"]),
        (C::Success, &["success"]),
        (C::HttpStatus, &["status_code"]),
        (C::DurationMs, &["duration_ms", "total_duration_ms"]),
        (C::Prompt, &["prompt_text", "prompt", "user_prompt"]),
        (C::Output, &["response.model_output", "response"]),
        (C::ToolInput, &["tool_input"]),
        (C::Truncated, &["body_truncated"]),
    ],
    shape,
    adjust,
    log: claude_code_logs::log,
    ..Family::PLAIN
};

/// The switch behind every content attribute that was cut.
pub(super) const CUT: &str =
    "content cut at 60 KB by the sender; raise CLAUDE_CODE_OTEL_CONTENT_MAX_LENGTH";

fn shape(record: &Record<'_>, bag: &Bag) -> Option<Shape> {
    let kind = record
        .text("span.type", bag)
        .or_else(|| record.name.strip_prefix("claude_code."))?;
    Some(match kind {
        "interaction" => Shape::of(Operation::Turn),
        "llm_request" => Shape::of(Operation::Model),
        "tool" => Shape::of(Operation::Tool),
        "tool.execution" => Shape::part(Operation::Internal),
        "tool.blocked_on_user" => Shape::part(Operation::Policy),
        "hook" => Shape::of(Operation::Hook),
        _ => Shape::of(Operation::Internal),
    })
}

fn adjust(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    unmask(record, bag, reading);
    if is_marked_cut(record) {
        reading.facts.truncated_upstream = None;
        reading.cut(CUT, bag);
    }
    match reading.shape.operation {
        Operation::Turn => claude_code_logs::tell_of_withheld(record, bag, reading),
        Operation::Model => {
            reading
                .facts
                .provider
                .get_or_insert_with(|| bag.word("anthropic"));
            agent_of_query_source(record, bag, reading);
            if reading.facts.attempt_count.is_none() {
                let attempts = record
                    .events
                    .iter()
                    .filter(|event| event.name == "gen_ai.request.attempt");
                let attempts = i64::try_from(attempts.count()).unwrap_or(i64::MAX);
                reading.facts.attempt_count = (attempts > 0).then_some(attempts);
            }
            if reading.facts.input.is_none() {
                new_context(record, bag, reading);
            }
        }
        Operation::Tool => {
            arguments_of_span(record, bag, reading);
            output_event(record, bag, reading);
            subagent(record, bag, reading);
            if reading.facts.detail.is_none() {
                let detail = ["full_command", "file_path", "skill_name", "subagent_type"]
                    .iter()
                    .find_map(|key| record.text(key, bag))
                    .map(|text| {
                        crate::conventions::text::one_line(
                            text,
                            crate::conventions::text::DETAIL_MAX,
                        )
                    });
                reading.facts.detail = detail.map(|detail| bag.word(&detail));
            }
        }
        Operation::Hook => claude_code_logs::hook_outcome(record, reading),
        Operation::Internal => {
            // The execution half of a tool call: its id lets the call find its outcome.
            reading.facts.tool_call_id = record.picked.word(C::ToolCallId, bag);
        }
        _ => {}
    }
}

/// A content attribute says of itself that it was cut (`<attribute>_truncated`).
pub(super) fn is_marked_cut(record: &Record<'_>) -> bool {
    record
        .attributes
        .iter()
        .any(|(key, value)| key.ends_with("_truncated") && value.flag() == Some(true))
}

/// Names that stand for "one that the user configured", when details are off.
fn is_mask(name: &str) -> bool {
    matches!(
        name,
        "custom" | "third-party" | "mcp_tool" | "custom_skill" | "mcp_other"
    )
}

/// Replaces masked names by real ones from `tool_parameters`, and drops those that hide nothing.
pub(super) fn unmask(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    let masked = |name: &Option<std::sync::Arc<str>>| name.as_deref().is_some_and(is_mask);
    let facts = &mut reading.facts;
    if masked(&facts.agent_name) {
        facts.agent_name = None;
    }
    if masked(&facts.mcp_server) {
        facts.mcp_server = None;
    }
    if masked(&facts.skill_name) {
        facts.skill_name = None;
    }
    let parameters = record
        .text("tool_parameters", bag)
        .and_then(crate::conventions::json::parse_nested);
    let parameter = |key: &str| {
        let text = parameters.as_ref()?.get(key)?.as_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    };
    if let Some(server) = parameter("mcp_server_name") {
        facts.mcp_server = Some(bag.word(&server));
        if let Some(tool) = parameter("mcp_tool_name") {
            facts.tool_name = Some(bag.word(&tool));
        }
    }
    if let Some(skill) = parameter("skill_name") {
        facts.skill_name = Some(bag.word(&skill));
    }
    if facts.detail.is_none()
        && let Some(line) = [
            "full_command",
            "bash_command",
            "skill_name",
            "subagent_type",
        ]
        .iter()
        .find_map(|key| parameter(key))
    {
        let line = crate::conventions::text::one_line(&line, crate::conventions::text::DETAIL_MAX);
        facts.detail = Some(bag.word(&line));
    }
    if let Some(kind) = parameter("subagent_type") {
        facts.agent_name = Some(bag.word(&kind));
    }
}

/// A call of `Agent` (once `Task`) starts a subagent, named by its type.
pub(super) fn subagent(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    let facts = &mut reading.facts;
    facts.starts_subagent = matches!(facts.tool_name.as_deref(), Some("Agent" | "Task"))
        || record.text("subagent_type", bag).is_some();
    if !facts.starts_subagent && record.picked.key(C::AgentName) == Some("subagent_type") {
        facts.agent_name = None;
    }
}

/// `query_source` of a subagent's request ends with the agent's name (`agent:custom:researcher`).
pub(super) fn agent_of_query_source(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    if reading.facts.agent_name.is_some() {
        return;
    }
    let name = record
        .text("query_source", bag)
        .and_then(|source| source.strip_prefix("agent:"))
        .and_then(|rest| rest.rsplit(':').next())
        .filter(|name| !is_mask(name) && !name.is_empty())
        .map(str::to_owned);
    reading.facts.agent_name = name.map(|name| bag.word(&name));
}

/// `tool_input` of a span begins with a line `[TOOL INPUT: name]`.
pub(super) fn arguments_of_span(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    let stripped = record
        .text("tool_input", bag)
        .and_then(|text| text.strip_prefix("[TOOL INPUT: "))
        .and_then(|rest| rest.split_once("]\n"))
        .map(|(_, arguments)| arguments.to_owned());
    if let Some(arguments) = stripped {
        content::set_tool_input(arguments, bag, reading);
    }
}

/// The result, on a `tool.output` event. For a written file the event repeats the arguments; the
/// real result comes with the next request.
fn output_event(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    let Some(event) = record
        .events
        .iter()
        .find(|event| event.name == "tool.output")
    else {
        return;
    };
    let keys: &[&str] = match reading.facts.tool_name.as_deref() {
        Some("Write" | "NotebookEdit") => &["output"],
        _ => &["output", "content", "diff"],
    };
    let Some((key, text)) = keys.iter().find_map(|key| {
        let text = value::text(&event.attributes, key, bag)?;
        Some((*key, text.to_owned()))
    }) else {
        return;
    };
    let is_cut = value::get(&event.attributes, &format!("{key}_truncated"))
        .and_then(Value::flag)
        .unwrap_or(false);
    if is_cut {
        reading.cut(CUT, bag);
    }
    content::set_tool_output(text, bag, reading);
}

/// The detailed tier puts what is new since the last request into one text of marked blocks.
pub(super) fn new_context(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    let Some(text) = record.text("new_context", bag) else {
        return;
    };
    let mut list = Vec::new();
    for (mark, words) in marked_blocks(text) {
        if let Some(id) = mark.strip_prefix("TOOL RESULT: ") {
            list.push(serde_json::json!({
                "role": "tool",
                "parts": [{"type": "tool_call_response", "id": id, "response": words}],
            }));
        } else if mark == "USER" || mark == "USER PROMPT" {
            list.push(blocks::text_message("user", words.to_owned()));
        }
    }
    if list.is_empty() {
        return;
    }
    let found = messages::from_list(list, bag);
    content::set_input(Some(found), bag, reading);
}

/// Splits at lines of the form `[USER]`, `[USER PROMPT]`, `[TOOL RESULT: id]`.
fn marked_blocks(text: &str) -> Vec<(&str, &str)> {
    let mut starts = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end();
        if let Some(mark) = bare
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            && (mark == "USER" || mark == "USER PROMPT" || mark.starts_with("TOOL RESULT: "))
        {
            starts.push((at, at + line.len(), mark));
        }
        at += line.len();
    }
    let ends: Vec<usize> = starts
        .iter()
        .skip(1)
        .map(|(start, ..)| *start)
        .chain([text.len()])
        .collect();
    starts
        .iter()
        .zip(ends)
        .map(|((_, body, mark), end)| (*mark, text[*body..end].trim_end_matches('\n')))
        .collect()
}

/// Shared facts and content, then this family's corrections; for log records.
pub(super) fn read_log(record: &Record<'_>, shape: Shape, bag: &mut Bag) -> Reading {
    let mut reading = Reading::new(record, shape);
    facts::read(record, bag, &mut reading);
    // First, so that a call's identity is made with its real name.
    unmask(record, bag, &mut reading);
    content::read(record, bag, &mut reading);
    reading
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_new_context_at_its_marks() {
        let text =
            "[USER]\nhello\n[TOOL RESULT: toolu_1]\nline [x]\nmore\n\n[TOOL RESULT: toolu_2]\n";
        assert_eq!(
            marked_blocks(text),
            [
                ("USER", "hello"),
                ("TOOL RESULT: toolu_1", "line [x]\nmore"),
                ("TOOL RESULT: toolu_2", ""),
            ]
        );
    }
}
