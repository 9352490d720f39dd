//! The fidelity report: what SQL answers about each recording of a real harness, beside what is known
//! to have happened.
//!
//! `cargo test --test system fidelity -- --nocapture --test-threads 1` prints it. The recordings lie
//! beside the repository; without them there is nothing to compare. A difference fails the test
//! unless `explained.rs` says what the emitter did not send.

mod explained;
mod truth;

use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::program::{Server, data_folder};
use crate::recordings::Recording;
use explained::explanation;
use truth::Measure;

/// One line of a recording's table.
struct Line {
    what: &'static str,
    happened: String,
    found: String,
}

impl Line {
    /// What is to be said of it: the same, or a difference that is understood.
    fn verdict(&self, recording: &str) -> Option<String> {
        if self.happened == self.found {
            return Some("same".to_owned());
        }
        explanation(recording, self.what, &self.found).map(|cause| format!("differs: {cause}"))
    }
}

fn compare(measures: &[Measure], server: &Server) -> Vec<Line> {
    let line = |measure: &Measure| Line {
        what: measure.what,
        happened: measure.happened.clone(),
        found: match server.value(&measure.query) {
            Value::String(text) => text,
            Value::Null => "0".to_owned(),
            value => value.to_string(),
        },
    };
    measures.iter().map(line).collect()
}

/// Sends one recording to a server of its own, prints the comparison and fails on what is not explained.
fn check(name: &'static str) {
    let Some(recording) = Recording::find(name) else {
        return;
    };
    let data = data_folder();
    let server = Server::start(data.path());
    let requests = recording.requests();
    for request in &requests {
        request.send(&server);
    }
    server.wait_until_loaded();
    let stats = server.get("/api/v1/stats");
    println!(
        "\n{name}: {} requests taken, {} spans, {} events",
        requests.len(),
        stats["span_count"],
        stats["event_count"]
    );
    let measures = truth::measures(&recording, &requests);
    // Findings may still be growing on a busy machine: what is not as it should be is asked again.
    let mut lines = compare(&measures, &server);
    for _ in 0..10 {
        if lines.iter().all(|line| line.verdict(name).is_some()) {
            break;
        }
        thread::sleep(Duration::from_millis(500));
        lines = compare(&measures, &server);
    }
    let mut unexplained = Vec::new();
    for line in &lines {
        let verdict = line.verdict(name).unwrap_or_else(|| {
            unexplained.push(format!(
                "{}: {} happened, SQL says {}",
                line.what, line.happened, line.found
            ));
            "DIFFERS".to_owned()
        });
        println!(
            "  {:<20} happened: {:<24} SQL: {:<24} {verdict}",
            line.what, line.happened, line.found
        );
    }
    assert!(unexplained.is_empty(), "{name}: {unexplained:#?}");
}

macro_rules! recordings {
    ($($test:ident = $name:literal),+ $(,)?) => {
        $(#[test] fn $test() { check($name); })+

        #[test]
        fn every_recording_has_its_report() {
            assert_eq!([$($name),+], crate::recordings::NAMES);
        }
    };
}

recordings! {
    claude_code_grpc = "claude-code-grpc",
    claude_code_default_flags = "claude-code-default-flags",
    claude_code_killed = "claude-code-killed",
    codex_grpc = "codex-grpc",
    gemini_cli_grpc = "gemini-cli-grpc",
    opencode_effect_httpjson = "opencode-effect-httpjson",
    pydantic_ai_grpc = "pydantic-ai-grpc",
    openai_agents_openinference_grpc = "openai-agents-openinference-grpc",
    langgraph_openllmetry_grpc_gzip = "langgraph-openllmetry-grpc-gzip",
    strands_grpc = "strands-grpc",
    vercel_ai_v6_grpc = "vercel-ai-v6-grpc",
    sdk_genai_semconv_http = "sdk-genai-semconv-http",
    edge_attrs_http = "edge-attrs-http",
    edge_5000_spans_grpc = "edge-5000-spans-grpc",
    edge_js_httpjson = "edge-js-httpjson",
    edge_late_parent_grpc = "edge-late-parent-grpc",
}
