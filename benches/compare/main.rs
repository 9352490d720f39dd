//! Spanreel and what it is compared with, each run as its users run it, with the same sender in turn.
//!
//! `SPANREEL_BENCH_SIDESEAT=…/sideseat cargo bench --profile dev --bench compare`. Linux only: memory
//! and processor time are read from `/proc`. `SPANREEL_BENCH_BATCHES` sets how many batches of 512 spans
//! a flood is (default 160), `SPANREEL_BENCH_PAYLOADS=1` leaves the floods out. Compare within one run only; `docs/performance.md` says what is measured.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

#[path = "../ingest/bare.rs"]
#[allow(dead_code)]
mod bare;
mod conversations;
mod programs;
#[path = "../ingest/send.rs"]
mod send;
#[path = "../ingest/spans.rs"]
mod spans;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use programs::{Program, Server, folder_bytes};

const SPANS_PER_BATCH: usize = 512;
const CONNECTIONS: usize = 4;
/// Spans per second that an ordinary load is.
const ORDINARY_RATE: f64 = 5000.0;
const PACED_TIME: Duration = Duration::from_secs(6);
const IDLE_TIME: Duration = Duration::from_secs(10);

/// What was measured of one program, and the value, printed at once.
#[derive(Default)]
struct Rows(Vec<(&'static str, String)>);

impl Rows {
    fn push(&mut self, (what, value): (&'static str, String)) {
        println!("  {what}: {value}");
        self.0.push((what, value));
    }
}

/// What stands in the table where a program never got there.
const NEVER: &str = "never";

fn main() {
    access::use_ring();
    let count = std::env::var("SPANREEL_BENCH_BATCHES").map_or(160, |n| n.parse().unwrap());
    let batches = spans::batches(0, count, SPANS_PER_BATCH);
    let raw: usize = batches.iter().map(Bytes::len).sum();
    println!(
        "{} spans of {} bytes in {count} batches of {SPANS_PER_BATCH} over {CONNECTIONS} connections, \
         the sender on the same machine; {} cores\n",
        count * SPANS_PER_BATCH,
        raw / (count * SPANS_PER_BATCH),
        std::thread::available_parallelism().map_or(0, usize::from),
    );
    let mut columns = Vec::new();
    for program in Program::all() {
        let append = rate(batches.len(), bare::append(&batches));
        println!("measuring {} …", program.name());
        columns.push((program.name(), measure(&program, &batches, append)));
    }
    print!("\n{:<58}", "");
    for (name, _) in &columns {
        print!("{name:>14}");
    }
    println!();
    for (what, _) in &columns[0].1.0 {
        print!("{what:<58}");
        for (_, rows) in &columns {
            let found = rows.0.iter().find(|(name, _)| name == what);
            print!("{:>14}", found.map_or("", |(_, value)| value));
        }
        println!();
    }
}

fn measure(program: &Program, batches: &[Bytes], append: f64) -> Rows {
    let mut rows = Rows::default();
    if std::env::var_os("SPANREEL_BENCH_PAYLOADS").is_some() {
        payloads(program, &mut rows);
        return rows;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = program.start(folder.path());
    std::thread::sleep(Duration::from_secs(2));
    let before = server.cpu();
    std::thread::sleep(IDLE_TIME);
    let idle = (server.cpu() - before).as_secs_f64() / IDLE_TIME.as_secs_f64();

    let span_count = (batches.len() * SPANS_PER_BATCH) as u64;
    let begun = Instant::now();
    let mut sent = send::send(server.grpc, batches, CONNECTIONS, None);
    let acknowledged = rate(batches.len(), begun.elapsed());
    let is_there = server.wait_for(span_count, Duration::from_millis(50));
    let queryable = rate(batches.len(), begun.elapsed());
    rows.push(("acknowledged, spans/s", format!("{acknowledged:.0}")));
    let or_never = |value: String| if is_there { value } else { NEVER.to_owned() };
    rows.push(("queryable, spans/s", or_never(format!("{queryable:.0}"))));
    rows.push((
        "bare DuckDB append just before, spans/s",
        format!("{append:.0}"),
    ));
    rows.push((
        "queryable / bare append",
        format!("{:.2}", queryable / append),
    ));
    rows.push((
        "answer at full load, p50 / p99 ms",
        percentiles(&mut sent.latencies),
    ));

    let every = Duration::from_secs_f64(SPANS_PER_BATCH as f64 / (acknowledged / 2.0));
    let half = ((PACED_TIME.as_secs_f64() / every.as_secs_f64()) as usize).min(batches.len() * 2);
    let more = spans::batches(batches.len(), half, SPANS_PER_BATCH);
    let mut paced = send::send(server.grpc, &more, CONNECTIONS, Some(every));
    rows.push((
        "answer at half of that load, p50 / p99 ms",
        percentiles(&mut paced.latencies),
    ));
    let span_count = span_count + (half * SPANS_PER_BATCH) as u64;
    server.wait_for(span_count, Duration::from_millis(50));
    rows.push((
        "peak resident memory so far, MiB",
        server.peak_mib().to_string(),
    ));
    let raw: usize = batches.iter().chain(&more).map(Bytes::len).sum();
    drop(more);
    let (mut lags, late) = lags(&server, batches.len() + half, span_count);
    rows.push((
        "queryable after the answer at 5,000 spans/s, p50 / p99 ms",
        percentiles(&mut lags),
    ));
    let raw = raw as f64 * (span_count as f64 + late as f64) / span_count as f64;
    server.stop();
    let stored = folder_bytes(folder.path()) as f64 / raw;
    rows.push(("bytes on disk per byte sent", format!("{stored:.2}")));
    rows.push(("processor use when idle", format!("{:.1} %", idle * 100.0)));

    crash(program, batches, &mut rows);
    payloads(program, &mut rows);
    rows
}

/// How long after its answer each batch of an ordinary load can be read, and how many spans that was.
fn lags(server: &Server, from: usize, span_count: u64) -> (Vec<Duration>, usize) {
    let every = Duration::from_secs_f64(SPANS_PER_BATCH as f64 / ORDINARY_RATE);
    let count = (PACED_TIME.as_secs_f64() / every.as_secs_f64()) as usize;
    let batches = spans::batches(from, count, SPANS_PER_BATCH);
    let done = AtomicBool::new(false);
    let (answers, seen) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut seen = Vec::new();
            let mut late = false;
            while !late {
                // One more look after the last answer was waited for.
                late = done.load(Ordering::Relaxed);
                let counted = server.span_count().unwrap_or(0).saturating_sub(span_count);
                seen.push((Instant::now(), counted));
                std::thread::sleep(Duration::from_millis(15));
            }
            seen
        });
        let mut answers = Vec::new();
        let begun = Instant::now();
        for (n, batch) in batches.iter().enumerate() {
            let due = begun + every * n as u32;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            send::send(server.grpc, std::slice::from_ref(batch), 1, None);
            answers.push(Instant::now());
        }
        let all = span_count + (count * SPANS_PER_BATCH) as u64;
        server.wait_for(all, Duration::from_millis(15));
        done.store(true, Ordering::Relaxed);
        (answers, watcher.join().unwrap())
    });
    let lag = |(n, answer): (usize, &Instant)| {
        let wanted = ((n + 1) * SPANS_PER_BATCH) as u64;
        let visible = seen.iter().find(|(_, counted)| *counted >= wanted)?;
        Some(visible.0.saturating_duration_since(*answer))
    };
    // Those that never became visible are left out; waiting for them has said so.
    let lags = answers.iter().enumerate().filter_map(lag).collect();
    (lags, count * SPANS_PER_BATCH)
}

