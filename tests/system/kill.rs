//! Power cuts: the program is killed at random moments while clients send, and loses and doubles
//! nothing that it acknowledged.
//!
//! `cargo test --test system kill -- --nocapture` prints each round.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prost::Message as _;
use proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use proto::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span};
use serde_json::json;

use crate::program::{Server, data_folder, wait};

const ROUNDS: u64 = 20;
const SENDERS: usize = 3;
const SPANS_PER_BATCH: u64 = 50;

/// A request whose spans nobody else sends.
fn batch(number: u64) -> Vec<u8> {
    let span = |place: u64| Span {
        trace_id: [1_u64.to_be_bytes(), (number + 1).to_be_bytes()].concat(),
        span_id: (number * SPANS_PER_BATCH + place + 1)
            .to_be_bytes()
            .to_vec(),
        name: format!("step {place}"),
        start_time_unix_nano: 1_700_000_000_000_000_000 + number * 1_000_000,
        end_time_unix_nano: 1_700_000_000_000_500_000 + number * 1_000_000,
        ..Span::default()
    };
    let spans = (0..SPANS_PER_BATCH).map(span).collect();
    let group = ResourceSpans {
        scope_spans: vec![ScopeSpans {
            spans,
            ..ScopeSpans::default()
        }],
        ..ResourceSpans::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![group],
    }
    .encode_to_vec()
}

/// Sends one batch after the other until the server is gone; gives the batch that got no answer.
/// `unanswered` is sent first, as a client that tries again does.
async fn send(
    url: String,
    next: Arc<AtomicU64>,
    acknowledged: Arc<AtomicU64>,
    unanswered: Option<u64>,
) -> u64 {
    let client = reqwest::Client::new();
    let mut number = unanswered.unwrap_or_else(|| next.fetch_add(1, Ordering::Relaxed));
    loop {
        let request = client
            .post(&url)
            .header("content-type", "application/x-protobuf")
            .body(batch(number));
        match request.send().await {
            Ok(response) if response.status().is_success() => {
                acknowledged.fetch_add(1, Ordering::Relaxed);
                number = next.fetch_add(1, Ordering::Relaxed);
            }
            // Too busy for the moment.
            Ok(response) if matches!(response.status().as_u16(), 429 | 503) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok(response) => panic!("the server refuses with {}", response.status()),
            Err(_) => return number,
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled_by_kills() {
    let data = data_folder();
    let next = Arc::new(AtomicU64::new(0));
    let acknowledged = Arc::new(AtomicU64::new(0));
    let mut unanswered: Vec<Option<u64>> = vec![None; SENDERS];
    for round in 1..=ROUNDS {
        let server = Server::start(data.path());
        let life = Duration::from_millis(30 + RandomState::new().hash_one(round) % 700);
        let url = format!("{}/v1/traces", server.http);
        unanswered = wait(async {
            let senders: Vec<_> = unanswered
                .iter()
                .map(|number| {
                    tokio::spawn(send(
                        url.clone(),
                        Arc::clone(&next),
                        Arc::clone(&acknowledged),
                        *number,
                    ))
                })
                .collect();
            tokio::time::sleep(life).await;
            server.kill();
            let mut numbers = Vec::new();
            for sender in senders {
                numbers.push(Some(sender.await.expect("a sender")));
            }
            numbers
        });
        println!(
            "round {round}: killed after {} ms, {} batches acknowledged",
            life.as_millis(),
            acknowledged.load(Ordering::Relaxed)
        );
    }

    // What got no answer is sent once more: it may or may not have been stored.
    let server = Server::start(data.path());
    for number in unanswered.into_iter().flatten() {
        let url = format!("{}/v1/traces", server.http);
        let (status, _) =
            crate::program::post(&url, "application/x-protobuf", batch(number)).expect("an answer");
        assert_eq!(status, 200);
        acknowledged.fetch_add(1, Ordering::Relaxed);
    }
    let spans = acknowledged.load(Ordering::Relaxed) * SPANS_PER_BATCH;
    server.wait_for(
        "select count(distinct (trace_id, span_id)) from spans",
        &json!(spans),
    );
    server.wait_until_loaded();
    let stored = server.value("select count(*) from spans");
    println!("{ROUNDS} kills: {spans} spans acknowledged, {stored} stored, each once");
    assert_eq!(stored, spans);
}
