//! What each route answers.

use serde_json::{Value as Json, json};

use crate::fixture::{LARGE, Server, demo, span_id, trace_id};

async fn served() -> Server {
    let mut server = Server::start().await;
    let batch = demo(&mut server.writer);
    server.commit(batch);
    server
}

fn ids(list: &Json) -> Vec<&str> {
    list["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|session| session["session_id"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn sessions_are_listed_filtered_and_paged() {
    let server = served().await;
    for (query, expected) in [
        ("", &["s3", "s1"][..]),
        ("?include_children=true", &["s3", "s2", "s1"]),
        ("?parent=s1", &["s2"]),
        ("?harness=codex", &["s3"]),
        ("?status=ok", &["s3"]),
        ("?q=TITLE%20of%20s1", &["s1"]),
        ("?q=bash", &["s3", "s1"]),
        ("?q=100%25", &[]),
        ("?finding=nothing", &[]),
        ("?limit=1", &["s3"]),
        ("?harness=codex&harness=CLAUDE-CODE", &["s3", "s1"]),
        ("?harness=codex&status=running", &[]),
        ("?model=m1&tool=bash&min_cost_usd=0.5", &["s3", "s1"]),
        ("?min_cost_usd=0.6", &[]),
        ("?max_cost_usd=0.4", &[]),
        ("?agent=Explore", &["s3"]),
        ("?mcp=files", &["s3"]),
        ("?mcp=none", &[]),
        ("?max_duration_ns=1000000000", &[]),
        ("?from_ns=1767323045000000000", &["s3", "s1"]),
        ("?until_ns=1767323045000000000", &[]),
        ("?sort=started", &["s3", "s1"]),
        ("?order=asc", &["s1", "s3"]),
        ("?sort=tokens&order=asc", &["s3", "s1"]),
    ] {
        let list = server.json(&format!("/api/v1/sessions{query}")).await;
        assert_eq!(ids(&list), expected, "{query}");
    }
    let first = server.json("/api/v1/sessions?limit=1").await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = server
        .json(&format!("/api/v1/sessions?limit=1&cursor={cursor}"))
        .await;
    assert_eq!(ids(&second), ["s1"]);
    assert_eq!(second["next_cursor"], Json::Null);
    let query = "/api/v1/sessions?limit=1&sort=cost&order=asc";
    let cheapest = server.json(query).await;
    let cursor = cheapest["next_cursor"].as_str().unwrap();
    let next = server.json(&format!("{query}&cursor={cursor}")).await;
    assert_eq!((ids(&cheapest), ids(&next)), (vec!["s3"], vec!["s1"]));
    for bad in [
        "?cursor=zz",
        "?limit=x",
        "?include_children=7",
        "?sort=beauty",
        "?order=up",
        "?min_cost_usd=much",
    ] {
        let response = server.get(&format!("/api/v1/sessions{bad}")).await;
        assert_eq!(response.status(), 400, "{bad}");
        let body: Json = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], "bad_request", "{bad}");
    }
    let row = &first["sessions"][0];
    assert_eq!(row["started_at"], "2026-01-02T03:04:05.000000000Z");
    assert_eq!((&row["models"], &row["tags"]), (&json!(["m1"]), &json!([])));
    assert_eq!(
        (&row["inferred"], &row["cost_usd"]),
        (&json!(false), &json!(0.5))
    );
    server.stop().await;
}

#[tokio::test]
async fn one_session_has_all_that_belongs_to_it() {
    let server = served().await;
    let detail = server
        .eventually("/api/v1/sessions/s1", |detail| {
            detail["findings"][0].is_object()
        })
        .await;
    assert_eq!(detail["session"]["session_id"], "s1");
    assert_eq!(detail["turns"][0]["prompt"], "Please fix the build");
    assert_eq!(detail["children"][0]["session_id"], "s2");
    assert_eq!(detail["traces"][0]["trace_id"], trace_id(1).hex());
    assert_eq!(detail["traces"][0]["span_count"], 7);
    let finding = &detail["findings"][0];
    assert_eq!(
        (&finding["kind"], &finding["severity"]),
        (&json!("blocked"), &json!("warning"))
    );
    assert_eq!(finding["span_ids"][0]["span_id"], span_id(7).hex());
    let response = server.get("/api/v1/sessions/none").await;
    assert_eq!(response.status(), 404);
    let body: Json = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "session_not_found");
    server.stop().await;
}

