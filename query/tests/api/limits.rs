//! What bounds requests, what spares answers: origins, lengths, versions, ranges, selected fields.

use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::fixture::{LARGE, Server, demo, payload};

#[tokio::test]
async fn pages_of_other_origins_are_refused() {
    let server = Server::start().await;
    for (origin, status) in [
        ("http://localhost:7771", 200),
        ("http://127.0.0.1:5173", 200),
        ("https://reel.example", 200),
        ("https://evil.example", 403),
        ("null", 403),
    ] {
        let request = server.http.get(server.url("/api/v1/stats"));
        let response = request.header("origin", origin).send().await.unwrap();
        assert_eq!(response.status(), status, "{origin}");
        let request = server.http.post(server.url("/api/v1/findings/detect"));
        let response = request.header("origin", origin).send().await.unwrap();
        assert_eq!(response.status(), status, "{origin}");
        if status == 403 {
            let body: Json = response.json().await.unwrap();
            assert_eq!(body["error"]["code"], "foreign_origin");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn too_long_too_large_and_wrong_are_told_apart() {
    let server = Server::start().await;
    let response = server
        .get(&format!("/api/v1/sessions?q={}", "a".repeat(17_000)))
        .await;
    assert_eq!(response.status(), 414);
    let body: Json = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "address_too_long");

    let send = |body: String, content_type: &'static str| {
        let request = server.http.post(server.url("/api/v1/sql"));
        request
            .header("content-type", content_type)
            .body(body)
            .send()
    };
    for (body, content_type, status) in [
        (
            json!({"sql": "a".repeat(3 << 20)}).to_string(),
            "application/json",
            413,
        ),
        ("select 1".to_owned(), "text/plain", 415),
        ("{".to_owned(), "application/json", 400),
        (json!({"sql": 1}).to_string(), "application/json", 400),
        (json!({}).to_string(), "application/json", 400),
    ] {
        let response = send(body, content_type).await.unwrap();
        assert_eq!(response.status(), status);
        let body: Json = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], "bad_body", "{status}");
    }
    let head = server.http.head(server.url("/api/v1/stats")).send().await;
    let head = head.unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!(head.headers()["content-type"], "application/json");
    assert!(head.bytes().await.unwrap().is_empty());
    server.stop().await;
}

