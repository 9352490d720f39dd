//! The real program is killed at random moments while it is being sent to: nothing that it
//! acknowledged is lost, nothing that was sent twice is there twice, and every text is there byte for
//! byte.
//!
//! `SPANREEL_CRASH_ROUNDS=20 cargo test --test crash -- --nocapture` kills it 20 times and prints the
//! sums, once in clear and once encrypted; without it there are 3 rounds of each.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hasher};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use proto::otlp::collector::trace::v1::trace_service_client::TraceServiceClient;
use proto::otlp::common::v1::any_value::Value;
use proto::otlp::common::v1::{AnyValue, KeyValue};
use proto::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span};
use store::EncryptionKey;
use tokio_util::sync::CancellationToken;

const SENDERS: usize = 3;
const SPANS_PER_BATCH: u64 = 64;
/// Every so many batches, one is sent again after its answer, as if the answer had been lost.
const SENT_AGAIN_EVERY: u64 = 3;
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn kill_9_loses_nothing_acknowledged_and_doubles_nothing() {
    kill_at_random(None);
}

#[test]
fn kill_9_loses_nothing_of_an_encrypted_folder() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    let made = Command::new(env!("CARGO_BIN_EXE_spanreel"))
        .args(["key", "new"])
        .arg(&key)
        .stdout(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    kill_at_random(Some(&key));
}

/// Kills the program under load, with a folder encrypted with what is in the file `key` if there is one, and
/// looks for everything that it has acknowledged.
fn kill_at_random(key: Option<&Path>) {
    let rounds = std::env::var("SPANREEL_CRASH_ROUNDS").map_or(3, |n| n.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let ports = [free_port(), free_port(), free_port()];
    let sending = Arc::new(Sending::default());
    let senders: Vec<_> = (0..SENDERS)
        .map(|_| {
            let sending = Arc::clone(&sending);
            std::thread::spawn(move || sending.run(ports[1]))
        })
        .collect();

    for round in 1..=rounds {
        let mut program = start(folder.path(), ports, key);
        let before = sending.acknowledged_count();
        wait_until("a batch is acknowledged", || {
            sending.acknowledged_count() > before
        });
        std::thread::sleep(Duration::from_millis(random() % 700));
        program.kill().unwrap();
        program.wait().unwrap();
        let batches = sending.acknowledged_count();
        eprintln!(
            "round {round}: killed after {} more batches, {batches} in all",
            batches - before
        );
    }

    // What is on its way is retried until it is acknowledged, then the last kill comes at once.
    let mut program = start(folder.path(), ports, key);
    sending.stop.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.join().unwrap();
    }
    program.kill().unwrap();
    program.wait().unwrap();

    let acknowledged = sending.acknowledged.lock().unwrap().clone();
    let stored = read_back(folder.path(), key, &acknowledged);
    let expected: HashSet<(String, String)> = acknowledged
        .iter()
        .flat_map(|batch| (0..SPANS_PER_BATCH).map(|index| ids(*batch, index)))
        .collect();
    let lost = expected
        .iter()
        .filter(|id| !stored.rows.contains_key(id))
        .count();
    let doubled = stored.rows.values().filter(|count| **count > 1).count();
    let foreign = stored
        .rows
        .keys()
        .filter(|id| !expected.contains(id))
        .count();
    eprintln!(
        "{rounds} kills and one at the end{}: {} spans acknowledged, {} batches sent again on purpose, \
         {} calls without an answer; lost {lost}, doubled {doubled}, unknown {foreign}; {} payloads of \
         {} bytes read back, {} wrong",
        key.map_or("", |_| ", encrypted"),
        expected.len(),
        sending.sent_again.load(Ordering::Relaxed),
        sending.unanswered.load(Ordering::Relaxed),
        stored.payload_count,
        stored.payload_bytes,
        stored.wrong.len(),
    );
    assert_eq!((lost, doubled, foreign), (0, 0, 0));
    assert_eq!(stored.wrong, Vec::<u64>::new(), "batches with wrong texts");
    assert_eq!(stored.payload_count, acknowledged.len() * 2);
}

