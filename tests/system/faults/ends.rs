//! The program is told to stop while it is being sent to.

use super::load::Load;
use super::row;
use crate::program::{Server, data_folder};

#[test]
fn sigterm_under_load_ends_well_and_keeps_everything() {
    let data = data_folder();
    let server = Server::start(data.path());
    let load = Load::start(&server, 6, 50_000);
    load.wait_for_more(40);
    // Waits for its end, which must be exit code 0.
    server.stop();
    let server = Server::start(data.path());
    load.go_to(&server);
    load.wait_for_more(10);
    let sent = load.finish();
    row(
        "SIGTERM under load, then a new start",
        sent.answers(),
        format!("exit code 0; {}", sent.check(&server)),
    );
}
