//! Reading the JSON that emitters put into strings, with what they get wrong in it: lone surrogate
//! escapes, the notations of Python and JavaScript, and texts that were cut in the middle.

use std::borrow::Cow;

use serde_json::{Map, Value as Json};

/// Longest text, in bytes, that is always parsed: a parsed text takes several times its size in memory.
const PARSE_MAX: usize = 16 * 1024 * 1024;
/// Most values of a longer text. Few long strings are cheap, many small values are not.
const VALUES_MAX: usize = 4_000_000;
/// Deepest nesting that Python's notation is followed into.
const DEPTH_MAX: usize = 64;

/// A parsed text.
pub(super) struct Parsed {
    pub(super) json: Json,
    /// The text is not JSON as it stands: what was made of it has to be written anew.
    pub(super) is_mended: bool,
    /// The text ends in the middle of a value.
    pub(super) is_cut: bool,
}

/// Parses a text that looks like a JSON object or array, or like one of Python; `None` for anything
/// else. A longer text with very many values is left as it is.
pub(super) fn nested(text: &str) -> Option<Parsed> {
    whole(text).or_else(|| {
        Some(Parsed {
            json: closed(text)?,
            is_mended: true,
            is_cut: true,
        })
    })
}

/// As [`nested`], but refuses a text that was cut.
pub(super) fn whole(text: &str) -> Option<Parsed> {
    let trimmed = candidate(text)?;
    let parsed = |json, is_mended| {
        Some(Parsed {
            json,
            is_mended,
            is_cut: false,
        })
    };
    if let Ok(json) = serde_json::from_str(trimmed) {
        return parsed(json, false);
    }
    if let Cow::Owned(mended) = without_lone_surrogates(trimmed)
        && let Ok(json) = serde_json::from_str(&mended)
    {
        return parsed(json, true);
    }
    parsed(python(trimmed)?, true)
}

fn candidate(text: &str) -> Option<&str> {
    let trimmed = text.trim_start();
    if !trimmed.starts_with(['{', '[']) {
        return None;
    }
    let is_bounded = trimmed.len() <= PARSE_MAX
        || trimmed
            .bytes()
            .filter(|byte| matches!(byte, b',' | b'{' | b'['))
            .nth(VALUES_MAX)
            .is_none();
    is_bounded.then_some(trimmed)
}

/// Replaces surrogate escapes that have no other half by U+FFFD, as a decoder of UTF-16 would.
fn without_lone_surrogates(text: &str) -> Cow<'_, str> {
    let unit = |at: usize| -> Option<u32> {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u32::from_str_radix(digits, 16).ok()
    };
    let mut mended = String::new();
    let mut copied = 0;
    let mut at = 0;
    let bytes = text.as_bytes();
    while let Some(found) = bytes[at..].iter().position(|byte| *byte == b'\\') {
        at += found;
        match unit(at) {
            Some(0xd800..0xdc00)
                if unit(at + 6).is_some_and(|low| (0xdc00..0xe000).contains(&low)) =>
            {
                at += 12;
            }
            Some(0xd800..0xe000) => {
                mended.push_str(&text[copied..at]);
                mended.push('\u{fffd}');
                at += 6;
                copied = at;
            }
            Some(_) => at += 6,
            // Any other escape is two characters, the second of which may be a backslash.
            None => at = (at + 2).min(bytes.len()),
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    mended.push_str(&text[copied..]);
    Cow::Owned(mended)
}

/// Closes what a cut text left open: after its last whole value, or inside a string that is a value.
fn closed(text: &str) -> Option<Json> {
    let trimmed = candidate(text)?;
    let bytes = trimmed.as_bytes();
    let mut open: Vec<u8> = Vec::new();
    // Where the text may end, and how many of the open brackets are open there.
    let mut end = (0, 0);
    let mut in_cut_string = false;
    let mut is_key = false;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => {
                open.push(*byte);
                is_key = *byte == b'{';
                end = (at, open.len());
            }
            b'}' | b']' => {
                open.pop()?;
                end = (at, open.len());
            }
            b',' => {
                end = (at - 1, open.len());
                is_key = open.last() == Some(&b'{');
            }
            b':' => is_key = false,
            b'"' => {
                let (next, is_whole) = string_end(bytes, at);
                if !is_key {
                    end = (next, open.len());
                    in_cut_string = !is_whole;
                }
                if !is_whole {
                    break;
                }
                at = next;
            }
            _ => {}
        }
        if open.is_empty() || open.len() > DEPTH_MAX {
            return None;
        }
    }
    let (length, depth) = end;
    let mut whole = trimmed.get(..length)?.to_owned();
    if in_cut_string {
        whole.push('"');
    }
    for opener in open.get(..depth)?.iter().rev() {
        whole.push(if *opener == b'{' { '}' } else { ']' });
    }
    serde_json::from_str(&without_lone_surrogates(&whole)).ok()
}