/// What the senders share.
#[derive(Default)]
struct Sending {
    next_batch: AtomicU64,
    acknowledged: Mutex<Vec<u64>>,
    sent_again: AtomicU64,
    unanswered: AtomicU64,
    stop: AtomicBool,
}

impl Sending {
    fn acknowledged_count(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    /// Sends batch after batch, each until it is acknowledged, whatever happens to the other side.
    fn run(&self, address: SocketAddr) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let endpoint = tonic::transport::Endpoint::new(format!("http://{address}")).unwrap();
            let channel = endpoint
                .connect_timeout(Duration::from_secs(2))
                .timeout(Duration::from_secs(10))
                .connect_lazy();
            let mut client = TraceServiceClient::new(channel);
            while !self.stop.load(Ordering::Relaxed) {
                let batch = self.next_batch.fetch_add(1, Ordering::Relaxed);
                let again = batch.is_multiple_of(SENT_AGAIN_EVERY);
                for sending in 0..1 + u64::from(again) {
                    let begun = Instant::now();
                    while let Err(status) = client.export(request(batch)).await {
                        assert!(begun.elapsed() < PATIENCE * 2, "batch {batch}: {status}");
                        self.unanswered.fetch_add(1, Ordering::Relaxed);
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    if sending == 0 {
                        self.acknowledged.lock().unwrap().push(batch);
                    } else {
                        self.sent_again.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        });
    }
}

fn request(batch: u64) -> ExportTraceServiceRequest {
    let span = |index| {
        let (trace_id, span_id) = id_bytes(batch, index);
        let mut attributes = vec![
            text("session.id", format!("session-{}", batch / 8)),
            text("gen_ai.operation.name", "execute_tool".to_owned()),
            text("gen_ai.tool.name", "search".to_owned()),
        ];
        if index == 0 {
            attributes.push(text("gen_ai.tool.call.result", output(batch)));
            attributes.push(text("gen_ai.tool.call.arguments", input(batch)));
        }
        Span {
            trace_id,
            span_id,
            name: "execute_tool search".into(),
            start_time_unix_nano: start_ns(batch) + index,
            end_time_unix_nano: start_ns(batch) + index + 500,
            attributes,
            ..Span::default()
        }
    };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            scope_spans: vec![ScopeSpans {
                spans: (0..SPANS_PER_BATCH).map(span).collect(),
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
}

fn text(key: &str, value: String) -> KeyValue {
    KeyValue {
        key: key.into(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value)),
        }),
        ..KeyValue::default()
    }
}

/// The large text of a batch, which no other batch has; one in eight is stored in several pieces.
fn output(batch: u64) -> String {
    let repeats = if batch.is_multiple_of(8) { 20_000 } else { 500 };
    format!("result {batch} ").repeat(repeats)
}

/// A text that grows from batch to batch and shares what it began with, as conversations do.
fn input(batch: u64) -> String {
    let lines = (0..20 + batch % 40).map(|line| {
        let words = format!("line {line} of a conversation that is sent again and again; ");
        words.repeat(3) + "\n"
    });
    lines.collect::<String>() + &format!("asked in {batch}")
}

/// When the first span of a batch began.
fn start_ns(batch: u64) -> u64 {
    1_790_000_000_000_000_000 + batch * 1000
}

fn id_bytes(batch: u64, index: u64) -> (Vec<u8>, Vec<u8>) {
    let trace_id = [&[9; 8][..], &(batch + 1).to_be_bytes()].concat();
    let span_id = (batch * SPANS_PER_BATCH + index + 1).to_be_bytes().to_vec();
    (trace_id, span_id)
}

fn ids(batch: u64, index: u64) -> (String, String) {
    let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let (trace_id, span_id) = id_bytes(batch, index);
    (hex(trace_id), hex(span_id))
}

fn start(folder: &Path, [ui, grpc, http]: [SocketAddr; 3], key: Option<&Path>) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spanreel"));
    if let Some(key) = key {
        command.env("SPANREEL_ENCRYPTION_KEY_FILE", key);
    }
    command
        .args(["serve", "--log", "warn", "--data"])
        .arg(folder)
        .args(["--ui", &ui.to_string()])
        .args(["--otlp-grpc", &grpc.to_string()])
        .args(["--otlp-http", &http.to_string()])
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// What the folder holds after the last kill.
struct Stored {
    /// How often each span is there.
    rows: HashMap<(String, String), u64>,
    /// Texts that were read and compared with what was sent.
    payload_count: usize,
    payload_bytes: usize,
    /// Batches whose texts are not what was sent.
    wrong: Vec<u64>,
}

/// Batches whose texts are read at once.
const READ_BATCHES: usize = 64;

/// Opens the folder as the program would, journal and all, reads everything, and compares the texts of
/// the `acknowledged` batches with what was sent.
fn read_back(folder: &Path, key: Option<&Path>, acknowledged: &[u64]) -> Stored {
    let key =
        key.map(|file| EncryptionKey::parse(&std::fs::read_to_string(file).unwrap()).unwrap());
    let store = store::Store::open(store::Config {
        data_dir: folder.to_owned(),
        memory_limit_bytes: 512 << 20,
        reader_count: 1,
        encryption: key.clone(),
    })
    .unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let bind = || tokio::net::TcpListener::bind("127.0.0.1:0");
        let listeners = collector::Listeners {
            grpc: bind().await.unwrap().into(),
            http: bind().await.unwrap().into(),
            own: None,
        };
        let config = collector::Config {
            data_dir: folder.to_owned(),
            max_request_bytes: 1 << 20,
            memory_budget_bytes: 64 << 20,
            cached_acts: 100_000,
            read_body_refs: None,
            redaction: collector::redact::Settings::default(),
            encryption: key,
        };
        let shutdown = CancellationToken::new();
        let started = collector::start(config, listeners, store.clone(), shutdown.clone());
        let collector = started.await.unwrap();
        shutdown.cancel();
        collector.finished().await;
    });
    let string = |value: &store::Value| match value {
        store::Value::Text(text) => text.to_string(),
        other => panic!("not a text: {other:?}"),
    };
    let mut stored = Stored {
        rows: HashMap::new(),
        payload_count: 0,
        payload_bytes: 0,
        wrong: Vec::new(),
    };
    let rows = store.read("select trace_id, span_id from spans", &[]);
    for row in rows.unwrap().rows {
        let count = stored.rows.entry((string(&row[0]), string(&row[1])));
        *count.or_default() += 1;
    }
    let mut acknowledged = acknowledged.to_vec();
    acknowledged.sort_unstable();
    for batches in acknowledged.chunks(READ_BATCHES) {
        let traces: Vec<String> = batches.iter().map(|batch| ids(*batch, 0).0).collect();
        // By time the engine finds them without going through all.
        let sql = format!(
            "select trace_id, input, output from spans where output is not null \
             and started_at between make_timestamp_ns({}) and make_timestamp_ns({}) \
             and trace_id in ('{}')",
            start_ns(batches[0]),
            start_ns(batches[batches.len() - 1]),
            traces.join("', '")
        );
        let rows = store.read(&sql, &[]).unwrap().rows;
        let texts: HashMap<String, (String, String)> = rows
            .iter()
            .map(|row| (string(&row[0]), (string(&row[1]), string(&row[2]))))
            .collect();
        for (batch, trace) in batches.iter().zip(&traces) {
            let Some((read_input, read_output)) = texts.get(trace) else {
                stored.wrong.push(*batch);
                continue;
            };
            if *read_input != input(*batch) || *read_output != output(*batch) {
                stored.wrong.push(*batch);
            }
            stored.payload_count += 2;
            stored.payload_bytes += read_input.len() + read_output.len();
        }
    }
    store.close();
    stored
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(
            begun.elapsed() < PATIENCE,
            "{what}: not within {PATIENCE:?}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A port that is free now; nobody else on the machine is expected to take it until it is needed.
fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

fn random() -> u64 {
    let state = std::collections::hash_map::RandomState::new();
    state.build_hasher().finish()
}
