//! Search and SQL at size: a gigabyte of what agents send, and a million small spans, loaded through
//! the program's own receiver and asked through its own API.
//!
//! `cargo bench --profile dev --bench search`; `SPANREEL_BENCH_RAW_MB` (default 1000) and
//! `SPANREEL_BENCH_SPANS` (default 1000000) set the sizes, 0 leaves a part out; `SPANREEL_BENCH_DATA`
//! names a folder to keep, which is asked again without loading when it is there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod runs;
#[path = "../ingest/send.rs"]
mod send;
mod words;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};
use spanreel::args::{EncryptionArgs, ServeArgs};
use spanreel::serve::{self, Running};
use tokio::runtime::Runtime;

/// Encoded requests that are made before they are sent.
const ROUND_BYTES: usize = 64 << 20;
const CONNECTIONS: usize = 2;
/// A question is asked so often; the first time counts as cold.
const TIMES: usize = 6;

/// Hands requests and the bytes of their texts to whoever sends them.
type Make<'a> = dyn Fn(&mut dyn FnMut(Bytes, usize)) + 'a;

fn main() {
    access::use_ring();
    let raw_mb: usize = setting("SPANREEL_BENCH_RAW_MB", "1000").parse().unwrap();
    let span_count: u64 = setting("SPANREEL_BENCH_SPANS", "1000000").parse().unwrap();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "{} cores, load {}",
        std::thread::available_parallelism().map_or(0, usize::from),
        load.trim()
    );
    let runtime = Runtime::new().unwrap();
    if raw_mb > 0 {
        part(
            &runtime,
            "raw",
            |send| runs::conversations(raw_mb << 20, send),
            search_questions,
        );
    }
    if span_count > 0 {
        part(
            &runtime,
            "spans",
            |send| runs::small_spans(span_count, send),
            sql_questions,
        );
    }
}

