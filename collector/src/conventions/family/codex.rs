//! OpenAI Codex: the few spans and log records that report acts. The rest of its spans are internals.

use proto::agent::Operation;

use super::Family;
use crate::conventions::names::Concept as C;
use crate::conventions::payload::Bag;
use crate::conventions::record::{Reading, Record, Shape};
use crate::conventions::{content, facts};

pub(super) static FAMILY: Family = Family {
    harness: Some("codex"),
    scopes: &["codex_otel"],
    services: &["codex"],
    prefixes: &["codex."],
    names: &[
        (C::Session, &["conversation.id"]),
        (C::ParentSession, &["parent.conversation.id"]),
        (C::TurnKey, &["turn.id"]),
        (C::AgentName, &["agent_name"]),
        (C::RequestModel, &["model"]),
        (C::Provider, &["provider_name"]),
        (C::ToolName, &["tool_name"]),
        (C::ToolCallId, &["call_id"]),
        (C::Decision, &["decision", "outcome"]),
        (C::DecisionSource, &["source"]),
        (C::InputTokens, &["input_token_count"]),
        (C::OutputTokens, &["output_token_count"]),
        (C::CacheReadTokens, &["cached_token_count"]),
        (C::CacheWriteTokens, &["cache_write_token_count"]),
        (
            C::ReasoningTokens,
            &[
                "reasoning_token_count",
                "codex.usage.reasoning_output_tokens",
            ],
        ),
        (C::Success, &["success"]),
        (C::DurationMs, &["duration_ms"]),
        (C::Prompt, &["prompt"]),
        (C::ToolInput, &["arguments"]),
        (C::ToolOutput, &["output"]),
        (C::Truncated, &["output_truncated"]),
    ],
    shape: |record, _| {
        Some(match record.name {
            "session_task.turn" => Shape::of(Operation::Turn),
            "handle_responses" => Shape::part(Operation::Model),
            "mcp.tools.call" => Shape::of(Operation::Mcp),
            "codex.hooks.command" => Shape::of(Operation::Hook),
            _ => Shape::plumbing(Operation::Internal),
        })
    },
    // Only here is the thread the conversation; elsewhere it is one of the process's threads.
    adjust: |record, bag, reading| {
        if record.name == "session_task.turn" && reading.facts.session_id.is_none() {
            let id = record.get("thread.id").and_then(|id| id.scalar(bag));
            let id = id.map(|id| id.into_owned());
            reading.facts.session_id = id.map(|id| bag.word(&id));
        }
    },
    log,
    ..Family::PLAIN
};

fn log(record: &Record<'_>, bag: &mut Bag) -> Option<Reading> {
    let operation = match record.event() {
        "user_prompt" => Operation::Turn,
        "tool_result" => Operation::Tool,
        "tool_decision" | "guardian_assessment" => Operation::Policy,
        // Of the two records per response only one has tokens.
        "sse_event" if record.picked.has(C::InputTokens) => Operation::Model,
        "skill_invocation" => Operation::Skill,
        _ => return None,
    };
    let mut reading = Reading::new(record, Shape::of(operation));
    facts::read(record, bag, &mut reading);
    content::read(record, bag, &mut reading);
    reading.start_ns = record.start_before();
    Some(reading)
}
