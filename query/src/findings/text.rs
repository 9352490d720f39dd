//! What detectors keep of a text: its words without what changes from call to call by itself.

use std::borrow::Cow;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};

use serde_json::Value;

/// Words of one text that are compared; what comes after them is left out.
const MAX_WORDS: usize = 512;

/// A digit run of this length is an id or a time, not a count.
const ID_DIGITS: usize = 9;

/// A text as the detectors compare it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Sketch {
    /// Hash of the text with numbers, ids, times and temporary paths masked.
    pub(crate) masked: u64,
    /// Hash of the words in their order, numbers as they are, ids and times masked.
    pub(crate) exact: u64,
    /// Hashes of the distinct masked words, sorted. Short ones: of 20,000 acts each word counts.
    words: Box<[u32]>,
    /// Hashes of the masked words in order.
    order: Box<[u32]>,
    /// Numbers that are neither ids nor times, in order.
    numbers: Box<[i64]>,
}

impl Sketch {
    /// Of any text.
    pub(crate) fn of_text(text: &str) -> Self {
        let mut words = Words::default();
        words.take(text);
        words.finish()
    }

    /// Of a call's arguments: the values of a JSON text, without its keys; else the text.
    pub(crate) fn of_arguments(text: &str) -> Self {
        let trimmed = text.trim_start();
        if trimmed.starts_with(['{', '['])
            && let Ok(json) = serde_json::from_str::<Value>(trimmed)
        {
            let mut words = Words::default();
            words.take_values(&json);
            return words.finish();
        }
        Self::of_text(text)
    }

    /// Distinct masked words.
    pub(crate) fn len(&self) -> usize {
        self.words.len()
    }

    /// Hashes of the distinct masked words.
    pub(crate) fn words(&self) -> impl Iterator<Item = u32> {
        self.words.iter().copied()
    }

    /// Shared part of the distinct words (Jaccard), 0 to 1; two texts without words are alike.
    pub(crate) fn likeness(&self, other: &Self) -> f64 {
        let (mut a, mut b) = (self.words.iter().peekable(), other.words.iter().peekable());
        let mut shared = 0_usize;
        while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
            match x.cmp(y) {
                std::cmp::Ordering::Less => drop(a.next()),
                std::cmp::Ordering::Greater => drop(b.next()),
                std::cmp::Ordering::Equal => {
                    shared += 1;
                    a.next();
                    b.next();
                }
            }
        }
        match self.words.len() + other.words.len() - shared {
            0 => 1.0,
            all => shared as f64 / all as f64,
        }
    }

    /// Whether `later` is this text with a counter moved on: the same but for numbers, of which
    /// at least one differs.
    pub(crate) fn advances_to(&self, later: &Self) -> bool {
        self.masked == later.masked && self.numbers != later.numbers
    }

    /// Whether `later` is this text with another item in one place: the words before and after a
    /// single gap are the same.
    pub(crate) fn swaps_one_item(&self, later: &Self) -> bool {
        if self.order.len() != later.order.len() {
            return false;
        }
        let differing: Vec<usize> = (0..self.order.len())
            .filter(|at| self.order.get(*at) != later.order.get(*at))
            .collect();
        match (differing.first(), differing.last()) {
            (Some(first), Some(last)) => {
                last - first < 3 && last - first + 1 < self.order.len().max(2)
            }
            _ => false,
        }
    }
}

#[derive(Default)]
struct Words<'a> {
    /// The words in order, and whether each is chosen anew each time.
    words: Vec<(Cow<'a, str>, bool)>,
}

impl<'a> Words<'a> {
    fn take_values(&mut self, json: &'a Value) {
        match json {
            Value::String(text) => self.take(text),
            Value::Number(number) => {
                let mut words = Words::default();
                let text = number.to_string();
                words.take(&text);
                let room = MAX_WORDS.saturating_sub(self.words.len());
                let words = words.words.into_iter().take(room);
                self.words
                    .extend(words.map(|(word, is)| (Cow::Owned(word.into_owned()), is)));
            }
            Value::Array(items) => items.iter().for_each(|item| self.take_values(item)),
            Value::Object(map) => map.values().for_each(|value| self.take_values(value)),
            Value::Bool(_) | Value::Null => {}
        }
    }

    fn take(&mut self, text: &'a str) {
        // What follows a temporary folder's name, or an id and a hyphen, is chosen anew each time.
        let (mut after_temporary, mut after_id) = (false, false);
        let mut rest = text;
        while let Some(start) = rest.find(is_word_char) {
            if self.words.len() >= MAX_WORDS {
                return;
            }
            let (gap, from_word) = rest.split_at(start);
            let end = from_word
                .find(|c| !is_word_char(c))
                .unwrap_or(from_word.len());
            let (word, after) = from_word.split_at(end);
            let goes_on = after_id && gap == "-" && word.bytes().all(|b| b.is_ascii_hexdigit());
            let is_volatile = after_temporary || goes_on || is_id(word);
            if is_time_unit(word) {
                self.mask_number_before();
            }
            self.words.push((Cow::Borrowed(word), is_volatile));
            after_temporary = matches!(word, "tmp" | "temp" | "Temp" | "TMP");
            after_id = is_volatile;
            rest = after;
        }
    }

