//! Google's Agent Development Kit.

use super::Family;
use crate::conventions::names::Concept as C;
use crate::conventions::record::Shape;
use proto::agent::Operation;

pub(super) static FAMILY: Family = Family {
    harness: Some("google-adk"),
    scopes: &["gcp.vertex.agent"],
    names: &[
        (
            C::Session,
            &["gen_ai.conversation.id", "gcp.vertex.agent.session_id"],
        ),
        (C::Input, &["gcp.vertex.agent.llm_request"]),
        (
            C::Output,
            &["gen_ai.output.messages", "gcp.vertex.agent.llm_response"],
        ),
        (
            C::ToolInput,
            &[
                "gen_ai.tool.call.arguments",
                "gcp.vertex.agent.tool_call_args",
            ],
        ),
        (
            C::ToolOutput,
            &["gen_ai.tool.call.result", "gcp.vertex.agent.tool_response"],
        ),
    ],
    // Two parallel calls add a span that repeats both.
    shape: |record, _| {
        (record.name == "execute_tool (merged)").then_some(Shape::plumbing(Operation::Internal))
    },
    ..Family::PLAIN
};
