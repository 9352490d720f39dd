//! Hooks of recorded runs laid over the telemetry of the same runs: each fire is told once, what
//! telemetry lacks is there, and no act is counted again.
//!
//! The recordings lie beside the repository; without them there is nothing to lay over.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde_json::{Value, json};

use crate::program::{Server, data_folder, post};
use crate::recordings::Recording;

/// What stays as it is when the hooks come, too.
const COUNTS: &str = "select session_id, turn_count, model_request_count, tool_call_count, denied_count, \
    subagent_count, error_count, input_tokens, output_tokens from sessions order by session_id";

const FIRES: &str =
    "select hook_event as event, count(*) as fires from hook_fires group by all order by event";

/// The documents that the hooks of a recording were given, as the records that `spanreel hook` sends.
///
/// The documents do not say when they were written: the n-th fire of an event is taken to be 7 ms behind
/// the n-th that telemetry tells of, and one that telemetry does not tell of behind everything.
fn fires(recording: &Recording, harness: &str, server: &Server) -> Value {
    let told = server.sql(
        "select hook_event as event, epoch_ns(started_at) as ns from hook_fires order by started_at",
    );
    let mut times: HashMap<String, VecDeque<i64>> = HashMap::new();
    let mut last = 0;
    for row in &told {
        let ns = row["ns"].as_i64().expect("a time");
        let event = row["event"].as_str().expect("an event").to_owned();
        times.entry(event).or_default().push_back(ns);
        last = last.max(ns);
    }
    let mut record = |(n, line): (usize, &str)| {
        let mut document: Value = serde_json::from_str(line).expect("JSON");
        let fields = document.as_object_mut().expect("an object");
        // What the hook's own log adds to the document.
        let event = fields.remove("hook").expect("the event");
        let decision = fields.remove("decision");
        let told = times
            .get_mut(event.as_str().unwrap_or_default())
            .and_then(VecDeque::pop_front);
        let ns = told.unwrap_or(last + 5_000_000_000 + n as i64) + 7_000_000;
        let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
        let mut attributes = vec![
            json!({"key": "event.name", "value": {"stringValue": event}}),
            text("spanreel.hook.id", &format!("{harness}-{n}")),
        ];
        if decision == Some(json!("deny")) {
            let verdict = json!({"hookSpecificOutput": {"hookEventName": "PreToolUse",
                "permissionDecision": "deny", "permissionDecisionReason": "nothing is deleted here"}});
            attributes.push(text("process.command_line", "guard.py"));
            attributes.push(json!({"key": "process.exit.code", "value": {"intValue": "0"}}));
            attributes.push(text("spanreel.hook.stdout", &verdict.to_string()));
        }
        json!({"timeUnixNano": ns.to_string(), "observedTimeUnixNano": ns.to_string(),
            "body": {"stringValue": document.to_string()}, "attributes": attributes})
    };
    let lines = recording.file("hook-fires.jsonl").expect("the hooks' log");
    let records: Vec<Value> = lines.lines().enumerate().map(&mut record).collect();
    json!({"resourceLogs": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": harness}}]},
        "scopeLogs": [{"scope": {"name": "spanreel.hook"}, "logRecords": records}],
    }]})
}

/// Fires by event, as the hooks themselves counted them.
fn happened(truth: &Value) -> BTreeMap<String, i64> {
    let mut fires = BTreeMap::new();
    for (name, count) in truth["hook_fires"].as_object().expect("fires") {
        let event = name.split(':').next().unwrap_or(name).to_owned();
        *fires.entry(event).or_default() += count.as_i64().expect("a count");
    }
    fires
}

fn check(name: &'static str, harness: &str) {
    let Some(recording) = Recording::find(name) else {
        return;
    };
    let data = data_folder();
    let server = Server::start(data.path());
    for request in recording.requests() {
        request.send(&server);
    }
    server.wait_until_loaded();
    let before = server.sql(COUNTS);
    let body = fires(&recording, harness, &server).to_string();
    for _ in 0..2 {
        let url = format!("{}/v1/logs", server.http);
        let (status, _) =
            post(&url, "application/json", body.clone().into_bytes()).expect("an answer");
        assert_eq!(status, 200);
    }
    server.wait_until_loaded();
    assert_eq!(server.sql(COUNTS), before, "{name}");
    let found: BTreeMap<String, i64> = server
        .sql(FIRES)
        .iter()
        .map(|row| {
            let event = row["event"].as_str().unwrap_or_default().to_owned();
            (event, row["fires"].as_i64().unwrap_or_default())
        })
        .collect();
    println!("{name}: {found:?}");
    assert_eq!(found, happened(&recording.truth()), "{name}");
    let denials = server.sql("select decision_reason from denials");
    let reason = json!({"decision_reason": "nothing is deleted here"});
    assert!(
        denials.iter().all(|denial| *denial == reason),
        "{denials:?}"
    );
}

#[test]
fn hooks_complete_what_claude_code_tells() {
    check("claude-code-grpc", "claude-code");
}

#[test]
fn hooks_complete_what_claude_code_tells_with_default_flags() {
    check("claude-code-default-flags", "claude-code");
}

#[test]
fn hooks_complete_what_a_killed_claude_code_tells() {
    check("claude-code-killed", "claude-code");
}

#[test]
fn hooks_complete_what_codex_tells() {
    check("codex-grpc", "codex");
}
