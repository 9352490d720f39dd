//! Giving back the disk space of what was deleted.
//!
//! The engine uses free blocks again and never makes the file shorter. Compacting writes what is there
//! into a new file, and puts it in the old one's place by a rename. Until then the old file is untouched:
//! a crash before leaves the old one and a folder that the next start removes, one after it the new one.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use duckdb::Connection;

use crate::columns::each_row;
use crate::instance::lock;
use crate::open::{CLOSE_PATIENCE, COMPACT_NAME, FILE_NAME, size, sync_dir};
use crate::seal::own_name;
use crate::{Error, Store, Value};

/// Bytes that are copied in one transaction; a vector of the largest pieces is not less.
const BYTES_AT_ONCE: u64 = 128 << 20;
/// Rows that are copied in one transaction: one group of the engine's at most, one vector at least.
const ROWS_AT_ONCE: std::ops::RangeInclusive<u64> = 2_048..=122_880;
/// How long queries that run may take before the files are swapped; then they are stopped.
const QUERY_PATIENCE: Duration = Duration::from_secs(10);
/// How long deleted texts may take to leave the search index.
const INDEX_PATIENCE: Duration = Duration::from_secs(60);

/// Sizes of the database file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compaction {
    pub before_bytes: u64,
    pub after_bytes: u64,
}

impl Store {
    /// Writes the database anew without what was deleted, and waits until nothing deleted is in the search
    /// index. Writing waits meanwhile; reading does until the new file is opened. It takes as much disk
    /// space as what is stored until it is through.
    ///
    /// # Errors
    /// When the engine or the file system fails; the database is then as it was.
    pub fn compact(&self) -> Result<Compaction, Error> {
        self.shared.instance()?;
        let mut guard = lock(&self.shared.core);
        let core = guard.as_mut().ok_or(Error::Closed)?;
        let folder = self.shared.path.with_file_name(COMPACT_NAME);
        let failed = |source| Error::Commit { source };
        core.checkpoint_now().map_err(failed)?;
        let before_bytes = self.shared.file_bytes();
        let new = folder.join(FILE_NAME);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).map_err(|error| self.shared.file_error(error))?;
        let written = write_anew(&core.connection, &new)
            .map_err(failed)
            .and_then(|()| {
                File::open(&new)
                    .and_then(|file| file.sync_all())
                    .map_err(|error| self.shared.file_error(error))
            });
        if let Err(error) = written {
            let _ = core.connection.execute_batch("detach compacted");
            let _ = fs::remove_dir_all(&folder);
            return Err(error);
        }
        // Nothing else writes while the lock is held: what is in the new file is what is in the old one.
        *guard = None;
        let old = self.shared.take_out();
        if let Some(old) = old {
            let begun = Instant::now();
            while Arc::strong_count(&old) > 1 && begun.elapsed() < QUERY_PATIENCE {
                std::thread::sleep(Duration::from_millis(5));
            }
            if !old.close(CLOSE_PATIENCE) {
                return Err(Error::Damaged("a query does not end".to_owned()));
            }
        }
        let swapped = fs::rename(&new, &self.shared.path)
            .and_then(|()| self.shared.path.parent().map_or(Ok(()), sync_dir));
        self.shared.forget_file();
        let _ = fs::remove_dir_all(&folder);
        self.shared.open_instance(&mut guard)?;
        swapped.map_err(|error| self.shared.file_error(error))?;
        drop(guard);
        self.wait_for_index()?;
        Ok(Compaction {
            before_bytes,
            after_bytes: self.shared.file_bytes(),
        })
    }

    /// Waits until the search index has dropped what was deleted.
    fn wait_for_index(&self) -> Result<(), Error> {
        let begun = Instant::now();
        while self.with_reader(|connection| self.shared.search.holds_deleted(connection))? {
            if begun.elapsed() > INDEX_PATIENCE {
                tracing::warn!("deleted texts are in the search index still");
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Up to where the journal is in the database.
    ///
    /// # Errors
    /// [`Error::Query`] when the engine fails.
    pub fn journal_position(&self) -> Result<u64, Error> {
        let sql = "select value from state where name = 'journal_position'";
        let table = self.read(sql, &[])?;
        match table.rows.first().and_then(|row| row.first()) {
            Some(Value::Int(position)) => Ok(*position as u64),
            _ => Err(Error::Damaged("there is no journal position".to_owned())),
        }
    }
}

/// Copies everything into a new database file, some rows at a time, so that memory does not grow with the
/// table.
fn write_anew(connection: &Connection, new: &Path) -> duckdb::Result<()> {
    let path = new.to_string_lossy().replace('\'', "''");
    connection.execute_batch(&format!(
        "attach '{path}' as compacted; copy from database spanreel to compacted (schema);"
    ))?;
    let mut tables = Vec::new();
    let sql = "select table_name from duckdb_tables() \
               where database_name = 'spanreel' and not temporary order by table_name";
    each_row(connection, sql, |row| {
        tables.extend(row.str("table_name").map(str::to_owned));
    })?;
    let count = |from: &str| -> duckdb::Result<u64> {
        let sql = format!("select count(*) from {from}");
        connection.query_row(&sql, [], |row| row.get(0))
    };
    for table in &tables {
        let rows: i64 = connection.query_row(
            &format!("select coalesce(max(rowid), -1) + 1 from main.{table}"),
            [],
            |row| row.get(0),
        )?;
        let step = rows_at_once(connection, table)?;
        let mut first = 0;
        while first < rows {
            let end = first + step;
            connection.execute_batch(&format!(
                "insert into compacted.{table} \
                 select * from main.{table} where rowid >= {first} and rowid < {end}"
            ))?;
            first = end;
        }
        let (from, to) = (
            count(&format!("main.{table}"))?,
            count(&format!("compacted.{table}"))?,
        );
        if from != to {
            let what = format!("{to} of {from} rows of {table} were copied");
            let error = std::io::Error::other(what);
            return Err(duckdb::Error::ToSqlConversionFailure(Box::new(error)));
        }
    }
    connection.execute_batch("checkpoint compacted; detach compacted")?;
    Ok(())
}

/// How many rows of a table go together.
fn rows_at_once(connection: &Connection, table: &str) -> duckdb::Result<i64> {
    let row_bytes = match own_name(table) {
        "piece" | "received" => connection.query_row(
            &format!("select coalesce(avg(octet_length(data)), 0)::bigint from main.{table}"),
            [],
            |row| row.get::<_, i64>(0),
        )? as u64,
        _ => 1_024,
    };
    let rows = BYTES_AT_ONCE / row_bytes.max(1);
    Ok(rows.clamp(*ROWS_AT_ONCE.start(), *ROWS_AT_ONCE.end()) as i64)
}

/// Removes what a compaction left that was cut off.
pub(crate) fn clear(database: &Path) {
    let folder = database.with_file_name(COMPACT_NAME);
    if folder.exists() {
        let bytes = size(&folder.join(FILE_NAME));
        tracing::info!(bytes, "removing what a compaction left that was cut off");
        if let Err(error) = fs::remove_dir_all(&folder) {
            tracing::warn!(%error, folder = %folder.display(), "cannot be removed");
        }
    }
}
