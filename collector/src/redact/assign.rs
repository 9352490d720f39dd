//! Values that are assigned to names such as `password` or `api_key`: in source, JSON (also escaped),
//! YAML, environment files, command lines, headers and query strings.

use std::ops::Range;

use super::judge::{is_placeholder, is_word_for_nothing, looks_like_password, looks_random};
use super::place::{run_after, run_before};

/// Ends of names that secrets are assigned to, lower case.
pub(super) static NAMES: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "pass",
    "secret",
    "token",
    "credential",
    "credentials",
    "apikey",
    "api_key",
    "api-key",
    "api key",
    "accesskey",
    "access_key",
    "access-key",
    "secretkey",
    "secret_key",
    "secret-key",
    "secret_key_base",
    "privatekey",
    "private_key",
    "private-key",
    "authkey",
    "auth_key",
    "auth-key",
    "signing_key",
    "signingkey",
    "encryption_key",
    "encryptionkey",
    "master_key",
    "masterkey",
    "account_key",
    "accountkey",
];

/// Parts of names whose values are no secrets although the name ends like one.
const NO_SECRETS: [&str; 14] = [
    "public",
    "page",
    "next",
    "cursor",
    "sync",
    "continuation",
    "max",
    "num",
    "eos",
    "bos",
    "pad_",
    "unk",
    "mask",
    "special",
];

const MOST_NAME_BYTES: usize = 64;
const MOST_VALUE_BYTES: usize = 1024;
const MOST_SPACES: usize = 8;
const MOST_BACKSLASHES: usize = 16;

/// Which values of secret-looking names are secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strictness {
    /// What looks drawn, or chosen as a password.
    LooksSecret,
    /// Whatever is no stand-in.
    EveryValue,
}

/// How a value is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    /// In quotes, or the whole value of an attribute.
    Quoted,
    /// `NAME=value`, `name: value`, `--name value`.
    Bare,
    /// `name = value` without quotes: source code, where a value is an expression.
    Spaced,
}

/// The value that is assigned to the name which a literal of [`NAMES`] at `start..end` ends, if it is
/// a secret.
pub(super) fn assigned(
    bytes: &[u8],
    start: usize,
    end: usize,
    strictness: Strictness,
) -> Option<Range<usize>> {
    if bytes
        .get(end)
        .is_some_and(|byte| is_name_byte(*byte) && *byte != b'-')
    {
        return None;
    }
    let name_start = run_before(bytes, start, MOST_NAME_BYTES, is_name_byte);
    let name = &bytes[name_start.min(start)..end];
    let (value, written) = value_behind(bytes, name_start, end)?;
    let next = bytes.get(value.end);
    if written != Written::Quoted && next.is_some_and(|byte| b"([{<".contains(byte)) {
        return None;
    }
    is_secret(name, &bytes[value.clone()], written, strictness).then_some(value)
}

