//! Decides from the parsed form of a query whether a user may run it.
//!
//! Everything is an allow-list: query nodes, table references, relations, functions. What the list
//! does not name is refused, so that new syntax of the engine is refused until somebody looked at it.

use std::collections::HashSet;
use std::sync::LazyLock;

use serde_json::{Map, Value as Json};

use super::Refusal;
use super::catalog::{CATALOG, Catalog, SCHEMA};

/// Functions that user SQL may call.
static FUNCTIONS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    include_str!("functions.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::split_whitespace)
        .collect()
});

/// Table functions of the engine that touch nothing but their arguments.
const TABLE_FUNCTIONS: &[&str] = &[
    "range",
    "generate_series",
    "unnest",
    "json_each",
    "json_tree",
];

const QUERY_NODES: &[&str] = &[
    "SELECT_NODE",
    "SET_OPERATION_NODE",
    "RECURSIVE_CTE_NODE",
    "CTE_NODE",
];

const EXPRESSION_CLASSES: &[&str] = &[
    "BETWEEN",
    "CASE",
    "CAST",
    "COLLATE",
    "COLUMN_REF",
    "COMPARISON",
    "CONJUNCTION",
    "CONSTANT",
    "FUNCTION",
    "LAMBDA",
    "LAMBDA_REF",
    "OPERATOR",
    "PARAMETER",
    "POSITIONAL_REFERENCE",
    "STAR",
    "SUBQUERY",
    "WINDOW",
];

/// Words that `type` may hold on objects that are neither expression, query node nor table.
const OTHER_TYPES: &[&str] = &[
    "ORDER_MODIFIER",
    "LIMIT_MODIFIER",
    "LIMIT_PERCENT_MODIFIER",
    "DISTINCT_MODIFIER",
    "ORDER_DEFAULT",
    "ASCENDING",
    "DESCENDING",
    "INVALID",
];

/// Largest list or text that a function may make of one constant argument.
const MAX_MADE_LENGTH: i64 = 100_000;

/// What kind of statement a checked query is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Runs as it is.
    Query,
    /// `SHOW TABLES`: answered with the list of public relations, never by the engine.
    ShowTables,
}

/// Checks the answer of `json_serialize_sql` for one user query.
pub(crate) fn check(serialized: &str, catalog: &Catalog) -> Result<Kind, Refusal> {
    let parsed: Json = serde_json::from_str(serialized)
        .map_err(|_| Refusal::rejected("the query is nested too deeply", None))?;
    if parsed["error"] != Json::Bool(false) {
        return Err(parse_failure(&parsed));
    }
    let statements = parsed["statements"].as_array().map_or(&[][..], |s| s);
    match statements {
        [] => Err(Refusal::rejected(
            "there is no statement: write one SELECT",
            None,
        )),
        [statement] => {
            if is_show_tables(statement) {
                return Ok(Kind::ShowTables);
            }
            let mut checker = Checker {
                catalog,
                scope: Vec::new(),
                in_lambda: false,
            };
            checker.value(statement)?;
            Ok(Kind::Query)
        }
        [..] => Err(Refusal::rejected(
            format!(
                "one statement at a time: this text holds {}",
                statements.len()
            ),
            None,
        )),
    }
}

fn parse_failure(parsed: &Json) -> Refusal {
    let message = parsed["error_message"].as_str().unwrap_or("cannot parse");
    let position = match &parsed["position"] {
        Json::String(text) => text.parse().ok(),
        Json::Number(number) => number.as_u64().map(|n| n as usize),
        _ => None,
    };
    if parsed["error_type"] == "parser" {
        if message.contains("CTE needs a SELECT") {
            return Refusal::rejected("only SELECT is allowed inside WITH", position);
        }
        return Refusal::error(message, position);
    }
    Refusal::rejected(
        "only reading is allowed: one SELECT (also FROM, WITH, VALUES, DESCRIBE, SUMMARIZE, \
         SHOW TABLES, EXPLAIN). For PIVOT write FROM t PIVOT (…)",
        None,
    )
}

fn is_show_tables(statement: &Json) -> bool {
    let from = &statement["node"]["from_table"];
    from["type"] == "SHOW_REF"
        && from["query"].is_null()
        && matches!(
            from["table_name"]
                .as_str()
                .map(|name| name.trim_matches('"')),
            Some("tables" | "__show_tables_expanded")
        )
}

struct Checker<'a> {
    catalog: &'a Catalog,
    /// Names of the common table expressions that are visible here.
    scope: Vec<String>,
    in_lambda: bool,
}

