//! The queries that come with Spanreel: `query/queries/*.sql`, each with its words on top:
//!
//! ```sql
//! -- title: Slowest tools
//! -- description: How long the calls of each tool took.
//! -- parameter since timestamp = 30d: From then on
//! -- parameter tool text: A parameter without default has to be given
//! select …
//! ```

use std::sync::LazyLock;

use serde_json::Value as Json;

use super::{Parameter, ParameterType, SavedQuery};

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../queries/", $name, ".sql")))),+]
    };
}

/// In the order in which they are listed.
const FILES: &[(&str, &str)] = files!(
    "text-search",
    "slowest-tools",
    "tool-failures",
    "mcp-failure-rates",
    "cost-by-model-and-day",
    "cost-by-project-and-user",
    "cache-hit-ratio",
    "costliest-turns",
    "context-growth",
    "subagent-cost-share",
    "model-latency",
    "retries",
    "failed-sessions",
    "before-the-error",
    "loops-and-cost",
    "most-repeated-calls",
    "hook-denials",
    "idle-gaps",
    "where-time-goes",
    "sessions-that-touched-a-file",
    "sessions-like",
    "biggest-payloads",
    "what-was-cut",
);

static SHIPPED: LazyLock<Vec<SavedQuery>> = LazyLock::new(|| {
    FILES
        .iter()
        .filter_map(|(name, text)| parse(name, text))
        .collect()
});

/// All queries that come with Spanreel.
pub(crate) fn shipped() -> &'static [SavedQuery] {
    &SHIPPED
}

/// A file's words and SQL; `None` when a line of its words is wrong, which a test excludes.
fn parse(name: &str, text: &str) -> Option<SavedQuery> {
    let mut query = SavedQuery {
        name: name.to_owned(),
        title: String::new(),
        description: String::new(),
        parameters: Vec::new(),
        sql: String::new(),
    };
    let mut rest = text;
    while let Some(line) = rest.lines().next()
        && let Some(words) = line.strip_prefix("-- ")
    {
        if let Some(title) = words.strip_prefix("title: ") {
            query.title = title.to_owned();
        } else if let Some(description) = words.strip_prefix("description: ") {
            query.description = description.to_owned();
        } else {
            query.parameters.push(parameter(words)?);
        }
        rest = rest[line.len()..].trim_start_matches(['\r', '\n']);
    }
    query.sql = rest.trim_end().to_owned();
    Some(query)
}

/// `parameter NAME TYPE = DEFAULT: DESCRIPTION`
fn parameter(words: &str) -> Option<Parameter> {
    let (head, description) = words.strip_prefix("parameter ")?.split_once(": ")?;
    let (head, default) = match head.split_once(" = ") {
        Some((head, default)) => (head, Some(default)),
        None => (head, None),
    };
    let (name, kind) = head.split_once(' ')?;
    Some(Parameter {
        name: name.to_owned(),
        kind: ParameterType::parse(kind)?,
        default: default.map_or(Json::Null, |default| {
            serde_json::from_str(default).unwrap_or_else(|_| default.into())
        }),
        required: default.is_none(),
        description: description.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_listed_and_in_order() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/queries");
        let mut found: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        found.sort();
        let mut listed: Vec<String> = FILES
            .iter()
            .map(|(name, _)| format!("{name}.sql"))
            .collect();
        listed.sort();
        assert_eq!(found, listed);
        assert_eq!(shipped().len(), FILES.len());
        for query in shipped() {
            assert_eq!(query.check(), Ok(()), "{}", query.name);
            assert!(!query.title.is_empty() && !query.description.is_empty());
        }
    }

    #[test]
    fn reads_the_words_of_a_file() {
        let text = "-- title: T\n-- parameter a integer = 5: A\n-- parameter b text: B: b\nselect $a\n-- end\n";
        let query = parse("n", text).unwrap();
        assert_eq!(query.title, "T");
        assert_eq!(query.sql, "select $a\n-- end");
        assert_eq!(query.parameters[0].default, Json::from(5));
        assert!(query.parameters[1].required);
        assert_eq!(query.parameters[1].description, "B: b");
        assert!(parse("n", "-- parameter a list: A\nselect 1").is_none());
    }
}
