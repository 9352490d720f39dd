//! Why recorded runs failed: what `why` says of each session with a planted failure, beside what is known
//! to have happened, and the hook that it gives, run as the harness would.
//!
//! `cargo test --test system verdict -- --nocapture --test-threads 1` prints it. The recordings lie
//! beside the repository; without them there is nothing to explain.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::program::{Server, data_folder, post};
use crate::recordings::Recording;

/// A session of a recording, what was planted in it, and what must be said of it.
struct Planted {
    recording: &'static str,
    /// SQL condition that only this session of the recording meets.
    session: &'static str,
    /// What happened, as the recording's `meta.json` has it.
    happened: &'static str,
    mode: &'static str,
    /// Words of the sentence.
    says: &'static [&'static str],
    /// Words of the evidence beside the sentence.
    shows: &'static [&'static str],
}

const MAIN: &str = "parent_session_id is null";

const PLANTED: &[Planted] = &[
    Planted {
        recording: "claude-code-grpc",
        session: MAIN,
        happened: "Bash ./run_tests.sh six times in a row; rm -rf denied by a hook",
        mode: "loop",
        says: &["Bash 6 times", "./run_tests.sh --suite checkout"],
        shows: &["6 of 6: Bash", "Bash was blocked"],
    },
    Planted {
        recording: "claude-code-default-flags",
        session: "parent_session_id is null and tool_call_count > 10",
        happened: "Bash six times in a row; a call denied by a hook; arguments were not sent",
        mode: "loop",
        says: &["Bash 6 times"],
        shows: &["6 of 6: Bash", "Bash was blocked"],
    },
    Planted {
        recording: "claude-code-killed",
        session: "title like '%wait for deploy%'",
        happened: "killed (SIGKILL) while a Bash call hung",
        mode: "interrupted",
        says: &["without a word of its end", "Bash", "had not ended"],
        shows: &["had not ended when the records stop"],
    },
    Planted {
        recording: "claude-code-killed",
        session: "title like '%politely%'",
        happened: "stopped (SIGTERM) while a Bash call hung",
        mode: "interrupted",
        says: &["Bash", "had not ended"],
        shows: &["had not ended when the records stop"],
    },
    Planted {
        recording: "codex-grpc",
        session: MAIN,
        happened: "exec_command ./run_tests.sh six times in a row; rm -rf denied by a hook",
        mode: "loop",
        says: &["exec_command 6 times", "./run_tests.sh --suite checkout"],
        shows: &["6 of 6: exec_command", "exec_command was blocked"],
    },
    Planted {
        recording: "gemini-cli-grpc",
        session: "title not like 'SCENARIO-LOOP%'",
        happened: "run_shell_command ./run_tests.sh four times in a row; rm -rf denied by a hook",
        mode: "loop",
        says: &[
            "run_shell_command 4 times",
            "./run_tests.sh --suite checkout",
        ],
        shows: &["4 of 4", "run_shell_command was blocked"],
    },
    Planted {
        recording: "gemini-cli-grpc",
        session: "title like 'SCENARIO-LOOP%'",
        happened: "the same command asked for six times, run four times; the CLI stopped the run",
        mode: "loop",
        says: &["run_shell_command 4 times", "asked for it 2 more times"],
        shows: &["2 of 6", "6 of 6"],
    },
    Planted {
        recording: "opencode-effect-httpjson",
        session: MAIN,
        happened: "bash ./run_tests.sh six times in a row; rm -rf denied by a rule",
        mode: "loop",
        says: &["bash 6 times", "./run_tests.sh --suite checkout"],
        shows: &["6 of 6: bash", "bash was blocked"],
    },
    Planted {
        recording: "pydantic-ai-grpc",
        session: MAIN,
        happened: "run_shell ./run_tests.sh six times in a row; flaky_deploy raises; reserve fails",
        mode: "loop",
        says: &["run_shell 6 times"],
        shows: &["6 of 6: run_shell", "The last failure: reserve"],
    },
    Planted {
        recording: "openai-agents-openinference-grpc",
        session: "tool_call_count > 10",
        happened: "run_shell ./run_tests.sh six times in a row; flaky_deploy raises",
        mode: "loop",
        says: &["run_shell 6 times"],
        shows: &["6 of 6: run_shell", "flaky_deploy"],
    },
    Planted {
        recording: "openai-agents-openinference-grpc",
        session: "model_request_count = 0",
        happened: "an input guardrail trips before any model request",
        mode: "blocked",
        says: &["guardrail", "Guardrail tripwire triggered"],
        shows: &["blocked"],
    },
    Planted {
        recording: "openai-agents-openinference-grpc",
        session: "title = 'turn limit'",
        happened: "MaxTurnsExceeded after three turns",
        mode: "limit",
        says: &["limit of its steps", "Max turns exceeded"],
        shows: &["Max turns exceeded"],
    },
    Planted {
        recording: "langgraph-openllmetry-grpc-gzip",
        session: "session_id = 'thread-42'",
        happened: "run_shell six times in a row in the first run; the second stops with GraphRecursionError",
        mode: "limit",
        says: &["Recursion limit of 6 reached", "run_shell 6 times"],
        shows: &["6 of 6: run_shell", "Recursion limit"],
    },
    Planted {
        recording: "langgraph-openllmetry-grpc-gzip",
        session: "session_id = 'thread-43'",
        happened: "run_shell six times in a row; ends with RuntimeError from flaky_deploy",
        mode: "tool_failure",
        says: &[
            "flaky_deploy",
            "deploy to staging failed",
            "run_shell 6 times",
        ],
        shows: &["6 of 6: run_shell", "flaky_deploy"],
    },
    Planted {
        recording: "strands-grpc",
        session: MAIN,
        happened: "run_shell ./run_tests.sh six times in a row; reserve fails",
        mode: "loop",
        says: &["run_shell 6 times"],
        shows: &["6 of 6: run_shell", "The last failure: reserve"],
    },
    Planted {
        recording: "vercel-ai-v6-grpc",
        session: MAIN,
        happened: "run_shell six times in a row; the last run asks an address where no model listens",
        mode: "model_failure",
        says: &[
            "a request to gpt-5.1",
            "Cannot connect to API",
            "run_shell 6 times",
        ],
        shows: &["6 of 6: run_shell", "Cannot connect to API"],
    },
    Planted {
        recording: "sdk-genai-semconv-http",
        session: "session_id = 'sess-chat'",
        happened: "run_shell ./run_tests.sh six times in a row",
        mode: "loop",
        says: &["run_shell 6 times"],
        shows: &["6 of 6: run_shell"],
    },
    Planted {
        recording: "sdk-genai-semconv-http",
        session: "session_id = 'sess-anthropic'",
        happened: "run_shell ./run_tests.sh six times in a row",
        mode: "loop",
        says: &["run_shell 6 times"],
        shows: &["6 of 6: run_shell"],
    },
    Planted {
        recording: "sdk-genai-semconv-http",
        session: "session_id = 'sess-misc'",
        happened: "a request ends with APIConnectionError",
        mode: "model_failure",
        says: &["a request to gpt-5.1", "Connection error"],
        shows: &["Connection error"],
    },
];

