//! Microsoft AutoGen's core: agents and tools as GenAI spans, and a span per message between agents.

use proto::agent::Operation;

use super::Family;
use crate::conventions::record::Shape;

pub(super) static FAMILY: Family = Family {
    harness: Some("autogen"),
    scopes: &["autogen-core", "autogen "],
    shape: |record, _| {
        (record.name.starts_with("autogen ") || record.has_prefix("messaging."))
            .then_some(Shape::plumbing(Operation::Internal))
    },
    ..Family::PLAIN
};