/// Floods, kills at the last answer, starts again, and counts.
fn crash(program: &Program, batches: &[Bytes], rows: &mut Rows) {
    let folder = tempfile::tempdir().unwrap();
    let server = program.start(folder.path());
    send::send(server.grpc, batches, CONNECTIONS, None);
    server.kill();
    let journal_gb = folder_bytes(&folder.path().join("journal")) as f64 / 1e9;
    let begun = Instant::now();
    let server = program.start(folder.path());
    let served = begun.elapsed();
    let acknowledged = (batches.len() * SPANS_PER_BATCH) as u64;
    let quiet = Duration::from_secs(8);
    let stored = server.settled_count(quiet);
    let caught_up = begun.elapsed().saturating_sub(quiet);
    let lost = acknowledged.saturating_sub(stored);
    rows.push((
        "acknowledged and lost after kill -9",
        format!("{lost} of {acknowledged}"),
    ));
    rows.push((
        "serves again after / has all after, s",
        format!(
            "{:.1} / {:.1}",
            served.as_secs_f64(),
            caught_up.as_secs_f64()
        ),
    ));
    if let Program::Spanreel = program {
        rows.push((
            "the same per GB of journal, s",
            format!(
                "{:.1} / {:.1}",
                served.as_secs_f64() / journal_gb,
                caught_up.as_secs_f64() / journal_gb
            ),
        ));
    }
}

