//! Tokens and TLS: who gets in where, and what a server refuses to start without.
//!
//! `cargo test --test system access -- --nocapture` prints what each token gets.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use tempfile::TempDir;
use tonic::Code;
use tonic::transport::Endpoint;
use tower::ServiceExt as _;

use crate::attacks::compare_with_page;
use crate::program::{Server, data_folder, program, repository, wait};

/// Makes a token for the server of a data folder.
fn token(data: &Path, name: &str, right: &str) -> String {
    let output = program()
        .args(["token", "add", name, "--right", right, "--data"])
        .arg(data)
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout)
        .expect("text")
        .trim()
        .to_owned()
}

/// A server that listens on all addresses of this machine, with TLS, and a token of each kind.
struct Place {
    server: Server,
    data: TempDir,
    log: PathBuf,
    _folder: TempDir,
    ingest: String,
    read: String,
    admin: String,
}

fn place() -> Place {
    let data = data_folder();
    let [ingest, read, admin] =
        ["ingest", "read", "admin"].map(|right| token(data.path(), right, right));
    let folder = data_folder();
    let log = folder.path().join("log");
    let mut program = program();
    program.stderr(File::create(&log).expect("a file"));
    let more = ["--tls-self-signed", "--log", "trace"].map(OsStr::new);
    let server = Server::start_at("0.0.0.0:0", program, data.path(), &more);
    Place {
        server,
        data,
        log,
        _folder: folder,
        ingest,
        read,
        admin,
    }
}

impl Place {
    fn ca(&self) -> PathBuf {
        self.data.path().join("tls-cert.pem")
    }

    /// A client that trusts the server.
    fn client(&self) -> reqwest::Client {
        spanreel::client::showing(None, Some(&self.ca()))
            .expect("the certificate is there")
            .timeout(Duration::from_secs(20))
            .build()
            .expect("a client")
    }

    /// A command of the program with this token.
    fn command(&self, token: &str, args: &[&str]) -> Output {
        program()
            .args(args)
            .env("SPANREEL_TOKEN", token)
            .env("SPANREEL_CA", self.ca())
            .output()
            .expect("the program runs")
    }

