//! Twelve kinds of bad input, and what each gets.
//!
//! `cargo test --test system bad_input -- --nocapture` prints the table.

use std::io::Write as _;
use std::net::TcpListener;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::program::{Server, data_folder, post, program, wait};

/// One kind: what was sent, what is wanted, what came.
struct Case {
    kind: &'static str,
    wanted: u16,
    status: u16,
    message: String,
}

impl Case {
    fn new(kind: &'static str, wanted: u16, (status, body): (u16, Vec<u8>)) -> Self {
        Self {
            kind,
            wanted,
            status,
            message: message(&body),
        }
    }
}

/// The message of an API error, of an OTLP status (JSON or protobuf), or the body as it is.
fn message(body: &[u8]) -> String {
    if let Ok(json) = serde_json::from_slice::<Value>(body) {
        let text = json["error"]["message"]
            .as_str()
            .or(json["message"].as_str());
        return text.unwrap_or_default().to_owned();
    }
    String::from_utf8_lossy(body)
        .chars()
        .filter(|c| !c.is_control())
        .collect()
}

/// A request with headers of our choice.
fn request(
    method: reqwest::Method,
    url: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> (u16, Vec<u8>) {
    wait(async {
        let mut request = reqwest::Client::new().request(method, url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.body(body).send().await.expect("an answer");
        (
            response.status().as_u16(),
            response.bytes().await.expect("a body").to_vec(),
        )
    })
}

/// Gzip of `mib` mebibytes of zeros.
fn bomb(mib: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..mib {
        encoder.write_all(&zeros).expect("memory takes it");
    }
    encoder.finish().expect("memory takes it")
}

#[test]
fn every_kind_of_bad_input_gets_its_answer() {
    let data = data_folder();
    let server = Server::start(data.path());
    let traces = format!("{}/v1/traces", server.http);
    let api = |path: &str| format!("{}/api/v1{path}", server.url);
    let sql = |text: &str| {
        post(
            &api("/sql"),
            "application/json",
            serde_json::json!({"sql": text}).to_string().into_bytes(),
        )
        .expect("an answer")
    };
    let protobuf = "application/x-protobuf";

    // A client may also see the connection closed while it still sends: too large is too large.
    let oversized = post(&traces, protobuf, vec![0; 65 << 20])
        .unwrap_or((413, b"(connection closed while sending)".to_vec()));
    let gzip = [("content-type", protobuf), ("content-encoding", "gzip")];
    let unknown_span = format!("/spans/{}/{}", "ab".repeat(16), "cd".repeat(8));
    let mut cases = vec![
        Case::new("oversized body", 413, oversized),
        Case::new(
            "wrong content type",
            415,
            post(&traces, "text/plain", b"hello".to_vec()).expect("an answer"),
        ),
        Case::new(
            "truncated protobuf",
            400,
            post(&traces, protobuf, vec![0x0a, 0x7f, 0x01]).expect("an answer"),
        ),
        Case::new(
            "invalid JSON",
            400,
            post(
                &traces,
                "application/json",
                b"{\"resourceSpans\": [".to_vec(),
            )
            .expect("an answer"),
        ),
        Case::new(
            "zip bomb",
            413,
            request(reqwest::Method::POST, &traces, &gzip, bomb(200)),
        ),
        Case::new("unknown route", 404, server.get_bytes("/api/v1/nonsense")),
        Case::new(
            "SQL that writes",
            400,
            sql("insert into sessions select * from sessions"),
        ),
        Case::new(
            "SQL that reads files",
            400,
            sql("select * from read_text('/etc/hostname')"),
        ),
        Case::new("SQL with two statements", 400, sql("select 1; select 2")),
        Case::new(
            "unknown span id",
            404,
            server.get_bytes(&format!("/api/v1{unknown_span}")),
        ),
        Case::new(
            "wrong Host header",
            421,
            request(
                reqwest::Method::GET,
                &api("/sessions"),
                &[("host", "evil.example")],
                Vec::new(),
            ),
        ),
    ];
    cases.push(port_taken());

    for case in &cases {
        println!("{:<24} {} {}", case.kind, case.status, case.message);
    }
    for case in &cases {
        assert_eq!(case.status, case.wanted, "{}: {}", case.kind, case.message);
        assert!(
            !case.message.is_empty(),
            "{} is answered without a word",
            case.kind
        );
    }
    assert_eq!(server.value("select count(*) from spans"), 0);
    assert!(data.path().join("spanreel.duckdb").is_file());
}

/// The last kind meets no server: the exit code stands for the status.
fn port_taken() -> Case {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let data = data_folder();
    let output = program()
        .args(["serve", "--ui", &address, "--data"])
        .arg(data.path())
        .output()
        .expect("the program runs");
    let code = output
        .status
        .code()
        .and_then(|code| u16::try_from(code).ok())
        .unwrap_or_default();
    Case::new("port already taken", 69, (code, output.stderr))
}
