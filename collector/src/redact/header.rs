//! Credentials that a header, an address or a frame of lines gives away.

use std::ops::Range;

use super::judge::{is_example_password, is_placeholder, looks_random};
use super::place::{is_boundary, run_after, run_before};

const MOST_VALUE_BYTES: usize = 16 * 1024;
const MOST_COOKIE_BYTES: usize = 8 * 1024;
const MOST_USER_BYTES: usize = 512;
const MOST_KEY_BYTES: usize = 32 * 1024;
/// Fewer characters of base64 than this are no key but an abridged one.
const SHORTEST_KEY: usize = 40;
const SCHEMES: [&str; 8] = [
    "bearer",
    "basic",
    "token",
    "apikey",
    "api-key",
    "digest",
    "negotiate",
    "bot",
];

/// The PEM block whose first line begins at `start`, when it holds a private key. Without its last
/// line, as in a text that was cut, it ends with the last of its characters.
pub(super) fn private_key(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    const FRAME: &[u8] = b"-----";
    let label_start = start + b"-----BEGIN ".len();
    let is_label = |byte: u8| byte.is_ascii_uppercase() || byte == b' ' || byte.is_ascii_digit();
    let label_end = run_after(bytes, label_start, 60, is_label);
    let label = &bytes[label_start.min(label_end)..label_end];
    let has_key = label.windows(11).any(|word| word == b"PRIVATE KEY");
    if !has_key || !bytes[label_end..].starts_with(FRAME) {
        return None;
    }
    let body = label_end + FRAME.len();
    let window = &bytes[body..bytes.len().min(body + MOST_KEY_BYTES)];
    let is_body = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=\\ \r\n\t:,-.\"".contains(byte);
    let next = window.windows(FRAME.len()).position(|part| part == FRAME);
    let end = match next {
        Some(at) if window[at..].starts_with(b"-----END ") => {
            let last = body + at + b"-----END ".len();
            let last = run_after(bytes, last, 60, is_label);
            run_after(bytes, last, FRAME.len(), |byte| byte == b'-')
        }
        Some(at) => body + at,
        None => body + window.iter().take_while(|byte| is_body(byte)).count(),
    };
    let key = bytes[body..end]
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric());
    (key.count() >= SHORTEST_KEY).then_some(start..end)
}

/// The credentials behind the word `authorization`, which ends at `end`.
pub(super) fn authorization(bytes: &[u8], end: usize) -> Option<Range<usize>> {
    let at = value_start(bytes, end)?;
    credentials(bytes, at)
}

/// The credentials in the value of an attribute that is named after the header.
pub(super) fn value_of(name: &str, bytes: &[u8]) -> Option<Range<usize>> {
    const NAME: &[u8] = b"authorization";
    let name = name.as_bytes();
    let at = name.len().checked_sub(NAME.len())?;
    if !name[at..].eq_ignore_ascii_case(NAME) {
        return None;
    }
    credentials(bytes, 0)
}

/// Where a value begins behind a name: behind `:` or `=`, quotes and brackets.
fn value_start(bytes: &[u8], end: usize) -> Option<usize> {
    let is_around = |byte: u8| b"\\\"'` \t]".contains(&byte);
    let at = run_after(bytes, end, 16, is_around);
    let is_separator = |byte: u8| b":=>".contains(&byte);
    let behind = run_after(bytes, at, 2, is_separator);
    if behind == at {
        return None;
    }
    Some(run_after(bytes, behind, 24, |byte| {
        b"\\\"'` \t[".contains(&byte)
    }))
}

fn is_credential_byte(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && !byte.is_ascii_control() && !b"\"'`\\,;<>(){}[]$".contains(&byte)
}

/// A scheme and what follows it, or what looks drawn without one.
fn credentials(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let word_end = run_after(bytes, at, 12, |byte| {
        byte.is_ascii_alphabetic() || byte == b'-'
    });
    let word = &bytes[at..word_end];
    let is_scheme = SCHEMES
        .iter()
        .any(|scheme| word.eq_ignore_ascii_case(scheme.as_bytes()));
    let start = match bytes.get(word_end) {
        Some(b' ') if is_scheme => run_after(bytes, word_end, 8, |byte| byte == b' '),
        _ => at,
    };
    let end = run_after(bytes, start, MOST_VALUE_BYTES, is_credential_byte);
    let value = &bytes[start..end];
    let is_call = bytes.get(end).is_some_and(|byte| b"({[".contains(byte));
    if is_call || value.len() < 8 || is_placeholder(value) {
        return None;
    }
    let has_digit = value.iter().any(u8::is_ascii_digit);
    ((start > at && (has_digit || value.len() >= 16)) || looks_random(value)).then_some(start..end)
}