#[tokio::test]
async fn the_tree_is_columns_of_structure() {
    let server = served().await;
    server
        .eventually("/api/v1/findings?session_id=s1", |list| {
            list["findings"][0].is_object()
        })
        .await;
    let response = server.get("/api/v1/sessions/s1/tree").await;
    let etag = response.headers()["etag"].clone();
    let tree: Json = response.json().await.unwrap();
    let columns = &tree["columns"];
    let texts = |name: &str| -> Vec<Json> {
        let indexes = columns[name].as_array().unwrap();
        let text = |index: &Json| match index.as_i64().unwrap() {
            -1 => Json::Null,
            index => tree["strings"][index as usize].clone(),
        };
        indexes.iter().map(text).collect()
    };
    assert_eq!(
        (&tree["session_id"], &tree["span_count"]),
        (&json!("s1"), &json!(8))
    );
    assert_eq!(tree["started_at"], "2026-01-02T03:04:05.001000000Z");
    assert_eq!(tree["duration_ns"], 8_000_000);
    assert_eq!(columns["parent"], json!([-1, 0, 0, -1, 0, -1, 0, 2]));
    assert_eq!(columns["start_ns"][7], 7_000_000);
    assert_eq!(columns["duration_ns"][5], -1);
    // Input and output; output; a log's duplicate; waiting and plumbing; a subagent.
    assert_eq!(columns["flags"], json!([0, 96, 64, 10, 96, 17, 0, 128]));
    assert_eq!(columns["decision"], json!([0, 0, 0, 0, 0, 0, 2, 0]));
    assert_eq!(columns["operation"][1], 3);
    assert_eq!(texts("session_s")[7], "s2");
    assert_eq!(texts("detail_s")[2], "cat big.log");
    assert_eq!(texts("model_s")[1], "m1");
    assert_eq!(columns["span_id"][2], span_id(3).hex());
    assert_eq!(tree["findings"][0]["rows"], json!([6]));
    assert_eq!(tree["findings"][0]["kind"], "blocked");

    let request = server.http.get(server.url("/api/v1/sessions/s1/tree"));
    let again = request.header("if-none-match", etag).send().await.unwrap();
    assert_eq!(again.status(), 304);
    let request = server.http.get(server.url("/api/v1/sessions/s1/tree"));
    let packed = request
        .header("accept-encoding", "zstd")
        .send()
        .await
        .unwrap();
    assert_eq!(packed.headers()["content-encoding"], "zstd");

    let path = format!("/api/v1/traces/{}/tree", trace_id(3).hex());
    let trace = server.json(&path).await;
    assert_eq!(
        (&trace["session_id"], &trace["span_count"]),
        (&json!("s3"), &json!(1))
    );
    for path in ["/api/v1/sessions/none/tree", "/api/v1/traces/00/tree"] {
        assert_eq!(server.get(path).await.status(), 404, "{path}");
    }
    server.stop().await;
}

fn span_path(n: u64) -> String {
    format!("/api/v1/spans/{}/{}", trace_id(1).hex(), span_id(n).hex())
}

