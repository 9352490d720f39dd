//! The place of a text that answers a question, cut out to be shown.

use std::collections::HashMap;
use std::ops::Range;

use super::ask::Ask;
use super::units::{self, ACT_TEXT};
use super::words::words;
use proto::Hashing;

use crate::columns::each_row;
use crate::payload::{self, Layout, Pieces};
use crate::{Error, Store, messages, pieces};

/// Characters of a passage, about.
const LENGTH: usize = 240;
/// Of these, characters before the first word that was looked for.
const BEFORE: usize = 60;

/// What a passage is cut from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PassageOf {
    /// A piece of a payload, by their numbers.
    Piece { payload_id: i64, piece_id: i64 },
    /// What an act is called and about, by its `act_id`.
    Act(i64),
}

/// A part of a text around what was looked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Passage {
    pub text: String,
    /// Where it holds what was looked for, in characters, in order, none overlapping.
    pub highlights: Vec<Range<usize>>,
    /// The text goes on before it.
    pub cut_before: bool,
    /// The text goes on behind it.
    pub cut_after: bool,
    /// Of a list of messages, `position` and `part` of the one that answers, as in `messages`.
    pub message: Option<(i32, i32)>,
}

impl Store {
    /// The passages of some texts that answer `question`, in the order of `wanted`; `None` for a text
    /// that is no more, or holds none.
    ///
    /// # Errors
    /// [`Error::Query`] when the engine fails.
    pub fn passages(
        &self,
        question: &str,
        wanted: &[PassageOf],
    ) -> Result<Vec<Option<Passage>>, Error> {
        let Ok(ask) = Ask::parse(question) else {
            return Ok(vec![None; wanted.len()]);
        };
        let mut pieces = Vec::new();
        let mut acts = Vec::new();
        for one in wanted {
            match one {
                PassageOf::Piece {
                    payload_id,
                    piece_id,
                } => pieces.push((*payload_id, *piece_id)),
                PassageOf::Act(id) => acts.push(*id),
            }
        }
        let ids: Vec<i64> = pieces.iter().map(|(payload, _)| *payload).collect();
        let (layouts, raw, names) = self.with_reader(|connection| {
            let layouts = payload::layouts(connection, &ids)?;
            let raw = payload::pieces(connection, &units::needed(&layouts, &pieces))?;
            let mut names: HashMap<i64, String> = HashMap::new();
            if !acts.is_empty() {
                let list: Vec<String> = acts.iter().map(i64::to_string).collect();
                let sql = format!(
                    "select act_id, {ACT_TEXT} as text from span where act_id in ({})",
                    list.join(",")
                );
                each_row(connection, &sql, |row| {
                    if let (Some(id), Some(text)) = (row.long("act_id"), row.str("text")) {
                        names.insert(id, text.to_owned());
                    }
                })?;
            }
            Ok((layouts, raw, names))
        })?;
        let passages = wanted.iter().map(|one| {
            let text = match one {
                PassageOf::Piece {
                    payload_id,
                    piece_id,
                } => {
                    let layout = layouts.get(payload_id)?;
                    let text = units::piece_text(&layout.pieces, *piece_id, &raw)?;
                    let mut passage = passage(&text, &ask)?;
                    passage.message = message(layout, *piece_id, &raw, &ask);
                    return Some(passage);
                }
                PassageOf::Act(id) => names.get(id)?,
            };
            passage(text, &ask)
        });
        Ok(passages.collect())
    }
}

/// Which message of a list, and which part of it, answers among those that `piece` holds.
fn message(layout: &Layout, piece: i64, raw: &Pieces, ask: &Ask) -> Option<(i32, i32)> {
    let text = payload::assemble(layout, raw)?;
    let ends = pieces::list_elements(&text)?;
    let sizes = layout.pieces.iter().map_while(|id| {
        let is_before = *id != piece;
        is_before.then(|| raw.get(id).map_or(0, Vec::len))
    });
    let from: usize = sizes.sum();
    let to = from + raw.get(&piece)?.len();
    let first = ends.partition_point(|end| *end <= from);
    for (n, end) in ends.iter().enumerate().skip(first) {
        let start = n.checked_sub(1).map_or(0, |before| ends[before]);
        if start >= to {
            break;
        }
        let element = text[start..*end].trim_ascii();
        // What stands before an element: the list's bracket, or the comma.
        let element = element.get(1..).unwrap_or_default();
        let list = [b"[".as_slice(), element, b"]"].concat();
        let contents = messages::contents(&list);
        let answers = |content: &String| ask.places(&words(content)).is_some();
        if let Some(at) = contents.iter().position(answers) {
            let parts = messages::index(&list, messages::Direction::Input, Hashing::default());
            return Some((n as i32 + 1, parts.get(at)?.part));
        }
    }
    None
}

