//! With a key nothing that a run says is in clear in the data folder, whatever happens to the process, and
//! every command works with the key and says what is missing without it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::hooks::{NOBODY, claude, run, waiting};
use crate::program::{Server, data_folder, post, program};
use crate::upkeep::{holding, on_folder, printed};

/// Stands in every text of [`said`], each time behind another word.
const PLANTED: &str = "quokka-8155-says";

/// A key file beside the data folder.
struct Place {
    folder: TempDir,
    _keys: TempDir,
    key: PathBuf,
}

impl Place {
    fn new() -> Self {
        let keys = data_folder();
        let key = keys.path().join("key");
        let output = program().args(["key", "new"]).arg(&key).output().unwrap();
        assert!(output.status.success(), "{}", printed(&output));
        Self {
            folder: data_folder(),
            key,
            _keys: keys,
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn serve(&self) -> Server {
        let flag = OsStr::new("--encryption-key-file");
        Server::start_with(self.path(), &[flag, self.key.as_os_str()])
    }

    /// Runs a command on the folder, with the key in the environment.
    fn command(&self, words: &[&str]) -> Output {
        on_folder_with(words, self.path(), &self.key)
    }
}

fn on_folder_with(words: &[&str], folder: &Path, key: &Path) -> Output {
    program()
        .args(words)
        .arg("--data")
        .arg(folder)
        .env("SPANREEL_ENCRYPTION_KEY_FILE", key)
        .output()
        .unwrap()
}

fn attribute(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

/// A run that says the planted words in every place where texts go: prompts, messages, arguments, results,
/// large ones and small ones, messages of errors, events, attributes, resources, links, log bodies.
fn said(session: &str) -> [(&'static str, Value); 2] {
    let text = |place: &str| format!("{place} {PLANTED} {place} of {session}");
    let resource = json!({"attributes": [
        attribute("service.name", "agent"),
        attribute("process.command_args", &text("resource")),
    ]});
    let id = blake3::hash(session.as_bytes()).to_hex()[..32].to_owned();
    let span = |number: u64, operation: &str, more: Vec<Value>| {
        let start = 1_790_000_000_000_000_000 + number * 1_000_000_000;
        json!({
            "traceId": id, "spanId": format!("{number:016x}"), "name": operation,
            "startTimeUnixNano": start.to_string(), "endTimeUnixNano": (start + 500_000_000).to_string(),
            "attributes": ([&[
                attribute("gen_ai.operation.name", operation),
                attribute("gen_ai.conversation.id", session),
                attribute("unknown.note", &text("attribute")),
            ][..], &more].concat()),
            "events": [{"name": "exception", "timeUnixNano": (start + 1).to_string(),
                "attributes": [attribute("exception.message", &text("exception"))]}],
            "links": [{"traceId": "0af7651916cd43dd8448eb211c80319d", "spanId": "00000000000000ff",
                "attributes": [attribute("why", &text("link"))]}],
            "status": {"code": 2, "message": text("status")},
        })
    };
    let input = json!([{"role": "user", "parts": [{"type": "text", "content": text("prompt")}]}]);
    let output = json!([{"role": "assistant", "parts": [
        {"type": "text", "content": text("answer")},
        {"type": "tool_call", "id": "c2", "name": "bash", "arguments": {"command": text("asked")}},
    ]}]);
    let long = format!(
        "{}\n{}",
        text("result"),
        text("a long line\n").repeat(4_000)
    );
    let spans = json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{
        "scope": {"name": "agent", "attributes": [attribute("of", &text("scope"))]},
        "spans": [
            span(1, "chat", vec![
                attribute("gen_ai.input.messages", &input.to_string()),
                attribute("gen_ai.output.messages", &output.to_string()),
            ]),
            span(2, "execute_tool", vec![
                attribute("gen_ai.tool.name", "bash"),
                attribute("gen_ai.tool.call.id", "c1"),
                attribute("gen_ai.tool.call.arguments", &json!({"command": text("argument")}).to_string()),
                attribute("gen_ai.tool.call.result", &long),
            ]),
        ],
    }]}]});
    let logs = json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [{
        "timeUnixNano": "1790000003000000000", "severityText": "INFO",
        "body": {"stringValue": text("log")},
        "attributes": [attribute("session.id", session), attribute("note", &text("log attribute"))],
    }]}]}]});
    [("traces", spans), ("logs", logs)]
}

