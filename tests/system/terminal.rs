//! The commands that look closely, and the view in a terminal.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::program::{Server, data_folder, program};
use crate::pty::Terminal;

const ENTER: &str = "\r";
const ESCAPE: &str = "\x1b";

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn error(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_recorded_run_is_looked_at_from_the_command_line() {
    let data = data_folder();
    let server = Server::start(data.path());
    let nothing = server.command(&["show", "last"]);
    assert_eq!(nothing.status.code(), Some(64));
    assert!(
        error(&nothing).contains("spanreel demo"),
        "{}",
        error(&nothing)
    );
    server.play_demo();
    server.wait_until_loaded();
    let coding = server.value("select session_id from sessions where harness = 'claude-code'");
    let coding = coding.as_str().unwrap();

    // A session by the beginning of its id, as a tree: folded, with its findings.
    let shown = text(&server.command(&["show", &coding[..13]]));
    for expected in [
        "Bash ×6 error",
        "⚑ loop",
        "[0:39]",
        "denied",
        "└─ ",
        "Findings",
        "turn 2",
    ] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    assert!(!shown.contains('\x1b'), "no colour in a pipe");
    let errors = text(&server.command(&["show", coding, "--errors", "--ids"]));
    assert!(
        errors.lines().count() < shown.lines().count() / 2 && errors.contains("Bash ×6"),
        "{errors}"
    );
    let turn = text(&server.command(&["show", coding, "--turn", "2"]));
    assert!(
        turn.contains("pytest") && !turn.contains("Bash ×6"),
        "{turn}"
    );
    let flat = text(&server.command(&["show", coding, "--depth", "1", "--payloads"]));
    assert!(flat.contains("┌ input") && !flat.contains("├─"), "{flat}");
    let json: Value =
        serde_json::from_slice(&server.command(&["show", coding, "--json"]).stdout).unwrap();
    assert_eq!(json["session_id"], coding);

    // What is meant has to be clear.
    for (args, expected) in [
        (&["show", "no-such"][..], "there is no session `no-such`"),
        (&["show", ""], "more than one session"),
        (&["show", "@99"], "there are only 4 sessions"),
        (&["show", coding, "--turn", "9"], "the last is 2"),
        (&["span", "ffff0000ffff"], "there is no span"),
        (&["span", "", ""], "more than one span"),
        (&["why", "no-such"], "there is no session"),
    ] {
        let output = server.command(args);
        assert_eq!(output.status.code(), Some(64), "{args:?}");
        assert!(
            error(&output).contains(expected),
            "{args:?}: {}",
            error(&output)
        );
    }

    // A span by the beginning of its id; its payload byte for byte, and a part of it.
    let place = server.sql(
        "select trace_id, span_id, output, output_hash from spans where output_size > 200000 limit 1",
    );
    let column = |name: &str| place[0][name].as_str().unwrap();
    let span = text(&server.command(&["span", &column("span_id")[..12]]));
    assert!(span.contains(column("output_hash")), "{span}");
    let whole = server.command(&["payload", column("output_hash")]);
    assert_eq!(whole.stdout, column("output").as_bytes());
    let part = server.command(&["payload", column("output_hash"), "--range", "-5"]);
    assert_eq!(
        part.stdout,
        &column("output").as_bytes()[column("output").len() - 5..]
    );
    let none = server.command(&["payload", &"0".repeat(64)]);
    assert_eq!(none.status.code(), Some(64));

    // Filters.
    let findings = |args: &[&str]| {
        let args = [&["findings", "--json"][..], args].concat();
        let all: Vec<Value> = serde_json::from_slice(&server.command(&args).stdout).unwrap();
        all
    };
    assert!(findings(&["last"]).len() < findings(&[]).len());
    let certain = findings(&[
        "--confidence",
        "certain",
        "--kind",
        "loop",
        "--severity",
        "error",
    ]);
    assert_eq!(certain.len(), 1, "{certain:?}");
    let sessions = |args: &[&str]| {
        let args = [&["sessions", "--json"][..], args].concat();
        let rows: Vec<Value> = serde_json::from_slice(&server.command(&args).stdout).unwrap();
        rows.iter()
            .map(|row| row["harness"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(sessions(&["--status", "error"]), ["openai-agents"]);
    assert_eq!(
        sessions(&["--finding", "blocked", "--since", "1h"]),
        ["claude-code"]
    );
    assert_eq!(
        sessions(&["--min-duration", "1m", "--sort", "duration"]),
        ["research-team", "claude-code"]
    );
    assert_eq!(
        sessions(&["--sort", "duration", "--reverse", "--limit", "1"]),
        ["openai-agents"]
    );
    assert!(sessions(&["--until", "2001-01-01"]).is_empty());
    assert_eq!(
        server
            .command(&["sessions", "--since", "tomorrow"])
            .status
            .code(),
        Some(64)
    );
    assert!(text(&server.command(&["stats"])).contains("sessions"));

    // The reader of a pipe may go away.
    let piped = Command::new("bash")
        .args([
            "-c",
            "set -o pipefail; \"$0\" show \"$1\" --url \"$2\" --all --payloads | head -n 1",
        ])
        .args([
            program().get_program().to_str().unwrap(),
            coding,
            &server.url,
        ])
        .output()
        .unwrap();
    assert!(
        piped.status.success() && piped.stderr.is_empty(),
        "{}",
        error(&piped)
    );
}

#[test]
fn colour_is_for_terminals_unless_asked_for_or_against() {
    let data = data_folder();
    let server = Server::start(data.path());
    server.play_demo();
    server.wait_until_loaded();
    let show = |name: &str, value: &str| {
        let mut command = program();
        command
            .args(["show", "last", "--url", &server.url])
            .env_remove("NO_COLOR")
            .env(name, value);
        text(&command.output().unwrap())
    };
    assert!(show("CLICOLOR_FORCE", "1").contains("\x1b["));
    assert!(!show("NO_COLOR", "1").contains('\x1b'));
    let args = ["show", "last", "--url", &server.url];
    let Some(mut coloured) = Terminal::start(100, 20, &args, &[("PAGER", "")]) else {
        return;
    };
    assert!(coloured.end().starts_with("exit 0"));
    let Some(mut paged) = Terminal::start(100, 20, &args, &[("PAGER", "head -n 2; echo paged")])
    else {
        return;
    };
    paged.end();
    assert!(paged.text().contains("paged"), "{}", paged.text());
}

#[test]
fn tail_follows_and_ends_quietly() {
    let data = data_folder();
    let server = Server::start(data.path());
    let mut tail = program()
        .args([
            "tail",
            "--operation",
            "tool",
            "--json",
            "--url",
            &server.url,
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    server.play_demo();
    let acts: Vec<Value> = lines
        .take(150)
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect();
    assert!(acts.iter().all(|act| act["operation"] == "tool"));
    let ids: Vec<i64> = acts
        .iter()
        .map(|act| act["act_id"].as_i64().unwrap())
        .collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    let pid = tail.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert!(tail.wait().unwrap().success());
}

#[test]
fn queries_come_through_a_pipe() {
    let data = data_folder();
    let server = Server::start(data.path());
    let run = |queries: &str| {
        let script = "printf '%s' \"$1\" | \"$0\" sql --format csv --url \"$2\"";
        let spanreel = program();
        let spanreel = spanreel.get_program().to_str().unwrap();
        Command::new("bash")
            .args(["-c", script, spanreel, queries, &server.url])
            .output()
            .unwrap()
    };
    let output = run("select 1 a;\nselect ';' -- ;\n b;\n.format json\nselect 2 c");
    assert_eq!(
        text(&output),
        "a\r\n1\r\nb\r\n;\r\n[\n  {\n    \"c\": 2\n  }\n]\n"
    );
    let wrong = run("select nothing;\nselect 1;");
    assert_eq!((wrong.status.code(), text(&wrong).as_str()), (Some(64), ""));
    assert!(error(&wrong).ends_with("         ^\n"), "{}", error(&wrong));
    assert!(text(&run(".schema denials")).contains("decision_source"));
}

#[test]
fn the_console_edits_completes_and_remembers() {
    let data = data_folder();
    let server = Server::start(data.path());
    let home = data_folder();
    let own = [
        ("XDG_DATA_HOME", home.path().to_str().unwrap()),
        ("HOME", home.path().to_str().unwrap()),
    ];
    let args = ["sql", "--url", &server.url];
    let Some(mut console) = Terminal::start(100, 30, &args, &own) else {
        return;
    };
    console.wait_for("spanreel>");
    console.press("select count(*) as n\rfrom find\t;\r");
    let screen = console.wait_for("1 row");
    assert!(screen.contains("from findings"), "{screen}");
    console.press("select nothing;\r");
    console.wait_for("       ^");
    for keys in ["select half a th", "\x03", ".timing on\r", "select 3;\r"] {
        console.press(keys);
        console.wait_for("spanreel>");
    }
    console.wait_for(" ms");
    console.press("\x04");
    assert_eq!(console.end().trim(), "exit 0, restored True");
    let history = find_file(home.path(), "sql_history").expect("a history");
    let history = fs::read_to_string(history).unwrap();
    assert!(
        history.contains("from findings") && history.contains("select 3"),
        "{history}"
    );
}

fn find_file(folder: &Path, name: &str) -> Option<std::path::PathBuf> {
    fs::read_dir(folder)
        .ok()?
        .flatten()
        .find_map(|entry| match entry.path() {
            path if path.is_dir() => find_file(&path, name),
            path => (path.file_name()? == name).then_some(path),
        })
}

#[test]
fn the_view_opens_moves_and_gives_the_terminal_back() {
    let data = data_folder();
    let server = Server::start(data.path());
    let output = program()
        .args(["tui", "--url", &server.url])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64), "{}", error(&output));
    server.play_demo();
    server.wait_until_loaded();
    let Some(mut view) = Terminal::start(110, 30, &["tui", "--url", &server.url], &[]) else {
        return;
    };
    view.wait_for("claude-code");
    assert!(view.is_alternate());
    view.press("/coupon\r");
    view.wait_for("claude-code");
    view.press(ENTER);
    view.wait_for("turn 1");
    view.press("e");
    view.press(ENTER);
    view.wait_for("run_tests.sh");
    view.press("?");
    view.wait_for("Whole payloads");
    view.press("?");
    view.press(ESCAPE);
    view.wait_for("Bash ×6");
    view.press("gl");
    view.wait_for("Live");
    view.press("q");
    assert_eq!(view.end().trim(), "exit 0, restored True");
    assert!(!view.is_alternate() && !view.hides_cursor());
}

#[test]
fn bash_completes_commands_and_flags() {
    if Command::new("bash").arg("--version").output().is_err() {
        println!("skipped: there is no bash");
        return;
    }
    let script = r#"
        source <("$0" completions bash) || exit 1
        complete -p spanreel > /dev/null || exit 2
        COMP_WORDS=(spanreel fin); COMP_CWORD=1; _spanreel spanreel fin spanreel; echo "${COMPREPLY[@]}"
        COMP_WORDS=(spanreel show --pay); COMP_CWORD=2; _spanreel spanreel --pay show; echo "${COMPREPLY[@]}"
    "#;
    let output = Command::new("bash")
        .args(["-c", script])
        .arg(program().get_program())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", error(&output));
    assert_eq!(text(&output), "findings\n--payloads\n");
    for shell in ["zsh", "fish", "powershell", "elvish"] {
        let output = program().args(["completions", shell]).output().unwrap();
        assert!(
            output.status.success() && text(&output).contains("payload"),
            "{shell}"
        );
    }
}

#[test]
fn manual_pages_render() {
    let folder = data_folder();
    let written = program()
        .args(["man", "--dir"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(written.status.success(), "{}", error(&written));
    for page in ["spanreel.1", "spanreel-show.1", "spanreel-tui.1"] {
        let file = folder.path().join(page);
        assert!(
            fs::read_to_string(&file).unwrap().contains(".SH NAME"),
            "{page}"
        );
        let Ok(rendered) = Command::new("man")
            .arg("-l")
            .arg(&file)
            .env("MANPAGER", "cat")
            .output()
        else {
            println!("not rendered: there is no man");
            continue;
        };
        assert!(
            rendered.status.success() && text(&rendered).contains("DESCRIPTION"),
            "{page}: {}",
            error(&rendered)
        );
    }
    let one = program().args(["man", "show"]).output().unwrap();
    assert_eq!(
        one.stdout,
        fs::read(folder.path().join("spanreel-show.1")).unwrap()
    );
    assert_eq!(
        program()
            .args(["man", "nonsense"])
            .output()
            .unwrap()
            .status
            .code(),
        Some(64)
    );
}