/// What is wrong with a verdict; nothing when it is right.
fn faults(planted: &Planted, why: &Value, server: &Server) -> Vec<String> {
    let mut faults = Vec::new();
    if why["mode"] != planted.mode {
        faults.push(format!("mode {}, not {}", why["mode"], planted.mode));
    }
    let sentence = why["sentence"].as_str().expect("a sentence");
    for words in planted.says {
        if !sentence.contains(words) {
            faults.push(format!("the sentence does not say {words:?}"));
        }
    }
    let evidence = why["evidence"].as_array().expect("evidence");
    for words in planted.shows {
        let is_shown = |piece: &Value| piece["text"].as_str().is_some_and(|t| t.contains(words));
        if !evidence.iter().any(is_shown) {
            faults.push(format!("no evidence says {words:?}"));
        }
    }
    for piece in evidence
        .iter()
        .chain(why["change"].is_object().then_some(&why["change"]))
    {
        let (trace, span) = (&piece["span"]["trace_id"], &piece["span"]["span_id"]);
        let path = format!(
            "/api/v1/spans/{}/{}",
            trace.as_str().expect("a trace"),
            span.as_str().expect("a span")
        );
        if server.get_bytes(&path).0 != 200 {
            faults.push(format!("{path} is no span"));
        }
    }
    if !why["change"].is_object() {
        faults.push("it does not say what changed".to_owned());
    }
    if why["remedy"]["text"].as_str().is_none_or(str::is_empty) {
        faults.push("no remedy".to_owned());
    }
    faults
}

fn explain(planted: &Planted, server: &Server) -> Vec<String> {
    let sessions = server.sql(&format!(
        "select session_id from sessions where {}",
        planted.session
    ));
    assert_eq!(
        sessions.len(),
        1,
        "{}: {}",
        planted.recording,
        planted.session
    );
    let id = sessions[0]["session_id"].as_str().expect("an id");
    let why = server.get(&format!("/api/v1/sessions/{id}/why"));
    let faults = faults(planted, &why, server);
    println!(
        "\n{} / {id}\n  happened: {}",
        planted.recording, planted.happened
    );
    println!("  {}: {}", why["mode"], why["sentence"]);
    for piece in why["evidence"].as_array().expect("evidence") {
        println!("    {} {}", piece["span"]["span_id"], piece["text"]);
    }
    println!("  before: {}", why["change"]["text"]);
    println!(
        "  wasted: {} ms, {} tokens, {} US dollars",
        why["wasted_ns"].as_i64().unwrap_or_default() / 1_000_000,
        why["wasted_tokens"],
        why["wasted_cost_usd"]
    );
    println!(
        "  remedy: {} {}",
        why["remedy"]["text"], why["remedy"]["file"]
    );
    println!("  {}", if faults.is_empty() { "right" } else { "WRONG" });
    faults
        .into_iter()
        .map(|fault| format!("{} / {id}: {fault}", planted.recording))
        .collect()
}

