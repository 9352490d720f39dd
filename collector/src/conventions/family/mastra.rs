//! Mastra: a span type, GenAI attributes on model and tool spans, content of the other spans under the
//! name of their type.

use proto::agent::Operation;

use super::Family;
use crate::conventions::content;
use crate::conventions::names::Concept as C;
use crate::conventions::payload::Bag;
use crate::conventions::record::{Reading, Record, Shape};

/// Known by `mastra.span.type`.
pub(super) static FAMILY: Family = Family {
    shape: |record, bag| {
        Some(match record.text("mastra.span.type", bag)? {
            "model_generation" => Shape::of(Operation::Model),
            "agent_run" => Shape::of(Operation::Agent),
            "tool_call" | "mcp_tool_call" => Shape::of(Operation::Tool),
            "memory_operation" => Shape::of(Operation::Memory),
            "skill_action" | "skill_resolution" => Shape::of(Operation::Skill),
            "processor_run" => Shape::of(Operation::Guardrail),
            _ => Shape::of(Operation::Internal),
        })
    },
    adjust,
    ..Family::PLAIN
};

/// Mastra's own exporters; the older one has no span type.
pub(super) static EXPORTER: Family = Family {
    harness: Some("mastra"),
    scopes: &["@mastra/"],
    names: &[
        (C::Input, &["input"]),
        (C::Output, &["output"]),
        (C::ToolInput, &["input"]),
        (C::ToolOutput, &["output"]),
    ],
    shape: |record, bag| {
        (FAMILY.shape)(record, bag).or_else(|| {
            let operation = if record.name.starts_with("tool.execute ") {
                Operation::Tool
            } else if record.name.starts_with("agent.") {
                Operation::Agent
            } else if record.name.starts_with("tool_selection ") {
                Operation::Model
            } else {
                return None;
            };
            Some(Shape::of(operation))
        })
    },
    adjust: |record, bag, reading| {
        if let Some(name) = record.name.strip_prefix("tool.execute ")
            && !record.has("gen_ai.tool.name")
        {
            content::set_tool_name(name, bag, reading);
        }
        if let Some(name) = record.name.strip_prefix("agent.")
            && reading.facts.agent_name.is_none()
        {
            reading.facts.agent_name = Some(bag.word(name));
        }
    },
    ..Family::PLAIN
};

fn adjust(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    let Some(kind) = record.text("mastra.span.type", bag).map(str::to_owned) else {
        return;
    };
    let content = |side: &str, bag: &mut Bag| {
        let text = record
            .get(&format!("mastra.{kind}.{side}"))?
            .content(bag)
            .into_owned();
        Some(bag.add(text))
    };
    let facts = &mut reading.facts;
    if facts.input.is_none() {
        facts.input = content("input", bag);
    }
    if facts.output.is_none() {
        facts.output = content("output", bag);
    }
    if kind == "mcp_tool_call" && facts.mcp_server.is_none() {
        let server = record.text("server.address", bag).map(str::to_owned);
        facts.mcp_server = server.map(|server| bag.word(&server));
    }
    if reading.shape.operation == Operation::Skill && facts.skill_name.is_none() {
        let name = record.name.rsplit(' ').next().unwrap_or(record.name);
        facts.skill_name = (!name.is_empty()).then(|| bag.word(name));
    }
}