/// Whether the value of an attribute is a secret, by the attribute's name.
pub(super) fn is_secret_value(name: &str, value: &[u8], strictness: Strictness) -> bool {
    let name = name.as_bytes();
    value.len() <= MOST_VALUE_BYTES
        && NAMES.iter().any(|ending| {
            let at = name.len().checked_sub(ending.len());
            at.is_some_and(|at| name[at..].eq_ignore_ascii_case(ending.as_bytes()))
        })
        && is_secret(name, value, Written::Quoted, strictness)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

fn is_secret(name: &[u8], value: &[u8], written: Written, strictness: Strictness) -> bool {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    // Of a path such as `self.config.token` the last part is the name.
    let name = name.rsplit('.').next().unwrap_or_default();
    if NO_SECRETS.iter().any(|part| name.contains(part))
        || (name.ends_with("pass")
            && !(name == "pass" || name.ends_with("_pass") || name.ends_with("-pass")))
        || is_placeholder(value)
        || is_word_for_nothing(value)
    {
        return false;
    }
    if looks_random(value) {
        return true;
    }
    let is_password = ["password", "passwd", "passphrase", "pwd", "pass", "secret"]
        .iter()
        .any(|word| name.ends_with(word));
    if written == Written::Spaced {
        return false;
    }
    if is_password && looks_like_password(value) {
        return true;
    }
    strictness == Strictness::EveryValue
        && (4..=128).contains(&value.len())
        && !value.contains(&b' ')
        && !value.iter().all(u8::is_ascii_punctuation)
}

/// Where the value begins and ends, and how it is written.
fn value_behind(
    bytes: &[u8],
    name_start: usize,
    name_end: usize,
) -> Option<(Range<usize>, Written)> {
    let is_space = |byte: u8| byte == b' ' || byte == b'\t';
    let mut at = name_end;
    let quote = skip_quote(bytes, at);
    if let Some((_, behind)) = quote {
        at = behind;
    }
    if quote.is_some() && bytes.get(at) == Some(&b']') {
        at += 1;
    }
    let spaces_end = run_after(bytes, at, MOST_SPACES, is_space);
    let is_spaced = spaces_end > at;
    at = spaces_end;
    let separator = match (bytes.get(at)?, bytes.get(at + 1)) {
        (b'=', Some(b'=')) | (b':', Some(b':')) => return None,
        (b'=', Some(b'>')) | (b':', Some(b'=')) => 2,
        (b'=' | b':', _) => 1,
        _ if is_spaced && bytes[..name_start.min(name_end)].ends_with(b"--") => 0,
        // The name itself takes the dashes of a flag.
        _ if is_spaced && bytes[name_start.min(name_end)..].starts_with(b"--") => 0,
        _ => return None,
    };
    let is_equals = bytes[at] == b'=' && separator > 0;
    at += separator;
    let value_start = run_after(bytes, at, MOST_SPACES, is_space);
    let written = if separator > 0 && (is_spaced || (is_equals && value_start > at)) {
        Written::Spaced
    } else {
        Written::Bare
    };
    at = value_start;
    if let Some((quote, behind)) = skip_quote(bytes, at) {
        let backslashes = behind - at - 1;
        let end = quoted_end(bytes, behind, quote, backslashes)?;
        return Some((behind..end, Written::Quoted));
    }
    let is_value = |byte: u8| !byte.is_ascii_whitespace() && !b"\"'`,;&<>(){}[]\\|".contains(&byte);
    let end = run_after(bytes, at, MOST_VALUE_BYTES, is_value);
    (end > at).then_some((at..end, written))
}

/// The quote at `at`, which backslashes may escape, and where what is quoted begins.
fn skip_quote(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    let quote_at = run_after(bytes, at, MOST_BACKSLASHES, |byte| byte == b'\\');
    let quote = *bytes.get(quote_at)?;
    matches!(quote, b'"' | b'\'' | b'`').then_some((quote, quote_at + 1))
}

/// Where the quote that `backslashes` escape comes again; `None` when it does not, on the line.
fn quoted_end(bytes: &[u8], start: usize, quote: u8, backslashes: usize) -> Option<usize> {
    let most = bytes.len().min(start + MOST_VALUE_BYTES);
    let mut escaping = 0;
    for (at, byte) in bytes[..most].iter().enumerate().skip(start) {
        match byte {
            b'\\' => escaping += 1,
            b'\n' | b'\r' => return None,
            _ if *byte == quote && escaping <= backslashes => return Some(at - escaping),
            _ => escaping = 0,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, strictness: Strictness) -> Option<&str> {
        let lower = text.to_ascii_lowercase();
        let found = NAMES.iter().find_map(|name| {
            let at = lower.find(name)?;
            assigned(text.as_bytes(), at, at + name.len(), strictness)
        });
        found.map(|range| &text[range])
    }

    #[test]
    fn values_are_found_however_they_are_written() {
        const DRAWN: &str = "q7Rt2Lk9Zx4Vb8Nm1Pc6";
        for text in [
            "api_key=§",
            "API_KEY=\"§\"",
            "export MY_API_KEY='§'",
            "api-key: §",
            "x-api-key: §",
            r#"{"apiKey": "§"}"#,
            r#"{\"apiKey\":\"§\"}"#,
            r#"\\\"api_key\\\": \\\"§\\\""#,
            "--api-key §",
            "--api-key=§",
            "?api_key=§&x=1",
            "headers['x-api-key'] = '§'",
            "const apiKey = `§`;",
            "token => '§'",
            "self.token = \"§\"",
        ] {
            let text = text.replace('§', DRAWN);
            assert_eq!(value(&text, Strictness::LooksSecret), Some(DRAWN), "{text}");
        }
        let escaped = r#"{\"password\":\"Ab\\\"9x!kq\"}"#;
        assert_eq!(
            value(escaped, Strictness::LooksSecret),
            Some(r#"Ab\\\"9x!kq"#)
        );
    }

    #[test]
    fn code_and_stand_ins_are_no_secrets() {
        for text in [
            "token = get_token(user2)",
            "password: str = None",
            "next_page_token: \"q7Rt2Lk9Zx4Vb8Nm1Pc6\"",
            "token == q7Rt2Lk9Zx4Vb8Nm1Pc6",
            "api_key=${API_KEY}",
            "api_key: your-api-key-1234567",
            "password=[redacted:secret_value]",
            "the token q7Rt2Lk9Zx4Vb8Nm1Pc6",
            "compass=q7Rt2Lk9Zx4Vb8Nm1Pc6",
            "input_tokens: 12345678",
        ] {
            assert_eq!(value(text, Strictness::LooksSecret), None, "{text}");
        }
    }

    #[test]
    fn strict_takes_every_value() {
        assert_eq!(value("password=hunter2", Strictness::LooksSecret), None);
        assert_eq!(
            value("password=hunter2", Strictness::EveryValue),
            Some("hunter2")
        );
        assert_eq!(value("password: null", Strictness::EveryValue), None);
    }
}
