//! SQL that a user wrote: read only, only the public relations, bounded in time, memory and size.
//!
//! Three walls stand behind each other. The parsed query is checked against allow-lists
//! (`check.rs`); it runs on a connection of its own inside a read-only transaction; and the engine
//! itself has external access off and its configuration locked. A watchdog interrupts what takes
//! too long or too much memory.

mod catalog;
mod check;
mod fetch;
mod run;
#[cfg(test)]
mod tests;
mod text;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use catalog::{
    CATALOG as PUBLIC_CATALOG, RELATIONS as PUBLIC_RELATIONS, SCHEMA as PUBLIC_SCHEMA,
    TABLE_MACROS as PUBLIC_MACROS,
};
pub use fetch::{BatchSink, Described, StreamEnd};
pub(crate) use run::Sandbox;

use crate::{Store, Table, Value};

impl Store {
    /// Runs one query that a user wrote; blocking.
    ///
    /// # Errors
    /// In words for the user, whatever it was.
    pub fn user_sql(&self, request: &UserSql, cancel: &Cancel) -> Result<Table, UserSqlError> {
        self.refuse_limited().map_err(|error| {
            UserSqlError::new(UserSqlErrorKind::Limited, error.to_string(), None)
        })?;
        self.shared
            .sandbox
            .run(&|| self.user_connection(), request, cancel, |checked| {
                fetch::table(checked, request)
            })
    }

    /// Runs one query that a user wrote and hands its rows to `sink` as Arrow batches while they are
    /// made; blocking. The time that the sink takes counts.
    ///
    /// # Errors
    /// In words for the user, whatever it was. The sink may have been given rows before.
    pub fn user_sql_stream(
        &self,
        request: &UserSql,
        cancel: &Cancel,
        sink: &mut dyn BatchSink,
    ) -> Result<StreamEnd, UserSqlError> {
        self.refuse_limited().map_err(|error| {
            UserSqlError::new(UserSqlErrorKind::Limited, error.to_string(), None)
        })?;
        self.shared
            .sandbox
            .run(&|| self.user_connection(), request, cancel, |checked| {
                fetch::stream(checked, request, sink)
            })
    }

    /// Checks one query that a user wrote and tells its parameters and the types of its result
    /// without making rows; blocking.
    ///
    /// # Errors
    /// In words for the user, whatever it was.
    pub fn describe_user_sql(
        &self,
        request: &UserSql,
        cancel: &Cancel,
    ) -> Result<Described, UserSqlError> {
        self.refuse_limited().map_err(|error| {
            UserSqlError::new(UserSqlErrorKind::Limited, error.to_string(), None)
        })?;
        self.shared
            .sandbox
            .run(&|| self.user_connection(), request, cancel, |checked| {
                fetch::describe(checked, request)
            })
    }
}

/// One query of a user, with its limits.
#[derive(Debug, Clone)]
pub struct UserSql {
    /// One statement; a trailing semicolon is fine.
    pub sql: String,
    /// Values for `?` and `$n`, in order.
    pub params: Vec<Value>,
    /// Rows after which the result is cut.
    pub max_rows: usize,
    /// Bytes of values after which the result is cut.
    pub max_bytes: usize,
    /// Time after which the query is interrupted, waiting for a free slot included.
    pub timeout: Duration,
}

/// Stops a running [`UserSql`] from another thread.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks the query to stop; it does so within some ten milliseconds.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether somebody asked.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Why a user query gave no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserSqlErrorKind {
    /// Not allowed here; it did not run.
    Rejected,
    /// Reading is limited to some projects: expressions may be evaluated before rows are left out.
    Limited,
    /// The engine found a mistake in it, or failed on it.
    Error,
    Timeout,
    Memory,
    Cancelled,
    /// All slots stayed taken by other queries.
    Busy,
    /// A block of the database that it comes by is damaged.
    Damaged,
}

/// A user query that gave no result, in words for the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct UserSqlError {
    pub kind: UserSqlErrorKind,
    pub message: String,
    /// Characters of the user's text before the place that the message is about.
    pub position: Option<usize>,
}

/// Within this module positions are byte offsets into the text that was checked.
type Refusal = UserSqlError;

impl UserSqlError {
    fn new(kind: UserSqlErrorKind, message: impl Into<String>, position: Option<usize>) -> Self {
        Self {
            kind,
            message: message.into(),
            position,
        }
    }

    fn rejected(message: impl Into<String>, position: Option<usize>) -> Self {
        Self::new(UserSqlErrorKind::Rejected, message, position)
    }

    fn error(message: impl Into<String>, position: Option<usize>) -> Self {
        Self::new(UserSqlErrorKind::Error, message, position)
    }
}
