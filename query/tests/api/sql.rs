//! SQL over HTTP, and what it refuses.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::fixture::{Server, demo};

#[tokio::test]
async fn answers_questions() {
    let mut server = Server::start().await;
    let batch = demo(&mut server.writer);
    server.commit(batch);
    let (status, body) = server
        .post_sql(&json!({
            "sql": "select tool_name, count(*) as n, min(started_at) as at, sum(1::hugeint) \
                    from tool_calls where session_id = ? group by 1;",
            "params": ["s1"],
        }))
        .await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(
        body["rows"],
        json!([["Bash", 2, "2026-01-02T03:04:05.003000000Z", 2]])
    );
    assert_eq!(body["columns"][1], json!({"name": "n", "type": "BIGINT"}));
    assert_eq!(body["truncated"], false);
    assert!(body["elapsed_ms"].is_u64());

    let (_, body) = server
        .post_sql(&json!({"sql": "from range(100)", "max_rows": 3}))
        .await;
    assert_eq!(body["rows"], json!([[0], [1], [2]]));
    assert_eq!(body["truncated"], true);

    let request = server
        .http
        .post(server.url("/api/v1/sql"))
        .header("accept", "text/csv");
    let query = json!({"sql": "select 'a,b' as x, 1 as y, null as z"});
    let response = request.json(&query).send().await.unwrap();
    assert_eq!(
        response.headers()["content-type"],
        "text/csv; charset=utf-8"
    );
    assert_eq!(response.text().await.unwrap(), "x,y,z\r\n\"a,b\",1,\r\n");

    let (_, body) = server
        .post_sql(&json!({"sql": "select output from spans where output_size = 300000"}))
        .await;
    assert_eq!(body["rows"][0][0].as_str().map(str::len), Some(300_000));
    server.stop().await;
}

#[tokio::test]
async fn refuses_what_is_not_reading() {
    let server = Server::start().await;
    for (sql, code, words) in [
        (
            "delete from span",
            "sql_rejected",
            "only reading is allowed",
        ),
        (
            "from read_text('/etc/passwd')",
            "sql_rejected",
            "`read_text` is not allowed",
        ),
        ("from '/etc/passwd'", "sql_rejected", "Files cannot be read"),
        (
            "select 1; select 2",
            "sql_rejected",
            "one statement at a time",
        ),
        ("selec 1", "sql_error", "syntax error"),
        ("select nope from spans", "sql_error", "nope"),
        ("", "sql_rejected", "no statement"),
    ] {
        let (status, body) = server.post_sql(&json!({ "sql": sql })).await;
        assert_eq!(status, 400, "{sql}: {body}");
        assert_eq!(body["error"]["code"], code, "{sql}: {body}");
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{sql}: {message}");
    }
    let (_, body) = server
        .post_sql(&json!({"sql": "select nope from spans"}))
        .await;
    assert_eq!(body["error"]["position"], 7);
    let response = server
        .http
        .post(server.url("/api/v1/sql"))
        .body("{")
        .header("content-type", "application/json");
    let response = response.send().await.unwrap();
    assert_eq!(response.status(), 400);
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "bad_body");
    server.stop().await;
}

/// Takes for ever, and hardly any memory, so that nothing but time stops it.
const ENDLESS: &str = "select count(*) from range(100000) a, range(100000) b, range(100000) c \
                       where a.range + b.range + c.range < 0";

#[tokio::test]
async fn stops_what_takes_too_long() {
    let server = Server::start().await;
    let (status, body) = server
        .post_sql(&json!({"sql": ENDLESS, "timeout_ms": 200}))
        .await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (400, &json!("sql_timeout"))
    );
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_leaves_stops_its_query() {
    let server = Server::start().await;
    // As many as may run at the same time.
    for _ in 0..2 {
        let query = server
            .http
            .post(server.url("/api/v1/sql"))
            .json(&json!({"sql": ENDLESS, "timeout_ms": 60_000}))
            .timeout(Duration::from_millis(150));
        assert!(query.send().await.is_err());
    }
    let started = Instant::now();
    let (status, body) = server.post_sql(&json!({"sql": "select 1"})).await;
    assert_eq!(status, 200, "{body}");
    assert!(started.elapsed() < Duration::from_secs(5));
    server.stop().await;
}

#[tokio::test]
async fn lists_what_can_be_asked() {
    let server = Server::start().await;
    let schema = server.json("/api/v1/sql/schema").await;
    let relations = schema["relations"].as_array().unwrap();
    let names: Vec<&str> = relations
        .iter()
        .map(|r| r["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "sessions",
            "spans",
            "events",
            "messages",
            "turns",
            "findings",
            "annotations",
            "checkpoints",
            "deleted_sessions",
            "redactions",
            "metrics",
            "tool_calls",
            "model_requests",
            "hook_fires",
            "denials",
            "capture_gaps",
            "loops",
            "search",
            "session_tree",
            "transcript",
        ]
    );
    let columns = relations[1]["columns"].as_array().unwrap();
    assert!(
        columns
            .iter()
            .any(|c| c["name"] == "started_at" && c["type"] == "TIMESTAMP_NS")
    );
    server.stop().await;
}
