//! What goes by the rules of retention: which sessions, in which order, and what people said of one.
//!
//! A session goes with those that it started and others below them: the family is as old as its latest
//! activity, and what is said of one of its sessions holds for all.

use duckdb::params;

use crate::columns::each_row;
use crate::load::quoted;
use crate::{Deletion, Error, Notice, Store};

/// A session that was active within this time is not taken away to save space.
const STILL_ACTIVE_NS: i64 = 15 * 60 * 1_000_000_000;

/// How long recordings are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RetentionRules {
    /// Since the latest activity; `None` = for ever.
    pub max_age_ns: Option<i64>,
    /// In place of `max_age_ns`, of sessions with a tag; the longest of a session's tags counts.
    pub tags: Vec<(String, Option<i64>)>,
    /// Of everything stored; beyond it the oldest go.
    pub max_size_bytes: Option<u64>,
}

/// What was said of one session; it goes before all rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    /// It stays until somebody deletes it.
    Keep,
    /// It goes at this time (Unix nanoseconds), and not before.
    ExpireAt(i64),
}

/// A session that may go, with those that it started.
#[derive(Debug, Clone, PartialEq)]
pub struct Expired {
    pub session_id: String,
    pub title: Option<String>,
    /// Latest activity of the family, Unix nanoseconds.
    pub last_ns: i64,
    /// Of the family.
    pub session_count: u64,
    /// Of the family.
    pub span_count: u64,
    /// The part of everything stored that the family takes, 0 to 1: an estimate by the sizes of its texts,
    /// those that others hold as well included.
    pub share: f64,
    /// `age`, `tag: <tag>`, `expired` or `size`.
    pub reason: String,
}

impl Store {
    /// Says of a session how long it is kept; `None` takes that back.
    ///
    /// # Errors
    /// [`Error::Commit`] when nothing could be stored.
    pub fn set_retention(
        &self,
        session_id: &str,
        retention: Option<Retention>,
        created_ns: i64,
    ) -> Result<(), Error> {
        self.change(|core| {
            core.connection.execute(
                "delete from retention where session_id = ?",
                params![session_id],
            )?;
            let expires_ns = match retention {
                None => return Ok(()),
                Some(Retention::Keep) => None,
                Some(Retention::ExpireAt(ns)) => Some(ns),
            };
            core.connection.execute(
                "insert into retention (session_id, expires_at, created_at) \
                 values (?, make_timestamp_ns(?), make_timestamp_ns(?))",
                params![session_id, expires_ns, created_ns],
            )?;
            Ok(())
        })?;
        self.tell_changed(session_id);
        Ok(())
    }

    /// What was said of a session.
    ///
    /// # Errors
    /// [`Error::Query`] when the engine fails.
    pub fn retention_of(&self, session_id: &str) -> Result<Option<Retention>, Error> {
        let sql = format!(
            "select expires_at from retention where session_id = {}",
            quoted(session_id)
        );
        self.with_reader(|connection| {
            let mut found = None;
            each_row(connection, &sql, |row| {
                found = Some(match row.time("expires_at") {
                    None => Retention::Keep,
                    Some(ns) => Retention::ExpireAt(ns),
                });
            })?;
            Ok(found)
        })
    }

    /// The sessions whose time is over, the oldest first.
    ///
    /// # Errors
    /// [`Error::Query`] when the engine fails.
    pub fn expired(&self, rules: &RetentionRules, now_ns: i64) -> Result<Vec<Expired>, Error> {
        let before = |age_ns: String| format!("last_ns < {now_ns} - {age_ns}");
        let by_age = match rules.max_age_ns {
            Some(age_ns) => before(age_ns.to_string()),
            None => "false".to_owned(),
        };
        let by_tag = before("tag_age_ns".to_owned());
        let sql = format!(
            "{} select * from ( \
                 select *, case \
                     when is_kept then null \
                     when expires_ns is not null then \
                         case when expires_ns <= {now_ns} then 'expired' end \
                     when for_ever then null \
                     when tag_age_ns is not null then \
                         case when {by_tag} then 'tag: ' || tag end \
                     when {by_age} then 'age' \
                 end as reason from judged \
             ) where reason is not null order by last_ns, root",
            judged(rules)
        );
        self.families(&sql)
    }

    /// The sessions that go first when space is short, the oldest first: all but those that are kept for
    /// ever or until a time of their own, and those that are active.
    ///
    /// # Errors
    /// [`Error::Query`] when the engine fails.
    pub fn oldest(&self, rules: &RetentionRules, now_ns: i64) -> Result<Vec<Expired>, Error> {
        let sql = format!(
            "{} select *, 'size' as reason from judged \
             where not is_kept and expires_ns is null and not for_ever \
                 and last_ns < {now_ns} - {STILL_ACTIVE_NS} \
             order by last_ns, root",
            judged(rules)
        );
        self.families(&sql)
    }

