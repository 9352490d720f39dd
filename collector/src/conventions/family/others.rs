//! Names of further conventions and products that need no code of their own.

use proto::agent::Operation;

use super::Family;
use crate::conventions::names::Concept as C;
use crate::conventions::record::Shape;

/// Langfuse, LangSmith, Mastra, Spring AI.
pub(super) static FAMILY: Family = Family {
    names: &[
        (
            C::Session,
            &[
                "langfuse.session.id",
                "langsmith.metadata.thread_id",
                "langsmith.metadata.session_id",
                "langsmith.metadata.conversation_id",
                "spring.ai.chat.client.conversation.id",
                "langgraph.thread_id",
                "mlflow.trace.session",
            ],
        ),
        (C::UserId, &["langfuse.user.id"]),
        (C::RequestModel, &["langfuse.observation.model.name"]),
        (C::ToolName, &["spring.ai.tool.definition.name"]),
        (C::ToolCallId, &["spring.ai.tool.call.id"]),
        (C::ToolInput, &["spring.ai.tool.call.arguments"]),
        (C::ToolOutput, &["spring.ai.tool.call.result"]),
        (
            C::Input,
            &["langfuse.observation.input", "langfuse.trace.input"],
        ),
        (
            C::Output,
            &["langfuse.observation.output", "langfuse.trace.output"],
        ),
        (
            C::ToolInput,
            &["langfuse.observation.input", "gen_ai.prompt"],
        ),
        (
            C::ToolOutput,
            &["langfuse.observation.output", "gen_ai.completion"],
        ),
    ],
    shape: |record, bag| {
        let operation = if let Some(kind) = record.text("langfuse.observation.type", bag) {
            match kind {
                "generation" => Operation::Model,
                "agent" => Operation::Agent,
                "tool" => Operation::Tool,
                "retriever" => Operation::Retrieval,
                "embedding" => Operation::Embedding,
                "evaluator" => Operation::Evaluation,
                "guardrail" => Operation::Guardrail,
                _ => Operation::Internal,
            }
        } else if let Some(kind) = record.text("langsmith.span.kind", bag) {
            match kind {
                "llm" => Operation::Model,
                "tool" => Operation::Tool,
                "retriever" => Operation::Retrieval,
                "embedding" => Operation::Embedding,
                _ => Operation::Internal,
            }
        } else {
            match record.text("mastra.span.type", bag)? {
                "model_generation" => Operation::Model,
                "agent_run" => Operation::Agent,
                "tool_call" | "mcp_tool_call" => Operation::Tool,
                "memory_operation" => Operation::Memory,
                "skill_action" => Operation::Skill,
                "processor_run" => Operation::Guardrail,
                _ => Operation::Internal,
            }
        };
        Some(Shape::of(operation))
    },
    ..Family::PLAIN
};

/// Copilot Chat: the resource's session is the editor window.
pub(super) static COPILOT_CHAT: Family = Family {
    harness: Some("copilot-chat"),
    services: &["copilot-chat"],
    resource_session: false,
    names: &[
        (
            C::Session,
            &[
                "gen_ai.conversation.id",
                "copilot_chat.chat_session_id",
                "copilot_chat.session_id",
            ],
        ),
        (C::HookEvent, &["copilot_chat.hook_type"]),
        (C::HookName, &["copilot_chat.hook_command"]),
        (C::Decision, &["github.copilot.hook.decision"]),
        (C::Input, &["copilot_chat.hook_input"]),
        (C::Output, &["copilot_chat.hook_output"]),
    ],
    ..Family::PLAIN
};

/// Copilot CLI: one agent span per user message.
pub(super) static COPILOT_CLI: Family = Family {
    harness: Some("copilot-cli"),
    scopes: &["github.copilot"],
    services: &["github-copilot"],
    names: &[
        (C::Session, &["gen_ai.conversation.id"]),
        (
            C::TurnKey,
            &["github.copilot.turn_id", "github.copilot.interaction_id"],
        ),
        (C::SkillName, &["github.copilot.skill.name"]),
        (
            C::McpServer,
            &["github.copilot.tool.parameters.mcp_server_name"],
        ),
    ],
    adjust: |_, _, reading| {
        // Here the agent's id is the session's.
        reading.facts.agent_id = None;
    },
    ..Family::PLAIN
};
