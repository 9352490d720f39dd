//! Clients that others wrote speak to a server: drivers of Arrow Flight SQL, readers of Arrow, a client
//! library for Jaeger, one generated from the OpenAPI document, and schemathesis over the whole document.
//!
//! The programs are in `tests/sdk`; `test.sh` installs what they need and names the Python interpreter
//! in SPANREEL_TEST_PYTHON. Without it these tests have nothing to run and say so.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use crate::program::{Server, data_folder, repository};

/// Runs a program of `tests/sdk` on a server with the demo's runs.
fn run(program: &str, more: &[&OsStr]) {
    let Some(python) = python() else { return };
    let data = data_folder();
    let server = Server::start(data.path());
    server.play_demo();
    server.wait_until_loaded();
    let mut command = Command::new(python);
    command
        .arg(repository("tests/sdk").join(program))
        .arg(&server.url)
        .args(more);
    succeed(command);
}

fn python() -> Option<String> {
    let python = std::env::var("SPANREEL_TEST_PYTHON").ok();
    if python.is_none() {
        println!(
            "not run: SPANREEL_TEST_PYTHON names no Python with the clients; ./test.sh sets it up"
        );
    }
    python
}

fn succeed(mut command: Command) {
    let output = command.output().expect("the program runs");
    let told = String::from_utf8_lossy(&output.stdout);
    println!("{told}");
    assert!(
        output.status.success(),
        "{told}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn adbc_over_flight_sql() {
    run("flight_sql.py", &[]);
}

#[test]
fn pandas_polars_and_duckdb_read_arrow_as_documented() {
    let page = repository("docs/api.md");
    run("arrow_readers.py", &[page.as_os_str()]);
}

#[test]
fn a_generated_client() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    run("generated_client.py", &[folder.path().as_os_str()]);
}

#[test]
fn a_client_of_jaeger() {
    run("jaeger_client.py", &[]);
}

/// Random requests, well and badly formed, to every operation of the document. What a schema cannot
/// tell, whether a text is SQL or an id is known, is not held against the server.
#[test]
fn schemathesis_over_the_openapi_document() {
    let Some(python) = python() else { return };
    let data = data_folder();
    let server = Server::start(data.path());
    server.play_demo();
    server.wait_until_loaded();
    let program = Path::new(&python).with_file_name("schemathesis");
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new(program);
    command
        .current_dir(scratch.path())
        .env("SCHEMATHESIS_HOOKS", "schemathesis_hooks")
        .env("PYTHONPATH", repository("tests/sdk"))
        .env("SPANREEL_TEST_URL", &server.url)
        .args(["run", &format!("{}/api/v1/openapi.json", server.url)])
        .args(["--url", &server.url])
        .args(["--seed", "7", "--max-examples", "10", "--max-time", "80"])
        .args(["--mode", "all", "--request-timeout", "20"])
        .args(["--phases", "examples,coverage,fuzzing"])
        .args(["--generation-database", "none", "--no-color"])
        .args([
            "--exclude-checks",
            "positive_data_acceptance,negative_data_rejection",
        ])
        // A stream that does not end.
        .args(["--exclude-path", "/api/v1/live"]);
    succeed(command);
    assert_eq!(server.get_bytes("/healthz").0, 200);
}
