//! The Vercel AI SDK up to version 6 (`ai.*`).

use proto::agent::Operation;

use super::Family;
use crate::conventions::content;
use crate::conventions::json;
use crate::conventions::names::Concept as C;
use crate::conventions::payload::Bag;
use crate::conventions::record::{Reading, Record, Shape};

pub(super) static FAMILY: Family = Family {
    names: &[
        (C::NamedSession, &["ai.telemetry.metadata.sessionId"]),
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
    adjust: |record, bag, reading| match reading.shape.operation {
        Operation::Tool => unwrap_result(record, bag, reading),
        Operation::Model => count_anthropic(record, bag, reading),
        _ => {}
    },
    ..Family::PLAIN
};

/// A result is JSON; that of a tool that returns a text is a JSON string.
fn unwrap_result(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    if record.picked.key(C::ToolOutput) != Some("ai.toolCall.result") {
        return;
    }
    let text = record
        .picked
        .content(C::ToolOutput, bag)
        .and_then(|result| serde_json::from_str::<String>(&result).ok());
    if let Some(text) = text {
        content::set_tool_output(text, bag, reading);
    }
}

/// Before version 6 the SDK passes Anthropic's counts on unchanged: cached tokens stand beside the
/// input, those written to the cache only in the vendor's own data.
fn count_anthropic(record: &Record<'_>, bag: &Bag, reading: &mut Reading) {
    let metadata = record
        .text("ai.response.providerMetadata", bag)
        .and_then(json::parse_nested);
    let Some(vendor) = metadata.as_ref().and_then(|all| all.get("anthropic")) else {
        return;
    };
    let facts = &mut reading.facts;
    if facts.cache_write_tokens.is_none() {
        facts.cache_write_tokens = vendor
            .get("cacheCreationInputTokens")
            .and_then(serde_json::Value::as_i64);
    }
    if !record.has("ai.usage.inputTokenDetails.noCacheTokens") {
        let cached = [facts.cache_read_tokens, facts.cache_write_tokens];
        let cached: i64 = cached.into_iter().flatten().fold(0, i64::saturating_add);
        let input = record.picked.int(C::InputTokens);
        facts.input_tokens = input.map(|input| input.saturating_add(cached));
    }
}
