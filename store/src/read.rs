//! Reading: our own queries, payloads, counts, and the connections that user queries run on.

use std::ops::Range;
use std::sync::{Arc, Weak};

use duckdb::Connection;
use duckdb::arrow::array::RecordBatch;

use crate::instance::{Instance, PooledReader};
use crate::{Error, Store, Table, Value, payload, values};

/// A payload or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadSlice {
    pub bytes: Vec<u8>,
    /// Of the whole payload, in bytes.
    pub total_size: u64,
}

/// How much is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub span_count: u64,
    pub event_count: u64,
    pub metric_count: u64,
    pub session_count: u64,
    pub finding_count: u64,
    pub payload_count: u64,
    /// Bytes of all distinct payloads, as sent.
    pub payload_bytes: u64,
    pub piece_count: u64,
    /// Bytes of all pieces, as stored; 0 when one of them lies in a damaged block.
    pub piece_bytes: u64,
    /// Of the database file and its log of changes.
    pub file_bytes: u64,
}

/// A connection for one user query: nobody else uses it, nothing of it outlives it.
pub(crate) struct UserConnection {
    pub(crate) connection: Connection,
    /// Keeps the database open while the query runs.
    _instance: Arc<Instance>,
}

impl Store {
    /// Runs one query of our own, with `?` or `$1` parameters. Blocks while all readers are busy.
    ///
    /// # Errors
    /// [`Error::Query`] with what the engine says.
    pub fn read(&self, sql: &str, params: &[Value]) -> Result<Table, Error> {
        self.with_reader(|connection| {
            let mut statement = connection.prepare(sql)?;
            let _ = statement
                .query_arrow(duckdb::params_from_iter(params.iter().map(values::bound)))?;
            let mut table = Table {
                columns: values::columns(&statement),
                ..Table::default()
            };
            while let Some(rows) = statement.step()? {
                values::append_rows(&RecordBatch::from(&rows), &mut table.rows);
            }
            Ok(table)
        })
    }

    /// A payload's bytes, or those of `range` as far as they exist; `None` for an unknown hash.
    ///
    /// # Errors
    /// [`Error::Damaged`] when the stored pieces do not give the bytes, [`Error::Query`] when the
    /// engine fails.
    pub fn payload(
        &self,
        hash: &[u8; 32],
        range: Option<Range<u64>>,
    ) -> Result<Option<PayloadSlice>, Error> {
        self.with_reader(|connection| payload::read(connection, hash, range.clone()))?
    }

    /// Counts for statistics; some milliseconds.
    ///
    /// # Errors
    /// [`Error::Query`] when the engine fails.
    pub fn counts(&self) -> Result<Counts, Error> {
        let mut counts = self.with_reader(|connection| {
            connection.query_row(
                "select (select count(*) from span), (select count(*) from event), \
                 (select count(*) from metric), (select count(*) from session), \
                 (select count(*) from finding), (select count(*) from payload), \
                 (select coalesce(sum(size), 0)::bigint from payload), \
                 (select count(*) from piece)",
                [],
                |row| {
                    let count = |index| row.get::<_, i64>(index).map(|count| count as u64);
                    Ok(Counts {
                        span_count: count(0)?,
                        event_count: count(1)?,
                        metric_count: count(2)?,
                        session_count: count(3)?,
                        finding_count: count(4)?,
                        payload_count: count(5)?,
                        payload_bytes: count(6)?,
                        piece_count: count(7)?,
                        piece_bytes: 0,
                        file_bytes: 0,
                    })
                },
            )
        })?;
        let sql = format!(
            "select coalesce(sum(octet_length(data)), 0)::bigint from {}",
            self.shared.seal.table("piece")
        );
        let piece_bytes = self
            .with_reader(|connection| connection.query_row(&sql, [], |row| row.get::<_, i64>(0)));
        match piece_bytes {
            Ok(bytes) => counts.piece_bytes = bytes as u64,
            Err(error) if error.is_damaged_block() => {}
            Err(error) => return Err(error),
        }
        counts.file_bytes = self.shared.file_bytes();
        Ok(counts)
    }

    /// A connection for one user query. Its `interrupt_handle` stops the query from another thread.
    ///
    /// # Errors
    /// [`Error::Limited`] for a limited reading, [`Error::Query`] when the engine gives none.
    pub(crate) fn user_connection(&self) -> Result<UserConnection, Error> {
        self.refuse_limited()?;
        let instance = self.shared.instance()?;
        let connection = instance
            .connect()
            .map_err(|source| Error::Query { source })?;
        Ok(UserConnection {
            connection,
            _instance: instance,
        })
    }

    /// Gives `work` a pooled connection; once more on a fresh database when the engine gave up.
    pub(crate) fn with_reader<T>(
        &self,
        mut work: impl FnMut(&Connection) -> duckdb::Result<T>,
    ) -> Result<T, Error> {
        let mut attempt = || -> Result<T, (Error, Weak<Instance>)> {
            let instance = self
                .shared
                .instance()
                .map_err(|error| (error, Weak::new()))?;
            let failed = Arc::downgrade(&instance);
            let reader: PooledReader = match &self.projects {
                None => instance.reader(),
                Some(projects) => instance
                    .limited_reader(projects)
                    .map_err(|source| (Error::Query { source }, failed.clone()))?,
            };
            drop(instance);
            let connection = reader
                .connection()
                .map_err(|error| (error, failed.clone()))?;
            work(connection).map_err(|source| (Error::Query { source }, failed))
        };
        match attempt() {
            Err((error, failed)) if error.is_fatal() => {
                self.shared.recover(&failed)?;
                attempt().map_err(|(error, _)| error)
            }
            result => result.map_err(|(error, _)| error),
        }
    }
}
