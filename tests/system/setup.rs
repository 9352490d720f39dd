//! `spanreel setup` on the settings files of a home folder of its own, and `spanreel doctor`.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::program::{Server, data_folder, program};

fn setup(home: &Path, args: &[&str]) -> Output {
    program()
        .arg("setup")
        .args(args)
        .env("HOME", home)
        .env_remove("CLAUDE_CONFIG_DIR")
        .env_remove("CODEX_HOME")
        .current_dir(home)
        .output()
        .expect("the program runs")
}

fn done(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn settings_of_claude_code_are_written_once_and_taken_out_again() {
    let home = data_folder();
    let path = home.path().join(".claude/settings.json");
    fs::create_dir(home.path().join(".claude")).expect("made");
    let before = "{\n  // what I like\n  \"model\": \"opus\",\n  \"env\": { \"OTEL_LOGS_EXPORTER\": \"console\" },\n  \"hooks\": { \"Stop\": [ { \"hooks\": [ { \"type\": \"command\", \"command\": \"say done\" } ] } ] }\n}\n";
    fs::write(&path, before).expect("written");

    let shown = done(&setup(
        home.path(),
        &[
            "claude-code",
            "--write",
            "--yes",
            "--otlp-grpc",
            "127.0.0.1:30401",
        ],
    ));
    assert!(
        shown.contains("-  \"env\": { \"OTEL_LOGS_EXPORTER\": \"console\" }"),
        "{shown}"
    );
    assert!(
        shown.contains("+    \"CLAUDE_CODE_ENABLE_TELEMETRY\": \"1\""),
        "{shown}"
    );
    let after = read(&path);
    assert!(after.contains("// what I like"), "{after}");
    let value: Value = serde_json::from_str(&after.replace("// what I like", "")).expect("JSON");
    assert_eq!(value["model"], "opus");
    assert_eq!(value["env"]["OTEL_LOGS_EXPORTER"], "otlp");
    assert_eq!(
        value["env"]["OTEL_EXPORTER_OTLP_ENDPOINT"],
        "http://127.0.0.1:30401"
    );
    let stop = value["hooks"]["Stop"].as_array().expect("a list");
    assert_eq!(stop.len(), 2);
    assert_eq!(stop[0]["hooks"][0]["command"], "say done");
    let command = stop[1]["hooks"][0]["command"].as_str().expect("text");
    assert!(command.ends_with("spanreel hook"), "{command}");
    assert_eq!(
        read(&home.path().join(".claude/settings.json.before-spanreel")),
        before
    );

    let args = [
        "claude-code",
        "--write",
        "--yes",
        "--otlp-grpc",
        "127.0.0.1:30401",
    ];
    let again = done(&setup(home.path(), &args));
    assert!(again.contains("Everything is set already."), "{again}");
    assert_eq!(read(&path), after);

    let undo = [
        "claude-code",
        "--undo",
        "--yes",
        "--otlp-grpc",
        "127.0.0.1:30401",
    ];
    done(&setup(home.path(), &undo));
    assert_eq!(read(&path), before);
    assert!(
        !home
            .path()
            .join(".claude/settings.json.before-spanreel")
            .exists()
    );
}

#[test]
fn settings_of_codex_keep_comments_and_what_was_changed_meanwhile() {
    let home = data_folder();
    let path = home.path().join(".codex/config.toml");
    fs::create_dir(home.path().join(".codex")).expect("made");
    let before = "# mine\nmodel = \"gpt-5.1-codex\"\n\n[otel]\nenvironment = \"dev\" # keep\n";
    fs::write(&path, before).expect("written");
    done(&setup(home.path(), &["codex", "--write", "--yes"]));
    let after = read(&path);
    assert!(
        after.starts_with("# mine\nmodel = \"gpt-5.1-codex\"\n"),
        "{after}"
    );
    assert!(after.contains("environment = \"dev\" # keep"), "{after}");
    assert!(after.contains("log_user_prompt = true"), "{after}");
    assert!(
        after.contains("exporter = { otlp-grpc = { endpoint = \"http://127.0.0.1:4317\" } }"),
        "{after}"
    );
    let hooks = home.path().join(".codex/hooks.json");
    let value: Value = serde_json::from_str(&read(&hooks)).expect("JSON");
    let command = value["hooks"]["PreToolUse"][0]["hooks"][0]["command"]
        .as_str()
        .expect("text");
    assert!(command.ends_with("hook --harness codex"), "{command}");

    fs::write(&path, after.replace("gpt-5.1-codex", "gpt-6")).expect("written");
    done(&setup(home.path(), &["codex", "--undo", "--yes"]));
    assert_eq!(read(&path), before.replace("gpt-5.1-codex", "gpt-6"));
    assert!(!hooks.exists());
}

#[test]
fn every_harness_is_shown_and_can_be_written_and_undone() {
    let home = data_folder();
    let list: Value = serde_json::from_str(&done(&setup(home.path(), &["--json"]))).expect("JSON");
    let ids: Vec<&str> = list
        .as_array()
        .expect("a list")
        .iter()
        .map(|harness| harness["id"].as_str().expect("an id"))
        .collect();
    for wanted in [
        "claude-code",
        "codex",
        "gemini-cli",
        "opencode",
        "copilot-cli",
        "copilot-vscode",
        "vercel-ai",
        "python",
        "javascript",
    ] {
        assert!(ids.contains(&wanted), "{wanted} in {ids:?}");
    }
    for id in ids {
        let shown = done(&setup(home.path(), &[id]));
        assert!(
            shown.contains("4317") || shown.contains("4318") || shown.contains("spanreel hook"),
            "{shown}"
        );
        let written = setup(home.path(), &[id, "--write", "--yes"]);
        if list.as_array().expect("a list").iter().any(|harness| {
            harness["id"] == id && harness["files"].as_array().is_some_and(Vec::is_empty)
        }) {
            assert_eq!(written.status.code(), Some(64), "{id}");
            continue;
        }
        done(&written);
        let again = done(&setup(home.path(), &[id, "--write", "--yes"]));
        assert!(
            again.contains("Everything is set already."),
            "{id}: {again}"
        );
        done(&setup(home.path(), &[id, "--undo", "--yes"]));
    }
    let left: Vec<String> = walk(home.path());
    assert_eq!(left, Vec::<String>::new());
}

/// Files below a folder.
fn walk(folder: &Path) -> Vec<String> {
    fs::read_dir(folder)
        .expect("a folder")
        .flat_map(|entry| {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path)
            } else {
                vec![path.display().to_string()]
            }
        })
        .collect()
}

