//! Redaction: what is secret is nowhere on disk, whichever way it came, and the rest of a session is as
//! it was.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::program::{Server, data_folder, post, program, repository};

/// Put together here, so that no file of the repository holds anything that looks like a secret.
fn secrets() -> Vec<(&'static str, String)> {
    let drawn = |seed: u64, len: usize| -> String {
        let mut state = seed;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                [(state >> 33) as usize % 62]
        };
        (0..len).map(|_| char::from(next())).collect()
    };
    vec![
        ("github_token", format!("ghp_{}", drawn(1, 36))),
        ("anthropic_key", format!("sk-ant-api03-{}AA", drawn(2, 93))),
        ("secret_value", drawn(3, 32)),
        ("url_password", drawn(4, 14)),
        ("email", format!("{}@acme.io", drawn(5, 9).to_lowercase())),
    ]
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

/// A run whose every corner holds secrets.
fn spans(secrets: &[(&str, String)]) -> Value {
    let [github, anthropic, value, password, email] =
        [0, 1, 2, 3, 4].map(|at| secrets[at].1.as_str());
    let arguments = json!({"command": format!("curl -H 'Authorization: token {github}' https://api.github.com/user")});
    let result =
        json!({"stdout": format!("{{\"login\": \"ada\", \"email\": \"{email}\"}}\n"), "exit": 0});
    let messages = json!([
        {"role": "user", "parts": [{"type": "text", "content": format!("Deploy with\nANTHROPIC_API_KEY={anthropic}\nand tell {email}.")}]},
    ]);
    let long = format!(
        "{}\nDATABASE_URL=postgres://app:{password}@db:5432/app\n",
        "a long log line\n".repeat(9000)
    );
    let span = |id: u64, name: &str, attributes: Vec<Value>| {
        json!({
            "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": format!("{id:016x}"),
            "name": name, "kind": 1,
            "startTimeUnixNano": (1_790_000_000_000_000_000 + id * 1_000_000_000).to_string(),
            "endTimeUnixNano": (1_790_000_000_500_000_000 + id * 1_000_000_000).to_string(),
            "attributes": ([&[text("gen_ai.conversation.id", "redacted-run")][..], &attributes].concat()),
            "events": [{"name": "exception", "timeUnixNano": "1790000001000000000",
                "attributes": [text("exception.message", &format!("401 for {github}"))]}],
            "links": [{"traceId": "0af7651916cd43dd8448eb211c80319d", "spanId": "00000000000000ff",
                "attributes": [text("token", value)]}],
            "status": {"code": 2, "message": format!("bad credentials {github}")},
            // No field of OTLP: it must not go to the journal as it came.
            "comment": anthropic,
        })
    };
    json!({"resourceSpans": [{
        "resource": {"attributes": [
            text("service.name", "agent"),
            text("process.command_args", &format!("--token {value}")),
            {"key": "env", "value": {"kvlistValue": {"values": [text("API_SECRET", value)]}}},
        ]},
        "scopeSpans": [{
            "scope": {"name": "agent", "attributes": [text("api_key", value)]},
            "spans": [
                span(1, "chat claude", vec![
                    text("gen_ai.operation.name", "chat"),
                    text("gen_ai.input.messages", &messages.to_string()),
                ]),
                span(2, "execute_tool bash", vec![
                    text("gen_ai.operation.name", "execute_tool"),
                    text("gen_ai.tool.name", "bash"),
                    text("gen_ai.tool.call.arguments", &arguments.to_string()),
                    text("gen_ai.tool.call.result", &result.to_string()),
                ]),
                span(3, "execute_tool read", vec![
                    text("gen_ai.operation.name", "execute_tool"),
                    text("gen_ai.tool.name", "read"),
                    text("gen_ai.tool.call.arguments", r#"{"path": "deploy.log"}"#),
                    text("gen_ai.tool.call.result", &long),
                ]),
                // Refused, and still nowhere on disk.
                {"traceId": "", "spanId": "", "name": anthropic},
            ],
        }],
    }]})
}

fn logs(secrets: &[(&str, String)]) -> Value {
    json!({"resourceLogs": [{
        "resource": {"attributes": [text("service.name", "agent")]},
        "scopeLogs": [{"logRecords": [{
            "timeUnixNano": "1790000005000000000",
            "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "0000000000000002",
            "body": {"stringValue": format!("using {}", secrets[0].1)},
            "attributes": [
                text("event.name", "note"),
                {"key": "raw", "value": {"bytesValue": base64(format!("key {} \u{0}", secrets[1].1).as_bytes())}},
            ],
        }]}],
    }]})
}

fn metrics(secrets: &[(&str, String)]) -> Value {
    json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [{
        "name": "requests", "sum": {"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [{
            "timeUnixNano": "1790000006000000000", "asInt": "1",
            "attributes": [text("session.id", "redacted-run"), text("key", &secrets[0].1)],
            "exemplars": [{"timeUnixNano": "1790000006000000000", "asInt": "1",
                "filteredAttributes": [text("caller", &secrets[1].1)]}],
        }]},
    }]}]}]})
}

fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let sign = |value: u32, shift: u32| char::from(SIGNS[(value >> shift) as usize & 63]);
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let value = (0..3).fold(0, |value, at| {
            value << 8 | u32::from(*group.get(at).unwrap_or(&0))
        });
        out.extend([sign(value, 18), sign(value, 12)]);
        out.push(if group.len() > 1 { sign(value, 6) } else { '=' });
        out.push(if group.len() > 2 { sign(value, 0) } else { '=' });
    }
    out
}

fn send(server: &Server, path: &str, document: &Value) {
    let url = format!("{}{path}", server.http);
    let (status, body) = post(&url, "application/json", document.to_string().into_bytes()).unwrap();
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
}

/// Files of a folder that hold one of the texts.
fn files_with(folder: &Path, secrets: &[(&str, String)], holding: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_with(&path, secrets, holding);
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        for (kind, secret) in secrets {
            if bytes
                .windows(secret.len())
                .any(|part| part == secret.as_bytes())
            {
                holding.push(format!("{kind} in {}", path.display()));
            }
        }
    }
}

fn nowhere_in(text: &str, secrets: &[(&str, String)], what: &str) {
    for (kind, secret) in secrets {
        assert!(!text.contains(secret.as_str()), "{kind} in {what}");
    }
}

#[test]
fn a_secret_is_nowhere_in_the_data_folder_whichever_way_it_came() {
    let folder = data_folder();
    let secrets = secrets();
    fs::write(
        folder.path().join("privacy.json"),
        r#"{"redact": "strict"}"#,
    )
    .unwrap();

    // A hook fires while no recorder runs: it waits on disk.
    let document = json!({
        "session_id": "hooked", "hook_event_name": "UserPromptSubmit", "cwd": "/w",
        "prompt": format!("use {} and {}", secrets[0].1, secrets[4].1),
    });
    let mut hook = program()
        .args(["hook", "--endpoint", "127.0.0.1:1", "--data"])
        .arg(folder.path())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    hook.stdin
        .take()
        .unwrap()
        .write_all(document.to_string().as_bytes())
        .unwrap();
    assert!(hook.wait().unwrap().success());
    assert_eq!(
        fs::read_dir(folder.path().join("hooks")).unwrap().count(),
        1
    );
    let mut holding = Vec::new();
    files_with(folder.path(), &secrets, &mut holding);
    assert!(holding.is_empty(), "{holding:?}");

    let server = Server::start(folder.path());
    send(&server, "/v1/traces", &spans(&secrets));
    send(&server, "/v1/logs", &logs(&secrets));
    send(&server, "/v1/metrics", &metrics(&secrets));
    send(
        &server,
        "/hooks/codex",
        &json!({
            "session_id": "posted", "hook_event_name": "PreToolUse", "tool_name": "Bash",
            "tool_input": {"command": format!("export TOKEN={}", secrets[2].1)},
        }),
    );
    server.wait_until_loaded();
    server.wait_for(
        "select count(*) from sessions where session_id in ('redacted-run', 'hooked', 'posted')",
        &json!(3),
    );

    let told = [
        server.sql("select input, output, attributes::varchar a, resource::varchar r, links::varchar l, status_message, error_message, name from spans"),
        server.sql("from events"),
        server.sql("from messages"),
        server.sql("from metrics"),
        server.sql("from turns"),
        server.sql("from sessions"),
    ];
    nowhere_in(&json!(told).to_string(), &secrets, "SQL");
    for format in ["json", "otlp", "md", "html"] {
        let path = format!("/api/v1/sessions/redacted-run/export?format={format}");
        let (status, body) = server.get_bytes(&path);
        assert_eq!(status, 200);
        nowhere_in(&String::from_utf8_lossy(&body), &secrets, format);
    }
    // What is no secret is as it was sent.
    let result = server.value("select output from spans where tool_name = 'read'");
    let result = result.as_str().unwrap();
    assert!(result.starts_with("a long log line\n"));
    assert!(
        result.ends_with("\nDATABASE_URL=postgres://app:[redacted:url_password]@db:5432/app\n")
    );
    let arguments = server.value("select input from spans where tool_name = 'bash'");
    let arguments: Value = serde_json::from_str(arguments.as_str().unwrap()).unwrap();
    let command = arguments["command"].as_str().unwrap();
    assert!(
        command.starts_with("curl -H 'Authorization: token [redacted:github_token:"),
        "{command}"
    );
    assert!(
        command.ends_with("]' https://api.github.com/user"),
        "{command}"
    );
    let ids = server.sql("select span_id, started_at from spans where session_id = 'redacted-run' and origin = 'span' order by 1");
    assert_eq!(ids.len(), 3);
    assert_eq!(ids[0]["span_id"], "0000000000000001");
    let counted = server.sql("select kind, passage_count n from redactions where session_id = 'redacted-run' order by kind");
    assert_eq!(
        counted,
        [
            json!({"kind": "anthropic_key", "n": 2}),
            json!({"kind": "email", "n": 2}),
            json!({"kind": "github_token", "n": 8}),
            json!({"kind": "secret_value", "n": 3}),
            json!({"kind": "url_password", "n": 1}),
        ]
    );

    // The journal still has what it received; so has it after a kill and a start.
    server.kill();
    let mut holding = Vec::new();
    files_with(folder.path(), &secrets, &mut holding);
    assert!(holding.is_empty(), "{holding:?}");
    let server = Server::start(folder.path());
    server.wait_until_loaded();
    server.stop();
}

