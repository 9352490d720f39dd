//! The gate for user SQL, through each of its four doors.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::time::Duration;

use arrow_flight::sql::client::FlightSqlServiceClient;
use serde_json::{Value, json};
use tonic::transport::{Channel, Endpoint};

use super::{cell, compare_with_page, files_below};
use crate::program::{Server, data_folder, program};

/// What must never be read: it stands in a file beside the server and in the server's environment.
const SECRET: &str = "planted-7f3a9c";

/// How long a query of an attacker may run before it is given up.
const PATIENCE: Duration = Duration::from_millis(1_500);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// It does not run.
    Refused,
    /// It runs, and is stopped.
    Stopped,
    /// It runs, and its result is cut.
    Cut,
}

/// Kinds of attack with their statements. FOLDER is one that the server may write to, DATABASE the file
/// of the database.
const ATTACKS: &[(&str, Wanted, &[&str])] = &[
    (
        "reads a file",
        Wanted::Refused,
        &[
            "from read_text('/etc/passwd')",
            "from read_blob('DATABASE')",
            "from read_csv('FOLDER/planted.csv')",
            "from read_csv_auto('planted.csv')",
            "from read_json('FOLDER/planted.csv')",
            "from read_ndjson_objects('/etc/passwd')",
            "from read_parquet('FOLDER/x.parquet')",
            "from parquet_metadata('FOLDER/x.parquet')",
            "from sniff_csv('FOLDER/planted.csv')",
            "from glob('/*')",
            "from read_text('file:///etc/passwd')",
            "select (select content from read_text('/etc/passwd'))",
            "select list_transform([1], lambda x: (select content from read_text('/etc/passwd')))",
            "select 1 order by (select content from read_text('/etc/passwd'))",
            "select system.main.read_text('/etc/passwd')",
        ],
    ),
    (
        "names a file as a table",
        Wanted::Refused,
        &[
            "from '/etc/passwd'",
            "from 'planted.csv'",
            "from \"planted.csv\"",
            "from 'FOLDER/planted.csv'",
            "from '../../../../etc/passwd'",
            "from 'DATABASE'",
            "from main.\"planted.csv\"",
            "with \"planted.csv\" as (select 1) from \"planted.csv\"",
            "from 'https://example.com/x.csv'",
            "from 's3://bucket/x.parquet'",
            "describe 'planted.csv'",
            "summarize 'planted.csv'",
            "select (from 'planted.csv')",
            "from spans join 'planted.csv' on true",
            "from spans where name in (from 'planted.csv')",
        ],
    ),
    (
        "writes a file",
        Wanted::Refused,
        &[
            "copy (select 1) to 'FOLDER/out.csv'",
            "copy spans to 'FOLDER/out.parquet'",
            "copy spans from 'FOLDER/planted.csv'",
            "copy from database spanreel to other",
            "with d as (copy (select 1) to 'FOLDER/out.csv') from d",
            "with d as materialized (copy (select 'x') to 'DATABASE' (format csv, use_tmp_file false)) from d",
            "select * from (copy (select 1) to 'FOLDER/out.csv')",
            "explain analyze copy (select 1) to 'FOLDER/out.csv'",
            "export database 'FOLDER/out'",
            "import database 'FOLDER/out'",
            "from write_log('x')",
        ],
    ),
    (
        "attaches or loads",
        Wanted::Refused,
        &[
            "attach 'FOLDER/other.db' as other",
            "attach ':memory:' as other",
            "attach 'DATABASE' as again",
            "attach 'https://example.com/x.db'",
            "detach spanreel",
            "use memory",
            "install httpfs",
            "force install httpfs from community",
            "load httpfs",
            "load 'FOLDER/evil.duckdb_extension'",
            "update extensions",
        ],
    ),
    (
        "changes settings",
        Wanted::Refused,
        &[
            "set enable_external_access = true",
            "set lock_configuration = false",
            "set global memory_limit = '1TB'",
            "set session threads = 64",
            "set variable x = 1",
            "reset all",
            "pragma enable_external_access",
            "pragma database_list",
            "pragma memory_limit='1TB'",
            "call pragma_version()",
            "select set_config('x', 'y', false)",
        ],
    ),
    (
        "changes what is stored",
        Wanted::Refused,
        &[
            "delete from span",
            "insert into sessions select * from sessions",
            "update span set name = 'x'",
            "merge into span using span on true when matched then delete",
            "truncate span",
            "drop view spans",
            "create table t (a int)",
            "create temp table t as select 1",
            "create or replace view spans as select 1",
            "create temp macro f() as 1",
            "alter table span add column x int",
            "create secret (type s3)",
            "with d as (delete from span returning *) from d",
            "with d as materialized (update span set name = 'x' returning *) from d",
            "explain analyze delete from span",
            "vacuum",
            "checkpoint",
            "from force_checkpoint()",
            "select nextval('s')",
        ],
    ),
    (
        "several statements",
        Wanted::Refused,
        &[
            "select 1; select 2",
            "select 1; delete from span",
            "commit; delete from span",
            "begin; select 1",
            "rollback",
            "select 1 /* ; */; /* */ delete from span",
            "select 1; -- \n attach 'FOLDER/other.db'",
            "explain select 1; delete from span",
            "prepare p as select 1",
            "execute p",
            "select '\0'; delete from span",
        ],
    ),
    (
        "hides SQL in a text",
        Wanted::Refused,
        &[
            "from query('delete from span')",
            "from query('select 1')",
            "from query_table('span')",
            "from query_table(['span', 'piece'])",
            "from json_execute_serialized_sql(json_serialize_sql('select 1'))",
            "select json_serialize_sql('select 1')",
            "select json_serialize_plan('select 1')",
            "pragma json_execute_serialized_sql('{}')",
            "from sql_auto_complete('sel')",
            "select parse_duckdb_log_message('QueryLog', 'x')",
        ],
    ),
    (
        "asks the engine about itself",
        Wanted::Refused,
        &[
            "select getenv('SPANREEL_PLANTED')",
            "select current_setting('temp_directory')",
            "select getvariable('x')",
            "from duckdb_settings()",
            "from duckdb_secrets()",
            "from duckdb_databases()",
            "from duckdb_extensions()",
            "from duckdb_functions()",
            "from duckdb_logs()",
            "from duckdb_memory()",
            "from duckdb_temporary_files()",
            "from pragma_database_size()",
            "from pragma_storage_info('span')",
            "from which_secret('x', 's3')",
            "from information_schema.tables",
            "from pg_catalog.pg_class",
            "from sqlite_master",
            "show databases",
            "select txid_current()",
            "select version(), current_database(), current_schemas(true)",
        ],
    ),
    (
        "reads private tables",
        Wanted::Refused,
        &[
            "from span",
            "from main.piece",
            "from spanreel.main.payload",
            "from \"SPAN\"",
            "describe span",
            "summarize piece",
            "with a as (from piece) from a",
            "with recursive r as (select 1 union all from piece) from r",
            "select * replace ((select count(*) from piece) as name) from spans",
            "from session_tree((select hash from piece limit 1))",
            "select columns(c -> (select true from piece)) from spans",
        ],
    ),
    (
        "sleeps or fills the memory at once",
        Wanted::Refused,
        &[
            "select sleep_ms(3000)",
            "select pg_sleep(3)",
            "select repeat('x', 1000000000)",
            "select repeat(repeat('x', 100000), 100000)",
            "select lpad('x', 2000000000, 'y')",
            "select list_resize([1], 1000000000)",
            "select list_transform(range(100000), lambda x: range(100000))",
            "select printf('%1000000000d', 1)",
            "select format('{:>1000000000}', 'x')",
            "select bitstring('1', 1000000000)",
            "select levenshtein(name, name) from spans",
            "select jaro_winkler_similarity(name, name) from spans",
        ],
    ),
    (
        "runs for ever",
        Wanted::Stopped,
        &[
            "select count(*) from range(100000) a, range(100000) b, range(100000) c where a.range + b.range + c.range < 0",
            "with recursive r(n) as (select 1 union all select n + 1 from r) select max(n) from r",
            "explain analyze select count(*) from range(100000) a, range(100000) b, range(100000) c where a.range + b.range + c.range < 0",
        ],
    ),
    (
        "takes all memory step by step",
        Wanted::Stopped,
        &[
            "select list(a.range || b.range || 'xxxxxxxxxxxxxxxxxxxxxxxx') from range(20000) a, range(20000) b",
            "with recursive r(s) as (select 'xxxxxxxxxxxxxxxx' union all select s || s from r) select max(length(s)) from r",
        ],
    ),
    (
        "returns without end",
        Wanted::Cut,
        &[
            "from range(1000000000000)",
            "select a.range from range(100000) a, range(100000) b",
        ],
    ),
];

