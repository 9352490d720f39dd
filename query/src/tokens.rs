//! How many tokens of a language model a text takes, estimated from above.

/// Tokens that `text` takes at most, give or take what tokenizers differ by.
///
/// Tokenizers cut a text at the borders between letters, digits, white space and other characters and
/// then look for known pieces. So each run counts by its kind: ASCII letters three to a token, digits
/// two, a line break or a run of blanks one (a single blank belongs to the word behind it), other ASCII
/// characters three to two tokens, a letter beyond ASCII one token, any other character two. English and
/// code come out a fifth to a half above the count of today's tokenizers, hashes and base64 near it.
/// The estimate of two texts put together is never above the sum of theirs.
pub fn estimate(text: &str) -> usize {
    let mut halves = 0;
    let mut rest = text.chars().peekable();
    while let Some(first) = rest.next() {
        let kind = Kind::of(first);
        let mut length = 1;
        while rest.next_if(|next| Kind::of(*next) == kind).is_some() {
            length += 1;
        }
        halves += match kind {
            Kind::Letter => 2 * usize::div_ceil(length, 3),
            Kind::Digit => 2 * usize::div_ceil(length, 2),
            Kind::Blank if length == 1 => 0,
            Kind::Blank | Kind::LineBreak => 2 * usize::div_ceil(length, 16),
            Kind::Sign => usize::div_ceil(4 * length, 3),
            Kind::ForeignLetter => 2 * length,
            Kind::Other => 4 * length,
        };
    }
    halves.div_ceil(2)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letter,
    Digit,
    Blank,
    LineBreak,
    Sign,
    ForeignLetter,
    Other,
}

impl Kind {
    fn of(character: char) -> Self {
        match character {
            'a'..='z' | 'A'..='Z' => Self::Letter,
            '0'..='9' => Self::Digit,
            ' ' | '\t' => Self::Blank,
            '\n' | '\r' => Self::LineBreak,
            _ if character.is_ascii() => Self::Sign,
            // Below the scripts of East Asia a letter is two bytes and mostly a piece of a known word.
            '\u{80}'..='\u{7ff}' if character.is_alphabetic() => Self::ForeignLetter,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_runs_by_kind() {
        for (text, tokens) in [
            ("", 0),
            ("a", 1),
            ("abc", 1),
            ("abcd", 2),
            ("one two", 2),
            ("1234", 2),
            ("a\n\n    b", 4),
            ("é", 1),
            ("日", 2),
            ("{\"a\":1}", 7),
        ] {
            assert_eq!(estimate(text), tokens, "{text:?}");
        }
    }

    #[test]
    fn parts_never_take_less_than_the_whole() {
        let text = "fn main() { println!(\"åß 日本 🦀 {}\", 0x1f3a_0c52); }\n\n\tdone: 12,345";
        let whole = estimate(text);
        for (at, _) in text.char_indices() {
            let (before, behind) = text.split_at(at);
            assert!(estimate(before) + estimate(behind) >= whole, "{at}");
        }
    }
}
