//! What a page leaves out: contents by kind, and what patterns find in any text.

use regex::Regex;
use serde_json::Value as Json;

use crate::error::ApiError;
use crate::routes::messages;

/// Stands for what a pattern has found.
const REDACTED: &str = "[redacted]";
const MOST_PATTERNS: usize = 100;
/// Bytes that a compiled pattern may take.
const PATTERN_BYTES: usize = 1 << 20;

/// Texts that hold the page together: no pattern changes them.
const STRUCTURE: &[&str] = &[
    "hash",
    "session_id",
    "parent_session_id",
    "trace_id",
    "span_id",
    "parent_span_id",
    "duplicate_of",
    "first_span_id",
    "last_span_id",
    "finding_id",
    "annotation_id",
    "traces",
    "started_at",
    "ended_at",
    "created_at",
    "detected_at",
    "updated_at",
    "time",
    "at",
    "operation",
    "kind",
    "status",
    "direction",
    "part_type",
];

/// What to leave out, and how much was.
#[derive(Debug, Clone, Default)]
pub(crate) struct Redaction {
    patterns: Vec<Regex>,
    no_payloads: bool,
    thinking: bool,
    system: bool,
    input: bool,
    output: bool,
    attributes: bool,
    matches: usize,
    parts: usize,
    unread: usize,
}

impl Redaction {
    /// # Errors
    /// When a pattern is no regular expression, or a kind of content is not known.
    pub(crate) fn new(
        patterns: &[String],
        no_payloads: bool,
        without: &[String],
    ) -> Result<Self, ApiError> {
        let mut redaction = Self {
            no_payloads,
            ..Self::default()
        };
        if patterns.len() > MOST_PATTERNS {
            return Err(ApiError::bad_request(
                "`redact` is given more than 100 times",
            ));
        }
        for pattern in patterns {
            let compiled = regex::RegexBuilder::new(pattern)
                .size_limit(PATTERN_BYTES)
                .build()
                .map_err(|_| {
                    ApiError::bad_request(
                        "`redact` is not a regular expression; a literal text may need `\\` before \
                         its marks, as in `a\\.b`",
                    )
                })?;
            if compiled.is_match("") {
                let message = "`redact` matches the empty text, which is everywhere";
                return Err(ApiError::bad_request(message));
            }
            redaction.patterns.push(compiled);
        }
        for word in without.iter().flat_map(|words| words.split(',')) {
            match word.trim() {
                "" => {}
                "thinking" => redaction.thinking = true,
                "system" => redaction.system = true,
                "input" => redaction.input = true,
                "output" => redaction.output = true,
                "attributes" => redaction.attributes = true,
                _ => {
                    return Err(ApiError::bad_request(
                        "`without` is `thinking`, `system`, `input`, `output` or `attributes`",
                    ));
                }
            }
        }
        Ok(redaction)
    }

    pub(crate) fn leaves_out_anything(&self) -> bool {
        !self.patterns.is_empty() || self.hides_attributes()
    }

    fn hides_input(&self) -> bool {
        self.no_payloads || self.input
    }

    fn hides_output(&self) -> bool {
        self.no_payloads || self.output
    }

    /// Attributes hold the same contents as the fields made of them.
    fn hides_attributes(&self) -> bool {
        self.hides_input() || self.hides_output() || self.filters_messages() || self.attributes
    }

    fn filters_messages(&self) -> bool {
        self.thinking || self.system
    }

    /// An answer of the API without what is to be left out.
    pub(crate) fn answer(&mut self, text: String) -> Result<String, ApiError> {
        if !self.leaves_out_anything() {
            return Ok(text);
        }
        let mut json: Json =
            serde_json::from_str(&text).map_err(|error| ApiError::internal(&error))?;
        if self.hides_input() {
            blank_details(&mut json);
        }
        self.walk(&mut json, "");
        Ok(json.to_string())
    }

    /// A payload without what is to be left out; `None` when nothing of it stays.
    pub(crate) fn payload(&mut self, text: &str) -> Option<String> {
        if self.no_payloads {
            return None;
        }
        let text = self.filtered(text);
        Some(self.masked(&text))
    }

