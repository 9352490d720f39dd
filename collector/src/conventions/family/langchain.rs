//! LangChain and LangGraph as OpenLLMetry instruments them.

use proto::agent::Operation;

use super::Family;
use crate::conventions::json;
use crate::conventions::langchain;
use crate::conventions::names::Concept as C;
use crate::conventions::payload::Bag;
use crate::conventions::record::{Reading, Record, Shape};
use crate::conventions::value::Value;

const AGENT_NAME: &str = "traceloop.association.properties.lc_agent_name";

pub(super) static FAMILY: Family = Family {
    harness: Some("langchain"),
    scopes: &["opentelemetry.instrumentation.langchain"],
    names: &[
        (C::AgentName, &["gen_ai.agent.name", AGENT_NAME]),
        (C::Input, &["gen_ai.task.input"]),
        (C::Output, &["gen_ai.task.output"]),
        (C::Success, &["gen_ai.task.status"]),
    ],
    // An agent's own run appears as a task where another agent's tool started it; the nodes of its
    // graph are tasks as well.
    shape: |record, bag| {
        let operation = record.picked.scalar(C::OperationName, bag);
        if operation.as_deref() != Some("execute_task") {
            return None;
        }
        let name = record.text("gen_ai.task.name", bag);
        let is_agent = name.is_some() && name == record.text(AGENT_NAME, bag);
        Some(if is_agent {
            Shape::of(Operation::Agent)
        } else {
            Shape::plumbing(Operation::Internal)
        })
    },
    adjust: |record, bag, reading| {
        if reading.shape.plumbing {
            tool_node(record, bag, reading);
        }
    },
    ..Family::PLAIN
};

/// A graph's tool node knows the call that it was started for, and is the only record of a call to a
/// tool that the graph does not have.
fn tool_node(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    let Some(input) = record.picked.value(C::Input) else {
        return;
    };
    let mut calls = langchain::node_calls(&input.content(bag));
    let (Some((name, call)), None) = (calls.pop(), calls.pop()) else {
        return;
    };
    let result = record
        .picked
        .value(C::Output)
        .and_then(|output: &Value| langchain::result(&output.content(bag)));
    let facts = &mut reading.facts;
    facts.tool_name = Some(bag.word(&name));
    facts.tool_call_id = call.tool_call_id.map(|id| bag.word(&id));
    if let Some(arguments) = call.arguments {
        let hash = json::call_hash(bag.hashing(), &name, &arguments);
        facts.call_hash = Some(bag.word(&hash));
        facts.input = Some(bag.add(arguments));
    }
    if let Some(result) = result {
        if result.is_error {
            facts.success = Some(false);
            let line = crate::conventions::text::one_line(&result.text, 160);
            facts.error_message = Some(bag.word(&line));
        }
        facts.output = Some(bag.add(result.text));
    }
}
