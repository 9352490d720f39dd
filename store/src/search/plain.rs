//! What a stored text says to its reader: of JSON the strings, as they read, without its marks.

use std::borrow::Cow;

/// How the bytes are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// As they stand.
    Text,
    /// JSON, from its beginning or from an element of its outermost list.
    Json,
    /// JSON that was cut somewhere, most likely inside a string.
    JsonInside,
    /// JSON from the closing quote of a string that is a piece of its own.
    JsonBehind,
}

impl Shape {
    /// Of a text that begins so.
    pub(crate) fn of(beginning: &[u8]) -> Self {
        match beginning.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'[' | b'{') => Self::Json,
            _ => Self::Text,
        }
    }
}

/// Keys of messages, which say nothing of what a message says.
const FRAME_KEYS: &[&str] = &[
    "role",
    "parts",
    "type",
    "content",
    "text",
    "name",
    "id",
    "arguments",
    "response",
    "result",
    "finish_reason",
    "tool_call_id",
];
/// Keys of messages whose values are words of the frame, too.
/// Without its id the result of a call in a message is the very text that the call's own act shows.
const FRAME_VALUES: &[&str] = &["role", "type", "finish_reason", "id", "tool_call_id"];
/// Nesting up to which objects are messages and their parts: list, message, parts, part.
const FRAME_DEPTH: usize = 4;

/// The text to be searched and shown. Bytes that are no UTF-8 become U+FFFD.
pub(crate) fn plain(bytes: &[u8], shape: Shape) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(bytes);
    match shape {
        Shape::Text => text,
        Shape::Json | Shape::JsonInside | Shape::JsonBehind => Cow::Owned(json(&text, shape)),
    }
}

fn json(text: &str, shape: Shape) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut depth = 1_usize;
    if shape == Shape::JsonInside {
        depth = FRAME_DEPTH + 1;
        rest = string(rest, &mut out);
        out.push('\n');
    } else if shape == Shape::JsonBehind {
        // What it closes tells how deep it begins, when that reaches the list of messages.
        depth = match nesting(text.as_bytes()).0 {
            0 => FRAME_DEPTH + 1,
            closed => 1 + closed,
        };
        rest = rest.strip_prefix('"').unwrap_or(rest);
    } else if rest.trim_start().starts_with('[') {
        depth = 0;
    }
    let mut skip_value = false;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '"' => {
                let start = out.len();
                rest = string(rest, &mut out);
                let is_key = rest.trim_start().starts_with(':');
                let in_frame = depth <= FRAME_DEPTH;
                if is_key {
                    let key = &out[start..];
                    skip_value = in_frame && FRAME_VALUES.contains(&key);
                    if in_frame && FRAME_KEYS.contains(&key) {
                        out.truncate(start);
                    } else {
                        out.push_str(": ");
                    }
                } else if skip_value {
                    out.truncate(start);
                    skip_value = false;
                } else {
                    out.push('\n');
                }
            }
            '[' | '{' => {
                depth += 1;
                skip_value = false;
            }
            ']' | '}' => depth = depth.saturating_sub(1),
            ',' => {
                if !out.ends_with('\n') && !out.is_empty() {
                    out.push(' ');
                }
            }
            ':' => {}
            c if c.is_whitespace() => {}
            c => out.push(c),
        }
    }
    out
}

/// Of JSON from the closing quote of a string: how many brackets it closes below where it begins, and
/// where the elements end that lie so deep.
pub(crate) fn nesting(bytes: &[u8]) -> (usize, Vec<usize>) {
    let (mut depth, mut closed) = (0_isize, 0_isize);
    let mut ends = Vec::new();
    let mut in_string = true;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match (in_string, byte) {
            (true, b'\\') => at += 1,
            (_, b'"') => in_string = !in_string,
            (true, _) => {}
            (false, b'[' | b'{') => depth += 1,
            (false, b']' | b'}') => {
                depth -= 1;
                if -depth > closed {
                    closed = -depth;
                    ends.clear();
                }
            }
            (false, b',') if -depth == closed => ends.push(at),
            (false, _) => {}
        }
        at += 1;
    }
    (closed.unsigned_abs(), ends)
}

