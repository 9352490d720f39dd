//! Senders that go on whatever happens, and note every answer.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use prost::Message as _;
pub(super) use proto::otlp::collector::trace::v1::ExportTraceServiceRequest as Request;
use proto::otlp::common::v1::any_value::Value;
use proto::otlp::common::v1::{AnyValue, KeyValue};
use proto::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span};
use serde_json::json;

use super::wait_until;
use crate::program::{Server, wait};

const SPANS_PER_BATCH: u64 = 16;
const BATCHES_PER_SESSION: u64 = 8;
const START_NS: u64 = 1_790_000_000_000_000_000;
/// Batches whose spans are read by one query: fewer rows than one answer may have.
const BATCHES_AT_ONCE: usize = 2_000;
/// Before a request that was refused is sent again.
const RETRY_PAUSE: Duration = Duration::from_millis(25);

/// Senders that are running.
pub(super) struct Load {
    shared: Arc<Shared>,
    senders: Vec<JoinHandle<()>>,
}

struct Shared {
    /// `http://127.0.0.1:…` of OTLP/HTTP.
    http: Mutex<String>,
    payload_bytes: usize,
    pause: Duration,
    stop: AtomicBool,
    next_batch: AtomicU64,
    acknowledged: Mutex<Vec<u64>>,
    answers: Mutex<BTreeMap<String, u64>>,
}

/// What was sent, and what came back.
pub(super) struct Sent {
    pub(super) acknowledged: Vec<u64>,
    pub(super) answers: BTreeMap<String, u64>,
    payload_bytes: usize,
}

impl Load {
    /// Starts so many senders, each with one request at a time that holds a text of its own of this size.
    pub(super) fn start(server: &Server, senders: usize, payload_bytes: usize) -> Self {
        Self::start_paced(server, senders, payload_bytes, Duration::ZERO)
    }

    /// As [`Load::start`], with a pause behind each acknowledged request, for tests that take long.
    pub(super) fn start_paced(
        server: &Server,
        senders: usize,
        payload_bytes: usize,
        pause: Duration,
    ) -> Self {
        let shared = Arc::new(Shared {
            http: Mutex::new(server.http.clone()),
            payload_bytes,
            pause,
            stop: AtomicBool::new(false),
            next_batch: AtomicU64::new(0),
            acknowledged: Mutex::default(),
            answers: Mutex::default(),
        });
        let senders = (0..senders).map(|_| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || wait(shared.run()))
        });
        Self {
            senders: senders.collect(),
            shared,
        }
    }

    pub(super) fn acknowledged_count(&self) -> usize {
        lock(&self.shared.acknowledged).len()
    }

    /// Waits until so many more requests are acknowledged.
    pub(super) fn wait_for_more(&self, requests: usize) {
        let wanted = self.acknowledged_count() + requests;
        wait_until("acknowledged requests", || {
            self.acknowledged_count() >= wanted
        });
    }

    /// How often an answer came that begins so.
    pub(super) fn count(&self, answer: &str) -> u64 {
        let answers = lock(&self.shared.answers);
        let counts = answers.iter().filter(|(text, _)| text.starts_with(answer));
        counts.map(|(_, count)| count).sum()
    }

    /// Goes on with another server.
    pub(super) fn go_to(&self, server: &Server) {
        lock(&self.shared.http).clone_from(&server.http);
    }

    /// Ends the senders; what they are sending is not sent again.
    pub(super) fn finish(self) -> Sent {
        self.shared.stop.store(true, Ordering::Relaxed);
        for sender in self.senders {
            sender.join().expect("a sender");
        }
        Sent {
            acknowledged: lock(&self.shared.acknowledged).clone(),
            answers: lock(&self.shared.answers).clone(),
            payload_bytes: self.shared.payload_bytes,
        }
    }
}

impl Shared {
    /// Sends batch after batch, each until it is acknowledged.
    async fn run(&self) {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(60))
            .build()
            .expect("a client");
        while !self.stop.load(Ordering::Relaxed) {
            let batch = self.next_batch.fetch_add(1, Ordering::Relaxed);
            let body = request(batch, self.payload_bytes).encode_to_vec();
            while !self.stop.load(Ordering::Relaxed) {
                let url = format!("{}/v1/traces", lock(&self.http));
                let sent = client
                    .post(url)
                    .header("content-type", "application/x-protobuf")
                    .body(body.clone())
                    .send()
                    .await;
                let answer = describe(sent.as_ref());
                let is_taken = sent.is_ok_and(|response| response.status() == 200);
                *lock(&self.answers).entry(answer).or_default() += 1;
                if is_taken {
                    lock(&self.acknowledged).push(batch);
                    tokio::time::sleep(self.pause).await;
                    break;
                }
                tokio::time::sleep(RETRY_PAUSE).await;
            }
        }
    }
}

