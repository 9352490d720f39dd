//! How long it takes from the span that completes a loop to the flag on the live stream, under load.
//!
//! `cargo bench --profile dev --bench latency` starts the program on ports and a folder of its own, sends
//! 5,000 spans a second over OTLP/HTTP, and five times a second a span that completes a loop of a session
//! of its own; the flag is what `/api/v1/live` sends. `LATENCY_SECONDS` (30) and `LATENCY_RATE` (5000; 0 is
//! no load) change that.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement ends by a panic and prints what it found"
)]

#[path = "../ingest/spans.rs"]
mod spans;

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// Spans of one background request.
const BATCH: usize = 250;
/// Between two completing spans.
const PROBE_EVERY: Duration = Duration::from_millis(200);
/// Between a probe's first spans and the one that completes its loop.
const BEFORE: Duration = Duration::from_secs(2);
/// How long the last flags are waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// When a probe's completing span got how far.
#[derive(Default, Clone, Copy)]
struct Probe {
    sent: Option<Instant>,
    acknowledged: Option<Instant>,
    committed: Option<Instant>,
    flagged: Option<Instant>,
}

type Probes = Arc<Mutex<HashMap<String, Probe>>>;

struct Server {
    child: Child,
    ui: String,
    http: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(data: &std::path::Path) -> Server {
    let any = "127.0.0.1:0";
    let mut child = Command::new(env!("CARGO_BIN_EXE_spanreel"))
        .args([
            "serve",
            "--log",
            "warn",
            "--ui",
            any,
            "--otlp-grpc",
            any,
            "--otlp-http",
            any,
        ])
        .arg("--data")
        .arg(data)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let words: Vec<String> = output
        .lines()
        .take(4)
        .flat_map(|line| {
            line.unwrap()
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    let after = |word: &str| {
        let at = words.iter().position(|w| w == word).unwrap();
        words[at + 1].replace("localhost", "127.0.0.1")
    };
    Server {
        ui: after("look:"),
        http: after("OTLP/HTTP"),
        child,
    }
}

fn main() {
    access::use_ring();
    let number = |name: &str, default: usize| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let (seconds, rate) = (number("LATENCY_SECONDS", 30), number("LATENCY_RATE", 5_000));
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let before = load_average();
    let batches = spans::batches(0, rate * seconds / BATCH, BATCH);
    let probes = Probes::default();
    let (sent, slowest, late) = runtime.block_on(async {
        let listening = tokio::spawn(listen(server.ui.clone(), Arc::clone(&probes)));
        tokio::time::sleep(Duration::from_millis(300)).await;
        let load = tokio::spawn(send_load(server.http.clone(), batches, rate));
        send_probes(&server.http, &probes, Duration::from_secs(seconds as u64)).await;
        let load = load.await.unwrap();
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until
            && !probes.lock().unwrap().values().all(|p| p.flagged.is_some())
        {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        listening.abort();
        load
    });
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "{cores} cores, load average {before} before and {} at the end; {sent} spans sent in {seconds} s, slowest answer {slowest:.0?}, {late} of the requests late",
        load_average()
    );
    report(&probes.lock().unwrap());
}

/// Sends the background load at its rate; gives the spans sent, the slowest answer, and the requests that
/// were sent behind their time.
async fn send_load(
    http: String,
    batches: Vec<bytes::Bytes>,
    rate: usize,
) -> (usize, Duration, usize) {
    if rate == 0 {
        return (0, Duration::ZERO, 0);
    }
    let client = reqwest::Client::new();
    let pace = Duration::from_secs_f64(BATCH as f64 / rate as f64);
    let mut ticks = tokio::time::interval(pace);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    let (mut sent, mut slowest, mut late) = (0, Duration::ZERO, 0);
    let begun = Instant::now();
    for (at, batch) in batches.into_iter().enumerate() {
        ticks.tick().await;
        late += usize::from(begun.elapsed() > pace * (at as u32 + 2));
        let asked = Instant::now();
        let response = client
            .post(format!("{http}/v1/traces"))
            .header("content-type", "application/x-protobuf")
            .body(batch)
            .send()
            .await
            .unwrap();
        assert!(
            response.status().is_success(),
            "refused: {}",
            response.status()
        );
        slowest = slowest.max(asked.elapsed());
        sent += BATCH;
    }
    (sent, slowest, late)
}

/// Begins a session every so often, and completes its loop a while later.
async fn send_probes(http: &str, probes: &Probes, lasting: Duration) {
    let client = reqwest::Client::new();
    let mut ticks = tokio::time::interval(PROBE_EVERY);
    let begun = Instant::now();
    let mut completing = Vec::new();
    let mut count = 0_u64;
    while begun.elapsed() + BEFORE < lasting {
        ticks.tick().await;
        count += 1;
        let (client, http, probes) = (client.clone(), http.to_owned(), Arc::clone(probes));
        completing.push(tokio::spawn(async move {
            let id = format!("probe-{count}");
            post(&client, &http, calls(&id, count, 0..2)).await;
            tokio::time::sleep(BEFORE).await;
            let last = calls(&id, count, 2..3);
            let sent = Instant::now();
            probes.lock().unwrap().entry(id.clone()).or_default().sent = Some(sent);
            post(&client, &http, last).await;
            probes.lock().unwrap().entry(id).or_default().acknowledged = Some(Instant::now());
        }));
    }
    for probe in completing {
        probe.await.unwrap();
    }
}

async fn post(client: &reqwest::Client, http: &str, body: Value) {
    let response = client
        .post(format!("{http}/v1/traces"))
        .json(&body)
        .send()
        .await
        .unwrap();
    assert!(
        response.status().is_success(),
        "refused: {}",
        response.status()
    );
}

/// Equal failing calls of one session; it has a root that never comes, so it goes on.
fn calls(session: &str, number: u64, which: std::ops::Range<u128>) -> Value {
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_nanos();
    let spans: Vec<Value> = which
        .map(|n| {
            let start = now + n * 1_000_000;
            json!({
                "traceId": format!("{:032x}", (1_u128 << 100) + u128::from(number)),
                "spanId": format!("{:016x}", u128::from(number) * 16 + n + 1),
                "parentSpanId": "00000000000fffff",
                "name": "execute_tool shell",
                "startTimeUnixNano": start.to_string(),
                "endTimeUnixNano": (start + 500_000).to_string(),
                "attributes": [
                    text("gen_ai.operation.name", "execute_tool"),
                    text("gen_ai.conversation.id", session),
                    text("gen_ai.tool.name", "shell"),
                    text("gen_ai.tool.call.arguments", r#"{"command": "make test"}"#),
                    text("gen_ai.tool.call.result", "1 failed"),
                ],
                "status": {"code": 2, "message": "1 failed"}
            })
        })
        .collect();
    json!({"resourceSpans": [{
        "resource": {"attributes": [text("service.name", "probe")]},
        "scopeSpans": [{"spans": spans}]
    }]})
}

/// Notes when the live stream tells of the probes.
async fn listen(ui: String, probes: Probes) {
    loop {
        let mut stream = reqwest::get(format!("{ui}/api/v1/live")).await.unwrap();
        let mut received: Vec<u8> = Vec::new();
        while let Ok(Some(chunk)) = stream.chunk().await {
            let now = Instant::now();
            received.extend_from_slice(&chunk);
            while let Some(end) = received.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = received.drain(..end + 2).collect();
                take(&String::from_utf8_lossy(&block), now, &probes);
            }
        }
        println!("the live stream was behind and begins again");
    }
}

fn take(block: &str, now: Instant, probes: &Probes) {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
    let (Some(event), Some(data)) = (field("event: "), field("data: ")) else {
        return;
    };
    if !data.contains("probe-") {
        return;
    }
    let data: Value = serde_json::from_str(data).unwrap();
    let mut probes = probes.lock().unwrap();
    match event {
        "finding" => {
            let id = data["session_id"].as_str().unwrap();
            if let Some(probe) = probes.get_mut(id) {
                probe.flagged.get_or_insert(now);
            }
        }
        "commit" => {
            for id in data["session_ids"].as_array().unwrap() {
                // The commit of the first spans came before the last one was sent.
                if let Some(probe) = probes.get_mut(id.as_str().unwrap())
                    && probe.sent.is_some()
                {
                    probe.committed.get_or_insert(now);
                }
            }
        }
        _ => {}
    }
}

fn report(probes: &HashMap<String, Probe>) {
    let missing = probes
        .values()
        .filter(|probe| probe.flagged.is_none())
        .count();
    println!(
        "{} completing spans, {missing} without a flag",
        probes.len()
    );
    println!(
        "{:<34} {:>8} {:>8} {:>8} {:>8}",
        "from sending the completing span", "p50", "p90", "p99", "max"
    );
    type Stage = (&'static str, fn(&Probe) -> Option<Instant>);
    let stages: [Stage; 3] = [
        ("to the acknowledgement", |probe| probe.acknowledged),
        ("to the commit notice (queryable)", |probe| probe.committed),
        ("to the flag on the live stream", |probe| probe.flagged),
    ];
    for (name, of) in stages {
        let mut times: Vec<Duration> = probes
            .values()
            .filter_map(|probe| Some(of(probe)?.duration_since(probe.sent?)))
            .collect();
        times.sort_unstable();
        let at = |share: f64| {
            let place = ((times.len() as f64 * share).ceil() as usize).clamp(1, times.len().max(1));
            times
                .get(place - 1)
                .map_or_else(String::new, |time| format!("{} ms", time.as_millis()))
        };
        println!(
            "{name:<34} {:>8} {:>8} {:>8} {:>8}",
            at(0.5),
            at(0.9),
            at(0.99),
            at(1.0)
        );
    }
}

fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace()
        .next()
        .unwrap_or("unknown")
        .to_owned()
}
