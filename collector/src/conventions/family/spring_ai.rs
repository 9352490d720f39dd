//! Spring AI: GenAI attributes, tools under its own names, content in application log lines.

use proto::agent::Operation;

use super::Family;
use crate::conventions::names::Concept as C;
use crate::conventions::payload::Bag;
use crate::conventions::record::{Reading, Record, Shape};
use crate::conventions::value::Value;
use crate::conventions::{content, facts, messages};

/// The attributes of its spans.
pub(super) static FAMILY: Family = Family {
    names: &[
        (C::Session, &["spring.ai.chat.client.conversation.id"]),
        (C::ToolName, &["spring.ai.tool.definition.name"]),
        (C::ToolCallId, &["spring.ai.tool.call.id"]),
        (C::ToolInput, &["spring.ai.tool.call.arguments"]),
        (C::ToolOutput, &["spring.ai.tool.call.result"]),
    ],
    adjust: |record, bag, reading| {
        let is_own = record.has_prefix("spring.ai.")
            || record.text("gen_ai.system", bag) == Some("spring_ai");
        if is_own {
            reading.facts.harness = Some(bag.word("spring-ai"));
            let service = &record.source.origin.service_name;
            if reading.facts.project.is_none() && !service.is_empty() {
                reading.facts.project = Some(service.clone());
            }
        }
    },
    ..Family::PLAIN
};

/// Its observation handlers, which log what was asked and answered as text.
pub(super) static HANDLERS: Family = Family {
    harness: Some("spring-ai"),
    scopes: &["org.springframework.ai."],
    log,
    ..Family::PLAIN
};

/// Content that was logged inside a request's span. What the chat client logs is the same content once
/// more, on the span around it.
fn log(record: &Record<'_>, bag: &mut Bag) -> Option<Reading> {
    let (line, content) = record.body.text(bag)?.split_once('\n')?;
    let is_answer = match line.trim_end() {
        "Chat Model Prompt Content:" => false,
        "Chat Model Completion:" => true,
        _ => return None,
    };
    let content = Value::Text(content.to_owned());
    let mut reading = Reading::new(record, Shape::part(Operation::Model));
    reading.joins_span = true;
    facts::read(record, bag, &mut reading);
    if is_answer {
        let answer = messages::output(&content, bag);
        content::set_output(Some(answer), bag, &mut reading);
    } else {
        let question = messages::input(&content, None, bag);
        content::set_input(Some(question), bag, &mut reading);
    }
    Some(reading)
}