/// What looks drawn behind the word `Bearer`, wherever it stands.
pub(super) fn bearer(bytes: &[u8], word: Range<usize>) -> Option<Range<usize>> {
    if !is_boundary(bytes, word.start) {
        return None;
    }
    let end = run_after(bytes, word.end, MOST_VALUE_BYTES, is_credential_byte);
    let value = &bytes[word.end..end];
    (looks_random(value) && !is_placeholder(value)).then_some(word.end..end)
}

/// The value of a Cookie or Set-Cookie header, when one of its parts looks drawn.
pub(super) fn cookie(bytes: &[u8], start: usize, end: usize) -> Option<Range<usize>> {
    if !(is_boundary(bytes, start) || bytes[..start].ends_with(b"_")) {
        return None;
    }
    let at = value_start(bytes, end)?;
    let is_value = |byte: u8| !byte.is_ascii_control() && !b"\"'`\\<>".contains(&byte);
    let end = run_after(bytes, at, MOST_COOKIE_BYTES, is_value);
    let is_drawn = bytes[at..end]
        .split(|byte| b"; ".contains(byte))
        .filter_map(|part| part.splitn(2, |byte| *byte == b'=').nth(1))
        .any(|value| looks_random(value) && !is_placeholder(value));
    is_drawn.then_some(at..end)
}

/// The password, or a token without one, that stands before the host of the address whose `://` ends
/// at `at`; not what examples write there.
pub(super) fn url_password(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let is_user = |byte: u8| {
        !byte.is_ascii_whitespace() && !byte.is_ascii_control() && !b"/?#\"'`\\<>".contains(&byte)
    };
    let end = run_after(bytes, at, MOST_USER_BYTES, is_user);
    let at_sign = at + bytes[at..end].iter().rposition(|byte| *byte == b'@')?;
    let colon = bytes[at..at_sign].iter().position(|byte| *byte == b':');
    let start = colon.map_or(at, |colon| at + colon + 1);
    let value = &bytes[start..at_sign];
    let is_secret = if colon.is_some() {
        !value.is_empty()
            && !is_placeholder(value)
            && !is_example_password(value)
            && at_sign + 1 < end
    } else {
        looks_random(value) && !is_placeholder(value)
    };
    // An address has a scheme; a path of a log may have `://` and an `@` far behind it.
    let scheme = run_before(bytes, at.saturating_sub(3), 20, |byte| {
        byte.is_ascii_alphanumeric() || b"+.-".contains(&byte)
    });
    (is_secret && scheme < at.saturating_sub(3)).then_some(start..at_sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_give_credentials_away() {
        let find = |text: &'static str| {
            let lower = text.to_ascii_lowercase();
            let end = lower.find("authorization").unwrap() + 13;
            authorization(text.as_bytes(), end).map(|range| &text[range])
        };
        assert_eq!(
            find("Authorization: Bearer abc123def456ghi7"),
            Some("abc123def456ghi7")
        );
        assert_eq!(find(r#"{"authorization":"Basic dXNlcjpwYXNz"}"#), None);
        assert_eq!(
            find(r#"{\"Authorization\": \"Basic dXNlcjpwYXNzMTIz\"}"#),
            Some("dXNlcjpwYXNzMTIz")
        );
        assert_eq!(find("Authorization: Bearer $TOKEN_123456"), None);
        assert_eq!(find("authorization: required for everyone"), None);
        assert_eq!(find("authorization = makeHeader1234(x)"), None);
    }

    #[test]
    fn passwords_stand_before_hosts() {
        let find = |text: &'static str| {
            let at = text.find("://").unwrap() + 3;
            url_password(text.as_bytes(), at).map(|range| &text[range])
        };
        assert_eq!(find("postgres://app:s3cr3t@db:5432/x"), Some("s3cr3t"));
        assert_eq!(find("amqp://u:p%40ss@h"), Some("p%40ss"));
        assert_eq!(find("postgres://user:password@localhost/x"), None);
        assert_eq!(find("postgres://app:${PW}@db/x"), None);
        assert_eq!(find("http://localhost:8080/a@b"), None);
        assert_eq!(find("ssh://git@github.com/x"), None);
    }
}
