//! Reading everything again, giving space back, copies: on a running server and on a folder.

use std::io::ErrorKind;
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{Server, data_folder, post, program};

pub(crate) const SECRET: &str = "xyzzy-4711-nobody-else-says-this";

/// One model request of a session, as OTLP/JSON.
pub(crate) fn request(session: &str, number: u64, text: &str) -> Value {
    let attribute = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let messages = json!([{"role": "user", "parts": [{"type": "text", "content": text}]}]);
    let trace = number / 100 + 1;
    json!({"resourceSpans": [{
        "resource": {"attributes": [attribute("service.name", "demo")]},
        "scopeSpans": [{"spans": [{
            "traceId": format!("{:016x}{trace:016x}", crate::upkeep::hash(session)),
            "spanId": format!("{:016x}", number + 1),
            "name": "chat model",
            "startTimeUnixNano": (1_790_000_000_000_000_000 + number * 1_000_000).to_string(),
            "endTimeUnixNano": (1_790_000_000_000_500_000 + number * 1_000_000).to_string(),
            "attributes": [
                attribute("gen_ai.operation.name", "chat"),
                attribute("gen_ai.conversation.id", session),
                attribute("gen_ai.input.messages", &messages.to_string()),
            ],
        }]}],
    }]})
}

/// A number that is the session's own.
fn hash(text: &str) -> u64 {
    let hash = blake3::hash(text.as_bytes());
    u64::from_be_bytes(*hash.as_bytes().first_chunk().expect("32 bytes"))
}

pub(crate) fn send(server: &Server, body: &Value) {
    let url = format!("{}/v1/traces", server.http);
    let (status, _) = post(&url, "application/json", body.to_string().into_bytes()).unwrap();
    assert_eq!(status, 200);
}

/// Sends many different long texts of a session.
pub(crate) fn fill(server: &Server, session: &str, count: u64) {
    for number in 0..count {
        let text: String = (0..400)
            .map(|n| format!("{} ", hash(&format!("{session} {number} {n}"))))
            .collect();
        send(server, &request(session, number, &text));
    }
    server.wait_until_loaded();
}

pub(crate) fn on_folder(words: &[&str], folder: &Path) -> Output {
    program()
        .args(words)
        .arg("--data")
        .arg(folder)
        .output()
        .expect("the program runs")
}

pub(crate) fn printed(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

pub(crate) fn verified(folder: &Path) -> (Option<i32>, Value) {
    let output = on_folder(&["verify", "--json"], folder);
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", printed(&output)));
    (output.status.code(), report)
}

/// Files that hold `text`, and how many there are.
pub(crate) fn holding(folder: &Path, text: &str) -> (Vec<String>, usize) {
    let (mut found, mut count) = (Vec::new(), 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let (more, some) = holding(&path, text);
            found.extend(more);
            count += some;
        } else {
            count += 1;
            let bytes = match std::fs::read(&path) {
                // Merging the search index takes files away.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                read => read.unwrap(),
            };
            if bytes
                .windows(text.len())
                .any(|window| window == text.as_bytes())
            {
                found.push(path.display().to_string());
            }
        }
    }
    (found, count)
}

#[test]
fn a_running_server_verifies_itself_and_a_folder_is_verified_alone() {
    let folder = data_folder();
    let server = Server::start(folder.path());
    server.play_demo();
    server.wait_until_loaded();
    let output = server.command(&["verify"]);
    let said = printed(&output);
    println!("{said}");
    assert!(output.status.success(), "{said}");
    assert!(said.contains("Nothing is damaged."), "{said}");
    assert!(!said.contains(" 0 journal records"), "{said}");

    // Another process has the folder.
    let output = on_folder(&["verify"], folder.path());
    assert_eq!(output.status.code(), Some(69));
    assert!(printed(&output).contains("--url"), "{}", printed(&output));

    server.stop();
    let before = std::fs::read(folder.path().join("spanreel.duckdb")).unwrap();
    let (code, report) = verified(folder.path());
    assert_eq!(
        (code, &report["healthy"]),
        (Some(0), &json!(true)),
        "{report:#}"
    );
    assert!(report["checked"]["payloads"].as_u64().unwrap() > 10);
    assert!(report["checked"]["references"].as_u64().unwrap() > 100);
    let after = std::fs::read(folder.path().join("spanreel.duckdb")).unwrap();
    assert!(before == after, "verifying a folder changes it");

    let output = on_folder(&["verify"], data_folder().path());
    assert_eq!(output.status.code(), Some(69), "{}", printed(&output));
}