#[test]
fn nothing_is_written_unasked_or_into_a_file_that_cannot_be_read() {
    let home = data_folder();
    let unasked = setup(home.path(), &["codex", "--write"]);
    assert_eq!(unasked.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&unasked.stdout).contains("+[otel]"));
    assert!(!home.path().join(".codex").exists());

    fs::create_dir(home.path().join(".claude")).expect("made");
    let path = home.path().join(".claude/settings.json");
    fs::write(&path, "{ broken").expect("written");
    let broken = setup(home.path(), &["claude-code", "--write", "--yes"]);
    assert_eq!(broken.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&broken.stderr).contains("is left as it is"));
    assert_eq!(read(&path), "{ broken");

    let unknown = setup(home.path(), &["emacs"]);
    assert_eq!(unknown.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("claude-code"));
}

#[test]
fn the_api_serves_the_same_settings_and_the_doctor_names_the_switch() {
    let folder = data_folder();
    let server = Server::start(folder.path());
    let setups = server.get("/api/v1/setup");
    let ids = setups["harnesses"].as_array().expect("a list").len();
    assert!(ids >= 9, "{setups}");
    assert!(
        setups.to_string().contains(server.grpc.as_str()),
        "the addresses are this server's"
    );

    let empty = server.command(&["doctor"]);
    assert_eq!(empty.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&empty.stdout).contains("Nothing has arrived"));

    let attribute = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let record = json!({
        "timeUnixNano": "1790000000000000000",
        "body": {"stringValue": "claude_code.user_prompt"},
        "attributes": [
            attribute("event.name", "user_prompt"), attribute("session.id", "s1"),
            attribute("prompt.id", "p1"), attribute("prompt_length", "12"),
        ],
    });
    let logs = json!({"resourceLogs": [{
        "resource": {"attributes": [attribute("service.name", "claude-code")]},
        "scopeLogs": [{"scope": {"name": "com.anthropic.claude_code.events"}, "logRecords": [record]}],
    }]});
    let url = format!("{}/v1/logs", server.http);
    let sent = crate::program::post(&url, "application/json", logs.to_string().into_bytes());
    assert_eq!(sent.expect("an answer").0, 200);
    server.wait_until_loaded();

    let sick = server.command(&["doctor"]);
    assert_eq!(sick.status.code(), Some(1));
    let text = String::from_utf8_lossy(&sick.stdout).into_owned();
    for wanted in [
        "claude-code: 1 logs in the newest 1 sessions",
        "no spans arrive",
        "CLAUDE_CODE_ENHANCED_TELEMETRY_BETA=1 and OTEL_TRACES_EXPORTER=otlp",
        "OTEL_LOG_USER_PROMPTS=1",
        "spanreel setup claude-code --write",
    ] {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
    let found = server.get("/api/v1/doctor");
    let json = server.command(&["doctor", "--json"]);
    assert_eq!(
        serde_json::from_slice::<Value>(&json.stdout).expect("JSON"),
        found
    );
    assert_eq!(json.status.code(), Some(1));
}
