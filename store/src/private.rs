//! Private sessions: deleted like others, and kept out also before anything of them is stored.

use std::collections::HashSet;

use duckdb::params;
use proto::id::TraceId;

use crate::columns::each_row;
use crate::delete::Deletion;
use crate::instance::lock;
use crate::writer::Writer;
use crate::{Error, Store};

impl Store {
    /// Deletes sessions as [`Self::delete_sessions`] does, and leaves out what comes of them later, of
    /// those that are not there as well; and what names no session, of `traces`.
    ///
    /// # Errors
    /// [`Error::Commit`] when nothing was changed.
    pub fn make_private(
        &self,
        ids: &[String],
        traces: &[TraceId],
        deleted_ns: i64,
    ) -> Result<Deletion, Error> {
        self.remove(ids, deleted_ns, None, |connection| {
            let mut insert = connection.prepare(
                "insert into deleted select ?1, ?2, ?2, make_timestamp_ns(?3), null, null \
                 where not exists (select 1 from deleted where kind = ?1 and id = ?2)",
            )?;
            for id in ids {
                insert.execute(params!["session", id, deleted_ns])?;
            }
            for trace in traces {
                insert.execute(params!["trace", trace.hex(), deleted_ns])?;
            }
            Ok(true)
        })
    }
}

impl Writer {
    /// Whether records of this session are left out.
    pub fn keeps_out(&self, session_id: &str) -> bool {
        let core = lock(&self.shared.core);
        core.as_ref()
            .is_some_and(|core| core.deleted.has_session(session_id))
    }

    /// Whether records of this trace that name no session are left out.
    pub fn keeps_out_trace(&self, trace_id: &TraceId) -> bool {
        let core = lock(&self.shared.core);
        core.as_ref()
            .is_some_and(|core| core.deleted.has_trace(trace_id))
    }

    /// The sessions that stored traces belong to.
    ///
    /// # Errors
    /// [`Error::Query`] when the engine fails.
    pub fn sessions_of_traces(&mut self, traces: &HashSet<TraceId>) -> Result<Vec<String>, Error> {
        if traces.is_empty() {
            return Ok(Vec::new());
        }
        self.shared.instance()?;
        let guard = lock(&self.shared.core);
        let core = guard.as_ref().ok_or(Error::Closed)?;
        let ids: Vec<String> = traces.iter().map(|id| format!("'{}'", id.hex())).collect();
        let mut sessions = Vec::new();
        each_row(
            &core.connection,
            &format!(
                "select session_id from trace where trace_id in ({0}) \
                 union select session_id from event \
                 where trace_id in ({0}) and session_id is not null",
                ids.join(",")
            ),
            |row| sessions.extend(row.str("session_id").map(str::to_owned)),
        )
        .map_err(|source| Error::Query { source })?;
        Ok(sessions)
    }
}