#[test]
fn verdicts_of_recorded_failures_are_right_and_their_links_resolve() {
    let mut faults = Vec::new();
    let mut right = 0;
    for group in PLANTED.chunk_by(|a, b| a.recording == b.recording) {
        let Some(recording) = Recording::find(group[0].recording) else {
            continue;
        };
        let data = data_folder();
        let server = Server::start(data.path());
        for request in recording.requests() {
            request.send(&server);
        }
        server.wait_until_loaded();
        for planted in group {
            let wrong = explain(planted, &server);
            right += usize::from(wrong.is_empty());
            faults.extend(wrong);
        }
    }
    println!("\n{right} of {} right", PLANTED.len());
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Runs the command of the one hook that a settings text holds, as the harness does: by a shell, with the
/// document on standard input.
fn run_hook(settings: &Value, event: &str, document: &Value) -> Output {
    let hook = &settings["hooks"][event][0]["hooks"][0];
    assert_eq!(hook["type"], "command", "{settings}");
    let command = hook["command"].as_str().expect("a command");
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_spanreel"));
    let folder = program.parent().expect("a folder");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    let mut child = Command::new("sh")
        .args(["-c", command])
        .env("PATH", std::env::join_paths(folders).expect("a path"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin
        .write_all(document.to_string().as_bytes())
        .expect("written");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

/// The document that Claude Code documents for hooks before a tool call.
fn before_bash(session_id: &str, command: &str) -> Value {
    json!({
        "session_id": session_id,
        "transcript_path": "/home/me/.claude/projects/shop/session.jsonl",
        "cwd": "/home/me/shop",
        "permission_mode": "default",
        "hook_event_name": "PreToolUse",
        "tool_name": "Bash",
        "tool_input": {"command": command, "description": "said by the model"},
        "tool_use_id": "toolu_01ABC123"
    })
}

/// Records calls of Bash as Claude Code's tracing tells them, one a second: command, error, whether denied.
fn record_calls(server: &Server, session_id: &str, calls: &[(&str, &str, bool)]) {
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let span = |(n, (command, error, denied)): (usize, &(&str, &str, bool))| {
        let start = 1_790_000_000_000_000_000 + n as u64 * 1_000_000_000;
        let mut attributes = vec![
            text("gen_ai.operation.name", "execute_tool"),
            text("gen_ai.conversation.id", session_id),
            text("gen_ai.tool.name", "Bash"),
            text("gen_ai.tool.call.id", &format!("call-{n}")),
            text(
                "gen_ai.tool.call.arguments",
                &json!({"command": command}).to_string(),
            ),
        ];
        if *denied {
            attributes.extend([text("decision", "reject"), text("source", "hook")]);
        } else {
            attributes.push(text("gen_ai.tool.call.result", error));
        }
        json!({
            "traceId": "5b8efff798038103d269b633813fc60c",
            "spanId": format!("{:016x}", n + 1),
            "name": "execute_tool Bash",
            "startTimeUnixNano": start.to_string(),
            "endTimeUnixNano": (start + 500_000_000).to_string(),
            "attributes": attributes,
            "status": {"code": 2, "message": error}
        })
    };
    let spans: Vec<Value> = calls.iter().enumerate().map(span).collect();
    let body = json!({"resourceSpans": [{
        "resource": {"attributes": [text("service.name", "claude-code")]},
        "scopeSpans": [{"scope": {"name": "com.anthropic.claude_code.tracing"}, "spans": spans}]
    }]});
    let url = format!("{}/v1/traces", server.http);
    let (status, _) =
        post(&url, "application/json", body.to_string().into_bytes()).expect("an answer");
    assert_eq!(status, 200);
}

#[test]
fn the_hook_of_a_verdict_on_a_loop_refuses_the_loop_and_nothing_else() {
    let data = data_folder();
    let server = Server::start(data.path());
    record_calls(&server, "looping", &[("make test", "1 failed", false); 5]);
    server.wait_until_loaded();
    let why = server.get("/api/v1/sessions/looping/why");
    assert_eq!(why["mode"], "loop", "{why:#}");
    assert_eq!(why["remedy"]["file"], ".claude/settings.json");
    let settings = why["remedy"]["configuration"].as_str().expect("settings");
    let settings: Value = serde_json::from_str(settings).expect("JSON");

    let again = run_hook(
        &settings,
        "PreToolUse",
        &before_bash("looping", "make test"),
    );
    let reason = String::from_utf8_lossy(&again.stderr);
    assert_eq!(again.status.code(), Some(2), "{reason}");
    assert!(reason.contains("Bash 5 times"), "{reason}");
    for document in [
        before_bash("looping", "git diff"),
        before_bash("another", "make test"),
    ] {
        let other = run_hook(&settings, "PreToolUse", &document);
        let said = String::from_utf8_lossy(&other.stderr);
        assert_eq!(other.status.code(), Some(0), "{said}");
        assert_eq!(other.stdout, b"{}\n");
    }
    server.stop();
    let nobody = run_hook(
        &settings,
        "PreToolUse",
        &before_bash("looping", "make test"),
    );
    assert_eq!(
        nobody.status.code(),
        Some(0),
        "a recorder that is gone must not stop the agent"
    );
}
