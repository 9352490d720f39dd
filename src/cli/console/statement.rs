//! Where a statement ends.

/// True when nothing more is needed to run `text`: it is blank, a command, or ends with `;` outside of
/// quotes and comments.
pub(super) fn is_complete(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || text.starts_with('.') || ends_with_semicolon(text)
}

fn ends_with_semicolon(text: &str) -> bool {
    let mut rest = text;
    let mut is_ended = false;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("--") {
            rest.find('\n').map_or(rest.len(), |end| end + 1)
        } else if rest.starts_with("/*") {
            match rest.find("*/") {
                Some(end) => end + 2,
                None => return false,
            }
        } else if matches!(first, '\'' | '"') {
            is_ended = false;
            match rest[1..].find(first) {
                Some(end) => end + 2,
                None => return false,
            }
        } else {
            if !first.is_whitespace() {
                is_ended = first == ';';
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    is_ended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_with_a_semicolon_of_their_own() {
        for complete in [
            "",
            "  ",
            ".tables",
            "from spans;",
            "select 1; -- one",
            "select ';' ;\n",
            "select 'it''s'; /* ; */",
        ] {
            assert!(is_complete(complete), "{complete:?}");
        }
        for open in [
            "from spans",
            "select ';",
            "select ';'",
            "select 1 -- ;",
            "select 1 /* ;",
            "select \"a;\nb",
        ] {
            assert!(!is_complete(open), "{open:?}");
        }
    }
}