/// Begins a request whose body never comes to its end: `sent` of its `length` bytes are there.
async fn begin(server: &Server, sent: usize, length: usize) -> tokio::net::TcpStream {
    let mut stream = tokio::net::TcpStream::connect(server.address)
        .await
        .unwrap();
    let head = format!(
        "POST /api/v1/sql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b' '; sent]).await.unwrap();
    stream
}

#[tokio::test]
async fn slow_senders_keep_nobody_from_an_answer() {
    let server = Server::start().await;
    let select = json!({"sql": "select 1"});
    let mut waiting = Vec::new();
    for _ in 0..200 {
        waiting.push(begin(&server, 0, 10).await);
    }
    assert_eq!(server.get("/api/v1/stats").await.status(), 200);
    assert_eq!(server.post_sql(&select).await.0, 200);
    // What is large takes a place while it comes, of which there are fewer.
    let mut large = Vec::new();
    for _ in 0..64 {
        large.push(begin(&server, 100_000, 200_000).await);
    }
    let mut refused = None;
    for _ in 0..100 {
        let body = format!("{{\"sql\": \"select 1{}\"}}", " ".repeat(100_000));
        let request = server.http.post(server.url("/api/v1/sql"));
        let request = request.header("content-type", "application/json");
        let response = request.body(body).send().await.unwrap();
        if response.status() == 503 {
            refused = Some(response);
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let response = refused.expect("a refusal");
    assert_eq!(response.headers()["retry-after"], "1");
    let body: Json = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "busy");
    assert_eq!(server.get("/api/v1/stats").await.status(), 200);
    assert_eq!(server.post_sql(&select).await.0, 200);
    for mut stream in waiting {
        stream.write_all(b"{\"sql\": 1}").await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 400");
    }
    drop(large);
    server.stop().await;
}

#[tokio::test]
async fn what_is_known_is_not_sent_again() {
    let mut server = Server::start().await;
    let batch = demo(&mut server.writer);
    server.commit(batch);
    // Findings are part of what is told of a session, and come a moment after it.
    server
        .eventually("/api/v1/findings", |found| found["findings"][0].is_object())
        .await;
    for path in [
        "/api/v1/sessions",
        "/api/v1/sessions/s1",
        "/api/v1/sessions/s1/tree",
        "/api/v1/sessions/s1/transcript",
        "/api/v1/setup",
        "/jaeger/api/services",
    ] {
        let response = server.get(path).await;
        let etag = response.headers()["etag"].clone();
        let known = server
            .http
            .get(server.url(path))
            .header("if-none-match", &etag);
        let known = known.send().await.unwrap();
        assert_eq!(known.status(), 304, "{path}");
        assert_eq!(known.headers()["etag"], etag, "{path}");
        assert!(known.bytes().await.unwrap().is_empty(), "{path}");
        let other = server
            .http
            .get(server.url(path))
            .header("if-none-match", "\"other\"");
        assert_eq!(other.send().await.unwrap().status(), 200, "{path}");
    }
    let compressed = server
        .http
        .get(server.url("/api/v1/sessions/s1"))
        .header("accept-encoding", "zstd");
    let compressed = compressed.send().await.unwrap();
    assert_eq!(compressed.headers()["content-encoding"], "zstd");
    assert!(compressed.headers().contains_key("etag"));
    server.stop().await;
}

#[tokio::test]
async fn ranges_hold_for_the_version_they_are_meant_for() {
    let mut server = Server::start().await;
    let batch = demo(&mut server.writer);
    server.commit(batch);
    let hash = hex::encode(payload("ä".repeat(LARGE / 2)).address.hash);
    let path = format!("/api/v1/payloads/{hash}");
    for (version, range, status, length) in [
        (Some(format!("\"{hash}\"")), "bytes=2-5", 206, 4),
        (Some("\"other\"".to_owned()), "bytes=2-5", 200, LARGE),
        (None, "bytes=-4", 206, 4),
        (None, "bytes=0-1,4-5", 200, LARGE),
    ] {
        let mut request = server.http.get(server.url(&path)).header("range", range);
        if let Some(version) = version {
            request = request.header("if-range", version);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "{range}");
        assert_eq!(response.bytes().await.unwrap().len(), length, "{range}");
    }
    let beyond = format!("bytes={LARGE}-");
    let response = server.http.get(server.url(&path)).header("range", beyond);
    let response = response.send().await.unwrap();
    assert_eq!(response.status(), 416);
    assert_eq!(
        response.headers()["content-range"],
        format!("bytes */{LARGE}")
    );
    server.stop().await;
}

#[tokio::test]
async fn sessions_come_with_the_fields_that_are_wanted() {
    let mut server = Server::start().await;
    let batch = demo(&mut server.writer);
    server.commit(batch);
    let body = server
        .json("/api/v1/sessions?fields=session_id,tools&harness=codex&tool=bash&status=ok&sort=cost&order=asc")
        .await;
    assert_eq!(
        body,
        json!({"sessions": [{"session_id": "s3", "tools": ["Bash"]}], "next_cursor": null})
    );
    let first = server
        .json("/api/v1/sessions?fields=session_id&limit=1")
        .await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = server
        .json(&format!(
            "/api/v1/sessions?fields=session_id&limit=1&cursor={cursor}"
        ))
        .await;
    assert_ne!(first["sessions"], second["sessions"]);
    for query in [
        "fields=nope",
        "sort=color",
        "order=up",
        "cursor=zz",
        "min_cost_usd=much",
    ] {
        let response = server.get(&format!("/api/v1/sessions?{query}")).await;
        assert_eq!(response.status(), 400, "{query}");
        let body: Json = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], "bad_request", "{query}");
    }
    server.stop().await;
}
