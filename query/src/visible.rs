//! Texts of strangers, as terminals and language models may be given them: nothing in them that is
//! obeyed without being seen.

use std::fmt::Write as _;

/// Makes control characters visible, all but the end of a line: they would move the cursor, change
/// colours, reorder text, or say to a model what no person sees.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => out.push('\n'),
            '\t' => out.push_str("    "),
            // Control pictures: ␀ … ␟, ␡.
            '\0'..='\x1f' => {
                out.push(char::from_u32(0x2400 + u32::from(character)).unwrap_or('\u{fffd}'));
            }
            '\x7f' => out.push('\u{2421}'),
            _ if is_unseen(character) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out
}

/// JSON with the same value, in which what a terminal would obey is escaped (below U+0020 JSON itself
/// sees to that).
pub fn escaped_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if character == '\x7f' || is_unseen(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(character);
        }
    }
    out
}

/// C1 controls, marks without width that are no part of a script's spelling, marks that change the
/// direction of text, and tag characters, which repeat ASCII unseen.
fn is_unseen(character: char) -> bool {
    matches!(character,
        '\u{80}'..='\u{9f}'
        | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}'
        | '\u{feff}'
        | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_become_visible() {
        assert_eq!(visible("a\x1b[31mred\0\x7f"), "a␛[31mred␀␡");
        assert_eq!(visible("one\ntwo\tthree"), "one\ntwo    three");
        assert_eq!(visible("\u{202e}abc\u{9b}"), "\\u{202e}abc\\u{9b}");
        assert_eq!(visible("a\u{e0041}\u{200b}b"), "a\\u{e0041}\\u{200b}b");
        assert_eq!(visible("日本語 🏮 क्‍ष"), "日本語 🏮 क्‍ष");
    }

    #[test]
    fn json_keeps_its_value() {
        let text = "esc \x1b csi \u{9b} del \x7f rtl \u{202e} tag \u{e0041} 🏮";
        let json = escaped_json(&serde_json::to_string(text).unwrap());
        assert!(
            !json.contains(['\x1b', '\u{9b}', '\x7f', '\u{202e}', '\u{e0041}']),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
