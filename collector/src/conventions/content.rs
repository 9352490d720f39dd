//! What went in and what came out of an act, wherever the emitter put it.

use std::borrow::Cow;

use proto::agent::{Act, Operation, ToolCallAsked, ToolResultSeen};

use super::facts;
use super::flattened::{self, Dialect};
use super::json;
use super::langchain;
use super::messages::{self, Conversation, ToolCall};
use super::names::Concept as C;
use super::payload::Bag;
use super::record::{Reading, Record, Shape};
use super::text;
use super::value::{self, Attributes, Value};

const REDACTED: &str = "content redacted by the sender";
const CUT: &str = "content cut by the sender";
const CUT_BY_SDK: &str = "content cut by the sender; raise OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT";
const ELSEWHERE: &str =
    "content uploaded elsewhere by the sender (OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK)";

/// Fills input, output and what follows from them (prompt, title, call hash, detail, results seen).
pub(super) fn read(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    match reading.shape.operation {
        Operation::Model => {
            let input = model_input(record, bag);
            let output = model_output(record, bag);
            set_input(input, bag, reading);
            set_output(output, bag, reading);
        }
        Operation::Tool | Operation::Mcp | Operation::Policy => tool(record, bag, reading),
        Operation::Agent | Operation::Turn => agent(record, bag, reading),
        // Frames around the acts repeat what these say.
        Operation::Internal if reading.shape.plumbing => {}
        _ => {
            if let Some(input) = record.picked.content(C::Input, bag).map(Cow::into_owned) {
                reading.facts.input = Some(bag.add(input));
            }
            if let Some(output) = record.picked.content(C::Output, bag).map(Cow::into_owned) {
                reading.facts.output = Some(bag.add(output));
            }
        }
    }
    let picked = &record.picked;
    if [
        C::Messages,
        C::Input,
        C::Output,
        C::ToolInput,
        C::ToolOutput,
        C::Prompt,
    ]
    .into_iter()
    .any(|concept| picked.is_redacted(concept))
    {
        reading.cut(REDACTED, bag);
    }
    if picked.flag(C::Truncated) == Some(true) {
        reading.cut(CUT, bag);
    }
    if [C::Messages, C::Input, C::Output, C::ToolInput]
        .into_iter()
        .filter_map(|concept| picked.value(concept)?.text(bag))
        .any(text::is_broken_json)
    {
        reading.cut(CUT_BY_SDK, bag);
    }
    let is_elsewhere = (record.has("gen_ai.input.messages_ref") && reading.facts.input.is_none())
        || (record.has("gen_ai.output.messages_ref") && reading.facts.output.is_none());
    if is_elsewhere {
        reading.cut(ELSEWHERE, bag);
    }
}

/// Takes over a conversation as the input of a model request.
pub(super) fn set_input(input: Option<Conversation>, bag: &mut Bag, reading: &mut Reading) {
    let Some(input) = input else { return };
    if input.is_cut {
        reading.cut(CUT, bag);
    }
    if let Some(prompt) = &input.prompt {
        set_prompt(prompt, bag, reading);
    }
    for result in input.results {
        let error = (result.is_error == Some(true) || text::is_refusal(&result.text))
            .then(|| bag.word(&text::one_line(&result.text, text::TITLE_MAX)));
        let output = bag.add(result.text);
        reading.tool_results_seen.push(ToolResultSeen {
            tool_call_id: bag.word(&result.tool_call_id),
            output,
            is_error: result.is_error,
            error,
        });
    }
    reading.facts.input = Some(input.text);
}

/// Takes over a conversation as the output of a model request.
pub(super) fn set_output(output: Option<Conversation>, bag: &mut Bag, reading: &mut Reading) {
    let Some(output) = output else { return };
    if output.is_cut {
        reading.cut(CUT, bag);
    }
    reading.tool_calls_asked = output
        .calls
        .into_iter()
        .map(|call| asked(call, bag))
        .collect();
    let facts = &mut reading.facts;
    if facts.finish_reason.is_none() {
        facts.finish_reason = output.finish_reason.map(|reason| bag.word(&reason));
    }
    if facts.call_hash.is_none() {
        facts.call_hash = output.answer_hash.map(|hash| bag.word(&hash));
    }
    facts.output = Some(output.text);
}

