//! The OpenAI Agents SDK, whichever bridge passes its traces on.

use proto::agent::Operation;

use super::Family;
use crate::conventions::record::Shape;

pub(super) static FAMILY: Family = Family {
    harness: Some("openai-agents"),
    scopes: &[
        "openinference.instrumentation.openai_agents",
        "opentelemetry.instrumentation.openai_agents",
    ],
    // The trace itself is an `AGENT` span as well, named after the workflow; an agent has a name.
    shape: |record, bag| {
        let is_agent = record.text("openinference.span.kind", bag) == Some("AGENT");
        (is_agent && !record.has("agent.name")).then_some(Shape::of(Operation::Internal))
    },
    ..Family::PLAIN
};