#[test]
fn wrong_settings_stop_the_start_and_say_what_to_do() {
    let folder = data_folder();
    fs::write(
        folder.path().join("privacy.json"),
        r#"{"detectors": {"mail": true}}"#,
    )
    .unwrap();
    let output = program()
        .args(["serve", "--data"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("privacy.json: detectors: there is no detector \"mail\"; there are"),
        "{said}"
    );
    let output = program()
        .args(["serve", "--redact", "all"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).contains("strict (personal data as well)"));
}

/// `docs/privacy.md` shows what the commands print of a redacted session: UPDATE_PRIVACY_DOC=1 writes
/// what they print now.
#[test]
fn the_documented_session_is_what_a_redacted_one_looks_like() {
    let folder = data_folder();
    let secrets = secrets();
    // A digest depends on the key of the folder.
    fs::write(folder.path().join("redaction.key"), "07".repeat(32)).unwrap();
    let server = Server::start_with(folder.path(), &["--redact", "strict"].map(OsStr::new));
    send(&server, "/v1/traces", &spans(&secrets));
    server.wait_until_loaded();
    let file = repository("docs/privacy.md");
    let documented = fs::read_to_string(&file).unwrap();
    let mut now = String::new();
    let mut lines = documented.lines();
    while let Some(line) = lines.next() {
        now.push_str(line);
        now.push('\n');
        let Some(command) = line.strip_prefix("$ spanreel ") else {
            continue;
        };
        let _before = lines.by_ref().take_while(|line| *line != "```").count();
        let args: Vec<&str> = command
            .split('"')
            .enumerate()
            .flat_map(|(at, part)| match at % 2 {
                1 => vec![part],
                _ => part.split_whitespace().collect(),
            })
            .collect();
        let output = server.command(&args);
        assert!(output.status.success(), "{command}: {output:?}");
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            now.push_str(line.trim_end());
            now.push('\n');
        }
        now.push_str("```\n");
    }
    if std::env::var_os("UPDATE_PRIVACY_DOC").is_some() {
        fs::write(&file, &now).unwrap();
    }
    assert_eq!(
        now, documented,
        "UPDATE_PRIVACY_DOC=1 writes docs/privacy.md anew"
    );
}

