//! Vendors' message shapes turned into the OpenTelemetry one.
//!
//! Known: Anthropic messages, OpenAI chat and responses, Gemini contents, Bedrock blocks, the Vercel
//! SDK's messages. Whatever is not known stays as it came, as a part of its own type.

use serde_json::{Map, Value as Json, json};

use super::langchain;
use super::media;

/// The message list inside a request body, response body or bare list; `None` when the shape is
/// not known.
pub(super) fn messages(json: Json) -> Option<Vec<Json>> {
    match json {
        Json::Array(mut items) => {
            let is_wrapped = items.len() == 1
                && items[0]
                    .as_array()
                    .is_some_and(|inner| langchain::pair(inner).is_none());
            if is_wrapped {
                return messages(items.swap_remove(0));
            }
            if items.is_empty() {
                return None;
            }
            items.into_iter().map(message).collect()
        }
        Json::Object(map) => body(map),
        _ => None,
    }
}

fn body(mut map: Map<String, Json>) -> Option<Vec<Json>> {
    if map.contains_key("role") {
        let reason = map.remove("stop_reason");
        let mut one = message(Json::Object(map))?;
        set_reason(&mut one, reason);
        return Some(vec![one]);
    }
    if let Some(list) = map.remove("messages") {
        let list = messages(list)?;
        let system = ["system", "system_prompt"]
            .iter()
            .find_map(|key| map.remove(*key));
        return Some(with_system(system, list));
    }
    if let Some(list) = map.remove("contents") {
        let list = match list {
            Json::String(text) => vec![text_message("user", text)],
            other => messages(other)?,
        };
        let config = map.remove("config").and_then(|mut config| {
            config
                .as_object_mut()
                .and_then(|config| config.remove("system_instruction"))
        });
        let system = ["systemInstruction", "system_instruction"]
            .iter()
            .find_map(|key| map.remove(*key))
            .or(config);
        return Some(with_system(system, list));
    }
    if let Some(Json::Array(choices)) = map.remove("choices") {
        return choices
            .into_iter()
            .map(|mut choice| {
                let choice = choice.as_object_mut()?;
                let mut one = message(choice.remove("message")?)?;
                set_reason(&mut one, choice.remove("finish_reason"));
                Some(one)
            })
            .collect();
    }
    if let Some(Json::Array(candidates)) = map.remove("candidates") {
        return candidates
            .into_iter()
            .map(|mut candidate| {
                let candidate = candidate.as_object_mut()?;
                let mut one = message(candidate.remove("content")?)?;
                let reason = ["finishReason", "finish_reason"]
                    .iter()
                    .find_map(|key| candidate.remove(*key));
                set_reason(&mut one, reason);
                Some(one)
            })
            .collect();
    }
    // One content of Gemini, as its response repeats the chosen candidate's.
    if map
        .get("content")
        .is_some_and(|content| content.get("parts").is_some())
    {
        let mut one = message(map.remove("content")?)?;
        let reason = ["finishReason", "finish_reason"]
            .iter()
            .find_map(|key| map.remove(*key));
        set_reason(&mut one, reason);
        return Some(vec![one]);
    }
    if let Some(Json::Array(output)) = map.remove("output") {
        return messages(Json::Array(output));
    }
    if map.contains_key("model") || map.contains_key("instructions") {
        let system = map.remove("instructions");
        let list = match map.remove("input")? {
            Json::String(text) => vec![text_message("user", text)],
            other => messages(other)?,
        };
        return Some(with_system(system, list));
    }
    if let Some(wrapped) = langchain::wrapped_call(&mut map) {
        return match wrapped {
            Json::String(text) => Some(vec![text_message("user", text)]),
            other => messages(other),
        };
    }
    if let Some(Json::String(prompt)) = map.remove("prompt") {
        return Some(with_system(
            map.remove("system"),
            vec![text_message("user", prompt)],
        ));
    }
    messages(map.remove("message").filter(Json::is_object)?)
}

fn set_reason(message: &mut Json, reason: Option<Json>) {
    if let (Some(message), Some(reason)) = (message.as_object_mut(), reason)
        && reason.is_string()
    {
        message.insert("finish_reason".into(), reason);
    }
}

/// Puts system instructions in front of a list.
pub(super) fn with_system(system: Option<Json>, mut list: Vec<Json>) -> Vec<Json> {
    let parts = system.map(system_parts).unwrap_or_default();
    if !parts.is_empty() {
        list.insert(0, json!({"role": "system", "parts": parts}));
    }
    list
}

/// System instructions, however they came, as parts.
pub(super) fn system_parts(system: Json) -> Vec<Json> {
    match system {
        Json::Null => Vec::new(),
        Json::String(text) if text.is_empty() => Vec::new(),
        Json::String(text) => vec![json!({"type": "text", "content": text})],
        Json::Array(items) => items
            .into_iter()
            .map(|item| match item {
                Json::String(text) => json!({"type": "text", "content": text}),
                other => part(other),
            })
            .collect(),
        Json::Object(mut map) => match map.remove("parts") {
            Some(Json::Array(items)) => items.into_iter().map(part).collect(),
            _ => vec![part(Json::Object(map))],
        },
        other => vec![json!({"type": "text", "content": other.to_string()})],
    }
}

