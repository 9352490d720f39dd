//! HTTP as no client library would send it, on the port of the interface and on those of OTLP.

use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::http2;
use super::{cell, compare_with_page, files_below};
use crate::program::{Server, data_folder};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Slow clients are cut off after 30 seconds.
const LONG_PATIENCE: Duration = Duration::from_secs(75);

/// Which door an attack knocks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    /// UI, API, MCP, Flight SQL.
    Ui,
    /// OTLP; both ports take both protocols.
    Otlp,
}

/// One attack: what is sent, and what is wanted back.
struct Attack {
    kind: &'static str,
    what: &'static str,
    door: Door,
    request: Vec<u8>,
    wanted: &'static str,
}

/// A request of HTTP/1.1 with these lines before its end; the connection ends with the answer.
fn lines(lines: &[&str]) -> Vec<u8> {
    format!("{}\r\nconnection: close\r\n\r\n", lines.join("\r\n")).into_bytes()
}

fn attacks() -> Vec<Attack> {
    let mut attacks = Vec::new();
    let mut add = |kind, what, door, request, wanted| {
        attacks.push(Attack {
            kind,
            what,
            door,
            request,
            wanted,
        });
    };
    let unknown_host = "421 unknown_host";
    for (what, wanted) in [
        ("Host: localhost", "200"),
        ("Host: 127.0.0.1", "200"),
        ("Host: [::1]", "200"),
        ("Host: localhost.", "200"),
        ("Host: evil.example", unknown_host),
        ("Host: evil.example.", unknown_host),
        ("Host: evil.example:7771", unknown_host),
        ("Host: localhost.evil.example", unknown_host),
        ("Host: 127.0.0.1.evil.example", unknown_host),
        ("Host: localhost..", unknown_host),
        ("Host: 169.254.169.254", unknown_host),
        ("Host: 192.168.0.1", unknown_host),
        ("Host: 0.0.0.0", unknown_host),
        ("Host: 2130706433", unknown_host),
        ("Host: 0x7f.1", unknown_host),
        ("Host: [::]", unknown_host),
        ("Host: [2001:db8::1]", unknown_host),
        ("Host: [::ffff:192.168.0.1]", unknown_host),
        ("Host: [::1", unknown_host),
        ("Host: localhost@evil.example", unknown_host),
        ("Host: evil.example@localhost", unknown_host),
        ("Host: localhost/evil.example", unknown_host),
        ("Host:", unknown_host),
        ("X-No-Host: 1", unknown_host),
    ] {
        let request = lines(&["GET /api/v1/stats HTTP/1.1", what]);
        add("DNS rebinding", what, Door::Ui, request, wanted);
    }
    for (what, request, wanted) in [
        (
            "two Host headers",
            &[
                "GET /api/v1/stats HTTP/1.1",
                "Host: localhost",
                "Host: evil.example",
            ][..],
            unknown_host,
        ),
        (
            "address of another host, Host: localhost",
            &[
                "GET http://evil.example/api/v1/stats HTTP/1.1",
                "Host: localhost",
            ],
            unknown_host,
        ),
        (
            "address of localhost, Host: evil.example",
            &[
                "GET http://localhost/api/v1/stats HTTP/1.1",
                "Host: evil.example",
            ],
            unknown_host,
        ),
        (
            "Host: evil.example, X-Forwarded-Host: localhost",
            &[
                "GET /api/v1/stats HTTP/1.1",
                "Host: evil.example",
                "X-Forwarded-Host: localhost",
                "Forwarded: host=localhost",
                "X-Host: localhost",
            ],
            unknown_host,
        ),
        (
            "HTTP/1.0 without Host",
            &["GET /api/v1/stats HTTP/1.0"],
            unknown_host,
        ),
        (
            "MCP under another name",
            &[
                "POST /mcp HTTP/1.1",
                "Host: evil.example",
                "content-length: 0",
            ],
            unknown_host,
        ),
    ] {
        add("DNS rebinding", what, Door::Ui, lines(request), wanted);
    }

    let foreign = "403 foreign_origin";
    for (what, wanted) in [
        ("Origin: http://localhost:7771", "200"),
        ("Origin: https://evil.example", foreign),
        ("Origin: null", foreign),
        ("Origin: http://localhost.evil.example", foreign),
        ("Origin: http://localhost@evil.example", foreign),
        ("Origin: http://evil.example@localhost", foreign),
        ("Origin: file://", foreign),
        ("Origin: ", foreign),
        ("Sec-Fetch-Site: cross-site", foreign),
    ] {
        let request = lines(&[
            "POST /api/v1/findings/detect HTTP/1.1",
            "Host: localhost",
            what,
            "content-length: 0",
        ]);
        add("page of another origin", what, Door::Ui, request, wanted);
    }
    for (what, request, wanted) in [
        (
            "two Origin headers",
            &[
                "POST /api/v1/findings/detect HTTP/1.1",
                "Host: localhost",
                "Origin: http://localhost",
                "Origin: https://evil.example",
                "content-length: 0",
            ][..],
            foreign,
        ),
        (
            "preflight",
            &[
                "OPTIONS /api/v1/sql HTTP/1.1",
                "Host: localhost",
                "Origin: https://evil.example",
                "Access-Control-Request-Method: POST",
            ],
            foreign,
        ),
        (
            "image of another page",
            &[
                "GET /api/v1/stats HTTP/1.1",
                "Host: localhost",
                "Sec-Fetch-Site: cross-site",
                "Sec-Fetch-Mode: no-cors",
                "Sec-Fetch-Dest: image",
            ],
            foreign,
        ),
        (
            "form of another page",
            &[
                "POST /api/v1/sessions/delete HTTP/1.1",
                "Host: localhost",
                "Origin: https://evil.example",
                "Sec-Fetch-Site: cross-site",
                "Sec-Fetch-Mode: navigate",
                "content-type: text/plain",
                "content-length: 0",
            ],
            foreign,
        ),
        (
            "preflight of a page of this machine: no CORS header",
            &[
                "OPTIONS /api/v1/sql HTTP/1.1",
                "Host: localhost",
                "Origin: http://localhost:5173",
                "Access-Control-Request-Method: POST",
            ],
            "405 method_not_allowed",
        ),
    ] {
        add(
            "page of another origin",
            what,
            Door::Ui,
            lines(request),
            wanted,
        );
    }
    for (what, request, wanted) in [
        (
            "OTLP/HTTP from a page",
            &[
                "POST /v1/traces HTTP/1.1",
                "Host: localhost",
                "Origin: https://evil.example",
                "content-type: application/json",
                "content-length: 0",
            ][..],
            "403",
        ),
        (
            "hook from a page",
            &[
                "POST /hooks/claude-code HTTP/1.1",
                "Host: localhost",
                "Origin: null",
                "content-length: 0",
            ],
            "403",
        ),
    ] {
        add(
            "page of another origin",
            what,
            Door::Otlp,
            lines(request),
            wanted,
        );
    }

    for (what, wanted) in [
        ("/../../../../etc/passwd", "200, the page"),
        ("/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "200, the page"),
        ("/..%2f..%2f..%2fetc%2fpasswd", "200, the page"),
        (
            "/%252e%252e%252f%252e%252e%252fetc%252fpasswd",
            "200, the page",
        ),
        ("/..%5c..%5c..%5cetc%5cpasswd", "200, the page"),
        ("/..%c0%af..%c0%afetc/passwd", "200, the page"),
        ("//etc/passwd", "200, the page"),
        ("/app.js/../../../../etc/passwd", "200, the page"),
        ("/app.js%00.html", "200, the page"),
        ("/.git/config", "200, the page"),
        ("/spanreel.duckdb", "200, the page"),
        ("/dist/../embed.rs", "200, the page"),
        ("/api/v1/../../etc/passwd", "404 unknown_route"),
        ("/api/v1/%2e%2e/%2e%2e/etc/passwd", "404 unknown_route"),
        (
            "/api/v1/sessions/..%2f..%2fetc%2fpasswd",
            "404 session_not_found",
        ),
        (
            "/api/v1/sessions/%252e%252e%252fstats/tree",
            "404 session_not_found",
        ),
        (
            "/api/v1/sessions/..%2f..%2fx/export?format=html",
            "404 session_not_found",
        ),
        ("/api/v1/payloads/..%2f..%2fetc%2fpasswd", "400 bad_request"),
        ("/api/v1/payloads/..%00", "400 bad_request"),
        ("/jaeger/api/traces/..%2f..%2fetc", "400"),
        ("/api/v1/sessions/%ff%fe", "400 bad_request"),
    ] {
        let request = lines(&[&format!("GET {what} HTTP/1.1"), "Host: localhost"]);
        add("path traversal", what, Door::Ui, request, wanted);
    }
    for what in [
        "/v1/../../etc/passwd",
        "/hooks/..%2f..%2fetc",
        "/hooks/../v1/traces%00",
    ] {
        let request = lines(&[
            &format!("POST {what} HTTP/1.1"),
            "Host: localhost",
            "content-type: application/json",
            "content-length: 0",
        ]);
        add("path traversal", what, Door::Otlp, request, "404");
    }

    for (what, request, wanted) in [
        (
            "X-HTTP-Method-Override: DELETE",
            lines(&[
                "GET /api/v1/sessions HTTP/1.1",
                "Host: localhost",
                "X-HTTP-Method-Override: DELETE",
                "X-Method-Override: DELETE",
                "X-HTTP-Method: DELETE",
            ]),
            "200",
        ),
        (
            "?_method=DELETE",
            lines(&[
                "POST /api/v1/sessions?_method=DELETE HTTP/1.1",
                "Host: localhost",
                "content-length: 0",
            ]),
            "405 method_not_allowed",
        ),
        (
            "TRACE",
            lines(&["TRACE /api/v1/stats HTTP/1.1", "Host: localhost"]),
            "405 method_not_allowed",
        ),
        (
            "CONNECT",
            lines(&[
                "CONNECT evil.example:443 HTTP/1.1",
                "Host: evil.example:443",
            ]),
            unknown_host,
        ),
        (
            "unknown method",
            lines(&["EVIL /api/v1/stats HTTP/1.1", "Host: localhost"]),
            "405 method_not_allowed",
        ),
        (
            "X-Original-URL, X-Rewrite-URL",
            lines(&[
                "GET /healthz HTTP/1.1",
                "Host: localhost",
                "X-Original-URL: /api/v1/stats",
                "X-Rewrite-URL: /api/v1/stats",
            ]),
            "200",
        ),
        (
            "X-Forwarded-For, X-Real-IP, Forwarded",
            lines(&[
                "GET /api/v1/stats HTTP/1.1",
                "Host: localhost",
                "X-Forwarded-For: 127.0.0.1",
                "X-Real-IP: 127.0.0.1",
                "Forwarded: for=127.0.0.1",
            ]),
            "200",
        ),
        (
            "encoded line breaks in the path",
            lines(&[
                "GET /api/v1/sessions/x%0d%0aSet-Cookie:%20a=b HTTP/1.1",
                "Host: localhost",
            ]),
            "404 session_not_found",
        ),
        (
            "encoded line breaks in a parameter",
            lines(&[
                "GET /api/v1/sessions?sort=%0d%0aSet-Cookie:%20a=b HTTP/1.1",
                "Host: localhost",
            ]),
            "400 bad_request",
        ),
        (
            "line break within a header",
            lines(&["GET /healthz HTTP/1.1", "Host: localhost", "A: b\rc"]),
            "400",
        ),
        (
            "folded header",
            lines(&["GET /healthz HTTP/1.1", "Host: localhost", "A: b", " c"]),
            "400",
        ),
        (
            "NUL in a header",
            lines(&["GET /healthz HTTP/1.1", "Host: localhost", "A: b\0c"]),
            "400",
        ),
        (
            "space before the colon",
            lines(&["GET /healthz HTTP/1.1", "Host: localhost", "A : b"]),
            "400",
        ),
        (
            "line without a colon",
            lines(&["GET /healthz HTTP/1.1", "Host: localhost", "evil"]),
            "400",
        ),
        (
            "no HTTP",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03evil\r\n\r\n".to_vec(),
            "400",
        ),
        (
            "HTTP/9.9",
            lines(&["GET /healthz HTTP/9.9", "Host: localhost"]),
            "400",
        ),
    ] {
        add("header tricks", what, Door::Ui, request, wanted);
    }

    let post = "POST /api/v1/sql HTTP/1.1\r\nHost: localhost\r\ncontent-type: application/json\r\n";
    let smuggled = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for (what, head, wanted) in [
        (
            "content-length and chunked",
            "content-length: 6\r\ntransfer-encoding: chunked\r\n",
            "400 bad_body",
        ),
        (
            "chunked and content-length",
            "transfer-encoding: chunked\r\ncontent-length: 6\r\n",
            "400 bad_body",
        ),
        (
            "two lengths",
            "content-length: 0\r\ncontent-length: 44\r\n",
            "400",
        ),
        ("length list", "content-length: 0, 44\r\n", "400"),
        ("length with a sign", "content-length: +0\r\n", "400"),
        ("negative length", "content-length: -1\r\n", "400"),
        (
            "length beyond 64 bits",
            "content-length: 99999999999999999999\r\n",
            "400",
        ),
        (
            "unknown transfer-encoding",
            "transfer-encoding: xchunked\r\n",
            "400",
        ),
        (
            "chunked not last",
            "transfer-encoding: chunked, identity\r\n",
            "400",
        ),
        (
            "hidden transfer-encoding",
            "transfer-encoding:\x0bchunked\r\n",
            "400",
        ),
    ] {
        let request = format!("{post}{head}\r\n0\r\n\r\n{smuggled}").into_bytes();
        add("request smuggling", what, Door::Ui, request, wanted);
    }
    for (what, body, wanted) in [
        (
            "chunk beyond 64 bits",
            "fffffffffffffffff\r\nx\r\n0\r\n\r\n",
            "400 bad_body",
        ),
        ("chunk without a size", "\r\n\r\n0\r\n\r\n", "400 bad_body"),
        (
            "chunk longer than said",
            "1\r\nxyz\r\n0\r\n\r\n",
            "400 bad_body",
        ),
    ] {
        let request =
            format!("{post}transfer-encoding: chunked\r\nconnection: close\r\n\r\n{body}")
                .into_bytes();
        add("request smuggling", what, Door::Ui, request, wanted);
    }

    let many: String = (0..2_000).map(|n| format!("x-{n}: y\r\n")).collect();
    let deep = "[".repeat(200_000);
    for (what, door, request, wanted) in [
        (
            "path of 20 kB",
            Door::Ui,
            lines(&[&format!("GET /api/v1/sessions?q={} HTTP/1.1", "a".repeat(20_000)), "Host: localhost"]),
            "414 address_too_long",
        ),
        (
            "path of 1 MB",
            Door::Ui,
            lines(&[&format!("GET /{} HTTP/1.1", "a".repeat(1 << 20)), "Host: localhost"]),
            "431",
        ),
        (
            "header of 1 MB",
            Door::Ui,
            lines(&["GET /healthz HTTP/1.1", "Host: localhost", &format!("a: {}", "b".repeat(1 << 20))]),
            "431",
        ),
        ("2,000 headers", Door::Ui, format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\n{many}\r\n").into_bytes(), "431"),
        ("query of 3 MB", Door::Ui, sized(post, 3 << 20, b' '), "413 bad_body"),
        (
            "body of 1 TB announced",
            Door::Otlp,
            b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000000000000\r\nexpect: 100-continue\r\n\r\n".to_vec(),
            "413",
        ),
        ("JSON 200,000 deep to SQL", Door::Ui, with_body(post, deep.as_bytes()), "400 bad_body"),
        (
            "JSON 200,000 deep to OTLP",
            Door::Otlp,
            with_body("POST /v1/traces HTTP/1.1\r\nHost: localhost\r\ncontent-type: application/json\r\n", deep.as_bytes()),
            "400",
        ),
        (
            "gzip bomb, 200 MiB of zeros",
            Door::Otlp,
            with_body(
                "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\ncontent-type: application/x-protobuf\r\ncontent-encoding: gzip\r\n",
                &gzip_bomb(200),
            ),
            "413",
        ),
        (
            "zstd bomb, 200 MiB of zeros",
            Door::Otlp,
            with_body(
                "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\ncontent-type: application/x-protobuf\r\ncontent-encoding: zstd\r\n",
                &zstd_bomb(200),
            ),
            "413",
        ),
        (
            "compressed body where none is taken",
            Door::Ui,
            with_body(&format!("{post}content-encoding: gzip\r\n"), &gzip_bomb(1)),
            "400 bad_body",
        ),
        (
            "compressed hook",
            Door::Otlp,
            with_body("POST /hooks/claude-code HTTP/1.1\r\nHost: localhost\r\ncontent-encoding: gzip\r\n", &gzip_bomb(1)),
            "415",
        ),
    ] {
        add("too much", what, door, request, wanted);
    }
    attacks
}

fn with_body(head: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "{head}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn sized(head: &str, bytes: usize, filler: u8) -> Vec<u8> {
    with_body(head, &vec![filler; bytes])
}

fn gzip_bomb(mib: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..mib {
        encoder
            .write_all(&vec![0; 1 << 20])
            .expect("memory takes it");
    }
    encoder.finish().expect("memory takes it")
}

fn zstd_bomb(mib: usize) -> Vec<u8> {
    zstd::bulk::compress(&vec![0; mib << 20], 3).expect("memory takes it")
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream.set_write_timeout(Some(PATIENCE)).expect("a socket");
    stream
}

/// Sends bytes and reads until the connection ends.
fn exchange(address: &str, request: &[u8]) -> Vec<u8> {
    let mut stream = connect(address);
    // A server that refuses early may close while more is being sent.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// Status and code of what came, and how many answers they were.
fn told(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    let count = text.matches("HTTP/1.1 ").count() + text.matches("HTTP/1.0 ").count();
    let Some(status) = text.get(9..12) else {
        return "connection closed".to_owned();
    };
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let body = match (body.find('{'), body.rfind('}')) {
        (Some(from), Some(to)) if from < to => &body[from..=to],
        _ => body,
    };
    let code = serde_json::from_str::<Value>(body).unwrap_or_default();
    let mut told = match code["error"]["code"].as_str() {
        Some(code) => format!("{status} {code}"),
        None if body.contains("<!doctype html>") => format!("{status}, the page"),
        None => status.to_owned(),
    };
    if count > 1 {
        write!(told, ", then {} more", count - 1).expect("a text takes it");
    }
    told
}

/// Sends a byte of `text` every second; how long until the connection is closed, and what was said.
fn trickle(address: &str, begin: &[u8]) -> String {
    let mut stream = connect(address);
    stream
        .set_read_timeout(Some(Duration::from_secs(1)))
        .expect("a socket");
    stream.write_all(begin).expect("it listens");
    let begun = Instant::now();
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while begun.elapsed() < LONG_PATIENCE {
        match stream.read(&mut piece) {
            Ok(0) => return told(&answer),
            Ok(length) => answer.extend_from_slice(&piece[..length]),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) =>
            {
                let _ = stream.write_all(b"a");
            }
            Err(_) => return told(&answer),
        }
    }
    "never cut off".to_owned()
}

/// Clients that keep a connection busy with next to nothing: kind, door, what they begin with, and what
/// they get in the end.
fn slow() -> Vec<(&'static str, Door, Vec<u8>, &'static str)> {
    let slow_body = |path: &str, content_type: &str, sent: usize| {
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\ncontent-type: {content_type}\r\ncontent-length: 1000000\r\n\r\n"
        )
        .into_bytes();
        request.extend(vec![b' '; sent]);
        request
    };
    vec![
        ("says nothing", Door::Ui, Vec::new(), "connection closed"),
        ("says nothing", Door::Otlp, Vec::new(), "connection closed"),
        (
            "half of HTTP/2's first words",
            Door::Otlp,
            b"PRI * HT".to_vec(),
            "400",
        ),
        (
            "header byte by byte",
            Door::Ui,
            b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nx: ".to_vec(),
            "connection closed",
        ),
        (
            "header byte by byte",
            Door::Otlp,
            b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nx: ".to_vec(),
            "connection closed",
        ),
        (
            "body byte by byte",
            Door::Ui,
            slow_body("/api/v1/sql", "application/json", 1),
            "408 body_timeout",
        ),
        (
            "large body that stops",
            Door::Ui,
            slow_body("/api/v1/sql", "application/json", 100_000),
            "408 body_timeout",
        ),
        (
            "body byte by byte",
            Door::Otlp,
            slow_body("/v1/traces", "application/json", 1),
            "408",
        ),
    ]
}

#[test]
fn what_http_gets() {
    let data = data_folder();
    let server = Server::start_with(data.path(), &["--log".as_ref(), "error".as_ref()]);
    server.play_demo();
    server.wait_until_loaded();
    let ui = server.url.trim_start_matches("http://").to_owned();
    let otlp = server.http.trim_start_matches("http://").to_owned();
    let address = |door| match door {
        Door::Ui => ui.as_str(),
        Door::Otlp => otlp.as_str(),
    };
    let count = "select count(*) from spans";
    let before = server.value(count);
    let kept = files_below(data.path());
    let alive = |after: &str| assert_eq!(server.get_bytes("/healthz").0, 200, "after {after}");

    let trickles: Vec<_> = slow()
        .into_iter()
        .map(|(what, door, begin, wanted)| {
            let address = address(door).to_owned();
            (
                what,
                door,
                wanted,
                thread::spawn(move || trickle(&address, &begin)),
            )
        })
        .collect();

    let mut table = "| attack | how | door | what it gets |\n|---|---|---|---|\n".to_owned();
    let mut failures = String::new();
    let mut note = |kind: &str, what: &str, door: &str, got: &str, wanted: &str| {
        let row = format!("| {kind} | {} | {door} | {got} |\n", cell(what));
        if got != wanted {
            write!(failures, "wanted {wanted}: {row}").expect("a text takes it");
        }
        table.push_str(&row);
    };
    let name = |door| match door {
        Door::Ui => "UI and API",
        Door::Otlp => "OTLP",
    };
    for attack in attacks() {
        let answer = exchange(address(attack.door), &attack.request);
        let text = String::from_utf8_lossy(&answer).to_lowercase();
        let head = text.split("\r\n\r\n").next().unwrap_or_default();
        for never in ["access-control-allow", "set-cookie", "\r\nserver:"] {
            assert!(!head.contains(never), "{}: {text}", attack.what);
        }
        assert!(!text.contains("root:x:"), "{}", attack.what);
        note(
            attack.kind,
            attack.what,
            name(attack.door),
            &told(&answer),
            attack.wanted,
        );
        alive(attack.what);
    }

    let pipelined = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(4_999)
        + "GET /healthz HTTP/1.1\r\nHost: localhost\r\nconnection: close\r\n\r\n";
    let got = told(&flood(&ui, pipelined.into_bytes()));
    note(
        "too many",
        "5,000 requests in one go",
        name(Door::Ui),
        &got,
        "200, then 4999 more",
    );
    alive("pipelining");
    let idle: Vec<_> = (0..500).map(|_| connect(&ui)).collect();
    alive("500 connections that say nothing");
    let idle_otlp: Vec<_> = (0..500).map(|_| connect(&otlp)).collect();
    let (status, _) = crate::program::post(
        &format!("{}/v1/traces", server.http),
        "application/json",
        b"{}".to_vec(),
    )
    .expect("an answer");
    note(
        "too many",
        "500 connections that say nothing, on each port",
        "both",
        &format!("others are answered: {status}"),
        "others are answered: 200",
    );
    drop((idle, idle_otlp));

    for (what, wanted, frames) in http2::attacks() {
        for door in [Door::Ui, Door::Otlp] {
            // Senders do not look at what they are told, so that no name can be rebound to read here.
            if wanted == "421" && door == Door::Otlp {
                continue;
            }
            let got = http2::exchange(address(door), &frames);
            note("HTTP/2", what, name(door), &got, wanted);
            alive(what);
        }
    }

    for (what, door, wanted, trickle) in trickles {
        let got = trickle.join().expect("it ends");
        note(
            "slow",
            what,
            name(door),
            &format!("{got}, within 30 s"),
            &format!("{wanted}, within 30 s"),
        );
    }
    alive("all of it");
    assert!(failures.is_empty(), "{table}\n{failures}");
    assert_eq!(server.value(count), before);
    let passing = |name: &str| {
        name.starts_with("journal/")
            || name.contains("search")
            || name.contains(".wal")
            || name.contains("tmp")
    };
    let new: Vec<String> = files_below(data.path())
        .into_iter()
        .filter(|name| !kept.contains(name) && !passing(name))
        .collect();
    assert_eq!(new, [""; 0], "left in the data folder");
    compare_with_page("http attacks", &table);
}

/// Sends while it reads: what is answered must not wait for what is still to be asked.
fn flood(address: &str, requests: Vec<u8>) -> Vec<u8> {
    let mut stream = connect(address);
    let mut writer = stream.try_clone().expect("a socket");
    let sending = thread::spawn(move || writer.write_all(&requests));
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let _ = sending.join().expect("it ends");
    answer
}
