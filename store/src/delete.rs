//! True deletion of sessions: their rows, the records they were made of, and the texts that nobody
//! else holds. One transaction, so that a crash leaves all or nothing of it.

use std::collections::HashSet;
use std::sync::Arc;

use duckdb::{Connection, Result, params};
use proto::agent::RecordRef;

use crate::columns::each_row;
use crate::deleted::Deleted;
use crate::received::{self, session_in};
use crate::writer::Core;
use crate::{Error, Notice, Store};

/// Requests whose records are gone through together.
const REQUESTS_AT_ONCE: usize = 128;

/// What a deletion has taken out of the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deletion {
    /// The sessions, those that they started included.
    pub session_ids: Vec<String>,
    pub span_count: u64,
    pub event_count: u64,
    pub payload_count: u64,
    /// Pieces of texts that nobody else held.
    pub piece_count: u64,
}

/// Row numbers that are gone, to be forgotten once the transaction is through.
#[derive(Default)]
struct Gone {
    resources: HashSet<i64>,
    payloads: HashSet<i64>,
    pieces: HashSet<i64>,
}

impl Store {
    /// Deletes sessions with the sessions that they started, remembers that they were deleted, and
    /// tells every subscriber. Records of them that come later are left out, until
    /// [`Self::allow_session_again`]. Unknown ids are passed over.
    ///
    /// # Errors
    /// [`Error::Commit`] when nothing was deleted.
    pub fn delete_sessions(
        &self,
        ids: &[String],
        deleted_ns: i64,
    ) -> std::result::Result<Deletion, Error> {
        if ids.is_empty() {
            return Ok(Deletion::default());
        }
        self.remove(ids, deleted_ns, None, |_| Ok(false))
    }

    /// Deletes sessions and what they started, for a `reason` when a rule takes them, which lets the log of
    /// changes hold them until it is folded; then, in the same transaction, what `also` does. It
    /// tells whether it has changed what is kept out.
    pub(crate) fn remove(
        &self,
        ids: &[String],
        deleted_ns: i64,
        reason: Option<&str>,
        also: impl FnOnce(&Connection) -> Result<bool>,
    ) -> std::result::Result<Deletion, Error> {
        let mut deletion = Deletion::default();
        self.change_and(
            |core| {
                if !ids.is_empty() {
                    deletion = choose(&core.connection, ids)?;
                }
                if deletion.session_ids.is_empty() {
                    let gone = Gone::default();
                    return Ok(if also(&core.connection)? {
                        Some((gone, Deleted::load(&core.connection)?))
                    } else {
                        None
                    });
                }
                take_out_records(core)?;
                take_out_rows(core, deleted_ns, reason, &mut deletion)?;
                let gone = sweep(core)?;
                deletion.payload_count = gone.payloads.len() as u64;
                deletion.piece_count = gone.pieces.len() as u64;
                also(&core.connection)?;
                Ok(Some((gone, Deleted::load(&core.connection)?)))
            },
            |core, done| {
                let Some((gone, deleted)) = done else { return };
                core.forget(&gone.resources, &gone.payloads, &gone.pieces);
                self.shared.recent.clear();
                core.deleted.become_after_deletion(deleted);
                // The log of changes still holds what was deleted.
                if reason.is_none() {
                    core.pack();
                }
            },
        )?;
        if !deletion.session_ids.is_empty() {
            let removed = deletion.session_ids.iter();
            let removed = removed.map(|id| Arc::from(id.as_str())).collect();
            self.tell(Notice::of_removal(removed));
        }
        Ok(deletion)
    }

    /// Lets records of a deleted session in again; false when it was not deleted.
    ///
    /// # Errors
    /// [`Error::Commit`] when nothing could be changed.
    pub fn allow_session_again(&self, session_id: &str) -> std::result::Result<bool, Error> {
        let mut was_deleted = false;
        self.change_and(
            |core| {
                let sql = "delete from deleted where session_id = ?";
                was_deleted = core.connection.execute(sql, params![session_id])? > 0;
                Deleted::load(&core.connection)
            },
            |core, deleted| core.deleted.become_like(deleted),
        )?;
        Ok(was_deleted)
    }
}