/// A message of one text.
pub(super) fn text_message(role: &str, text: String) -> Json {
    json!({"role": role, "parts": [{"type": "text", "content": text}]})
}

/// One message of any known shape.
pub(super) fn message(item: Json) -> Option<Json> {
    let mut map = match item {
        Json::Object(map) => map,
        Json::Array(pair) => return langchain::pair(&pair),
        _ => return None,
    };
    if let Some(inner) = langchain::inner_message(&mut map) {
        return item_without_role(inner);
    }
    if let Some(name) = map.remove("event.name") {
        return listed_event(name.as_str()?, map);
    }
    let role = match map.remove("role") {
        // Gemini's word.
        Some(Json::String(role)) if role == "model" => "assistant".to_owned(),
        Some(Json::String(role)) => role,
        Some(_) => return None,
        None => return item_without_role(map),
    };
    let mut parts = Vec::new();
    for key in ["reasoning_content", "reasoning"] {
        if let Some(Json::String(text)) = map.remove(key)
            && !text.is_empty()
        {
            parts.push(json!({"type": "reasoning", "content": text}));
        }
    }
    let call_id = ["tool_call_id", "toolCallId"]
        .iter()
        .find_map(|key| map.remove(*key));
    let has_failed = map.get("status").and_then(Json::as_str) == Some("error");
    match map.remove("parts").or_else(|| map.remove("content")) {
        Some(content) if role == "tool" && call_id.is_some() => {
            parts.push(tool_response(call_id, content, has_failed.then_some(true)));
        }
        Some(Json::String(text)) if !text.is_empty() => {
            parts.push(json!({"type": "text", "content": text}));
        }
        Some(Json::Array(blocks)) => parts.extend(blocks.into_iter().map(|block| match block {
            Json::String(text) => json!({"type": "text", "content": text}),
            other => part(other),
        })),
        // A message inside a message.
        Some(Json::Object(mut inner)) if inner.get("parts").is_some_and(Json::is_array) => {
            if let Some(Json::Array(blocks)) = inner.remove("parts") {
                parts.extend(blocks.into_iter().map(part));
            }
        }
        Some(block @ Json::Object(_)) => parts.push(part(block)),
        _ => {}
    }
    for key in ["tool_calls", "toolCalls"] {
        if let Some(Json::Array(calls)) = map.remove(key) {
            parts.extend(calls.into_iter().map(tool_call));
        }
    }
    let mut message = Map::new();
    message.insert("role".into(), role.into());
    message.insert("parts".into(), Json::Array(parts));
    for key in ["name", "finish_reason"] {
        if let Some(text @ Json::String(_)) = map.remove(key) {
            message.insert(key.into(), text);
        }
    }
    Some(Json::Object(message))
}

/// A message in a list of the deprecated events, which names its event beside its fields.
fn listed_event(name: &str, mut map: Map<String, Json>) -> Option<Json> {
    let role = match name {
        "gen_ai.system.message" => "system",
        "gen_ai.user.message" => "user",
        "gen_ai.tool.message" => "tool",
        "gen_ai.assistant.message" | "gen_ai.choice" => "assistant",
        _ => return None,
    };
    if let Some(Json::Object(inner)) = map.remove("message") {
        map = inner;
    }
    if role == "tool"
        && let Some(id) = map.remove("id")
    {
        map.insert("tool_call_id".into(), id);
    }
    map.entry("role").or_insert_with(|| role.into());
    message(Json::Object(map))
}

/// Items of OpenAI's responses API, and messages that name their author in `type`.
fn item_without_role(mut map: Map<String, Json>) -> Option<Json> {
    let kind = map.get("type")?.as_str()?;
    if let Some(author) = langchain::role(kind) {
        map.insert("role".into(), author.into());
        return message(Json::Object(map));
    }
    let role = if kind.ends_with("_output") {
        "tool"
    } else {
        "assistant"
    };
    Some(json!({"role": role, "parts": [part(Json::Object(map))]}))
}

/// A tool call of OpenAI's chat API.
fn tool_call(call: Json) -> Json {
    let Json::Object(mut map) = call else {
        return part(call);
    };
    match map.remove("function") {
        Some(Json::Object(mut function)) => json!({
            "type": "tool_call",
            "id": map.remove("id"),
            "name": function.remove("name"),
            "arguments": function.remove("arguments").map(loosened),
        }),
        Some(other) => {
            map.insert("function".into(), other);
            part(Json::Object(map))
        }
        // LangChain's form: `{name, args, id}`.
        None if map.contains_key("name") && !map.contains_key("type") => {
            map.insert("type".into(), "tool_call".into());
            part(Json::Object(map))
        }
        None => part(Json::Object(map)),
    }
}

/// Arguments that may be JSON in a string.
pub(super) fn arguments(text: &str) -> Json {
    super::json::parse_nested(text).unwrap_or_else(|| text.into())
}

fn loosened(value: Json) -> Json {
    match value {
        Json::String(text) => arguments(&text),
        other => other,
    }
}

