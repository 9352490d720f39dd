//! What user SQL may and may not do, against a real store.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use duckdb::arrow::array::RecordBatch;
use duckdb::arrow::datatypes::{DataType, SchemaRef};

use super::{BatchSink, Cancel, StreamEnd, UserSql, UserSqlErrorKind};
use crate::{Column, Config, Store, Table, UserSqlError, Value};

struct Place {
    store: Store,
    folder: tempfile::TempDir,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(Config {
        data_dir: folder.path().to_owned(),
        memory_limit_bytes: 512 << 20,
        reader_count: 1,
        encryption: None,
    })
    .unwrap();
    Place { store, folder }
}

fn request(sql: &str) -> UserSql {
    UserSql {
        sql: sql.to_owned(),
        params: Vec::new(),
        max_rows: 1000,
        max_bytes: 1 << 20,
        timeout: Duration::from_secs(20),
    }
}

impl Place {
    fn run(&self, sql: &str) -> Result<Table, UserSqlError> {
        self.store.user_sql(&request(sql), &Cancel::default())
    }

    #[track_caller]
    fn refuses(&self, sql: &str) -> UserSqlError {
        match self.run(sql) {
            Err(error) => error,
            Ok(table) => panic!("ran: {sql}\n{:?}", table.rows),
        }
    }
}

#[test]
fn runs_what_reads_the_contract() {
    let place = place();
    for sql in [
        "select 1",
        "select 1;",
        " -- hello\n select 1 /* ; */ ; -- bye",
        "from spans",
        "FROM main.Sessions",
        "from \"spanreel\".main.spans",
        "table events",
        "values (1), (2)",
        "with a as (select 1 as x), b as (from a) select * from b, a",
        "with recursive r(n) as (select 1 union all select n + 1 from r where n < 5) from r",
        "with spans as (select * from spans) select count(*) from spans",
        "select session_id, count(*) from tool_calls group by all order by 2 desc limit 5",
        "select * from session_tree('x')",
        "from loops('x')",
        "from transcript('x')",
        "select * from range(3), unnest([1, 2])",
        "select unnest(range(5)), list_transform([1], lambda x: x + 1), [x for x in [1] if x > 0]",
        "select attributes ->> '$.a', json_extract(attributes, '$.b') from spans, json_each('{}')",
        "from spans pivot (count(*) for operation in ('tool', 'model') group by session_id)",
        "select row_number() over (partition by session_id order by started_at) from spans",
        "select * exclude (input, output) from model_requests where started_at > now()::timestamp - interval 1 day",
        "select case when true then 1 else 2 end, 'a' like '%', date_trunc('hour', now()), 1::varchar",
        "select count(*) filter (where status = 'error') from spans where session_id in (from sessions select session_id)",
        "describe spans",
        "summarize sessions",
        "show sessions",
        "show tables",
        "explain select count(*) from spans",
        "EXPLAIN ANALYZE select 1",
        "/* a */ explain -- b\n select 1;",
        "select repeat('x', 10), lpad('a', 5, ' '), printf('%5d %s', 1, 'x'), format('{:>5}', 'a')",
        "select content from messages where content ilike '%x%'",
        "select 1 union select 2 intersect select 2 except select 3",
    ] {
        if let Err(error) = place.run(sql) {
            panic!("{sql}\n{error:?}");
        }
    }
}

