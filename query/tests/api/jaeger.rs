//! Jaeger's API: the shapes that its clients read.

use serde_json::{Value as Json, json};

use crate::fixture::{LARGE, Server, T0, demo, payload, span_id, trace_id};

async fn served() -> Server {
    let mut server = Server::start().await;
    let batch = demo(&mut server.writer);
    server.commit(batch);
    server
}

#[tokio::test]
async fn services_operations_and_calls() {
    let server = served().await;
    for prefix in ["/jaeger/api", "/api"] {
        assert_eq!(
            server.json(&format!("{prefix}/services")).await,
            json!({"data": ["demo"], "total": 1, "limit": 0, "offset": 0, "errors": null})
        );
    }
    let names = server.json("/jaeger/api/services/demo/operations").await;
    assert_eq!(
        names["data"],
        json!(["agent", "internal", "model", "tool", "turn"])
    );
    let operations = server.json("/jaeger/api/operations?service=demo").await;
    assert_eq!(
        operations["data"][0],
        json!({"name": "agent", "spanKind": "internal"})
    );
    let none = server
        .json("/jaeger/api/operations?service=demo&spanKind=server")
        .await;
    assert_eq!(none["data"], json!([]));
    let calls = server
        .json("/jaeger/api/dependencies?endTs=1767323050000&lookback=60000")
        .await;
    assert_eq!(calls["data"], json!([]));
    server.stop().await;
}

#[tokio::test]
async fn a_trace_has_the_shape_that_viewers_read() {
    let server = served().await;
    let id = trace_id(1).hex();
    let body = server.json(&format!("/jaeger/api/traces/{id}")).await;
    assert_eq!(body["total"], 1);
    assert_eq!(body["errors"], Json::Null);
    let trace = &body["data"][0];
    assert_eq!(trace["traceID"], id);
    assert_eq!(
        trace["processes"],
        json!({"p1": {"serviceName": "demo", "tags": [{"key": "service.name", "type": "string", "value": "demo"}]}})
    );
    let spans = trace["spans"].as_array().unwrap();
    assert_eq!(spans.len(), 8);
    for span in spans {
        assert_eq!(span["traceID"], id);
        assert_eq!(span["spanID"].as_str().map(str::len), Some(16));
        assert_eq!(span["processID"], "p1");
        for list in ["references", "tags", "logs"] {
            assert!(span[list].is_array(), "{list}: {span}");
        }
        for tag in span["tags"].as_array().unwrap() {
            let kind = tag["type"].as_str().unwrap();
            let fits = match kind {
                "string" => tag["value"].is_string(),
                "bool" => tag["value"].is_boolean(),
                "int64" => tag["value"].is_i64(),
                "float64" => tag["value"].is_f64(),
                _ => false,
            };
            assert!(fits, "{tag}");
        }
    }
    let tool = spans
        .iter()
        .find(|span| span["spanID"] == span_id(3).hex())
        .unwrap();
    assert_eq!(tool["startTime"], T0 / 1000 + 3000);
    assert_eq!(tool["duration"], 1000);
    assert_eq!(
        tool["references"],
        json!([{"refType": "CHILD_OF", "traceID": id, "spanID": span_id(1).hex()}])
    );
    let value = |span: &Json, key: &str| {
        let tags = span["tags"].as_array().unwrap();
        let tag = tags.iter().find(|tag| tag["key"] == key);
        tag.map_or(Json::Null, |tag| tag["value"].clone())
    };
    assert_eq!(value(tool, "a.b"), "c");
    assert_eq!(value(tool, "span.kind"), "internal");
    assert_eq!(value(tool, "spanreel.tool_name"), "Bash");
    // Larger than what comes whole: where it is, and how large.
    let hash = hex::encode(payload("ä".repeat(LARGE / 2)).address.hash);
    let address = format!("http://{}/api/v1/payloads/{hash}", server.address);
    assert_eq!(value(tool, "spanreel.output"), address.as_str());
    assert_eq!(value(tool, "spanreel.output.size_bytes"), LARGE);
    let model = spans
        .iter()
        .find(|span| span["spanID"] == span_id(2).hex())
        .unwrap();
    assert!(
        value(model, "spanreel.input")
            .as_str()
            .unwrap()
            .contains("Careful.")
    );
    assert_eq!(
        tool["logs"],
        json!([{"timestamp": T0 / 1000, "fields": [
            {"key": "event", "type": "string", "value": "tool_result"},
            {"key": "level", "type": "string", "value": "INFO"},
            {"key": "message", "type": "string", "value": "done"},
            {"key": "k", "type": "string", "value": "v"}]}])
    );
    server.stop().await;
}

#[tokio::test]
async fn searches_combine() {
    let server = served().await;
    let found = async |query: &str| -> Vec<String> {
        let body = server.json(&format!("/jaeger/api/traces?{query}")).await;
        let traces = body["data"].as_array().unwrap();
        traces
            .iter()
            .map(|trace| trace["traceID"].as_str().unwrap()[..2].to_owned())
            .collect()
    };
    let (start, end) = (T0 / 1000, T0 / 1000 + 8500);
    for (query, traces) in [
        ("service=demo".to_owned(), vec!["03", "01"]),
        ("service=demo&limit=1".to_owned(), vec!["03"]),
        (
            "service=demo&lookback=custom&operation=model".to_owned(),
            vec!["01"],
        ),
        (format!("service=demo&start={start}&end={end}"), vec!["01"]),
        (
            "service=demo&minDuration=1ms&maxDuration=2ms".to_owned(),
            vec!["03", "01"],
        ),
        ("service=demo&minDuration=2ms".to_owned(), vec![]),
        (
            r#"service=demo&tags={"a.b":"c"}&operation=turn"#.to_owned(),
            vec!["01"],
        ),
        (r#"service=demo&tags={"a.b":"d"}"#.to_owned(), vec![]),
        (
            "service=demo&tag=spanreel.tool_name:read_file".to_owned(),
            vec!["03"],
        ),
        (
            "service=demo&tag=service.name:demo&limit=1".to_owned(),
            vec!["03"],
        ),
        ("service=other".to_owned(), vec![]),
    ] {
        assert_eq!(found(&query).await, traces, "{query}");
    }
    let (one, other) = (trace_id(1).hex(), "f".repeat(32));
    let body = server
        .json(&format!("/jaeger/api/traces?traceID={one}&traceID={other}"))
        .await;
    assert_eq!(body["total"], 1);
    assert_eq!(
        body["errors"],
        json!([{"msg": "trace not found", "traceID": other}])
    );
    server.stop().await;
}

#[tokio::test]
async fn refusals_have_the_shape_that_clients_read() {
    let server = served().await;
    for (path, status, words) in [
        ("/traces", 400, "'service' is required"),
        ("/operations", 400, "'service' is required"),
        ("/traces?service=a&tags=x", 400, "malformed 'tags'"),
        ("/traces?service=a&limit=x", 400, "'limit'"),
        ("/traces/xyz", 400, "hex digits"),
        ("/traces/abc", 404, "trace not found"),
        ("/dependencies?endTs=x", 400, "'endTs'"),
    ] {
        let response = server.get(&format!("/jaeger/api{path}")).await;
        assert_eq!(response.status(), status, "{path}");
        let body: Json = response.json().await.unwrap();
        assert_eq!(body["data"], Json::Null);
        assert_eq!(body["errors"][0]["code"], status, "{path}");
        let message = body["errors"][0]["msg"].as_str().unwrap();
        assert!(message.contains(words), "{path}: {message}");
    }
    server.stop().await;
}
