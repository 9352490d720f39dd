//! The Vercel AI SDK up to version 6 (`ai.*`), and OpenCode, which carries it.

use proto::agent::Operation;

use super::Family;
use crate::conventions::names::Concept as C;
use crate::conventions::record::Shape;

pub(super) static FAMILY: Family = Family {
    names: &[
        (C::Session, &["ai.telemetry.metadata.sessionId"]),
        (C::UserId, &["ai.telemetry.metadata.userId"]),
        (C::AgentName, &["ai.telemetry.functionId"]),
        (C::Provider, &["ai.model.provider"]),
        (C::ResponseModel, &["ai.response.model"]),
        (C::RequestModel, &["ai.model.id"]),
        (C::RequestId, &["ai.response.id"]),
        (C::ToolName, &["ai.toolCall.name"]),
        (C::ToolCallId, &["ai.toolCall.id"]),
        (
            C::InputTokens,
            &["ai.usage.inputTokens", "ai.usage.promptTokens"],
        ),
        (
            C::OutputTokens,
            &["ai.usage.outputTokens", "ai.usage.completionTokens"],
        ),
        (
            C::CacheReadTokens,
            &[
                "ai.usage.inputTokenDetails.cacheReadTokens",
                "ai.usage.cachedInputTokens",
            ],
        ),
        (
            C::CacheWriteTokens,
            &["ai.usage.inputTokenDetails.cacheWriteTokens"],
        ),
        (
            C::ReasoningTokens,
            &[
                "ai.usage.outputTokenDetails.reasoningTokens",
                "ai.usage.reasoningTokens",
            ],
        ),
        (C::FinishReason, &["ai.response.finishReason"]),
        (C::Messages, &["ai.prompt.messages"]),
        (C::Input, &["ai.prompt", "ai.value"]),
        (
            C::Output,
            &[
                "ai.response.text",
                "ai.response.object",
                "ai.response.toolCalls",
                "ai.result.text",
                "ai.result.object",
            ],
        ),
        (C::ToolInput, &["ai.toolCall.args"]),
        (C::ToolOutput, &["ai.toolCall.result"]),
    ],
    shape: |record, bag| {
        let id = record.text("ai.operationId", bag)?;
        let operation = if id.ends_with(".doGenerate") || id.ends_with(".doStream") {
            Operation::Model
        } else if id == "ai.toolCall" {
            Operation::Tool
        } else if id.ends_with(".doEmbed") {
            Operation::Embedding
        } else if id.starts_with("ai.embed") {
            Operation::Internal
        } else {
            Operation::Agent
        };
        Some(Shape::of(operation))
    },
    ..Family::PLAIN
};

/// OpenCode: the SDK's spans among many of its own, which are internals.
pub(super) static OPENCODE: Family = Family {
    harness: Some("opencode"),
    services: &["opencode"],
    shape: |record, _| {
        let is_agent = ["ai.", "gen_ai."]
            .iter()
            .any(|prefix| record.has_prefix(prefix));
        (!is_agent).then_some(Shape::plumbing(Operation::Internal))
    },
    ..Family::PLAIN
};
