//! The little that must be known of the text of a query itself: a leading EXPLAIN, and positions.

/// A query without its EXPLAIN.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Explained<'a> {
    /// `EXPLAIN ` or `EXPLAIN ANALYZE ` when it was there, else empty.
    pub(crate) prefix: &'static str,
    pub(crate) query: &'a str,
    /// Byte offset of `query` in the whole text.
    pub(crate) offset: usize,
}

/// Takes a leading EXPLAIN off, because the check works on the query that it explains.
pub(crate) fn split_explain(sql: &str) -> Explained<'_> {
    let plain = Explained {
        prefix: "",
        query: sql,
        offset: 0,
    };
    let Some(after) = keyword(sql, 0, "explain") else {
        return plain;
    };
    let (prefix, offset) = match keyword(sql, after, "analyze") {
        Some(after) => ("EXPLAIN ANALYZE ", after),
        None => ("EXPLAIN ", after),
    };
    Explained {
        prefix,
        query: &sql[offset..],
        offset,
    }
}

/// The offset behind `word` when it is the next thing after blanks and comments.
fn keyword(sql: &str, from: usize, word: &str) -> Option<usize> {
    let start = skip_blanks(sql, from);
    let end = start + word.len();
    let found = sql.get(start..end)?;
    let ends_there = sql[end..]
        .chars()
        .next()
        .is_none_or(|c| !c.is_alphanumeric() && c != '_');
    (found.eq_ignore_ascii_case(word) && ends_there).then_some(end)
}

fn skip_blanks(sql: &str, mut at: usize) -> usize {
    loop {
        let rest = &sql[at..];
        let trimmed = rest.trim_start();
        at += rest.len() - trimmed.len();
        if trimmed.starts_with("--") {
            at += trimmed.find('\n').unwrap_or(trimmed.len());
        } else if trimmed.starts_with("/*") {
            at += trimmed.find("*/").map_or(trimmed.len(), |end| end + 2);
        } else {
            return at;
        }
    }
}

/// Characters before byte `offset`; offsets inside a character count up to its start.
pub(crate) fn char_position(sql: &str, offset: usize) -> usize {
    sql.char_indices()
        .take_while(|(at, _)| *at < offset)
        .count()
}

/// Splits the engine's message from its picture of the place (`LINE 1: … ^`), and finds the byte
/// offset that the picture points at.
pub(crate) fn split_picture(sql: &str, message: &str) -> (String, Option<usize>) {
    let Some(at) = message.find("\nLINE ") else {
        return (message.trim().to_owned(), None);
    };
    let text = message[..at].trim().to_owned();
    (text, picture_offset(sql, &message[at + 1..]))
}

fn picture_offset(sql: &str, picture: &str) -> Option<usize> {
    let mut lines = picture.lines();
    let shown = lines.next()?;
    let caret = lines.next()?.chars().position(|c| c == '^')?;
    let (head, excerpt) = shown.split_once(": ")?;
    let number: usize = head.strip_prefix("LINE ")?.parse().ok()?;
    let line_start: usize = sql
        .split_inclusive('\n')
        .take(number - 1)
        .map(str::len)
        .sum();
    let line = sql[line_start..].lines().next()?;
    let in_excerpt = caret.checked_sub(head.chars().count() + 2)?;
    let byte_in_excerpt: usize = excerpt.chars().take(in_excerpt).map(char::len_utf8).sum();
    // Long lines are shown as `...part...`.
    let part = excerpt.strip_prefix("...").unwrap_or(excerpt);
    let cut = excerpt.len() - part.len();
    let part = part.strip_suffix("...").unwrap_or(part);
    let part_start = line.find(part)?;
    Some(line_start + part_start + byte_in_excerpt.checked_sub(cut)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_explain_off() {
        let cases = [
            ("select 1", "", "select 1"),
            ("explain select 1", "EXPLAIN ", " select 1"),
            (
                " -- a\n/* b */ EXPLAIN\tanalyze(select 1)",
                "EXPLAIN ANALYZE ",
                "(select 1)",
            ),
            ("explained", "", "explained"),
            ("explain", "EXPLAIN ", ""),
            ("/* open", "", "/* open"),
        ];
        for (sql, prefix, query) in cases {
            let explained = split_explain(sql);
            assert_eq!(
                (explained.prefix, explained.query),
                (prefix, query),
                "{sql}"
            );
            assert_eq!(&sql[explained.offset..], query);
        }
    }

    #[test]
    fn finds_the_place_that_the_engine_points_at() {
        let sql = "select a,\n  bß, nope from t";
        let message = "Binder Error: no column\n\nLINE 2:   bß, nope from t\n              ^";
        let (text, offset) = split_picture(sql, message);
        assert_eq!(text, "Binder Error: no column");
        assert_eq!(offset.map(|at| &sql[at..at + 4]), Some("nope"));
        assert_eq!(char_position(sql, offset.unwrap()), 16);
    }
}