/// A log record of an agent, with more attributes of its resource and of its own.
fn note(session: &str, trace: &str, said: &str, resource: Vec<Value>, own: Vec<Value>) -> Value {
    let mut attributes = vec![text("event.name", "note")];
    if !session.is_empty() {
        attributes.push(text("session.id", session));
    }
    attributes.extend(own);
    json!({"resourceLogs": [{
        "resource": {"attributes": ([&[text("service.name", "agent")][..], &resource].concat())},
        "scopeLogs": [{"logRecords": [{
            "timeUnixNano": "1790000005000000000", "traceId": trace,
            "body": {"stringValue": said}, "attributes": attributes,
        }]}],
    }]})
}

fn private() -> Value {
    json!({"key": "spanreel.private", "value": {"boolValue": true}})
}

/// Everything that SQL tells of the folder.
fn all_of(server: &Server) -> String {
    let relations = [
        "sessions", "spans", "events", "turns", "messages", "metrics",
    ];
    let rows = relations.map(|relation| server.sql(&format!("from {relation}")));
    json!(rows).to_string()
}

fn prompt(server: &Server, session: &str, words: &str) {
    send(
        server,
        "/hooks/claude-code",
        &json!({
            "session_id": session, "hook_event_name": "UserPromptSubmit", "cwd": "/w", "prompt": words,
        }),
    );
}

