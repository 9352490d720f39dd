//! What Gemini CLI writes into its "messages": conversations in Google's own shape or nearly in
//! OpenTelemetry's, and the scheduler's documents about tool calls.

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use crate::conventions::blocks;
use crate::conventions::content;
use crate::conventions::json::parse_nested;
use crate::conventions::messages::{self, Conversation};
use crate::conventions::payload::Bag;
use crate::conventions::record::{Reading, Record};

/// Longest text that a span carries, in characters; the log records are whole.
const CUT: &str = "span content cut by Gemini CLI at 10,000 characters; its log records (telemetry.logPrompts) are whole";

/// Replaces input and output of a model request by conversations with everybody in his own role.
pub(super) fn read_conversations(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    let said = |keys: &[&str], bag: &Bag| {
        keys.iter()
            .find_map(|key| record.text(key, bag))
            .map(str::to_owned)
    };
    let system = said(&["gen_ai.system_instructions"], bag);
    if let Some(text) = said(&["gen_ai.input.messages", "request_text"], bag) {
        match conversation(&text) {
            Some(list) => {
                let list = blocks::with_system(system.as_deref().and_then(instructions), list);
                let mut input = messages::from_list(list, bag);
                name_results(&mut input, &text);
                reading.tool_results_seen.clear();
                content::set_input(Some(input), bag, reading);
            }
            None => note_cut(bag, reading),
        }
    }
    if let Some(text) = said(&["gen_ai.output.messages", "response_text"], bag) {
        match conversation(&text) {
            Some(list) => {
                let output = messages::from_list(merged(list), bag);
                reading.facts.call_hash = None;
                content::set_output(Some(output), bag, reading);
            }
            None if text.trim_start().starts_with(['{', '[']) => note_cut(bag, reading),
            None => {}
        }
    }
}

/// Says what cuts, and which records are whole.
pub(super) fn note_cut(bag: &mut Bag, reading: &mut Reading) {
    reading.facts.truncated_upstream = None;
    reading.cut(CUT, bag);
}

/// A text of its own, parts, or a JSON string.
fn instructions(text: &str) -> Option<Json> {
    match serde_json::from_str(text) {
        Ok(Json::Null) => None,
        Ok(parsed) => Some(parsed),
        Err(_) => Some(text.into()),
    }
}

/// The messages of a request, an answer or the chunks of a streamed answer; `None` when the text is
/// cut or of another shape.
fn conversation(text: &str) -> Option<Vec<Json>> {
    let mut list = match parse_nested(text)? {
        Json::Array(chunks) if chunks.iter().all(|chunk| chunk.get("candidates").is_some()) => {
            let chunks: Option<Vec<Vec<Json>>> = chunks.into_iter().map(blocks::messages).collect();
            chunks?.into_iter().flatten().collect()
        }
        other => blocks::messages(other)?,
    };
    for message in &mut list {
        correct(message);
    }
    (!list.is_empty()).then_some(list)
}

/// Instructions stand beside the messages: whoever is called `system` among them is the model. A
/// result comes as a JSON text that wraps what the tool said.
fn correct(message: &mut Json) {
    let role = message.get("role").and_then(Json::as_str);
    if matches!(role, Some("system" | "model"))
        && let Some(message) = message.as_object_mut()
    {
        message.insert("role".into(), "assistant".into());
    }
    let parts = message.get_mut("parts").and_then(Json::as_array_mut);
    for part in parts.into_iter().flatten() {
        if part.get("type").and_then(Json::as_str) != Some("tool_call_response") {
            continue;
        }
        let response = match part.get("response") {
            Some(Json::String(text)) => parse_nested(text),
            other => other.cloned(),
        };
        let Some((said, is_error)) = response.as_ref().and_then(unwrapped) else {
            continue;
        };
        if let Some(part) = part.as_object_mut() {
            part.insert("response".into(), said);
            if is_error {
                part.insert("is_error".into(), true.into());
            }
        }
    }
}

/// What the tool said inside `{"output": …}` or `{"error": …}`.
fn unwrapped(response: &Json) -> Option<(Json, bool)> {
    let map = response.as_object().filter(|map| map.len() == 1)?;
    match (map.get("output"), map.get("error")) {
        (Some(output), _) => Some((output.clone(), false)),
        (None, Some(error)) => Some((error.clone(), true)),
        (None, None) => None,
    }
}

/// A streamed answer comes in pieces: one message, its neighbouring texts put together.
fn merged(list: Vec<Json>) -> Vec<Json> {
    let mut reason = None;
    let mut parts: Vec<Json> = Vec::new();
    for mut message in list {
        let Some(message) = message.as_object_mut() else {
            continue;
        };
        reason = message.remove("finish_reason").or(reason);
        let Some(Json::Array(more)) = message.remove("parts") else {
            continue;
        };
        for part in more {
            match (parts.last_mut().and_then(text_of), text_of_ref(&part)) {
                (Some((kind, text)), Some((next_kind, next))) if kind == next_kind => {
                    text.push_str(next);
                }
                _ => parts.push(part),
            }
        }
    }
    let mut message = json!({"role": "assistant", "parts": parts});
    if let (Some(reason), Some(message)) = (reason, message.as_object_mut()) {
        message.insert("finish_reason".into(), reason);
    }
    vec![message]
}

