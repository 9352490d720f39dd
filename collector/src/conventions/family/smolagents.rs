//! Hugging Face smolagents as OpenInference instruments it: spans are named after classes
//! (`CodeAgent.run`, `OpenAIModel.generate`, `SimpleTool`).

use proto::agent::Operation;

use super::Family;

pub(super) static FAMILY: Family = Family {
    harness: Some("smolagents"),
    scopes: &["openinference.instrumentation.smolagents"],
    adjust: |record, bag, reading| {
        let facts = &mut reading.facts;
        match reading.shape.operation {
            Operation::Agent if facts.agent_name.is_none() => {
                let class = record.name.strip_suffix(".run");
                facts.agent_name = class.map(|class| bag.word(class));
            }
            // The class of every tool that was made of a function says nothing.
            Operation::Tool if facts.tool_name.as_deref() == Some("SimpleTool") => {
                facts.tool_name = None;
            }
            _ => {}
        }
    },
    ..Family::PLAIN
};
