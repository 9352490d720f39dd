//! Recordings of real harnesses: what SQL answers about each, beside what is known to have happened.
//!
//! The recordings lie beside the repository, in `../shared/corpus`; without them there is nothing to
//! compare. `cargo test --test system corpus -- --nocapture` prints a table per recording.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::program::{Server, data_folder, post, repository};

/// A difference that is understood: SQL's answer and where it comes from.
struct Expected {
    capture: &'static str,
    what: &'static str,
    answer: &'static str,
    cause: &'static str,
}

const EXPECTED: &[Expected] = &[
    Expected {
        capture: "claude-code-grpc",
        what: "hook fires",
        answer: "PostToolUse=2 PreToolUse=12 SessionStart=2 Stop=2 SubagentStop=2 UserPromptSubmit=2",
        cause: "SessionEnd hooks run after the exporter has stopped",
    },
    Expected {
        capture: "claude-code-default-flags",
        what: "tool calls",
        answer: "Agent=2 Bash=18 Edit=1 Read=4 ToolSearch=1 Write=1 mcp_tool=2",
        cause: "without OTEL_LOG_TOOL_DETAILS every MCP tool is called mcp_tool",
    },
    Expected {
        capture: "claude-code-default-flags",
        what: "loops, times",
        answer: "3 3 6",
        cause: "without content switches calls are compared by the size of their arguments: two runs of three short commands of equal length look alike (marked likely)",
    },
    Expected {
        capture: "claude-code-default-flags",
        what: "hook fires",
        answer: "PostToolUse=2 PreToolUse=18 SessionStart=3 Stop=3 SubagentStop=2 UserPromptSubmit=3",
        cause: "SessionEnd hooks run after the exporter has stopped",
    },
    Expected {
        capture: "claude-code-killed",
        what: "hook fires",
        answer: "PreToolUse=2 SessionStart=2 UserPromptSubmit=2",
        cause: "SessionEnd hooks run after the exporter has stopped",
    },
    Expected {
        capture: "openai-agents-openinference-grpc",
        what: "tool calls",
        answer: "flaky_deploy=1 handoff to specialist=1 lookup_sku=1 read_file=4 reserve=1 run_shell=13",
        cause: "the emitter names the handoff's span by what it does, not by the tool that the model called",
    },
    Expected {
        capture: "openai-agents-openinference-grpc",
        what: "denials",
        answer: "1",
        cause: "the guardrail that tripped in the second run is a denial, too",
    },
    Expected {
        capture: "sdk-genai-semconv-http",
        what: "loops, times",
        answer: "3 6 6",
        cause: "a third script asked the model the same question three times with nothing between",
    },
    Expected {
        capture: "openai-agents-openinference-grpc",
        what: "failed tool calls",
        answer: "1",
        cause: "the emitter reports the MCP tool's error as a success; only the text tells",
    },
];

/// One line of a capture's table.
struct Line {
    what: String,
    truth: String,
    answer: String,
}

/// Sends every request of a recording as it was sent; each must be taken.
fn replay(capture: &Path, server: &Server) -> usize {
    let index = fs::read_to_string(capture.join("raw/index.jsonl")).expect("index");
    let mut sent = 0;
    for line in index.lines() {
        let entry: Value = serde_json::from_str(line).expect("JSON");
        let file = entry["file"].as_str().expect("file");
        let body = fs::read(capture.join("raw").join(file)).expect("body");
        let content_type = if file.ends_with(".json") {
            "application/json"
        } else {
            "application/x-protobuf"
        };
        let url = format!(
            "{}/v1/{}",
            server.http,
            entry["signal"].as_str().expect("signal")
        );
        let (status, answer) = post(&url, content_type, body).expect("an answer");
        assert_eq!(status, 200, "{file}: {}", String::from_utf8_lossy(&answer));
        sent += 1;
    }
    sent
}

