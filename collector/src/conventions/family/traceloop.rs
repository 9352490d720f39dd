//! OpenLLMetry (Traceloop).

use proto::agent::Operation;

use super::Family;
use crate::conventions::names::Concept as C;
use crate::conventions::record::Shape;

pub(super) static FAMILY: Family = Family {
    names: &[
        (
            C::NamedSession,
            &[
                "traceloop.association.properties.session_id",
                "traceloop.association.properties.thread_id",
                "traceloop.association.properties.conversation_id",
            ],
        ),
        (C::UserId, &["traceloop.association.properties.user_id"]),
        (C::InputTokens, &["llm.usage.prompt_tokens"]),
        (C::OutputTokens, &["llm.usage.completion_tokens"]),
        (C::CacheReadTokens, &["llm.usage.cache_read_input_tokens"]),
        (
            C::CacheWriteTokens,
            &["llm.usage.cache_creation_input_tokens"],
        ),
        (C::ReasoningTokens, &["llm.usage.reasoning_tokens"]),
        (
            C::FinishReason,
            &["llm.response.finish_reason", "llm.response.stop_reason"],
        ),
        (
            C::Input,
            &["traceloop.entity.input", "mcp.request.argument"],
        ),
        (
            C::Output,
            &["traceloop.entity.output", "mcp.response.value"],
        ),
        (
            C::ToolInput,
            &["traceloop.entity.input", "mcp.request.argument"],
        ),
        (
            C::ToolOutput,
            &["traceloop.entity.output", "mcp.response.value"],
        ),
        // Last: the entity of a tool or agent span is that tool or agent.
        (C::ToolName, &["traceloop.entity.name"]),
    ],
    shape: |record, bag| {
        if let Some(kind) = record.text("traceloop.span.kind", bag) {
            return Some(match kind {
                "agent" => Shape::of(Operation::Agent),
                "tool" => Shape::of(Operation::Tool),
                "session" => Shape::plumbing(Operation::Mcp),
                _ => Shape::of(Operation::Internal),
            });
        }
        let operation = match record.text("llm.request.type", bag)? {
            "chat" | "completion" => Operation::Model,
            "embedding" => Operation::Embedding,
            "rerank" => Operation::Retrieval,
            _ => return None,
        };
        Some(Shape::of(operation))
    },
    ..Family::PLAIN
};