    /// What came before a unit of time is how long something took: both parts of a decimal number.
    fn mask_number_before(&mut self) {
        for (word, is_volatile) in self.words.iter_mut().rev().take(2) {
            if !word.bytes().all(|byte| byte.is_ascii_digit()) {
                return;
            }
            *is_volatile = true;
        }
    }

    fn finish(self) -> Sketch {
        let (mut masked_text, mut exact_text) = (DefaultHasher::new(), DefaultHasher::new());
        let mut order = Vec::with_capacity(self.words.len());
        let mut numbers = Vec::new();
        let mut masked = String::new();
        for (word, is_volatile) in &self.words {
            masked.clear();
            match is_volatile {
                true => masked.push('#'),
                false => mask_numbers(word, &mut masked, &mut numbers),
            }
            let masked_hash = hash_of(&masked);
            masked_text.write_u64(masked_hash);
            exact_text.write_u64(match *is_volatile || masked == *word {
                true => masked_hash,
                false => hash_of(word),
            });
            order.push(masked_hash as u32);
        }
        let mut words = order.clone();
        words.sort_unstable();
        words.dedup();
        Sketch {
            masked: masked_text.finish(),
            exact: exact_text.finish(),
            words: words.into(),
            order: order.into(),
            numbers: numbers.into(),
        }
    }
}

/// Writes the word in lower case with `#` for each run of digits, which are added to `numbers`.
fn mask_numbers(word: &str, masked: &mut String, numbers: &mut Vec<i64>) {
    for c in word.chars() {
        match c {
            '0'..='9' if masked.ends_with('#') => {}
            '0'..='9' => masked.push('#'),
            _ if c.is_ascii() => masked.push(c.to_ascii_lowercase()),
            _ => masked.extend(c.to_lowercase()),
        }
    }
    if masked.contains('#') {
        let runs = word.split(|c: char| !c.is_ascii_digit());
        numbers.extend(runs.filter_map(|digits| digits.parse::<i64>().ok()));
    }
}

fn is_time_unit(word: &str) -> bool {
    matches!(
        word,
        "s" | "sec" | "secs" | "second" | "seconds" | "ms" | "us" | "ns" | "msec" | "milliseconds"
    )
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A word that is chosen anew each time: a long digit run, or hexadecimal digits with letters among
/// them.
fn is_id(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let hex = word.bytes().all(|byte| byte.is_ascii_hexdigit());
    (digits >= ID_DIGITS && digits == word.len())
        || (hex && word.len() >= 6 && digits >= 1 && digits < word.len())
        || (hex && word.len() >= 7 && digits >= 2)
        || (word.len() >= 16 && digits >= 4 && !word.contains('_'))
}

/// The same within a process and across runs of the program.
pub(crate) fn hash_of(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// At most 160 characters, without line breaks.
pub(crate) fn one_line(text: &str) -> String {
    let mut line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(160)
        .collect();
    if text.chars().nth(160).is_some() {
        line.push('…');
    }
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_what_changes_by_itself() {
        let of = Sketch::of_text;
        for (a, b) in [
            ("cat /tmp/ab12x/log", "cat /tmp/zz98q/log"),
            (
                "job 1f3a0c52d9 at 1763724001683",
                "job 9b2d0c52aa at 1763724009999",
            ),
            (
                "id 4bf92f35-77b3-4da6-a3ce-929d0e0e4736",
                "id 00f067aa-0ba9-4aa1-b7ad-b7169203331a",
            ),
        ] {
            assert_eq!(of(a).exact, of(b).exact, "{a} / {b}");
            assert!(!of(a).advances_to(&of(b)), "{a} / {b}");
        }
        assert_ne!(of("page 1").exact, of("page 2").exact);
        assert!(of("page 1").advances_to(&of("page 2")));
        assert!(of("read src/one.rs whole").swaps_one_item(&of("read src/two.rs whole")));
        assert!(!of("a b c d e").swaps_one_item(&of("e d c b a")));
    }

    #[test]
    fn arguments_are_compared_by_their_values() {
        let a = Sketch::of_arguments(r#"{"page_down": ""}"#);
        let b = Sketch::of_arguments(r#"{"": {}}"#);
        assert!((a.likeness(&b) - 1.0).abs() < 1e-9);
        let a = Sketch::of_arguments(r#"{"query":"blue whale weight"}"#);
        let b = Sketch::of_arguments(r#"{"query":"weight of a blue whale"}"#);
        assert!((a.likeness(&b) - 0.6).abs() < 1e-9);
    }
}