/// One kind of data in a folder of its own: loaded, then asked.
fn part(
    runtime: &Runtime,
    name: &str,
    make: impl Fn(&mut dyn FnMut(Bytes, usize)),
    ask: impl Fn(&Asker<'_>),
) {
    let temporary = tempfile::tempdir().unwrap();
    let kept =
        std::env::var_os("SPANREEL_BENCH_DATA").map(|folder| PathBuf::from(folder).join(name));
    let folder = kept.as_deref().unwrap_or(temporary.path());
    if !folder.join("spanreel.duckdb").exists() {
        std::fs::create_dir_all(folder).unwrap();
        let running = start(runtime, folder);
        load(runtime, &running, &make);
        runtime.block_on(running.stop()).unwrap();
    }
    println!(
        "{:<44} {:>9.1} MB",
        "database file",
        megabytes(&folder.join("spanreel.duckdb"))
    );
    println!(
        "{:<44} {:>9.1} MB",
        "search index",
        megabytes(&folder.join("search"))
    );

    let running = start(runtime, folder);
    let asker = Asker {
        runtime,
        base: format!("http://{}/api/v1", running.ui),
        http: reqwest::Client::new(),
    };
    println!(
        "\n{:<44} {:>9} {:>9} {:>9}",
        "", "first ms", "median ms", "hits"
    );
    ask(&asker);
    println!();
    runtime.block_on(running.stop()).unwrap();
}

fn start(runtime: &Runtime, folder: &Path) -> Running {
    let args = ServeArgs::for_folder(Some(folder.to_owned()), EncryptionArgs::default());
    runtime
        .block_on(serve::start(&args))
        .unwrap_or_else(|error| panic!("{error}"))
}

fn load(runtime: &Runtime, running: &Running, make: &Make<'_>) {
    let begun = Instant::now();
    let mut round: Vec<Bytes> = Vec::new();
    let (mut round_bytes, mut raw_bytes, mut requests) = (0, 0, 0);
    let address = running.otlp_grpc;
    make(&mut |request, raw| {
        round_bytes += request.len();
        raw_bytes += raw;
        requests += 1;
        round.push(request);
        if round_bytes >= ROUND_BYTES {
            send::send(address, &std::mem::take(&mut round), CONNECTIONS, None);
            round_bytes = 0;
        }
    });
    send::send(address, &round, CONNECTIONS, None);
    println!(
        "{:<44} {:>9.1} MB in {requests} requests",
        "raw payload",
        raw_bytes as f64 / 1e6
    );
    println!(
        "{:<44} {:>9.1} s",
        "sent and acknowledged",
        begun.elapsed().as_secs_f64()
    );
    let stats = || -> Value {
        let url = format!("http://{}/api/v1/stats", running.ui);
        runtime.block_on(async { reqwest::get(url).await.unwrap().json().await.unwrap() })
    };
    wait(&|| stats()["ingest"]["queued_bytes"] == 0);
    println!("{:<44} {:>9.1} s", "loaded", begun.elapsed().as_secs_f64());
    let loaded = Instant::now();
    wait(&|| stats()["search"]["waiting_acts"] == 0);
    println!(
        "{:<44} {:>9.1} s",
        "indexed, after it was loaded",
        loaded.elapsed().as_secs_f64()
    );
}

fn wait(is_done: &dyn Fn() -> bool) {
    let since = Instant::now();
    while !is_done() {
        assert!(
            since.elapsed() < Duration::from_secs(3_600),
            "it does not end"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Asks the API and takes the time.
struct Asker<'a> {
    runtime: &'a Runtime,
    base: String,
    http: reqwest::Client,
}

impl Asker<'_> {
    fn get(&self, name: &str, path: &str) {
        self.line(name, || {
            let url = format!("{}{path}", self.base);
            self.runtime.block_on(async {
                let response = self.http.get(url).send().await.unwrap();
                response.json::<Value>().await.unwrap()
            })
        });
    }

    fn post(&self, name: &str, path: &str, body: &Value) {
        self.line(name, || {
            let url = format!("{}{path}", self.base);
            self.runtime.block_on(async {
                let response = self.http.post(url).json(body).send().await.unwrap();
                response.json::<Value>().await.unwrap()
            })
        });
    }

    fn line(&self, name: &str, ask: impl Fn() -> Value) {
        let mut times = Vec::new();
        let mut answer = Value::Null;
        for _ in 0..TIMES {
            let begun = Instant::now();
            answer = ask();
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        let first = times.remove(0);
        times.sort_by(f64::total_cmp);
        let hits = match (&answer["total"], &answer["rows"], &answer["error"]) {
            (_, _, Value::Object(error)) => error["message"].to_string(),
            (Value::Number(total), ..) => total.to_string(),
            (_, Value::Array(rows), _) => rows.len().to_string(),
            _ => String::new(),
        };
        println!(
            "{name:<44} {first:>9.0} {:>9.0} {hits:>9}",
            times[times.len() / 2]
        );
    }
}

fn search_questions(asker: &Asker<'_>) {
    for (name, query) in [
        ("rare word", "q=zebrafinch"),
        ("rare phrase", "q=%22zebrafinch+quorum%22"),
        ("common word", "q=let"),
        ("two common words", "q=let+self"),
        ("common phrase", "q=%22re+to%22"),
        ("prefix", "q=stave*"),
        ("common word, one tool", "q=let&tool=Bash"),
        ("common word, one session", "q=let&session=search-session-3"),
        ("common word without another", "q=let+-re"),
        ("word that is nowhere", "q=xylophonist"),
    ] {
        asker.get(name, &format!("/search?{query}"));
    }
    let sql = "select operation, part, count(*) from search('stave*') group by all";
    asker.post("search() in SQL, grouped", "/sql", &json!({ "sql": sql }));
    let sql = "select count(*) from messages where content like '%zebrafinch%'";
    asker.post(
        "the rare word by LIKE over messages",
        "/sql",
        &json!({"sql": sql, "timeout_ms": 120_000}),
    );
}

fn sql_questions(asker: &Asker<'_>) {
    asker.get("session list, first page", "/sessions");
    asker.get("session tree", "/sessions/small-session-500/tree");
    asker.get("search, common word", "/search?q=re");
    asker.get("search, prefix", "/search?q=stave*");
    for (name, sql) in [
        (
            "SQL: latest sessions",
            "from sessions select session_id, title, status, cost_usd order by started_at desc limit 50",
        ),
        (
            "SQL: session_tree()",
            "from session_tree('small-session-500')",
        ),
        (
            "SQL: tool statistics",
            "from tool_calls select tool_name, count(*), avg(duration_ns), count(*) filter (status = 'error') group by all",
        ),
        ("SQL: loops()", "from loops('small-session-500')"),
        (
            "SQL: all loops",
            "from findings where kind = 'loop' order by repeat_count desc limit 100",
        ),
    ] {
        asker.post(name, "/sql", &json!({ "sql": sql, "timeout_ms": 120_000 }));
    }
    let url = format!("{}/queries", asker.base);
    let list: Value = asker
        .runtime
        .block_on(async { reqwest::get(url).await.unwrap().json().await.unwrap() });
    for query in list["queries"].as_array().unwrap() {
        let name = query["name"].as_str().unwrap();
        let mut params = json!({});
        for parameter in query["parameters"].as_array().unwrap() {
            match parameter["name"].as_str().unwrap() {
                "session" => params["session"] = "small-session-500".into(),
                "since" => params["since"] = "2020-01-01".into(),
                "file" | "text" => params[parameter["name"].as_str().unwrap()] = "stave".into(),
                _ => {}
            }
        }
        let body = json!({"params": params, "timeout_ms": 120_000});
        asker.post(
            &format!("saved: {name}"),
            &format!("/queries/{name}"),
            &body,
        );
    }
}

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

/// Of a file or of the files of a folder.
fn megabytes(path: &Path) -> f64 {
    let Ok(meta) = std::fs::metadata(path) else {
        return 0.0;
    };
    if meta.is_file() {
        return meta.len() as f64 / 1e6;
    }
    let files = std::fs::read_dir(path).into_iter().flatten().flatten();
    files.map(|file| megabytes(&file.path())).sum()
}
