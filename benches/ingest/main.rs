//! How fast spans are acknowledged from disk and how soon they can be queried, beside the bare cost of
//! decoding and of appending the same spans to DuckDB, all in one run on one machine.
//!
//! `cargo bench --profile dev --bench ingest`; `SPANREEL_BENCH_BATCHES` sets how many batches each
//! measurement sends (default 160), `SPANREEL_BENCH_CONNECTIONS` over how many connections (`1,4`),
//! `SPANREEL_BENCH_ENCRYPTED=1` encrypts the data folder.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod bare;
mod send;
mod spans;

use std::time::{Duration, Instant};

use collector::Listeners;
use store::{EncryptionKey, Store};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const SPANS_PER_BATCH: usize = 512;
/// What the loader's groups come to under load.
const BATCHES_PER_GROUP: usize = 7;

/// One line of the result.
struct Line {
    what: String,
    spans_per_second: f64,
    note: String,
}

fn main() {
    let batch_count = setting("SPANREEL_BENCH_BATCHES", "160").parse().unwrap();
    let connections = setting("SPANREEL_BENCH_CONNECTIONS", "1,4");
    let batches = spans::batches(0, batch_count, SPANS_PER_BATCH);
    let span_count = batch_count * SPANS_PER_BATCH;
    let bytes: usize = batches.iter().map(|batch| batch.len()).sum();
    println!(
        "{span_count} spans of {} bytes in {batch_count} batches of {SPANS_PER_BATCH}; {} cores\n",
        bytes / span_count,
        std::thread::available_parallelism().map_or(0, usize::from),
    );

    println!(
        "encrypting the requests as pieces of 16 KiB and opening them again, one thread: {:.2} ms per MB\n",
        bare::seal(&batches).as_secs_f64() * 1e3 / (bytes as f64 / 1e6)
    );
    let decode = rate(span_count, bare::decode(&batches));
    let append = rate(span_count, bare::append(&batches));
    let mut lines = vec![
        line("bare protobuf decode, one thread", decode, String::new()),
        line(
            "bare DuckDB append, 16 batches per transaction",
            append,
            String::new(),
        ),
    ];
    for connections in connections.split(',').map(|n| n.trim().parse().unwrap()) {
        let run = whole_program(&batches, connections);
        let acknowledged = rate(span_count, run.acknowledged);
        let queryable = rate(span_count, run.queryable);
        let name = format!(
            "{connections} connection{}",
            if connections == 1 { "" } else { "s" }
        );
        lines.push(line(
            &format!("acknowledged from disk, {name}"),
            acknowledged,
            format!(
                "{:.2} of decode, {:.2} of append; answer p50 {:.1} ms, p99 {:.1} ms; {} told to retry",
                acknowledged / decode,
                acknowledged / append,
                run.latency(0.5),
                run.latency(0.99),
                run.busy,
            ),
        ));
        lines.push(line(
            &format!("queryable, {name}"),
            queryable,
            format!(
                "{:.2} of append{}; last span {:.2} s after its answer; {:.1} bytes on disk per byte sent",
                queryable / append,
                run.append_same_rows.map_or_else(String::new, |time| format!(
                    ", {:.2} of appending the same rows",
                    queryable / rate(span_count, time)
                )),
                (run.queryable - run.acknowledged).as_secs_f64(),
                run.disk_bytes as f64 / bytes as f64,
            ),
        ));
    }
    for Line {
        what,
        spans_per_second,
        note,
    } in lines
    {
        println!("{what:<48} {spans_per_second:>9.0} spans/s  {note}");
    }
    println!(
        "\nlargest resident memory of sender and program together: {} MiB",
        peak_mib()
    );
}

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

fn line(what: &str, spans_per_second: f64, note: String) -> Line {
    Line {
        what: what.to_owned(),
        spans_per_second,
        note,
    }
}

fn rate(spans: usize, time: Duration) -> f64 {
    spans as f64 / time.as_secs_f64()
}

/// What sending everything to the whole program took.
struct Run {
    /// Until the last answer.
    acknowledged: Duration,
    /// Until the last span could be queried.
    queryable: Duration,
    latencies: Vec<Duration>,
    busy: usize,
    disk_bytes: u64,
    /// Appending the rows that came of it to an empty database; not measured of an encrypted one.
    append_same_rows: Option<Duration>,
}

