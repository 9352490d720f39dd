//! What the command line says and how it exits.

use std::net::TcpListener;
use std::process::Output;

use crate::program::{Server, data_folder, program};

fn code_and_message(output: &Output) -> (i32, String) {
    (
        output.status.code().unwrap(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn wrong_flags_exit_with_64() {
    for args in [
        &["serve", "--nonsense"][..],
        &["bogus"],
        &["sql"],
        &["serve", "--ui", "nowhere"],
        &["demo", "--speed", "0"],
    ] {
        let (code, message) = code_and_message(&program().args(args).output().unwrap());
        assert_eq!(code, 64, "{args:?}: {message}");
        assert!(message.contains("--help"), "{args:?}: {message}");
    }
}

#[test]
fn help_and_version_exit_with_0() {
    for args in [
        &["--help"][..],
        &["--version"],
        &["sql", "--help"],
        &["help", "demo"],
    ] {
        let output = program().args(args).output().unwrap();
        assert!(
            output.status.success() && !output.stdout.is_empty(),
            "{args:?}"
        );
    }
}

#[test]
fn taken_port_exits_with_69_and_says_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    for flag in ["--ui", "--otlp-grpc", "--otlp-http"] {
        let data = data_folder();
        let mut command = program();
        command.arg("serve").arg("--data").arg(data.path());
        for other in ["--ui", "--otlp-grpc", "--otlp-http"] {
            let address = if other == flag {
                address.to_string()
            } else {
                "127.0.0.1:0".to_owned()
            };
            command.args([other, &address]);
        }
        let (code, message) = code_and_message(&command.output().unwrap());
        assert_eq!(code, 69, "{message}");
        assert!(
            message.contains(&address.port().to_string()) && message.contains(flag),
            "{message}"
        );
    }
}

#[test]
fn locked_data_folder_exits_with_69() {
    let data = data_folder();
    let _server = Server::start(data.path());
    let output = program()
        .args(["sql", "select 1", "--data"])
        .arg(data.path())
        .output()
        .unwrap();
    let (code, message) = code_and_message(&output);
    assert_eq!(code, 69, "{message}");
    assert!(message.contains(data.path().to_str().unwrap()), "{message}");
}

#[test]
fn absent_server_or_folder_exits_with_69() {
    // A free port may be another test's server a moment later; nobody has this one.
    let url = "http://127.0.0.1:1";
    let data = data_folder();
    let absent = data.path().join("nothing");
    let absent = absent.to_str().unwrap();
    for args in [
        &["sessions", "--url", url][..],
        &["demo", "--fast", "--endpoint", url],
        &["loops", "--data", absent],
    ] {
        let (code, message) = code_and_message(&program().args(args).output().unwrap());
        assert_eq!(code, 69, "{args:?}: {message}");
        assert!(
            message.lines().count() == 1 && message.contains("spanreel"),
            "{message}"
        );
    }
}

#[test]
fn results_are_printed_as_table_json_and_csv() {
    let data = data_folder();
    let server = Server::start(data.path());
    let query = "select 1 as one, 'a,\"b\"' as two, null as three";
    let print = |format: &str| {
        String::from_utf8(server.command(&["sql", query, "--format", format]).stdout).unwrap()
    };
    assert!(print("table").contains("NULL"));
    assert_eq!(print("csv"), "one,two,three\r\n1,\"a,\"\"b\"\"\",\r\n");
    assert_eq!(
        print("json").split_whitespace().collect::<String>(),
        r#"[{"one":1,"two":"a,\"b\"","three":null}]"#
    );
}

#[test]
fn control_characters_are_made_visible() {
    let data = data_folder();
    let server = Server::start(data.path());
    let query = "select 'red: ' || chr(27) || '[31m' || chr(7) as t";
    for format in ["table", "json"] {
        let output = server.command(&["sql", query, "--format", format]).stdout;
        assert!(
            !output.iter().any(|byte| matches!(byte, 0x1b | 0x07)),
            "{format}"
        );
    }
    let table = String::from_utf8(server.command(&["sql", query]).stdout).unwrap();
    assert!(table.contains("red: ␛[31m␇"), "{table}");
}

#[test]
fn mistakes_in_sql_are_shown_where_they_are() {
    let data = data_folder();
    let server = Server::start(data.path());
    let (code, message) = code_and_message(&server.command(&["sql", "select count(* from spans"]));
    assert_eq!(code, 64, "{message}");
    assert!(message.lines().last().unwrap().trim() == "^", "{message}");
    let (code, message) = code_and_message(&server.command(&["sql", "create table t (a int)"]));
    assert_eq!(code, 64, "{message}");
    assert!(message.contains("only reading"), "{message}");
}