impl Checker<'_> {
    fn value(&mut self, value: &Json) -> Result<(), Refusal> {
        match value {
            Json::Array(items) => items.iter().try_for_each(|item| self.value(item)),
            Json::Object(object) => self.object(object),
            _ => Ok(()),
        }
    }

    fn object(&mut self, object: &Map<String, Json>) -> Result<(), Refusal> {
        if let Some(class) = object.get("class") {
            return self.expression(class.as_str().unwrap_or_default(), object);
        }
        match object.get("type") {
            Some(Json::String(kind)) if kind.ends_with("_NODE") => self.query_node(kind, object),
            Some(Json::String(kind)) if object.contains_key("query_location") => {
                self.table(kind, object)
            }
            Some(Json::String(kind)) if kind.ends_with("_TYPE_INFO") => Ok(()),
            Some(Json::String(kind)) if !OTHER_TYPES.contains(&kind.as_str()) => Err(
                Refusal::rejected(format!("{kind} is not allowed here"), None),
            ),
            _ => self.children(object),
        }
    }

    fn children(&mut self, object: &Map<String, Json>) -> Result<(), Refusal> {
        object.values().try_for_each(|child| self.value(child))
    }

    fn query_node(&mut self, kind: &str, object: &Map<String, Json>) -> Result<(), Refusal> {
        if !QUERY_NODES.contains(&kind) {
            return Err(Refusal::rejected("only SELECT is allowed", None));
        }
        let depth = self.scope.len();
        if kind == "RECURSIVE_CTE_NODE" || kind == "CTE_NODE" {
            self.define(object.get("cte_name"))?;
        }
        let entries = object
            .get("cte_map")
            .and_then(|map| map["map"].as_array())
            .map_or(&[][..], |entries| entries);
        for entry in entries {
            self.value(&entry["value"])?;
            self.define(entry.get("key"))?;
        }
        for (name, child) in object {
            if name != "cte_map" {
                self.value(child)?;
            }
        }
        self.scope.truncate(depth);
        Ok(())
    }

    fn define(&mut self, name: Option<&Json>) -> Result<(), Refusal> {
        let name = name.and_then(Json::as_str).unwrap_or_default();
        // A name that could be a path must never come near a place where the engine would take it
        // for a file.
        let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !plain || name.is_empty() {
            return Err(Refusal::rejected(
                format!("`{name}` is not a plain name for WITH"),
                None,
            ));
        }
        self.scope.push(name.to_lowercase());
        Ok(())
    }

    fn table(&mut self, kind: &str, object: &Map<String, Json>) -> Result<(), Refusal> {
        match kind {
            "EMPTY" | "EXPRESSION_LIST" | "JOIN" | "SUBQUERY" | "PIVOT" => self.children(object),
            "BASE_TABLE" => self.base_table(object),
            "TABLE_FUNCTION" => {
                self.table_function(object)?;
                for (name, child) in object {
                    if name != "function" {
                        self.value(child)?;
                    }
                }
                Ok(())
            }
            "SHOW_REF" => {
                if object.get("query").is_none_or(Json::is_null) {
                    return Err(Refusal::rejected(
                        "of SHOW only SHOW TABLES and SHOW <relation> are allowed",
                        position(object),
                    ));
                }
                self.children(object)
            }
            _ => Err(Refusal::rejected(
                format!("{kind} is not allowed here"),
                position(object),
            )),
        }
    }

    fn base_table(&mut self, object: &Map<String, Json>) -> Result<(), Refusal> {
        let name = text(object, "table_name").to_lowercase();
        let schema = text(object, "schema_name").to_lowercase();
        let catalog = text(object, "catalog_name").to_lowercase();
        if object
            .get("at_clause")
            .is_some_and(|clause| !clause.is_null())
        {
            return Err(Refusal::rejected("AT is not allowed", position(object)));
        }
        if catalog.is_empty() && schema.is_empty() && self.scope.contains(&name) {
            return Ok(());
        }
        let is_ours = (catalog.is_empty() && schema.is_empty())
            || (matches!(catalog.as_str(), "" | CATALOG) && schema == SCHEMA);
        if is_ours && self.catalog.relations.contains(&name) {
            return Ok(());
        }
        Err(Refusal::rejected(
            format!(
                "there is no relation `{}` to read; SHOW TABLES lists them{}",
                text(object, "table_name"),
                if looks_like_file(&name) {
                    ". Files cannot be read"
                } else {
                    ""
                }
            ),
            position(object),
        ))
    }

    fn table_function(&mut self, object: &Map<String, Json>) -> Result<(), Refusal> {
        let Some(function) = object.get("function").and_then(Json::as_object) else {
            return Err(Refusal::rejected(
                "unknown table function",
                position(object),
            ));
        };
        let name = text(function, "function_name").to_lowercase();
        let known =
            TABLE_FUNCTIONS.contains(&name.as_str()) || self.catalog.table_macros.contains(&name);
        if function.get("class") != Some(&Json::from("FUNCTION"))
            || !known
            || !is_plain_schema(function)
        {
            return Err(Refusal::rejected(
                format!("the table function `{name}` is not allowed"),
                position(object),
            ));
        }
        self.children(function)
    }

    fn expression(&mut self, class: &str, object: &Map<String, Json>) -> Result<(), Refusal> {
        if !EXPRESSION_CLASSES.contains(&class) {
            return Err(Refusal::rejected(
                format!("{class} is not allowed here"),
                position(object),
            ));
        }
        match class {
            // A constant holds nothing but itself.
            "CONSTANT" | "COLUMN_REF" | "PARAMETER" | "POSITIONAL_REFERENCE" => Ok(()),
            "FUNCTION" | "WINDOW" => {
                self.function(object)?;
                self.children(object)
            }
            "LAMBDA" => {
                let outer = std::mem::replace(&mut self.in_lambda, true);
                let result = self.children(object);
                self.in_lambda = outer;
                result
            }
            _ => self.children(object),
        }
    }

    fn function(&self, object: &Map<String, Json>) -> Result<(), Refusal> {
        let name = text(object, "function_name").to_lowercase();
        if !FUNCTIONS.contains(name.as_str()) || !is_plain_schema(object) {
            return Err(Refusal::rejected(
                format!("the function `{name}` is not allowed"),
                position(object),
            ));
        }
        let children = object
            .get("children")
            .and_then(Json::as_array)
            .map_or(&[][..], |children| children);
        let bounded = match name.as_str() {
            "repeat" => {
                let unit = children.first().and_then(constant_text).map(str::len);
                let count = children.get(1).and_then(constant_int);
                unit.zip(count)
                    .is_some_and(|(unit, count)| unit as i64 * count.max(0) <= MAX_MADE_LENGTH)
            }
            "lpad" | "rpad" | "list_resize" | "array_resize" => {
                is_bounded(children.get(1), MAX_MADE_LENGTH)
            }
            "range" | "generate_series" => {
                !self.in_lambda
                    && children
                        .iter()
                        .all(|c| is_bounded(Some(c), MAX_MADE_LENGTH))
            }
            "bar" => children.len() < 4 || is_bounded(children.get(3), 1000),
            "equi_width_bins" => is_bounded(children.get(2), 10_000),
            "printf" | "format" => children
                .first()
                .and_then(constant_text)
                .is_some_and(is_modest_format),
            _ => return Ok(()),
        };
        if bounded && !(self.in_lambda && makes_values(&name)) {
            return Ok(());
        }
        Err(Refusal::rejected(
            format!(
                "`{name}` needs constant, modest arguments here (at most {MAX_MADE_LENGTH}), \
                 outside lambdas: it could fill the memory at once"
            ),
            position(object),
        ))
    }
}

