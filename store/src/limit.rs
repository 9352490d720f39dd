//! Reading that is limited to some projects.
//!
//! A connection of such a reading has temporary views before the tables, of the same names, which let
//! through what is of the sessions that it may see, and the public views and macros over those. So every
//! query of ours is limited in this one place, one that is written tomorrow too, and a table of which
//! nothing is said here is empty. SQL of users is not run on it: the engine may evaluate a user's
//! expressions before it filters, and their failures would tell of rows that nobody was to see.

use std::sync::Arc;

use duckdb::Connection;

use crate::columns::each_row;
use crate::load::quoted;
use crate::sandbox::{PUBLIC_CATALOG, PUBLIC_SCHEMA};
use crate::{Error, Store, schema, seal};

/// What lets a row of a table through.
enum Rows {
    /// This query gives them; `$` stands before the names of tables themselves.
    Of(&'static str),
    /// Those of the sessions, by `session_id`.
    OfSessions,
    /// All: they are come by through numbers in other rows only, which are let through or not.
    ByNumber,
}

/// Every table that a limited reading sees something of, each after those that it is let through by.
///
/// Other sessions may have started a session, and a record may name acts of others: where a column is made
/// by joining, it does not name what cannot be seen.
const TABLES: &[(&str, Rows)] = &[
    (
        "session",
        Rows::Of(
            "select * replace (case when parent_session_id in (from visible_session) \
                 then parent_session_id end as parent_session_id) \
             from $session where session_id in (from visible_session)",
        ),
    ),
    (
        "span",
        Rows::Of(
            "select * replace ( \
                 case when parent_session_id in (from visible_session) \
                     then parent_session_id end as parent_session_id, \
                 case when child_session_id in (from visible_session) \
                     then child_session_id end as child_session_id) \
             from $span where session_id in (from visible_session)",
        ),
    ),
    ("turn", Rows::OfSessions),
    ("trace", Rows::OfSessions),
    ("finding", Rows::OfSessions),
    ("annotation", Rows::OfSessions),
    ("tag", Rows::OfSessions),
    ("checkpoint", Rows::OfSessions),
    ("retention", Rows::OfSessions),
    ("metric", Rows::OfSessions),
    // A trace may hold spans of several sessions, and is said to be of one of them.
    (
        "event",
        Rows::Of(
            "select e.* from $event e left join $trace t on t.trace_id = e.trace_id \
             where coalesce(e.session_id, t.session_id) in (from visible_session) \
                 and not exists ( \
                     from $span s where s.trace_id = e.trace_id and s.span_id = e.span_id \
                         and s.session_id not in (from visible_session))",
        ),
    ),
    (
        "call_asked",
        Rows::Of("select * from $call_asked where act_id in (select act_id from span)"),
    ),
    (
        "result_seen",
        Rows::Of("select * from $result_seen where act_id in (select act_id from span)"),
    ),
    (
        "resource",
        Rows::Of("select * from $resource where resource_id in (select resource_id from span)"),
    ),
    (
        "received",
        Rows::Of(
            "select * from $received \
             where received_id in (select received_id from visible_record)",
        ),
    ),
    // As deletion knows what is still referred to, of what can be seen. The texts of a part of records
    // are those of its entries in turn, the head first, which is of all of them.
    (
        "payload",
        Rows::Of(
            "select * from $payload where payload_id in ( \
                 select prompt_id from span union all select input_id from span \
                 union all select output_id from span \
                 union all select prompt_id from turn union all select response_id from turn \
                 union all select body_id from event \
                 union all \
                 select e.text from ( \
                     select received_id, unnest(texts) as text, \
                         unnest(flatten(list_transform(range(1, len(numbers) + 1), lambda i: \
                             list_resize([numbers[i]], text_counts[i], numbers[i])))) as record, \
                         unnest(flatten(list_transform(range(1, len(numbers) + 1), lambda i: \
                             list_resize([i = 1], text_counts[i], i = 1)))) as is_head, \
                         numbers \
                     from $received where len(texts) > 0 \
                 ) e \
                 where exists ( \
                     from visible_record v where v.received_id = e.received_id \
                         and not e.is_head and v.record = e.record) \
                     or e.is_head and exists ( \
                     from visible_record v where v.received_id = e.received_id \
                         and list_contains(e.numbers[2:], v.record)) \
                 union all \
                 select payload_id from $payload where hash in ( \
                     select input_hash from call_asked union all select output_hash from result_seen \
                     union all select unhex(hash) from ( \
                         select unnest(regexp_extract_all( \
                             reported::varchar, '\"hash\":\"([0-9a-f]{64})\"', 1)) as hash \
                         from span where reported is not null)))",
        ),
    ),
    ("piece", Rows::ByNumber),
];

/// The sessions of which every project that their acts name is among `projects`, of which there is at
/// least one.
fn visible_sessions(projects: &[String]) -> String {
    let names: Vec<String> = projects.iter().map(|name| quoted(name)).collect();
    format!(
        "create temp view visible_session as select session_id from {} \
         where len(projects) > 0 and list_has_all([{}]::varchar[], projects)",
        own("session"),
        names.join(",")
    )
}

/// A table itself.
fn own(table: &str) -> String {
    format!("{PUBLIC_CATALOG}.{PUBLIC_SCHEMA}.{table}")
}

/// Puts the views before the tables of a connection.
pub(crate) fn define(connection: &Connection, projects: &[String]) -> duckdb::Result<()> {
    connection.execute_batch(&visible_sessions(projects))?;
    let mut tables = Vec::new();
    each_row(
        connection,
        "select table_name as name from duckdb_tables() where not internal and not temporary \
         and database_name = current_database()",
        // What is sealed stands behind a view of the table's name.
        |row| {
            tables.extend(
                row.str("name")
                    .map(|name| seal::plain_name(name).to_owned()),
            )
        },
    )?;
    for table in tables {
        if !TABLES.iter().any(|(name, _)| *name == table) {
            connection.execute_batch(&format!(
                "create temp view {table} as from {} where false",
                own(&table)
            ))?;
        }
    }
    for (table, rows) in TABLES {
        let query = match rows {
            Rows::Of(query) => query.replace('$', &own("")),
            Rows::OfSessions => {
                format!(
                    "from {} where session_id in (from visible_session)",
                    own(table)
                )
            }
            Rows::ByNumber => format!("from {}", own(table)),
        };
        connection.execute_batch(&format!("create temp view {table} as {query}"))?;
        if *table == "event" {
            connection.execute_batch(
                "create temp view visible_record as \
                 select received_id, record from span where received_id is not null \
                 union all select received_id, record from event where received_id is not null \
                 union all select received_id, record from metric where received_id is not null",
            )?;
        }
    }
    schema::define_temporary_views(connection)
}

impl Store {
    /// The same store, of which nothing can be read but what is of sessions of these projects: sessions
    /// of which all projects that their acts name are among them. Not for writing.
    pub fn limited_to(&self, projects: Arc<[String]>) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            projects: Some(projects),
        }
    }

    /// The projects that reading is limited to; `None` = to none.
    pub fn projects(&self) -> Option<&Arc<[String]>> {
        self.projects.as_ref()
    }

    /// Refuses what concerns everything.
    pub(crate) fn refuse_limited(&self) -> Result<(), Error> {
        match self.projects {
            None => Ok(()),
            Some(_) => Err(Error::Limited),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Value};

    fn open(folder: &std::path::Path) -> Store {
        Store::open(Config {
            data_dir: folder.to_owned(),
            memory_limit_bytes: 256 << 20,
            reader_count: 1,
            encryption: None,
        })
        .unwrap()
    }

    fn texts(store: &Store, sql: &str) -> Vec<String> {
        let table = store.read(sql, &[]).unwrap();
        let cell = |row: &Vec<Value>| match row.first() {
            Some(Value::Text(text)) => text.to_string(),
            other => format!("{other:?}"),
        };
        table.rows.iter().map(cell).collect()
    }

    /// A session `s1` of the shop and one `s2` of shop and blog, `s3` of the blog, which `s1` was started
    /// by, and `s4` of none.
    fn fill(store: &Store) {
        let fill = |core: &mut crate::writer::Core| {
            core.connection.execute_batch(
                "insert into session (session_id, parent_session_id, project, projects) values \
                     ('s1', 's3', 'shop', ['shop']), ('s2', null, 'shop', ['shop', 'blog']), \
                     ('s3', null, 'blog', ['blog']), ('s4', null, null, null); \
                 insert into span (act_id, trace_id, span_id, session_id, name, output_id, \
                     child_session_id, received_id, record) values \
                     (1, 't1', 'a', 's1', 'one', 11, null, 7, 1), \
                     (2, 't1', 'b', 's2', 'two', 12, null, 7, 2), \
                     (3, 't3', 'c', 's3', 'three', 13, 's1', 7, 3), \
                     (4, 't4', 'd', 's4', 'four', 14, null, null, null); \
                 insert into trace (trace_id, session_id) values ('t1', 's1'), ('t3', 's3'); \
                 insert into event (event_id, trace_id, span_id, session_id, name) values \
                     ('e1', 't1', 'a', null, 'of one'), ('e2', 't1', 'b', null, 'of two'), \
                     ('e3', 't3', 'c', null, 'of three'), ('e4', null, null, 's1', 'log of one'), \
                     ('e5', null, null, null, 'of nobody'); \
                 insert into metric (point_id, session_id, name) values \
                     ('m1', 's1', 'one'), ('m3', 's3', 'three'), ('m0', null, 'nobody'); \
                 insert into tag (session_id, tag) values ('s1', 'one'), ('s3', 'three'); \
                 insert into saved_query (name) values ('mine'); \
                 insert into deleted (kind, id, session_id) values ('session', 's9', 's9'); \
                 insert into call_asked (act_id, position, tool_name) values \
                     (1, 0, 'one'), (3, 0, 'three'); \
                 insert into payload (payload_id, hash_key, hash, size, pieces) \
                     select i, 0, 'h'::blob, 1, [i] from range(10, 30) t(i); \
                 insert into received (received_id, part, signal, numbers, sizes, text_counts, texts, \
                     raw_size, codec) values \
                     (7, 1, 1, [0, 1], [1, 1], [1, 1], [20, 21], 1, 0), \
                     (7, 2, 1, [0, 2, 3], [1, 1, 1], [1, 0, 2], [22, 23, 24], 1, 0);",
            )
        };
        store.change(fill).unwrap();
    }

    #[test]
    fn a_limited_reading_sees_its_sessions_and_what_hangs_on_them() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        fill(&store);
        let shop = store.limited_to([String::from("shop")].into());
        for (sql, seen) in [
            ("select session_id from session", vec!["s1"]),
            ("select session_id from sessions", vec!["s1"]),
            ("select parent_session_id from sessions", vec!["Some(Null)"]),
            ("select name from spans", vec!["one"]),
            ("select name from span", vec!["one"]),
            ("select trace_id from trace", vec!["t1"]),
            (
                "select name from events order by 1",
                vec!["log of one", "of one"],
            ),
            ("select name from metrics", vec!["one"]),
            ("select tag from tag", vec!["one"]),
            ("select name from saved_query", vec![]),
            ("select session_id from deleted_sessions", vec![]),
            ("select name from state", vec![]),
            ("select tool_name from call_asked", vec!["one"]),
            // What the act names, what its record does, and the head of the part that holds it.
            (
                "select payload_id::varchar from payload order by 1",
                vec!["11", "20", "21"],
            ),
            ("select name from session_tree('s3')", vec![]),
        ] {
            assert_eq!(texts(&shop, sql), seen, "{sql}");
        }
        let names = |names: &[&str]| -> Arc<[String]> {
            names.iter().map(|name| (*name).to_owned()).collect()
        };
        let of = |projects: &[&str]| {
            let limited = store.limited_to(names(projects));
            texts(&limited, "select session_id from session order by 1")
        };
        assert_eq!(of(&["blog", "shop"]), ["s1", "s2", "s3"]);
        assert_eq!(of(&["blog"]), ["s3"]);
        assert_eq!(of(&["it's; --"]), [""; 0]);
        assert_eq!(of(&[]), [""; 0]);
        let children = "select child_session_id from span where act_id = 3";
        assert_eq!(
            texts(&store.limited_to(names(&["blog"])), children),
            ["Some(Null)"]
        );
        assert_eq!(
            texts(&store.limited_to(names(&["blog", "shop"])), children),
            ["s1"]
        );
        // Nothing of it stays with the readers of everything.
        assert_eq!(texts(&store, "select count(*)::varchar from span"), ["4"]);
        assert_eq!(texts(&store, "select count(*)::varchar from spans"), ["4"]);
    }

    #[test]
    fn a_limited_reading_neither_writes_nor_runs_what_users_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let shop = store.limited_to([String::from("shop")].into());
        assert!(matches!(
            shop.change_tags("s1", &["x".to_owned()], &[], 0),
            Err(Error::Limited)
        ));
        let query = crate::UserSql {
            sql: "select 1".to_owned(),
            params: Vec::new(),
            max_rows: 1,
            max_bytes: 1 << 20,
            timeout: std::time::Duration::from_secs(5),
        };
        let refused = shop
            .user_sql(&query, &crate::Cancel::default())
            .unwrap_err();
        assert_eq!(refused.kind, crate::UserSqlErrorKind::Limited);
        assert!(store.user_sql(&query, &crate::Cancel::default()).is_ok());
    }

    /// A new table is empty for limited readings until somebody has decided; this reminds of it.
    #[test]
    fn every_table_was_decided_on() {
        const NONE: &[&str] = &[
            "deleted",
            "fold",
            "saved_query",
            "schema_version",
            "state",
            "view_version",
        ];
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let mut known: Vec<&str> = TABLES
            .iter()
            .map(|(name, _)| *name)
            .chain(NONE.iter().copied())
            .collect();
        known.sort_unstable();
        let sql = "select table_name from duckdb_tables() where not temporary order by 1";
        assert_eq!(texts(&store, sql), known);
    }
}