/// An answer in words, without what differs from run to run.
pub(super) fn describe(sent: Result<&reqwest::Response, &reqwest::Error>) -> String {
    match sent {
        Ok(response) => {
            let mut text = response.status().as_u16().to_string();
            if let Some(after) = response.headers().get("retry-after") {
                let _ = write!(text, " Retry-After {}", after.to_str().unwrap_or("?"));
            }
            text
        }
        Err(error) if error.is_connect() => "connection refused".to_owned(),
        Err(error) if error.is_timeout() => "no answer".to_owned(),
        Err(_) => "connection closed".to_owned(),
    }
}

impl Sent {
    /// Every kind of answer and how often it came.
    pub(super) fn answers(&self) -> String {
        let list: Vec<String> = self
            .answers
            .iter()
            .map(|(answer, count)| format!("{answer} (×{count})"))
            .collect();
        list.join(", ")
    }

    /// Waits until everything acknowledged can be queried; every span must be there once, every text byte
    /// for byte. Says so.
    pub(super) fn check(&self, server: &Server) -> String {
        server.wait_until_loaded();
        let mut stored = HashSet::new();
        let end = self.acknowledged.iter().max().map_or(0, |last| last + 1);
        for first in (0..end).step_by(BATCHES_AT_ONCE) {
            let [from, to] =
                [first, first + BATCHES_AT_ONCE as u64].map(|batch| hex(&ids(batch, 0).0));
            let rows = server.sql(&format!(
                "select trace_id, span_id, count(*) as n from spans \
                 where trace_id >= '{from}' and trace_id < '{to}' group by all"
            ));
            for row in &rows {
                let id = |column: &str| row[column].as_str().expect("text").to_owned();
                assert_eq!(row["n"], json!(1), "{row}");
                stored.insert((id("trace_id"), id("span_id")));
            }
        }
        let spans: Vec<(u64, u64)> = self
            .acknowledged
            .iter()
            .flat_map(|batch| (0..SPANS_PER_BATCH).map(|index| (*batch, index)))
            .collect();
        let lost: Vec<&(u64, u64)> = spans
            .iter()
            .filter(|(batch, index)| {
                let (trace_id, span_id) = ids(*batch, *index);
                !stored.contains(&(hex(&trace_id), hex(&span_id)))
            })
            .collect();
        assert!(
            lost.is_empty(),
            "{} of {} spans acknowledged are lost, {} are there; (batch, index): {:?}",
            lost.len(),
            spans.len(),
            stored.len(),
            &lost[..lost.len().min(40)]
        );
        for batch in &self.acknowledged {
            let text = output(*batch, self.payload_bytes);
            let address = format!("/api/v1/payloads/{}", blake3::hash(text.as_bytes()));
            let (status, stored) = server.get_bytes(&address);
            assert_eq!(status, 200, "lost: text of batch {batch}");
            assert!(stored == text.as_bytes(), "wrong text: batch {batch}");
        }
        format!(
            "{} spans and {} texts acknowledged, all there",
            spans.len(),
            self.acknowledged.len()
        )
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The request of a batch: a trace of its own, the first span with a large text.
pub(super) fn request(batch: u64, payload_bytes: usize) -> Request {
    let span = |index| {
        let (trace_id, span_id) = ids(batch, index);
        let session = format!("fault-{}", batch / BATCHES_PER_SESSION);
        let mut attributes = vec![
            text("session.id", session),
            text("gen_ai.operation.name", "execute_tool".to_owned()),
            text("gen_ai.tool.name", "search".to_owned()),
        ];
        if index == 0 {
            let output = output(batch, payload_bytes);
            attributes.push(text("gen_ai.tool.call.result", output));
        }
        let start_time_unix_nano = START_NS + batch * 1000 + index;
        Span {
            trace_id,
            span_id,
            name: "execute_tool search".to_owned(),
            start_time_unix_nano,
            end_time_unix_nano: start_time_unix_nano + 500,
            attributes,
            ..Span::default()
        }
    };
    Request {
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
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value)),
        }),
        ..KeyValue::default()
    }
}

/// Text that no compression makes small, different in each batch.
fn output(batch: u64, bytes: usize) -> String {
    let mut state = batch.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut output = String::with_capacity(bytes + 16);
    while output.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let _ = write!(output, "{state:016x}");
    }
    output.truncate(bytes);
    output
}

fn ids(batch: u64, index: u64) -> (Vec<u8>, Vec<u8>) {
    let trace_id = [&[7; 8][..], &(batch + 1).to_be_bytes()].concat();
    let span_id = (batch * SPANS_PER_BATCH + index + 1).to_be_bytes();
    (trace_id, span_id.to_vec())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