/// Notes what must go: sessions, the records that tell of them, and the acts made of those. A session
/// of which there are only log records or points has no row of its own.
fn choose(connection: &Connection, ids: &[String]) -> Result<Deletion> {
    connection.execute_batch(&format!(
        "create or replace temp table doomed as \
         with recursive family as ( \
             select session_id as id from ( \
                 select session_id from session union select session_id from event \
                 union select session_id from metric \
             ) where {} \
             union \
             select s.session_id from session s join family f on s.parent_session_id = f.id \
         ) from family; \
         create or replace temp table doomed_record as \
         select distinct received_id, record from ( \
             select received_id, record from span where session_id in (from doomed) \
             union all \
             select e.received_id, e.record from event e \
             left join trace t on t.trace_id = e.trace_id \
             where coalesce(e.session_id, t.session_id) in (from doomed) \
             union all \
             select received_id, record from metric where session_id in (from doomed) \
         ) where received_id is not null; \
         create or replace temp table doomed_act as \
         select act_id, trace_id, session_id, record_session_id, resource_session_id from span s \
         where session_id in (from doomed) or {RECORD_IS_DOOMED};",
        session_in("session_id", ids)
    ))?;
    let mut deletion = Deletion::default();
    each_row(connection, "select id from doomed order by id", |row| {
        deletion
            .session_ids
            .extend(row.str("id").map(str::to_owned));
    })?;
    Ok(deletion)
}

/// Whether the row `s` is made of a record that must go.
const RECORD_IS_DOOMED: &str = "exists (select 1 from doomed_record d \
     where d.received_id = s.received_id and d.record = s.record)";

/// Takes the received records out of the parts that hold them together with others.
fn take_out_records(core: &mut Core) -> Result<()> {
    let mut gone: HashSet<RecordRef> = HashSet::new();
    let mut request_ids = Vec::new();
    let sql = "select received_id, record from doomed_record order by all";
    each_row(&core.connection, sql, |row| {
        if let (Some(request_id), Some(number)) = (row.long("received_id"), row.int("record")) {
            gone.insert(RecordRef { request_id, number });
            request_ids.push(request_id);
        }
    })?;
    request_ids.dedup();
    for some in request_ids.chunks(REQUESTS_AT_ONCE) {
        let mut parts = received::read(&core.connection, some)?;
        parts.retain_mut(|part| part.without(|record| gone.contains(&record)));
        let ids: Vec<String> = some.iter().map(i64::to_string).collect();
        core.connection.execute_batch(&format!(
            "delete from {} where received_id in ({})",
            core.seal.table("received"),
            ids.join(",")
        ))?;
        core.append_received(&parts)?;
    }
    Ok(())
}

