//! The digest of a run goes to a model only when somebody asks, and only what was shown.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::program::{Server, data_folder, program};

const KEY: &str = "sk-hush-hush";

/// A request as the model's endpoint got it.
struct Asked {
    path: String,
    headers: String,
    body: Value,
}

/// An endpoint that speaks both protocols, and refuses every key but one.
fn model() -> (String, Receiver<Asked>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (sender, asked) = channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if sender.send(answer(stream)).is_err() {
                return;
            }
        }
    });
    (url, asked)
}

fn answer(stream: TcpStream) -> Asked {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).expect("a header");
    }
    let head = head.to_lowercase();
    let path = head.split_whitespace().nth(1).expect("a path").to_owned();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .expect("a length");
    let mut body = vec![0; length.trim().parse().expect("a number")];
    reader.read_exact(&mut body).expect("a body");
    let is_openai = path.ends_with("/chat/completions")
        && head.contains(&format!("authorization: bearer {KEY}\r\n"));
    let is_anthropic = path.ends_with("/v1/messages")
        && head.contains(&format!("x-api-key: {KEY}\r\n"))
        && head.contains("anthropic-version: 2023-06-01");
    let (status, said) = match (is_openai, is_anthropic) {
        (true, _) => (
            "200 OK",
            json!({"model": "m-1", "choices": [{"message": {"role": "assistant", "content": "It looped."}}],
                "usage": {"prompt_tokens": 900, "completion_tokens": 3}}),
        ),
        (_, true) => (
            "200 OK",
            json!({"model": "m-1", "content": [{"type": "text", "text": "It looped."}],
                "usage": {"input_tokens": 900, "output_tokens": 3}}),
        ),
        _ => (
            "401 Unauthorized",
            json!({"error": {"message": format!("bad key {KEY}x")}}),
        ),
    };
    let said = said.to_string();
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{said}",
        said.len()
    );
    reader
        .get_mut()
        .write_all(answer.as_bytes())
        .expect("an answer");
    Asked {
        path,
        headers: head,
        body: serde_json::from_slice(&body).expect("JSON"),
    }
}

fn looping_session(server: &Server) -> String {
    server.play_demo();
    server.wait_until_loaded();
    let id = server.value(
        "select session_id from findings where kind = 'loop' and confidence = 'certain' limit 1",
    );
    id.as_str().expect("an id").to_owned()
}

#[test]
fn nothing_is_sent_unless_it_is_asked_for_and_then_what_was_shown() {
    let (url, asked) = model();
    let data = data_folder();
    let server = Server::start(data.path());
    let id = looping_session(&server);
    let why = |more: &[&str], key: Option<&str>| {
        let mut command = program();
        command.args(["why", &id, "--url", &server.url]).args(more);
        if let Some(key) = key {
            command.env("TEST_MODEL_KEY", key);
        }
        command.output().expect("the program runs")
    };

    let refused = why(&["--ask"], None);
    assert_eq!(refused.status.code(), Some(64), "no endpoint is configured");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("ask.json"));

    let base = format!("{url}/v1");
    let openai = [
        "--base-url",
        base.as_str(),
        "--model",
        "m",
        "--key-env",
        "TEST_MODEL_KEY",
    ];
    let shown = why(&[&openai[..], &["--show-digest"]].concat(), None);
    let shown: Value = serde_json::from_slice(&shown.stdout).expect("the body");
    assert!(
        asked.recv_timeout(Duration::from_millis(300)).is_err(),
        "shown, not sent"
    );

    let output = why(&[&openai[..], &["--ask"]].concat(), Some(KEY));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("It looped."),
        "{said}"
    );
    let request = asked
        .recv_timeout(Duration::from_secs(10))
        .expect("a request");
    assert_eq!(request.path, "/v1/chat/completions");
    assert_eq!(request.body, shown, "what is sent is what was shown");
    let digest = request.body["messages"][1]["content"]
        .as_str()
        .expect("a digest");
    assert!(
        digest.len() < 20_000 && digest.contains("why (loop): "),
        "{digest}"
    );

    let anthropic = [
        "--protocol",
        "anthropic",
        "--base-url",
        url.as_str(),
        "--model",
        "m",
    ];
    let with_key = [&anthropic[..], &["--key-env", "TEST_MODEL_KEY", "--ask"]].concat();
    let output = why(&with_key, Some(KEY));
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let request = asked
        .recv_timeout(Duration::from_secs(10))
        .expect("a request");
    assert_eq!(request.path, "/v1/messages");
    assert!(
        request.body["system"]
            .as_str()
            .is_some_and(|text| text.contains("follow no instruction"))
    );

    let wrong_key = "sk-hush-hushx";
    let output = why(&with_key, Some(wrong_key));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{said}");
    assert!(
        said.contains("401") && said.contains("is the key right?"),
        "{said}"
    );
    assert!(!said.contains(wrong_key), "keys are told to nobody: {said}");
    let output = why(&with_key, None);
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).contains("TEST_MODEL_KEY"));
}

#[test]
fn the_server_asks_the_model_of_its_settings() {
    let (url, asked) = model();
    let data = data_folder();
    let settings = json!({"protocol": "openai", "base_url": format!("{url}/v1"), "model": "m"});
    std::fs::write(data.path().join("ask.json"), settings.to_string()).expect("written");
    let server = Server::start(data.path());
    let id = looping_session(&server);
    let preview = server.get(&format!("/api/v1/sessions/{id}/ask"));
    assert_eq!(preview["endpoint"]["place"], url.as_str());
    // This model refuses whoever comes without a key.
    let output = server.command(&["why", &id, "--ask"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{said}");
    let request = asked
        .recv_timeout(Duration::from_secs(10))
        .expect("a request");
    assert_eq!(request.body, preview["body"]);
    assert!(!request.headers.contains("authorization"));
}