#[test]
fn one_command_deletes_more_sessions_than_one_request_may_name() {
    let folder = data_folder();
    let server = Server::start(folder.path());
    let names: Vec<String> = (0..1_203).map(|n| format!("goes-{n:04}")).collect();
    let mut body = request("stays", 0, "short");
    let resources = body["resourceSpans"].as_array_mut().expect("a list");
    for name in &names {
        let mut one = request(name, 0, "short");
        resources.append(one["resourceSpans"].as_array_mut().expect("a list"));
    }
    send(&server, &body);
    server.wait_until_loaded();
    let count = || server.value("select count(*) from sessions");
    assert_eq!(count(), json!(1_204));

    // A mistyped id deletes nothing; nor does the beginning of three; the same twice is one session.
    let delete = |last: &[&str]| {
        let words = ["delete", "--yes", "--json"];
        let names = names.iter().map(String::as_str);
        let words: Vec<&str> = words
            .into_iter()
            .chain(names)
            .chain(last.to_vec())
            .collect();
        server.command(&words)
    };
    assert_eq!(delete(&["nobody"]).status.code(), Some(64));
    assert_eq!(count(), json!(1_204));
    let deleted = delete(&["goes-0000", "goes-120"]);
    assert_eq!(deleted.status.code(), Some(64), "three begin with it");
    let deleted = delete(&["goes-0000"]);
    let said: Value = serde_json::from_slice(&deleted.stdout).unwrap();
    assert_eq!(said["session_ids"].as_array().map(Vec::len), Some(1_203));
    assert_eq!(said["span_count"], 1_203);
    assert_eq!(count(), json!(1));
}

#[test]
fn nothing_deleted_is_left_in_the_folder_after_compacting() {
    let folder = data_folder();
    let server = Server::start(folder.path());
    fill(&server, "stays", 50);
    // Uncompressed, so that it would be found: short texts are stored as they are.
    send(&server, &request("goes", 0, SECRET));
    fill(&server, "goes-too", 300);
    assert_eq!(server.sql(&format!("from search('\"{SECRET}\"')")).len(), 1);
    let (found, _) = holding(folder.path(), SECRET);
    assert!(!found.is_empty(), "the secret cannot be found at all");

    let deleted = server.command(&["delete", "goes", "goes-too", "--yes"]);
    assert!(deleted.status.success(), "{}", printed(&deleted));
    let compacted = server.command(&["compact", "--json"]);
    assert!(compacted.status.success(), "{}", printed(&compacted));
    let report: Value = serde_json::from_slice(&compacted.stdout).unwrap();
    println!("{report:#}");
    assert!(report["after_bytes"].as_u64() < report["before_bytes"].as_u64());
    assert_eq!(report["journal_settled"], true);

    // While it runs, and after it has stopped.
    assert_eq!(holding(folder.path(), SECRET).0, [""; 0]);
    assert_eq!(server.value("select count(*) from spans"), json!(50));
    let verified_running = server.command(&["verify"]);
    assert!(
        verified_running.status.success(),
        "{}",
        printed(&verified_running)
    );
    // It records on.
    send(&server, &request("later", 0, "after the compaction"));
    server.wait_for(
        "select count(*) from spans where session_id = 'later'",
        &json!(1),
    );
    server.stop();
    let (found, files) = holding(folder.path(), SECRET);
    println!(
        "{files} files searched for the secret, found in {}",
        found.len()
    );
    assert_eq!(found, [""; 0]);
    assert_eq!(verified(folder.path()).0, Some(0));

    // On a folder that nobody serves it works as well.
    let output = on_folder(&["compact"], folder.path());
    assert!(output.status.success(), "{}", printed(&output));
    assert!(
        printed(&output).contains("given back"),
        "{}",
        printed(&output)
    );
}

