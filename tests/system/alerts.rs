//! Alerts reach real receivers, once; and `watch` ends as CI wants it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{Server, data_folder, post, program};

const PATIENCE: Duration = Duration::from_secs(20);
/// How long it is waited for what must not come.
const SILENCE: Duration = Duration::from_millis(1500);

/// A webhook receiver. Answers with the statuses given, in turn, then with 200.
struct Receiving {
    url: String,
    bodies: Receiver<Value>,
}

fn receive(mut statuses: Vec<u16>) -> Receiving {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let (sender, bodies) = channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (status, send) = match statuses.is_empty() {
                true => (200, true),
                false => (statuses.remove(0), false),
            };
            let body = answer(stream, status);
            if send && sender.send(body).is_err() {
                return;
            }
        }
    });
    Receiving { url, bodies }
}

/// Reads one request and answers it; gives its JSON body.
fn answer(stream: TcpStream, status: u16) -> Value {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    let mut line = String::new();
    while reader.read_line(&mut line).expect("a header") > 2 {
        let header = line.to_lowercase();
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
    reader
        .get_mut()
        .write_all(answer.as_bytes())
        .expect("an answer");
    serde_json::from_slice(&body).expect("JSON")
}

/// Records `count` equal failing calls of a session, the first of them being number `from`.
fn record_calls(server: &Server, session_id: &str, from: usize, count: usize) {
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("a clock")
        .as_nanos();
    // The root of the trace comes last, or never: until then the run goes on.
    let span = |n: usize| {
        let start = now + n as u128 * 1_000_000;
        json!({
            "traceId": format!("{:032x}", session_id.len() + 77),
            "spanId": format!("{:016x}", n + 1),
            "parentSpanId": "00000000000fffff",
            "name": "execute_tool shell",
            "startTimeUnixNano": start.to_string(),
            "endTimeUnixNano": (start + 500_000).to_string(),
            "attributes": [
                text("gen_ai.operation.name", "execute_tool"),
                text("gen_ai.conversation.id", session_id),
                text("gen_ai.tool.name", "shell"),
                text("gen_ai.tool.call.arguments", r#"{"command": "curl --key hush"}"#),
                text("gen_ai.tool.call.result", "no"),
            ],
            "status": {"code": 2, "message": "no"}
        })
    };
    let spans: Vec<Value> = (from..from + count).map(span).collect();
    let body = json!({"resourceSpans": [{
        "resource": {"attributes": [text("service.name", "my-agent")]},
        "scopeSpans": [{"spans": spans}]
    }]});
    let url = format!("{}/v1/traces", server.http);
    let body = body.to_string().into_bytes();
    let (status, _) = post(&url, "application/json", body).expect("an answer");
    assert_eq!(status, 200);
}

fn set_up(data: &Path, alerts: &Value) {
    std::fs::write(data.join("alerts.json"), alerts.to_string()).expect("written");
}

#[test]
fn a_growing_loop_is_told_once_and_again_when_it_is_worse_and_not_after_a_restart() {
    let slack = receive(vec![503]);
    let data = data_folder();
    let file = data.path().join("from-command.json");
    set_up(
        data.path(),
        &json!({
            "rules": [{"name": "loops", "kinds": ["loop"], "to": ["slack", "script"]}],
            "targets": {
                "slack": {"webhook": slack.url},
                "script": {"command": ["tee", "-a", file], "include_text": true}
            }
        }),
    );
    let server = Server::start(data.path());
    record_calls(&server, "s", 0, 3);
    // The receiver was busy at first; it is tried again.
    let told = slack.bodies.recv_timeout(PATIENCE).expect("an alert");
    let text = told["text"].as_str().expect("a text");
    assert!(text.contains("loop (warning, likely), 3 times"), "{text}");
    assert!(text.contains("/replay/s"), "{text}");
    assert!(!text.contains("hush"), "texts of the run stay out: {text}");
    record_calls(&server, "s", 3, 1);
    assert!(slack.bodies.recv_timeout(SILENCE).is_err(), "told twice");
    record_calls(&server, "s", 4, 1);
    let told = slack.bodies.recv_timeout(PATIENCE).expect("a worse alert");
    assert!(
        told["text"]
            .as_str()
            .is_some_and(|text| text.contains("(error, certain)")),
        "{told}"
    );
    server.stop();

    let commanded = std::fs::read_to_string(&file).expect("the command wrote it");
    let documents: Vec<Value> = serde_json::Deserializer::from_str(&commanded)
        .into_iter()
        .map(|document| document.expect("JSON"))
        .collect();
    assert_eq!(documents.len(), 2, "{commanded}");
    assert_eq!(documents[0]["kind"], "loop");
    assert!(
        documents[0]["explanation"]
            .as_str()
            .is_some_and(|text| text.contains("hush"))
    );

    let server = Server::start(data.path());
    record_calls(&server, "s", 5, 1);
    assert!(
        slack.bodies.recv_timeout(SILENCE).is_err(),
        "told again after a restart"
    );
    record_calls(&server, "another", 0, 3);
    slack
        .bodies
        .recv_timeout(PATIENCE)
        .expect("an alert of another session");
}

#[test]
fn what_is_delivered_while_the_server_stops_is_not_told_again() {
    let data = data_folder();
    let file = data.path().join("from-command.json");
    let slow = format!("cat >> '{}'; sleep 1", file.display());
    set_up(
        data.path(),
        &json!({
            "rules": [{"name": "loops", "kinds": ["loop"], "to": ["script"]}],
            "targets": {"script": {"command": ["sh", "-c", slow]}}
        }),
    );
    let told = || std::fs::read_to_string(&file).unwrap_or_default();
    let server = Server::start(data.path());
    record_calls(&server, "s", 0, 3);
    let begun = Instant::now();
    while told().is_empty() {
        assert!(begun.elapsed() < PATIENCE, "no alert");
        std::thread::sleep(Duration::from_millis(20));
    }
    server.stop();
    let before = told();
    let server = Server::start(data.path());
    record_calls(&server, "s", 3, 1);
    std::thread::sleep(SILENCE);
    assert_eq!(told(), before);
    server.stop();
}

#[test]
fn a_test_alert_says_where_it_does_not_arrive() {
    let hook = receive(Vec::new());
    let gone = receive(vec![404]);
    let data = data_folder();
    set_up(
        data.path(),
        &json!({
            "rules": [{"name": "failed", "status": ["error"], "to": ["good", "bad", "absent"]}],
            "targets": {
                "good": {"webhook": hook.url, "format": "json"},
                "bad": {"webhook": gone.url},
                "absent": {"command": ["no-such-program-anywhere"]}
            }
        }),
    );
    let server = Server::start(data.path());
    let output = server.command(&["alerts", "test"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for line in [
        "good: delivered",
        "bad: not delivered: it answered 404",
        "absent: not delivered: there is no program",
    ] {
        assert!(said.contains(line), "{said}");
    }
    assert_eq!(
        hook.bodies.recv_timeout(PATIENCE).expect("a test")["test"],
        true
    );
    let output = server.command(&["alerts", "test", "--target", "good"]);
    assert!(output.status.success());
    let listed = server.command(&["alerts"]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(
        listed.contains("failed") && listed.contains("webhook"),
        "{listed}"
    );
    assert!(
        !listed.contains("/hook"),
        "addresses may be secret: {listed}"
    );
}

#[test]
fn rules_that_cannot_work_stop_the_start_with_the_reason() {
    let data = data_folder();
    set_up(
        data.path(),
        &json!({"rules": [{"name": "a", "to": []}], "targets": {}}),
    );
    let output = program()
        .args(["serve", "--ui", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0"])
        .args(["--otlp-http", "127.0.0.1:0", "--data"])
        .arg(data.path())
        .output()
        .expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("alerts.json: rule \"a\""), "{said}");
}

#[test]
fn watch_fails_when_a_loop_is_made_and_only_then() {
    let data = data_folder();
    let server = Server::start(data.path());
    let watching = |more: &[&str]| {
        program()
            .args(["watch", "--url", &server.url])
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts")
    };
    let mut live = watching(&["--fail-on", "loop,blocked", "--timeout", "60"]);
    let patient = watching(&["--fail-on", "blocked", "--timeout", "4"]);
    // They are listening once nothing old is left to be told apart.
    thread::sleep(Duration::from_secs(1));
    record_calls(&server, "s", 0, 3);
    assert_eq!(live.wait().expect("it ends").code(), Some(1));
    let mut said = String::new();
    live.stdout
        .take()
        .expect("a pipe")
        .read_to_string(&mut said)
        .expect("text");
    assert!(said.contains("s loop (warning, likely)"), "{said}");
    let patient = patient.wait_with_output().expect("it ends");
    assert_eq!(patient.status.code(), Some(0));

    let known = watching(&["--fail-on", "loop", "--session", "s"]);
    assert_eq!(
        known.wait_with_output().expect("it ends").status.code(),
        Some(1)
    );
    let ended = |watch: std::process::Child| watch.wait_with_output().expect("it ends").status;
    let latest = watching(&["--fail-on", "loop", "--session", "last"]);
    assert_eq!(ended(latest).code(), Some(1));
    let beyond = watching(&["--fail-on", "loop", "--session", "@999"]);
    assert_eq!(ended(beyond).code(), Some(64));
    let coming = watching(&[
        "--fail-on",
        "loop",
        "--session",
        "to-come",
        "--timeout",
        "1",
    ]);
    assert_eq!(ended(coming).code(), Some(0));
    let unended = watching(&["--session", "s", "--until-end", "--timeout", "1"]);
    assert_eq!(
        unended.wait_with_output().expect("it ends").status.code(),
        Some(75)
    );
    let old = watching(&["--fail-on", "loop", "--timeout", "1"]);
    assert_eq!(
        old.wait_with_output().expect("it ends").status.code(),
        Some(0)
    );
}