/// The part of `text` that holds most of what is asked for.
fn passage(text: &str, ask: &Ask) -> Option<Passage> {
    let places = ask.places(&words(text))?;
    // The window that starts at some place and holds the most distinct others.
    let best = (0..places.len().min(500)).max_by_key(|first| {
        let start = places[*first].start;
        let near = places[*first..]
            .iter()
            .take_while(|place| place.end <= start + LENGTH - BEFORE);
        let mut texts: Vec<String> = near
            .map(|place| text[place.clone()].to_lowercase())
            .collect();
        texts.sort_unstable();
        texts.dedup();
        (texts.len(), std::cmp::Reverse(*first))
    })?;
    let from = before(text, places[best].start, BEFORE);
    let to = after(text, from, LENGTH).max(places[best].end);
    let text_of = &text[from..to];
    let mut highlights: Vec<Range<usize>> = Vec::new();
    for place in &places[best..] {
        if place.end > to {
            continue;
        }
        let start = text[from..place.start].chars().count();
        let end = start + text[place.clone()].chars().count();
        match highlights.last_mut() {
            Some(last) if start < last.end => last.end = last.end.max(end),
            _ => highlights.push(start..end),
        }
    }
    Some(Passage {
        cut_before: from > 0,
        cut_after: to < text.len(),
        message: None,
        text: text_of.to_owned(),
        highlights,
    })
}

/// The offset `count` characters before `at`, moved on to where a word begins.
fn before(text: &str, at: usize, count: usize) -> usize {
    let head = &text[..at];
    let Some((from, _)) = head.char_indices().rev().take(count).last() else {
        return at;
    };
    if from == 0 {
        return 0;
    }
    let blank = head[from..].find(char::is_whitespace);
    blank.map_or(from, |blank| {
        let rest = &head[from + blank..];
        at - rest.trim_start().len()
    })
}

/// The offset `count` characters behind `from`.
fn after(text: &str, from: usize, count: usize) -> usize {
    text[from..]
        .char_indices()
        .nth(count)
        .map_or(text.len(), |(at, _)| from + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, question: &str) -> (Passage, Vec<String>) {
        let passage = passage(text, &Ask::parse(question).unwrap()).unwrap();
        let chars: Vec<char> = passage.text.chars().collect();
        let marked = |range: &Range<usize>| chars[range.clone()].iter().collect();
        let marked = passage.highlights.iter().map(marked).collect();
        (passage, marked)
    }

    #[test]
    fn a_short_text_is_shown_whole() {
        let (passage, marked) = cut("日本 says: cannot open file", "open cannot");
        assert_eq!(passage.text, "日本 says: cannot open file");
        assert_eq!(marked, ["cannot", "open"]);
        assert!(!passage.cut_before && !passage.cut_after);
    }

    #[test]
    fn a_long_text_is_shown_where_most_was_found() {
        let filler = "lorem 🏮 ".repeat(200);
        let text = format!("open {filler} then cannot open {filler}");
        let (passage, marked) = cut(&text, "cannot open");
        assert_eq!(marked, ["cannot", "open"]);
        assert!(passage.cut_before && passage.cut_after);
        assert!(passage.text.chars().count() <= LENGTH, "{passage:?}");
        assert!(
            passage.text.starts_with("lorem") || passage.text.starts_with('🏮'),
            "{passage:?}"
        );
    }

    #[test]
    fn highlights_do_not_overlap() {
        let (_, marked) = cut("a b c", "\"a b\" \"b c\"");
        assert_eq!(marked, ["a b c"]);
    }
}
