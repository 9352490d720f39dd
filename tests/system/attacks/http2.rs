//! HTTP/2 frame by frame, as no client library would send it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GO_AWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// Header fields of `GET /healthz` for `host`, uncompressed.
fn request(host: &str) -> Vec<u8> {
    // Of the static table: :method GET, :scheme http; then :path and :authority as literals.
    let mut block = vec![0x82, 0x86, 0x04, 8];
    block.extend_from_slice(b"/healthz");
    block.extend([0x01, host.len() as u8]);
    block.extend_from_slice(host.as_bytes());
    block
}

fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut block = vec![0x00, name.len() as u8];
    block.extend_from_slice(name.as_bytes());
    block.push(value.len() as u8);
    block.extend_from_slice(value.as_bytes());
    block
}

fn begin() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
}

/// What is sent, behind what is wanted: a status, or the error that ends the connection.
pub(super) fn attacks() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let get =
        |stream: u32, host: &str| frame(HEADERS, END_STREAM | END_HEADERS, stream, &request(host));
    let mut rapid_reset = begin();
    for n in 0..20_000u32 {
        rapid_reset.extend(get(2 * n + 1, "localhost"));
        rapid_reset.extend(frame(RST_STREAM, 0, 2 * n + 1, &8u32.to_be_bytes()));
    }
    let mut continuation = begin();
    continuation.extend(frame(HEADERS, END_STREAM, 1, &request("localhost")));
    for n in 0..20_000u32 {
        let field = literal(&format!("x-{n}"), &"y".repeat(100));
        continuation.extend(frame(CONTINUATION, 0, 1, &field));
    }
    let mut streams = begin();
    for n in 0..400u32 {
        // Without their ends: each waits for a body.
        streams.extend(frame(
            HEADERS,
            END_HEADERS,
            2 * n + 1,
            &request("localhost"),
        ));
    }
    let mut pings = begin();
    for _ in 0..100_000 {
        pings.extend(frame(PING, 0, 0, &[0; 8]));
    }
    let mut settings = begin();
    for _ in 0..100_000 {
        settings.extend(frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0xff, 0xff]));
    }
    let mut host_too = begin();
    let mut block = request("localhost");
    block.extend(literal("host", "evil.example"));
    host_too.extend(frame(HEADERS, END_STREAM | END_HEADERS, 1, &block));
    vec![
        (
            "20,000 requests, each taken back",
            "ENHANCE_YOUR_CALM",
            rapid_reset,
        ),
        (
            "header fields without end",
            "ENHANCE_YOUR_CALM",
            continuation,
        ),
        ("400 requests at once", "128 at a time", streams),
        ("100,000 pings", "alive", pings),
        ("100,000 settings", "alive", settings),
        (":authority localhost, host evil.example", "421", host_too),
    ]
}

/// Sends frames and tells how it ended.
pub(super) fn exchange(address: &str, frames: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(3)))
        .expect("a socket");
    let mut writer = stream.try_clone().expect("a socket");
    let frames = frames.to_vec();
    let sending = std::thread::spawn(move || writer.write_all(&frames).is_ok());
    let mut answer = Vec::new();
    let mut piece = vec![0; 1 << 16];
    let closed = loop {
        match stream.read(&mut piece) {
            Ok(0) => break true,
            Ok(length) => answer.extend_from_slice(&piece[..length]),
            Err(_) => break false,
        }
    };
    let _ = sending.join();
    told(&answer, closed)
}

fn told(answer: &[u8], closed: bool) -> String {
    let mut rest = answer;
    let (mut refused, mut statuses, mut acks) = (0, Vec::new(), 0);
    while let [a, b, c, kind, flags, _, _, _, _, more @ ..] = rest {
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        let payload = more.get(..length).unwrap_or_default();
        match *kind {
            GO_AWAY => {
                let code = payload.get(4..8).map_or(0, |code| code[3]);
                return match code {
                    0 => "closed".to_owned(),
                    11 => "ENHANCE_YOUR_CALM".to_owned(),
                    code => format!("error {code}"),
                };
            }
            RST_STREAM if payload.last() == Some(&7) => refused += 1,
            HEADERS => statuses.extend(status(payload)),
            PING | SETTINGS if flags & ACK != 0 => acks += 1,
            _ => {}
        }
        rest = more.get(length..).unwrap_or_default();
    }
    match (refused, statuses.first(), closed) {
        (400.., ..) => "none is taken".to_owned(),
        (272, ..) => "128 at a time".to_owned(),
        (_, Some(status), _) => status.to_string(),
        (_, None, false) if acks > 0 => "alive".to_owned(),
        (_, None, true) => "connection closed".to_owned(),
        (refused, None, false) => format!("{refused} refused"),
    }
}

/// The status at the beginning of a block of header fields: indexed, or a literal of the status field.
fn status(block: &[u8]) -> Option<u16> {
    match block {
        [0x88, ..] => Some(200),
        [0x8c, ..] => Some(400),
        [0x8d, ..] => Some(404),
        // Three digits, plain or in Huffman's code.
        [0x08 | 0x48, 3, digits @ ..] => std::str::from_utf8(digits.get(..3)?).ok()?.parse().ok(),
        [0x08 | 0x48, 0x83 | 0x82, ..] => Some(421),
        _ => None,
    }
}
