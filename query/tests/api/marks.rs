//! Tags, checkpoints, changed annotations, deletion.

use serde_json::{Value as Json, json};

use crate::fixture::{Server, demo, span_id, trace_id};

async fn send(server: &Server, method: &str, path: &str, body: Json) -> (u16, Json) {
    let method = method.parse().unwrap();
    let request = server.http.request(method, server.url(path)).json(&body);
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or_default())
}

#[tokio::test]
async fn tags_are_given_taken_and_filtered_by() {
    let mut server = Server::start().await;
    let batch = demo(&mut server.writer);
    server.commit(batch);
    let tags = "/api/v1/sessions/s1/tags";
    let (status, answer) = send(
        &server,
        "POST",
        tags,
        json!({"add": ["b", " a ", "b"], "remove": ["nothing"]}),
    )
    .await;
    assert_eq!((status, &answer["tags"]), (200, &json!(["a", "b"])));
    let found = server.json("/api/v1/sessions?tag=a").await;
    assert_eq!(found["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(found["sessions"][0]["tags"], json!(["a", "b"]));
    let (_, answer) = send(&server, "POST", tags, json!({"remove": ["a"]})).await;
    assert_eq!(answer["tags"], json!(["b"]));
    for (path, body, status) in [
        (tags, json!({"add": [""]}), 400),
        (tags, json!({"add": ["two\nlines"]}), 400),
        (tags, json!({"tags": ["a"]}), 400),
        ("/api/v1/sessions/nobody/tags", json!({"add": ["a"]}), 404),
    ] {
        assert_eq!(
            send(&server, "POST", path, body.clone()).await.0,
            status,
            "{body}"
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn a_checkpoint_names_an_act_and_moves() {
    let mut server = Server::start().await;
    let batch = demo(&mut server.writer);
    server.commit(batch);
    let path = "/api/v1/sessions/s1/checkpoints";
    let act =
        |n| json!({"name": "here", "trace_id": trace_id(1).hex(), "span_id": span_id(n).hex()});
    for n in [2, 3] {
        let (status, made) = send(&server, "POST", path, act(n)).await;
        assert_eq!(status, 201, "{made}");
        assert!(made["time"].is_string());
    }
    let list = server.json(path).await;
    let list = list["checkpoints"].as_array().unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!(list[0]["span_id"], span_id(3).hex());
    assert_eq!(
        send(&server, "POST", path, json!({"name": "nowhere"}))
            .await
            .0,
        400
    );
    let gone = format!("{path}/here");
    assert_eq!(send(&server, "DELETE", &gone, Json::Null).await.0, 204);
    assert_eq!(send(&server, "DELETE", &gone, Json::Null).await.0, 404);
    server.stop().await;
}

#[tokio::test]
async fn an_annotation_changes_its_words_and_keeps_its_place() {
    let mut server = Server::start().await;
    let batch = demo(&mut server.writer);
    server.commit(batch);
    let new = json!({"session_id": "s1", "turn": 1, "verdict": "wrong", "author": "me"});
    let (_, made) = send(&server, "POST", "/api/v1/annotations", new).await;
    let id = made["annotation_id"].as_str().unwrap();
    let path = format!("/api/v1/sessions/s1/annotations/{id}");
    let change = json!({"verdict": "good", "comment": "after all"});
    let (status, changed) = send(&server, "PUT", &path, change).await;
    assert_eq!(status, 200, "{changed}");
    for (name, value) in [
        ("annotation_id", json!(id)),
        ("turn", json!(1)),
        ("author", json!("me")),
        ("verdict", json!("good")),
        ("created_at", made["created_at"].clone()),
    ] {
        assert_eq!(changed[name], value, "{name}");
    }
    assert_eq!(send(&server, "PUT", &path, json!({})).await.0, 400);
    let other = "/api/v1/sessions/s1/annotations/none";
    assert_eq!(
        send(&server, "PUT", other, json!({"verdict": "good"}))
            .await
            .0,
        404
    );
    server.stop().await;
}

#[tokio::test]
async fn a_deleted_session_is_told_as_such() {
    let mut server = Server::start().await;
    let batch = demo(&mut server.writer);
    server.commit(batch);
    let path = "/api/v1/sessions/s1";
    let (status, deletion) = send(&server, "DELETE", path, Json::Null).await;
    assert_eq!(status, 200, "{deletion}");
    assert!(
        deletion["session_ids"]
            .as_array()
            .unwrap()
            .contains(&json!("s1"))
    );
    let (status, answer) = send(&server, "GET", path, Json::Null).await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (404, &json!("session_deleted"))
    );
    assert_eq!(send(&server, "DELETE", path, Json::Null).await.0, 404);
    let many = json!({"session_ids": ["s3", "nobody"]});
    let (status, deletion) = send(&server, "POST", "/api/v1/sessions/delete", many).await;
    assert_eq!((status, &deletion["session_ids"]), (200, &json!(["s3"])));
    let none = json!({"session_ids": []});
    assert_eq!(
        send(&server, "POST", "/api/v1/sessions/delete", none)
            .await
            .0,
        400
    );
    let again = "/api/v1/deleted-sessions/s1";
    assert_eq!(send(&server, "DELETE", again, Json::Null).await.0, 204);
    assert_eq!(send(&server, "DELETE", again, Json::Null).await.0, 404);
    server.stop().await;
}
