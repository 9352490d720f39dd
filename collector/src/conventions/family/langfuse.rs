//! The Langfuse SDKs' own attributes, which may stand on any span beside another convention's.

use proto::agent::Operation;

use super::Family;
use crate::conventions::json::parse_nested;
use crate::conventions::names::Concept as C;
use crate::conventions::payload::Bag;
use crate::conventions::record::{Reading, Record, Shape};

pub(super) static FAMILY: Family = Family {
    names: &[
        (C::Session, &["langfuse.session.id"]),
        (C::UserId, &["langfuse.user.id"]),
        (C::RequestModel, &["langfuse.observation.model.name"]),
        (
            C::Input,
            &["langfuse.observation.input", "langfuse.trace.input"],
        ),
        (
            C::Output,
            &["langfuse.observation.output", "langfuse.trace.output"],
        ),
        (C::ToolInput, &["langfuse.observation.input"]),
        (C::ToolOutput, &["langfuse.observation.output"]),
        (C::ErrorMessage, &["langfuse.observation.status_message"]),
    ],
    shape: |record, bag| {
        Some(match record.text("langfuse.observation.type", bag)? {
            "generation" => Shape::of(Operation::Model),
            "agent" => Shape::of(Operation::Agent),
            "tool" => Shape::of(Operation::Tool),
            "retriever" => Shape::of(Operation::Retrieval),
            "embedding" => Shape::of(Operation::Embedding),
            "evaluator" => Shape::of(Operation::Evaluation),
            "guardrail" => Shape::of(Operation::Guardrail),
            _ => Shape::of(Operation::Internal),
        })
    },
    adjust,
    ..Family::PLAIN
};

fn adjust(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    if reading.shape.operation != Operation::Model || !record.has_prefix("langfuse.observation.") {
        return;
    }
    let facts = &mut reading.facts;
    let details = |key: &str| parse_nested(record.text(key, bag)?);
    if facts.cost_usd.is_none() {
        facts.cost_usd = details("langfuse.observation.cost_details")
            .and_then(|details| details.get("total")?.as_f64());
    }
    if let Some(usage) = details("langfuse.observation.usage_details") {
        let count = |key: &str| usage.get(key).and_then(serde_json::Value::as_i64);
        facts.input_tokens = facts.input_tokens.or_else(|| count("input"));
        facts.output_tokens = facts.output_tokens.or_else(|| count("output"));
    }
}
