//! Findings: written and removed by the reading side, through the writer's own lock.

use std::collections::HashMap;
use std::sync::Arc;

use crate::columns::{Columns, each_row};
use crate::instance::lock;
use crate::replaced;
use crate::writer::Core;
use crate::{ActKey, Error, FindingRow, Notice, Store};

impl Store {
    /// Tells every subscriber of findings that are about to be written: writing waits for the commits of
    /// others, and a flag is wanted at once.
    pub fn announce_findings(&self, findings: &[FindingRow]) {
        if !findings.is_empty() {
            self.tell(Notice::Findings(findings.to_vec()));
        }
    }

    /// Inserts or replaces findings by id, and tells every subscriber that they are stored. The time of
    /// detection stays that of the first writing.
    ///
    /// # Errors
    /// [`Error::Commit`] when nothing could be stored.
    pub fn write_findings(&self, findings: &[FindingRow]) -> Result<(), Error> {
        if findings.is_empty() {
            return Ok(());
        }
        let mut findings = findings.to_vec();
        self.change(|core| {
            findings.retain(|finding| !core.deleted.has_session(&finding.session_id));
            let ids: Vec<&str> = findings.iter().map(|f| f.finding_id.as_str()).collect();
            let connection = &core.connection;
            let mut first = HashMap::new();
            for some in ids.chunks(replaced::AT_ONCE) {
                let sql = format!(
                    "select finding_id, detected_at from finding where {}",
                    replaced::is_one_of("finding_id", some)
                );
                each_row(connection, &sql, |row| {
                    if let (Some(id), Some(at)) = (row.str("finding_id"), row.time("detected_at")) {
                        first.insert(id.to_owned(), at);
                    }
                })?;
            }
            delete(core, &ids)?;
            for finding in &mut findings {
                if let Some(at) = first.get(&finding.finding_id) {
                    finding.detected_ns = *at;
                }
            }
            columns_of(&findings).append_sealed(connection, &core.seal, "finding")
        })?;
        let mut session_ids: Vec<Arc<str>> = findings
            .iter()
            .map(|finding| Arc::from(finding.session_id.as_str()))
            .collect();
        session_ids.sort_unstable();
        session_ids.dedup();
        self.tell(Notice::FindingsStored(session_ids));
        Ok(())
    }

    /// Removes the findings with these ids, which are all of one session, and tells every
    /// subscriber that the session changed.
    ///
    /// # Errors
    /// [`Error::Commit`] when nothing could be removed.
    pub fn remove_findings(&self, session_id: &Arc<str>, ids: &[String]) -> Result<(), Error> {
        if ids.is_empty() {
            return Ok(());
        }
        self.change(|core| delete(core, ids))?;
        self.tell(Notice::of_session(session_id));
        Ok(())
    }

    /// Remembers that every session with an act up to this row (`act_id`) was looked at for findings.
    ///
    /// # Errors
    /// [`Error::Commit`] when nothing could be stored.
    pub fn mark_looked_at(&self, act_id: i64) -> Result<(), Error> {
        self.change(|core| {
            core.connection
                .execute(
                    "update state set value = ? where name = 'looked_at'",
                    [act_id],
                )
                .map(drop)
        })
    }

    /// One transaction under the writer's lock.
    pub(crate) fn change(
        &self,
        change: impl FnOnce(&mut Core) -> duckdb::Result<()>,
    ) -> Result<(), Error> {
        self.change_and(change, |_, ()| {})
    }

    /// As [`Self::change`], and what is to be done with its result before anybody else writes.
    pub(crate) fn change_and<T>(
        &self,
        change: impl FnOnce(&mut Core) -> duckdb::Result<T>,
        committed: impl FnOnce(&mut Core, T),
    ) -> Result<(), Error> {
        self.refuse_limited()?;
        self.shared.instance()?;
        let mut guard = lock(&self.shared.core);
        let core = guard.as_mut().ok_or(Error::Closed)?;
        match core.transaction(change) {
            Ok(result) => committed(core, result),
            Err(source) => {
                let error = Error::Commit { source };
                if error.is_fatal() {
                    let failed = core.instance.clone();
                    self.shared.recover_with(&failed, &mut guard)?;
                }
                return Err(error);
            }
        }
        Ok(())
    }

    pub(crate) fn tell(&self, notice: Notice) {
        // Nobody listening is no error.
        let _ = self.shared.notices.send(Arc::new(notice));
    }
}

fn delete(core: &Core, ids: &[impl AsRef<str>]) -> duckdb::Result<()> {
    let table = core.seal.table("finding");
    replaced::delete(&core.connection, &table, "finding_id", ids)
}

fn columns_of(findings: &[FindingRow]) -> Columns {
    let mut c = Columns::default();
    let rows = || findings.iter();
    macro_rules! texts {
        ($($field:ident),+) => { $(c.text(stringify!($field), rows().map(|f| Some(&f.$field)));)+ };
    }
    texts!(
        finding_id,
        session_id,
        kind,
        severity,
        confidence,
        detector,
        title,
        explanation
    );
    let keys = |of: fn(&ActKey) -> String| rows().map(move |f| f.spans.iter().map(of).collect());
    c.texts::<String>("trace_ids", keys(|key| key.trace_id.hex()));
    c.texts::<String>("span_ids", keys(|key| key.span_id.hex()));
    c.long("repeat_count", rows().map(|f| Some(f.repeat_count)));
    c.long("wasted_ns", rows().map(|f| Some(f.wasted_ns)));
    c.long("wasted_tokens", rows().map(|f| Some(f.wasted_tokens)));
    c.double("wasted_cost_usd", rows().map(|f| f.wasted_cost_usd));
    c.time("detected_at", rows().map(|f| Some(f.detected_ns)));
    c.time("updated_at", rows().map(|f| Some(f.updated_ns)));
    c.flag("open", rows().map(|f| Some(f.open)));
    c
}
