//! Cutting text into words, for the index and for questions alike, whatever language or code it is.
//!
//! - A word is a run of letters and digits, in lower case; everything else separates, so that
//!   `src/main.rs`, `snake_case` and `3.14` are words in a row, which a question finds as a phrase.
//! - `camelCase` and `HTTPServer` are cut at their humps, and are a word as a whole, too.
//! - Scripts without blanks (Chinese, Japanese, Korean, Thai …) are cut into pairs of characters.

use std::ops::Range;

/// Longest word in bytes; of a longer one only the beginning counts.
const MAX_WORD: usize = 128;
/// Longer runs (keys, Base64) are not cut at humps.
const MAX_HUMPED: usize = 64;

/// A word and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// In lower case.
    pub(crate) text: String,
    /// Rises by one from word to word; a whole shares that of its first part.
    pub(crate) position: usize,
    /// Bytes of the text.
    pub(crate) place: Range<usize>,
    /// The word repeats the parts that follow it as one.
    pub(crate) is_whole: bool,
}

/// All words of a text, in order.
pub(crate) fn words(text: &str) -> Vec<Word> {
    let mut cutter = Cutter {
        text,
        words: Vec::with_capacity(text.len() / 6),
        position: 0,
    };
    let mut run: Option<(usize, bool)> = None;
    for (at, c) in text.char_indices() {
        // Most text is ASCII.
        let kind = if c.is_ascii() {
            c.is_ascii_alphanumeric().then_some(false)
        } else if is_unspaced(c) {
            Some(true)
        } else {
            c.is_alphanumeric().then_some(false)
        };
        match (run, kind) {
            (Some((_, unspaced)), Some(kind)) if unspaced == kind => {}
            (before, now) => {
                if let Some((start, unspaced)) = before {
                    cutter.run(start..at, unspaced);
                }
                run = now.map(|unspaced| (at, unspaced));
            }
        }
    }
    if let Some((start, unspaced)) = run {
        cutter.run(start..text.len(), unspaced);
    }
    cutter.words
}

/// Whether [`words`] finds any in a text.
pub(crate) fn has_words(text: &str) -> bool {
    text.chars().any(|c| c.is_alphanumeric() || is_unspaced(c))
}

struct Cutter<'a> {
    text: &'a str,
    words: Vec<Word>,
    position: usize,
}

impl Cutter<'_> {
    fn run(&mut self, place: Range<usize>, unspaced: bool) {
        if unspaced {
            self.pairs(place);
        } else if place.len() > MAX_HUMPED {
            self.push(place);
        } else {
            self.humps(place);
        }
    }

    fn humps(&mut self, place: Range<usize>) {
        let run = &self.text[place.clone()];
        let is_number = run.starts_with(|c: char| c.is_ascii_digit());
        if is_number || (run.is_ascii() && !run.bytes().any(|byte| byte.is_ascii_uppercase())) {
            return self.push(place);
        }
        let mut cuts = Vec::new();
        let mut before: Option<char> = None;
        let mut chars = run.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let next = chars.peek().map(|(_, next)| *next);
            if let Some(before) = before
                && c.is_uppercase()
                && (before.is_lowercase()
                    || (before.is_uppercase() && next.is_some_and(char::is_lowercase)))
            {
                cuts.push(place.start + at);
            }
            before = Some(c);
        }
        if cuts.is_empty() {
            return self.push(place);
        }
        self.words.push(Word {
            text: lower(run),
            position: self.position,
            place: place.clone(),
            is_whole: true,
        });
        let mut start = place.start;
        for cut in cuts.into_iter().chain([place.end]) {
            self.push(start..cut);
            start = cut;
        }
    }

    /// Pairs that overlap, and the last character alone, so that each can be found by one.
    fn pairs(&mut self, place: Range<usize>) {
        let run = &self.text[place.clone()];
        let mut starts: Vec<usize> = run.char_indices().map(|(at, _)| at).collect();
        starts.push(run.len());
        for (n, start) in starts.iter().enumerate().take(starts.len() - 1) {
            let end = starts[(n + 2).min(starts.len() - 1)];
            self.push(place.start + start..place.start + end);
        }
    }

    fn push(&mut self, place: Range<usize>) {
        self.words.push(Word {
            text: lower(&self.text[place.clone()]),
            position: self.position,
            place,
            is_whole: false,
        });
        self.position += 1;
    }
}

fn lower(word: &str) -> String {
    let end = (0..=MAX_WORD.min(word.len())).rev();
    let end = end.into_iter().find(|at| word.is_char_boundary(*at));
    let word = &word[..end.unwrap_or(0)];
    if word.is_ascii() {
        word.to_ascii_lowercase()
    } else {
        word.to_lowercase()
    }
}

/// A letter of a script that is written without blanks between words.
pub(crate) fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c),
        0x0e01..=0x0eff | 0x1000..=0x109f | 0x1780..=0x17ff // Thai, Lao, Burmese, Khmer
        | 0x3005..=0x3007 | 0x3040..=0x30ff | 0x31f0..=0x31ff | 0xff66..=0xff9f // Japanese
        | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x3ffff // Chinese
        | 0xac00..=0xd7af) // Korean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> String {
        let word = |word: &Word| format!("{}{}", word.position, word.text);
        words(text).iter().map(word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn cuts_code_and_languages() {
        for (text, expected) in [
            ("", ""),
            ("… — !", ""),
            ("Hello, World", "0hello 1world"),
            ("src/main.rs:42", "0src 1main 2rs 342"),
            ("snake_case_name", "0snake 1case 2name"),
            ("getUserName", "0getusername 0get 1user 2name"),
            ("HTTPServer2 x", "0httpserver2 0http 1server2 2x"),
            ("sha256 3.14 0xFF", "0sha256 13 214 30xff"),
            ("Größe ÄRGER naïve", "0größe 1ärger 2naïve"),
            ("Привет мир", "0привет 1мир"),
            ("日本語", "0日本 1本語 2語"),
            ("a漢b", "0a 1漢 2b"),
        ] {
            assert_eq!(seen(text), expected, "{text}");
        }
    }

    #[test]
    fn words_stand_where_they_say() {
        let text = "α getUserName(日本) \u{0}ÜBER";
        for word in words(text) {
            assert_eq!(text[word.place.clone()].to_lowercase(), word.text);
        }
    }

    #[test]
    fn a_very_long_word_counts_by_its_beginning() {
        let long = format!("{}é{}", "a".repeat(127), "b".repeat(500));
        let found = words(&long);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].text, "a".repeat(127));
        assert_eq!(found[0].place, 0..long.len());
    }
}
