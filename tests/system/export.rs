//! Exports of sessions: what is imported again is the same session, row by row and byte by byte.
//!
//! Recordings of real harnesses lie beside the repository; without them only the demo is exported.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::order::{Rows, differing_columns, rows};
use crate::program::{Server, data_folder, program};
use crate::recordings::Recording;

/// The relations that are compared, each with what identifies a row; `$` stands for the sessions.
/// Row numbers (`act_id`) tell the order of arrival, texts are compared by their hashes.
const RELATIONS: [(&str, &str); 6] = [
    (
        "spans",
        "select trace_id || ' ' || span_id as key, \
         * exclude (act_id, input, output, attributes, links, resource), \
         md5(attributes::varchar) as attributes, md5(links::varchar) as links, \
         md5(resource::varchar) as resource from spans where session_id in ($)",
    ),
    (
        "sessions",
        "select session_id as key, * from sessions where session_id in ($)",
    ),
    (
        "turns",
        "select session_id || ' ' || turn as key, * exclude (prompt, response) \
         from turns where session_id in ($)",
    ),
    (
        "events",
        "select event_id as key, * exclude (body, attributes), md5(body) as body, \
         md5(attributes::varchar) as attributes from events where session_id in ($)",
    ),
    (
        "messages",
        "select trace_id || ' ' || span_id || ' ' || count(*) as key, \
         md5(string_agg(concat_ws(' ', direction, role, part_type, name, content_hash), ' ' \
         order by direction, position, part)) as content \
         from messages where session_id in ($) group by trace_id, span_id",
    ),
    (
        "metrics",
        "select point_id as key, * from metrics where session_id in ($)",
    ),
];

/// Every row of some sessions.
fn rows_of(server: &Server, sessions: &[String]) -> Vec<Rows> {
    let quoted: Vec<String> = sessions
        .iter()
        .map(|id| format!("'{}'", id.replace('\'', "''")))
        .collect();
    let query = |text: &str| text.replace('$', &quoted.join(","));
    RELATIONS
        .iter()
        .map(|(_, text)| rows(server, &query(text)))
        .collect()
}

