//! What is taken, in every encoding, compression and framing.

use prost::Message;
use proto::otlp::collector::logs::v1::ExportLogsServiceRequest;
use proto::otlp::collector::logs::v1::logs_service_client::LogsServiceClient;
use proto::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
use proto::otlp::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use proto::otlp::collector::trace::v1::trace_service_client::TraceServiceClient;
use proto::otlp::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use proto::{Encoding, Request};
use tonic::codec::CompressionEncoding;

use crate::support::{
    HttpAnswer, HttpRequest, MIB, Options, Server, call_raw, gzip, journal_config, span_names,
    traces, traces_json,
};

const TYPES: [&str; 4] = [
    "application/x-protobuf",
    "application/json",
    "application/json; charset=utf-8",
    "Application/X-Protobuf;x=y",
];

fn body(content_type: &str) -> Vec<u8> {
    if content_type.contains("json") {
        traces_json(&["a", "ü🦀"]).into_bytes()
    } else {
        traces(&["a", "ü🦀"]).encode_to_vec()
    }
}

#[tokio::test]
async fn http_takes_every_encoding_compression_and_framing() {
    let server = Server::start(Options::default()).await;
    let mut bodies = Vec::new();
    for content_type in TYPES {
        let plain = body(content_type);
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut zlib, &plain).unwrap();
        for (encoding, body) in [
            (None, plain.clone()),
            (Some("identity"), plain.clone()),
            (Some("gzip"), gzip(&plain)),
            (Some("zstd"), zstd::encode_all(&plain[..], 3).unwrap()),
            (Some("deflate"), zlib.finish().unwrap()),
        ] {
            for chunked in [false, true] {
                let mut request = HttpRequest::post("/v1/traces", content_type, body.clone());
                if let Some(encoding) = encoding {
                    request = request.header("content-encoding", encoding);
                }
                request.chunked = chunked;
                let answer = server.http(request).await;
                assert_eq!(
                    answer.status, 200,
                    "{content_type} {encoding:?}: {answer:?}"
                );
                let json = content_type.contains("json");
                assert_eq!(answer.body, if json { &b"{}"[..] } else { b"" });
                assert_eq!(
                    answer.header("content-type"),
                    Some(if json {
                        "application/json"
                    } else {
                        "application/x-protobuf"
                    })
                );
                let accepted = server.accepted();
                assert_eq!(span_names(&accepted), ["a", "ü🦀"]);
                assert_eq!(accepted.size_bytes, plain.len());
                bodies.push(plain.clone());
            }
        }
    }
    // The journal has every body as it was before compression.
    let reopened = collector::journal::Journal::open(journal_config(&server.dir), 0).unwrap();
    let records: Vec<_> = reopened.replay(0).map(|record| record.unwrap()).collect();
    assert_eq!(records.len(), bodies.len());
    for (record, body) in records.iter().zip(bodies) {
        assert_eq!(record.body, body);
        assert_eq!(record.encoding == Encoding::Json, body.starts_with(b"{"));
    }
}