    /// What was left out, in words.
    pub(crate) fn told(&self) -> Vec<String> {
        let mut told = Vec::new();
        let mut tell = |is_so: bool, words: &str| {
            if is_so {
                told.push(words.to_owned());
            }
        };
        tell(
            self.no_payloads,
            "all payloads: prompts, arguments, results, messages, titles, error messages",
        );
        tell(
            !self.no_payloads && self.input,
            "inputs: prompts, arguments, messages sent",
        );
        tell(
            !self.no_payloads && self.output,
            "outputs: answers, results, error messages",
        );
        tell(self.thinking, "what models thought");
        tell(self.system, "system messages");
        tell(
            self.hides_attributes(),
            "attributes, events and links of the acts",
        );
        if self.unread > 0 {
            told.push(format!(
                "{} texts of model requests in which the messages cannot be told apart",
                self.unread
            ));
        }
        if !self.patterns.is_empty() {
            told.push(format!(
                "{} passages found by {} patterns, replaced by {REDACTED}",
                self.matches,
                self.patterns.len()
            ));
        }
        told
    }

    fn walk(&mut self, json: &mut Json, key: &str) {
        match json {
            Json::String(text) if !STRUCTURE.contains(&key) => *text = self.masked(text),
            Json::Array(items) => {
                if key == "parts" || key == "input" || key == "output" {
                    let before = items.len();
                    items.retain(|item| !self.hides_part(item));
                    self.parts += before - items.len();
                }
                for item in items {
                    self.walk(item, key);
                }
            }
            Json::Object(fields) => {
                let is_model = fields
                    .get("span")
                    .is_some_and(|span| span["operation"] == "model");
                if is_model && self.filters_messages() {
                    let messages = fields.get("messages").is_some_and(|all| !all.is_null());
                    for side in ["input", "output"] {
                        self.filter_side(fields.get_mut(side), messages);
                    }
                }
                for (name, value) in fields.iter_mut() {
                    match self.replacement(name, value) {
                        Some(replacement) => *value = replacement,
                        None => self.walk(value, name),
                    }
                }
            }
            _ => {}
        }
    }

    /// What a field is replaced by, when it is left out.
    fn replacement(&self, name: &str, value: &Json) -> Option<Json> {
        let is_payload = value.get("hash").is_some();
        match name {
            "input" if is_payload && self.hides_input() => Some(Json::Null),
            "output" if is_payload && self.hides_output() => Some(Json::Null),
            "prompt" | "title" if self.hides_input() => Some(Json::Null),
            "response" | "error_message" | "status_message" if self.hides_output() => {
                Some(Json::Null)
            }
            "explanation" if self.hides_output() => Some(Json::String(String::new())),
            "messages" if self.no_payloads => Some(Json::Null),
            "attributes" | "resource" if self.hides_attributes() => {
                Some(Json::Object(serde_json::Map::new()))
            }
            "events" | "links" if self.hides_attributes() => Some(Json::Array(Vec::new())),
            _ => None,
        }
    }

    /// Whether a message, or a part of one, is left out.
    fn hides_part(&self, part: &Json) -> bool {
        let is = |key: &str, words: &[&str]| {
            part[key].as_str().is_some_and(|word| words.contains(&word))
        };
        (self.thinking && (is("part_type", &THINKING) || is("type", &THINKING)))
            || (self.system && (is("role", &SYSTEM) || is("direction", &["system"])))
            || (self.hides_input() && is("direction", &["input", "system"]))
            || (self.hides_output() && is("direction", &["output"]))
    }

    /// The text of a model request's input or output without what is left out of messages.
    fn filter_side(&mut self, side: Option<&mut Json>, has_messages: bool) {
        let Some(side) = side.filter(|side| side.get("hash").is_some()) else {
            return;
        };
        let text = side["text"].as_str().unwrap_or_default();
        if side["complete"] == true && messages::parse(text).is_some() {
            let text = self.filtered(text);
            side["text"] = Json::String(text);
        } else if side["complete"] != true && has_messages {
            // The page reads the rest, filtered, by its hash.
            side["text"] = Json::String(String::new());
        } else {
            self.unread += 1;
            *side = Json::Null;
        }
    }

    /// A list of messages without those, and without the parts, that are left out; any other text as
    /// it is.
    fn filtered(&mut self, text: &str) -> String {
        if !self.filters_messages() {
            return text.to_owned();
        }
        let Some(mut messages) = messages::parse(text) else {
            return text.to_owned();
        };
        messages.retain(|message| !self.hides_part(message));
        for message in &mut messages {
            if let Some(parts) = message.get_mut("parts").and_then(Json::as_array_mut) {
                parts.retain(|part| !self.hides_part(part));
            }
        }
        Json::Array(messages).to_string()
    }