/// Growing conversations, and large texts.
fn payloads(program: &Program, rows: &mut Rows) {
    let folder = tempfile::tempdir().unwrap();
    // An empty folder has files of some size, too.
    program.start(folder.path()).stop();
    let empty = folder_bytes(folder.path());
    let server = program.start(folder.path());
    let requests = conversations::requests(20, 50);
    let raw: usize = requests.iter().map(Bytes::len).sum();
    send::send(server.grpc, &requests, CONNECTIONS, None);
    let is_there = server.wait_for(requests.len() as u64, Duration::from_millis(50));
    server.stop();
    let stored = folder_bytes(folder.path()).saturating_sub(empty);
    let ratio = format!("{:.1}", raw as f64 / stored as f64);
    rows.push((
        "20 interleaved sessions of 50 turns: raw / on disk",
        if is_there { ratio } else { NEVER.to_owned() },
    ));
    if let Program::Spanreel = program {
        let index = folder_bytes(&folder.path().join("search"));
        rows.push((
            "the same without the search index",
            format!("{:.1}", raw as f64 / stored.saturating_sub(index) as f64),
        ));
    }
    let server = program.start(folder.path());
    if let Program::Spanreel = program {
        let mut times = Vec::new();
        for id in 0..20 {
            let (request, text) = conversations::large_result(id, 200_000);
            send::send(server.grpc, &[request], 1, None);
            let count = (requests.len() as u64) + id + 1;
            server.wait_for(count, Duration::from_millis(15));
            let path = format!("/api/v1/payloads/{}", blake3::hash(text.as_bytes()));
            for _ in 0..5 {
                let begun = Instant::now();
                let bytes = server.get(&path).expect("the payload is there");
                times.push(begun.elapsed());
                assert_eq!(bytes, text.as_bytes());
            }
        }
        rows.push((
            "a text of 200 KB over HTTP, p50 / p99 ms",
            percentiles(&mut times),
        ));
        for id in 20..24 {
            let (request, _) = conversations::large_result(id, 60 << 20);
            send::send(server.grpc, &[request], 1, None);
        }
        server.wait_for(requests.len() as u64 + 24, Duration::from_millis(50));
        rows.push((
            "peak resident memory, 4 texts of 60 MB, MiB",
            server.peak_mib().to_string(),
        ));
    }
}

fn rate(batches: usize, time: Duration) -> f64 {
    (batches * SPANS_PER_BATCH) as f64 / time.as_secs_f64()
}

fn percentiles(times: &mut [Duration]) -> String {
    if times.is_empty() {
        return NEVER.to_owned();
    }
    times.sort_unstable();
    let at = |share: f64| {
        let index = (share * (times.len() - 1) as f64) as usize;
        times[index].as_secs_f64() * 1000.0
    };
    format!("{:.1} / {:.1}", at(0.5), at(0.99))
}
