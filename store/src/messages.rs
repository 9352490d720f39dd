//! The messages inside the input or output of a model request.
//!
//! Pure. The shape is OpenTelemetry's for GenAI: `[{"role", "parts": [{"type", …}]}]`; others are
//! read as far as they resemble it, and text of no shape is one message.

use proto::Hashing;
use serde_json::Value;

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Input,
    Output,
    System,
}

impl Direction {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
            Self::System => "system",
        }
    }

    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "output" => Self::Output,
            _ => Self::Input,
        }
    }
}

/// One part of one message, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Index of the part among all parts of the text, for [`contents`].
    pub(crate) ordinal: i64,
    pub(crate) direction: Direction,
    /// Of the message in the text, from 1.
    pub(crate) position: i32,
    /// Of the part in the message, from 1.
    pub(crate) part: i32,
    pub(crate) role: String,
    pub(crate) part_type: String,
    pub(crate) tool_call_id: Option<String>,
    /// Of the tool.
    pub(crate) name: Option<String>,
    /// Hash of the content, hex.
    pub(crate) content_hash: String,
}

/// Lists the parts of all messages in `text`.
pub(crate) fn index(text: &[u8], direction: Direction, hashing: Hashing) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    each_part(text, |part| {
        let role = part.role.unwrap_or(match direction {
            Direction::Output => "assistant",
            _ => "user",
        });
        entries.push(Entry {
            ordinal: entries.len() as i64,
            direction: match (direction, role) {
                (Direction::Output, _) => Direction::Output,
                (_, "system" | "developer") => Direction::System,
                _ => Direction::Input,
            },
            position: part.position,
            part: part.part,
            role: role.to_owned(),
            part_type: part.part_type.to_owned(),
            tool_call_id: part.tool_call_id.map(str::to_owned),
            name: part.name.map(str::to_owned),
            content_hash: hex::encode(hashing.hash(part.content.as_bytes())),
        });
    });
    entries
}

/// The content of every part, in the order of [`index`].
pub(crate) fn contents(text: &[u8]) -> Vec<String> {
    let mut contents = Vec::new();
    each_part(text, |part| contents.push(part.content));
    contents
}

struct Part<'a> {
    position: i32,
    part: i32,
    role: Option<&'a str>,
    part_type: &'a str,
    tool_call_id: Option<&'a str>,
    name: Option<&'a str>,
    content: String,
}

fn each_part(text: &[u8], mut each: impl FnMut(Part<'_>)) {
    let parsed = match serde_json::from_slice::<Value>(text) {
        Ok(Value::Array(messages)) => Some(messages),
        Ok(message @ Value::Object(_)) => Some(vec![message]),
        _ => None,
    };
    let Some(messages) = parsed else {
        each(Part {
            position: 1,
            part: 1,
            role: None,
            part_type: "text",
            tool_call_id: None,
            name: None,
            content: String::from_utf8_lossy(text).into_owned(),
        });
        return;
    };
    for (position, message) in messages.iter().enumerate() {
        let role = text_at(message, &["role"]);
        let parts = message.get("parts").or_else(|| message.get("content"));
        // A message that is neither an object with parts nor one with content is its own part.
        let alone = [parts.unwrap_or(message).clone()];
        let parts: &[Value] = match parts {
            Some(Value::Array(parts)) => parts,
            _ => &alone,
        };
        for (part, value) in parts.iter().enumerate() {
            each(Part {
                position: position as i32 + 1,
                part: part as i32 + 1,
                role,
                part_type: text_at(value, &["type"]).unwrap_or("text"),
                tool_call_id: match text_at(value, &["type"]) {
                    Some(kind) if kind.starts_with("tool") => {
                        text_at(value, &["id", "tool_call_id", "tool_use_id"])
                    }
                    _ => text_at(message, &["tool_call_id"]),
                },
                name: text_at(value, &["name"]),
                content: content_of(value),
            });
        }
    }
}

fn text_at<'a>(value: &'a Value, keys: &[&str]) -> Option<&'a str> {
    keys.iter().find_map(|key| value.get(key)?.as_str())
}