/// Appends a string's text up to its closing quote; what is behind the quote.
fn string<'a>(text: &'a str, out: &mut String) -> &'a str {
    let mut rest = text;
    loop {
        let Some(at) = rest.find(['"', '\\']) else {
            out.push_str(rest);
            return "";
        };
        out.push_str(&rest[..at]);
        let is_end = rest.as_bytes()[at] == b'"';
        rest = &rest[at + 1..];
        if is_end {
            return rest;
        }
        let Some(c) = rest.chars().next() else {
            return "";
        };
        rest = &rest[c.len_utf8()..];
        match c {
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'b' | 'f' => out.push(' '),
            'u' => {
                let (c, behind) = escaped(rest);
                out.push(c);
                rest = behind;
            }
            c => out.push(c),
        }
    }
}

/// The character of four hex digits, or of two such escapes that make one.
fn escaped(text: &str) -> (char, &str) {
    let unit = |text: &str| {
        let digits = text.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let Some(first) = unit(text) else {
        return ('\u{fffd}', text);
    };
    let behind = &text[4..];
    let second = behind.strip_prefix("\\u").and_then(unit);
    let units = [Some(first), second].into_iter().flatten();
    match char::decode_utf16(units).next() {
        Some(Ok(c)) if c.len_utf16() == 2 => (c, &behind[6..]),
        Some(Ok(c)) => (c, behind),
        _ => ('\u{fffd}', behind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_read_as_their_texts() {
        let text = r#"[{"role":"user","parts":[{"type":"text","content":"say \"hi\"\nto C:\\new 🏮"}]},{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"Bash","arguments":{"command":"ls","type":"x","n":17}}]}]"#;
        assert_eq!(Shape::of(text.as_bytes()), Shape::Json);
        assert_eq!(
            plain(text.as_bytes(), Shape::Json),
            "say \"hi\"\nto C:\\new 🏮\nBash\ncommand: ls\ntype: x\nn: 17"
        );
    }

    #[test]
    fn a_later_element_reads_alone() {
        let text = r#"{"role":"user","parts":[{"type":"text","content":"more"}]},"#;
        assert_eq!(plain(text.as_bytes(), Shape::Json).trim(), "more");
        let inside = r#"st of it\nand\u00e9 \ud83c\udfee"},{"role":"user""#;
        let read = plain(inside.as_bytes(), Shape::JsonInside);
        assert!(read.starts_with("st of it\nandé 🏮\n"), "{read}");
    }

    #[test]
    fn what_stands_between_two_long_strings_reads_without_its_frame() {
        let behind = r#""}]},{"role":"tool","parts":[{"type":"tool_call_response","id":"c1","response":"short"}]},{"role":"user","parts":[{"type":"text","content":""#;
        assert_eq!(plain(behind.as_bytes(), Shape::JsonBehind).trim(), "short");
        let (closed, ends) = nesting(behind.as_bytes());
        assert_eq!((closed, ends.len()), (3, 2));
        // It closes nothing, so it may be of a tool's arguments, which have no frame.
        let inside = r#"","type":"x","new":""#;
        assert_eq!(
            plain(inside.as_bytes(), Shape::JsonBehind).trim(),
            "type: x\nnew:"
        );
    }

    #[test]
    fn anything_can_be_read() {
        assert_eq!(plain(b"printf(\"a\\n\")", Shape::Text), "printf(\"a\\n\")");
        for bytes in [
            &b"[\"\\"[..],
            b"[\"\\u12",
            b"{\"a\":",
            b"]]]]",
            b"\xff\xfe[",
            b"[\"\\ud83c\"]",
            b"",
        ] {
            for shape in [
                Shape::Text,
                Shape::Json,
                Shape::JsonInside,
                Shape::JsonBehind,
            ] {
                plain(bytes, shape);
            }
        }
    }
}