/// Everything that an attack is tried on.
struct Target {
    server: Server,
    runtime: tokio::runtime::Runtime,
    http: reqwest::Client,
    flight: FlightSqlServiceClient<Channel>,
}

impl Target {
    fn new(server: Server) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let endpoint = Endpoint::new(server.url.clone()).expect("an address");
        let channel = runtime.block_on(endpoint.connect()).expect("a connection");
        Self {
            server,
            runtime,
            http: reqwest::Client::new(),
            flight: FlightSqlServiceClient::new(channel),
        }
    }

    fn request(&self, method: reqwest::Method, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{path}", self.server.url);
        let request = self.http.request(method, url).json(body);
        let request = request.header("accept", "application/json, text/event-stream");
        self.runtime.block_on(async {
            let answer = request.send().await.expect("an answer");
            let status = answer.status().as_u16();
            let body = answer.bytes().await.expect("a body");
            (status, serde_json::from_slice(&body).unwrap_or_default())
        })
    }

    /// As `POST /api/v1/sql`.
    fn sql(&self, sql: &str) -> Outcome {
        let timeout_ms = PATIENCE.as_millis() as u64;
        let body = json!({"sql": sql, "timeout_ms": timeout_ms});
        Outcome::of_api(self.request(reqwest::Method::POST, "/api/v1/sql", &body))
    }

    /// The rows of a query that is allowed.
    fn rows(&self, sql: &str) -> Value {
        let (status, body) =
            self.request(reqwest::Method::POST, "/api/v1/sql", &json!({ "sql": sql }));
        assert_eq!(status, 200, "{body}");
        body["rows"].clone()
    }

    /// Saved under a name, then run by it.
    fn saved(&self, sql: &str) -> Outcome {
        use reqwest::Method;
        let query = json!({"name": "attack", "sql": sql});
        let (status, body) = self.request(Method::POST, "/api/v1/queries", &query);
        if status != 201 {
            return Outcome::of_api((status, body));
        }
        let run = json!({"timeout_ms": PATIENCE.as_millis() as u64});
        let ran = self.request(Method::POST, "/api/v1/queries/attack", &run);
        let (status, _) = self.request(Method::DELETE, "/api/v1/queries/attack", &json!({}));
        assert_eq!(status, 204, "{sql}");
        Outcome::of_api(ran)
    }

    /// As the tool `query_sql` of MCP; given up when it takes long.
    fn mcp(&self, sql: &str) -> Outcome {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": "query_sql", "arguments": {"sql": sql}}});
        let request = self
            .http
            .post(format!("{}/mcp", self.server.url))
            .header("accept", "application/json, text/event-stream")
            .timeout(PATIENCE)
            .json(&call);
        let answer = self.runtime.block_on(async {
            let answer = request.send().await?;
            answer.json::<Value>().await
        });
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if error.is_timeout() => return Outcome::given_up(),
            Err(error) => panic!("{sql}: {error}"),
        };
        let result = &answer["result"];
        let code = match result["isError"].as_bool() {
            Some(true) => "isError",
            _ => "result",
        };
        Outcome {
            code: code.to_owned(),
            ran: code == "result",
            body: answer.to_string(),
        }
    }

    /// Over Flight SQL, rows and all; given up when it takes long.
    fn flight(&self, sql: &str) -> Outcome {
        use futures_util::TryStreamExt as _;
        let mut client = self.flight.clone();
        let query = async {
            let info = client.execute(sql.to_owned(), None).await?;
            let ticket = info.endpoint.into_iter().next().and_then(|end| end.ticket);
            let rows = client.do_get(ticket.expect("a ticket")).await?;
            rows.try_fold(0, async |count, batch| Ok(count + batch.num_rows()))
                .await
        };
        let outcome = self
            .runtime
            .block_on(async { tokio::time::timeout(PATIENCE, query).await });
        match outcome {
            Err(_) => Outcome::given_up(),
            Ok(Ok(rows)) => Outcome {
                code: format!("{rows} rows"),
                ran: true,
                body: String::new(),
            },
            Ok(Err(error)) => Outcome::of_flight(&error),
        }
    }
}