/// What a part says: its text, the arguments of a tool call, the result of one, else all of it.
fn content_of(part: &Value) -> String {
    const KEYS: [&str; 8] = [
        "content",
        "text",
        "thinking",
        "arguments",
        "input",
        "response",
        "result",
        "output",
    ];
    match part {
        Value::String(text) => text.clone(),
        Value::Object(_) => match KEYS.iter().find_map(|key| part.get(key)) {
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => part.to_string(),
        },
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str, direction: Direction) -> Vec<(String, String, String)> {
        let contents = contents(text.as_bytes());
        let entries = index(text.as_bytes(), direction, Hashing::default());
        assert_eq!(contents.len(), entries.len());
        let row = |(entry, content): (Entry, String)| {
            let place = format!("{}.{}", entry.position, entry.part);
            let kind = format!("{} {}", entry.direction.as_str(), entry.part_type);
            (place, format!("{kind} {}", entry.role), content)
        };
        entries.into_iter().zip(contents).map(row).collect()
    }

    fn row(place: &str, kind: &str, content: &str) -> (String, String, String) {
        (place.to_owned(), kind.to_owned(), content.to_owned())
    }

    #[test]
    fn reads_canonical_messages() {
        let text = r#"[
            {"role":"system","parts":[{"type":"text","content":"be brief"}]},
            {"role":"user","parts":[{"type":"text","content":"hi"},{"type":"text","content":"you"}]},
            {"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"ls","arguments":{"path":"/"}}]},
            {"role":"tool","parts":[{"type":"tool_call_response","id":"c1","response":"a b"}]}
        ]"#;
        assert_eq!(
            seen(text, Direction::Input),
            [
                row("1.1", "system text system", "be brief"),
                row("2.1", "input text user", "hi"),
                row("2.2", "input text user", "you"),
                row("3.1", "input tool_call assistant", r#"{"path":"/"}"#),
                row("4.1", "input tool_call_response tool", "a b"),
            ]
        );
        let calls = index(text.as_bytes(), Direction::Input, Hashing::default());
        assert_eq!(calls[3].tool_call_id.as_deref(), Some("c1"));
        assert_eq!(calls[3].name.as_deref(), Some("ls"));
        assert_eq!(calls[4].tool_call_id.as_deref(), Some("c1"));
        let hash = blake3::hash(b"hi").to_hex().to_string();
        assert_eq!(calls[1].content_hash, hash);
    }

    #[test]
    fn text_of_no_shape_is_one_message() {
        let whole = |text: &str| vec![row("1.1", "output text assistant", text)];
        assert_eq!(seen("[not json", Direction::Output), whole("[not json"));
        assert_eq!(seen("plain", Direction::Output), whole("plain"));
        assert_eq!(seen("", Direction::Output), whole(""));
        assert_eq!(seen("17", Direction::Output), whole("17"));
        assert!(seen("[]", Direction::Output).is_empty());
    }

    #[test]
    fn reads_what_resembles_messages() {
        let text = r#"[{"role":"user","content":"hi"},
            {"role":"assistant","content":[{"type":"text","text":"hm"},{"type":"tool_use","id":"t1","name":"ls","input":{}}]},
            "odd", null, {"parts":[]}, {"role":7,"parts":{"x":1}}]"#;
        assert_eq!(
            seen(text, Direction::Input),
            [
                row("1.1", "input text user", "hi"),
                row("2.1", "input text assistant", "hm"),
                row("2.2", "input tool_use assistant", "{}"),
                row("3.1", "input text user", "odd"),
                row("4.1", "input text user", "null"),
                row("6.1", "input text user", r#"{"x":1}"#),
            ]
        );
    }
}
