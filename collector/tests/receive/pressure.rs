//! Too much at once, a disk that refuses, and the end.

use std::io::Write;
use std::time::Duration;

use collector::receive::Reason;
use prost::Message;
use proto::otlp::collector::trace::v1::trace_service_client::TraceServiceClient;
use tonic::Code;
use tonic_types::{RetryInfo, StatusExt};

use crate::support::{
    HttpAnswer, HttpRequest, Options, Server, hang_up, span_names, start_request, traces,
    traces_json,
};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

#[tokio::test]
async fn over_budget_the_sender_is_told_when_to_retry() {
    let server = Server::start(Options {
        budget_bytes: 256 * 1024,
        ..Options::default()
    })
    .await;
    let name = "n".repeat(60_000);
    let request = traces(&[&name]);
    let mut client = TraceServiceClient::new(server.channel().await);
    let held: Vec<_> = [
        client.export(request.clone()).await,
        client.export(request.clone()).await,
    ]
    .into_iter()
    .map(|answer| {
        answer.unwrap();
        server.accepted()
    })
    .collect();
    let text = "the memory budget for requests in flight is used up: send the request again later";

    let status = client.export(request.clone()).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, text));
    let retry = status
        .get_details_retry_info()
        .and_then(|info| info.retry_delay);
    assert_eq!(retry, Some(Duration::from_secs(1)));

    let body = request.encode_to_vec();
    let answer = server
        .http(HttpRequest::post("/v1/traces", PROTOBUF, body))
        .await;
    assert_eq!((answer.status, answer.message().as_str()), (503, text));
    assert_eq!(answer.header("retry-after"), Some("1"));
    let status = tonic_types::Status::decode(&answer.body[..]).unwrap();
    assert_eq!(status.details[0].type_url, RetryInfo::TYPE_URL);

    let json = traces_json(&[&name]);
    let answer = server
        .http(HttpRequest::post("/v1/traces", JSON, json))
        .await;
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["code"], Code::Unavailable as i32);
    assert_eq!(body["details"][0]["retryDelay"], "1s");

    assert_eq!(server.counters.refused(Reason::Memory), 3);
    server.nothing_accepted();
    drop(held);
    assert_eq!(server.budget.used_bytes(), 0);
    client.export(request).await.unwrap();
}

#[tokio::test]
async fn a_slow_sender_holds_no_more_than_it_sent() {
    let server = Server::start(Options {
        budget_bytes: 8 << 20,
        ..Options::default()
    })
    .await;
    let body = vec![0; 4 << 20];
    let streams: Vec<_> = (0..4)
        .map(|_| start_request(server.http, &body, 100))
        .collect();
    let mut client = TraceServiceClient::new(server.channel().await);
    client.export(traces(&["a"])).await.unwrap();
    assert!(server.budget.used_bytes() < 6 << 20);
    streams.iter().for_each(hang_up);
}

#[tokio::test]
async fn a_disk_that_refuses_is_busy_and_heals_by_itself() {
    let server = Server::start(Options::default()).await;
    let folder = server.dir.path().join("journal");
    std::fs::remove_dir_all(&folder).unwrap();
    let mut client = TraceServiceClient::new(server.channel().await);
    for _ in 0..2 {
        let status = client.export(traces(&["lost"])).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(
            status.message(),
            "the journal cannot be written at present (disk full or failing): send the request \
             again later"
        );
        assert!(status.get_details_retry_info().is_some());
    }
    assert!(server.journal.stats().failing);
    std::fs::create_dir(&folder).unwrap();
    client.export(traces(&["kept"])).await.unwrap();
    assert_eq!(span_names(&server.accepted()), ["kept"]);
    assert!(!server.journal.stats().failing);
}

#[tokio::test]
async fn shutdown_finishes_what_was_begun_and_closes_the_channel() {
    let server = Server::start(Options::default()).await;
    let body = traces(&["begun"]).encode_to_vec();
    let mut stream = start_request(server.http, &body, 5);
    let mut client = TraceServiceClient::new(server.channel().await);
    client.export(traces(&["before"])).await.unwrap();
    // The head of the begun request has been read once its reservation shows.
    while server.budget.used_bytes() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(span_names(&server.accepted()), ["before"]);
    while server.budget.used_bytes() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.shutdown.cancel();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!server.task.is_finished());
    assert!(std::net::TcpStream::connect(server.http).is_err());
    stream.write_all(&body[5..]).unwrap();
    let answer = tokio::task::spawn_blocking(move || HttpAnswer::read(&mut stream))
        .await
        .unwrap();
    assert_eq!(answer.status, 200);
    server.task.await.unwrap();
    assert_eq!(span_names(&server.loader.recv().unwrap()), ["begun"]);
    assert!(
        server.loader.recv().is_err(),
        "the channel is open after the last handle is gone"
    );
}

#[tokio::test]
async fn a_loader_that_is_gone_stops_the_answers() {
    let server = Server::start(Options::default()).await;
    let mut client = TraceServiceClient::new(server.channel().await);
    drop(server.loader);
    // The first is on disk, so it is acknowledged whoever loads it.
    client.export(traces(&["kept"])).await.unwrap();
    let status = client.export(traces(&["refused"])).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
}
