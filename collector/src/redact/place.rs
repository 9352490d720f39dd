//! Where in a text a token may begin, which is not only behind a space: texts stand in JSON inside
//! JSON, in URLs and in the colours of a terminal.

/// Whether nothing before `at` belongs to the same word: a separator, or the end of an escape.
pub(super) fn is_boundary(bytes: &[u8], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).map(|before| bytes[before]) else {
        return true;
    };
    if !(before.is_ascii_alphanumeric() || before == b'_') {
        return true;
    }
    ends_escape(bytes, at)
}

/// Whether an escape ends right before `at`: `\n`, `\u001b`, `%3D`, or a colour such as `ESC[31m`.
fn ends_escape(bytes: &[u8], at: usize) -> bool {
    let back = |by: usize| at.checked_sub(by).map(|at| bytes[at]);
    let is_hex = |by: usize| back(by).is_some_and(|byte| byte.is_ascii_hexdigit());
    // JSON inside JSON doubles the backslash, so how many there are tells nothing.
    if back(2) == Some(b'\\') {
        return back(1).is_some_and(|byte| b"nrtbf0".contains(&byte));
    }
    if is_hex(1) && is_hex(2) && back(3) == Some(b'%') {
        return true;
    }
    if (1..=4).all(is_hex) && back(5) == Some(b'u') && back(6) == Some(b'\\') {
        return true;
    }
    if back(1) == Some(b'm') {
        let mut by = 2;
        while by < 12 && back(by).is_some_and(|byte| byte.is_ascii_digit() || byte == b';') {
            by += 1;
        }
        return back(by) == Some(b'[');
    }
    false
}

/// The beginning of a run that goes back from `end` over bytes that `belongs` takes, at most `most`
/// of them, without the letters of an escape that stands before it.
pub(super) fn run_before(
    bytes: &[u8],
    end: usize,
    most: usize,
    belongs: impl Fn(u8) -> bool,
) -> usize {
    let run = bytes[..end].iter().rev().take(most);
    let mut start = end - run.take_while(|byte| belongs(**byte)).count();
    if start > 0 && bytes[start - 1] == b'\\' {
        let escape = if bytes.get(start) == Some(&b'u') {
            5
        } else {
            1
        };
        start = (start + escape).min(end);
    }
    start
}

/// The end of a run that goes on from `start` over bytes that `belongs` takes, at most `most`.
pub(super) fn run_after(
    bytes: &[u8],
    start: usize,
    most: usize,
    belongs: impl Fn(u8) -> bool,
) -> usize {
    let run = bytes[start..].iter().take(most);
    start + run.take_while(|byte| belongs(**byte)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_end_words() {
        for (text, is) in [
            ("|k", true),
            (" |k", true),
            ("a|k", false),
            ("_|k", false),
            ("a\\n|k", true),
            ("a\\\\n|k", true),
            ("\\u001b[31m|k", true),
            ("\u{1b}[1;31m|k", true),
            ("\\u000a|k", true),
            ("q%3D|k", true),
            ("item|k", false),
        ] {
            let at = text.find('|').unwrap();
            let text = text.replace('|', "");
            assert_eq!(is_boundary(text.as_bytes(), at), is, "{text}");
        }
        let text = br"a\nme@x";
        assert_eq!(
            run_before(text, 5, 9, |byte| byte.is_ascii_alphanumeric()),
            3
        );
    }
}
