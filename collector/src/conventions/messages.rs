//! Conversations: the canonical message list of a request or answer, and what it tells.

use std::borrow::Cow;

use proto::Hashing;
use proto::agent::PayloadRef;
use serde_json::{Value as Json, json};

use super::blocks;
use super::json;
use super::langchain;
use super::parse;
use super::payload::Bag;
use super::text;
use super::value::{self, Attributes, Value};

/// A result of an earlier tool call, resent with a later request.
pub(super) struct ToolResult {
    pub(super) tool_call_id: String,
    pub(super) text: String,
    pub(super) is_error: Option<bool>,
}

/// A tool call that an answer asks for.
pub(super) struct ToolCall {
    pub(super) tool_call_id: Option<String>,
    pub(super) name: String,
    /// A text as it is, anything else as JSON.
    pub(super) arguments: Option<String>,
}

/// Input or output of a model request.
pub(super) struct Conversation {
    /// Canonical messages, or the emitter's own text where its shape is not known.
    pub(super) text: PayloadRef,
    pub(super) is_recognised: bool,
    /// The latest words of the user.
    pub(super) prompt: Option<String>,
    pub(super) results: Vec<ToolResult>,
    pub(super) calls: Vec<ToolCall>,
    pub(super) finish_reason: Option<String>,
    /// Identity of what was answered: the tool calls without their ids, or else the text.
    pub(super) answer_hash: Option<String>,
    pub(super) is_cut: bool,
}

/// What a text of messages tells, before it is stored.
#[derive(Default)]
struct Told {
    /// The canonical text, where it differs from the given one.
    canonical: Option<String>,
    is_recognised: bool,
    prompt: Option<String>,
    results: Vec<ToolResult>,
    calls: Vec<ToolCall>,
    finish_reason: Option<String>,
    answer_hash: Option<String>,
    /// The text ends in the middle of a message.
    is_cut: bool,
}

/// Reads the input of a request; `system` holds instructions that came beside the messages.
pub(super) fn input(value: &Value, system: Option<&Value>, bag: &mut Bag) -> Conversation {
    let told = {
        let system = system.map(|system| system.content(bag));
        tell(&value.content(bag), system.as_deref(), bag.hashing())
    };
    store(value, told, bag)
}

/// Reads the answer to a request.
pub(super) fn output(value: &Value, bag: &mut Bag) -> Conversation {
    let content = value.content(bag);
    let mut told = tell(&content, None, bag.hashing());
    if !told.is_recognised && !content.trim_start().starts_with(['{', '[']) {
        // A bare text is the assistant's.
        let list = vec![blocks::text_message("assistant", content.into_owned())];
        told = tell_list(list, true, bag.hashing());
    }
    store(value, told, bag)
}

fn store(value: &Value, told: Told, bag: &mut Bag) -> Conversation {
    let content = value.content(bag);
    let is_cut = told.is_cut || text::is_cut(&content);
    let text = match (told.canonical, value, content) {
        (Some(canonical), _, _) => bag.add(canonical),
        (None, Value::Large(address), _) => *address,
        (None, _, Cow::Owned(text)) => bag.add(text),
        (None, _, Cow::Borrowed(text)) => {
            let text = text.to_owned();
            bag.add(text)
        }
    };
    Conversation {
        text,
        is_recognised: told.is_recognised,
        prompt: told.prompt,
        results: told.results,
        calls: told.calls,
        finish_reason: told.finish_reason,
        answer_hash: told.answer_hash,
        is_cut,
    }
}

/// A list that was put together from parts of the record.
pub(super) fn from_list(list: Vec<Json>, bag: &mut Bag) -> Conversation {
    let told = tell_list(list, true, bag.hashing());
    let text = bag.add(told.canonical.unwrap_or_default());
    Conversation {
        text,
        is_recognised: true,
        prompt: told.prompt,
        results: told.results,
        calls: told.calls,
        finish_reason: told.finish_reason,
        answer_hash: told.answer_hash,
        is_cut: false,
    }
}

/// Bare texts of one author.
pub(super) fn from_texts(role: &str, texts: Vec<String>, bag: &mut Bag) -> Conversation {
    let list = texts
        .into_iter()
        .map(|text| blocks::text_message(role, text))
        .collect();
    from_list(list, bag)
}