fn take_out_rows(
    core: &Core,
    deleted_ns: i64,
    reason: Option<&str>,
    deletion: &mut Deletion,
) -> Result<()> {
    let (connection, seal) = (&core.connection, &core.seal);
    let run = |sql: &str| connection.execute(sql, []).map(|count| count as u64);
    connection.execute(
        "insert into deleted \
         select 'session', d.id, d.id, make_timestamp_ns(?), s.span_count, ? \
         from doomed d left join session s on s.session_id = d.id",
        params![deleted_ns, reason],
    )?;
    let of_acts = |table: &str| {
        run(&format!(
            "delete from {} where act_id in (select act_id from doomed_act)",
            seal.table(table)
        ))
    };
    of_acts("call_asked")?;
    of_acts("result_seen")?;
    deletion.span_count = of_acts("span")?;
    deletion.event_count = run(&format!(
        "delete from {} where event_id in ( \
             select s.event_id from event s left join trace t on t.trace_id = s.trace_id \
             where coalesce(s.session_id, t.session_id) in (from doomed) or {RECORD_IS_DOOMED} \
         )",
        seal.table("event")
    ))?;
    run(&format!(
        "delete from metric where point_id in ( \
             select s.point_id from metric s \
             where s.session_id in (from doomed) or {RECORD_IS_DOOMED} \
         )"
    ))?;
    for table in [
        "session",
        "turn",
        "finding",
        "annotation",
        "tag",
        "checkpoint",
        "retention",
    ] {
        run(&format!(
            "delete from {} where session_id in (from doomed)",
            seal.table(table)
        ))?;
    }
    // What else is in such a trace is of a session that lives.
    run("update trace set session_id = s.session_id \
         from (select trace_id, min(session_id) as session_id from span group by trace_id) s \
         where trace.trace_id = s.trace_id and trace.session_id in (from doomed)")?;
    run("delete from trace where session_id in (from doomed)")?;
    connection.execute(
        "insert into deleted \
         select 'trace', trace_id, first(session_id order by act_id), \
             make_timestamp_ns(?), null, null \
         from doomed_act where trace_id not in (select trace_id from span) group by trace_id",
        params![deleted_ns],
    )?;
    connection.execute(
        "insert into deleted \
         select 'alias', id, first(session_id), make_timestamp_ns(?), null, null \
         from ( \
             select record_session_id as id, session_id from doomed_act \
             union all select resource_session_id, session_id from doomed_act \
         ) \
         where id is not null and id not in (from doomed) \
             and id not in (select session_id from session) \
         group by id",
        params![deleted_ns],
    )?;
    Ok(())
}

/// Takes out the resources, texts and pieces that nothing refers to any more.
fn sweep(core: &Core) -> Result<Gone> {
    let (connection, seal) = (&core.connection, &core.seal);
    connection.execute_batch(&format!(
        "create or replace temp table doomed_resource as \
         select resource_id as id from resource \
         where resource_id not in (select resource_id from span where resource_id is not null); \
         delete from {} where resource_id in (from doomed_resource); \
         create or replace temp table held as \
         select prompt_id as id from span union select input_id from span \
         union select output_id from span \
         union select prompt_id from turn union select response_id from turn \
         union select body_id from event \
         union select unnest(texts) from received \
         union select payload_id from payload where hash in ( \
             select input_hash from call_asked union all select output_hash from result_seen \
             union all select unhex(hash) from ( \
                 select unnest(regexp_extract_all( \
                     reported::varchar, '\"hash\":\"([0-9a-f]{{64}})\"', 1)) as hash \
                 from span where reported is not null \
             ) \
         ); \
         create or replace temp table doomed_payload as \
         select payload_id as id from payload p \
         where not exists (select 1 from held where held.id = p.payload_id); \
         delete from payload where payload_id in (from doomed_payload); \
         create or replace temp table held_piece as \
         select distinct unnest(pieces) as id from payload; \
         create or replace temp table doomed_piece as \
         select piece_id as id from piece p \
         where not exists (select 1 from held_piece h where h.id = p.piece_id); \
         delete from {} where piece_id in (from doomed_piece);",
        seal.table("resource"),
        seal.table("piece")
    ))?;
    let mut gone = Gone::default();
    for (table, ids) in [
        ("doomed_resource", &mut gone.resources),
        ("doomed_payload", &mut gone.payloads),
        ("doomed_piece", &mut gone.pieces),
    ] {
        each_row(connection, &format!("select id from {table}"), |row| {
            ids.extend(row.long("id"));
        })?;
    }
    connection.execute_batch(
        "drop table doomed; drop table doomed_record; drop table doomed_act; \
         drop table doomed_resource; drop table held; drop table doomed_payload; \
         drop table held_piece; drop table doomed_piece;",
    )?;
    Ok(gone)
}
