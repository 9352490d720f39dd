//! OpenInference: a span kind, generic input and output, and flattened message lists.

use proto::agent::{Decision, Operation};

use super::Family;
use crate::conventions::names::Concept as C;
use crate::conventions::payload::Bag;
use crate::conventions::record::{Reading, Record, Shape};
use crate::conventions::text;

pub(super) static FAMILY: Family = Family {
    names: &[
        (C::AgentName, &["agent.name"]),
        (C::AgentId, &["graph.node.id"]),
        (C::ParentAgentId, &["graph.node.parent_id"]),
        (C::AgentName, &["graph.node.name"]),
        (C::Provider, &["llm.provider", "llm.system"]),
        (
            C::ResponseModel,
            &["llm.response.model_name", "llm.response.model"],
        ),
        (
            C::RequestModel,
            &[
                "llm.request.model_name",
                "llm.model_name",
                "embedding.model_name",
                "reranker.model_name",
            ],
        ),
        (C::RequestId, &["llm.response.id"]),
        (C::ToolName, &["tool.name"]),
        (C::ToolCallId, &["tool.id", "tool.call_id", "tool_call.id"]),
        (C::InputTokens, &["llm.token_count.prompt"]),
        (C::OutputTokens, &["llm.token_count.completion"]),
        (
            C::CacheReadTokens,
            &["llm.token_count.prompt_details.cache_read"],
        ),
        (
            C::CacheWriteTokens,
            &["llm.token_count.prompt_details.cache_write"],
        ),
        (
            C::ReasoningTokens,
            &["llm.token_count.completion_details.reasoning"],
        ),
        (C::Cost, &["llm.cost.total"]),
        (C::FinishReason, &["llm.finish_reason"]),
        (C::Input, &["input.value"]),
        (C::Output, &["output.value"]),
        // `tool.parameters` is the tool's schema, not a call's arguments.
        (
            C::ToolInput,
            &["tool_call.function.arguments", "input.value"],
        ),
        (C::ToolOutput, &["output.value"]),
    ],
    shape: |record, bag| {
        let kind = record.text("openinference.span.kind", bag)?;
        let operation = match kind.to_ascii_uppercase().as_str() {
            "LLM" => Operation::Model,
            "AGENT" => Operation::Agent,
            "TOOL" => Operation::Tool,
            "RETRIEVER" | "RERANKER" => Operation::Retrieval,
            "EMBEDDING" => Operation::Embedding,
            "GUARDRAIL" => Operation::Guardrail,
            "EVALUATOR" => Operation::Evaluation,
            // The list of tools that an agent's framework asks its MCP servers for before a request.
            "CHAIN" if record.name == "mcp_tools" => {
                return Some(Shape::plumbing(Operation::Internal));
            }
            _ => Operation::Internal,
        };
        Some(Shape::of(operation))
    },
    adjust: |record, bag, reading| {
        if reading.shape.operation == Operation::Tool
            && !record.picked.has(C::ToolName)
            && record.name.starts_with("handoff to ")
        {
            handoff(record, bag, reading);
        }
        // A guardrail's own span says nothing of its verdict; the step that it stopped does.
        let message = reading.facts.error_message.as_deref().unwrap_or("");
        if message.starts_with("Guardrail tripwire triggered")
            && reading.shape.operation != Operation::Agent
        {
            reading.facts.decision = Some(Decision::Deny);
            reading.facts.decision_source = Some(bag.word("guardrail"));
        }
    },
    ..Family::PLAIN
};

/// A handoff is named after what it does; the model called it by a tool's name, which its answer knows.
fn handoff(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    let facts = &mut reading.facts;
    facts.tool_name = None;
    facts.call_hash = None;
    // Input and output are the names of the two agents, not arguments and result.
    facts.input = None;
    let agent = |concept, bag: &Bag| Some(record.picked.content(concept, bag)?.into_owned());
    if let (Some(from), Some(to)) = (agent(C::Input, bag), agent(C::Output, bag)) {
        let line = text::one_line(&format!("{from} → {to}"), text::DETAIL_MAX);
        facts.detail = Some(bag.word(&line));
    }
}