#[tokio::test]
async fn one_span_has_everything() {
    let server = served().await;
    let model = server.json(&span_path(5)).await;
    assert_eq!(model["span"]["operation"], "model");
    assert_eq!(model["span"]["input_tokens"], 1200);
    assert_eq!(model["span"]["parent_span_id"], span_id(1).hex());
    assert_eq!(model["messages"]["input"][0]["direction"], "system");
    assert_eq!(model["messages"]["input"].as_array().unwrap().len(), 3);
    assert_eq!(model["messages"]["unchanged_count"], 2);
    assert_eq!(
        model["messages"]["previous_span"]["span_id"],
        span_id(2).hex()
    );
    assert_eq!(model["messages"]["output"][0]["parts"][0]["content"], "ok");
    assert_eq!(model["resource"]["service.name"], "demo");
    assert_eq!(model["attributes"]["a.b"], "c");
    assert_eq!(model["links"], json!([]));
    assert_eq!(model["input"]["complete"], true);

    let text = server.get(&span_path(5)).await.text().await.unwrap();
    assert!(text.contains("\"big\":12345678901234567890"), "{text}");

    let tool = server.json(&span_path(3)).await;
    assert_eq!(tool["messages"], Json::Null);
    assert_eq!(tool["output"]["size_bytes"], LARGE);
    assert_eq!(tool["output"]["complete"], false);
    assert_eq!(tool["output"]["text"].as_str().unwrap().len(), 65_536);
    assert_eq!(tool["events"][0]["body"], "done");
    assert_eq!(tool["events"][0]["kind"], "log");
    let related: Vec<_> = tool["related"]
        .as_array()
        .unwrap()
        .iter()
        .map(|related| {
            (
                related["relation"].as_str().unwrap(),
                related["span_id"].clone(),
            )
        })
        .collect();
    assert_eq!(
        related,
        [
            ("duplicate", json!(span_id(4).hex())),
            ("child_session", json!(span_id(8).hex()))
        ]
    );
    let duplicate = server.json(&span_path(4)).await;
    assert_eq!(duplicate["span"]["duplicate_of"], span_id(3).hex());
    assert_eq!(duplicate["related"][0]["relation"], "duplicate_of");

    for path in [span_path(77), "/api/v1/spans/zz/zz".to_owned()] {
        let response = server.get(&path).await;
        assert_eq!(response.status(), 404, "{path}");
        let body: Json = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], "span_not_found");
    }
    server.stop().await;
}

#[tokio::test]
async fn payloads_are_exact_and_in_ranges() {
    let server = served().await;
    let tool = server.json(&span_path(3)).await;
    let path = format!(
        "/api/v1/payloads/{}",
        tool["output"]["hash"].as_str().unwrap()
    );
    let whole = server.get(&path).await;
    assert_eq!(whole.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(whole.headers()["accept-ranges"], "bytes");
    let etag = whole.headers()["etag"].clone();
    let whole = whole.bytes().await.unwrap();
    assert!(whole[..] == *"ä".repeat(LARGE / 2).as_bytes());
    for (range, bytes) in [
        ("bytes=0-9", 0..10),
        ("bytes=65530-65545", 65_530..65_546),
        ("bytes=299999-", 299_999..300_000),
        ("bytes=-5", 299_995..300_000),
    ] {
        let request = server.http.get(server.url(&path)).header("range", range);
        let part = request.send().await.unwrap();
        assert_eq!(part.status(), 206, "{range}");
        let place = format!("bytes {}-{}/300000", bytes.start, bytes.end - 1);
        assert_eq!(part.headers()["content-range"], *place);
        assert!(
            part.headers()["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/")
        );
        assert!(part.bytes().await.unwrap()[..] == whole[bytes], "{range}");
    }
    let request = server
        .http
        .get(server.url(&path))
        .header("range", "bytes=300000-");
    assert_eq!(request.send().await.unwrap().status(), 416);
    let request = server
        .http
        .get(server.url(&path))
        .header("if-none-match", etag);
    assert_eq!(request.send().await.unwrap().status(), 304);
    let unknown = format!("/api/v1/payloads/{}", "0".repeat(64));
    assert_eq!(server.get(&unknown).await.status(), 404);
    assert_eq!(server.get("/api/v1/payloads/xyz").await.status(), 400);
    server.stop().await;
}

#[tokio::test]
async fn stats_count() {
    let server = served().await;
    let stats = server.json("/api/v1/stats").await;
    assert_eq!(
        (&stats["session_count"], &stats["span_count"]),
        (&json!(3), &json!(9))
    );
    assert_eq!(stats["event_count"], 1);
    assert_eq!(stats["otlp"]["grpc"], "127.0.0.1:4317");
    assert_eq!(stats["ingest"]["spans"], 7);
    assert!(stats["stored_bytes"].as_u64().unwrap() > 0);
    let described = server.json("/api/v1/openapi.json").await;
    assert!(described["paths"]["/api/v1/sessions"].is_object());
    server.stop().await;
}