fn hash(rows: &Rows) -> String {
    let mut hasher = blake3::Hasher::new();
    for row in rows.values() {
        hasher.update(row.as_bytes());
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

/// Says what was compared; nothing = equal.
fn differences(name: &str, expected: &[Rows], found: &[Rows]) -> Vec<String> {
    let mut all = Vec::new();
    for (((relation, _), expected), found) in RELATIONS.iter().zip(expected).zip(found) {
        println!(
            "{name}: {relation}: {} rows {} | {} rows {}",
            expected.len(),
            hash(expected),
            found.len(),
            hash(found)
        );
        for (key, row) in expected {
            match found.get(key) {
                Some(other) if other == row => {}
                Some(other) => {
                    all.push(format!(
                        "{relation} {key}: {}",
                        differing_columns(row, other)
                    ));
                }
                None => all.push(format!("{relation} {key}: missing")),
            }
        }
        let new = found.keys().filter(|key| !expected.contains_key(*key));
        all.extend(new.map(|key| format!("{relation} {key}: new")));
    }
    all
}

/// Sessions that no other started.
fn roots(server: &Server) -> Vec<String> {
    let query = "select session_id from sessions where parent_session_id is null order by 1";
    ids(server, query)
}

/// All sessions.
fn everybody(server: &Server) -> Vec<String> {
    ids(server, "select session_id from sessions order by 1")
}

fn ids(server: &Server, query: &str) -> Vec<String> {
    let id = |row: &Value| row["session_id"].as_str().expect("an id").to_owned();
    server.sql(query).iter().map(id).collect()
}

fn run(server: &Server, args: &[&str]) -> String {
    let output = server.command(args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {said}");
    String::from_utf8(output.stdout).expect("text")
}

/// Exports sessions as OTLP, one file each.
fn export(server: &Server, sessions: &[String], folder: &Path) -> Vec<PathBuf> {
    let write = |(at, id): (usize, &String)| {
        let file = folder.join(format!("{at}.otlp.jsonl"));
        run(
            server,
            &["export", id, "-o", file.to_str().expect("a path")],
        );
        file
    };
    sessions.iter().enumerate().map(write).collect()
}

fn import(server: &Server, files: &[PathBuf]) {
    let output = program()
        .args(["import", "--endpoint", &server.http])
        .args(files)
        .output()
        .expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    server.wait_until_loaded();
}

/// Exports the sessions, imports them into a new folder, and compares rows and second exports.
fn round_trip(name: &str, server: &Server, sessions: &[String], with_children: &[String]) {
    let folder = data_folder();
    let files = export(server, sessions, folder.path());
    let data = data_folder();
    let again = Server::start(data.path());
    import(&again, &files);
    let expected = rows_of(server, with_children);
    let found = rows_of(&again, &everybody(&again));
    let differences = differences(name, &expected, &found);
    for difference in differences.iter().take(40) {
        println!("  {difference}");
    }
    assert_eq!(differences.len(), 0, "{name}: rows differ");
    let second = folder.path().join("second");
    fs::create_dir(&second).expect("a folder");
    for (one, other) in files.iter().zip(export(&again, sessions, &second)) {
        let (one, other) = (fs::read(one).expect("read"), fs::read(other).expect("read"));
        assert!(one == other, "{name}: the second export differs");
    }
}

/// The session with those that it started.
fn family(server: &Server, session: &str) -> Vec<String> {
    let query = format!(
        "with recursive f(id) as (select '{session}' union \
         select s.session_id from sessions s join f on s.parent_session_id = f.id) \
         select id as session_id from f order by 1"
    );
    ids(server, &query)
}

#[test]
fn the_demo_is_the_same_after_a_round_trip() {
    let data = data_folder();
    let server = Server::start(data.path());
    server.play_demo();
    server.wait_until_loaded();
    round_trip("demo", &server, &roots(&server), &everybody(&server));
}

#[test]
fn single_recorded_sessions_are_the_same_after_a_round_trip() {
    for name in ["claude-code-grpc", "codex-grpc", "pydantic-ai-grpc"] {
        let Some(recording) = Recording::find(name) else {
            continue;
        };
        let data = data_folder();
        let server = Server::start(data.path());
        for request in recording.requests() {
            request.send(&server);
        }
        server.wait_until_loaded();
        let query = "select session_id from sessions where parent_session_id is null \
            order by span_count desc, session_id limit 1";
        let session = ids(&server, query).remove(0);
        let with_children = family(&server, &session);
        round_trip(name, &server, &[session], &with_children);
    }
}

#[test]
fn all_recordings_are_the_same_after_a_round_trip() {
    let recordings = Recording::all();
    if recordings.is_empty() {
        return;
    }
    let data = data_folder();
    let server = Server::start(data.path());
    for request in recordings.iter().flat_map(Recording::requests) {
        request.send(&server);
    }
    server.wait_until_loaded();
    round_trip("all", &server, &roots(&server), &everybody(&server));
}

#[test]
fn every_format_holds_the_session() {
    let data = data_folder();
    let server = Server::start(data.path());
    server.play_demo();
    server.wait_until_loaded();
    let session = &ids(
        &server,
        "select session_id from sessions where harness = 'claude-code'",
    )[0];
    run(
        &server,
        &["annotate", session, "--good", "=HYPERLINK(\"x\") ``` done"],
    );
    run(&server, &["tag", session, "kept"]);

    let csv = run(&server, &["export", session, "--format", "csv"]);
    let acts = server.value(&format!(
        "select count(*) from spans where counted and session_id = '{session}'"
    ));
    let prompts = server.value(&format!(
        "select count(*) from turns where turn > 0 and session_id = '{session}'"
    ));
    let records = csv
        .lines()
        .filter(|line| line.starts_with(session.as_str()));
    let expected = acts.as_i64().unwrap() + prompts.as_i64().unwrap();
    assert_eq!(records.count() as i64, expected);

    let json: Value =
        serde_json::from_str(&run(&server, &["export", session, "--json"])).expect("JSON");
    assert_eq!(json["format"], "spanreel.session");
    assert_eq!(json["sessions"][0]["tags"], json!(["kept"]));
    assert_eq!(json["annotations"][0]["verdict"], "good");
    let spans = json["spans"].as_array().expect("spans");
    for span in spans {
        if let Some(hash) = span["output_hash"].as_str() {
            assert!(json["payloads"][hash].is_string(), "{hash}");
        }
    }
    let largest = json["payloads"].as_object().expect("payloads").values();
    let largest = largest.filter_map(Value::as_str).map(str::len).max();
    assert!(largest >= Some(200_031), "{largest:?}");

    let md = run(&server, &["export", session, "--format", "md"]);
    assert!(
        md.contains("## Turn 1") && md.contains("````text\n=HYPERLINK"),
        "{}",
        &md[..2000]
    );

    let html = run(
        &server,
        &[
            "export",
            session,
            "--format",
            "html",
            "--without",
            "thinking",
        ],
    );
    assert!(html.contains("id=\"recording\"") && !html.contains("<!--recording-->"));

    let refused = server.command(&["export", session, "--format", "csv", "--redact", "x"]);
    assert_eq!(refused.status.code(), Some(64));
    let missing = server.command(&["export", "nobody"]);
    assert_eq!(missing.status.code(), Some(64));
}

#[test]
fn a_deleted_session_stays_away_until_it_is_allowed() {
    let data = data_folder();
    let server = Server::start(data.path());
    server.play_demo();
    server.wait_until_loaded();
    let query = "select session_id from sessions where harness = 'pydantic-ai' and parent_session_id is null";
    let session = ids(&server, query).remove(0);
    let family = family(&server, &session);
    let folder = data_folder();
    let files = export(&server, std::slice::from_ref(&session), folder.path());
    let before = rows_of(&server, &family);

    let asked = server.command(&["delete", &session]);
    assert_eq!(asked.status.code(), Some(64), "nobody there to ask");
    let mistyped = server.command(&["delete", &session, "nobody", "--yes"]);
    assert_eq!(mistyped.status.code(), Some(64));
    assert_eq!(rows_of(&server, &family), before);

    let said = run(&server, &["delete", &session, "--yes", "--json"]);
    let said: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(
        said["session_ids"].as_array().map(Vec::len),
        Some(family.len())
    );
    assert!(rows_of(&server, &family).iter().all(Rows::is_empty));
    let (status, answer) = server.get_bytes(&format!("/api/v1/sessions/{session}"));
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    assert_eq!(
        (status, &answer["error"]["code"]),
        (404, &json!("session_deleted"))
    );

    import(&server, &files);
    assert!(rows_of(&server, &family).iter().all(Rows::is_empty));
    for id in &family {
        run(&server, &["delete", "--allow", id]);
    }
    import(&server, &files);
    let differences = differences("allowed again", &before, &rows_of(&server, &family));
    assert!(differences.is_empty(), "{differences:?}");
}
