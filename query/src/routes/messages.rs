//! The messages of a model request, read from its input and output.

use proto::Hashing;
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use crate::model::SpanRef;

/// What a model request was given and answered, message by message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Messages {
    pub(crate) input: Vec<Message>,
    pub(crate) output: Vec<Message>,
    /// The model request of the same agent before this one.
    pub(crate) previous_span: Option<SpanRef>,
    /// Leading input messages that the request before had as well.
    pub(crate) unchanged_count: usize,
}

/// One message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Message {
    pub(crate) role: String,
    /// `input`, `output`, `system`.
    pub(crate) direction: &'static str,
    pub(crate) position: usize,
    pub(crate) parts: Vec<Part>,
}

/// One part of a message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Part {
    /// `text`, `reasoning`, `tool_call`, `tool_call_response`, `blob`, …
    pub(crate) part_type: String,
    pub(crate) content: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) tool_call_id: Option<String>,
    pub(crate) mime_type: Option<String>,
    pub(crate) size_bytes: usize,
    pub(crate) hash: Option<String>,
}

/// Reads the messages of a payload in the OpenTelemetry GenAI shape; `None` for any other text.
pub(crate) fn parse(text: &str) -> Option<Vec<Json>> {
    let items: Vec<Json> = serde_json::from_str(text).ok()?;
    let are_messages = !items.is_empty()
        && items
            .iter()
            .all(|item| item.get("role").is_some_and(Json::is_string));
    are_messages.then_some(items)
}

/// How many messages at the start are the same.
pub(crate) fn unchanged_count(before: &[Json], now: &[Json]) -> usize {
    before.iter().zip(now).take_while(|(a, b)| a == b).count()
}

/// The messages as the API shows them, their texts identified as the store does.
pub(crate) fn shape(items: &[Json], is_output: bool, hashing: Hashing) -> Vec<Message> {
    items
        .iter()
        .enumerate()
        .map(|(position, item)| {
            let role = item["role"].as_str().unwrap_or_default();
            let direction = match (is_output, role) {
                (true, _) => "output",
                (false, "system" | "developer") => "system",
                (false, _) => "input",
            };
            Message {
                role: role.to_owned(),
                direction,
                position,
                parts: parts(item, hashing),
            }
        })
        .collect()
}

fn parts(message: &Json, hashing: Hashing) -> Vec<Part> {
    if let Some(parts) = message["parts"].as_array() {
        return parts.iter().map(|item| part(item, hashing)).collect();
    }
    match &message["content"] {
        Json::Null => Vec::new(),
        Json::Array(items) => items.iter().map(|item| part(item, hashing)).collect(),
        content => vec![text_part("text", as_text(content))],
    }
}

fn text_part(part_type: &str, content: Option<String>) -> Part {
    Part {
        part_type: part_type.to_owned(),
        size_bytes: content.as_ref().map_or(0, String::len),
        content,
        name: None,
        tool_call_id: None,
        mime_type: None,
        hash: None,
    }
}

fn part(part: &Json, hashing: Hashing) -> Part {
    let Some(object) = part.as_object() else {
        return text_part("text", as_text(part));
    };
    let text = |key: &str| object.get(key).and_then(Json::as_str).map(str::to_owned);
    let part_type = text("type").unwrap_or_else(|| "text".to_owned());
    let content = match part_type.as_str() {
        "tool_call" => object.get("arguments"),
        "tool_call_response" => object.get("response").or_else(|| object.get("result")),
        "uri" => object.get("uri"),
        _ => None,
    }
    .or_else(|| object.get("content"))
    .or_else(|| object.get("text"))
    .and_then(as_text);
    // An unknown shape is shown as it is.
    let known = matches!(
        part_type.as_str(),
        "text" | "reasoning" | "tool_call" | "tool_call_response" | "blob" | "uri" | "file"
    );
    let content = match content {
        None if !known => Some(part.to_string()),
        content => content,
    };
    let is_call = part_type.starts_with("tool_call");
    Part {
        name: text("name"),
        tool_call_id: is_call
            .then(|| text("id").or_else(|| text("tool_call_id")))
            .flatten(),
        mime_type: text("mime_type"),
        hash: content
            .as_ref()
            .filter(|content| content.len() > 2048)
            .map(|content| hex::encode(hashing.hash(content.as_bytes()))),
        ..text_part(&part_type, content)
    }
}

/// A text as it is, anything else as JSON.
fn as_text(json: &Json) -> Option<String> {
    match json {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => serde_json::to_string_pretty(other).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_parts_of_all_kinds() {
        let text = json!([
            {"role": "system", "parts": [{"type": "text", "content": "be brief"}]},
            {"role": "user", "content": "hi"},
            {"role": "assistant", "parts": [
                {"type": "reasoning", "content": "hm"},
                {"type": "tool_call", "id": "c1", "name": "sh", "arguments": {"cmd": "ls"}}]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "x"}]},
            {"role": "user", "parts": [{"type": "strange", "a": 1}]},
        ])
        .to_string();
        let messages = shape(&parse(&text).unwrap(), false, Hashing::default());
        let seen: Vec<_> = messages
            .iter()
            .flat_map(|m| {
                m.parts
                    .iter()
                    .map(|p| (m.direction, &*p.part_type, p.content.as_deref()))
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("system", "text", Some("be brief")),
                ("input", "text", Some("hi")),
                ("input", "reasoning", Some("hm")),
                ("input", "tool_call", Some("{\n  \"cmd\": \"ls\"\n}")),
                ("input", "tool_call_response", Some("x")),
                ("input", "strange", Some("{\"type\":\"strange\",\"a\":1}")),
            ]
        );
        assert_eq!(messages[3].parts[0].tool_call_id.as_deref(), Some("c1"));
    }

    #[test]
    fn leaves_other_texts_alone() {
        for text in ["", "plain", "{}", "[]", "[1]", "[{\"type\":\"text\"}]"] {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
