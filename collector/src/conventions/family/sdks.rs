//! Spans that vendors' client libraries write of their own accord.

use proto::agent::Operation;

use super::Family;
use crate::conventions::names::Concept as C;
use crate::conventions::record::Shape;

/// Anthropic's client libraries. A model request like any other; where an instrumentation reports
/// it too, both carry the same response id.
pub(super) static ANTHROPIC: Family = Family {
    scopes: &["com.anthropic.sdk."],
    names: &[(C::FinishReason, &["anthropic.message.stop_reason"])],
    shape: |record, bag| {
        // Every other call of the API (sessions, files, models) is a transport span.
        let named = record.picked.scalar(C::OperationName, bag).is_some();
        (!named && record.name.starts_with("anthropic."))
            .then_some(Shape::plumbing(Operation::Internal))
    },
    adjust: |_, bag, reading| {
        if reading.facts.provider.is_none() && reading.shape.operation == Operation::Model {
            reading.facts.provider = Some(bag.word("anthropic"));
        }
    },
    ..Family::PLAIN
};

/// The MCP client library: `MCP send <method> [<tool>]`, the transport of a call.
pub(super) static MCP: Family = Family {
    scopes: &["mcp-python-sdk"],
    adjust: |record, bag, reading| {
        if reading.facts.tool_name.is_none()
            && let Some(tool) = record.name.strip_prefix("MCP send tools/call ")
        {
            reading.facts.tool_name = Some(bag.word(tool));
        }
    },
    ..Family::PLAIN
};
