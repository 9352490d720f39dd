//! pydantic-ai.

use proto::agent::{Decision, Operation};

use super::Family;
use crate::conventions::names::Concept as C;
use crate::conventions::payload::Bag;
use crate::conventions::record::{Reading, Record, Shape};

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
    // Names of format version 2; later ones name the operation.
    shape: |record, _| {
        if record.picked.has(C::OperationName) {
            return None;
        }
        Some(match record.name {
            "agent run" => Shape::of(Operation::Agent),
            "running tool" | "running output function" => Shape::of(Operation::Tool),
            name if name.starts_with("running ") && name.ends_with("tools") => {
                Shape::plumbing(Operation::Internal)
            }
            _ => return None,
        })
    },
    adjust,
    ..Family::PLAIN
};

/// A call that waits for an approval, or is to be answered elsewhere, has not failed; formats before
/// version 5 report it as an exception.
fn adjust(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    let thrown = reading.facts.error_type.as_deref().unwrap_or("");
    let deferral = record
        .text("pydantic_ai.tool.deferral.name", bag)
        .or_else(|| thrown.strip_prefix("pydantic_ai.exceptions."));
    let is_approval = match deferral {
        Some("ApprovalRequired") => true,
        Some("CallDeferred") => false,
        _ => return,
    };
    if is_approval {
        reading.facts.decision = Some(Decision::Ask);
    }
    reading.is_control_flow = true;
}