#[test]
fn a_compaction_that_is_killed_leaves_one_whole_database() {
    let folder = data_folder();
    let server = Server::start(folder.path());
    fill(&server, "stays", 150);
    fill(&server, "goes", 150);
    let deleted = server.command(&["delete", "goes", "--yes"]);
    assert!(deleted.status.success());
    server.stop();
    for pause_ms in [0, 20, 60, 120, 250, 400] {
        let server = Server::start(folder.path());
        let url = server.url.clone();
        let compacting = thread::spawn(move || {
            post(
                &format!("{url}/api/v1/compact"),
                "application/json",
                Vec::new(),
            )
        });
        thread::sleep(Duration::from_millis(pause_ms));
        server.kill();
        let _ = compacting.join();
        let had_leftover = folder.path().join("compact").exists();
        let server = Server::start(folder.path());
        assert_eq!(server.value("select count(*) from spans"), json!(150));
        assert!(!folder.path().join("compact").exists());
        server.stop();
        let (code, report) = verified(folder.path());
        println!("killed after {pause_ms} ms, leftover: {had_leftover}");
        assert_eq!(code, Some(0), "{report:#}");
    }
}

#[test]
fn a_backup_under_load_holds_everything_acknowledged_before_it() {
    let folder = data_folder();
    std::fs::write(
        folder.path().join("detectors.json"),
        r#"{"cycle": {"enabled": false}}"#,
    )
    .unwrap();
    let server = Server::start(folder.path());
    fill(&server, "before", 100);
    let (acknowledged, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let place = data_folder();
    let mut expected = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let number = acknowledged.load(Ordering::Relaxed);
                let text = format!("text {number} {}", "of the load ".repeat(500));
                send(&server, &request("load", number, &text));
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
        });
        let begun = Instant::now();
        while acknowledged.load(Ordering::Relaxed) < 50 {
            assert!(begun.elapsed() < Duration::from_secs(30));
            thread::sleep(Duration::from_millis(5));
        }
        let mut said = Vec::new();
        for round in 0..3 {
            let to = place.path().join(format!("backup-{round}"));
            expected.push(acknowledged.load(Ordering::Relaxed));
            said.push(server.command(&["backup", to.to_str().unwrap()]));
        }
        stop.store(true, Ordering::Relaxed);
        for output in said {
            println!("{}", printed(&output));
            assert!(output.status.success());
        }
    });
    // Not into what holds something.
    let output = server.command(&["backup", place.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(64));
    assert!(
        printed(&output).contains("it is not empty"),
        "{}",
        printed(&output)
    );
    server.kill();

    for (round, before) in expected.into_iter().enumerate() {
        let backup = place.path().join(format!("backup-{round}"));
        let (code, report) = verified(&backup);
        assert_eq!(code, Some(0), "{report:#}");
        let data = place.path().join(format!("data-{round}"));
        let output = on_folder(&["restore", backup.to_str().unwrap()], &data);
        assert!(output.status.success(), "{}", printed(&output));
        let again = on_folder(&["restore", backup.to_str().unwrap()], &data);
        assert_eq!(again.status.code(), Some(69));
        assert!(
            printed(&again).contains("it is not empty"),
            "{}",
            printed(&again)
        );
        assert!(data.join("detectors.json").exists());

        let server = Server::start(&data);
        server.wait_until_loaded();
        let count = |session: &str| {
            let sql = format!("select count(*) from spans where session_id = '{session}'");
            server.value(&sql).as_u64().unwrap()
        };
        assert_eq!(count("before"), 100);
        let restored = count("load");
        println!("acknowledged before the backup {before}, restored {restored}");
        assert!(restored >= before, "{restored} of {before}");
        let texts = "select count(*) from spans where session_id = 'load' and input is null";
        assert_eq!(server.value(texts), json!(0));
        assert!(server.command(&["verify"]).status.success());
    }
}