#[test]
fn refuses_before_it_runs() {
    let place = place();
    let database = place.folder.path().join("spanreel.duckdb");
    let database = database.to_str().unwrap();
    let by_path = [
        format!("select * from '{database}'"),
        format!("select * from read_blob('{database}')"),
        format!("with d as materialized (copy (select 'x') to '{database}') select * from d"),
        format!("attach '{database}' as other"),
        format!("copy (select 1) to '{database}'"),
    ];
    let fixed = [
        // Writing.
        "insert into span (act_id) values (1)",
        "update span set name = 'x'",
        "delete from span",
        "merge into span using span on true when matched then delete",
        "create table t (a int)",
        "create temp table t (a int)",
        "create temp macro m() as 1",
        "create or replace view spans as select 1",
        "drop view spans",
        "alter table span add column x int",
        "truncate span",
        "with d as (delete from span returning *) select * from d",
        "with d as (insert into span (act_id) values (1) returning *) select * from d",
        "with d as materialized (update span set name = 'x' returning *) select * from d",
        // Files and the world.
        "select * from '/etc/passwd'",
        "select * from 'f.csv'",
        "select * from \"f.parquet\"",
        "with \"f.csv\" as (select 1) select * from (select * from 'f.csv')",
        "from read_csv('/etc/passwd')",
        "from read_csv_auto('/etc/passwd')",
        "from read_text('/etc/passwd')",
        "from read_blob('/etc/passwd')",
        "from read_json('/etc/passwd')",
        "from read_ndjson_objects('/etc/passwd')",
        "from read_parquet('x')",
        "from parquet_metadata('x')",
        "from parquet_scan('x')",
        "from glob('/*')",
        "from sniff_csv('/etc/passwd')",
        "from read_duckdb('x')",
        "copy spans to '/tmp/x.csv'",
        "export database '/tmp/x'",
        "import database '/tmp/x'",
        "attach ':memory:' as m",
        "detach memory",
        "use memory",
        "install httpfs",
        "load httpfs",
        "load '/tmp/x.so'",
        // The engine's own state.
        "pragma database_list",
        "pragma show_tables",
        "set threads = 1",
        "reset threads",
        "set variable x = 1",
        "checkpoint",
        "vacuum",
        "analyze",
        "begin",
        "commit",
        "rollback",
        "prepare p as select 1",
        "execute p",
        "deallocate p",
        "call duckdb_settings()",
        "from duckdb_settings()",
        "from duckdb_databases()",
        "from duckdb_secrets()",
        "from duckdb_logs()",
        "from duckdb_temporary_files()",
        "from duckdb_tables()",
        "from pragma_database_size()",
        "from pragma_table_info('span')",
        "from checkpoint()",
        "from force_checkpoint()",
        "from test_all_types()",
        "show databases",
        "show all variables",
        "select current_setting('temp_directory')",
        "select getvariable('x')",
        "select getenv('HOME')",
        "select nextval('s')",
        "select write_log('x')",
        "select txid_current()",
        "from information_schema.tables",
        "from pg_catalog.pg_class",
        "from pg_class",
        "from sqlite_master",
        "from duckdb_views",
        // Private tables are not the contract.
        "from span",
        "from main.piece",
        "from other.main.spans",
        "with span2 as (select 1) select * from piece",
        "describe span",
        "summarize piece",
        "select message_content(1, 0)",
        // SQL in a text.
        "from query('select 1')",
        "from query_table('span')",
        "from query_table(['span', 'piece'])",
        "from json_execute_serialized_sql(json_serialize_sql('select 1'))",
        "select json_serialize_sql('select 1')",
        "select json_serialize_plan('select 1')",
        "pragma json_execute_serialized_sql('x')",
        // More than one.
        "select 1; select 2",
        "select 1; delete from span",
        "commit; delete from span",
        "select 1; ; attach 'x'",
        "explain select 1; delete from span",
        "explain delete from span",
        "explain analyze delete from span",
        "explain explain select 1",
        "-- only a comment",
        "",
        ";",
        "explain",
        // Hiding.
        "select 1 /* ; */; /* */ delete from span",
        "select/**/read_text('/etc/passwd')",
        "select system.main.read_text('/etc/passwd')",
        "select * from (select * from (from read_text('/etc/passwd')))",
        "select (select content from read_text('/etc/passwd') limit 1)",
        "select exists(from read_text('/etc/passwd'))",
        "select 1 order by (select content from read_text('/etc/passwd'))",
        "select list_transform([1], lambda x: (select content from read_text('/etc/passwd')))",
        "select * from spans where name in (select content from read_text('/etc/passwd'))",
        "select * from session_tree((select content from read_text('/etc/passwd')))",
        "select sum(1) over (order by (select current_setting('x')))",
        "select 1 limit (select current_setting('x')::int)",
        "from spans join read_text('x') on true",
        "from range((select count(*) from read_text('x')))",
        "select * replace (current_setting('x') as name) from spans",
        "select columns(c -> current_setting('x') = c) from spans",
        "from spans pivot (count(*) for operation in (select current_setting('x')))",
        "from (describe piece)",
        "with recursive r as (select 1 union all select 1 from read_text('x')) from r",
        "select 'x'::varchar collate nocase, current_setting('x')",
        "select try(current_setting('x'))",
        // Blowing up.
        "select sleep_ms(3000)",
        "select pg_sleep(3)",
        "select levenshtein(name, name) from spans",
        "select damerau_levenshtein(name, name) from spans",
        "select length(repeat('x', 1000000000))",
        "select repeat(name, 100) from spans",
        "select repeat(repeat('x', 100000), 100000)",
        "select lpad('x', 2000000000, 'y')",
        "select rpad('x', ?, 'y')",
        "select list_sort(list_transform(range(30000000), lambda x: x))",
        "select list_transform(range(1000), lambda x: range(1000))",
        "select list_resize([1], 1000000000)",
        "select printf('%1000000000d', 1)",
        "select format('{:>1000000000}', 'x')",
        "select format('{:{}}', 'x', 1000000000)",
        "select bitstring('1', 1000000000)",
    ];
    for sql in by_path.iter().map(String::as_str).chain(fixed) {
        let error = place.refuses(sql);
        let parse_error = error.kind == UserSqlErrorKind::Error && error.message.contains("yntax");
        assert!(
            error.kind == UserSqlErrorKind::Rejected || parse_error,
            "{sql}\n{error:?}"
        );
        let leaks = error.message.contains(database) && !sql.contains(database);
        assert!(!leaks, "{sql}: {}", error.message);
    }
    assert!(place.run("select count(*) from spans").is_ok());
}

