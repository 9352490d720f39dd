//! Annotations: what people say of acts, written by the reading side through the writer's own lock.

use duckdb::params;

use crate::seal;
use crate::{AnnotationRow, Error, Notice, Store};

const TABLE: &str = "annotation";

impl Store {
    /// Inserts or replaces an annotation by id, and tells every subscriber that its session changed.
    ///
    /// # Errors
    /// [`Error::Commit`] when nothing could be stored.
    pub fn write_annotation(&self, annotation: &AnnotationRow) -> Result<(), Error> {
        let row = annotation;
        self.change(|core| {
            let (connection, seal) = (&core.connection, &core.seal);
            let table = seal.table(TABLE);
            let comment = seal::cell(
                seal,
                TABLE,
                "comment",
                &row.annotation_id,
                row.comment.as_deref(),
            )
            .map_err(|error| duckdb::Error::ToSqlConversionFailure(Box::new(error)))?;
            connection.execute(
                &format!("delete from {table} where annotation_id = ?"),
                params![row.annotation_id],
            )?;
            connection.execute(
                &format!(
                    "insert into {table} (annotation_id, session_id, trace_id, span_id, turn, \
                     verdict, comment, author, created_at) \
                     values (?, ?, ?, ?, ?, ?, ?, ?, make_timestamp_ns(?))"
                ),
                params![
                    row.annotation_id,
                    row.session_id,
                    row.trace_id,
                    row.span_id,
                    row.turn,
                    row.verdict,
                    comment,
                    row.author,
                    row.created_ns
                ],
            )?;
            Ok(())
        })?;
        self.tell_changed(&row.session_id);
        Ok(())
    }

    /// Removes an annotation of a session, and tells every subscriber that the session changed.
    ///
    /// # Errors
    /// [`Error::Commit`] when nothing could be removed.
    pub fn remove_annotation(&self, session_id: &str, annotation_id: &str) -> Result<(), Error> {
        self.change(|core| {
            core.connection.execute(
                &format!(
                    "delete from {} where annotation_id = ? and session_id = ?",
                    core.seal.table(TABLE)
                ),
                params![annotation_id, session_id],
            )?;
            Ok(())
        })?;
        self.tell_changed(session_id);
        Ok(())
    }

    pub(crate) fn tell_changed(&self, session_id: &str) {
        self.tell(Notice::of_session(session_id));
    }
}