/// Index behind the closing quote of the string whose content starts at `at`; in a string that is
/// cut, the index behind its last whole character, and false.
fn string_end(bytes: &[u8], mut at: usize) -> (usize, bool) {
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return (at + 1, true),
            b'\\' => {
                let length = if bytes.get(at + 1) == Some(&b'u') {
                    6
                } else {
                    2
                };
                if at + length > bytes.len() {
                    return (at, false);
                }
                at += length;
            }
            _ => at += 1,
        }
    }
    (at, false)
}

/// A dict, list or tuple as Python's `repr` writes it, or JSON with JavaScript's `undefined` in it.
fn python(text: &str) -> Option<Json> {
    const MARKS: &[&str] = &["'", "None", "True", "False", "undefined"];
    if !MARKS.iter().any(|mark| text.contains(mark)) {
        return None;
    }
    let mut reader = Python { text, at: 0 };
    let json = reader.value(0)?;
    reader.rest().trim().is_empty().then_some(json)
}

struct Python<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Python<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// Steps over `token` when it is next.
    fn take(&mut self, token: &str) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        if depth > DEPTH_MAX {
            return None;
        }
        self.skip_space();
        let rest = self.rest();
        match rest.chars().next()? {
            '{' => self.dict(depth),
            '[' => self.list("[", "]", depth),
            '(' => self.list("(", ")", depth),
            '\'' | '"' => self.string().map(Json::String),
            _ => self.word(),
        }
    }

    fn dict(&mut self, depth: usize) -> Option<Json> {
        let mut map = Map::new();
        self.take("{").then_some(())?;
        while !self.take("}") {
            let key = match self.value(depth + 1)? {
                Json::String(key) => key,
                scalar @ (Json::Number(_) | Json::Bool(_) | Json::Null) => scalar.to_string(),
                _ => return None,
            };
            self.take(":").then_some(())?;
            map.insert(key, self.value(depth + 1)?);
            if !self.take(",") {
                self.take("}").then_some(())?;
                break;
            }
        }
        Some(Json::Object(map))
    }

    fn list(&mut self, opener: &str, closer: &str, depth: usize) -> Option<Json> {
        let mut list = Vec::new();
        self.take(opener).then_some(())?;
        while !self.take(closer) {
            list.push(self.value(depth + 1)?);
            if !self.take(",") {
                self.take(closer).then_some(())?;
                break;
            }
        }
        Some(Json::Array(list))
    }

    fn word(&mut self) -> Option<Json> {
        let rest = self.rest();
        let length = rest
            .find(|ch: char| !(ch.is_ascii_alphanumeric() || matches!(ch, '.' | '-' | '+' | '_')))
            .unwrap_or(rest.len());
        let word = &rest[..length];
        self.at += length;
        match word {
            "None" | "null" | "undefined" => Some(Json::Null),
            "True" | "true" => Some(Json::Bool(true)),
            "False" | "false" => Some(Json::Bool(false)),
            _ => serde_json::from_str(word).ok().filter(Json::is_number),
        }
    }

    fn string(&mut self) -> Option<String> {
        let rest = self.rest();
        let quote = rest.chars().next()?;
        let mut text = String::new();
        let mut chars = rest.char_indices().skip(1);
        while let Some((at, ch)) = chars.next() {
            if ch == quote {
                self.at += at + 1;
                return Some(text);
            }
            if ch != '\\' {
                text.push(ch);
                continue;
            }
            let escaped = chars.next()?.1;
            let digits = match escaped {
                'x' => 2,
                'u' => 4,
                'U' => 8,
                _ => 0,
            };
            if digits > 0 {
                let mut code = 0_u32;
                for _ in 0..digits {
                    code = code * 16 + chars.next()?.1.to_digit(16)?;
                }
                text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                continue;
            }
            match escaped {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'r' => text.push('\r'),
                'b' => text.push('\u{8}'),
                'f' => text.push('\u{c}'),
                '\\' | '\'' | '"' => text.push(escaped),
                other => text.extend(['\\', other]),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn mends_lone_surrogates_and_leaves_pairs() {
        let parsed = nested(r#"["a\ud83e\udd80","\ud800b","\\ud800","\udc00"]"#).unwrap();
        assert!(parsed.is_mended && !parsed.is_cut);
        assert_eq!(
            parsed.json,
            json!(["a🦀", "\u{fffd}b", "\\ud800", "\u{fffd}"])
        );
        assert!(!nested(r#"["\ud83e\udd80"]"#).unwrap().is_mended);
    }

    #[test]
    fn reads_pythons_notation() {
        let read = |text| nested(text).map(|parsed| parsed.json);
        assert_eq!(
            read(r#"{'command': "it's", 'n': -1.5e3, 'ok': True, 'no': None, 't': (1, 2), }"#),
            Some(json!({"command": "it's", "n": -1.5e3, "ok": true, "no": null, "t": [1, 2]}))
        );
        assert_eq!(
            read(r"['a\'b\n', '\xe9\u65e5', '\q']"),
            Some(json!(["a'b\n", "é日", "\\q"]))
        );
        assert_eq!(
            read(r#"{"id":"a","parent":undefined,"on":true}"#),
            Some(json!({"id": "a", "parent": null, "on": true}))
        );
        assert_eq!(read("{'a': <object at 0x7f>}"), None);
        assert_eq!(read("[not, JSON]"), None);
    }

    #[test]
    fn closes_what_was_cut() {
        let cut = |text| {
            let parsed = nested(text)?;
            assert!(parsed.is_cut && parsed.is_mended);
            assert!(whole(text).is_none());
            Some(parsed.json)
        };
        assert_eq!(
            cut(r#"[{"role":"user","parts":[{"type":"text","content":"half a sen"#),
            Some(json!([{"role": "user", "parts": [{"type": "text", "content": "half a sen"}]}]))
        );
        assert_eq!(
            cut(r#"{"a":1,"b":{"c":[1,2"#),
            Some(json!({"a": 1, "b": {"c": [1]}}))
        );
        assert_eq!(cut(r#"{"a":"x","unfinis"#), Some(json!({"a": "x"})));
        assert_eq!(cut(r#"{"a":"x","b":"#), Some(json!({"a": "x"})));
        assert_eq!(cut(r#"["x\u00"#), Some(json!(["x"])));
        assert_eq!(cut("{"), Some(json!({})));
        assert!(nested(r#"{"a":1} and more"#).is_none());
        assert!(nested("[1]]").is_none());
    }

    #[test]
    fn reads_long_texts_of_few_values_only() {
        let long = format!(r#"["{}"]"#, "x".repeat(PARSE_MAX));
        assert!(nested(&long).is_some());
        let many = format!("[{}0]", "0,".repeat(PARSE_MAX / 2));
        assert!(nested(&many).is_none());
    }
}