    fn masked(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for pattern in &self.patterns {
            let mut matches = 0;
            let masked = pattern.replace_all(&text, |_: &regex::Captures<'_>| {
                matches += 1;
                REDACTED
            });
            if matches > 0 {
                text = masked.into_owned();
            }
            self.matches += matches;
        }
        text
    }
}

const THINKING: [&str; 3] = ["reasoning", "thinking", "redacted_thinking"];
const SYSTEM: [&str; 2] = ["system", "developer"];

/// Takes the lines that show what acts were given out of a tree.
fn blank_details(json: &mut Json) {
    let Some(details) = json["columns"]["detail_s"].as_array_mut() else {
        return;
    };
    let numbers: Vec<usize> = details
        .iter()
        .filter_map(|number| usize::try_from(number.as_u64()?).ok())
        .collect();
    details
        .iter_mut()
        .for_each(|number| *number = Json::from(-1));
    let used: std::collections::HashSet<usize> = json["columns"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| name.ends_with("_s"))
        .flat_map(|(_, column)| column.as_array().into_iter().flatten())
        .filter_map(|number| usize::try_from(number.as_u64()?).ok())
        .collect();
    if let Some(strings) = json["strings"].as_array_mut() {
        for number in numbers.into_iter().filter(|number| !used.contains(number)) {
            if let Some(text) = strings.get_mut(number) {
                *text = Json::String(String::new());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redaction(patterns: &[&str], no_payloads: bool, without: &[&str]) -> Redaction {
        let owned = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| (*text).to_owned())
                .collect::<Vec<_>>()
        };
        Redaction::new(&owned(patterns), no_payloads, &owned(without)).unwrap()
    }

    const SPAN: &str = r#"{"span":{"operation":"model","span_id":"secret"},
        "input":{"hash":"secret","complete":true,"text":"[{\"role\":\"system\",\"parts\":[{\"type\":\"text\",\"content\":\"be secret\"}]},{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"hi\"}]}]"},
        "output":{"hash":"h","complete":true,"text":"[{\"role\":\"assistant\",\"parts\":[{\"type\":\"reasoning\",\"content\":\"hm\"},{\"type\":\"text\",\"content\":\"yo\"}]}]"},
        "messages":{"input":[{"role":"system","direction":"system","parts":[]},{"role":"user","direction":"input","parts":[]}],"output":[]},
        "attributes":{"a":"be secret"},"events":[1]}"#;

    #[test]
    fn patterns_reach_every_text_but_no_address() {
        let mut redaction = redaction(&["s[e]cret"], false, &[]);
        let json: Json = serde_json::from_str(&redaction.answer(SPAN.to_owned()).unwrap()).unwrap();
        assert_eq!(json["span"]["span_id"], "secret");
        assert_eq!(json["input"]["hash"], "secret");
        assert_eq!(json["attributes"]["a"], "be [redacted]");
        assert!(
            json["input"]["text"]
                .as_str()
                .unwrap()
                .contains("be [redacted]")
        );
        assert_eq!(
            redaction.payload("secret, secret").unwrap(),
            "[redacted], [redacted]"
        );
        assert!(redaction.told()[0].starts_with("4 passages found by 1 patterns"));
    }

    #[test]
    fn kinds_of_content_go_wherever_they_stand() {
        let mut redaction = redaction(&[], false, &["thinking,system"]);
        let text = redaction.answer(SPAN.to_owned()).unwrap();
        for gone in ["be secret", "hm", "\"a\""] {
            assert!(!text.contains(gone), "{gone} in {text}");
        }
        for kept in ["hi", "yo"] {
            assert!(text.contains(kept), "{kept} not in {text}");
        }
    }

    #[test]
    fn without_payloads_no_text_stays() {
        let mut redaction = redaction(&[], true, &[]);
        let tree = r#"{"strings":["Bash","rm -rf x"],"columns":{"name_s":[0],"detail_s":[1]},"title":"words"}"#;
        let text = redaction.answer(tree.to_owned()).unwrap()
            + &redaction.answer(SPAN.to_owned()).unwrap();
        for gone in ["rm -rf", "words", "secret\"}]", "hi", "yo"] {
            assert!(!text.contains(gone), "{gone} in {text}");
        }
        assert!(text.contains("Bash"));
        assert_eq!(redaction.payload("x"), None);
    }

    #[test]
    fn what_is_no_choice_is_refused() {
        let new = |pattern: &str, without: &str| {
            Redaction::new(&[pattern.to_owned()], false, &[without.to_owned()])
        };
        assert!(new("(", "").is_err());
        assert!(new("x*", "").is_err());
        assert!(new("x", "everything").is_err());
    }
}