/// What an attacker got.
struct Outcome {
    /// Status and error code.
    code: String,
    /// It ran to a result.
    ran: bool,
    /// All of the answer.
    body: String,
}

impl Outcome {
    fn of_api((status, body): (u16, Value)) -> Self {
        let code = match body["error"]["code"].as_str() {
            Some(code) => format!("{status} {code}"),
            None if body["truncated"] == true => format!("{status}, cut"),
            None => status.to_string(),
        };
        Self {
            code,
            ran: status == 200,
            body: body.to_string(),
        }
    }

    fn of_flight(error: &arrow_flight::error::FlightError) -> Self {
        let code = match error {
            arrow_flight::error::FlightError::Tonic(status) => format!("{:?}", status.code()),
            error => error.to_string(),
        };
        Self {
            code,
            ran: false,
            body: error.to_string(),
        }
    }

    fn given_up() -> Self {
        Self {
            code: "runs until the client leaves".to_owned(),
            ran: false,
            body: String::new(),
        }
    }
}

#[test]
fn what_sql_gets() {
    let data = data_folder();
    let folder = data_folder();
    std::fs::write(folder.path().join("planted.csv"), format!("a\n{SECRET}\n")).expect("a file");
    let mut program = program();
    program
        .env("SPANREEL_PLANTED", SECRET)
        .current_dir(folder.path());
    let quiet: [&OsStr; 2] = ["--log".as_ref(), "error".as_ref()];
    let server = Server::start_as(program, data.path(), &quiet);
    server.play_demo();
    server.wait_until_loaded();
    let target = Target::new(server);
    let counts = "select (select count(*) from sessions), (select count(*) from spans), (select sum(span_count) from sessions)";
    let before = target.rows(counts);
    let kept = files_below(data.path());

    let mut table = "| attack | statement | `/api/v1/sql` | saved query | MCP | Flight SQL |\n|---|---|---|---|---|---|\n".to_owned();
    for (kind, wanted, statements) in ATTACKS {
        for statement in *statements {
            let database = data.path().join("spanreel.duckdb");
            let sql = statement
                .replace("FOLDER", &folder.path().to_string_lossy())
                .replace("DATABASE", &database.to_string_lossy());
            let outcomes = [
                target.sql(&sql),
                target.saved(&sql),
                target.mcp(&sql),
                target.flight(&sql),
            ];
            let mut row = format!("| {kind} | {} |", cell(&statement.replace('\0', "␀")));
            for outcome in &outcomes {
                // How far a bomb gets before which limit stops it depends on the machine.
                let told = match wanted {
                    Wanted::Stopped => "stopped",
                    _ => &outcome.code,
                };
                write!(row, " {told} |").expect("a text takes it");
                assert!(!outcome.body.contains(SECRET), "{sql}: {}", outcome.body);
                let as_wanted = match wanted {
                    Wanted::Refused => {
                        matches!(
                            outcome.code.as_str(),
                            "400 sql_rejected"
                                | "400 sql_error"
                                | "400 bad_request"
                                | "isError"
                                | "InvalidArgument"
                        )
                    }
                    Wanted::Stopped => {
                        !outcome.ran
                            && matches!(
                                outcome.code.as_str(),
                                "400 sql_timeout"
                                    | "400 sql_memory"
                                    | "isError"
                                    | "ResourceExhausted"
                                    | "runs until the client leaves"
                            )
                    }
                    Wanted::Cut => matches!(
                        outcome.code.as_str(),
                        "200, cut" | "result" | "runs until the client leaves"
                    ),
                };
                assert!(as_wanted, "{kind}: {row}\n{}", outcome.body);
            }
            table.push_str(&row);
            table.push('\n');
            // Not only alive: what was given up has let go of its place among the queries.
            let answer = target.sql("select 1");
            assert_eq!(answer.code, "200", "after {sql}: {}", answer.body);
            assert_eq!(files_below(folder.path()), ["planted.csv"], "after {sql}");
        }
    }
    assert_eq!(target.rows(counts), before);
    let passing = |name: &str| {
        name.starts_with("journal/")
            || name.contains("search")
            || name.contains(".wal")
            || name.contains("tmp")
    };
    let new: Vec<String> = files_below(data.path())
        .into_iter()
        .filter(|name| !kept.contains(name) && !passing(name))
        .collect();
    assert_eq!(new, [""; 0], "left in the data folder");
    compare_with_page("sql attacks", &table);
}
