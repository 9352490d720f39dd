//! The demo, from OTLP to SQL, API and findings.

use serde_json::{Value, json};

use crate::program::{Server, data_folder};

/// Every count that must survive whatever happens to the program.
const COUNTS: &str = "select (select count(*) from spans) spans, (select count(*) from events) events, \
    (select count(*) from messages) messages, (select count(*) from turns) turns, \
    (select count(*) from sessions) sessions, (select count(*) from findings) findings, \
    (select sum(payload_bytes) from sessions) bytes";

fn with_demo(data: &std::path::Path) -> Server {
    let server = Server::start(data);
    server.play_demo();
    server.wait_until_loaded();
    server.wait_for(
        "select count(*) from findings where kind = 'loop'",
        &json!(2),
    );
    server
}

#[test]
fn demo_is_understood() {
    let data = data_folder();
    let server = with_demo(data.path());

    let sessions = server.sql(
        "from sessions select harness, status, turn_count, subagent_count, denied_count, parent_session_id is not null as child
         order by harness, child",
    );
    assert_eq!(
        Value::from(sessions),
        json!([
            {"harness": "claude-code", "status": "ok", "turn_count": 2, "subagent_count": 1, "denied_count": 1, "child": false},
            {"harness": "openai-agents", "status": "error", "turn_count": 1, "subagent_count": 0, "denied_count": 0, "child": false},
            {"harness": "pydantic-ai", "status": "ok", "turn_count": 1, "subagent_count": 1, "denied_count": 0, "child": false},
            {"harness": "pydantic-ai", "status": "ok", "turn_count": 1, "subagent_count": 0, "denied_count": 0, "child": true},
            {"harness": "research-team", "status": "ok", "turn_count": 1, "subagent_count": 12, "denied_count": 0, "child": false},
        ])
    );

    // Spans and log records tell of the same acts: each is counted once.
    let coding = "session_id = (select session_id from sessions where harness = 'claude-code')";
    let tools = server.sql(&format!(
        "from tool_calls select tool_name, mcp_server, count(*) calls, count(*) filter (status = 'error') failed
         where {coding} group by all order by tool_name"
    ));
    assert_eq!(
        Value::from(tools),
        json!([
            {"tool_name": "Agent", "mcp_server": null, "calls": 1, "failed": 0},
            {"tool_name": "Bash", "mcp_server": null, "calls": 9, "failed": 6},
            {"tool_name": "Edit", "mcp_server": null, "calls": 1, "failed": 0},
            {"tool_name": "Grep", "mcp_server": null, "calls": 1, "failed": 0},
            {"tool_name": "Read", "mcp_server": null, "calls": 2, "failed": 0},
            {"tool_name": "Write", "mcp_server": null, "calls": 1, "failed": 0},
            {"tool_name": "lookup_sku", "mcp_server": "inventory", "calls": 1, "failed": 0},
            {"tool_name": "reserve", "mcp_server": "inventory", "calls": 1, "failed": 1},
        ])
    );
    let models = server.sql(&format!(
        "from model_requests select model, count(*) n where {coding} group by all order by model"
    ));
    assert_eq!(
        Value::from(models),
        json!([{"model": "claude-haiku-4-5", "n": 3}, {"model": "claude-opus-5-5", "n": 16}])
    );
    let denials = server.sql(&format!(
        "from denials select tool_name, decision, decision_source where {coding}"
    ));
    assert_eq!(
        Value::from(denials),
        json!([{"tool_name": "Bash", "decision": "deny", "decision_source": "hook"}])
    );

    let loops = server.sql("from findings select kind, confidence, repeat_count, len(span_ids) spans where kind = 'loop' order by confidence");
    assert_eq!(
        Value::from(loops),
        json!([
            {"kind": "loop", "confidence": "certain", "repeat_count": 6, "spans": 6},
            // The deployment that failed, tried once more as it was.
            {"kind": "loop", "confidence": "likely", "repeat_count": 2, "spans": 2},
        ])
    );
}

#[test]
fn large_tool_output_comes_back_byte_exact() {
    let data = data_folder();
    let server = with_demo(data.path());
    let place = &server
        .sql("from tool_calls select trace_id, span_id, output where output_size = 200031")[0];
    let (trace, span) = (
        place["trace_id"].as_str().unwrap(),
        place["span_id"].as_str().unwrap(),
    );
    let detail = server.get(&format!("/api/v1/spans/{trace}/{span}"));
    let output = &detail["output"];
    assert_eq!(output["size_bytes"], 200_031);
    let hash = output["hash"].as_str().unwrap();
    let (status, bytes) = server.get_bytes(&format!("/api/v1/payloads/{hash}"));
    assert_eq!((status, bytes.len()), (200, 200_031));
    assert_eq!(blake3::hash(&bytes).to_hex().as_str(), hash);
    assert_eq!(
        place["output"].as_str().unwrap().as_bytes(),
        bytes,
        "SQL gives the same text"
    );
}

#[test]
fn demo_played_twice_gives_new_sessions() {
    let data = data_folder();
    let server = Server::start(data.path());
    let first = server.play_demo();
    server.wait_until_loaded();
    let once = &server.sql(COUNTS)[0];
    let second = server.play_demo();
    server.wait_until_loaded();
    assert_ne!(first, second, "the session ids that it prints differ");
    let twice = &server.sql(COUNTS)[0];
    for name in ["events", "turns", "sessions"] {
        assert_eq!(
            twice[name].as_i64(),
            once[name].as_i64().map(|count| 2 * count),
            "{name}"
        );
    }
}

#[test]
fn restart_keeps_everything() {
    let data = data_folder();
    let server = with_demo(data.path());
    let before = server.sql(COUNTS);
    server.stop();
    let server = Server::start(data.path());
    assert_eq!(server.sql(COUNTS), before);
    server.kill();
    let server = Server::start(data.path());
    assert_eq!(server.sql(COUNTS), before);
}

#[test]
fn data_folder_is_read_without_a_server() {
    let data = data_folder();
    let server = with_demo(data.path());
    let before = server.sql(COUNTS);
    server.stop();
    let folder = data.path().to_str().unwrap();
    let output = crate::program::program()
        .args(["sql", "--json", "--data", folder, COUNTS])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(
        serde_json::from_slice::<Vec<Value>>(&output.stdout).unwrap(),
        before
    );
}