fn tell(text: &str, system: Option<&str>, hashing: Hashing) -> Told {
    let Some(parsed) = parse::nested(text) else {
        let is_plain = !text.trim_start().starts_with(['{', '[']);
        return Told {
            prompt: is_plain.then(|| text.to_owned()),
            ..Told::default()
        };
    };
    let is_cut = parsed.is_cut;
    let mut told = match parsed.json {
        // The sender's own text is kept, so that it shares its pieces with the requests around it.
        Json::Array(list) if is_canonical(&list) && !parsed.is_mended => {
            let canonical = system.and_then(|system| spliced(text, &list, system));
            let mut told = tell_list(list, false, hashing);
            told.canonical = canonical;
            told
        }
        other => match blocks::messages(other) {
            Some(list) => {
                let system = system.map(|system| match json::parse_nested(system) {
                    Some(parsed) => parsed,
                    None => Json::String(system.to_owned()),
                });
                tell_list(blocks::with_system(system, list), true, hashing)
            }
            None => Told::default(),
        },
    };
    if is_cut {
        // The last of them may be the one that was cut.
        told.results.pop();
        told.calls.pop();
        told.answer_hash = None;
    }
    Told { is_cut, ..told }
}

/// Every message has a role and parts that name their type.
fn is_canonical(list: &[Json]) -> bool {
    list.iter().all(|message| {
        message.get("role").is_some_and(Json::is_string)
            && message
                .get("parts")
                .and_then(Json::as_array)
                .is_some_and(|parts| parts.iter().all(|part| part.get("type").is_some()))
    })
}

/// Puts system instructions in front without touching the rest of the text, so that it shares its
/// pieces with the requests before and after.
fn spliced(text: &str, list: &[Json], system: &str) -> Option<String> {
    let parts = match json::parse_nested(system) {
        Some(parsed @ Json::Array(_)) => {
            let first = list.first();
            let is_there = first.and_then(|message| message.get("parts")) == Some(&parsed)
                && first.and_then(|message| message.get("role")) == Some(&json!("system"));
            if is_there || parsed == json!([]) {
                return None;
            }
            system.trim().to_owned()
        }
        Some(other) => serde_json::to_string(&blocks::system_parts(other)).ok()?,
        None if system.trim().is_empty() => return None,
        None => serde_json::to_string(&blocks::system_parts(system.into())).ok()?,
    };
    let rest = text.trim_start().strip_prefix('[')?;
    let comma = if list.is_empty() { "" } else { "," };
    Some(format!(
        r#"[{{"role":"system","parts":{parts}}}{comma}{rest}"#
    ))
}

fn tell_list(list: Vec<Json>, write: bool, hashing: Hashing) -> Told {
    let mut told = Told {
        canonical: write.then(|| serde_json::to_string(&list).ok()).flatten(),
        is_recognised: true,
        ..Told::default()
    };
    let mut calls = Vec::new();
    let mut texts = Vec::new();
    for message in &list {
        let role = message.get("role").and_then(Json::as_str).unwrap_or("");
        let parts = message.get("parts").and_then(Json::as_array);
        let mut words = Vec::new();
        for part in parts.into_iter().flatten() {
            let kind = part.get("type").and_then(Json::as_str).unwrap_or("");
            let content = part.get("content").and_then(Json::as_str);
            match kind {
                "tool_call_response" => told.results.extend(tool_result(part)),
                "tool_call" => {
                    let call = tool_call(part);
                    let arguments = call.arguments.as_deref().unwrap_or_default();
                    calls.push(json::call_hash(hashing, &call.name, arguments));
                    told.calls.push(call);
                }
                "text" => words.extend(content),
                _ => {}
            }
        }
        if role == "user" {
            words.retain(|word| !is_reminder(word));
            if !words.is_empty() {
                told.prompt = Some(words.join("\n"));
            }
        } else {
            texts.extend(words.iter().map(|word| (*word).to_owned()));
        }
        if let Some(reason) = message.get("finish_reason").and_then(Json::as_str)
            && !reason.is_empty()
        {
            told.finish_reason = Some(reason.to_owned());
        }
    }
    let essence = if calls.is_empty() { texts } else { calls };
    if !essence.is_empty() {
        let essence: Vec<&str> = essence.iter().map(String::as_str).collect();
        told.answer_hash = Some(json::hash16(hashing, &essence));
    }
    told
}

/// Context that a harness puts into the user's message in the user's name.
fn is_reminder(text: &str) -> bool {
    let text = text.trim_start();
    text.is_empty()
        || [
            "<system-reminder>",
            "<session_context>",
            "<environment_context>",
        ]
        .iter()
        .any(|mark| text.starts_with(mark))
}

