//! What differs between two texts, line by line and within bounds.

use std::time::Duration;

use serde::Serialize;
use similar::{ChangeTag, TextDiff};
use utoipa::ToSchema;

/// Bytes of each text that are compared.
pub(crate) const COMPARED_BYTES: usize = 64 << 10;
/// Lines of a difference that are told.
const MAX_LINES: usize = 200;
/// Characters of a line that are told.
const MAX_LINE_CHARS: usize = 400;
/// Lines around a change that are told, too.
const CONTEXT_LINES: usize = 2;
/// After this long a difference is told as far as it has been worked out.
const PATIENCE: Duration = Duration::from_millis(200);

/// Two texts and what differs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TextDifference {
    /// Sizes of the whole texts in bytes; null where there is none.
    pub(crate) a_size_bytes: Option<i64>,
    pub(crate) b_size_bytes: Option<i64>,
    pub(crate) same: bool,
    /// Changed lines with a few around them; empty when the texts are the same.
    pub(crate) lines: Vec<DiffLine>,
    /// There is more than is told here.
    pub(crate) truncated: bool,
}

/// A line of a difference.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DiffLine {
    /// `same`, `only_a`, `only_b`, `gap` (lines that are the same are left out).
    pub(crate) kind: &'static str,
    pub(crate) text: String,
}

/// A text as it was read: its beginning, and the size of the whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Beginning {
    pub(crate) text: Option<String>,
    pub(crate) size_bytes: Option<i64>,
}

impl Beginning {
    fn is_cut(&self) -> bool {
        let read = self.text.as_ref().map_or(0, String::len) as i64;
        self.size_bytes.is_some_and(|size| size > read)
    }
}

/// Compares two texts; `None` when there is neither.
pub(crate) fn difference(a: &Beginning, b: &Beginning) -> Option<TextDifference> {
    if a.text.is_none() && b.text.is_none() {
        return None;
    }
    let is_cut = a.is_cut() || b.is_cut();
    let same = a == b;
    let mut difference = TextDifference {
        a_size_bytes: a.size_bytes,
        b_size_bytes: b.size_bytes,
        same,
        lines: Vec::new(),
        truncated: is_cut,
    };
    if same {
        return Some(difference);
    }
    let (a, b) = (
        a.text.as_deref().unwrap_or_default(),
        b.text.as_deref().unwrap_or_default(),
    );
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(a, b);
    for (at, group) in diff.grouped_ops(CONTEXT_LINES).iter().enumerate() {
        if at > 0 {
            difference.lines.push(DiffLine {
                kind: "gap",
                text: String::new(),
            });
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            if difference.lines.len() >= MAX_LINES {
                difference.truncated = true;
                return Some(difference);
            }
            let line = change.value().trim_end_matches(['\n', '\r']);
            let cut = line.char_indices().nth(MAX_LINE_CHARS);
            difference.truncated |= cut.is_some();
            difference.lines.push(DiffLine {
                kind: match change.tag() {
                    ChangeTag::Equal => "same",
                    ChangeTag::Delete => "only_a",
                    ChangeTag::Insert => "only_b",
                },
                text: match cut {
                    Some((end, _)) => format!("{}…", &line[..end]),
                    None => line.to_owned(),
                },
            });
        }
    }
    Some(difference)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Beginning {
        Beginning {
            text: Some(text.to_owned()),
            size_bytes: Some(text.len() as i64),
        }
    }

    #[test]
    fn tells_changed_lines_and_no_more_than_fits() {
        let found = difference(&text("a\nb\nc"), &text("a\nx\nc")).unwrap();
        let kinds: Vec<&str> = found.lines.iter().map(|line| line.kind).collect();
        assert_eq!(kinds, ["same", "only_a", "only_b", "same"]);
        assert!(!found.truncated && !found.same);
        assert!(difference(&text("a"), &text("a")).unwrap().same);
        assert!(difference(&Beginning::default(), &Beginning::default()).is_none());
        let long: String = (0..1000).map(|n| format!("{n}\n")).collect();
        let found = difference(&text(&long), &Beginning::default()).unwrap();
        assert_eq!((found.lines.len(), found.truncated), (MAX_LINES, true));
    }
}