#[test]
fn what_is_no_whole_backup_is_not_restored() {
    let folder = data_folder();
    let server = Server::start(folder.path());
    fill(&server, "s", 5);
    let place = data_folder();
    let backup = place.path().join("backup");
    assert!(
        server
            .command(&["backup", backup.to_str().unwrap()])
            .status
            .success()
    );
    server.stop();
    let data = place.path().join("data");

    let database = backup.join("spanreel.duckdb");
    let mut bytes = std::fs::read(&database).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&database, bytes).unwrap();
    let output = on_folder(&["restore", backup.to_str().unwrap()], &data);
    assert_eq!(output.status.code(), Some(69));
    assert!(printed(&output).contains("has other bytes than were written"));

    std::fs::remove_file(backup.join("backup.json")).unwrap();
    let output = on_folder(&["restore", backup.to_str().unwrap()], &data);
    assert!(printed(&output).contains("is no backup, or one that was cut off"));
    let left: Vec<_> = std::fs::read_dir(&data).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(!place.path().join("data.restoring").exists());
}

#[test]
fn retention_removes_what_its_rules_name_and_says_so() {
    let folder = data_folder();
    let settings = folder.path().join("retention.json");
    std::fs::write(&settings, r#"{"max_age": "1 year"}"#).unwrap();
    let refused = on_folder(&["serve", "--ui", "127.0.0.1:0"], folder.path());
    assert_eq!(refused.status.code(), Some(64));
    assert!(
        printed(&refused).contains("retention.json: max_age"),
        "{}",
        printed(&refused)
    );

    // What is sent happened in September 2026 by its own clock.
    std::fs::write(
        &settings,
        r#"{"max_age": "52w", "every": "1h", "tags": {"scratch": "1s", "release": "forever"}}"#,
    )
    .unwrap();
    let server = Server::start(folder.path());
    for session in ["goes", "kept", "released", "stays", "later"] {
        send(
            &server,
            &request(session, 0, &format!("{session} says this")),
        );
    }
    server.wait_until_loaded();
    let run = |words: &[&str]| {
        let output = server.command(words);
        assert!(output.status.success(), "{words:?}: {}", printed(&output));
        printed(&output)
    };
    for session in ["goes", "kept", "released"] {
        run(&["tag", session, "scratch"]);
    }
    run(&["tag", "released", "release"]);
    run(&["retention", "keep", "kept"]);
    let said = run(&["retention", "expire", "later", "--after", "12h"]);
    assert!(said.starts_with("It goes at 20"), "{said}");
    let shown = run(&["retention"]);
    println!("{shown}");
    assert!(shown.contains("tag release: is kept"), "{shown}");
    let due = run(&["retention", "--dry-run"]);
    println!("{due}");
    assert!(
        due.contains("tag: scratch") && due.contains("1 sessions with 1 spans"),
        "{due}"
    );
    assert_eq!(server.value("select count(*) from sessions"), json!(5));

    let said = run(&["retention", "run"]);
    println!("{said}");
    assert!(
        said.contains("Removed 1 sessions, 1 spans (1 by tag: scratch)"),
        "{said}"
    );
    assert_eq!(
        server.sql("select session_id, reason from deleted_sessions"),
        [json!({"session_id": "goes", "reason": "tag: scratch"})]
    );
    let overview = server.get("/api/v1/retention");
    assert_eq!(overview["removed"]["reasons"], json!({"tag: scratch": 1}));
    assert!(overview["last_run_at"].is_string());

    run(&["retention", "expire", "later", "--at", "2026-01-01"]);
    run(&["retention", "clear", "kept"]);
    let said = run(&["retention", "run"]);
    assert!(
        said.contains("1 by expired") && said.contains("1 by tag: scratch"),
        "{said}"
    );
    assert_eq!(server.value("select count(*) from sessions"), json!(2));
    let wrong = server.command(&["retention", "expire", "stays", "--at", "soon"]);
    assert_eq!(wrong.status.code(), Some(64));
    assert!(
        printed(&wrong).contains("\"soon\" is no time"),
        "{}",
        printed(&wrong)
    );
    let wrong = server.command(&["retention", "keep", "nobody"]);
    assert_eq!(wrong.status.code(), Some(64), "{}", printed(&wrong));
}

#[test]
fn retention_by_size_takes_the_oldest_in_the_background_while_data_comes() {
    const SESSIONS: u64 = 20;
    let folder = data_folder();
    let server = Server::start(folder.path());
    for session in 0..SESSIONS {
        for number in 0..40 {
            let text: String = (0..400)
                .map(|n| format!("{} ", hash(&format!("{session} {number} {n}"))))
                .collect();
            let body = request(&format!("s{session:02}"), number + session * 1000, &text);
            send(&server, &body);
        }
    }
    server.wait_until_loaded();
    let all = server.get("/api/v1/retention")["stored_bytes"]
        .as_u64()
        .unwrap();
    server.stop();
    let limit = all * 6 / 10;
    let settings = json!({"max_size": format!("{}MB", limit as f64 / 1e6), "every": "2s"});
    std::fs::write(folder.path().join("retention.json"), settings.to_string()).unwrap();

    let server = Server::start(folder.path());
    let due = server.get("/api/v1/retention/due");
    assert!(due["session_count"].as_u64() > Some(2), "{due:#}");
    let (begun, mut slowest, mut sent) = (Instant::now(), Duration::ZERO, 0);
    let overview = loop {
        let overview = server.get("/api/v1/retention");
        if overview["stored_bytes"].as_u64().unwrap() <= limit {
            break overview;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{overview:#}");
        let sending = Instant::now();
        send(
            &server,
            &request("live", 100_000 + sent, "recorded meanwhile"),
        );
        slowest = slowest.max(sending.elapsed());
        sent += 1;
        thread::sleep(Duration::from_millis(20));
    };
    println!(
        "{all} bytes before, {sent} sent meanwhile, slowest acknowledgement {slowest:?}; {overview:#}"
    );
    // A look that has begun ends; it removes and counts one session after the other.
    let counted = || {
        let reasons = &server.get("/api/v1/retention")["removed"]["reasons"];
        let removed = reasons["size"].as_u64().unwrap_or(0);
        let left = "select count(*) from sessions where session_id like 's%'";
        (removed, server.value(left).as_u64().unwrap())
    };
    let ending = Instant::now();
    let (removed, left) = loop {
        thread::sleep(Duration::from_secs(1));
        let (removed, left) = counted();
        if removed > 0 && removed + left == SESSIONS && counted() == (removed, left) {
            break (removed, left);
        }
        assert!(
            ending.elapsed() < Duration::from_secs(60),
            "{removed} removed, {left} left"
        );
    };
    println!("{removed} removed, {left} left");
    assert!(removed > 2 && left > 4, "{removed} removed, {left} left");
    // The oldest went, and of what is left nothing more does.
    let first = server.value("select min(session_id) from sessions where session_id like 's%'");
    assert_eq!(first, json!(format!("s{removed:02}")));
    let verified = server.command(&["verify"]);
    assert!(verified.status.success(), "{}", printed(&verified));
}
