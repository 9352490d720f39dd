//! Full-text search and saved queries over HTTP.

use serde_json::{Value as Json, json};

use crate::fixture::{Server, demo};

#[tokio::test]
async fn finds_what_was_said_and_shows_where() {
    let mut server = Server::start().await;
    let batch = demo(&mut server.writer);
    server.commit(batch);
    let page = server.json("/api/v1/search?q=please+BUILD").await;
    assert_eq!(page["total"], 1, "{page}");
    assert_eq!(page["total_is_lower_bound"], false);
    assert_eq!(page["next_cursor"], Json::Null);
    let hit = &page["hits"][0];
    assert_eq!(hit["session_id"], "s1");
    assert_eq!(hit["part"], "prompt");
    assert_eq!(hit["session_title"], "Title of s1");
    assert_eq!(hit["passage"]["text"], "Please fix the build");
    assert_eq!(hit["passage"]["highlights"], json!([[0, 6], [15, 20]]));
    let (trace, span) = (
        hit["trace_id"].as_str().unwrap(),
        hit["span_id"].as_str().unwrap(),
    );
    assert_eq!(hit["href"], format!("/replay/s1?span={trace}:{span}"));
    let payload = format!("/api/v1/payloads/{}", hit["payload_hash"].as_str().unwrap());
    let text = server.get(&payload).await.text().await.unwrap();
    assert_eq!(text, "Please fix the build");

    // The second request resends it.
    let page = server.json("/api/v1/search?q=careful").await;
    assert_eq!(page["total"], 1, "{page}");
    assert_eq!(page["hits"][0]["message_position"], 1);
    assert_eq!(page["hits"][0]["passage"]["highlights"], json!([[0, 7]]));
    server.stop().await;
}

#[tokio::test]
async fn filters_and_pages() {
    let mut server = Server::start().await;
    let batch = demo(&mut server.writer);
    server.commit(batch);
    let total = async |more: &str| {
        let path = format!("/api/v1/search?q=bash{more}");
        server.json(&path).await["total"].clone()
    };
    assert_eq!(total("").await, 2);
    assert_eq!(total("&operation=tool&operation=hook").await, 2);
    assert_eq!(total("&operation=model").await, 0);
    assert_eq!(total("&tool=BASH").await, 2);
    assert_eq!(total("&session=s1").await, 2);
    assert_eq!(total("&session=s3").await, 0);
    assert_eq!(total("&harness=codex").await, 0);
    assert_eq!(total("&since=2026-01-02T03:04:05.007Z").await, 1);
    assert_eq!(total("&until=2026-01-02T03:04:05.007Z").await, 1);
    assert_eq!(total("&since=1h").await, 0);

    let first = server.json("/api/v1/search?q=bash&limit=1").await;
    assert_eq!(first["total"], 2);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = server
        .json(&format!("/api/v1/search?q=bash&limit=1&cursor={cursor}"))
        .await;
    assert_eq!(second["next_cursor"], Json::Null);
    assert_eq!(second["total"], 2);
    assert_ne!(first["hits"][0]["span_id"], second["hits"][0]["span_id"]);
    for (query, words) in [
        ("q=", "there is no word"),
        ("q=%22open", "closing quotation mark"),
        ("q=a&since=soon", "`since` is a time"),
        ("q=a&cursor=00", "`cursor` is not one"),
    ] {
        let response = server.get(&format!("/api/v1/search?{query}")).await;
        assert_eq!(response.status(), 400, "{query}");
        let body: Json = response.json().await.unwrap();
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{query}: {message}");
    }
    server.stop().await;
}

#[tokio::test]
async fn sql_of_users_can_search() {
    let mut server = Server::start().await;
    let batch = demo(&mut server.writer);
    server.commit(batch);
    let (status, body) = server
        .post_sql(&json!({
            "sql": "select h.part, s.output_size from search('ok') h \
                    join spans s on s.trace_id = h.trace_id and s.span_id = h.span_id order by all",
        }))
        .await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["rows"], json!([["output", 63]]));
    for (sql, words) in [
        ("from search('a* -')", "two characters"),
        ("from search_hits('a')", "`search_hits` is not allowed"),
        ("select search_units('a')", "`search_units` is not allowed"),
    ] {
        let (status, body) = server.post_sql(&json!({ "sql": sql })).await;
        assert_eq!(status, 400, "{sql}: {body}");
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{sql}: {message}");
    }
    server.stop().await;
}

