//! What is refused, how, and with which words.

use std::time::Duration;

use prost::Message;
use proto::otlp::collector::trace::v1::trace_service_client::TraceServiceClient;
use tonic::Code;
use tonic::codec::CompressionEncoding;
use tonic_types::StatusExt;

use crate::support::{
    HttpAnswer, HttpRequest, MIB, Options, Server, call_raw, gzip, start_request, traces,
};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";
const TOO_LARGE: &str = "the request exceeds the limit of 4194304 bytes after decompression: send \
                         smaller batches, or raise the limit of the receiver";
const UNKNOWN_ROUTE: &str = "there is nothing at `/v2/traces`: OTLP/HTTP is sent to /v1/traces, \
                             /v1/logs, /v1/metrics; OTLP/gRPC to the Export method of TraceService, \
                             LogsService and MetricsService";

/// A body that compresses a thousandfold and is over the limit when it is not.
fn bomb() -> Vec<u8> {
    vec![b' '; 40 * MIB]
}

#[tokio::test]
async fn http_refusals_say_what_is_wrong() {
    let server = Server::start(Options::default()).await;
    let mut truncated = traces(&["a"]).encode_to_vec();
    truncated.truncate(truncated.len() - 3);
    let post = |path, content_type: &str, body: &dyn AsRef<[u8]>| {
        HttpRequest::post(path, content_type, body.as_ref())
    };
    let mut get = post("/v1/traces", JSON, &"");
    get.method = "GET";
    let mut untyped = post("/v1/traces", JSON, &"{}");
    untyped.headers.clear();
    let cases = [
        (
            "oversized body",
            post("/v1/traces", PROTOBUF, &bomb()),
            413,
            TOO_LARGE,
        ),
        (
            "oversized chunked body",
            post("/v1/traces", JSON, &bomb()).chunked(),
            413,
            TOO_LARGE,
        ),
        (
            "gzip bomb",
            post("/v1/traces", PROTOBUF, &gzip(&bomb())).header("content-encoding", "gzip"),
            413,
            TOO_LARGE,
        ),
        (
            "zstd bomb",
            post(
                "/v1/traces",
                JSON,
                &zstd::encode_all(&bomb()[..], 3).unwrap(),
            )
            .header("content-encoding", "zstd"),
            413,
            TOO_LARGE,
        ),
        (
            "wrong content type",
            post("/v1/traces", "text/plain", &"hello"),
            415,
            "`text/plain` is not an OTLP content type: send application/x-protobuf or \
             application/json",
        ),
        (
            "no content type",
            untyped,
            415,
            "no content type is not an OTLP content type: send application/x-protobuf or \
             application/json",
        ),
        (
            "wrong compression",
            post("/v1/traces", JSON, &"{}").header("content-encoding", "br"),
            415,
            "the compression `br` is not supported: use one of gzip, zstd, deflate, identity",
        ),
        (
            "truncated protobuf",
            post("/v1/traces", PROTOBUF, &truncated),
            400,
            "the body is not a valid OTLP traces request in protobuf: \
             ExportTraceServiceRequest.resource_spans: buffer underflow",
        ),
        (
            "invalid JSON",
            post("/v1/logs", JSON, &r#"{"resourceLogs":[{"#),
            400,
            "the body is not a valid OTLP logs request in JSON: unexpected end of input at byte 18",
        ),
        (
            "not gzip",
            post("/v1/logs", JSON, &"{}").header("content-encoding", "gzip"),
            400,
            "the compressed body cannot be decompressed: unexpected end of file",
        ),
        (
            "unknown route",
            post("/v2/traces", JSON, &"{}"),
            404,
            UNKNOWN_ROUTE,
        ),
        ("wrong method", get, 405, "OTLP is sent by POST, not GET"),
        (
            "page of another host",
            post("/v1/traces", JSON, &"{}").header("origin", "https://evil.example"),
            403,
            "requests from web pages of other hosts are not accepted",
        ),
    ];
    for (name, request, status, message) in cases {
        let expects_json = request.headers.iter().all(|(_, value)| value != PROTOBUF);
        let answer = server.http(request).await;
        assert_eq!(
            (answer.status, answer.message().as_str()),
            (status, message),
            "{name}"
        );
        let content_type = if expects_json { JSON } else { PROTOBUF };
        assert_eq!(answer.header("content-type"), Some(content_type), "{name}");
        assert_eq!(answer.header("retry-after"), None, "{name}");
        if status == 405 {
            assert_eq!(answer.header("allow"), Some("post"));
        }
    }
    server.nothing_accepted();
    assert_eq!(server.budget.used_bytes(), 0);
    let local =
        HttpRequest::post("/v1/traces", JSON, "{}").header("origin", "http://localhost:3000");
    assert_eq!(server.http(local).await.status, 200);
}

#[tokio::test]
async fn grpc_refusals_say_what_is_wrong() {
    const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    let server = Server::start(Options::default()).await;
    let channel = server.channel().await;
    let mut truncated = traces(&["a"]).encode_to_vec();
    truncated.truncate(truncated.len() - 3);
    for (name, path, message, code, text) in [
        (
            "oversized message",
            EXPORT,
            bomb(),
            Code::ResourceExhausted,
            TOO_LARGE,
        ),
        (
            "truncated protobuf",
            EXPORT,
            truncated,
            Code::InvalidArgument,
            "the body is not a valid OTLP traces request in protobuf: \
             ExportTraceServiceRequest.resource_spans: buffer underflow",
        ),
        (
            "unknown method",
            "/opentelemetry.proto.collector.profiles.v1.ProfilesService/Export",
            Vec::new(),
            Code::Unimplemented,
            "there is nothing at `/opentelemetry.proto.collector.profiles.v1.ProfilesService/Export`: \
             OTLP/HTTP is sent to /v1/traces, /v1/logs, /v1/metrics; OTLP/gRPC to the Export method \
             of TraceService, LogsService and MetricsService",
        ),
    ] {
        let status = call_raw(channel.clone(), path, message).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (code, text), "{name}");
        assert!(status.get_details_retry_info().is_none(), "{name}");
    }
    // A zip bomb: 40 MiB of one name.
    let name = "n".repeat(40 * MIB);
    let mut client = TraceServiceClient::new(channel).max_encoding_message_size(100 * MIB);
    for compression in [CompressionEncoding::Gzip, CompressionEncoding::Zstd] {
        client = client.send_compressed(compression);
        let status = client.export(traces(&[&name])).await.unwrap_err();
        assert_eq!(
            (status.code(), status.message()),
            (Code::ResourceExhausted, TOO_LARGE)
        );
    }
    server.nothing_accepted();
    assert_eq!(server.budget.used_bytes(), 0);
}

#[tokio::test]
async fn a_body_that_trickles_is_given_up() {
    let server = Server::start(Options {
        body_timeout: Duration::from_millis(200),
        ..Options::default()
    })
    .await;
    let mut stream = start_request(server.http, &[0; 1000], 1);
    let mut writing = stream.try_clone().unwrap();
    std::thread::spawn(move || {
        while std::io::Write::write_all(&mut writing, &[0]).is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let answer = tokio::task::spawn_blocking(move || HttpAnswer::read(&mut stream)).await;
    assert_eq!(answer.unwrap().status, 408);
}

#[tokio::test]
async fn a_body_that_stops_arriving_gives_its_memory_back() {
    let server = Server::start(Options {
        body_timeout: Duration::from_millis(50),
        ..Options::default()
    })
    .await;
    let body = traces(&["a"]).encode_to_vec();
    let mut stream = start_request(server.http, &body, 5);
    let answer = tokio::task::spawn_blocking(move || HttpAnswer::read(&mut stream)).await;
    let answer = answer.unwrap();
    assert_eq!(
        (answer.status, answer.message().as_str()),
        (408, "the request body stopped arriving")
    );
    assert_eq!(server.budget.used_bytes(), 0);
}
