//! Faults of disk, clock, engine and senders: what the sender got, and that nothing acknowledged was lost.
//!
//! `cargo test --test system faults:: -- --nocapture | grep '^|'` prints the table of docs/operations.md.

mod clock;
mod connections;
mod disk;
mod ends;
mod engine;
mod load;
mod memory;
mod shim;
mod small_disk;

use std::fmt::Display;
use std::thread;
use std::time::{Duration, Instant};

use crate::program::Server;

/// How long anything may take that is not instant, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(90);

/// Prints a row of the table.
fn row(fault: &str, sender: impl Display, after: impl Display) {
    println!("| {fault} | {sender} | {after} |");
}

/// Waits until something is so.
#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < PATIENCE, "{what}: not in {PATIENCE:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A value of `/metrics`, by its name and labels.
fn metric(server: &Server, name: &str) -> f64 {
    let (status, body) = server.get_bytes("/metrics");
    assert_eq!(status, 200);
    let page = String::from_utf8(body).expect("text");
    let line = page.lines().find_map(|line| line.strip_prefix(name));
    let value = line.unwrap_or_else(|| panic!("no {name} in\n{page}"));
    value.trim().parse().expect("a number")
}

/// Status and text of `/readyz`.
fn readiness(server: &Server) -> (u16, String) {
    let (status, body) = server.get_bytes("/readyz");
    (status, String::from_utf8_lossy(&body).trim().to_owned())
}
