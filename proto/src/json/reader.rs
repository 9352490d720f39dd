//! A pull reader of JSON text that forgives what real senders get wrong inside strings and numbers,
//! and nothing else.
//!
//! `serde_json` refuses a whole body for one lone surrogate escape, one byte that is not UTF-8 or one
//! bare `NaN`; OTLP bodies are long and such values are real. Strings are mended with U+FFFD here.
//! Skipping a value needs no recursion, so hostile nesting costs no stack.

use std::borrow::Cow;

/// Where and why the text stops being JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at byte {offset}")]
pub struct JsonError {
    problem: String,
    offset: usize,
}

type Result<T> = std::result::Result<T, JsonError>;

/// A value without members, or the text of one that has members.
#[derive(Debug, PartialEq)]
pub(super) enum Scalar<'a> {
    Null,
    Bool(bool),
    /// The digits as written; also `NaN`, `Infinity` and `-Infinity`.
    Number(&'a str),
    Text(Cow<'a, str>),
    /// Verbatim text of an object or array.
    Composite(Cow<'a, str>),
}

/// Reads one JSON document from front to back.
pub(super) struct Reader<'a> {
    input: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(input: &'a [u8]) -> Self {
        let bom = b"\xef\xbb\xbf";
        let at = if input.starts_with(bom) { bom.len() } else { 0 };
        Self { input, at }
    }

    /// An error at the present place.
    pub(super) fn error<T>(&self, problem: impl Into<String>) -> Result<T> {
        Err(JsonError {
            problem: problem.into(),
            offset: self.at,
        })
    }

    /// First byte of the next token, which stays unread.
    pub(super) fn peek(&mut self) -> Result<u8> {
        while let Some(byte) = self.input.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Ok(*byte);
            }
            self.at += 1;
        }
        self.error("unexpected end of input")
    }

    /// Checks that nothing but white space is left.
    pub(super) fn finish(&mut self) -> Result<()> {
        if self.peek().is_ok() {
            return self.error("expected the end of the document");
        }
        Ok(())
    }

    /// Reads an object, handing each key with the reader placed at its value, which `field` must
    /// read. Returns false, with the value skipped, when it is not an object.
    pub(super) fn object(
        &mut self,
        mut field: impl FnMut(&mut Self, &str) -> Result<()>,
    ) -> Result<bool> {
        if self.peek()? != b'{' {
            self.skip()?;
            return Ok(false);
        }
        self.at += 1;
        if self.take(b'}')? {
            return Ok(true);
        }
        loop {
            let key = self.key()?;
            field(self, &key)?;
            if !self.comma_or(b'}')? {
                return Ok(true);
            }
        }
    }

    /// Reads an array, with the reader placed at each element in turn, which `item` must read.
    /// Anything else than an array counts as an empty one.
    pub(super) fn array(&mut self, mut item: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        if self.peek()? != b'[' {
            return self.skip();
        }
        self.at += 1;
        if self.take(b']')? {
            return Ok(());
        }
        loop {
            item(self)?;
            if !self.comma_or(b']')? {
                return Ok(());
            }
        }
    }

    /// Reads any value; objects and arrays come as their text.
    pub(super) fn scalar(&mut self) -> Result<Scalar<'a>> {
        Ok(match self.peek()? {
            b'"' => Scalar::Text(self.string()?),
            b'{' | b'[' => {
                let start = self.at;
                self.skip()?;
                Scalar::Composite(String::from_utf8_lossy(&self.input[start..self.at]))
            }
            b'n' => {
                self.word("null")?;
                Scalar::Null
            }
            b't' => {
                self.word("true")?;
                Scalar::Bool(true)
            }
            b'f' => {
                self.word("false")?;
                Scalar::Bool(false)
            }
            _ => Scalar::Number(self.number()?),
        })
    }

    /// Passes over one value of any kind and any depth, checking that it is well formed.
    pub(super) fn skip(&mut self) -> Result<()> {
        let mut open = Vec::new();
        loop {
            match self.peek()? {
                b'{' => {
                    self.at += 1;
                    if !self.take(b'}')? {
                        self.key()?;
                        open.push(b'}');
                        continue;
                    }
                }
                b'[' => {
                    self.at += 1;
                    if !self.take(b']')? {
                        open.push(b']');
                        continue;
                    }
                }
                b'"' => self.skip_string()?,
                _ => {
                    self.scalar()?;
                }
            }
            // A value ended: close what ends with it, then go on to the next element.
            loop {
                let Some(close) = open.last().copied() else {
                    return Ok(());
                };
                if self.comma_or(close)? {
                    if close == b'}' {
                        self.key()?;
                    }
                    break;
                }
                open.pop();
            }
        }
    }

    fn key(&mut self) -> Result<Cow<'a, str>> {
        if self.peek()? != b'"' {
            return self.error("expected a key in double quotes");
        }
        let key = self.string()?;
        if !self.take(b':')? {
            return self.error("expected `:` after a key");
        }
        Ok(key)
    }

    /// After an element: true at a comma, false at the closing byte.
    fn comma_or(&mut self, close: u8) -> Result<bool> {
        if self.take(b',')? {
            Ok(true)
        } else if self.take(close)? {
            Ok(false)
        } else {
            self.error(format!("expected `,` or `{}`", char::from(close)))
        }
    }

    fn take(&mut self, byte: u8) -> Result<bool> {
        let found = self.peek()? == byte;
        if found {
            self.at += 1;
        }
        Ok(found)
    }

    fn word(&mut self, word: &str) -> Result<()> {
        if !self.input[self.at..].starts_with(word.as_bytes()) {
            return self.error("expected a value");
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Result<&'a str> {
        let rest = &self.input[self.at..];
        let length = ["NaN", "Infinity", "-Infinity"]
            .iter()
            .find(|word| rest.starts_with(word.as_bytes()))
            .map_or_else(|| number_length(rest), |word| word.len());
        match std::str::from_utf8(&rest[..length]) {
            Ok(text) if length > 0 => {
                self.at += length;
                Ok(text)
            }
            _ => self.error("expected a value"),
        }
    }

    fn skip_string(&mut self) -> Result<()> {
        self.at += 1;
        loop {
            match self.input.get(self.at) {
                None => return self.error("unexpected end of input in a string"),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
            }
        }
    }

    /// Reads a string; the reader stands at its opening quote.
    fn string(&mut self) -> Result<Cow<'a, str>> {
        let start = self.at + 1;
        self.at = start;
        self.pass_plain();
        if self.input.get(self.at) == Some(&b'"') {
            let text = &self.input[start..self.at];
            self.at += 1;
            return Ok(String::from_utf8_lossy(text));
        }
        let mut text = self.input[start..self.at].to_vec();
        loop {
            match self.input.get(self.at) {
                None => return self.error("unexpected end of input in a string"),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(into_text(text)));
                }
                Some(_) => {
                    self.at += 1;
                    let c = self.escape()?;
                    text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
            let plain = self.at;
            self.pass_plain();
            text.extend_from_slice(&self.input[plain..self.at]);
        }
    }

    /// Moves to the next quote or backslash.
    fn pass_plain(&mut self) {
        let rest = &self.input[self.at..];
        let length = rest
            .iter()
            .position(|byte| matches!(byte, b'"' | b'\\'))
            .unwrap_or(rest.len());
        self.at += length;
    }

    /// The character of an escape; the reader stands behind the backslash.
    fn escape(&mut self) -> Result<char> {
        let Some(byte) = self.input.get(self.at) else {
            return self.error("unexpected end of input in a string");
        };
        let c = match byte {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return self.error("unknown escape in a string"),
        };
        self.at += 1;
        Ok(c)
    }

    /// `\uXXXX`, with its low half where it is a high surrogate; a surrogate alone is U+FFFD.
    fn unicode_escape(&mut self) -> Result<char> {
        let first = self.four_digits()?;
        if (0xd800..0xdc00).contains(&first) && self.input[self.at..].starts_with(b"\\u") {
            let before = self.at;
            self.at += 1;
            let second = self.four_digits()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    /// The number after `u`, where the reader stands.
    fn four_digits(&mut self) -> Result<u32> {
        let digits = self.input.get(self.at + 1..self.at + 5);
        let value = digits.and_then(|digits| {
            digits.iter().try_fold(0, |value, digit| {
                Some(value * 16 + char::from(*digit).to_digit(16)?)
            })
        });
        let Some(value) = value else {
            return self.error("expected four hex digits after `\\u`");
        };
        self.at += 5;
        Ok(value)
    }
}

/// Length of the JSON number at the front; 0 when there is none.
fn number_length(text: &[u8]) -> usize {
    let digits = |from: usize| {
        text.get(from..).map_or(0, |rest| {
            rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
        })
    };
    let mut at = usize::from(text.first() == Some(&b'-'));
    let whole = digits(at);
    if whole == 0 {
        return 0;
    }
    at += whole;
    if text.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if fraction == 0 {
            return 0;
        }
        at += 1 + fraction;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at + 1 + sign);
        if exponent == 0 {
            return 0;
        }
        at += 1 + sign + exponent;
    }
    at
}

fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &[u8]) -> Result<String> {
        match Reader::new(json).scalar()? {
            Scalar::Text(text) => Ok(text.into_owned()),
            other => panic!("not a string: {other:?}"),
        }
    }

    #[test]
    fn lone_surrogates_and_bad_utf8_become_replacement_characters() {
        assert_eq!(text(br#""a\ud800b""#).unwrap(), "a\u{fffd}b");
        assert_eq!(text(br#""\udc00\ud83e\udd80""#).unwrap(), "\u{fffd}🦀");
        assert_eq!(text(br#""\ud800\ud83e\udd80""#).unwrap(), "\u{fffd}🦀");
        assert_eq!(text(br#""\ud800\n""#).unwrap(), "\u{fffd}\n");
        assert_eq!(text(b"\"a\xffb\"").unwrap(), "a\u{fffd}b");
        assert_eq!(text(b"\"a\xff\\nb\"").unwrap(), "a\u{fffd}\nb");
    }

    #[test]
    fn nesting_of_any_depth_is_skipped_without_recursion() {
        let mut deep = "[{\"a\":".repeat(500_000);
        deep.push('1');
        deep.push_str(&"}]".repeat(500_000));
        let mut reader = Reader::new(deep.as_bytes());
        reader.skip().unwrap();
        reader.finish().unwrap();
    }

    #[test]
    fn errors_say_what_was_expected_and_where() {
        let broken = |json: &str| {
            let mut reader = Reader::new(json.as_bytes());
            let error = reader.skip().and_then(|()| reader.finish()).unwrap_err();
            error.to_string()
        };
        assert_eq!(broken(r#"{"a" 1}"#), "expected `:` after a key at byte 5");
        assert_eq!(
            broken(r#"{"a":1,}"#),
            "expected a key in double quotes at byte 7"
        );
        assert_eq!(broken("[1 2]"), "expected `,` or `]` at byte 3");
        assert_eq!(broken("[1,"), "unexpected end of input at byte 3");
        assert_eq!(broken("{} x"), "expected the end of the document at byte 3");
        assert_eq!(broken("nul"), "expected a value at byte 0");
        assert_eq!(
            broken("\"abc\\"),
            "unexpected end of input in a string at byte 6"
        );
    }

    proptest::proptest! {
        /// What serde_json accepts, this reader accepts whole.
        #[test]
        fn accepts_what_serde_json_writes(text in "\\PC*", number: f64, deep in 0usize..20) {
            let mut value = serde_json::json!({"text": text, "number": number, "list": [null, true]});
            for _ in 0..deep {
                value = serde_json::json!([{"a": value}, false]);
            }
            let json = value.to_string();
            let mut reader = Reader::new(json.as_bytes());
            reader.skip().unwrap();
            reader.finish().unwrap();
            let quoted = serde_json::to_string(&text).unwrap();
            assert_eq!(super::tests::text(quoted.as_bytes()).unwrap(), text);
        }

        /// What serde_json refuses as syntax, this reader refuses too.
        #[test]
        fn refuses_what_serde_json_refuses(json in "[\\[\\]{}:,\"a1 -.e]{0,12}") {
            let mut reader = Reader::new(json.as_bytes());
            let ours = reader.skip().and_then(|()| reader.finish());
            let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&json);
            // Leading zeros are the one thing that only serde_json minds.
            assert_eq!(ours.is_ok(), theirs.is_ok(), "{json}");
        }
    }
}
