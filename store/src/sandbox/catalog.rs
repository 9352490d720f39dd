//! What SQL of users may name.

use std::collections::HashSet;

use crate::{Column, Table, Value};

/// The catalog that tools may put before a relation: the name that the engine gives the file.
pub const CATALOG: &str = "spanreel";

/// The schema of every relation.
pub const SCHEMA: &str = "main";

/// The views that SQL of users may name, in the order of the contract (docs/sql.md).
pub const RELATIONS: &[&str] = &[
    "sessions",
    "spans",
    "events",
    "messages",
    "turns",
    "findings",
    "annotations",
    "checkpoints",
    "deleted_sessions",
    "redactions",
    "metrics",
    "tool_calls",
    "model_requests",
    "hook_fires",
    "denials",
    "capture_gaps",
];

/// The table macros that SQL of users may name.
pub const TABLE_MACROS: &[&str] = &["session_tree", "loops", "transcript", "search"];

/// Names of the relations that a user may read, lower case.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalog {
    /// Views and tables.
    pub(crate) relations: HashSet<String>,
    /// Table macros.
    pub(crate) table_macros: HashSet<String>,
}

impl Catalog {
    /// The public SQL contract.
    pub(crate) fn public() -> Self {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            relations: set(RELATIONS),
            table_macros: set(TABLE_MACROS),
        }
    }

    /// What `SHOW TABLES` answers.
    pub(crate) fn table(&self) -> Table {
        let text_column = |name: &str| Column {
            name: name.to_owned(),
            sql_type: "VARCHAR".to_owned(),
        };
        let row =
            |name: &&str, kind: &str| vec![Value::Text((*name).into()), Value::Text(kind.into())];
        Table {
            columns: vec![text_column("name"), text_column("kind")],
            rows: RELATIONS
                .iter()
                .map(|name| row(name, "view"))
                .chain(TABLE_MACROS.iter().map(|name| row(name, "macro")))
                .collect(),
            truncated: false,
        }
    }
}
