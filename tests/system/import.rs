//! `spanreel import`: transcripts alone, beside OTLP of the same run, again, and as they grow.
//!
//! Recordings with transcripts lie beside the repository, in `../shared/corpus`; without them only the
//! transcripts written here are imported.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::program::{Server, data_folder, post, program};
use crate::recordings::Recording;

/// What the transcripts of a recording do not hold although it happened.
struct Missing {
    capture: &'static str,
    what: &'static str,
    count: i64,
    cause: &'static str,
}

const MISSING: &[Missing] = &[
    Missing {
        capture: "gemini-cli-grpc",
        what: "model requests",
        count: 4,
        cause: "two utility requests are no part of a chat, and the two whose calls the loop detector stopped were taken back",
    },
    Missing {
        capture: "gemini-cli-grpc",
        what: "tool calls",
        count: 2,
        cause: "two calls that the loop detector stopped were taken back",
    },
];

fn import(server: &Server, path: &Path) -> String {
    let output = program()
        .args(["import", "--endpoint", &server.http])
        .arg(path)
        .output()
        .expect("the program runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    server.wait_until_loaded();
    String::from_utf8(output.stdout).expect("text")
}

/// Counted acts of each kind.
fn counts(server: &Server) -> BTreeMap<String, i64> {
    let query = "select 'sessions' what, count(*) n from sessions where parent_session_id is null
        union all select 'turns', coalesce(sum(turn_count), 0)::bigint from sessions where parent_session_id is null
        union all select 'model requests', count(*) from model_requests where status <> 'error'
        union all select 'tool calls', count(*) from tool_calls
        union all select 'denials', count(*) from denials
        union all select 'subagents', coalesce(sum(subagent_count), 0)::bigint from sessions";
    server
        .sql(query)
        .into_iter()
        .map(|row| {
            let what = row["what"].as_str().expect("text").to_owned();
            (what, row["n"].as_i64().expect("a number"))
        })
        .collect()
}

/// Everything that is counted, and what it holds.
fn acts(server: &Server) -> Vec<Value> {
    server.sql(
        "select trace_id, span_id, parent_span_id, session_id, turn, operation, name, started_at, ended_at,
            status, agent_id, model, tool_name, tool_call_id, mcp_server, decision, input_tokens,
            output_tokens, cost_usd, input_hash, output_hash, truncated_upstream
        from spans where counted order by all",
    )
}

/// What the recording's ground truth says of the kinds that are counted.
fn truth(recording: &Recording) -> BTreeMap<String, i64> {
    let truth = recording.truth();
    let asked = truth["tool_calls_the_model_asked_for"].as_object();
    let tools = asked.into_iter().flatten().filter_map(|(_, n)| n.as_i64());
    let list = |key: &str| truth[key].as_array().map(|list| list.len() as i64);
    [
        ("sessions", truth["sessions"].as_i64()),
        ("turns", truth["prompts"].as_i64()),
        ("model requests", truth["model_requests_answered"].as_i64()),
        ("tool calls", Some(tools.sum())),
        ("denials", list("denials")),
        ("subagents", list("subagents")),
    ]
    .into_iter()
    .filter_map(|(what, count)| Some((what.to_owned(), count?)))
    .collect()
}

#[test]
fn transcripts_of_recordings_import_to_what_happened() {
    let mut wrong = Vec::new();
    for recording in Recording::all() {
        let Some(transcripts) = recording.folder("transcripts") else {
            continue;
        };
        let name = recording.name();
        let truth = truth(&recording);
        let replay = |server: &Server| {
            recording
                .requests()
                .iter()
                .for_each(|request| request.send(server))
        };

        let data = data_folder();
        let server = Server::start(data.path());
        import(&server, &transcripts);
        let alone = counts(&server);
        let acts_alone = acts(&server);
        import(&server, &transcripts);
        if acts(&server) != acts_alone {
            wrong.push(format!("{name}: importing again changed something"));
        }
        replay(&server);
        server.wait_until_loaded();
        let acts_before = acts(&server);
        drop(server);

        let data = data_folder();
        let server = Server::start(data.path());
        replay(&server);
        server.wait_until_loaded();
        let otlp = counts(&server);
        import(&server, &transcripts);
        let both = counts(&server);
        if acts(&server) != acts_before {
            wrong.push(format!("{name}: the order of arrival shows"));
        }
        println!("\n{name:28}  happened  transcript  OTLP  both");
        for (what, alone) in &alone {
            let (otlp, both) = (otlp[what], both[what]);
            let happened = truth.get(what).copied();
            let said = happened.map_or("?".to_owned(), |count| count.to_string());
            println!("  {what:26}  {said:>8}  {alone:>10}  {otlp:>4}  {both:>4}");
            let missing = MISSING.iter().find(|m| m.capture == name && m.what == what);
            let missed = missing.map_or(0, |missing| {
                println!("    {} missing: {}", missing.count, missing.cause);
                missing.count
            });
            if happened.is_some_and(|count| count - missed != *alone) {
                wrong.push(format!(
                    "{name}: {what}: {alone} of {said} from the transcripts"
                ));
            }
            if both != otlp.max(*alone) {
                wrong.push(format!(
                    "{name}: {what}: {both} from both, {otlp} from OTLP, {alone} from the transcripts"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Entries of a session of Claude Code, at seconds of its run.
fn entry(kind: &str, uuid: &str, second: u32, more: &Value) -> String {
    let mut entry = json!({
        "type": kind, "uuid": uuid, "sessionId": "growing", "isSidechain": false,
        "timestamp": format!("2026-01-01T00:00:{second:02}.000Z"), "cwd": "/home/me/shop",
        "gitBranch": "fix", "version": "2.1.300",
    });
    if let (Some(entry), Some(more)) = (entry.as_object_mut(), more.as_object()) {
        entry.extend(more.clone());
    }
    format!("{entry}\n")
}

fn answer(uuid: &str, second: u32, message: &str, block: &Value, reason: &str) -> String {
    let message = json!({
        "id": message, "role": "assistant", "model": "claude-opus-5-5", "content": [block],
        "stop_reason": reason, "usage": {"input_tokens": 10, "output_tokens": 3},
    });
    entry("assistant", uuid, second, &json!({"message": message}))
}

#[test]
fn a_growing_transcript_is_followed() {
    let data = data_folder();
    let server = Server::start(data.path());
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().join("growing.jsonl");
    let mut file = fs::File::create(&path).expect("a file");
    let prompt = json!({"message": {"role": "user", "content": "fix it"}});
    let call = json!({"type": "tool_use", "id": "c1", "name": "Bash", "input": {"command": "ls"}});
    write!(file, "{}", entry("user", "u1", 1, &prompt)).expect("written");
    write!(file, "{}", answer("a1", 2, "m1", &call, "tool_use")).expect("written");
    let mut follower = program()
        .args(["import", "--follow", "--endpoint", &server.http])
        .arg(home.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let calls = "select count(*)::varchar || ' ' || count(ended_at)::varchar from tool_calls";
    server.wait_for(calls, &json!("1 0"));

    let block = json!([{"type": "tool_result", "tool_use_id": "c1", "content": "a.txt"}]);
    let result = entry(
        "user",
        "u2",
        3,
        &json!({"message": {"role": "user", "content": block}}),
    );
    // The end of a line may be written later than its beginning.
    let (head, tail) = result.split_at(result.len() / 2);
    write!(file, "{head}").expect("written");
    file.flush().expect("written");
    std::thread::sleep(std::time::Duration::from_millis(700));
    write!(file, "{tail}").expect("written");
    let last = answer(
        "a2",
        4,
        "m2",
        &json!({"type": "text", "text": "Done."}),
        "end_turn",
    );
    write!(file, "{last}").expect("written");
    server.wait_for(calls, &json!("1 1"));
    server.wait_for("select count(*) from model_requests", &json!(2));
    server.wait_for("select status from sessions", &json!("ok"));

    // A session that begins while the folder is followed.
    let second = home.path().join("another.jsonl");
    let prompt = json!({"sessionId": "another", "message": {"role": "user", "content": "hello"}});
    fs::write(second, entry("user", "v1", 9, &prompt)).expect("written");
    server.wait_for("select count(*) from sessions", &json!(2));

    let sent = Command::new("kill")
        .args(["-INT", &follower.id().to_string()])
        .status()
        .expect("kill runs");
    assert!(sent.success());
    assert!(follower.wait().expect("it ends").success());
    let title = "select title || ' ' || project || ' ' || branch || ' ' || harness_version from sessions where session_id = 'growing'";
    assert_eq!(
        server.value(title),
        json!("fix it /home/me/shop fix 2.1.300")
    );
}

#[test]
fn otlp_files_and_other_files() {
    let data = data_folder();
    let server = Server::start(data.path());
    let home = tempfile::tempdir().expect("a folder");
    let span = |id: &str| {
        json!({"resourceSpans": [{"scopeSpans": [{"spans": [{
            "traceId": "0102030405060708090a0b0c0d0e0f10", "spanId": id, "name": "chat x",
            "startTimeUnixNano": "1", "endTimeUnixNano": "2",
            "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}],
        }]}]}]})
    };
    let lines = format!(
        "{}\n{{\"resourceSpans\": [broken\n{}\n",
        span("0000000000000001"),
        span("0000000000000002")
    );
    fs::write(home.path().join("traces.jsonl"), lines).expect("written");
    let pretty = serde_json::to_string_pretty(&span("0000000000000003")).expect("JSON");
    fs::write(home.path().join("traces.json"), pretty).expect("written");
    fs::write(
        home.path().join("package.json"),
        "{\n  \"name\": \"shop\"\n}",
    )
    .expect("written");
    let packed = zstd::encode_all(span("0000000000000004").to_string().as_bytes(), 1);
    fs::write(home.path().join("more.jsonl.zst"), packed.expect("packed")).expect("written");
    let said = import(&server, home.path());
    assert!(said.contains("3 OTLP files: 4 requests"), "{said}");
    assert!(said.contains("1 other files passed over"), "{said}");
    assert!(said.contains("traces.jsonl: line 2:"), "{said}");
    assert_eq!(server.value("select count(*) from spans"), json!(4));

    let refused = program()
        .args(["import", "--endpoint", &server.http])
        .arg(home.path().join("package.json"))
        .output()
        .expect("the program runs");
    assert_eq!(refused.status.code(), Some(64));
}

#[test]
fn bodies_kept_in_files_are_read_from_the_allowed_folder_only() {
    let data = data_folder();
    let bodies = tempfile::tempdir().expect("a folder");
    let server = Server::start_with(
        data.path(),
        &["--read-body-refs".as_ref(), bodies.path().as_os_str()],
    );
    let body = json!({"messages": [{"role": "user", "content": "from the file"}]}).to_string();
    let inside = bodies.path().join("request.json");
    fs::write(&inside, &body).expect("written");
    let outside = data.path().join("outside.json");
    fs::write(&outside, &body).expect("written");
    let record = |request: &str, path: &Path| {
        let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
        json!({
            "timeUnixNano": "1795223201505000000", "body": {"stringValue": "claude_code.api_request_body"},
            "attributes": [
                text("event.name", "api_request_body"), text("session.id", "s"),
                text("request_id", request), text("body_ref", &path.to_string_lossy()),
            ],
        })
    };
    let logs = json!({"resourceLogs": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "claude-code"}}]},
        "scopeLogs": [{"logRecords": [record("in", &inside), record("out", &outside)]}],
    }]});
    let url = format!("{}/v1/logs", server.http);
    let (status, _) = post(&url, "application/json", logs.to_string().into_bytes()).expect("sent");
    assert_eq!(status, 200);
    server.wait_until_loaded();
    let input = |request: &str| {
        let query = format!(
            "select coalesce(input, truncated_upstream) from spans where request_id = '{request}'"
        );
        server.value(&query).as_str().expect("text").to_owned()
    };
    assert!(input("in").contains("from the file"), "{}", input("in"));
    assert!(
        input("out").contains("outside the folder"),
        "{}",
        input("out")
    );
}