fn makes_values(name: &str) -> bool {
    matches!(
        name,
        "repeat" | "lpad" | "rpad" | "list_resize" | "array_resize" | "range" | "generate_series"
    )
}

/// Widths of at most three digits, none taken from an argument.
fn is_modest_format(format: &str) -> bool {
    let mut digits = 0;
    let mut braces = 0;
    for c in format.chars() {
        digits = if c.is_ascii_digit() { digits + 1 } else { 0 };
        match c {
            '{' => braces += 1,
            '}' => braces -= 1,
            '*' => return false,
            _ => {}
        }
        if digits > 3 || braces > 1 {
            return false;
        }
    }
    true
}

fn is_bounded(expression: Option<&Json>, limit: i64) -> bool {
    expression
        .and_then(constant_int)
        .is_some_and(|value| value.abs() <= limit)
}

fn constant_int(expression: &Json) -> Option<i64> {
    (expression["class"] == "CONSTANT")
        .then(|| expression["value"]["value"].as_i64())
        .flatten()
}

fn constant_text(expression: &Json) -> Option<&str> {
    (expression["class"] == "CONSTANT")
        .then(|| expression["value"]["value"].as_str())
        .flatten()
}

fn is_plain_schema(function: &Map<String, Json>) -> bool {
    text(function, "catalog").is_empty() && matches!(text(function, "schema"), "" | "main")
}

fn looks_like_file(name: &str) -> bool {
    name.contains(['.', '/', '\\', '*', ':'])
}

fn text<'a>(object: &'a Map<String, Json>, key: &str) -> &'a str {
    object.get(key).and_then(Json::as_str).unwrap_or_default()
}

fn position(object: &Map<String, Json>) -> Option<usize> {
    // The engine writes 2^64 - 1 for "unknown".
    object
        .get("query_location")
        .and_then(Json::as_u64)
        .filter(|location| *location < u64::from(u32::MAX))
        .map(|location| location as usize)
}
