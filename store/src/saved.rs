//! Queries that users saved, written by the reading side through the writer's own lock.

use duckdb::params;

use crate::{Error, Store};

/// One saved query. `name` is the identity: writing it again replaces the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedQueryRow {
    pub name: String,
    pub title: String,
    pub description: String,
    /// JSON, as the reading side understands it.
    pub parameters: String,
    pub sql: String,
    /// Unix nanoseconds.
    pub updated_ns: i64,
}

impl Store {
    /// Inserts or replaces a saved query by name.
    ///
    /// # Errors
    /// [`Error::Commit`] when nothing could be stored.
    pub fn write_saved_query(&self, row: &SavedQueryRow) -> Result<(), Error> {
        self.change(|core| {
            core.connection
                .execute("delete from saved_query where name = ?", [&row.name])?;
            core.connection.execute(
                "insert into saved_query (name, title, description, parameters, sql, updated_at) \
                 values (?, ?, ?, ?, ?, make_timestamp_ns(?))",
                params![
                    row.name,
                    row.title,
                    row.description,
                    row.parameters,
                    row.sql,
                    row.updated_ns
                ],
            )?;
            Ok(())
        })
    }

    /// Removes a saved query.
    ///
    /// # Errors
    /// [`Error::Commit`] when nothing could be removed.
    pub fn remove_saved_query(&self, name: &str) -> Result<(), Error> {
        self.change(|core| {
            core.connection
                .execute("delete from saved_query where name = ?", [name])
                .map(drop)
        })
    }
}