/// What stands behind the check: even if something slipped through, it could not write or read.
#[test]
fn the_connection_itself_is_read_only_and_locked() {
    let place = place();
    let connection = place.store.user_connection().unwrap();
    connection
        .connection
        .execute_batch("begin transaction read only")
        .unwrap();
    for sql in [
        "insert into span (act_id, trace_id, span_id) values (1, '', '')",
        "create table t (a int)",
        "set threads = 1",
        "from read_text('/etc/passwd')",
        "copy (select 1) to '/tmp/spanreel-sandbox-test.csv'",
        "attach '/tmp/spanreel-sandbox-test.db'",
        "install httpfs",
        "load httpfs",
    ] {
        let outcome = connection.connection.execute_batch(sql);
        assert!(outcome.is_err(), "ran: {sql}");
        // An error may end the transaction.
        let _ = connection.connection.execute_batch("rollback");
        connection
            .connection
            .execute_batch("begin transaction read only")
            .unwrap();
    }
}

#[test]
fn points_at_the_mistake() {
    let place = place();
    for (sql, kind, at) in [
        ("selec 1", UserSqlErrorKind::Error, "selec"),
        ("select é, nope from spans", UserSqlErrorKind::Error, "é"),
        (
            "select name,\n  nope from spans",
            UserSqlErrorKind::Error,
            "nope",
        ),
        (
            "explain select nope from spans",
            UserSqlErrorKind::Error,
            "nope",
        ),
        (
            "select 'ß', getenv('x')",
            UserSqlErrorKind::Rejected,
            "getenv",
        ),
        (
            "explain from read_text('x')",
            UserSqlErrorKind::Rejected,
            "read_text",
        ),
        (
            "select 1 from nowhere",
            UserSqlErrorKind::Rejected,
            "nowhere",
        ),
    ] {
        let error = place.refuses(sql);
        assert_eq!(error.kind, kind, "{sql}: {error:?}");
        let position = error.position.unwrap_or_else(|| panic!("{sql}: {error:?}"));
        let rest: String = sql.chars().skip(position).collect();
        assert!(
            rest.starts_with(at),
            "{sql}: at `{rest}`: {}",
            error.message
        );
        assert!(!error.message.contains("LINE "), "{}", error.message);
    }
}

