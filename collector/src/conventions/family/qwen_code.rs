//! Qwen Code: log records of Gemini CLI, which it descends from, and spans laid out as those of
//! Claude Code.

use proto::agent::{Decision, Operation};

use super::{Family, claude_code, gemini_cli};
use crate::conventions::content;
use crate::conventions::names::Concept as C;
use crate::conventions::payload::Bag;
use crate::conventions::record::{Reading, Record, Shape};
use crate::conventions::value::Value;

pub(super) static FAMILY: Family = Family {
    harness: Some("qwen-code"),
    scopes: &["qwen-code"],
    services: &["qwen-code"],
    prefixes: &["qwen-code."],
    requests_log_inside: false,
    names: &[
        (C::Session, &["session.id", "sessionId"]),
        (C::TurnKey, &["qwen-code.prompt_id", "prompt_id"]),
        (C::AgentName, &["subagent_name", "qwen-code.subagent.name"]),
        (C::AgentId, &["qwen-code.subagent.id"]),
        (C::RequestModel, &["model", "qwen-code.model", "model_name"]),
        (C::RequestId, &["response_id"]),
        (C::AttemptCount, &["attempt"]),
        (C::InputTokens, &["input_token_count", "input_tokens"]),
        (C::OutputTokens, &["output_token_count", "output_tokens"]),
        (
            C::CacheReadTokens,
            &["cached_content_token_count", "cached_input_tokens"],
        ),
        (C::ReasoningTokens, &["thoughts_token_count"]),
        (C::FinishReason, &["finish_reasons", "finish_reason"]),
        (C::HttpStatus, &["status_code", "error_status_code"]),
        (C::ToolName, &["function_name", "tool.name"]),
        (C::ToolCallId, &["tool.call_id", "tool.use_id"]),
        (C::McpServer, &["mcp_server_name"]),
        (C::SkillName, &["skill_name"]),
        (C::HookEvent, &["hook_event", "hook_event_name"]),
        (C::HookName, &["hook_name"]),
        (C::Decision, &["decision"]),
        (C::DecisionSource, &["source"]),
        (C::Success, &["success"]),
        (C::ExitCode, &["exit_code"]),
        (C::ErrorMessage, &["error", "error_message"]),
        (C::ErrorType, &["error_type", "tool.failure_kind"]),
        (C::DurationMs, &["duration_ms", "duration"]),
        (C::Prompt, &["prompt"]),
        (C::System, &["system_prompt"]),
        (C::Input, &["new_context", "hook_input", "request_text"]),
        (
            C::Output,
            &["response.model_output", "hook_output", "response_text"],
        ),
        (C::ToolInput, &["function_args", "tool_input"]),
        (C::ToolOutput, &["tool_result"]),
    ],
    shape: |record, _| {
        Some(match record.name.strip_prefix("qwen-code.")? {
            "interaction" => Shape::of(Operation::Turn),
            "llm_request" => Shape::of(Operation::Model),
            "tool" => Shape::of(Operation::Tool),
            "tool.execution" => Shape::part(Operation::Internal),
            "tool.blocked_on_user" => Shape::part(Operation::Policy),
            "hook" => Shape::of(Operation::Hook),
            "subagent" => Shape::of(Operation::Agent),
            name if name.starts_with("daemon.") => Shape::plumbing(Operation::Internal),
            _ => return None,
        })
    },
    adjust,
    log: |record, bag| {
        let mut reading = gemini_cli::log(record, bag)?;
        refuse(&mut reading);
        Some(reading)
    },
    ..Family::PLAIN
};

fn adjust(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    match reading.shape.operation {
        Operation::Model => {
            claude_code::new_context(record, bag, reading);
            // Cached tokens are among them, unlike Anthropic's of the same name.
            reading.facts.input_tokens = record.picked.int(C::InputTokens);
        }
        Operation::Tool => {
            let unmarked = |key: &str, bag: &Bag| {
                let text = record.text(key, bag)?;
                Some(without_mark(text).to_owned())
            };
            claude_code::arguments_of_span(record, bag, reading);
            if let Some(output) = unmarked("tool_result", bag) {
                content::set_tool_output(output, bag, reading);
            }
            refuse(reading);
        }
        Operation::Turn => {
            let prompt = record.text("new_context", bag).map(without_mark);
            if let Some(prompt) = prompt.map(str::to_owned) {
                content::set_prompt(&prompt, bag, reading);
                reading.facts.input = reading.facts.prompt;
            }
            if record.text("qwen-code.turn_status", bag) == Some("error") {
                reading.facts.success = Some(false);
            }
        }
        Operation::Hook => {
            let flag = |key: &str| record.get(key).and_then(Value::flag);
            if flag("should_proceed") == Some(false) || flag("should_stop") == Some(true) {
                reading.facts.decision = Some(Decision::Deny);
                reading.facts.decision_source = Some(bag.word("hook"));
            }
        }
        _ => {}
    }
}

/// A call that was stopped before it ran is denied and has not failed.
fn refuse(reading: &mut Reading) {
    let kind = reading.facts.error_type.as_deref().unwrap_or_default();
    if kind.ends_with("_denied") || kind.ends_with("_blocked") {
        reading.facts.decision = Some(Decision::Deny);
        reading.facts.success = None;
    }
}

/// Content without the line that says what it is (`[USER PROMPT]`, `[TOOL INPUT: name]`).
fn without_mark(text: &str) -> &str {
    text.strip_prefix('[')
        .and_then(|rest| rest.split_once("]\n"))
        .filter(|(mark, _)| {
            mark.starts_with(|ch: char| ch.is_ascii_uppercase()) && mark.len() < 200
        })
        .map_or(text, |(_, rest)| rest)
}
