//! OpenTelemetry's GenAI conventions, current, later and deprecated.

use proto::agent::Operation;

use super::Family;
use crate::conventions::names::Concept as C;
use crate::conventions::payload::Bag;
use crate::conventions::record::{Reading, Record, Shape};
use crate::conventions::{content, facts, messages, text};

pub(super) static FAMILY: Family = Family {
    names: &[
        (C::OperationName, &["gen_ai.operation.name"]),
        (C::Session, &["gen_ai.conversation.id"]),
        (C::AgentName, &["gen_ai.agent.name", "gen_ai.workflow.name"]),
        (C::AgentId, &["gen_ai.agent.id"]),
        (C::Provider, &["gen_ai.provider.name", "gen_ai.system"]),
        (C::ResponseModel, &["gen_ai.response.model"]),
        (C::RequestModel, &["gen_ai.request.model"]),
        (C::RequestId, &["gen_ai.response.id"]),
        (C::ToolName, &["gen_ai.tool.name"]),
        (
            C::ToolCallId,
            &["gen_ai.tool.call.id", "gen_ai.tool.call_id"],
        ),
        (C::SkillName, &["gen_ai.skill.name"]),
        (
            C::HookName,
            &["gen_ai.guardrail.name", "gen_ai.guardrail.component.name"],
        ),
        (
            C::InputTokens,
            &["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"],
        ),
        (
            C::OutputTokens,
            &[
                "gen_ai.usage.output_tokens",
                "gen_ai.usage.completion_tokens",
            ],
        ),
        (
            C::CacheReadTokens,
            &[
                "gen_ai.usage.cache_read.input_tokens",
                "gen_ai.usage.cache_read_input_tokens",
                "gen_ai.usage.cache_read_tokens",
                "gen_ai.usage.cached_input_tokens",
                "gen_ai.usage.details.cache_read_tokens",
            ],
        ),
        (
            C::CacheWriteTokens,
            &[
                "gen_ai.usage.cache_write.input_tokens",
                "gen_ai.usage.cache_creation.input_tokens",
                "gen_ai.usage.cache_creation_input_tokens",
                "gen_ai.usage.cache_write_input_tokens",
                "gen_ai.usage.cache_write_tokens",
                "gen_ai.usage.details.cache_write_tokens",
            ],
        ),
        (
            C::ReasoningTokens,
            &[
                "gen_ai.usage.reasoning.output_tokens",
                "gen_ai.usage.reasoning_tokens",
                "gen_ai.usage.output_reasoning_tokens",
                "gen_ai.usage.experimental.reasoning_tokens",
                "gen_ai.usage.details.reasoning_tokens",
            ],
        ),
        (C::Cost, &["gen_ai.usage.cost"]),
        (
            C::FinishReason,
            &[
                "gen_ai.response.finish_reasons",
                "gen_ai.response.finish_reason",
            ],
        ),
        (C::Messages, &["gen_ai.input.messages"]),
        (C::System, &["gen_ai.system_instructions"]),
        (C::Output, &["gen_ai.output.messages"]),
        (
            C::Input,
            &[
                "gen_ai.retrieval.query.text",
                "gen_ai.memory.query.text",
                "gen_ai.prompt",
            ],
        ),
        (
            C::Output,
            &[
                "gen_ai.retrieval.documents",
                "gen_ai.memory.records",
                "gen_ai.evaluation.explanation",
                "gen_ai.completion",
            ],
        ),
        (
            C::ToolInput,
            &["gen_ai.tool.call.arguments", "gen_ai.tool.input"],
        ),
        (
            C::ToolOutput,
            &["gen_ai.tool.call.result", "gen_ai.tool.output"],
        ),
        (C::Success, &["gen_ai.tool.status", "gen_ai.tool.success"]),
    ],
    shape: |record, bag| {
        let name = record.picked.scalar(C::OperationName, bag)?;
        if is_step(&name) {
            return Some(Shape::plumbing(Operation::Internal));
        }
        operation(&name).map(Shape::of)
    },
    adjust: |record, bag, reading| {
        let operation = record.picked.scalar(C::OperationName, bag);
        if operation.as_deref() == Some("agent_handoff") {
            handoff(record, bag, reading);
        }
    },
    log,
    ..Family::PLAIN
};

