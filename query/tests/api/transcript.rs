//! What was said in a session, and the search in it.

use serde_json::{Value as Json, json};

use crate::fixture::{LARGE, Server, demo, span_id, trace_id};

async fn served() -> Server {
    let mut server = Server::start().await;
    let batch = demo(&mut server.writer);
    server.commit(batch);
    server
}

fn said(entry: &Json) -> Vec<(&str, &str)> {
    let parts = entry["parts"].as_array().unwrap();
    parts
        .iter()
        .map(|part| {
            (
                part["role"].as_str().unwrap(),
                part["text"].as_str().unwrap(),
            )
        })
        .collect()
}

#[tokio::test]
async fn a_request_says_what_is_new_in_it() {
    let server = served().await;
    let all = server.json("/api/v1/sessions/s1/transcript").await;
    assert_eq!(all["total"], 6);
    let entries = all["entries"].as_array().unwrap();
    assert_eq!(said(&entries[0]), [("user", "Please fix the build")]);
    assert_eq!(
        said(&entries[1]),
        [("system", "Careful."), ("user", "Fix"), ("assistant", "ok")]
    );
    let again = &entries[3];
    assert_eq!(said(again), [("assistant", "ok"), ("assistant", "ok")]);
    assert_eq!(again["unchanged_count"], 2);
    assert_eq!(again["rewritten"], false);
    let result = &entries[2]["parts"][0];
    assert_eq!(result["size_bytes"], LARGE);
    assert_eq!(result["complete"], false);
    assert_eq!(entries[4]["decision"], "deny");
    assert_eq!(entries[5]["session_id"], "s2");
    server.stop().await;
}

#[tokio::test]
async fn pages_and_single_acts_are_the_same_entries() {
    let server = served().await;
    let all = server.json("/api/v1/sessions/s1/transcript").await;
    let page = server
        .json("/api/v1/sessions/s1/transcript?from=3&limit=1")
        .await;
    assert_eq!(page["entries"][0], all["entries"][3]);
    assert_eq!(page["total"], 6);
    let name = format!("{}:{}", trace_id(1).hex(), span_id(5).hex());
    let one = server
        .json(&format!("/api/v1/sessions/s1/transcript?spans={name}"))
        .await;
    assert_eq!(one["entries"], json!([all["entries"][3]]));
    let nothing = server.get("/api/v1/sessions/nobody/transcript").await;
    assert_eq!(nothing.status(), 404);
    server.stop().await;
}

#[tokio::test]
async fn words_are_found_where_they_were_said_first() {
    let server = served().await;
    for (words, expected) in [
        ("FIX%20THE", &[1][..]),
        // What requests resend counts where it stood first.
        ("careful", &[2]),
        ("caref*", &[2]),
        ("careful%20-fix", &[2]),
        ("100%25", &[]),
    ] {
        let path = format!("/api/v1/sessions/s1/search?q={words}");
        let found = server.json(&path).await;
        let ids: Vec<&str> = found["matches"]
            .as_array()
            .unwrap()
            .iter()
            .map(|span| span["span_id"].as_str().unwrap())
            .collect();
        let expected: Vec<String> = expected.iter().map(|n| span_id(*n).hex()).collect();
        assert_eq!(ids, expected, "{words}");
        assert_eq!(found["truncated"], false);
    }
    let empty = server.get("/api/v1/sessions/s1/search?q=%20").await;
    assert_eq!(empty.status(), 400);
    server.stop().await;
}