/// Name and identity of the call as the call's own record would have them.
fn asked(call: ToolCall, bag: &mut Bag) -> ToolCallAsked {
    let (server, tool) = match facts::split_mcp(&call.name) {
        Some((server, tool)) => (Some(server), tool),
        None => (None, call.name.as_str()),
    };
    let hash = call
        .arguments
        .as_deref()
        .map(|arguments| json::call_hash(bag.hashing(), tool, arguments));
    let detail = call
        .arguments
        .as_deref()
        .and_then(text::detail_of_arguments);
    ToolCallAsked {
        detail: detail.map(|detail| bag.word(&detail)),
        tool_call_id: call.tool_call_id.map(|id| bag.word(&id)),
        tool_name: bag.word(tool),
        mcp_server: server.map(|server| bag.word(server)),
        call_hash: hash.map(|hash| bag.word(&hash)),
        input: call.arguments.map(|arguments| bag.add(arguments)),
    }
}

/// The user's words, and the title made of them.
pub(super) fn set_prompt(prompt: &str, bag: &mut Bag, reading: &mut Reading) {
    if prompt.trim().is_empty() || text::is_redacted(prompt) {
        return;
    }
    reading.facts.prompt = Some(bag.add_str(prompt));
    let title = text::one_line(prompt, text::TITLE_MAX);
    reading.facts.title = Some(bag.word(&title));
}

fn model_input(record: &Record<'_>, bag: &mut Bag) -> Option<Conversation> {
    let picked = &record.picked;
    let system = picked.value(C::System);
    if let Some(value) = picked.value(C::Messages) {
        return Some(messages::input(value, system, bag));
    }
    if let Some(found) = details(record, "gen_ai.input.messages") {
        let (attributes, value) = found;
        let system = value::get(attributes, "gen_ai.system_instructions");
        return Some(messages::input(value, system, bag));
    }
    let events = event_messages(record, bag, false);
    if !events.is_empty() {
        return Some(messages::from_list(events, bag));
    }
    if let Some(list) = listed_events(record, bag, false) {
        return Some(messages::from_list(list, bag));
    }
    let whole = picked.value(C::Input);
    // The flattened form loses its oldest keys first; the whole text does not.
    let flattened_first =
        record.dropped_attributes_count == 0 || picked.key(C::Input) != Some("input.value");
    let flattened = |bag: &mut Bag| {
        let list = flattened::messages(record.attributes, Dialect::OpenInferenceInput, bag)
            .or_else(|| flattened::messages(record.attributes, Dialect::IndexedPrompt, bag))?;
        Some(messages::from_list(list, bag))
    };
    if flattened_first && let Some(found) = flattened(bag) {
        return Some(found);
    }
    if let Some(value) = whole {
        let found = messages::input(value, system, bag);
        if found.is_recognised || flattened_first {
            return Some(found);
        }
    }
    flattened(bag).or_else(|| {
        let texts = flattened::texts(record.attributes, "llm.prompts.", bag);
        (!texts.is_empty()).then(|| messages::from_texts("user", texts, bag))
    })
}

fn model_output(record: &Record<'_>, bag: &mut Bag) -> Option<Conversation> {
    let picked = &record.picked;
    if picked.key(C::Output) == Some("gen_ai.output.messages")
        && let Some(value) = picked.value(C::Output)
    {
        return Some(messages::output(value, bag));
    }
    if let Some((_, value)) = details(record, "gen_ai.output.messages") {
        return Some(messages::output(value, bag));
    }
    let events = event_messages(record, bag, true);
    if !events.is_empty() {
        return Some(messages::from_list(events, bag));
    }
    let list = listed_events(record, bag, true)
        .or_else(|| flattened::messages(record.attributes, Dialect::OpenInferenceOutput, bag))
        .or_else(|| flattened::messages(record.attributes, Dialect::IndexedCompletion, bag))
        .or_else(|| flattened::vercel_answer(record.attributes, bag));
    if let Some(list) = list {
        return Some(messages::from_list(list, bag));
    }
    if let Some(value) = picked.value(C::Output) {
        return Some(messages::output(value, bag));
    }
    let texts = flattened::texts(record.attributes, "llm.choices.", bag);
    (!texts.is_empty()).then(|| messages::from_texts("assistant", texts, bag))
}