/// One content block of any known shape; an unknown one stays as it is.
pub(super) fn part(block: Json) -> Json {
    let Json::Object(mut map) = block else {
        return json!({"type": "text", "content": block});
    };
    let kind = map
        .get("type")
        .and_then(Json::as_str)
        .unwrap_or_default()
        .to_owned();
    let mut take = |keys: &[&str]| keys.iter().find_map(|key| map.remove(*key));
    match kind.as_str() {
        "text" | "input_text" | "output_text" | "summary_text" => {
            json!({"type": "text", "content": take(&["content", "text"])})
        }
        "thinking" | "reasoning" | "redacted_thinking" => {
            let content = take(&["content", "thinking", "text", "summary", "data"]);
            json!({"type": "reasoning", "content": content.map(plain_text)})
        }
        "tool_use" | "tool-call" | "function_call" | "custom_tool_call" | "tool_call" => json!({
            "type": "tool_call",
            "id": take(&["call_id", "toolCallId", "id"]),
            "name": take(&["name", "toolName"]),
            "arguments": take(&["arguments", "input", "args"]).map(loosened),
        }),
        "tool_result"
        | "tool-result"
        | "function_call_output"
        | "custom_tool_call_output"
        | "tool_call_response" => {
            let id = take(&["tool_use_id", "call_id", "toolCallId", "id"]);
            let flag = take(&["is_error", "isError"]).and_then(|flag| flag.as_bool());
            let response = take(&["response", "result", "output", "content"]);
            let (response, is_error) = match response {
                Some(response) => unwrapped(response),
                None => (Json::Null, None),
            };
            tool_response(id, response, flag.or(is_error))
        }
        "" => untyped(map),
        kind => media::part(kind, &map).unwrap_or_else(|| Json::Object(map)),
    }
}

/// Blocks of Gemini and Bedrock name their kind by their key.
fn untyped(mut map: Map<String, Json>) -> Json {
    let mut take = |keys: &[&str]| keys.iter().find_map(|key| map.remove(*key));
    if let Some(text) = take(&["text"]) {
        let kind = if take(&["thought"]) == Some(Json::Bool(true)) {
            "reasoning"
        } else {
            "text"
        };
        return json!({"type": kind, "content": text});
    }
    if let Some(Json::Object(mut call)) = take(&["functionCall", "function_call", "toolUse"]) {
        return json!({
            "type": "tool_call",
            "id": call.remove("id").or_else(|| call.remove("toolUseId")),
            "name": call.remove("name"),
            "arguments": call.remove("args").or_else(|| call.remove("input")),
        });
    }
    if let Some(Json::Object(mut result)) =
        take(&["functionResponse", "function_response", "toolResult"])
    {
        let failed = result.get("status").and_then(Json::as_str) == Some("error");
        let mut part = json!({
            "type": "tool_call_response",
            "id": result.remove("id").or_else(|| result.remove("toolUseId")),
            "response": result.remove("response").or_else(|| result.remove("content")).map(plain_text),
        });
        if let (true, Some(part)) = (failed, part.as_object_mut()) {
            part.insert("is_error".into(), true.into());
        }
        return part;
    }
    // The Vercel SDK's answers list calls without a type.
    if map.contains_key("toolCallId") && map.contains_key("toolName") {
        let is_result = ["result", "output"]
            .iter()
            .any(|key| map.contains_key(*key));
        let kind = if is_result {
            "tool-result"
        } else {
            "tool-call"
        };
        map.insert("type".into(), kind.into());
        return part(Json::Object(map));
    }
    if let Some(part) = media::untyped(&map) {
        return part;
    }
    map.insert("type".into(), "generic".into());
    Json::Object(map)
}

/// The Vercel SDK wraps a result as `{type, value}`, where the type says whether it is an error.
fn unwrapped(response: Json) -> (Json, Option<bool>) {
    match response {
        Json::Object(mut map)
            if map.len() == 2 && map.contains_key("type") && map.contains_key("value") =>
        {
            let kind = map.get("type").and_then(Json::as_str).unwrap_or_default();
            let is_error =
                (kind.starts_with("error-") || kind == "execution-denied").then_some(true);
            (map.remove("value").unwrap_or(Json::Null), is_error)
        }
        other => (other, None),
    }
}

fn tool_response(id: Option<Json>, response: Json, is_error: Option<bool>) -> Json {
    let mut part = json!({"type": "tool_call_response", "id": id, "response": response});
    if let (Some(flag), Some(part)) = (is_error, part.as_object_mut()) {
        part.insert("is_error".into(), flag.into());
    }
    part
}

/// A text that may be a list of text blocks.
pub(super) fn plain_text(value: Json) -> Json {
    let Json::Array(blocks) = &value else {
        return value;
    };
    let texts: Option<Vec<&str>> = blocks
        .iter()
        .map(|block| {
            let text = block.get("text").or_else(|| block.get("content"));
            text.and_then(Json::as_str)
        })
        .collect();
    match texts {
        Some(texts) if !texts.is_empty() => texts.join("\n").into(),
        Some(_) => Json::Null,
        None => value,
    }
}