#[tokio::test]
async fn every_shipped_query_runs() {
    let mut server = Server::start().await;
    let batch = demo(&mut server.writer);
    server.commit(batch);
    let list = server.json("/api/v1/queries").await;
    let queries = list["queries"].as_array().unwrap();
    assert!(queries.len() >= 20);
    for query in queries {
        let mut params = json!({});
        for parameter in query["parameters"].as_array().unwrap() {
            let name = parameter["name"].as_str().unwrap();
            match (name, parameter["required"].as_bool().unwrap()) {
                ("session", true) => params[name] = "s1".into(),
                ("since", _) => params[name] = "2026-01-01".into(),
                (_, true) => params[name] = "bash".into(),
                _ => {}
            }
        }
        let name = query["name"].as_str().unwrap();
        let (status, body) = run(&server, name, &json!({ "params": params })).await;
        assert_eq!(status, 200, "{name}: {body}");
        assert!(!body["columns"].as_array().unwrap().is_empty());
    }
    let (_, body) = run(
        &server,
        "slowest-tools",
        &json!({"params": {"since": "2026-01-01"}}),
    )
    .await;
    assert_eq!(body["rows"][0][0], "Bash", "{body}");
    assert_eq!(body["rows"][0][2], 2);
    let (status, body) = run(&server, "context-growth", &json!({})).await;
    assert_eq!(status, 400);
    assert!(
        body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("`session`")
    );
    let (status, _) = run(&server, "no-such", &json!({})).await;
    assert_eq!(status, 404);
    server.stop().await;
}

#[tokio::test]
async fn users_save_their_own() {
    let server = Server::start().await;
    let mut query = json!({
        "name": "mine", "title": "Mine", "sql": "select $n + 1 as next from sessions right join (select 1) on true",
        "parameters": [{"name": "n", "type": "integer", "default": 1}],
    });
    let send = async |method: reqwest::Method, path: &str, body: &Json| {
        let request = server.http.request(method, server.url(path)).json(body);
        request.send().await.unwrap().status().as_u16()
    };
    let (post, put, delete) = (
        reqwest::Method::POST,
        reqwest::Method::PUT,
        reqwest::Method::DELETE,
    );
    assert_eq!(send(post.clone(), "/api/v1/queries", &query).await, 201);
    assert_eq!(send(post.clone(), "/api/v1/queries", &query).await, 409);
    let (status, body) = run(&server, "mine", &json!({"params": {"n": "41"}})).await;
    assert_eq!((status, &body["rows"]), (200, &json!([[42]])));
    query["sql"] = "select $n * 2".into();
    assert_eq!(send(put.clone(), "/api/v1/queries/mine", &query).await, 200);

    let mut wrong = query.clone();
    wrong["sql"] = "delete from span where $n = 1".into();
    assert_eq!(send(put.clone(), "/api/v1/queries/mine", &wrong).await, 400);
    wrong["sql"] = "select $other".into();
    assert_eq!(send(put.clone(), "/api/v1/queries/mine", &wrong).await, 400);
    wrong["name"] = "slowest-tools".into();
    wrong["sql"] = "select $n".into();
    assert_eq!(
        send(put, "/api/v1/queries/slowest-tools", &wrong).await,
        400
    );

    // They outlive the process.
    let server = server.restart().await;
    let (_, body) = run(&server, "mine", &json!({})).await;
    assert_eq!(body["rows"], json!([[2]]));
    let list = server.json("/api/v1/queries").await;
    let own = list["queries"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&own["name"], &own["shipped"]),
        (&json!("mine"), &json!(false))
    );
    let url = server.url("/api/v1/queries/mine");
    for status in [204, 404] {
        let gone = server
            .http
            .request(delete.clone(), &url)
            .send()
            .await
            .unwrap();
        assert_eq!(gone.status(), status);
    }
    server.stop().await;
}

async fn run(server: &Server, name: &str, body: &Json) -> (u16, Json) {
    let url = server.url(&format!("/api/v1/queries/{name}"));
    let response = server.http.post(url).json(body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}