fn text_of(part: &mut Json) -> Option<(String, &mut String)> {
    let kind = text_kind(part)?.to_owned();
    match part.get_mut("content") {
        Some(Json::String(text)) => Some((kind, text)),
        _ => None,
    }
}

fn text_of_ref(part: &Json) -> Option<(String, &str)> {
    let kind = text_kind(part)?.to_owned();
    Some((kind, part.get("content")?.as_str()?))
}

fn text_kind(part: &Json) -> Option<&str> {
    let kind = part.get("type")?.as_str()?;
    matches!(kind, "text" | "reasoning").then_some(kind)
}

/// The CLI knows a call by its tool's name and the model's id, the messages by the id alone: the
/// results are shown under both.
fn name_results(input: &mut Conversation, text: &str) {
    let mut names: HashMap<String, String> = HashMap::new();
    let list = parse_nested(text);
    let messages = list.as_ref().and_then(Json::as_array);
    for part in messages
        .into_iter()
        .flatten()
        .filter_map(|message| message.get("parts")?.as_array())
        .flatten()
    {
        let call = part.get("functionCall").unwrap_or(part);
        if let (Some(id), Some(name)) = (
            call.get("id").and_then(Json::as_str),
            call.get("name").and_then(Json::as_str),
        ) {
            names.insert(id.to_owned(), name.to_owned());
        }
    }
    let mut also = Vec::new();
    for result in &input.results {
        let Some(name) = names.get(&result.tool_call_id) else {
            continue;
        };
        if !result.tool_call_id.starts_with(name.as_str()) {
            also.push(messages::ToolResult {
                tool_call_id: format!("{name}__{}", result.tool_call_id),
                text: result.text.clone(),
                is_error: result.is_error,
            });
        }
    }
    input.results.extend(also);
}

/// What the scheduler's document about a tool call says.
#[derive(Default)]
pub(super) struct CallDocument {
    /// Arguments as JSON.
    pub(super) arguments: Option<String>,
    /// Server and bare name of an MCP tool.
    pub(super) mcp: Option<(String, String)>,
    pub(super) output: Option<String>,
    pub(super) success: Option<bool>,
    pub(super) error_type: Option<String>,
    pub(super) exit_code: Option<i64>,
}

/// Reads the documents that go into a tool span and come out of it; either may be absent or cut.
pub(super) fn call_document(input: Option<&str>, output: Option<&str>) -> CallDocument {
    let mut call = CallDocument::default();
    let input = input.and_then(parse_nested);
    let output = output.and_then(parse_nested);
    let request = input
        .as_ref()
        .or_else(|| output.as_ref().and_then(|output| output.get("request")));
    if let Some(request) = request {
        call.arguments = request.get("args").map(Json::to_string);
        let shown = request.pointer("/display/name").and_then(Json::as_str);
        call.mcp = shown.and_then(mcp_of_display);
    }
    let Some(output) = output else {
        return call;
    };
    call.success = match output.get("status").and_then(Json::as_str) {
        Some("success") => Some(true),
        Some("error" | "cancelled") => Some(false),
        _ => None,
    };
    if let Some(response) = output.get("response") {
        call.output = answer_of(response);
        let kind = response.get("errorType").and_then(Json::as_str);
        call.error_type = kind.map(str::to_owned);
        call.exit_code = response.pointer("/data/exitCode").and_then(Json::as_i64);
        if response.pointer("/data/isError") == Some(&Json::Bool(true)) {
            call.success = Some(false);
        }
    }
    call
}

/// `lookup_sku (inventory MCP Server)`.
fn mcp_of_display(name: &str) -> Option<(String, String)> {
    let (tool, server) = name.strip_suffix(" MCP Server)")?.rsplit_once(" (")?;
    (!tool.is_empty() && !server.is_empty()).then(|| (server.to_owned(), tool.to_owned()))
}

/// What the model is told of the call: the text of its result or error.
fn answer_of(response: &Json) -> Option<String> {
    let parts = match response.get("responseParts")? {
        Json::Array(parts) => parts.as_slice(),
        part => std::slice::from_ref(part),
    };
    let said: Vec<String> = parts
        .iter()
        .filter_map(|part| part.pointer("/functionResponse/response"))
        .map(|response| match unwrapped(response) {
            Some((Json::String(text), _)) => text,
            Some((other, _)) => other.to_string(),
            None => response.to_string(),
        })
        .collect();
    (!said.is_empty()).then(|| said.join("\n"))
}

/// The text that a subagent hands back: `{"llmContent": [{"text"}], …}`; and the agent's own id.
pub(super) fn agent_answer(output: &str) -> (Option<String>, Option<String>) {
    let Some(output) = parse_nested(output) else {
        return (None, None);
    };
    let text = match output.get("llmContent") {
        Some(Json::String(text)) => Some(text.clone()),
        Some(content) => match blocks::plain_text(content.clone()) {
            Json::String(text) => Some(text),
            _ => None,
        },
        None => None,
    };
    let id = output.pointer("/data/agentId").and_then(Json::as_str);
    (text, id.map(str::to_owned))
}