    fn families(&self, sql: &str) -> Result<Vec<Expired>, Error> {
        self.with_reader(|connection| {
            let mut families = Vec::new();
            each_row(connection, sql, |row| {
                if let (Some(id), Some(last_ns), Some(reason)) =
                    (row.str("root"), row.long("last_ns"), row.str("reason"))
                {
                    families.push(Expired {
                        session_id: id.to_owned(),
                        title: row.str("title").map(str::to_owned),
                        last_ns,
                        session_count: row.long("session_count").unwrap_or(0) as u64,
                        span_count: row.long("span_count").unwrap_or(0) as u64,
                        share: row.double("share").unwrap_or(0.0),
                        reason: reason.to_owned(),
                    });
                }
            })?;
            Ok(families)
        })
    }

    /// As [`Store::delete_sessions`], for a reason that is kept with them. What was deleted may be in the log
    /// of changes for a while.
    ///
    /// # Errors
    /// [`Error::Commit`] when nothing was deleted.
    pub fn delete_expired(
        &self,
        ids: &[String],
        reason: &str,
        deleted_ns: i64,
    ) -> Result<Deletion, Error> {
        if ids.is_empty() {
            return Ok(Deletion::default());
        }
        self.remove(ids, deleted_ns, Some(reason), |_| Ok(false))
    }

    /// Makes what was deleted leave the log of changes as well.
    ///
    /// # Errors
    /// [`Error::Commit`] when the engine fails.
    pub fn fold_log(&self) -> Result<(), Error> {
        self.shared.checkpoint()?;
        self.tell(Notice::of_removal(Vec::new()));
        Ok(())
    }

    /// Bytes of what is stored: texts and received records as they are compressed in the database, and an
    /// estimate for rows. What a deletion takes away is no longer in it, unlike in the file, where later
    /// recordings use the room.
    ///
    /// # Errors
    /// [`Error::Query`] when the engine fails.
    pub fn stored_bytes(&self) -> Result<u64, Error> {
        let sql = format!(
            "select ( \
                 (select coalesce(sum(octet_length(data)), 0) + {TEXT_ROW_BYTES} * count(*) from {}) \
                 + (select coalesce(sum(octet_length(data)), 0) from {}) \
                 + {TEXT_ROW_BYTES} * (select count(*) from payload) \
                 + {ROW_BYTES} * ((select count(*) from span) + (select count(*) from event) \
                     + (select count(*) from metric)))::bigint",
            self.shared.seal.table("piece"),
            self.shared.seal.table("received")
        );
        let bytes = self
            .with_reader(|connection| connection.query_row(&sql, [], |row| row.get::<_, i64>(0)))?;
        Ok(bytes as u64)
    }

    /// Bytes that the data folder takes on disk.
    pub fn folder_bytes(&self) -> u64 {
        self.shared.path.parent().map_or(0, folder_bytes)
    }
}

/// What a span, log record or point takes besides its texts, and a text or piece besides its bytes, index
/// entries included; about.
const ROW_BYTES: u64 = 300;
const TEXT_ROW_BYTES: u64 = 80;

fn folder_bytes(folder: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => folder_bytes(&entry.path()),
            Ok(found) => found.len(),
            Err(_) => 0,
        })
        .sum()
}

/// The relation `judged`: each family with what the rules look at.
fn judged(rules: &RetentionRules) -> String {
    let mut tags: Vec<String> = rules
        .tags
        .iter()
        .map(|(tag, age_ns)| {
            let age_ns = age_ns.map_or_else(|| "null".to_owned(), |ns| ns.to_string());
            format!("({}, {age_ns}::bigint)", quoted(tag))
        })
        .collect();
    if tags.is_empty() {
        // A tag has a name.
        tags.push("('', 0::bigint)".to_owned());
    }
    format!(
        "with recursive member as ( \
             select session_id, session_id as root from session s \
             where parent_session_id is null or not exists ( \
                 select 1 from session p where p.session_id = s.parent_session_id) \
             union \
             select s.session_id, m.root from session s \
             join member m on s.parent_session_id = m.session_id \
         ), rule(tag, age_ns) as (values {}), tagged as ( \
             select m.root, bool_or(r.age_ns is null) as for_ever, max(r.age_ns) as tag_age_ns, \
                 arg_max(r.tag, r.age_ns) as tag \
             from member m join tag t on t.session_id = m.session_id \
             join rule r on r.tag = t.tag group by m.root \
         ), judged as ( \
             select m.root, first(s.title) filter (s.session_id = m.root) as title, \
                 count(*)::bigint as session_count, \
                 coalesce(sum(s.span_count), 0)::bigint as span_count, \
                 (coalesce(sum(s.payload_bytes), 0) \
                     + {ROW_BYTES} * coalesce(sum(s.span_count), 0) + 1)::double as weight, \
                 weight / sum(weight) over () as share, \
                 max(epoch_ns(coalesce(s.last_at, s.started_at)))::bigint as last_ns, \
                 bool_or(r.session_id is not null and r.expires_at is null) as is_kept, \
                 max(epoch_ns(r.expires_at))::bigint as expires_ns, \
                 coalesce(any_value(t.for_ever), false) as for_ever, \
                 any_value(t.tag_age_ns) as tag_age_ns, any_value(t.tag) as tag \
             from member m join session s on s.session_id = m.session_id \
             left join retention r on r.session_id = m.session_id \
             left join tagged t on t.root = m.root \
             group by m.root having last_ns is not null \
         )",
        tags.join(", ")
    )
}