fn send(server: &Server, session: &str) {
    for (signal, body) in said(session) {
        let url = format!("{}/v1/{signal}", server.http);
        let (status, _) = post(&url, "application/json", body.to_string().into_bytes()).unwrap();
        assert_eq!(status, 200);
    }
}

fn nothing_in_clear(place: &Place, when: &str) {
    let (found, files) = holding(place.path(), PLANTED);
    assert_eq!(found, [""; 0], "{when}");
    assert!(files > 1, "{when}: {files} files");
}

#[test]
fn nothing_is_in_clear_before_and_after_a_crash_and_all_is_there() {
    let place = Place::new();
    let server = place.serve();
    send(&server, "first");
    server.wait_until_loaded();
    nothing_in_clear(&place, "while it runs");
    // Killed with requests that are acknowledged and, most likely, not all loaded.
    for number in 0..40 {
        send(&server, &format!("later {number}"));
    }
    server.kill();
    nothing_in_clear(&place, "after kill -9");

    let server = place.serve();
    server.wait_until_loaded();
    nothing_in_clear(&place, "after recovery");
    let count = "select count(*) from tool_calls where output like '%quokka-8155-says%' \
                 and detail like '%quokka-8155-says%' and status_message like 'status quokka%'";
    assert_eq!(server.value(count), 41);
    let logs = "select count(*) from events where is_log and body like 'log quokka-8155-says%'";
    assert_eq!(server.value(logs), 41);
    let found = "select count(distinct session_id) from search('\"answer quokka 8155 says\"')";
    assert_eq!(server.value(found), 41);
    let hash = server.value(
        "select output_hash from tool_calls where session_id = 'first' and output_hash is not null",
    );
    let (status, bytes) = server.get_bytes(&format!("/api/v1/payloads/{}", hash.as_str().unwrap()));
    assert_eq!(status, 200);
    assert!(bytes.len() > 4_000 && String::from_utf8(bytes).unwrap().contains(PLANTED));
    let verified = server.command(&["verify"]);
    assert!(verified.status.success(), "{}", printed(&verified));
    server.stop();
    nothing_in_clear(&place, "after a clean stop");
    assert!(!place.path().join("search").exists());

    // Without a key the same words are there, so the look would have seen them.
    let plain = data_folder();
    let server = Server::start(plain.path());
    send(&server, "first");
    server.wait_until_loaded();
    assert!(!holding(plain.path(), PLANTED).0.is_empty());
    server.kill();
    assert!(!holding(&plain.path().join("journal"), PLANTED).0.is_empty());
}

