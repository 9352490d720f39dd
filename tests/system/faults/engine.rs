//! The data folder in other hands.

use super::load::Load;
use super::row;
use crate::program::{Server, data_folder, serve};

#[test]
fn a_folder_that_another_process_holds_is_left_alone() {
    let data = data_folder();
    let server = Server::start(data.path());
    let load = Load::start(&server, 2, 10_000);
    load.wait_for_more(10);
    let second = serve(data.path()).output().expect("it ends");
    let message = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(69), "{message}");
    let holder = format!("is in use by process {}", server.pid());
    assert!(message.contains(&holder), "{message}");
    load.wait_for_more(10);
    let sent = load.finish();
    row(
        "data folder held by another process",
        format!("the first: {}; the second refuses to start", sent.answers()),
        format!(
            "exit code 69, “… is in use by process …; stop it, or choose another folder”; {}",
            sent.check(&server)
        ),
    );
}
