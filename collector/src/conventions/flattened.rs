//! Message lists that came as one attribute per field, `prefix.N.field`.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::blocks;
use super::payload::Bag;
use super::value::{self, Attributes};

/// Which flattened list, and how its fields are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    OpenInferenceInput,
    OpenInferenceOutput,
    IndexedPrompt,
    IndexedCompletion,
}

impl Dialect {
    fn prefix(self) -> &'static str {
        match self {
            Dialect::OpenInferenceInput => "llm.input_messages.",
            Dialect::OpenInferenceOutput => "llm.output_messages.",
            Dialect::IndexedPrompt => "gen_ai.prompt.",
            Dialect::IndexedCompletion => "gen_ai.completion.",
        }
    }

    /// What OpenInference puts between the index and a field.
    fn infix(self) -> &'static str {
        match self {
            Dialect::OpenInferenceInput | Dialect::OpenInferenceOutput => "message.",
            _ => "",
        }
    }

    fn is_output(self) -> bool {
        matches!(
            self,
            Dialect::OpenInferenceOutput | Dialect::IndexedCompletion
        )
    }
}

/// The fields of one message, by the rest of their keys.
type Fields<'a> = BTreeMap<&'a str, String>;

/// Rebuilds the list; `None` when no attribute belongs to it.
pub(super) fn messages(attributes: &Attributes, dialect: Dialect, bag: &Bag) -> Option<Vec<Json>> {
    let mut list: BTreeMap<u64, Fields<'_>> = BTreeMap::new();
    for (key, value) in attributes {
        let Some(rest) = key.strip_prefix(dialect.prefix()) else {
            continue;
        };
        let Some((index, field)) = rest.split_once('.') else {
            continue;
        };
        let (Ok(index), Some(field)) = (index.parse(), field.strip_prefix(dialect.infix())) else {
            continue;
        };
        let text = value.content(bag).into_owned();
        list.entry(index).or_default().insert(field, text);
    }
    if list.is_empty() {
        return None;
    }
    let default_role = if dialect.is_output() {
        "assistant"
    } else {
        "user"
    };
    Some(
        list.into_values()
            .map(|fields| message(&fields, default_role))
            .collect(),
    )
}

fn message(fields: &Fields<'_>, default_role: &str) -> Json {
    let role = fields
        .get("role")
        .map(String::as_str)
        .filter(|role| !role.is_empty())
        .unwrap_or(default_role);
    let mut parts = Vec::new();
    let contents = numbered(fields, "contents.");
    if role == "tool" {
        let response = fields.get("content").cloned().unwrap_or_else(|| {
            let texts: Vec<&str> = contents
                .values()
                .filter_map(|content| content.get("message_content.text").copied())
                .collect();
            texts.join("\n")
        });
        parts.push(json!({
            "type": "tool_call_response",
            "id": fields.get("tool_call_id"),
            "response": response,
        }));
    } else if contents.is_empty() {
        if let Some(content) = fields.get("content").filter(|content| !content.is_empty()) {
            match super::json::parse_nested(content) {
                // Some writers put a list of blocks, as JSON, where others put the text.
                Some(Json::Array(blocks))
                    if blocks.iter().all(|block| block.get("type").is_some()) =>
                {
                    parts.extend(blocks.into_iter().map(blocks::part));
                }
                _ => parts.push(json!({"type": "text", "content": content})),
            }
        }
    } else {
        parts.extend(contents.values().map(content_part));
    }
    for call in numbered(fields, "tool_calls.").values() {
        let get = |names: &[&str]| names.iter().find_map(|name| call.get(name).copied());
        let arguments = get(&["tool_call.function.arguments", "arguments"]);
        parts.push(json!({
            "type": "tool_call",
            "id": get(&["tool_call.id", "id"]),
            "name": get(&["tool_call.function.name", "name"]),
            "arguments": arguments.map(blocks::arguments),
        }));
    }
    if let Some(name) = fields.get("function_call_name") {
        let arguments = fields.get("function_call_arguments_json");
        parts.push(json!({
            "type": "tool_call",
            "name": name,
            "arguments": arguments.map(|text| blocks::arguments(text)),
        }));
    }
    let mut message = Map::new();
    message.insert("role".into(), role.into());
    message.insert("parts".into(), Json::Array(parts));
    if let Some(reason) = fields.get("finish_reason") {
        message.insert("finish_reason".into(), reason.as_str().into());
    }
    Json::Object(message)
}

fn content_part(content: &BTreeMap<&str, &str>) -> Json {
    let field = |name| content.get(name).copied();
    let text = field("message_content.text");
    match field("message_content.type") {
        Some("image") => {
            let url = field("message_content.image.image.url");
            let block = json!({"type": "image", "url": url});
            blocks::part(block)
        }
        Some("reasoning") => json!({"type": "reasoning", "content": text}),
        Some("text") | None => json!({"type": "text", "content": text}),
        Some(other) => {
            let mut part = Map::new();
            part.insert("type".into(), other.into());
            for (name, value) in content {
                let name = name.strip_prefix("message_content.").unwrap_or(name);
                part.entry(name).or_insert_with(|| (*value).into());
            }
            Json::Object(part)
        }
    }
}

/// Fields of a nested list, `contents.M.rest`, by M.
fn numbered<'a>(fields: &'a Fields<'a>, prefix: &str) -> BTreeMap<u64, BTreeMap<&'a str, &'a str>> {
    let mut list: BTreeMap<u64, BTreeMap<&str, &str>> = BTreeMap::new();
    for (key, value) in fields {
        if let Some((index, rest)) = key
            .strip_prefix(prefix)
            .and_then(|rest| rest.split_once('.'))
            && let Ok(index) = index.parse()
        {
            list.entry(index).or_default().insert(rest, value);
        }
    }
    list
}

/// Texts of a completions API list, `llm.prompts.N.prompt.text`.
pub(super) fn texts(attributes: &Attributes, prefix: &str, bag: &Bag) -> Vec<String> {
    let mut list: BTreeMap<u64, String> = BTreeMap::new();
    for (key, value) in attributes {
        if let Some((index, rest)) = key
            .strip_prefix(prefix)
            .and_then(|rest| rest.split_once('.'))
            && rest.ends_with("text")
            && let (Ok(index), Some(text)) = (index.parse(), value.text(bag))
        {
            list.insert(index, text.to_owned());
        }
    }
    list.into_values().collect()
}

/// The Vercel SDK's answer: text, reasoning and tool calls in an attribute each.
pub(super) fn vercel_answer(attributes: &Attributes, bag: &Bag) -> Option<Vec<Json>> {
    let get = |key| value::text(attributes, key, bag);
    let text = get("ai.response.text");
    let calls = get("ai.response.toolCalls").and_then(super::json::parse_nested);
    let reasoning = get("ai.response.reasoning");
    if text.is_none() && calls.is_none() && reasoning.is_none() {
        return None;
    }
    let mut parts = Vec::new();
    if let Some(reasoning) = reasoning {
        parts.push(json!({"type": "reasoning", "content": reasoning}));
    }
    if let Some(text) = text {
        parts.push(json!({"type": "text", "content": text}));
    }
    if let Some(Json::Array(calls)) = calls {
        parts.extend(calls.into_iter().map(blocks::part));
    }
    Some(vec![json!({"role": "assistant", "parts": parts})])
}
