//! What the word being typed may become.

use super::schema::Relation;

const KEYWORDS: &[&str] = &[
    "all",
    "and",
    "as",
    "asc",
    "between",
    "by",
    "case",
    "coalesce(",
    "count(*)",
    "desc",
    "describe",
    "distinct",
    "else",
    "end",
    "exists",
    "filter (where",
    "from",
    "group by",
    "having",
    "in",
    "is null",
    "is not null",
    "join",
    "left join",
    "like",
    "limit",
    "max(",
    "min(",
    "avg(",
    "not",
    "on",
    "or",
    "order by",
    "over (",
    "partition by",
    "quantile_cont(",
    "select",
    "sum(",
    "then",
    "union all",
    "using",
    "when",
    "where",
    "with",
];
const COMMANDS: &[&str] = &[".tables", ".schema", ".format", ".timing", ".help", ".quit"];

/// Where the word at the end of `before` begins, and what it may become: relations after `from` and
/// `join`, columns after `relation.`, otherwise columns (of the relations that `whole` names, when it
/// names any), relations and keywords.
pub(super) fn complete(relations: &[Relation], before: &str, whole: &str) -> (usize, Vec<String>) {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let start = before.rfind(|c| !is_word(c)).map_or(0, |at| {
        at + before[at..].chars().next().map_or(1, char::len_utf8)
    });
    let word = &before[start..];
    let head = &before[..start];
    if before.trim_start().starts_with('.') && !before.trim_start().contains(char::is_whitespace) {
        let start = before.len() - before.trim_start().len();
        return (
            start,
            fitting(
                COMMANDS.iter().map(|word| (*word).to_owned()),
                before.trim_start(),
            ),
        );
    }
    if before.trim_start().starts_with(".schema ") {
        return (
            start,
            fitting(relations.iter().map(|relation| relation.name.clone()), word),
        );
    }
    if let Some(owner) = head.strip_suffix('.') {
        let owner = owner.rsplit(|c| !is_word(c)).next().unwrap_or_default();
        let columns = relations
            .iter()
            .filter(|relation| relation.name.eq_ignore_ascii_case(owner))
            .flat_map(columns_of);
        return (start, fitting(columns, word));
    }
    let names = relations.iter().map(|relation| match relation.is_macro {
        true => format!("{}(", relation.name),
        false => relation.name.clone(),
    });
    let last = head.split_whitespace().next_back().unwrap_or_default();
    if ["from", "join", "describe", "summarize"].contains(&last.to_lowercase().as_str()) {
        return (start, fitting(names, word));
    }
    let named = |relation: &&Relation| {
        whole
            .split(|c| !is_word(c))
            .any(|word| word.eq_ignore_ascii_case(&relation.name))
    };
    let has_named = relations.iter().any(|relation| named(&relation));
    let columns = relations
        .iter()
        .filter(|relation| !has_named || named(relation))
        .flat_map(columns_of);
    let keywords = KEYWORDS.iter().map(|word| (*word).to_owned());
    (start, fitting(columns.chain(names).chain(keywords), word))
}

fn columns_of(relation: &Relation) -> Vec<String> {
    match relation.is_macro {
        true => Vec::new(),
        false => relation
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect(),
    }
}

/// The candidates that begin with `word`, each once, in order.
fn fitting(candidates: impl Iterator<Item = String>, word: &str) -> Vec<String> {
    let begins = |candidate: &String| {
        candidate
            .get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    let mut fitting: Vec<String> = candidates.filter(begins).collect();
    fitting.sort();
    fitting.dedup();
    fitting
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::schema::Schema;
    use super::*;

    fn completed(before: &str, after: &str) -> Vec<String> {
        let column = |name: &str| json!({"name": name, "type": "VARCHAR", "comment": null});
        let schema = Schema::of(&json!({"relations": [
            {"name": "sessions", "kind": "view", "comment": null, "columns": [column("session_id"), column("title")]},
            {"name": "spans", "kind": "view", "comment": null, "columns": [column("span_id"), column("session_id")]},
            {"name": "session_tree", "kind": "macro", "comment": null, "columns": [column("id")]}
        ]}));
        let relations = schema.completions();
        let (start, words) = complete(&relations, before, &format!("{before}{after}"));
        words
            .into_iter()
            .map(|word| format!("{}{word}", &before[..start]))
            .collect()
    }

    #[test]
    fn relations_follow_from() {
        assert_eq!(
            completed("select 1 from se", ""),
            ["select 1 from session_tree(", "select 1 from sessions"]
        );
    }

    #[test]
    fn columns_are_those_of_the_relations_named() {
        assert_eq!(completed("select ti", " from sessions"), ["select title"]);
        assert!(completed("select ti", " from spans").is_empty());
        assert_eq!(
            completed("from spans where spans.s", ""),
            [
                "from spans where spans.session_id",
                "from spans where spans.span_id"
            ]
        );
    }

    #[test]
    fn keywords_and_commands_complete() {
        assert_eq!(completed("SEL", ""), ["select"]);
        assert_eq!(completed(".ta", ""), [".tables"]);
        assert_eq!(completed(".schema spa", ""), [".schema spans"]);
    }
}