impl Run {
    /// Milliseconds that this share of the answers took at most.
    fn latency(&self, share: f64) -> f64 {
        let index = (share * (self.latencies.len() - 1) as f64) as usize;
        self.latencies[index].as_secs_f64() * 1000.0
    }
}

fn whole_program(batches: &[bytes::Bytes], connections: usize) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let key =
        (setting("SPANREEL_BENCH_ENCRYPTED", "0") == "1").then(|| EncryptionKey::draw().unwrap());
    let store = Store::open(store::Config {
        data_dir: folder.path().to_owned(),
        memory_limit_bytes: 192 << 20,
        reader_count: 2,
        encryption: key.clone(),
    })
    .unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let shutdown = CancellationToken::new();
    let (collector, address) = runtime.block_on(async {
        let grpc = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let http = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = grpc.local_addr().unwrap();
        let config = collector::Config {
            data_dir: folder.path().to_owned(),
            max_request_bytes: 64 << 20,
            memory_budget_bytes: 128 << 20,
            cached_acts: 20_000,
            read_body_refs: None,
            redaction: collector::redact::Settings::default(),
            encryption: key.clone(),
        };
        let listeners = Listeners {
            grpc: grpc.into(),
            http: http.into(),
            own: None,
        };
        let started = collector::start(config, listeners, store.clone(), shutdown.clone());
        (started.await.unwrap(), address)
    });
    let span_count = (batches.len() * SPANS_PER_BATCH) as u64;

    let begun = Instant::now();
    let sent = send::send(address, batches, connections, None);
    let acknowledged = begun.elapsed();
    let meter = collector.meter();
    while meter.counts().spans < span_count {
        assert!(
            begun.elapsed() < Duration::from_secs(600),
            "{} of {span_count} spans were loaded, after {} failures of the database",
            meter.counts().spans,
            meter.counts().load_failures,
        );
        std::thread::sleep(Duration::from_millis(2));
    }
    let queryable = begun.elapsed();
    println!("processor time of threads: {}", thread_times());
    assert_eq!(store.counts().unwrap().span_count, span_count);

    shutdown.cancel();
    runtime.block_on(collector.finished());
    store.close();
    let mut latencies = sent.latencies;
    latencies.sort_unstable();
    let file = folder.path().join("spanreel.duckdb");
    let transactions = batches.len().div_ceil(BATCHES_PER_GROUP);
    let append_same_rows = key
        .is_none()
        .then(|| bare::append_stored(&file, transactions));
    Run {
        append_same_rows,
        acknowledged,
        queryable,
        latencies,
        busy: sent.busy,
        disk_bytes: std::fs::metadata(folder.path().join("spanreel.duckdb"))
            .map_or(0, |file| file.len()),
    }
}

/// Milliseconds of processor time that each kind of thread has used, where the system tells.
fn thread_times() -> String {
    let mut of_name: std::collections::BTreeMap<String, u64> = std::collections::BTreeMap::new();
    for task in std::fs::read_dir("/proc/self/task").into_iter().flatten() {
        let stat = std::fs::read_to_string(task.unwrap().path().join("stat")).unwrap_or_default();
        let Some((name, rest)) = stat.split_once(") ") else {
            continue;
        };
        let ticks = rest.split_whitespace().skip(11).take(2);
        let name = name.split_once('(').map_or(name, |(_, name)| name);
        // A tick is a hundredth of a second.
        *of_name.entry(name.to_owned()).or_default() += ticks
            .filter_map(|ticks| ticks.parse::<u64>().ok())
            .sum::<u64>()
            * 10;
    }
    let texts = of_name.iter().map(|(name, ms)| format!("{name} {ms} ms"));
    texts.collect::<Vec<_>>().join(", ")
}

/// The largest resident memory so far, where the system tells.
fn peak_mib() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| {
        line.strip_prefix("VmHWM:")?
            .split_whitespace()
            .next()?
            .parse::<u64>()
            .ok()
    });
    peak.map_or_else(|| "unknown".to_owned(), |kib| (kib / 1024).to_string())
}
