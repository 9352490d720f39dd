//! Microsoft Agent Framework: GenAI spans with the content on the span and in log records, and the
//! machinery of its workflows.

use proto::agent::Operation;

use super::Family;
use crate::conventions::record::Shape;

const NO_CONTENT: &str = "content not sent; set ENABLE_SENSITIVE_DATA=true";

pub(super) static FAMILY: Family = Family {
    harness: Some("ms-agent-framework"),
    scopes: &["agent_framework"],
    shape: |record, _| {
        let machinery = [
            "workflow.build",
            "executor.process",
            "edge_group.process",
            "message.send",
        ];
        let first = record.name.split(' ').next().unwrap_or_default();
        machinery
            .contains(&first)
            .then_some(Shape::plumbing(Operation::Internal))
    },
    adjust: |_, bag, reading| {
        let facts = &reading.facts;
        if reading.shape.operation == Operation::Model
            && facts.input.is_none()
            && facts.output.is_none()
        {
            reading.cut(NO_CONTENT, bag);
        }
    },
    ..Family::PLAIN
};
