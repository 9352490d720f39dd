//! Connections that do nothing, or next to nothing.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::Duration;

use super::load::Load;
use super::{metric, row};
use crate::program::{Server, data_folder, serve};

/// Half of them on each port.
const IDLE: usize = 1000;
/// Fewer than they are: what the system allows a process unless it asks for more.
const OPEN_FILES: &str = "512";

fn connect(address: &str) -> TcpStream {
    let address = address.trim_start_matches("http://");
    TcpStream::connect(address).expect("a connection")
}

#[test]
fn a_thousand_idle_connections_keep_nobody_out() {
    let data = data_folder();
    // The hard limit stays: the program asks for what it may have.
    let serve = serve(data.path());
    let mut limited = Command::new("sh");
    let script = format!("ulimit -S -n {OPEN_FILES} && exec \"$0\" \"$@\"");
    limited.args(["-c", &script]);
    limited.arg(serve.get_program()).args(serve.get_args());
    for (name, _) in serve.get_envs() {
        limited.env_remove(name);
    }
    let server = Server::spawn(limited);
    let before = metric(&server, "process_resident_memory_bytes ");
    let idle: Vec<TcpStream> = (0..IDLE)
        .map(|n| {
            connect(if n % 2 == 0 {
                &server.grpc
            } else {
                &server.http
            })
        })
        .collect();
    let load = Load::start(&server, 2, 10_000);
    load.wait_for_more(30);
    let open = metric(&server, "process_open_fds ");
    assert!(open > IDLE as f64, "{open}");
    let grown_mib = (metric(&server, "process_resident_memory_bytes ") - before) / 1048576.0;
    let sent = load.finish();
    assert_eq!(sent.answers.len(), 1, "{}", sent.answers());
    let after = sent.check(&server);
    drop(idle);
    row(
        "1,000 idle connections",
        format!("{} beside them", sent.answers()),
        format!(
            "{open} files open at a soft limit of {OPEN_FILES}, memory grew by {grown_mib:.0} MiB with the load; {after}"
        ),
    );
}

#[test]
fn slow_senders_are_let_go_and_hold_up_nobody() {
    let data = data_folder();
    let server = Server::start(data.path());
    let mut slow: Vec<TcpStream> = Vec::new();
    let begin = |text: &str| {
        let mut stream = connect(&server.http);
        stream.write_all(text.as_bytes()).expect("it is sent");
        stream
    };
    for _ in 0..100 {
        // A head that never ends, a body that never comes, and silence.
        slow.push(begin(
            "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\nx-slow: ",
        ));
        slow.push(begin(
            "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             content-length: 50000000\r\n\r\n{",
        ));
        slow.push(begin(""));
    }
    let load = Load::start_paced(&server, 2, 10_000, Duration::from_millis(100));
    load.wait_for_more(20);
    // They go on by a byte a second until they are let go.
    let dripping = thread::spawn(move || {
        let (mut closed, mut timed_out) = (0, 0);
        for stream in &slow {
            stream.set_nonblocking(true).expect("a socket");
        }
        for _ in 0..90 {
            slow.retain_mut(|stream| {
                let _ = stream.write(b"a");
                let mut answer = [0; 512];
                match stream.read(&mut answer) {
                    Ok(0) => closed += 1,
                    Ok(length) => {
                        let answer = String::from_utf8_lossy(&answer[..length]);
                        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
                        timed_out += 1;
                    }
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return true,
                    Err(_) => closed += 1,
                }
                false
            });
            if slow.is_empty() {
                break;
            }
            thread::sleep(Duration::from_secs(1));
        }
        (closed, timed_out, slow.len())
    });
    let (closed, timed_out, left) = dripping.join().expect("no panic");
    assert_eq!(left, 0, "{closed} closed, {timed_out} answered");
    let sent = load.finish();
    assert_eq!(sent.answers.len(), 1, "{}", sent.answers());
    row(
        "300 slow-loris senders: heads, bodies, silence, a byte a second",
        format!(
            "408 (×{timed_out}) or closed (×{closed}); the others {}",
            sent.answers()
        ),
        sent.check(&server),
    );
}
