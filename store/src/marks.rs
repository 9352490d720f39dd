//! Tags and checkpoints: names that people give to sessions and to moments of them.

use duckdb::params;

use crate::{CheckpointRow, Error, Store};

impl Store {
    /// Gives a session tags and takes others away, and tells every subscriber that it changed.
    ///
    /// # Errors
    /// [`Error::Commit`] when nothing could be stored.
    pub fn change_tags(
        &self,
        session_id: &str,
        add: &[String],
        remove: &[String],
        created_ns: i64,
    ) -> Result<(), Error> {
        self.change(|core| {
            for tag in remove {
                core.connection.execute(
                    "delete from tag where session_id = ? and tag = ?",
                    params![session_id, tag],
                )?;
            }
            for tag in add {
                core.connection.execute(
                    "insert into tag select $1, $2, make_timestamp_ns($3) \
                     where not exists (from tag where session_id = $1 and tag = $2)",
                    params![session_id, tag, created_ns],
                )?;
            }
            Ok(())
        })?;
        self.tell_changed(session_id);
        Ok(())
    }

    /// Inserts a checkpoint, or moves the one of that name, and tells every subscriber that its
    /// session changed.
    ///
    /// # Errors
    /// [`Error::Commit`] when nothing could be stored.
    pub fn write_checkpoint(&self, checkpoint: &CheckpointRow) -> Result<(), Error> {
        let row = checkpoint;
        self.change(|core| {
            core.connection.execute(
                "delete from checkpoint where session_id = ? and name = ?",
                params![row.session_id, row.name],
            )?;
            core.connection.execute(
                "insert into checkpoint \
                 (session_id, name, trace_id, span_id, time, author, created_at) \
                 values (?, ?, ?, ?, make_timestamp_ns(?), ?, make_timestamp_ns(?))",
                params![
                    row.session_id,
                    row.name,
                    row.trace_id,
                    row.span_id,
                    row.time_ns,
                    row.author,
                    row.created_ns
                ],
            )?;
            Ok(())
        })?;
        self.tell_changed(&row.session_id);
        Ok(())
    }

    /// Removes the checkpoint of that name; false when there was none.
    ///
    /// # Errors
    /// [`Error::Commit`] when nothing could be removed.
    pub fn remove_checkpoint(&self, session_id: &str, name: &str) -> Result<bool, Error> {
        let mut count = 0;
        self.change(|core| {
            count = core.connection.execute(
                "delete from checkpoint where session_id = ? and name = ?",
                params![session_id, name],
            )?;
            Ok(())
        })?;
        self.tell_changed(session_id);
        Ok(count > 0)
    }
}
