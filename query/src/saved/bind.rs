//! Finding `$name` in SQL: outside of texts, quoted names, comments and dollar quotes.

use std::ops::Range;

use super::Parameter;

/// The names that stand in `sql` as parameters, each once, in order.
pub(crate) fn named(sql: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for place in places(sql) {
        let name = &sql[place.start + 1..place.end];
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// `sql` with the number and type of a parameter for its name.
pub(crate) fn bind(sql: &str, parameters: &[Parameter]) -> String {
    let mut out = String::with_capacity(sql.len() + 64);
    let mut from = 0;
    for place in places(sql) {
        let name = &sql[place.start + 1..place.end];
        if let Some(at) = parameters.iter().position(|known| known.name == name) {
            out.push_str(&sql[from..place.start]);
            out.push_str(&format!("${}::{}", at + 1, parameters[at].kind.sql_type()));
            from = place.end;
        }
    }
    out.push_str(&sql[from..]);
    out
}

/// Where a `$` and a name stand.
fn places(sql: &str) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    let mut at = 0;
    while let Some(found) = sql[at..].find(['\'', '"', '-', '/', '$']) {
        let start = at + found;
        let rest = &sql[start..];
        let behind = |opening: usize, closing: &str| {
            rest.get(opening..)
                .and_then(|inside| inside.find(closing))
                .map_or(sql.len(), |end| start + opening + end + closing.len())
        };
        at = if rest.starts_with('\'') {
            behind(1, "'")
        } else if rest.starts_with('"') {
            behind(1, "\"")
        } else if rest.starts_with("--") {
            behind(2, "\n")
        } else if rest.starts_with("/*") {
            behind(2, "*/")
        } else if let Some(inside) = rest.strip_prefix('$') {
            let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let name = inside.find(|c| !is_part(c)).unwrap_or(inside.len());
            let end = start + 1 + name;
            if inside[name..].starts_with('$') {
                behind(name + 2, &rest[..name + 2])
            } else {
                if inside.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
                    places.push(start..end);
                }
                end.max(start + 1)
            }
        } else {
            start + 1
        };
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_names_where_they_count() {
        for (sql, names) in [
            ("select $a, $b_2 + $a", vec!["a", "b_2"]),
            (
                "select '$no', \"$no\", 1 - $a -- $no\n/* $no */ / $b",
                vec!["a", "b"],
            ),
            ("select 'it''s $no' || $a", vec!["a"]),
            ("select $$ $no $$, $tag$ $no $tag$, $a", vec!["a"]),
            ("select $1, $, x $", vec![]),
            ("select '$open", vec![]),
            ("select $ä, '日本' || $a", vec!["a"]),
            ("", vec![]),
        ] {
            assert_eq!(named(sql), names, "{sql}");
        }
    }
}