/// Content that a span carries on its `…operation.details` event.
fn details<'a>(record: &Record<'a>, key: &str) -> Option<(&'a Attributes, &'a Value)> {
    record.events.iter().find_map(|event| {
        if event.name != "gen_ai.client.inference.operation.details" {
            return None;
        }
        let value = value::get(&event.attributes, key)?;
        Some((&event.attributes, value))
    })
}

/// Deprecated events that carry one message each.
pub(super) fn is_message_event(name: &str) -> bool {
    matches!(
        name,
        "gen_ai.system.message"
            | "gen_ai.user.message"
            | "gen_ai.assistant.message"
            | "gen_ai.tool.message"
            | "gen_ai.choice"
            | "gen_ai.content.prompt"
            | "gen_ai.content.completion"
    )
}

/// True for the events that carry what the model answered.
pub(super) fn is_answer_event(name: &str) -> bool {
    matches!(name, "gen_ai.choice" | "gen_ai.content.completion")
}

fn event_messages(record: &Record<'_>, bag: &Bag, answers: bool) -> Vec<serde_json::Value> {
    record
        .events
        .iter()
        .filter(|event| is_message_event(&event.name) && is_answer_event(&event.name) == answers)
        .flat_map(|event| messages::of_event(&event.name, &event.attributes, &Value::Null, bag))
        .collect()
}

/// Takes over the messages that came in one log record each, in their order.
pub(super) fn set_messages(
    input: Vec<serde_json::Value>,
    output: Vec<serde_json::Value>,
    bag: &mut Bag,
    act: &mut Act,
) {
    let mut reading = Reading {
        shape: Shape::part(act.operation),
        facts: std::mem::take(&mut act.facts),
        tool_results_seen: Vec::new(),
        tool_calls_asked: Vec::new(),
        messages: Vec::new(),
        joins_span: false,
        also: Vec::new(),
        name: None,
        start_ns: act.start_ns,
        end_ns: act.end_ns,
        is_control_flow: false,
        is_private: false,
    };
    if !input.is_empty() {
        set_input(Some(messages::from_list(input, bag)), bag, &mut reading);
    }
    if !output.is_empty() {
        set_output(Some(messages::from_list(output, bag)), bag, &mut reading);
    }
    act.facts = reading.facts;
    act.tool_results_seen = reading.tool_results_seen;
    act.tool_calls_asked = reading.tool_calls_asked;
}

/// The deprecated events as one attribute holds them, a list of the events' bodies with their names.
fn listed_events(record: &Record<'_>, bag: &Bag, answers: bool) -> Option<Vec<serde_json::Value>> {
    let value = record.picked.value(C::Input)?.content(bag);
    if !value.contains("\"event.name\"") {
        return None;
    }
    let serde_json::Value::Array(list) = json::parse_nested(&value)? else {
        return None;
    };
    let wanted = list.into_iter().filter(|event| {
        let name = event.get("event.name").and_then(serde_json::Value::as_str);
        name.is_some_and(|name| is_message_event(name) && is_answer_event(name) == answers)
    });
    let list: Vec<_> = wanted.filter_map(super::blocks::message).collect();
    (!list.is_empty()).then_some(list)
}

