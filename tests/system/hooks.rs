//! Hooks: every document becomes a fire, nothing is lost while no server runs, and what hooks say and
//! what telemetry says of one act is one act.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::program::{Server, data_folder, post, program, repository};

/// Nobody listens here.
pub(crate) const NOBODY: &str = "127.0.0.1:1";

/// Runs `spanreel hook` as a harness does.
pub(crate) fn hook(data: &Path, endpoint: &str, args: &[&str], document: &str) -> Output {
    run(
        program()
            .arg("hook")
            .arg("--data")
            .arg(data)
            .args(["--endpoint", endpoint])
            .args(args),
        document,
    )
}

pub(crate) fn run(command: &mut Command, document: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // A hook that does not read its input closes the pipe.
    let _ = stdin.write_all(document.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

fn silent(output: &Output) {
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

/// A document of Claude Code.
pub(crate) fn claude(session: &str, event: &str, more: Value) -> String {
    let mut document = json!({
        "session_id": session,
        "transcript_path": "/home/u/.claude/projects/-w-app/s.jsonl",
        "cwd": "/w/app",
        "permission_mode": "default",
        "hook_event_name": event,
    });
    for (key, value) in more.as_object().expect("an object") {
        document[key] = value.clone();
    }
    document.to_string()
}

pub(crate) fn waiting(data: &Path) -> usize {
    fs::read_dir(data.join("hooks")).map_or(0, |entries| {
        entries
            .filter(|entry| {
                let path = entry.as_ref().expect("an entry").path();
                path.extension().is_some_and(|ending| ending == "fire")
            })
            .count()
    })
}

#[test]
fn every_event_becomes_a_fire_and_a_session_lives_by_hooks_alone() {
    let folder = data_folder();
    let server = Server::start(folder.path());
    let call = json!({
        "tool_name": "Bash", "tool_use_id": "toolu_1", "prompt_id": "p1",
        "tool_input": {"command": "ls", "description": "List"},
    });
    let with = |base: &Value, more: Value| {
        let mut document = base.clone();
        for (key, value) in more.as_object().expect("an object") {
            document[key] = value.clone();
        }
        document
    };
    let large = "x".repeat(200_031);
    let agent = json!({"agent_id": "a1", "agent_type": "Explore"});
    let events = [
        (
            "SessionStart",
            json!({"source": "startup", "model": "claude-opus-5-5"}),
        ),
        ("Setup", json!({"trigger": "init"})),
        (
            "UserPromptSubmit",
            json!({"prompt": "Fix the bug", "prompt_id": "p1"}),
        ),
        ("UserPromptExpansion", json!({"command_name": "fix"})),
        ("PreToolUse", call.clone()),
        (
            "PermissionRequest",
            json!({"tool_name": "Bash", "tool_input": {"command": "ls"}}),
        ),
        (
            "PostToolUse",
            with(
                &call,
                json!({"tool_response": {"stdout": large}, "duration_ms": 12}),
            ),
        ),
        (
            "PreToolUse",
            with(
                &call,
                json!({"tool_use_id": "toolu_2", "tool_input": {"command": "false"}}),
            ),
        ),
        (
            "PostToolUseFailure",
            with(
                &call,
                json!({
                    "tool_use_id": "toolu_2", "tool_input": {"command": "false"}, "error": "exit 1", "duration_ms": 3,
                }),
            ),
        ),
        (
            "PermissionDenied",
            with(
                &call,
                json!({"tool_use_id": "toolu_3", "reason": "too risky"}),
            ),
        ),
        ("PostToolBatch", json!({})),
        (
            "Notification",
            json!({"message": "waiting", "notification_type": "idle_prompt"}),
        ),
        ("MessageDisplay", json!({})),
        ("SubagentStart", agent.clone()),
        (
            "PreToolUse",
            with(
                &agent,
                json!({
                    "tool_name": "mcp__inventory__lookup", "tool_use_id": "toolu_4", "tool_input": {"sku": "A"},
                }),
            ),
        ),
        (
            "SubagentStop",
            with(&agent, json!({"last_assistant_message": "found"})),
        ),
        ("TaskCreated", json!({})),
        ("TaskCompleted", json!({})),
        ("StopFailure", json!({"error_type": "overloaded"})),
        ("TeammateIdle", json!({})),
        (
            "InstructionsLoaded",
            json!({"file_path": "/w/app/CLAUDE.md"}),
        ),
        ("ConfigChange", json!({})),
        ("CwdChanged", json!({})),
        ("DirectoryAdded", json!({})),
        ("FileChanged", json!({"file_path": ".env"})),
        ("WorktreeCreate", json!({})),
        ("WorktreeRemove", json!({})),
        ("PreCompact", json!({"trigger": "auto"})),
        ("PostCompact", json!({"trigger": "auto"})),
        ("Elicitation", json!({})),
        ("ElicitationResult", json!({})),
        (
            "Stop",
            json!({"prompt_id": "p1", "last_assistant_message": "Done ✅"}),
        ),
        ("SessionEnd", json!({"reason": "other"})),
    ];
    for (event, more) in &events {
        let document = claude("s1", event, more.clone());
        silent(&hook(folder.path(), &server.http, &[], &document));
    }
    server.wait_until_loaded();

    let fires = server.sql(
        "from hook_fires select hook_event, origin, session_id, input, tool_call_id order by started_at",
    );
    let seen: Vec<&str> = fires
        .iter()
        .map(|row| row["hook_event"].as_str().expect("an event"))
        .collect();
    let sent: Vec<&str> = events.iter().map(|(event, _)| *event).collect();
    assert_eq!(seen, sent);
    assert!(
        fires
            .iter()
            .all(|row| row["origin"] == "hook" && row["session_id"] == "s1")
    );
    assert_eq!(fires[4]["tool_call_id"], "toolu_1");
    assert_eq!(
        fires[6]["input"],
        claude("s1", "PostToolUse", events[6].1.clone())
    );

    let calls = server.sql(
        "from tool_calls select tool_call_id, tool_name, mcp_server, status, decision, decision_reason, \
         input, length(output) as size, agent_id order by tool_call_id",
    );
    assert_eq!(
        calls,
        [
            json!({
                "tool_call_id": "toolu_1", "tool_name": "Bash", "mcp_server": null, "status": "ok",
                "decision": null, "decision_reason": null, "agent_id": null,
                "input": "{\"command\":\"ls\",\"description\":\"List\"}",
                "size": large.len() + "{\"stdout\":\"\"}".len(),
            }),
            json!({
                "tool_call_id": "toolu_2", "tool_name": "Bash", "mcp_server": null, "status": "error",
                "decision": null, "decision_reason": null, "agent_id": null,
                "input": "{\"command\":\"false\"}", "size": 6,
            }),
            json!({
                "tool_call_id": "toolu_3", "tool_name": "Bash", "mcp_server": null, "status": "unset",
                "decision": "deny", "decision_reason": "too risky", "agent_id": null,
                "input": "{\"command\":\"ls\",\"description\":\"List\"}", "size": null,
            }),
            json!({
                "tool_call_id": "toolu_4", "tool_name": "lookup", "mcp_server": "inventory",
                "status": "unset", "decision": null, "decision_reason": null, "agent_id": "a1",
                "input": "{\"sku\":\"A\"}", "size": null,
            }),
        ]
    );
    assert_eq!(
        server.sql(
            "from sessions select harness, title, project, turn_count, tool_call_count, denied_count, subagent_count, status"
        ),
        [json!({
            "harness": "claude-code", "title": "Fix the bug", "project": "/w/app", "turn_count": 1,
            "tool_call_count": 4, "denied_count": 1, "subagent_count": 1, "status": "ok",
        })]
    );
}

#[test]
fn what_finds_no_server_waits_and_arrives_exactly_once() {
    let folder = data_folder();
    let count = 30;
    for n in 0..count {
        let document = claude(
            "s1",
            "Notification",
            json!({"message": format!("{n} \u{1b}[31m")}),
        );
        silent(&hook(folder.path(), NOBODY, &[], &document));
    }
    assert_eq!(waiting(folder.path()), count);
    // Two that are equal to the byte are two fires.
    let equal = claude("s1", "Stop", json!({}));
    silent(&hook(folder.path(), NOBODY, &[], &equal));
    std::thread::sleep(std::time::Duration::from_millis(2500));
    silent(&hook(folder.path(), NOBODY, &[], &equal));
    let copy: Vec<(std::path::PathBuf, Vec<u8>)> = fs::read_dir(folder.path().join("hooks"))
        .expect("a folder")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let bytes = fs::read(&path).expect("a file");
            (path, bytes)
        })
        .collect();

    let server = Server::start(folder.path());
    let total = json!(count + 2);
    server.wait_for("select count(*) from hook_fires", &total);
    assert_eq!(waiting(folder.path()), 0);

    // A deliverer that died before it could remove what it had delivered.
    for (path, bytes) in &copy {
        fs::write(path, bytes).expect("written");
    }
    silent(&hook(
        folder.path(),
        &server.http,
        &[],
        &claude("s2", "Stop", json!({})),
    ));
    let since = std::time::Instant::now();
    while waiting(folder.path()) > 0 {
        assert!(since.elapsed().as_secs() < 20, "still waiting");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    server.wait_until_loaded();
    assert_eq!(
        server.value("select count(*) from hook_fires where session_id = 's1'"),
        total
    );
    server.stop();

    let server = Server::start(folder.path());
    server.wait_until_loaded();
    assert_eq!(
        server.value("select count(*) from hook_fires where session_id = 's1'"),
        total
    );
}

#[test]
fn the_next_fire_takes_along_what_waits_in_another_folder() {
    let (recordings, waits) = (data_folder(), data_folder());
    silent(&hook(
        waits.path(),
        NOBODY,
        &[],
        &claude("s1", "SessionStart", json!({})),
    ));
    let server = Server::start(recordings.path());
    silent(&hook(
        waits.path(),
        &server.http,
        &[],
        &claude("s1", "Stop", json!({})),
    ));
    assert_eq!(waiting(waits.path()), 0);
    server.wait_for("select count(*) from hook_fires", &json!(2));
}

#[test]
fn no_document_and_no_argument_breaks_the_harness() {
    let folder = data_folder();
    for document in [
        "",
        "not json",
        "[1,2]",
        "{\"hook_event_name\":7}",
        "\0\u{1b}[2J",
    ] {
        silent(&hook(
            folder.path(),
            NOBODY,
            &["--harness", "codex"],
            document,
        ));
    }
    let wrong = run(program().args(["hook", "--no-such-flag"]), "{}");
    assert!(
        wrong.status.success() && !wrong.stderr.is_empty(),
        "{wrong:?}"
    );
    // A folder that cannot be written to.
    let file = folder.path().join("file");
    fs::write(&file, "").expect("written");
    let output = hook(&file, NOBODY, &[], "{}");
    assert!(
        output.status.success() && output.stdout.is_empty(),
        "{output:?}"
    );
    let cursor = hook(folder.path(), NOBODY, &["--harness", "cursor"], "{}");
    assert_eq!(cursor.stdout, b"{}\n");
}

#[test]
fn a_wrapped_hook_is_passed_through_and_its_decision_goes_to_the_call() {
    let folder = data_folder();
    let server = Server::start(folder.path());
    // What telemetry says of a call that a hook denied: a span without an execution, and a decision.
    let at = now_ns();
    let attribute = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let span = |id: &str, parent: &str, name: &str, more: Vec<Value>| {
        let mut attributes = vec![attribute("session.id", "s1")];
        attributes.extend(more);
        json!({
            "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": id, "parentSpanId": parent,
            "name": name, "kind": 1, "startTimeUnixNano": at.to_string(),
            "endTimeUnixNano": (at + 500_000_000).to_string(), "attributes": attributes,
        })
    };
    let spans = vec![
        span(
            "00000000000000a1",
            "",
            "claude_code.interaction",
            vec![attribute("span.type", "interaction")],
        ),
        span(
            "00000000000000a2",
            "00000000000000a1",
            "claude_code.tool",
            vec![
                attribute("span.type", "tool"),
                attribute("tool_name", "Bash"),
                attribute("tool_use_id", "toolu_9"),
            ],
        ),
        span(
            "00000000000000a3",
            "00000000000000a2",
            "claude_code.tool.blocked_on_user",
            vec![
                attribute("span.type", "tool.blocked_on_user"),
                attribute("decision", "reject"),
                attribute("source", "hook"),
            ],
        ),
    ];
    let fired = json!({
        "timeUnixNano": (at + 100_000_000).to_string(),
        "body": {"stringValue": "claude_code.hook_execution_complete"},
        "attributes": [
            attribute("event.name", "hook_execution_complete"),
            attribute("session.id", "s1"),
            attribute("hook_event", "PreToolUse"),
            attribute("hook_name", "PreToolUse:Bash"),
            attribute("num_hooks", "1"),
            attribute("num_blocking", "1"),
            attribute("total_duration_ms", "90"),
        ],
    });
    let resource = json!({"attributes": [attribute("service.name", "claude-code")]});
    let traces = json!({"resourceSpans": [{"resource": resource, "scopeSpans": [
        {"scope": {"name": "com.anthropic.claude_code.tracing"}, "spans": spans}]}]});
    let logs = json!({"resourceLogs": [{"resource": resource, "scopeLogs": [
        {"scope": {"name": "com.anthropic.claude_code.events"}, "logRecords": [fired]}]}]});
    for (path, body) in [("traces", traces), ("logs", logs)] {
        let url = format!("{}/v1/{path}", server.http);
        let (status, _) =
            post(&url, "application/json", body.to_string().into_bytes()).expect("an answer");
        assert_eq!(status, 200);
    }

    let guard = folder.path().join("guard.sh");
    fs::write(
        &guard,
        "#!/bin/sh\ncat > \"$1\"\necho out\necho 'rm is not allowed' >&2\nexit 2\n",
    )
    .expect("written");
    let copy = folder.path().join("copy");
    let document = claude(
        "s1",
        "PreToolUse",
        json!({
            "tool_name": "Bash", "tool_use_id": "toolu_9", "tool_input": {"command": "rm -rf build"},
        }),
    );
    let words = [
        "--",
        "sh",
        guard.to_str().expect("text"),
        copy.to_str().expect("text"),
    ];
    let output = hook(folder.path(), &server.http, &words, &document);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(output.stdout, b"out\n");
    assert_eq!(output.stderr, b"rm is not allowed\n");
    assert_eq!(fs::read_to_string(&copy).expect("a copy"), document);
    // A recorder that is installed beside it is told the same.
    silent(&hook(folder.path(), &server.http, &[], &document));
    server.wait_until_loaded();

    assert_eq!(
        server.sql("from tool_calls select tool_call_id, origin, decision, decision_reason, input"),
        [json!({
            "tool_call_id": "toolu_9", "origin": "span", "decision": "deny",
            "decision_reason": "rm is not allowed", "input": "{\"command\":\"rm -rf build\"}",
        })]
    );
    let fires = server.sql(
        "from hook_fires select hook_event, origin, decision, decision_reason, tool_call_id, detail, output",
    );
    assert_eq!(fires.len(), 1, "{fires:?}");
    let fire = &fires[0];
    assert_eq!(fire["origin"], "log");
    assert_eq!(fire["decision"], "deny");
    assert_eq!(fire["decision_reason"], "rm is not allowed");
    assert_eq!(fire["tool_call_id"], "toolu_9");
    assert_eq!(fire["output"], "out\n");
    assert!(
        fire["detail"].as_str().expect("text").contains("guard.sh"),
        "{fire}"
    );
    assert_eq!(server.value("select count(*) from denials"), json!(1));
    assert_eq!(server.value("select denied_count from sessions"), json!(1));
    assert_eq!(
        server.value("select count(*) from spans where origin = 'hook' and duplicate_of is null"),
        json!(0)
    );
}

#[test]
fn exit_codes_and_signals_of_wrapped_hooks_are_theirs() {
    let folder = data_folder();
    let code = |script: &str| {
        let output = hook(folder.path(), NOBODY, &["--", "sh", "-c", script], "{}");
        output.status.code()
    };
    assert_eq!(code("exit 0"), Some(0));
    assert_eq!(code("exit 7"), Some(7));
    assert_eq!(code("kill -9 $$"), Some(137));
    let absent = hook(folder.path(), NOBODY, &["--", "/no/such/hook"], "{}");
    assert_eq!(absent.status.code(), Some(127));
    assert_eq!(waiting(folder.path()), 3);
}

#[test]
fn the_endpoint_takes_documents_of_http_hooks() {
    let folder = data_folder();
    let server = Server::start(folder.path());
    let send = |path: &str, document: &str| {
        let url = format!("{}{path}", server.http);
        let (status, body) =
            post(&url, "application/json", document.as_bytes().to_vec()).expect("an answer");
        (status, String::from_utf8(body).expect("text"))
    };
    let document = claude("s1", "UserPromptSubmit", json!({"prompt": "hello"}));
    assert_eq!(
        send("/hooks/claude-code", &document),
        (200, "{}".to_owned())
    );
    let document = json!({
        "sessionId": "c1", "timestamp": 1_790_000_000_000_i64, "cwd": "/w", "toolName": "bash",
        "toolArgs": "{\"command\":\"ls\"}",
    });
    let path = "/hooks/copilot-cli?event=preToolUse";
    assert_eq!(send(path, &document.to_string()).0, 200);
    let document = json!({
        "sessionId": "c1", "timestamp": 1_790_000_000_100_i64, "cwd": "/w", "toolName": "bash",
        "toolArgs": "{\"command\":\"ls\"}",
        "toolResult": {"resultType": "success", "textResultForLlm": "a b"},
    });
    let path = "/hooks/copilot-cli?event=postToolUse";
    assert_eq!(send(path, &document.to_string()).0, 200);
    assert_eq!(send("/hooks/", "{}").0, 404);
    assert_eq!(send("/hooks/a/b", "{}").0, 404);
    server.wait_until_loaded();
    assert_eq!(
        server.sql("from hook_fires select session_id, hook_event order by started_at"),
        [
            json!({"session_id": "s1", "hook_event": "UserPromptSubmit"}),
            json!({"session_id": "c1", "hook_event": "preToolUse"}),
            json!({"session_id": "c1", "hook_event": "postToolUse"}),
        ]
    );
    assert_eq!(
        server.sql("from tool_calls select session_id, tool_name, input, output, status"),
        [json!({
            "session_id": "c1", "tool_name": "bash", "input": "{\"command\":\"ls\"}", "output": "a b",
            "status": "ok",
        })]
    );
    assert_eq!(
        server.sql("from sessions select harness, title order by harness"),
        [
            json!({"harness": "claude-code", "title": "hello"}),
            json!({"harness": "copilot-cli", "title": null}),
        ]
    );
}

/// The plugin hands over the same events as the settings that `spanreel setup` writes.
#[test]
fn the_plugin_installs_the_hooks_of_setup() {
    let plugin: Value = read_json("plugins/claude-code/hooks/hooks.json");
    let output = program()
        .args(["setup", "claude-code", "--json"])
        .output()
        .expect("the program runs");
    let harness: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let file = harness["files"]
        .as_array()
        .and_then(|files| files.iter().find(|file| file["purpose"] == "hooks"))
        .expect("hooks");
    let wanted: Value = serde_json::from_str(file["text"].as_str().expect("text")).expect("JSON");
    let events = |hooks: &Value| -> Vec<String> {
        hooks
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect()
    };
    assert_eq!(events(&plugin["hooks"]), events(&wanted["hooks"]));
    for groups in plugin["hooks"].as_object().expect("an object").values() {
        assert_eq!(groups[0]["hooks"][0]["command"], "spanreel hook");
    }
    let manifest = read_json("plugins/claude-code/.claude-plugin/plugin.json");
    assert_eq!(manifest["name"], "spanreel");
    assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
}

fn read_json(path: &str) -> Value {
    let text = fs::read_to_string(repository(path)).expect("a file");
    serde_json::from_str(&text).expect("JSON")
}

fn now_ns() -> u64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    u64::try_from(since.as_nanos()).expect("before 2554")
}
