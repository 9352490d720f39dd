//! OpenTelemetry SDKs of other languages send agent runs; the programs are in `tests/sdk`.
//!
//! `test.sh` installs what they need and names the Python interpreter in SPANREEL_TEST_PYTHON; run by
//! `cargo test` alone, without them, these tests have nothing to run and say so.

use std::process::Command;

use serde_json::{Value, json};

use crate::program::{Server, data_folder, repository};

fn run(mut command: Command, endpoint: &str, session_id: &str) {
    let output = command
        .args([endpoint, session_id])
        .output()
        .expect("the SDK program runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// What both programs sent, as the server understands it.
fn assert_understood(server: &Server, session_id: &str) {
    server.wait_until_loaded();
    let sessions = server.sql("from sessions select session_id, turn_count, model_request_count, tool_call_count, error_count, input_tokens, output_tokens");
    assert_eq!(
        Value::from(sessions),
        json!([{"session_id": session_id, "turn_count": 1, "model_request_count": 2, "tool_call_count": 4, "error_count": 3,
            "input_tokens": 240, "output_tokens": 60}])
    );
    let calls = server.sql("from tool_calls select tool_name, status, count(*) n, max(output_size) size group by all order by tool_name");
    assert_eq!(
        Value::from(calls),
        json!([
            {"tool_name": "build", "status": "error", "n": 3, "size": 24},
            {"tool_name": "read_log", "status": calls_status(server), "n": 1, "size": 200_031},
        ])
    );
    server.wait_for(
        "select max(repeat_count) from findings where kind = 'loop'",
        &json!(3),
    );
    let nested = "select count(*) from spans c join spans p on p.trace_id = c.trace_id and p.span_id = c.parent_span_id where p.operation = 'agent'";
    server.wait_for(nested, &json!(6));
    let prompt = server.value("select content from messages where role = 'user' limit 1");
    assert_eq!(prompt, "Make the build green. 日本語 🦀");
    let expected = blake3::hash(format!("{}\n", "0123456789".repeat(20_003)).as_bytes()).to_hex();
    assert_eq!(
        server.value("select output_hash from tool_calls where tool_name = 'read_log'"),
        expected.as_str()
    );
}

/// A call that did not fail may be `ok` or, as both SDKs leave it, `unset`.
fn calls_status(server: &Server) -> Value {
    let status = server.value("select status from tool_calls where tool_name = 'read_log'");
    assert!(status == "ok" || status == "unset", "{status}");
    status
}

#[test]
fn python_sdk_over_grpc() {
    let Ok(python) = std::env::var("SPANREEL_TEST_PYTHON") else {
        println!(
            "not run: SPANREEL_TEST_PYTHON names no Python with the OpenTelemetry SDK; ./test.sh sets it up"
        );
        return;
    };
    let data = data_folder();
    let server = Server::start(data.path());
    let mut command = Command::new(python);
    command.arg(repository("tests/sdk/agent_run.py"));
    run(command, &server.grpc, "sdk-python-1");
    assert_understood(&server, "sdk-python-1");
}

#[test]
fn javascript_sdk_over_http_json() {
    if !repository("tests/sdk/node_modules").is_dir() {
        println!("not run: the npm packages of tests/sdk are not installed; ./test.sh does that");
        return;
    }
    let data = data_folder();
    let server = Server::start(data.path());
    let mut command = Command::new("node");
    command.arg(repository("tests/sdk/agent_run.mjs"));
    run(command, &server.http, "sdk-js-1");
    assert_understood(&server, "sdk-js-1");
    // What this SDK writes in its own way cost nothing of the batch.
    let odd = "select count(*) from spans where operation = 'model' and attributes::varchar like '%before%after%'";
    assert_eq!(server.value(odd), 2);
    assert_eq!(
        server.value(
            "select count(*) from events where name = 'test.finished' and session_id = 'sdk-js-1'"
        ),
        1
    );
}
