//! How many tokens of a language model a text takes, estimated from above.

/// Tokens that `text` takes at most, give or take what tokenizers differ by.
///
/// Tokenizers cut a text at the borders between small and capital letters, digits, white space and other
/// characters and then look for known pieces. So each run counts by its kind: small ASCII letters three
/// to a token, capitals (but one that begins a word) and digits two, a line break or a run of blanks one
/// (a single blank belongs to the word behind it), three other ASCII characters two tokens, a letter
/// beyond ASCII one token, any other character two. Beside the tokenizers that were looked at (o200k,
/// cl100k, Claude 2) code and English come out one and a half times too high, digests a third, Japanese
/// and Russian two to three times, hashes and base64 about right.
/// The estimate of two texts put together at a line break is never above the sum of theirs.
pub fn estimate(text: &str) -> usize {
    let mut halves = 0;
    let mut before = Kind::Blank;
    let mut rest = text.chars().peekable();
    while let Some(first) = rest.next() {
        let kind = Kind::of(first);
        let mut length = 1;
        while rest.next_if(|next| Kind::of(*next) == kind).is_some() {
            length += 1;
        }
        let begins_word = kind == Kind::Capital
            && length == 1
            && !matches!(before, Kind::Small | Kind::Digit)
            && rest
                .peek()
                .is_some_and(|next| Kind::of(*next) == Kind::Small);
        halves += match kind {
            Kind::Small => 2 * usize::div_ceil(length, 3),
            Kind::Capital if begins_word => 0,
            Kind::Capital | Kind::Digit => 2 * usize::div_ceil(length, 2),
            Kind::Blank if length == 1 => 0,
            Kind::Blank | Kind::LineBreak => 2 * usize::div_ceil(length, 16),
            Kind::Sign => usize::div_ceil(4 * length, 3),
            Kind::ForeignLetter => 2 * length,
            Kind::Other => 4 * length,
        };
        before = kind;
    }
    halves.div_ceil(2)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Small,
    Capital,
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
            'a'..='z' => Self::Small,
            'A'..='Z' => Self::Capital,
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
            ("The End", 2),
            ("camelCase", 4),
            ("aB3cDE", 5),
            ("1234", 2),
            ("a\n\n    b", 4),
            ("é", 1),
            ("日", 2),
            ("{\"a\":1}", 6),
        ] {
            assert_eq!(estimate(text), tokens, "{text:?}");
        }
    }

    #[test]
    fn lines_never_take_less_than_the_whole() {
        let text = "fn main() {\n\n  println!(\"åß 日本 🦀 {}\",\n\t0x1f3A\nBc);\n}\ndone: 12,345";
        let whole = estimate(text);
        for (at, _) in text.match_indices('\n') {
            let (before, behind) = text.split_at(at);
            assert!(estimate(before) + estimate(behind) >= whole, "{at}");
        }
    }
}