#[test]
fn commands_work_with_the_key_and_say_what_is_missing_without() {
    let place = Place::new();
    let server = place.serve();
    server.play_demo();
    send(&server, "run");
    server.wait_until_loaded();
    server.stop();

    let copies = data_folder();
    let backup = copies.path().join("backup");
    let to = backup.to_str().unwrap();
    let html = copies.path().join("run.html");
    let commands: &[&[&str]] = &[
        &["sessions"],
        &["show", "run"],
        &[
            "sql",
            "select count(*) from tool_calls where output like '%quokka%'",
        ],
        &["search", "quokka"],
        &["export", "run", "--format", "md"],
        &["export", "run", "--format", "otlp"],
        &["export", "run", "-o", html.to_str().unwrap()],
        &["detect"],
        &["why", "run"],
        &["pull"],
        &["tag", "run", "sealed"],
        &["annotate", "run", "--wrong", "quokka-8155-says, I say"],
        &["verify"],
        &["compact"],
        &["backup", to],
        &["doctor", "--json"],
        &["delete", "run", "--yes"],
    ];
    for words in commands {
        let output = place.command(words);
        let said = printed(&output);
        let is_fine = output.status.success() || words[0] == "doctor";
        assert!(is_fine, "{words:?}: {:?} {said}", output.status);
        nothing_in_clear(&place, words[0]);
    }
    let said = printed(&place.command(&[
        "sql",
        "select count(*) from tool_calls where session_id = 'run'",
    ]));
    assert!(said.contains(" 0"), "{said}");

    // Restoring takes no key; reading what was restored does.
    let restored = copies.path().join("restored");
    let output = program()
        .args(["restore", to, "--data"])
        .arg(&restored)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    let found = [
        "sql",
        "select count(*) from annotations where comment like 'quokka%'",
    ];
    let said = printed(&on_folder_with(&found, &restored, &place.key));
    assert!(said.contains(" 1"), "{said}");
    let verified = on_folder_with(&["verify"], &backup, &place.key);
    assert!(verified.status.success(), "{}", printed(&verified));

    let other = Place::new();
    let id = |key: &Path| {
        let output = program().args(["key", "id"]).arg(key).output().unwrap();
        printed(&output).trim().to_owned()
    };
    for words in [
        &["sessions"][..],
        &["verify"],
        &["compact"],
        &["export", "run"],
    ] {
        let output = on_folder(words, place.path());
        let said = printed(&output);
        assert_eq!(output.status.code(), Some(69), "{words:?}: {said}");
        assert!(
            said.contains("--encryption-key-file") && said.contains(&id(&place.key)),
            "{said}"
        );
        let output = on_folder_with(words, place.path(), &other.key);
        let said = printed(&output);
        assert_eq!(output.status.code(), Some(69), "{words:?}: {said}");
        assert!(
            said.contains(&id(&place.key)) && said.contains(&id(&other.key)),
            "{said}"
        );
    }
    // A folder that was begun without a key stays so.
    let plain = data_folder();
    Server::start(plain.path()).stop();
    let output = on_folder_with(&["sessions"], plain.path(), &other.key);
    assert_eq!(output.status.code(), Some(69));
    assert!(
        printed(&output).contains("begun without a key"),
        "{}",
        printed(&output)
    );
}

#[test]
fn keys_are_made_once_and_kept_out_of_the_folder() {
    let place = Place::new();
    let text = fs::read_to_string(&place.key).unwrap();
    assert_eq!(text.trim().len(), 64);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&place.key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let output = program()
        .args(["key", "new"])
        .arg(&place.key)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(69));
    assert!(
        printed(&output).contains("there already"),
        "{}",
        printed(&output)
    );
    assert_eq!(fs::read_to_string(&place.key).unwrap(), text);

    let inside = place.path().join("key");
    fs::copy(&place.key, &inside).unwrap();
    let output = on_folder_with(&["sessions"], place.path(), &inside);
    assert_eq!(output.status.code(), Some(64));
    assert!(printed(&output).contains("move it"), "{}", printed(&output));
    for bad in ["", "no key", "abcd"] {
        fs::write(&inside, bad).unwrap();
        let output = on_folder_with(&["sessions"], data_folder().path(), &inside);
        assert_eq!(output.status.code(), Some(64));
        assert!(
            printed(&output).contains("spanreel key new"),
            "{}",
            printed(&output)
        );
    }
}

#[test]
fn hook_fires_wait_encrypted_or_not_at_all() {
    let place = Place::new();
    place.serve().stop();
    let document = claude("s1", "UserPromptSubmit", json!({"prompt": PLANTED}));
    let fire = |key: Option<&Path>| {
        let mut command = program();
        command
            .args(["hook", "--endpoint", NOBODY, "--data"])
            .arg(place.path());
        if let Some(key) = key {
            command.env("SPANREEL_ENCRYPTION_KEY_FILE", key);
        }
        run(&mut command, &document)
    };
    let output = fire(None);
    assert!(output.status.success());
    assert!(
        printed(&output).contains("SPANREEL_ENCRYPTION_KEY_FILE"),
        "{}",
        printed(&output)
    );
    assert_eq!(waiting(place.path()), 0);
    let output = fire(Some(&place.key));
    assert_eq!(printed(&output), "");
    assert_eq!(waiting(place.path()), 1);
    nothing_in_clear(&place, "while it waits");
    let server = place.serve();
    server.wait_for(
        &format!("select count(*) from turns where prompt = '{PLANTED}'"),
        &json!(1),
    );
    server.stop();
    nothing_in_clear(&place, "when it is taken in");
}