#[test]
fn helps_with_times() {
    let error = place().refuses("from spans where started_at > now() - interval 1 hour");
    assert!(
        error.message.ends_with("write now()::timestamp"),
        "{}",
        error.message
    );
}

#[test]
fn binds_parameters() {
    let place = place();
    let mut query = request("select ?::varchar, $2::bigint + 1");
    query.params = vec![Value::Text("it's; --".into()), Value::Int(41)];
    let table = place.store.user_sql(&query, &Cancel::default()).unwrap();
    assert_eq!(
        table.rows,
        [[Value::Text("it's; --".into()), Value::Int(42)]]
    );
    assert_eq!(table.columns[1].sql_type, "BIGINT");
    query.params.pop();
    let error = place
        .store
        .user_sql(&query, &Cancel::default())
        .unwrap_err();
    assert_eq!(error.kind, UserSqlErrorKind::Error);
    assert_eq!(error.message, "the query has 2 parameters, 1 were given");
}

#[test]
fn cuts_long_results() {
    let place = place();
    let mut query = request("select range as n, 'x' from range(1000000000)");
    query.max_rows = 10;
    let table = place.store.user_sql(&query, &Cancel::default()).unwrap();
    assert_eq!((table.rows.len(), table.truncated), (10, true));
    query.max_rows = 1_000_000;
    query.max_bytes = 2000;
    let table = place.store.user_sql(&query, &Cancel::default()).unwrap();
    assert!(table.truncated && table.rows.len() < 1000);
    query.sql = "from range(10)".to_owned();
    query.max_rows = 10;
    let table = place.store.user_sql(&query, &Cancel::default()).unwrap();
    assert_eq!((table.rows.len(), table.truncated), (10, false));
}

#[test]
fn stops_in_time() {
    let place = place();
    for sql in [
        "select count(*) from range(100000) a, range(100000) b, range(100000) c where a.range + b.range + c.range < 0",
        "with recursive r(n) as (select 1 union all select n + 1 from r) select max(n) from r",
        "explain analyze select count(*) from range(100000) a, range(100000) b, range(100000) c where a.range + b.range + c.range < 0",
    ] {
        let mut query = request(sql);
        query.timeout = Duration::from_millis(300);
        let started = Instant::now();
        let error = place
            .store
            .user_sql(&query, &Cancel::default())
            .unwrap_err();
        assert_eq!(error.kind, UserSqlErrorKind::Timeout, "{sql}: {error:?}");
        assert!(started.elapsed() < Duration::from_secs(3), "{sql}");
    }
    assert!(place.run("select 1").is_ok());
}

#[test]
fn stops_when_asked() {
    let place = place();
    let query = request(
        "select count(*) from range(100000) a, range(100000) b, range(100000) c where a.range + b.range + c.range < 0",
    );
    let cancel = Cancel::default();
    let other = cancel.clone();
    let started = Instant::now();
    let canceller = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        other.cancel();
    });
    let error = place.store.user_sql(&query, &cancel).unwrap_err();
    canceller.join().unwrap();
    assert_eq!(error.kind, UserSqlErrorKind::Cancelled);
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[test]
fn stops_before_the_memory_is_gone() {
    let place = place();
    for sql in [
        "select list(a.range || b.range || 'xxxxxxxxxxxxxxxxxxxxxxx') from range(20000) a, range(20000) b",
        "with recursive r(s) as (select 'xxxxxxxxxxxxxxxx' union all select s || s from r) select max(length(s)) from r",
    ] {
        let error = place.refuses(sql);
        assert_eq!(error.kind, UserSqlErrorKind::Memory, "{sql}: {error:?}");
    }
    assert!(place.run("select count(*) from spans").is_ok());
}