/// The model asked for the handoff by a tool's name, which only its answer knows.
fn handoff(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    if !record.picked.has(C::ToolName) {
        reading.facts.tool_name = None;
        reading.facts.call_hash = None;
    }
    let agent = |key: &str| record.text(key, bag);
    if let (Some(from), Some(to)) = (
        agent("gen_ai.handoff.from_agent"),
        agent("gen_ai.handoff.to_agent"),
    ) {
        let line = text::one_line(&format!("{from} → {to}"), text::DETAIL_MAX);
        reading.facts.detail = Some(bag.word(&line));
    }
}

/// Operations by which frameworks structure a run: they repeat what the acts inside them say, or
/// define what runs later.
fn is_step(name: &str) -> bool {
    matches!(
        name,
        "create_agent" | "agent_step" | "execute_event_loop_cycle" | "framework"
    )
}

/// The kind of act behind an operation name; `None` for a word not known.
pub(super) fn operation(name: &str) -> Option<Operation> {
    Some(match name {
        "invoke_agent" | "agent_call" | "invoke_swarm" | "invoke_graph" | "invoke_workflow"
        | "invoke_node" => Operation::Agent,
        "handle_conversation_turn" => Operation::Turn,
        "chat" | "generate_content" | "text_completion" | "completion" | "llm_call"
        | "generate" | "llm_request" => Operation::Model,
        "embeddings" | "embedding" => Operation::Embedding,
        "execute_tool" | "tool_call" | "tool.execute" | "agent_handoff" => Operation::Tool,
        "execute_hook" => Operation::Hook,
        "guardrail_check" | "apply_guardrail" => Operation::Guardrail,
        "retrieval" | "rerank" | "vector_db_retrieve" => Operation::Retrieval,
        "search_memory"
        | "create_memory"
        | "update_memory"
        | "upsert_memory"
        | "delete_memory"
        | "create_memory_store"
        | "delete_memory_store"
        | "memory_operation" => Operation::Memory,
        "create_agent"
        | "fetch_response"
        | "plan"
        | "agent_step"
        | "execute_event_loop_cycle"
        | "compact_events"
        | "framework"
        | "execute_task"
        | "schedule_tool_calls" => Operation::Internal,
        _ => return None,
    })
}

/// The weakest rule: span names as the conventions write them, then lone attributes.
pub(super) fn shape_by_name(record: &Record<'_>) -> Option<Shape> {
    let (first, rest) = record.name.split_once(' ').unwrap_or((record.name, ""));
    let by_name = match first {
        "invoke_agent" => Some(Operation::Agent),
        "execute_tool" => Some(Operation::Tool),
        "execute_hook" => Some(Operation::Hook),
        // A word of plain English: only with a model behind it.
        "chat" if !rest.is_empty() && record.picked.has(C::Provider) => Some(Operation::Model),
        _ => None,
    };
    // A span that names an operation nobody knows is that operation, not what its other
    // attributes hint at.
    if by_name.is_none() && record.picked.has(C::OperationName) {
        return None;
    }
    by_name
        .or_else(|| record.has("gen_ai.tool.name").then_some(Operation::Tool))
        .or_else(|| {
            record
                .has("gen_ai.request.model")
                .then_some(Operation::Model)
        })
        .map(Shape::of)
}

/// Log records of the conventions: a whole operation in one record, or one message of it.
fn log(record: &Record<'_>, bag: &mut Bag) -> Option<Reading> {
    match record.name {
        "gen_ai.client.inference.operation.details" => {
            let name = record.picked.scalar(C::OperationName, bag);
            let operation = name
                .and_then(|name| operation(&name))
                .unwrap_or(Operation::Model);
            let mut reading = Reading::new(record, Shape::of(operation));
            facts::read(record, bag, &mut reading);
            content::read(record, bag, &mut reading);
            Some(reading)
        }
        "gen_ai.evaluation.result" => {
            let mut reading = Reading::new(record, Shape::of(Operation::Evaluation));
            facts::read(record, bag, &mut reading);
            content::read(record, bag, &mut reading);
            reading.facts.detail = record
                .text("gen_ai.evaluation.name", bag)
                .map(|name| name.to_owned())
                .map(|name| bag.word(&name));
            Some(reading)
        }
        "gen_ai.client.operation.exception" => {
            let mut reading = Reading::new(record, Shape::part(Operation::Model));
            facts::read(record, bag, &mut reading);
            reading.facts.success = Some(false);
            Some(reading)
        }
        name if content::is_message_event(name) => {
            let mut reading = Reading::new(record, Shape::part(Operation::Model));
            facts::read(record, bag, &mut reading);
            reading.messages = messages::of_event(name, record.attributes, record.body, bag);
            Some(reading)
        }
        _ => None,
    }
}
