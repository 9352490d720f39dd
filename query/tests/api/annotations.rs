//! What people say of a run.

use serde_json::{Value as Json, json};

use crate::fixture::{Server, demo, span_id, trace_id};

async fn post(server: &Server, body: &Json) -> (u16, Json) {
    let request = server
        .http
        .post(server.url("/api/v1/annotations"))
        .json(body);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn annotations_are_written_listed_and_taken_back() {
    let mut server = Server::start().await;
    let batch = demo(&mut server.writer);
    server.commit(batch);
    let body = json!({"session_id": "s1", "trace_id": trace_id(1).hex(), "span_id": span_id(3).hex(),
        "verdict": "wrong", "comment": "It read <b>too</b> much", "author": "me"});
    let (status, made) = post(&server, &body).await;
    assert_eq!(status, 201, "{made}");
    let (status, _) = post(&server, &json!({"session_id": "s1", "verdict": "good"})).await;
    assert_eq!(status, 201);
    // They outlive a restart.
    let server = server.restart().await;
    let list = server.json("/api/v1/sessions/s1/annotations").await;
    assert_eq!(list["annotations"].as_array().unwrap().len(), 2);
    assert_eq!(list["annotations"][0], made);
    let gone = format!(
        "/api/v1/sessions/s1/annotations/{}",
        made["annotation_id"].as_str().unwrap()
    );
    let response = server.http.delete(server.url(&gone)).send().await.unwrap();
    assert_eq!(response.status(), 204);
    let list = server.json("/api/v1/sessions/s1/annotations").await;
    assert_eq!(list["annotations"][0]["verdict"], "good");
    server.stop().await;
}

#[tokio::test]
async fn annotations_of_nothing_are_refused() {
    let mut server = Server::start().await;
    let batch = demo(&mut server.writer);
    server.commit(batch);
    for (body, status) in [
        (json!({"session_id": "s1"}), 400),
        (json!({"session_id": "s1", "verdict": "perhaps"}), 400),
        (json!({"session_id": "s1", "comment": "  "}), 400),
        (
            json!({"session_id": "s1", "comment": "x".repeat(70_000)}),
            400,
        ),
        (
            json!({"session_id": "s1", "verdict": "good", "span_id": "ab"}),
            400,
        ),
        (json!({"session_id": "nobody", "verdict": "good"}), 404),
        (
            json!({"session_id": "s1", "verdict": "good", "trace_id": "00", "span_id": "ab"}),
            404,
        ),
    ] {
        assert_eq!(post(&server, &body).await.0, status, "{body}");
    }
    server.stop().await;
}
