//! Clocks that jump.

use super::load::Load;
use super::row;
use super::shim::{Fault, Shim};
use crate::program::{Server, data_folder};

const DAY_S: i64 = 86_400;

#[test]
fn a_clock_that_jumps_loses_and_delays_nothing() {
    let Some(shim) = Shim::build() else {
        return;
    };
    let data = data_folder();
    let server = shim.server(data.path());
    let load = Load::start(&server, 2, 10_000);
    // The last one is before 1970.
    for offset_s in [0, 2 * DAY_S, -3 * DAY_S, 40_000 * DAY_S, -40_000 * DAY_S, 0] {
        shim.set(Fault::Clock { offset_s });
        load.wait_for_more(10);
        // What watches and what asks work on under any clock.
        assert_eq!(server.get_bytes("/readyz").0, 200);
        assert!(server.value("select count(*) from sessions").is_u64());
    }
    let sent = load.finish();
    let after = sent.check(&server);
    server.kill();
    let server = Server::start(data.path());
    sent.check(&server);
    row(
        "clock jumps by days and by a century, both ways",
        sent.answers(),
        format!("{after}, also after kill -9"),
    );
}
