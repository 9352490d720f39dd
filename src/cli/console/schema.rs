//! What queries can name.

use std::fmt::Write as _;

use serde_json::Value;

use crate::cli::answer::{rows, text};
use crate::cli::format::padded;
use crate::cli::output::visible;
use crate::cli::source::Server;
use crate::failure::Failure;

/// The relations and macros of the SQL contract.
pub(super) struct Schema(Vec<Relation>);

#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub(super) name: String,
    pub(super) is_macro: bool,
    comment: String,
    /// Of a macro: its parameters.
    pub(super) columns: Vec<Column>,
}

#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    sql_type: String,
    comment: String,
}

impl Schema {
    pub(super) async fn read(server: &Server) -> Result<Self, Failure> {
        Ok(Self::of(&server.get("/sql/schema", &[]).await?))
    }

    /// From the API's answer.
    pub(super) fn of(answer: &Value) -> Self {
        let column = |column: &Value| Column {
            name: text(&column["name"]),
            sql_type: text(&column["type"]),
            comment: text(&column["comment"]),
        };
        let relation = |relation: &Value| Relation {
            name: text(&relation["name"]),
            is_macro: relation["kind"] == "macro",
            comment: text(&relation["comment"]),
            columns: rows(&relation["columns"]).iter().map(column).collect(),
        };
        Self(rows(&answer["relations"]).iter().map(relation).collect())
    }

    /// One line for each relation.
    pub(super) fn tables(&self) -> String {
        self.0.iter().fold(String::new(), |mut out, relation| {
            let _ = writeln!(
                out,
                "{} {}",
                padded(&relation.signature(), 28),
                visible(&relation.comment)
            );
            out
        })
    }

    pub(super) fn all_columns(&self) -> String {
        self.0
            .iter()
            .map(Relation::described)
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The columns of one relation.
    ///
    /// # Errors
    /// When there is none of this name.
    pub(super) fn columns(&self, name: &str) -> Result<String, Failure> {
        let relation = self
            .0
            .iter()
            .find(|relation| relation.name.eq_ignore_ascii_case(name));
        relation.map(Relation::described).ok_or_else(|| {
            let short: String = name.chars().take(60).collect();
            Failure::Usage(format!(
                "there is no relation {}; .tables lists them",
                visible(&short)
            ))
        })
    }

    pub(super) fn completions(&self) -> Vec<Relation> {
        self.0.clone()
    }
}

impl Relation {
    fn signature(&self) -> String {
        if !self.is_macro {
            return self.name.clone();
        }
        let parameters: Vec<&str> = self
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        format!("{}({})", self.name, parameters.join(", "))
    }

    fn described(&self) -> String {
        let mut out = format!("{}  {}\n", self.signature(), visible(&self.comment));
        for column in self.columns.iter().filter(|_| !self.is_macro) {
            let _ = writeln!(
                out,
                "  {} {} {}",
                padded(&column.name, 26),
                padded(&column.sql_type, 12),
                visible(&column.comment)
            );
        }
        out
    }
}
