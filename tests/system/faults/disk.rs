//! Disks that are full, read-only, slow or failing.

use super::load::Load;
use super::shim::{Fault, Files, Shim};
use super::small_disk::SmallDisk;
use super::{metric, readiness, row, wait_until};
use crate::program::{Server, data_folder, serve};

/// `EIO` and `EROFS` of Linux.
const IO_ERROR: i64 = 5;
const READ_ONLY: i64 = 30;

#[test]
fn a_full_disk_stops_acknowledging_and_recovers_by_itself() {
    let Some(disk) = SmallDisk::make(96) else {
        return;
    };
    let data = disk.path().join("data");
    let server = Server::spawn(disk.inside(&serve(&data)));
    let load = Load::start(&server, 3, 100_000);
    load.wait_for_more(20);
    disk.fill(90 - used_mib(&server));
    wait_until("senders are told to retry", || {
        load.count("503 Retry-After 5") > 10
    });
    // Reading goes on, and says what is the matter.
    assert!(server.value("select count(*) from spans").as_u64() > Some(0));
    let (status, reason) = readiness(&server);
    assert_eq!(status, 503, "{reason}");
    assert!(metric(&server, "spanreel_ingest_refusals_total{reason=\"disk\"}") > 10.0);
    disk.empty();
    load.wait_for_more(20);
    assert_eq!(readiness(&server), (200, "ready".to_owned()));
    let sent = load.finish();
    let after = sent.check(&server);
    server.kill();
    let server = Server::spawn(disk.inside(&serve(&data)));
    sent.check(&server);
    row(
        "disk full, then room again",
        format!("{}; `/readyz` 503 “{reason}”", sent.answers()),
        format!(
            "queries answered meanwhile; acknowledges again without a restart; {after}, also after kill -9"
        ),
    );
}

/// What the data folder holds.
fn used_mib(server: &Server) -> u32 {
    let stats = server.get("/api/v1/stats");
    let parts = stats["folder"]["parts"].as_array().expect("a list");
    let bytes: u64 = parts
        .iter()
        .map(|part| part["size_bytes"].as_u64().expect("a number"))
        .sum();
    u32::try_from(bytes >> 20).expect("a small disk")
}

#[test]
fn a_read_only_disk_is_said_at_the_start() {
    let Some(disk) = SmallDisk::make(96) else {
        return;
    };
    let data = disk.path().join("data");
    let server = Server::spawn(disk.inside(&serve(&data)));
    let load = Load::start(&server, 1, 10_000);
    load.wait_for_more(5);
    let sent = load.finish();
    sent.check(&server);
    server.stop();
    disk.make_read_only();
    let refused = disk.inside(&serve(&data)).output().expect("it ends");
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(69), "{message}");
    let last = message.lines().last().unwrap_or_default();
    assert!(last.contains("read-only filesystem"), "{message}");
    disk.make_writable();
    let server = Server::spawn(disk.inside(&serve(&data)));
    row(
        "disk read-only at the start",
        "connection refused",
        format!(
            "exit code 69, “cannot prepare the data folder …: read-only filesystem or storage medium”; {}",
            sent.check(&server)
        ),
    );
}

#[test]
fn a_disk_that_turns_read_only_stops_acknowledging() {
    let Some(shim) = Shim::build() else {
        return;
    };
    let data = data_folder();
    let server = shim.server(data.path());
    let load = Load::start(&server, 3, 20_000);
    load.wait_for_more(20);
    shim.set(Fault::FailingWrites {
        errno: READ_ONLY,
        files: Files::Both,
    });
    wait_until("senders are told to retry", || {
        load.count("503 Retry-After 5") > 10
    });
    let (status, reason) = readiness(&server);
    assert_eq!(status, 503, "{reason}");
    shim.set(Fault::None);
    load.wait_for_more(20);
    let sent = load.finish();
    row(
        "disk turns read-only, then writable",
        format!("{}; `/readyz` 503", sent.answers()),
        format!(
            "acknowledges again without a restart; {}",
            sent.check(&server)
        ),
    );
}

#[test]
fn a_slow_disk_makes_answers_late_and_shared() {
    let Some(shim) = Shim::build() else {
        return;
    };
    let data = data_folder();
    let server = shim.server(data.path());
    shim.set(Fault::SlowSyncs {
        delay_ms: 400,
        files: Files::Both,
    });
    let load = Load::start(&server, 8, 20_000);
    load.wait_for_more(40);
    let syncs = metric(&server, "spanreel_journal_syncs_total");
    let requests = metric(&server, "spanreel_ingest_requests_total");
    assert!(syncs < requests, "{syncs} syncs for {requests} requests");
    shim.set(Fault::None);
    let sent = load.finish();
    row(
        "slow disk: 0.4 s for each sync",
        format!(
            "{}, each after its sync, {requests} requests in {syncs} syncs",
            sent.answers()
        ),
        sent.check(&server),
    );
}

#[test]
fn a_database_that_cannot_be_written_holds_up_nobody() {
    let Some(shim) = Shim::build() else {
        return;
    };
    let data = data_folder();
    let server = shim.server(data.path());
    let load = Load::start(&server, 3, 20_000);
    load.wait_for_more(20);
    shim.set(Fault::FailingWrites {
        errno: IO_ERROR,
        files: Files::Database,
    });
    wait_until("storing fails", || {
        metric(&server, "spanreel_load_failures_total") >= 2.0
    });
    load.wait_for_more(20);
    let lag = metric(&server, "spanreel_ingest_lag_seconds");
    assert!(lag > 0.0, "{lag}");
    shim.set(Fault::None);
    let sent = load.finish();
    let after = sent.check(&server);
    row(
        "the database's files cannot be written (EIO)",
        format!("{}: the journal takes what comes", sent.answers()),
        format!("stored once they can; {after}"),
    );
}

#[test]
fn an_engine_that_gives_up_is_opened_again() {
    let Some(shim) = Shim::build() else {
        return;
    };
    let data = data_folder();
    let server = shim.server(data.path());
    let load = Load::start(&server, 3, 20_000);
    load.wait_for_more(20);
    // The engine takes a failed sync as fatal: its instance refuses everything from then on.
    shim.set(Fault::FailingSyncs {
        errno: IO_ERROR,
        files: Files::Database,
    });
    let recoveries = || metric(&server, "spanreel_database_recoveries_total");
    wait_until("the database is opened again", || recoveries() >= 1.0);
    shim.set(Fault::None);
    load.wait_for_more(20);
    wait_until("there are rows", || {
        server.value("select count(*) from spans").as_u64() > Some(0)
    });
    let sent = load.finish();
    row(
        "FATAL error of the engine (a sync of the database fails)",
        format!("{}: the journal takes what comes", sent.answers()),
        format!(
            "the database is opened again by itself; {}",
            sent.check(&server)
        ),
    );
}