#[tokio::test]
async fn every_signal_has_its_route_and_prefixes_do_no_harm() {
    let server = Server::start(Options::default()).await;
    for (path, body) in [
        ("/v1/traces", r#"{"resourceSpans":[]}"#),
        ("/v1/logs", r#"{"resourceLogs":[]}"#),
        ("/v1/metrics", r#"{"resourceMetrics":[]}"#),
        ("/otlp/v1/logs/", "{}"),
    ] {
        let answer = server
            .http(HttpRequest::post(path, "application/json", body))
            .await;
        assert_eq!(answer.status, 200, "{path}");
        let signal = server.accepted().request.signal();
        assert!(path.contains(signal.as_str()));
    }
}

#[tokio::test]
async fn grpc_takes_all_signals_and_compressions() {
    let server = Server::start(Options::default()).await;
    let channel = server.channel().await;
    let request = traces(&["a", "b"]);
    let plain = TraceServiceClient::new(channel.clone());
    for mut client in [
        plain.clone(),
        plain.clone().send_compressed(CompressionEncoding::Gzip),
        plain.send_compressed(CompressionEncoding::Zstd),
    ] {
        let response = client.export(request.clone()).await.unwrap().into_inner();
        assert_eq!(response, ExportTraceServiceResponse::default());
        let accepted = server.accepted();
        assert_eq!(accepted.request, Request::Traces(request.clone()));
        assert_eq!(accepted.size_bytes, request.encoded_len());
    }
    let logs = ExportLogsServiceRequest::default();
    LogsServiceClient::new(channel.clone())
        .export(logs)
        .await
        .unwrap();
    assert!(matches!(server.accepted().request, Request::Logs(_)));
    let metrics = ExportMetricsServiceRequest::default();
    MetricsServiceClient::new(channel.clone())
        .export(metrics)
        .await
        .unwrap();
    assert!(matches!(server.accepted().request, Request::Metrics(_)));
    let health = call_raw(channel, "/grpc.health.v1.Health/Check", Vec::new()).await;
    assert_eq!(health.unwrap(), [8, 1]);
}

#[tokio::test]
async fn large_batches_pass_over_both_protocols() {
    let server = Server::start(Options::default()).await;
    let name = "n".repeat(1000);
    let request = traces(&vec![name.as_str(); 3500]);
    assert!(request.encoded_len() > 3 * MIB);
    let mut client = TraceServiceClient::new(server.channel().await);
    client.export(request.clone()).await.unwrap();
    assert_eq!(server.accepted().request, Request::Traces(request.clone()));
    for chunked in [false, true] {
        let mut sent = HttpRequest::post("/v1/traces", TYPES[0], request.encode_to_vec());
        sent.chunked = chunked;
        assert_eq!(server.http(sent).await.status, 200);
        assert_eq!(server.accepted().request, Request::Traces(request.clone()));
    }
}

#[tokio::test]
async fn either_port_takes_either_protocol() {
    let mut server = Server::start(Options::default()).await;
    std::mem::swap(&mut server.grpc, &mut server.http);
    let mut client = TraceServiceClient::new(server.channel().await);
    client.export(traces(&["a"])).await.unwrap();
    let request = HttpRequest::post("/v1/traces", TYPES[1], traces_json(&["a"]));
    assert_eq!(server.http(request).await.status, 200);
}

#[tokio::test]
async fn connections_are_kept_for_the_next_request() {
    let server = Server::start(Options::default()).await;
    let address = server.http;
    tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        for _ in 0..3 {
            HttpRequest::post("/v1/traces", TYPES[1], traces_json(&["a"])).write(&mut stream);
            assert_eq!(HttpAnswer::read(&mut stream).status, 200);
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn bad_spans_are_a_partial_success_and_the_rest_is_kept() {
    let server = Server::start(Options::default()).await;
    let request: ExportTraceServiceRequest = traces(&["good", "bad 1", "bad 2", "also good"]);
    let mut client = TraceServiceClient::new(server.channel().await);
    let response = client.export(request.clone()).await.unwrap().into_inner();
    let partial = response.partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 2);
    assert_eq!(partial.error_message, "trace_id is all zero");
    assert_eq!(span_names(&server.accepted()), ["good", "also good"]);

    let sent = HttpRequest::post("/v1/traces", TYPES[0], request.encode_to_vec());
    let answer = server.http(sent).await;
    let response = ExportTraceServiceResponse::decode(&answer.body[..]).unwrap();
    assert_eq!(response.partial_success.unwrap().rejected_spans, 2);

    let json = traces_json(&["good", "bad 1", "bad 2", "also good"]);
    let answer = server
        .http(HttpRequest::post("/v1/traces", TYPES[1], json))
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        String::from_utf8(answer.body).unwrap(),
        r#"{"partialSuccess":{"rejectedSpans":"2","errorMessage":"trace_id is all zero"}}"#
    );
    let rejected = server
        .counters
        .rejected_records
        .load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(rejected, 6);
}