#[test]
fn private_sessions_leave_nothing_and_stay_away() {
    let folder = data_folder();
    let server = Server::start(folder.path());
    const OTHER: &str = "0af7651916cd43dd8448eb211c80319c";

    // By attribute: of a resource, of a record, and of a record that names only its trace.
    send(
        &server,
        "/v1/logs",
        &note(
            "by-resource",
            "",
            "alpha-1",
            vec![text("spanreel.private", "true")],
            vec![],
        ),
    );
    send(
        &server,
        "/v1/logs",
        &note("", "", "alpha-2", vec![private()], vec![]),
    );
    send(
        &server,
        "/v1/logs",
        &note("by-record", "", "alpha-3", vec![], vec![]),
    );
    send(
        &server,
        "/v1/logs",
        &note("by-record", "", "alpha-4", vec![], vec![private()]),
    );
    send(
        &server,
        "/v1/logs",
        &note("by-trace", OTHER, "alpha-5", vec![], vec![]),
    );
    send(
        &server,
        "/v1/logs",
        &note("", OTHER, "alpha-6", vec![private()], vec![]),
    );
    // By the user's word, after something was recorded and with a subagent.
    prompt(&server, "by-hook", "alpha-7");
    prompt(&server, "by-hook-of-plugin", "/privateer is a ship");
    server.wait_until_loaded();
    server.wait_for(
        "select count(*) from sessions where session_id like 'by-hook%'",
        &json!(2),
    );
    prompt(&server, "by-hook", "/private alpha-8");
    prompt(&server, "by-hook", "alpha-9");
    // By command, also of a session that is to come.
    prompt(&server, "by-command", "alpha-10");
    prompt(&server, "kept", "beta");
    server.wait_until_loaded();
    for args in [
        &["private", "by-command", "--yes"][..],
        &["private", "to-come", "--coming", "--yes"],
    ] {
        let output = server.command(args);
        assert!(output.status.success(), "{output:?}");
    }
    prompt(&server, "to-come", "alpha-11");
    server.wait_until_loaded();
    server.wait_for(
        "select count(*) from sessions where session_id = 'kept'",
        &json!(1),
    );

    let told = all_of(&server);
    assert!(!told.contains("alpha"), "{told}");
    assert!(told.contains("beta") && told.contains("privateer"));
    let kept_out = server.sql("select session_id from deleted_sessions order by 1");
    assert_eq!(
        kept_out,
        [
            "by-command",
            "by-hook",
            "by-record",
            "by-resource",
            "by-trace",
            "to-come"
        ]
        .map(|id| json!({"session_id": id}))
    );

    // Gone from the files, the journal's among them, once it was started anew.
    server.stop();
    let server = Server::start(folder.path());
    prompt(&server, "by-hook", "alpha-12");
    prompt(&server, "kept", "gamma");
    server.wait_until_loaded();
    assert!(!all_of(&server).contains("alpha"));
    server.stop();
    let server = Server::start(folder.path());
    server.wait_until_loaded();
    let mut holding = Vec::new();
    files_with(
        &folder.path().join("journal"),
        &[("a private text", "alpha".to_owned())],
        &mut holding,
    );
    assert!(holding.is_empty(), "{holding:?}");
    server.stop();
}

#[test]
fn subagents_of_private_sessions_go_along() {
    let folder = data_folder();
    let server = Server::start(folder.path());
    let span = |trace: &str, id: &str, session: &str, more: Vec<Value>| {
        json!({"resourceSpans": [{"scopeSpans": [{"spans": [{
            "traceId": trace, "spanId": id, "name": "invoke_agent helper",
            "startTimeUnixNano": "1790000000000000000", "endTimeUnixNano": "1790000000500000000",
            "attributes": ([&[text("gen_ai.conversation.id", session), text("gen_ai.operation.name", "invoke_agent")][..], &more].concat()),
        }]}]}]})
    };
    let parent = "0af7651916cd43dd8448eb211c80319c";
    send(
        &server,
        "/v1/traces",
        &span(parent, "00000000000000a1", "parent", vec![]),
    );
    let mut child = span(parent, "00000000000000a2", "child", vec![]);
    child["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["parentSpanId"] =
        json!("00000000000000a1");
    send(&server, "/v1/traces", &child);
    server.wait_until_loaded();
    server.wait_for(
        "select count(*) from sessions where parent_session_id = 'parent'",
        &json!(1),
    );
    send(
        &server,
        "/v1/traces",
        &span(
            "0af7651916cd43dd8448eb211c80319d",
            "00000000000000b1",
            "parent",
            vec![private()],
        ),
    );
    server.wait_until_loaded();
    assert_eq!(
        server.value("select count(*) from spans where session_id in ('parent', 'child')"),
        json!(0)
    );
    // A subagent of Codex has a conversation of its own, and hooks that name both.
    send(
        &server,
        "/hooks/codex",
        &json!({
            "session_id": "parent", "agent_id": "later-child", "hook_event_name": "PreToolUse", "tool_name": "shell",
            "tool_input": {"command": "ls"},
        }),
    );
    server.wait_until_loaded();
    let sessions = server.sql("select session_id from deleted_sessions order by 1");
    assert_eq!(
        sessions,
        ["child", "later-child", "parent"].map(|id| json!({"session_id": id}))
    );
    assert_eq!(
        server.value("select count(*) from spans where session_id like '%child'"),
        json!(0)
    );
    server.stop();
}
