//! Gemini CLI and its fork Qwen Code: prompts and hooks of their log records, spans by convention.

use proto::agent::Operation;

use super::Family;
use crate::conventions::names::Concept as C;
use crate::conventions::payload::Bag;
use crate::conventions::record::{Reading, Record, Shape};
use crate::conventions::{content, facts};

pub(super) static FAMILY: Family = Family {
    harness: Some("gemini-cli"),
    scopes: &["gemini-cli"],
    services: &["gemini-cli"],
    prefixes: &["gemini_cli."],
    // It is that of the runtime.
    service_version_is_harness: false,
    names: &[
        (C::TurnKey, &["prompt_id", "gen_ai.prompt.name"]),
        (C::AgentId, &["agent_id"]),
        (C::AgentName, &["agent_name"]),
        (C::ToolName, &["function_name"]),
        (C::HookEvent, &["hook_event_name"]),
        (C::HookName, &["hook_name"]),
        (C::Decision, &["decision"]),
        (C::Success, &["success"]),
        (C::ExitCode, &["exit_code"]),
        (C::ErrorMessage, &["error"]),
        (C::ErrorType, &["error_type"]),
        (C::DurationMs, &["duration_ms"]),
        (C::Prompt, &["prompt"]),
        (C::Input, &["hook_input"]),
        (C::Output, &["hook_output"]),
        // Its tool spans carry arguments and results as "messages".
        (C::ToolInput, &["function_args", "gen_ai.input.messages"]),
        (C::ToolOutput, &["gen_ai.output.messages"]),
    ],
    log,
    ..Family::PLAIN
};

/// Qwen Code lays its spans out as Claude Code does.
pub(super) static QWEN: Family = Family {
    harness: Some("qwen-code"),
    scopes: &["qwen-code"],
    services: &["qwen-code"],
    prefixes: &["qwen-code."],
    names: &[
        (C::TurnKey, &["qwen-code.prompt_id", "prompt_id"]),
        (C::RequestModel, &["qwen-code.model", "model"]),
        (C::Decision, &["decision"]),
        (C::DecisionSource, &["source"]),
        (C::Success, &["success"]),
        (C::DurationMs, &["duration_ms"]),
        (C::Prompt, &["prompt"]),
        (C::Output, &["response.model_output"]),
        (C::ToolInput, &["tool_input"]),
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
            _ => return None,
        })
    },
    log,
    ..Family::PLAIN
};

fn log(record: &Record<'_>, bag: &mut Bag) -> Option<Reading> {
    let operation = match record.event() {
        "user_prompt" => Operation::Turn,
        "hook_call" => Operation::Hook,
        _ => return None,
    };
    let mut reading = Reading::new(record, Shape::of(operation));
    facts::read(record, bag, &mut reading);
    content::read(record, bag, &mut reading);
    reading.start_ns = record.start_before();
    Some(reading)
}
