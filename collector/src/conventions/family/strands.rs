//! Strands Agents: content in span events, tool arguments as messages of the tool span.

use super::Family;
use crate::conventions::names::Concept as C;

pub(super) static FAMILY: Family = Family {
    harness: Some("strands"),
    scopes: &["strands.telemetry.tracer"],
    names: &[
        (
            C::ToolInput,
            &["gen_ai.tool.call.arguments", "gen_ai.input.messages"],
        ),
        (
            C::ToolOutput,
            &["gen_ai.tool.call.result", "gen_ai.output.messages"],
        ),
        // Its releases before the GenAI names say it without the prefix.
        (C::Success, &["gen_ai.tool.status", "tool.status"]),
    ],
    ..Family::PLAIN
};
