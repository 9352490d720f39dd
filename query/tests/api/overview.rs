//! Answers over many sessions: totals, values, shapes, acts, usage.

use serde_json::{Value as Json, json};

use crate::fixture::{Server, T0, demo, span_id};

async fn served() -> Server {
    let mut server = Server::start().await;
    let batch = demo(&mut server.writer);
    server.commit(batch);
    server
}

#[tokio::test]
async fn totals_follow_the_filter() {
    let server = served().await;
    let all = server.json("/api/v1/summary").await;
    assert_eq!(
        (&all["session_count"], &all["cost_usd"]),
        (&json!(2), &json!(1.0))
    );
    let children_too = server.json("/api/v1/summary?include_children=true").await;
    assert_eq!(children_too["session_count"], 3);
    let codex = server.json("/api/v1/summary?harness=codex").await;
    assert_eq!(
        (&codex["session_count"], &codex["running_count"]),
        (&json!(1), &json!(0))
    );
    let none = server.json("/api/v1/summary?harness=nobody").await;
    assert_eq!(
        (&none["session_count"], &none["cost_usd"]),
        (&json!(0), &Json::Null)
    );
    let activity = server.json("/api/v1/activity").await;
    let quarter = T0 / 1_000_000_000 / 900 * 900;
    assert_eq!(
        (&activity["start_s"], &activity["session_count"]),
        (&json!([quarter]), &json!([2]))
    );
    server.stop().await;
}

#[tokio::test]
async fn values_to_filter_by_are_counted() {
    let server = served().await;
    let values = server.json("/api/v1/filter-values").await;
    let fields = &values["fields"];
    assert_eq!(
        fields["harness"][0],
        json!({ "value": "claude-code", "session_count": 2 })
    );
    assert_eq!(
        fields["mcp"],
        json!([{ "value": "files", "session_count": 1 }])
    );
    assert_eq!(fields["agent"][0]["value"], "Explore");
    assert_eq!(
        fields["model"],
        json!([{ "value": "m1", "session_count": 3 }])
    );
    server.stop().await;
}

#[tokio::test]
async fn shapes_tell_how_a_run_spent_its_time() {
    let server = served().await;
    let answer = server
        .json("/api/v1/shapes?session_id=s1&session_id=s2&session_id=no")
        .await;
    let shape = &answer["shapes"]["s1"];
    assert_eq!(shape["model"].as_array().unwrap().len(), 32);
    // The acts of the demo lie in the first milliseconds of five seconds.
    assert!(shape["model"][0].as_u64().unwrap() > 0, "{shape}");
    assert!(shape["tool"][0].as_u64().unwrap() > 0, "{shape}");
    assert_eq!(shape["failed"], json!([0]));
    assert_eq!(answer["shapes"]["no"], Json::Null);
    server.stop().await;
}

#[tokio::test]
async fn acts_come_latest_first_and_can_be_followed() {
    let server = served().await;
    let spans = |list: &Json| -> Vec<String> {
        let acts = list["acts"].as_array().unwrap().iter();
        acts.map(|act| act["span_id"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = server.json("/api/v1/acts").await;
    let expected: Vec<String> = [9, 8, 7, 5, 3, 2, 1].map(|n| span_id(n).hex()).into();
    assert_eq!(spans(&all), expected, "no duplicate, no plumbing");
    assert_eq!(all["acts"][0]["harness"], "codex");
    assert_eq!(all["acts"][0]["session_title"], "Title of s3");
    let latest = &all["acts"][1]["act_id"];
    let after = server.json(&format!("/api/v1/acts?after={latest}")).await;
    assert_eq!(spans(&after), [span_id(9).hex()]);
    let before = server
        .json(&format!("/api/v1/acts?before={latest}&limit=2"))
        .await;
    assert_eq!(spans(&before), [span_id(7).hex(), span_id(5).hex()]);
    for (query, count) in [
        ("operation=model", 2),
        ("operation=model&operation=agent", 3),
        ("harness=codex", 1),
        ("trouble=true", 1),
        ("q=CAT%20big", 1),
        ("session_id=s2", 1),
    ] {
        let list = server.json(&format!("/api/v1/acts?{query}")).await;
        assert_eq!(spans(&list).len(), count, "{query}");
    }
    server.stop().await;
}

#[tokio::test]
async fn usage_is_told_over_time_and_by_name() {
    let server = served().await;
    let range = format!("from_ns={T0}&until_ns={}", T0 + 10_000_000);
    let timeline = server
        .json(&format!("/api/v1/timeline?{range}&step_ns=5000000"))
        .await;
    assert_eq!(timeline["step"], json!([0, 1]));
    assert_eq!(timeline["model_request_count"], json!([1, 1]));
    assert_eq!(timeline["tool_call_count"], json!([1, 2]));
    assert_eq!(timeline["input_tokens"], json!([1200, 1200]));
    assert_eq!(timeline["model_p50_ns"], json!([1_000_000, 1_000_000]));
    assert_eq!(timeline["denied_count"], json!([0, 1]));
    assert_eq!(timeline["session_count"], json!([2, 0]));
    let codex = server
        .json(&format!("/api/v1/timeline?{range}&harness=codex"))
        .await;
    assert_eq!(codex["tool_call_count"].as_array().unwrap().len(), 2);

    let catalog = server.json(&format!("/api/v1/catalog?{range}")).await;
    let entry = |kind: &str, name: &str| -> Json {
        let entries = catalog["entries"].as_array().unwrap();
        let found = entries
            .iter()
            .find(|entry| entry["kind"] == kind && entry["name"] == name);
        found.cloned().unwrap_or_default()
    };
    let bash = entry("tool", "Bash");
    assert_eq!(
        (&bash["use_count"], &bash["denied_count"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(bash["total_duration_ns"], 2_000_000);
    let trend: i64 = bash["trend"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n.as_i64().unwrap())
        .sum();
    assert_eq!((trend, bash["trend"].as_array().unwrap().len()), (2, 24));
    assert_eq!(entry("mcp", "files")["use_count"], 1);
    assert_eq!(entry("model", "m1")["input_tokens"], 2400);
    assert_eq!(entry("harness", "claude-code")["use_count"], 1);

    for bad in [
        "timeline?from_ns=5&until_ns=5",
        "catalog?from_ns=6&until_ns=5",
        "timeline?step_ns=1",
    ] {
        assert_eq!(
            server.get(&format!("/api/v1/{bad}")).await.status(),
            400,
            "{bad}"
        );
    }
    server.stop().await;
}