    fn until_recorded(&self, session_id: &str) {
        let sql = format!("select count(*) from sessions where session_id = '{session_id}'");
        let since = Instant::now();
        loop {
            let output = self.command(
                &self.read,
                &["sql", "--json", "--url", &self.server.url, &sql],
            );
            let rows: Value = serde_json::from_slice(&output.stdout)
                .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
            if rows[0]["count_star()"] == 1 {
                return;
            }
            assert!(
                since.elapsed() < Duration::from_secs(20),
                "{session_id}: {rows}"
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

fn bearer(token: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(token) = token {
        let value = HeaderValue::try_from(format!("Bearer {token}")).expect("a header");
        headers.insert("authorization", value);
    }
    headers
}

/// Status and code of the API's errors.
fn told(status: u16, body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    match body["error"]["code"].as_str() {
        Some(code) => format!("{status} {code}"),
        None => status.to_string(),
    }
}

/// What one request gets.
fn ask(
    client: &reqwest::Client,
    method: Method,
    url: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> String {
    wait(async {
        let mut request = client
            .request(method, url)
            .headers(bearer(token))
            .header("accept", "application/json, text/event-stream");
        if let Some(body) = body {
            request = request.json(body);
        }
        let mut response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let stream = response
            .headers()
            .get("content-type")
            .is_some_and(|value| value == "text/event-stream");
        // The live stream has no end.
        let body = match stream {
            true => response.chunk().await.expect("a piece").unwrap_or_default(),
            false => response.bytes().await.expect("a body"),
        };
        told(status, &body)
    })
}

/// What a call of gRPC with an empty message gets: `Ok`, or the status.
fn grpc(ca: &Path, url: &str, token: Option<&str>) -> String {
    let url = reqwest::Url::parse(url).expect("an address");
    let mut tls = access::client_config(Some(ca)).expect("a certificate");
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let tls = Arc::new(tls);
    let host = url.host_str().expect("a host").to_owned();
    let port = url.port().expect("a port");
    let plain = format!("http://{host}:{port}");
    wait(async {
        let connector = tower::service_fn(move |_: ::http::Uri| {
            let (tls, host) = (Arc::clone(&tls), host.clone());
            async move { access::connect(tls, &host, port).await }
        });
        let endpoint = Endpoint::from_shared(plain.clone()).expect("an address");
        let channel = endpoint.connect_with_connector(connector).await;
        let message = Full::new(Bytes::from_static(&[0, 0, 0, 0, 0]));
        let mut request = ::http::Request::post(format!("{plain}{}", url.path()))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(tonic::body::Body::new(message))
            .expect("a request");
        request.headers_mut().extend(bearer(token));
        let response = channel.expect("a connection").oneshot(request).await;
        let response = response.expect("an answer");
        match response.headers().get("grpc-status") {
            Some(code) => format!("{:?}", Code::from_bytes(code.as_bytes())),
            None => "Ok".to_owned(),
        }
    })
}

#[test]
fn each_token_gets_what_it_is_for() {
    let place = place();
    let client = place.client();
    let (ui, otlp, otlp_grpc) = (&place.server.url, &place.server.http, &place.server.grpc);
    assert!(ui.starts_with("https://") && otlp.starts_with("https://"));
    let tokens = [
        None,
        Some(place.ingest.as_str()),
        Some(place.read.as_str()),
        Some(place.admin.as_str()),
    ];
    let sql = json!({"sql": "select 1"});
    let list_tools = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    let requests: [(&str, Method, String, Option<Value>); 22] = [
        (
            "OTLP/HTTP",
            Method::POST,
            format!("{otlp}/v1/traces"),
            Some(json!({})),
        ),
        (
            "hook fire",
            Method::POST,
            format!("{otlp}/hooks/claude-code"),
            Some(json!({"hook_event_name": "Stop", "session_id": "s"})),
        ),
        (
            "`GET /api/v1/sessions`",
            Method::GET,
            format!("{ui}/api/v1/sessions"),
            None,
        ),
        (
            "live stream",
            Method::GET,
            format!("{ui}/api/v1/live"),
            None,
        ),
        (
            "export",
            Method::GET,
            format!("{ui}/api/v1/sessions/none/export?format=html"),
            None,
        ),
        (
            "payload",
            Method::GET,
            format!("{ui}/api/v1/payloads/{}", "0".repeat(64)),
            None,
        ),
        ("SQL", Method::POST, format!("{ui}/api/v1/sql"), Some(sql)),
        (
            "saved query",
            Method::POST,
            format!("{ui}/api/v1/queries/none"),
            Some(json!({})),
        ),
        ("MCP", Method::POST, format!("{ui}/mcp"), Some(list_tools)),
        (
            "Jaeger",
            Method::GET,
            format!("{ui}/jaeger/api/services"),
            None,
        ),
        ("UI", Method::GET, format!("{ui}/"), None),
        ("files of the UI", Method::GET, format!("{ui}/app.js"), None),
        (
            "annotate",
            Method::POST,
            format!("{ui}/api/v1/annotations"),
            Some(json!({})),
        ),
        (
            "save a query",
            Method::PUT,
            format!("{ui}/api/v1/queries/mine"),
            Some(json!({"name": "mine", "sql": "select 1"})),
        ),
        (
            "delete a session",
            Method::DELETE,
            format!("{ui}/api/v1/sessions/none"),
            None,
        ),
        (
            "detect anew",
            Method::POST,
            format!("{ui}/api/v1/findings/detect"),
            Some(json!({})),
        ),
        (
            "see retention",
            Method::GET,
            format!("{ui}/api/v1/retention"),
            None,
        ),
        (
            "apply retention",
            Method::POST,
            format!("{ui}/api/v1/retention/run"),
            None,
        ),
        ("verify", Method::POST, format!("{ui}/api/v1/verify"), None),
        (
            "compact",
            Method::POST,
            format!("{ui}/api/v1/compact"),
            None,
        ),
        (
            "back up",
            Method::POST,
            format!("{ui}/api/v1/backup"),
            Some(json!({})),
        ),
        ("`/healthz`", Method::GET, format!("{ui}/healthz"), None),
    ];
    let mut table =
        "| what | no token | ingest | read | admin |\n|---|---|---|---|---|\n".to_owned();
    let mut got = std::collections::HashMap::new();
    for (what, method, url, body) in &requests {
        write!(table, "| {what} |").expect("a text takes it");
        for token in &tokens {
            let answer = ask(&client, method.clone(), url, *token, body.as_ref());
            write!(table, " {answer} |").expect("a text takes it");
            got.entry(*what).or_insert_with(Vec::new).push(answer);
        }
        table.push('\n');
    }
    let calls = [
        (
            "OTLP/gRPC",
            format!("{otlp_grpc}/opentelemetry.proto.collector.trace.v1.TraceService/Export"),
        ),
        (
            "health of OTLP/gRPC",
            format!("{otlp_grpc}/grpc.health.v1.Health/Check"),
        ),
        (
            "Flight SQL",
            format!("{ui}/arrow.flight.protocol.FlightService/ListActions"),
        ),
    ];
    for (what, url) in &calls {
        write!(table, "| {what} |").expect("a text takes it");
        for token in &tokens {
            let answer = grpc(&place.ca(), url, *token);
            write!(table, " {answer} |").expect("a text takes it");
            got.entry(*what).or_insert_with(Vec::new).push(answer);
        }
        table.push('\n');
    }
    for (what, answers) in &got {
        let free = matches!(*what, "`/healthz`" | "health of OTLP/gRPC");
        let ingests = matches!(*what, "OTLP/HTTP" | "OTLP/gRPC" | "hook fire");
        let changes = matches!(
            *what,
            "annotate"
                | "save a query"
                | "delete a session"
                | "detect anew"
                | "apply retention"
                | "verify"
                | "compact"
                | "back up"
        );
        let refused = |answer: &str| {
            answer.starts_with("401")
                || answer == "Unauthenticated"
                || answer.starts_with("403")
                || answer == "PermissionDenied"
        };
        let wanted = [free, free || ingests, free || !(ingests || changes), true];
        for (answer, may) in answers.iter().zip(wanted) {
            assert_eq!(!refused(answer), may, "{what}: {answers:?}\n{table}");
        }
    }
    compare_with_page("rights", &table);

    // Too many wrong tokens are slowed down, on every door, and right ones are not.
    let sessions = format!("{ui}/api/v1/sessions");
    let wrong = Some("spanreel_wrong");
    // A slow machine is forgiven some of them meanwhile.
    let until_limited = |ask: &dyn Fn() -> String, told: &str, limited: &str| {
        let answers: Vec<String> = (0..60).map(|_| ask()).collect();
        assert!(
            answers[..10].iter().all(|answer| answer == told),
            "{answers:?}"
        );
        assert!(
            answers.iter().any(|answer| answer == limited),
            "{answers:?}"
        );
    };
    let get_sessions = |token| ask(&client, Method::GET, &sessions, token, None);
    until_limited(
        &|| get_sessions(wrong),
        "401 unknown_token",
        "429 too_many_failures",
    );
    let seconds = wait(async {
        for _ in 0..20 {
            let request = client.get(&sessions).headers(bearer(wrong));
            let answer = request.send().await.expect("an answer");
            if let Some(wait) = answer.headers().get("retry-after") {
                return wait.to_str().ok().and_then(|wait| wait.parse::<u64>().ok());
            }
        }
        None
    });
    assert!(
        seconds.is_some_and(|seconds| (1..=60).contains(&seconds)),
        "{seconds:?}"
    );
    assert_eq!(
        ask(&client, Method::GET, &sessions, Some(&place.read), None),
        "200"
    );
    let export = |token| grpc(&place.ca(), &calls[0].1, token);
    until_limited(&|| export(wrong), "Unauthenticated", "ResourceExhausted");
    assert_eq!(grpc(&place.ca(), &calls[0].1, Some(&place.ingest)), "Ok");

    // A removed token opens nothing any more, a new one does.
    let removed = program()
        .args(["token", "remove", "read", "--data"])
        .arg(place.data.path())
        .output();
    assert!(removed.expect("the program runs").status.success());
    let late = token(place.data.path(), "late", "read");
    std::thread::sleep(Duration::from_millis(1_200));
    assert_eq!(
        ask(&client, Method::GET, &sessions, Some(&late), None),
        "200"
    );
    let answer = ask(&client, Method::GET, &sessions, Some(&place.read), None);
    assert!(
        answer.starts_with("401") || answer.starts_with("429"),
        "{answer}"
    );

    // Nothing that anybody showed is in the log, whatever is logged.
    let log = std::fs::read_to_string(&place.log).expect("the log");
    assert!(!log.is_empty());
    for token in [&place.ingest, &place.read, &place.admin, &late] {
        assert!(
            !log.contains(token.trim_start_matches("spanreel_")),
            "a token is in the log"
        );
    }
}

#[test]
fn browsers_sign_in() {
    let place = place();
    let client = place.client();
    let ui = &place.server.url;
    let ask = |method: Method, path: &str, headers: &[(&str, &str)], body: &str| {
        let mut request = client
            .request(method, format!("{ui}{path}"))
            .body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        wait(async {
            let response = request.send().await.expect("an answer");
            let header = |name: &str| {
                let value = response.headers().get(name);
                value
                    .map(|value| value.to_str().expect("text").to_owned())
                    .unwrap_or_default()
            };
            let (location, cookie, policy) = (
                header("location"),
                header("set-cookie"),
                header("content-security-policy"),
            );
            let status = response.status().as_u16();
            let body = response.text().await.expect("a body");
            (status, location, cookie, policy, body)
        })
    };
    let html = ("accept", "text/html,application/xhtml+xml");
    let (status, location, ..) = ask(Method::GET, "/replay/s1?span=2", &[html], "");
    assert_eq!(
        (status, location.as_str()),
        (303, "/signin?next=%2Freplay%2Fs1%3Fspan%3D2")
    );
    let (status, _, _, policy, page) = ask(Method::GET, &location, &[html], "");
    assert_eq!(status, 200);
    assert!(
        policy.contains("script-src 'self'") && !page.contains("<script"),
        "{page}"
    );
    assert!(page.contains("value=\"/replay/s1?span=2\""), "{page}");
    let form = ("content-type", "application/x-www-form-urlencoded");
    let own = ("origin", ui.as_str());
    let sent = |token: &str| format!("token={token}&next=%2Freplay%2Fs1");
    let (status, _, cookie, ..) = ask(Method::POST, "/signin", &[form, own], &sent("wrong"));
    assert_eq!((status, cookie.as_str()), (401, ""));
    let (status, _, cookie, ..) = ask(Method::POST, "/signin", &[form, own], &sent(&place.ingest));
    assert_eq!((status, cookie.as_str()), (403, ""));
    let (status, ..) = ask(
        Method::POST,
        "/signin",
        &[form, ("origin", "https://evil.example")],
        &sent(&place.admin),
    );
    assert_eq!(status, 403);
    let (status, location, cookie, ..) =
        ask(Method::POST, "/signin", &[form, own], &sent(&place.admin));
    assert_eq!((status, location.as_str()), (303, "/replay/s1"));
    for part in ["HttpOnly", "SameSite=Strict", "Secure"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains(&place.admin));
    let pair = cookie.split(';').next().expect("a pair");
    let cookie = ("cookie", pair);
    assert_eq!(ask(Method::GET, "/api/v1/sessions", &[cookie], "").0, 200);
    assert_eq!(ask(Method::GET, "/", &[cookie, html], "").0, 200);
    // What changes something is asked by this origin's pages alone: neither another port, nor nobody.
    let delete = |origin: &[(&str, &str)]| {
        let headers = [&[cookie], origin].concat();
        ask(Method::DELETE, "/api/v1/sessions/none", &headers, "").0
    };
    assert_eq!(delete(&[("origin", "https://127.0.0.1:1")]), 403);
    assert_eq!(delete(&[]), 403);
    assert_eq!(delete(&[own]), 404);
    let (status, location, gone, ..) = ask(Method::POST, "/signout", &[own, cookie], "");
    assert_eq!((status, location.as_str()), (303, "/signin"));
    assert!(gone.contains("Max-Age=0"), "{gone}");
}

#[test]
fn commands_show_their_token() {
    let place = place();
    let url = place.server.url.as_str();
    let demo = ["demo", "--fast", "--endpoint", &place.server.grpc];
    let output = place.command(&place.ingest, &demo);
    assert!(output.status.success(), "{output:?}");
    let output = place.command(&place.read, &demo);
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    for args in [
        &["sessions", "--url", url][..],
        &["stats", "--url", url],
        &["doctor", "--json", "--url", url],
        &["findings", "--url", url],
    ] {
        let output = place.command(&place.read, args);
        assert!(
            matches!(output.status.code(), Some(0 | 1)),
            "{args:?} {output:?}"
        );
    }
    let output = place.command("", &["sessions", "--url", url]);
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{words}");
    assert!(
        words.contains("asks for a token") && words.contains("SPANREEL_TOKEN"),
        "{words}"
    );
    let output = place.command(&place.read, &["delete", "last", "--yes", "--url", url]);
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && words.contains("`admin`"),
        "{words}"
    );
    let file = place.data.path().join("token");
    std::fs::write(&file, format!("{}\n", place.read)).expect("a file");
    let named = file.to_string_lossy();
    let output = place.command("", &["sessions", "--url", url, "--token-file", &named]);
    assert!(output.status.success(), "{output:?}");
    let setup = program()
        .args(["setup", "python", "--token", "--tls"])
        .output()
        .expect("it runs");
    let words = String::from_utf8_lossy(&setup.stdout).into_owned();
    assert!(words.contains("Authorization=Bearer%20TOKEN"), "{words}");
}

/// A fire that waited in the data folder comes in also where the front doors are closed.
#[test]
fn fires_that_waited_come_in() {
    let place = place();
    let mut hook = program();
    hook.args(["hook", "--endpoint", "127.0.0.1:9", "--data"])
        .arg(place.data.path());
    hook.stdin(std::process::Stdio::piped());
    let mut child = hook.spawn().expect("the program runs");
    let document = json!({"session_id": "waited", "hook_event_name": "SessionStart", "cwd": "/x"});
    std::io::Write::write_all(
        &mut child.stdin.take().expect("a pipe"),
        document.to_string().as_bytes(),
    )
    .expect("it reads");
    assert!(child.wait().expect("it ends").success());
    place.until_recorded("waited");
}

#[test]
fn python_sdk_over_tls_with_a_token() {
    let Ok(python) = std::env::var("SPANREEL_TEST_PYTHON") else {
        println!(
            "not run: SPANREEL_TEST_PYTHON names no Python with the OpenTelemetry SDK; ./test.sh sets it up"
        );
        return;
    };
    let place = place();
    let endpoint = place.server.grpc.replace("127.0.0.1", "localhost");
    let send = |session_id: &str, token: Option<&str>, ca: Option<&Path>| {
        let mut command = Command::new(&python);
        command
            .arg(repository("tests/sdk/secure_run.py"))
            .args([&endpoint, session_id]);
        if let Some(token) = token {
            command.env(
                "OTEL_EXPORTER_OTLP_HEADERS",
                format!("Authorization=Bearer%20{token}"),
            );
        }
        if let Some(ca) = ca {
            command.env("OTEL_EXPORTER_OTLP_CERTIFICATE", ca);
        }
        let output = command.output().expect("Python runs");
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let ca = place.ca();
    let (ok, words) = send("secure", Some(&place.ingest), Some(&ca));
    assert!(ok, "{words}");
    place.until_recorded("secure");
    let (ok, words) = send("no-token", None, Some(&ca));
    assert!(!ok && words.contains("UNAUTHENTICATED"), "{words}");
    let (ok, words) = send("reader", Some(&place.read), Some(&ca));
    assert!(!ok && words.contains("PERMISSION_DENIED"), "{words}");
    assert!(!send("no-trust", Some(&place.ingest), None).0);
}

#[test]
fn javascript_sdk_over_tls_with_a_token() {
    if !repository("tests/sdk/node_modules").is_dir() {
        println!("not run: the npm packages of tests/sdk are not installed; ./test.sh does that");
        return;
    }
    let place = place();
    let output = Command::new("node")
        .arg(repository("tests/sdk/agent_run.mjs"))
        .args([&place.server.http, "secure-js"])
        .env("NODE_EXTRA_CA_CERTS", place.ca())
        .env(
            "OTEL_EXPORTER_OTLP_HEADERS",
            format!("Authorization=Bearer%20{}", place.ingest),
        )
        .output()
        .expect("node runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    place.until_recorded("secure-js");
}

#[test]
fn refuses_to_start_open_to_others() {
    let data = data_folder();
    let start = |args: &[&str]| {
        let output = program()
            .args([
                "serve",
                "--otlp-grpc",
                "127.0.0.1:0",
                "--otlp-http",
                "127.0.0.1:0",
                "--data",
            ])
            .arg(data.path())
            .args(args)
            .output()
            .expect("the program runs");
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{args:?}: {words}");
        println!("spanreel serve {}\n  {words}", args.join(" "));
        words
    };
    let words = start(&["--ui", "0.0.0.0:0"]);
    assert!(
        words.contains("spanreel token add NAME --right read --data"),
        "{words}"
    );
    let words = start(&["--ui", "127.0.0.1:0", "--require-token"]);
    assert!(words.contains("spanreel token add"), "{words}");
    let words = start(&["--ui", "[::]:0", "--tls-self-signed"]);
    assert!(words.contains("spanreel token add"), "{words}");
    // One that may only send opens nothing to read.
    token(data.path(), "sender", "ingest");
    let words = start(&["--ui", "0.0.0.0:0", "--tls-self-signed"]);
    assert!(words.contains("`read`"), "{words}");
    token(data.path(), "reader", "read");
    let words = start(&["--ui", "0.0.0.0:0"]);
    assert!(
        words.contains("--tls-self-signed") && words.contains("--insecure-plaintext"),
        "{words}"
    );
    let nowhere = data.path().join("nowhere.pem");
    let nowhere = nowhere.to_string_lossy();
    let words = start(&[
        "--ui",
        "127.0.0.1:0",
        "--tls-cert",
        &nowhere,
        "--tls-key",
        &nowhere,
    ]);
    assert!(words.contains("nowhere.pem"), "{words}");
    std::fs::write(data.path().join("access.json"), "{").expect("a file");
    let output = program()
        .args(["serve", "--ui", "127.0.0.1:0", "--data"])
        .arg(data.path())
        .output();
    let output = output.expect("the program runs");
    assert_eq!(output.status.code(), Some(69), "{output:?}");
}

/// First bytes of a TLS client that speaks no newer version than `newest` (0x0302 is 1.1, 0x0303 is 1.2).
fn client_hello(newest: u16) -> Vec<u8> {
    // Groups x25519 and P-256; signatures ECDSA with P-256 and RSA, with SHA-256.
    let extensions: &[u8] = &[
        0, 10, 0, 6, 0, 4, 0, 29, 0, 23, // groups
        0, 11, 0, 2, 1, 0, // points as they are
        0, 13, 0, 8, 0, 6, 4, 3, 8, 4, 4, 1, // signatures
        0, 23, 0, 0, // extended master secret
    ];
    // ECDHE with ECDSA and RSA: AES-GCM as of 1.2, AES-CBC with SHA-1 as of 1.0.
    let suites: &[u8] = &[0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x09, 0xc0, 0x13, 0x00, 0x2f];
    let mut hello = newest.to_be_bytes().to_vec();
    hello.extend([7; 32]); // random
    hello.push(0); // no session to go on with
    hello.extend((suites.len() as u16).to_be_bytes());
    hello.extend(suites);
    hello.extend([1, 0]); // no compression
    hello.extend((extensions.len() as u16).to_be_bytes());
    hello.extend(extensions);
    let mut message = vec![1];
    message.extend(&(hello.len() as u32).to_be_bytes()[1..]);
    message.extend(hello);
    let mut record = vec![22, 3, 1];
    record.extend((message.len() as u16).to_be_bytes());
    record.extend(message);
    record
}

#[test]
fn old_tls_is_refused() {
    let place = place();
    let address = |url: &str| url.split_once("://").expect("an address").1.to_owned();
    for url in [&place.server.url, &place.server.grpc, &place.server.http] {
        let answer = |newest: u16| {
            let mut stream = std::net::TcpStream::connect(address(url)).expect("a listener");
            let patience = Some(Duration::from_secs(20));
            stream.set_read_timeout(patience).expect("a socket");
            stream.write_all(&client_hello(newest)).expect("a socket");
            let mut answer = [0; 7];
            stream.read_exact(&mut answer).expect("an answer");
            answer
        };
        // A fatal alert: the version is not supported.
        for old in [0x0301, 0x0302] {
            let answer = answer(old);
            assert_eq!((answer[0], &answer[5..]), (21, &[2, 70][..]), "{answer:?}");
        }
        // The same client with 1.2 gets a handshake: the server's hello.
        let answer = answer(0x0303);
        assert_eq!((answer[0], answer[5]), (22, 2), "{answer:?}");
    }
}

#[test]
fn plaintext_beyond_loopback_has_to_be_said_and_is_warned_of() {
    let data = data_folder();
    let [reader, sender] = ["read", "ingest"].map(|right| token(data.path(), right, right));
    let folder = data_folder();
    let log = folder.path().join("log");
    let mut program = program();
    program.stderr(File::create(&log).expect("a file"));
    let more = ["--insecure-plaintext", "--log", "warn"].map(OsStr::new);
    let server = Server::start_at("0.0.0.0:0", program, data.path(), &more);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let status = |token: Option<&str>| {
        let url = format!("{}/api/v1/sessions", server.url);
        let asked = reqwest::Client::new().get(url).headers(bearer(token));
        runtime
            .block_on(asked.send())
            .expect("an answer")
            .status()
            .as_u16()
    };
    // Tokens are asked for as everywhere else.
    assert_eq!(status(None), 401);
    assert_eq!(status(Some(&sender)), 403);
    assert_eq!(status(Some(&reader)), 200);
    server.stop();
    let log = std::fs::read_to_string(log).expect("a log");
    for flag in ["--ui", "--otlp-grpc", "--otlp-http"] {
        let warned = format!("{flag} is open to other machines without TLS");
        assert!(log.contains("WARN") && log.contains(&warned), "{log}");
    }
}