/// Everything that the ground truth of this recording says and SQL can be asked.
fn compare(truth: &Value, server: &Server) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut line = |what: &str, truth: String, query: &str| {
        let answer = match server.value(query) {
            Value::String(text) => text,
            Value::Null => "0".to_owned(),
            value => value.to_string(),
        };
        lines.push(Line {
            what: what.to_owned(),
            truth,
            answer,
        });
    };
    for key in ["sessions", "runs"] {
        if let Some(sessions) = truth[key].as_u64() {
            line(
                "sessions",
                sessions.to_string(),
                "select count(*) from sessions where parent_session_id is null",
            );
        }
    }
    if let Some(ids) = truth["sessions_by_session.id"].as_array() {
        line(
            "sessions",
            ids.len().to_string(),
            "select count(*) from sessions where parent_session_id is null",
        );
    }
    if let Some(answered) = truth["model_requests_answered"].as_u64() {
        line(
            "model requests answered",
            answered.to_string(),
            "select count(*) from model_requests where status != 'error'",
        );
    }
    if let Some(tools) = truth["tool_calls_the_model_asked_for"].as_object() {
        let calls: BTreeMap<&str, u64> = tools
            .iter()
            .map(|(name, n)| (name.as_str(), n.as_u64().unwrap_or_default()))
            .collect();
        let truth = calls
            .iter()
            .map(|(name, n)| format!("{}={n}", short_name(name)))
            .collect::<Vec<_>>();
        line(
            "tool calls",
            sorted(truth),
            "select string_agg(name || '=' || n, ' ' order by name) from (select tool_name as name, count(*) as n from tool_calls group by all)",
        );
    }
    let loops = truth["loops_of_3_or_more"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    if truth["loops_of_3_or_more"].is_array() {
        let times = loops
            .iter()
            .map(|l| l["times"].to_string())
            .collect::<Vec<_>>();
        let times = if times.is_empty() {
            "0".to_owned()
        } else {
            times.join(" ")
        };
        line(
            "loops, times",
            times,
            "select string_agg(repeat_count, ' ' order by repeat_count) from findings where kind = 'loop'",
        );
    }
    if truth["loops_of_3_or_more"].is_array() || truth["denials"].is_array() {
        let denials = truth["denials"].as_array().map_or(0, Vec::len);
        line(
            "denials",
            denials.to_string(),
            "select count(*) from denials",
        );
    }
    if let Some(fires) = truth["hook_fires"].as_object() {
        let mut by_event: BTreeMap<&str, u64> = BTreeMap::new();
        for (name, count) in fires {
            // "PreToolUse:deny" and "PreToolUse:pass" are fires of one event.
            let event = name.split(':').next().unwrap_or(name);
            *by_event.entry(event).or_default() += count.as_u64().unwrap_or_default();
        }
        let truth = by_event
            .iter()
            .map(|(event, n)| format!("{event}={n}"))
            .collect::<Vec<_>>();
        line(
            "hook fires",
            sorted(truth),
            "select string_agg(name || '=' || n, ' ' order by name) from (select hook_event as name, count(*) as n from hook_fires group by all)",
        );
    }
    if let Some(subagents) = truth["subagents"].as_array() {
        line(
            "subagents",
            subagents.len().to_string(),
            "select sum(subagent_count)::bigint from sessions",
        );
    }
    if let Some(failed) = truth["failed_tools"].as_array() {
        let count: u64 = failed
            .iter()
            .map(|text| times_in(text.as_str().unwrap_or_default()))
            .sum();
        line(
            "failed tool calls",
            count.to_string(),
            "select count(*) from tool_calls where status = 'error' and decision is distinct from 'deny'",
        );
    }
    if let Some(spans) = truth["execute_tool_spans"].as_u64() {
        line(
            "execute_tool spans",
            spans.to_string(),
            "select count(*) from spans where name like 'execute_tool%'",
        );
    }
    lines
}

/// `mcp__server__tool` is the tool of that server.
fn short_name(name: &str) -> &str {
    name.strip_prefix("mcp__")
        .and_then(|rest| rest.split_once("__"))
        .map_or(name, |(_, tool)| tool)
}

fn sorted(mut words: Vec<String>) -> String {
    words.sort_unstable();
    words.join(" ")
}

/// "… x6 … + x1 …" is seven times; a text without such a number is one.
fn times_in(text: &str) -> u64 {
    let numbers = text
        .split_whitespace()
        .filter_map(|word| word.strip_prefix('x')?.parse::<u64>().ok());
    numbers.reduce(|a, b| a + b).unwrap_or(1)
}

/// What is to be said of a line: the same, or a difference that is understood.
fn verdict(capture: &str, line: &Line) -> Option<String> {
    if line.truth == line.answer {
        return Some("same".to_owned());
    }
    EXPECTED
        .iter()
        .find(|e| e.capture == capture && e.what == line.what && e.answer == line.answer)
        .map(|e| format!("differs: {}", e.cause))
}

/// Sends one recording to a server of its own, prints the comparison and fails on what is not explained.
fn check(name: &str) {
    let capture = repository("../shared/corpus").join(name);
    if !capture.is_dir() {
        println!("{name}: not compared, there are no recordings beside the repository");
        return;
    }
    let data = data_folder();
    let server = Server::start(data.path());
    let sent = replay(&capture, &server);
    server.wait_until_loaded();
    let meta: Value =
        serde_json::from_slice(&fs::read(capture.join("meta.json")).expect("meta")).expect("JSON");
    let stats = server.get("/api/v1/stats");
    println!(
        "\n{name}: {sent} requests taken, {} spans, {} events",
        stats["span_count"], stats["event_count"]
    );
    // Findings may still be growing on a busy machine: what is not as it should be is asked again.
    let mut lines = compare(&meta["ground_truth"], &server);
    for _ in 0..10 {
        if lines.iter().all(|line| verdict(name, line).is_some()) {
            break;
        }
        thread::sleep(Duration::from_millis(500));
        lines = compare(&meta["ground_truth"], &server);
    }
    let mut unexplained = Vec::new();
    for line in &lines {
        let verdict = verdict(name, line).unwrap_or_else(|| {
            unexplained.push(format!(
                "{}: {} happened, SQL says {}",
                line.what, line.truth, line.answer
            ));
            "DIFFERS".to_owned()
        });
        println!(
            "  {:<24} happened: {:<12} SQL: {:<12} {verdict}",
            line.what, line.truth, line.answer
        );
    }
    assert!(unexplained.is_empty(), "{name}: {unexplained:#?}");
}

macro_rules! captures {
    ($($test:ident = $name:literal),+ $(,)?) => { $(#[test] fn $test() { check($name); })+ };
}

captures! {
    claude_code_grpc = "claude-code-grpc",
    claude_code_default_flags = "claude-code-default-flags",
    claude_code_killed = "claude-code-killed",
    pydantic_ai_grpc = "pydantic-ai-grpc",
    sdk_genai_semconv_http = "sdk-genai-semconv-http",
    openai_agents_openinference_grpc = "openai-agents-openinference-grpc",
    edge_5000_spans_grpc = "edge-5000-spans-grpc",
    edge_attrs_http = "edge-attrs-http",
    edge_js_httpjson = "edge-js-httpjson",
    edge_late_parent_grpc = "edge-late-parent-grpc",
}