fn tool_call(part: &Json) -> ToolCall {
    let text = |key: &str| match part.get(key)? {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    ToolCall {
        tool_call_id: text("id"),
        name: text("name").unwrap_or_default(),
        arguments: text("arguments"),
    }
}

fn tool_result(part: &Json) -> Option<ToolResult> {
    let id = match part.get("id")? {
        Json::String(id) if !id.is_empty() => id.clone(),
        Json::Number(id) => id.to_string(),
        _ => return None,
    };
    let response = ["response", "result", "content"]
        .iter()
        .find_map(|key| part.get(*key))?;
    let text = match blocks::plain_text(response.clone()) {
        Json::String(text) => text,
        Json::Null => return None,
        other => other.to_string(),
    };
    if text::is_redacted(&text) {
        return None;
    }
    Some(ToolResult {
        tool_call_id: id,
        text,
        is_error: part.get("is_error").and_then(Json::as_bool),
    })
}

/// The call inside the text that stands for a tool's input, where it is a list of messages with one
/// call in it.
pub(super) fn only_call(text: &str) -> Option<langchain::Call> {
    let part = only_part(text, "tool_call")?;
    let call = tool_call(&part);
    Some(langchain::Call {
        arguments: call.arguments,
        tool_call_id: call.tool_call_id,
    })
}

/// The result inside the text that stands for a tool's output, where it is a list of messages with
/// one result in it.
pub(super) fn only_result(text: &str) -> Option<langchain::ToolResult> {
    let part = only_part(text, "tool_call_response")?;
    let response = ["response", "result"]
        .iter()
        .find_map(|key| part.get(*key))?;
    let text = match blocks::plain_text(response.clone()) {
        Json::String(text) => text,
        other => other.to_string(),
    };
    Some(langchain::ToolResult {
        text,
        tool_call_id: part.get("id").and_then(Json::as_str).map(str::to_owned),
        is_error: part.get("is_error").and_then(Json::as_bool) == Some(true),
    })
}

/// The text of a list of text blocks; `None` for anything else.
pub(super) fn text_of_blocks(text: &str) -> Option<String> {
    match blocks::plain_text(json::parse_nested(text)?) {
        Json::String(text) => Some(text),
        _ => None,
    }
}

fn only_part(text: &str, kind: &str) -> Option<Json> {
    if !text.contains("\"parts\"") {
        return None;
    }
    let Json::Array(list) = json::parse_nested(text)? else {
        return None;
    };
    let mut parts = list
        .into_iter()
        .filter_map(|mut message| match message.get_mut("parts")?.take() {
            Json::Array(parts) => Some(parts),
            _ => None,
        })
        .flatten();
    let (first, None) = (parts.next()?, parts.next()) else {
        return None;
    };
    (first.get("type").and_then(Json::as_str) == Some(kind)).then_some(first)
}

/// The messages that one event or log record of the deprecated conventions carries.
pub(super) fn of_event(name: &str, attributes: &Attributes, body: &Value, bag: &Bag) -> Vec<Json> {
    let get = |key: &str| {
        value::get(attributes, key)
            .filter(|value| !matches!(value, Value::Null))
            .map(|value| content_json(value, bag))
    };
    if name == "gen_ai.content.prompt" || name == "gen_ai.content.completion" {
        let (key, role) = if name.ends_with("prompt") {
            ("gen_ai.prompt", "user")
        } else {
            ("gen_ai.completion", "assistant")
        };
        return match get(key) {
            Some(Json::String(text)) => vec![blocks::text_message(role, text)],
            Some(other) => blocks::messages(other).unwrap_or_default(),
            None => Vec::new(),
        };
    }
    let mut map = match content_json(body, bag) {
        Json::Object(map) => map,
        Json::String(text) if !text.is_empty() => [("content".to_owned(), Json::String(text))]
            .into_iter()
            .collect(),
        _ => serde_json::Map::new(),
    };
    for key in [
        "content",
        "role",
        "id",
        "tool_calls",
        "message",
        "finish_reason",
    ] {
        if !map.contains_key(key)
            && let Some(found) = get(key)
        {
            map.insert(key.into(), found);
        }
    }
    let reason = map.remove("finish_reason");
    let mut map = match map.remove("message") {
        Some(Json::Object(message)) => message,
        Some(content) => [("content".to_owned(), content)].into_iter().collect(),
        None => map,
    };
    let role = match name {
        "gen_ai.system.message" => "system",
        "gen_ai.user.message" => "user",
        "gen_ai.tool.message" => "tool",
        _ => "assistant",
    };
    if !map.get("role").is_some_and(Json::is_string) {
        map.insert("role".into(), role.into());
    }
    if name == "gen_ai.tool.message"
        && let Some(id) = map.remove("id")
    {
        map.insert("tool_call_id".into(), id);
    }
    let Some(mut message) = blocks::message(Json::Object(map)) else {
        return Vec::new();
    };
    if let (Some(message), Some(reason @ Json::String(_))) = (message.as_object_mut(), reason) {
        message.insert("finish_reason".into(), reason);
    }
    vec![message]
}

/// A value as JSON; a string that holds a JSON object or array counts as that.
fn content_json(value: &Value, bag: &Bag) -> Json {
    let content = value.content(bag);
    match value {
        Value::Text(_) | Value::Large(_) => {
            json::parse_nested(&content).unwrap_or_else(|| Json::String(content.into_owned()))
        }
        _ => serde_json::from_str(&content).unwrap_or(Json::Null),
    }
}