#[test]
fn waits_for_a_free_slot() {
    let place = place();
    let slow = "select count(*) from range(100000) a, range(100000) b, range(100000) c where a.range + b.range + c.range < 0";
    let cancel = Cancel::default();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| place.store.user_sql(&request(slow), &cancel));
        }
        std::thread::sleep(Duration::from_millis(200));
        let mut query = request("select 1");
        query.timeout = Duration::from_millis(100);
        let error = place
            .store
            .user_sql(&query, &Cancel::default())
            .unwrap_err();
        assert_eq!(error.kind, UserSqlErrorKind::Busy);
        cancel.cancel();
        assert!(place.run("select 1").is_ok());
    });
}

/// Takes so many batches, then no more.
struct Counted {
    columns: Vec<Column>,
    rows: usize,
    batches_left: usize,
}

impl BatchSink for Counted {
    fn begin(&mut self, _: SchemaRef, columns: Vec<Column>) -> ControlFlow<()> {
        self.columns = columns;
        ControlFlow::Continue(())
    }

    fn batch(&mut self, batch: RecordBatch) -> ControlFlow<()> {
        self.rows += batch.num_rows();
        self.batches_left -= 1;
        match self.batches_left {
            0 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}

#[test]
fn a_stream_ends_at_its_limits() {
    let place = place();
    let stream = |max_rows, max_bytes, batches_left| {
        let mut request = request("select range::bigint as n from range(10000)");
        request.max_rows = max_rows;
        request.max_bytes = max_bytes;
        let mut sink = Counted {
            columns: Vec::new(),
            rows: 0,
            batches_left,
        };
        let end = place
            .store
            .user_sql_stream(&request, &Cancel::default(), &mut sink)
            .unwrap();
        assert_eq!(sink.columns[0].sql_type, "BIGINT");
        (end, sink.rows)
    };
    assert_eq!(stream(10_000, 1 << 30, 99), (StreamEnd::Complete, 10_000));
    assert_eq!(stream(9_999, 1 << 30, 99), (StreamEnd::RowLimit, 9_999));
    assert_eq!(stream(0, 1 << 30, 99), (StreamEnd::RowLimit, 0));
    let (end, rows) = stream(10_000, 40_000, 99);
    assert_eq!(end, StreamEnd::ByteLimit);
    assert!(rows < 10_000, "{rows}");
    let (end, rows) = stream(10_000, 1 << 30, 1);
    assert_eq!(end, StreamEnd::SinkClosed);
    assert!(rows < 10_000, "{rows}");
}

#[test]
fn a_description_makes_no_row_and_passes_the_same_gate() {
    let place = place();
    let describe = |sql: &str, params: Vec<Value>| {
        let mut request = request(sql);
        request.params = params;
        place.store.describe_user_sql(&request, &Cancel::default())
    };
    // Would fail if it ran.
    let described = describe("select error('ran')::int as a, 'x' as b -- end", vec![]).unwrap();
    let schema = described.schema.unwrap();
    assert_eq!(*schema.field(0).data_type(), DataType::Int32);
    assert_eq!(*schema.field(1).data_type(), DataType::Utf8);
    for sql in [
        "from sessions;",
        "select 1; -- end",
        "explain select 1",
        "describe spans",
    ] {
        let described = describe(sql, vec![]).unwrap();
        assert!(described.schema.is_some(), "{sql}");
        assert!(described.parameters.is_empty(), "{sql}");
    }
    let described = describe("select ? as a, $2 as b", vec![]).unwrap();
    assert_eq!(described.parameters, ["1", "2"]);
    assert_eq!(described.schema, None);
    let described = describe("select ? as a", vec![Value::Int(1)]).unwrap();
    let schema = described.schema.unwrap();
    assert_eq!(*schema.field(0).data_type(), DataType::Int64);
    for sql in [
        "delete from span",
        "select 1) union all (select act_id from span",
        "select 1; select 2",
    ] {
        assert!(describe(sql, vec![]).is_err(), "{sql}");
    }
}
