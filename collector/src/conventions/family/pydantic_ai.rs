//! pydantic-ai.

use super::Family;
use crate::conventions::names::Concept as C;

pub(super) static FAMILY: Family = Family {
    harness: Some("pydantic-ai"),
    scopes: &["pydantic-ai"],
    names: &[
        (C::TurnKey, &["gen_ai.agent.call.id"]),
        (C::AgentName, &["gen_ai.agent.name", "agent_name"]),
        (
            C::Messages,
            &[
                "gen_ai.input.messages",
                "pydantic_ai.all_messages",
                "all_messages",
            ],
        ),
        (C::Input, &["all_messages_events", "events"]),
        (C::Output, &["gen_ai.output.messages", "final_result"]),
        (
            C::ToolInput,
            &["gen_ai.tool.call.arguments", "tool_arguments"],
        ),
        (C::ToolOutput, &["gen_ai.tool.call.result", "tool_response"]),
        (C::Cost, &["operation.cost"]),
    ],
    adjust: |record, bag, reading| {
        if record.text("pydantic_ai.tool.deferral.name", bag) == Some("ApprovalRequired") {
            reading.facts.decision = Some(proto::agent::Decision::Ask);
        }
    },
    ..Family::PLAIN
};