fn tool(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    let picked = &record.picked;
    let input = picked
        .content(C::ToolInput, bag)
        .map(Cow::into_owned)
        .or_else(|| {
            let (_, value) = details(record, "gen_ai.input.messages")?;
            Some(value.content(bag).into_owned())
        })
        .or_else(|| tool_event(record, "gen_ai.tool.message", "content", bag));
    let output = picked
        .content(C::ToolOutput, bag)
        .map(Cow::into_owned)
        .or_else(|| {
            let (_, value) = details(record, "gen_ai.output.messages")?;
            Some(value.content(bag).into_owned())
        })
        .or_else(|| {
            let blocks = tool_event(record, "gen_ai.choice", "message", bag)?;
            Some(messages::text_of_blocks(&blocks).unwrap_or(blocks))
        });
    if let Some(input) = input {
        let call = langchain::call(&input).or_else(|| messages::only_call(&input));
        let input = match call {
            Some(call) => {
                let facts = &mut reading.facts;
                if facts.tool_call_id.is_none() {
                    facts.tool_call_id = call.tool_call_id.map(|id| bag.word(&id));
                }
                call.arguments
            }
            None => Some(input),
        };
        if let Some(input) = input {
            set_tool_input(input, bag, reading);
        }
    }
    if let Some(output) = output {
        let result = langchain::result(&output).or_else(|| messages::only_result(&output));
        let output = match result {
            Some(result) => {
                let facts = &mut reading.facts;
                if facts.tool_call_id.is_none() {
                    facts.tool_call_id = result.tool_call_id.map(|id| bag.word(&id));
                }
                if result.is_error {
                    facts.success = Some(false);
                }
                result.text
            }
            None => output,
        };
        set_tool_output(output, bag, reading);
    }
}

fn tool_event(record: &Record<'_>, name: &str, key: &str, bag: &Bag) -> Option<String> {
    let event = record.events.iter().find(|event| event.name == name)?;
    let value = value::get(&event.attributes, key)?;
    Some(value.content(bag).into_owned())
}

/// Arguments exactly as given, and the call's identity and detail line.
pub(super) fn set_tool_input(input: String, bag: &mut Bag, reading: &mut Reading) {
    if text::is_cut(&input) {
        reading.cut(CUT, bag);
    }
    let tool = reading.facts.tool_name.clone().unwrap_or_default();
    let hash = json::call_hash(bag.hashing(), &tool, &input);
    reading.facts.call_hash = Some(bag.word(&hash));
    if let Some(detail) = text::detail_of_arguments(&input) {
        reading.facts.detail = Some(bag.word(&detail));
    }
    reading.facts.input = Some(bag.add(input));
}

/// Names a tool call, and makes its identity anew with that name.
pub(super) fn set_tool_name(name: &str, bag: &mut Bag, reading: &mut Reading) {
    if let Some(input) = &reading.facts.input {
        let hash = json::call_hash(bag.hashing(), name, bag.text(input));
        reading.facts.call_hash = Some(bag.word(&hash));
    }
    reading.facts.tool_name = Some(bag.word(name));
}

/// The result exactly as given.
pub(super) fn set_tool_output(output: String, bag: &mut Bag, reading: &mut Reading) {
    if text::is_cut(&output) {
        reading.cut(CUT, bag);
    }
    reading.facts.output = Some(bag.add(output));
}

/// Agents and turns: the conversation they were given, or a plain prompt.
fn agent(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    let picked = &record.picked;
    if let Some(prompt) = picked.content(C::Prompt, bag).map(Cow::into_owned) {
        set_prompt(&prompt, bag, reading);
        reading.facts.input = reading.facts.prompt;
    } else {
        let mut input = model_input(record, bag);
        // The request spans below show the same results; the agent's copy would say it twice.
        if let Some(input) = &mut input {
            input.results.clear();
        }
        set_input(input, bag, reading);
    }
    let hash = reading.facts.call_hash.take();
    let mut output = model_output(record, bag);
    if let Some(output) = &mut output {
        output.calls.clear();
    }
    set_output(output, bag, reading);
    reading.facts.call_hash = hash;
    reading.facts.finish_reason = None;
    reading.facts.detail = reading.facts.title.clone().map(|title| {
        let line = text::one_line(&title, text::DETAIL_MAX);
        bag.word(&line)
    });
}
