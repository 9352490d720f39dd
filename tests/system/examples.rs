//! What the documentation shows runs, and answers as it did: docs/sql.md, the saved queries, and the
//! commands of the README and of the help, over the demo.

use std::fmt::Write as _;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use clap::CommandFactory as _;
use spanreel::args::Args;

use crate::program::{Server, data_folder, repository, wait};

/// The demo, recorded.
struct Recorded {
    server: Server,
    _data: TempDir,
    /// Session ids, and the names that stand for them in snapshots.
    sessions: Vec<(String, String)>,
}

fn recorded() -> Recorded {
    let data = data_folder();
    let server = Server::start(data.path());
    server.play_demo();
    server.wait_until_loaded();
    server.wait_for(
        "select count(*) from findings where kind = 'loop'",
        &json!(2),
    );
    let rows = server.sql(
        "from sessions select session_id, harness || if(parent_session_id is null, '', ' child') as name",
    );
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let sessions = rows
        .iter()
        .map(|row| (text(&row["session_id"]), text(&row["name"])));
    Recorded {
        sessions: sessions.collect(),
        server,
        _data: data,
    }
}

#[test]
fn what_is_shown_runs() {
    let demo = recorded();
    sql_page(&demo);
    saved_queries(&demo);
    help_and_readme(&demo);
    search_in_the_terminal(&demo);
}

impl Recorded {
    fn session(&self, name: &str) -> &str {
        let found = self.sessions.iter().find(|(_, known)| known == name);
        &found.expect("a session of the demo").0
    }

    /// Columns and rows of an answer, with what differs from run to run masked.
    fn ask(&self, path: &str, body: &Value) -> String {
        let url = format!("{}/api/v1{path}", self.server.url);
        let (status, answer) = wait(async {
            let request = reqwest::Client::new().post(url).json(body);
            let response = request.send().await.expect("an answer");
            (
                response.status(),
                response.json::<Value>().await.expect("JSON"),
            )
        });
        assert!(status.is_success(), "{path} {body}: {answer}");
        let columns = answer["columns"].as_array().unwrap();
        let names: Vec<&str> = columns
            .iter()
            .map(|c| c["name"].as_str().unwrap())
            .collect();
        // Ids differ from run to run, and with them the order of equals.
        let mut rows = Vec::new();
        for row in answer["rows"].as_array().unwrap() {
            let cells = row.as_array().unwrap().iter().zip(columns);
            let cells =
                cells.map(|(cell, column)| self.masked(cell, column["type"].as_str().unwrap()));
            rows.push(cells.collect::<Vec<_>>().join(" | "));
        }
        rows.sort();
        format!("{}\n{}\n", names.join(" | "), rows.join("\n"))
    }

    fn masked(&self, cell: &Value, sql_type: &str) -> String {
        if sql_type.starts_with("TIMESTAMP") || sql_type == "DATE" {
            return if cell.is_null() { "null" } else { "<time>" }.to_owned();
        }
        if let Some(number) = cell.as_f64()
            && cell.is_f64()
        {
            return format!("{number:.4}");
        }
        let mut text = match cell {
            Value::String(text) => text.replace('\n', "\\n"),
            cell => cell.to_string(),
        };
        for (id, name) in &self.sessions {
            text = text.replace(id, &format!("<{name}>"));
        }
        ids_masked(&text)
    }
}

/// Runs of 12 and more hex digits, dashes among them, as `<id>`.
fn ids_masked(text: &str) -> String {
    let mut out = String::new();
    let mut run = String::new();
    for c in text.chars().chain([' ']) {
        if c.is_ascii_hexdigit() || (c == '-' && !run.is_empty()) {
            run.push(c);
            continue;
        }
        let digits = run.bytes().filter(u8::is_ascii_digit).count();
        out.push_str(if run.len() >= 12 && digits >= 3 {
            "<id>"
        } else {
            &run
        });
        run.clear();
        out.push(c);
    }
    out.trim_end().to_owned()
}

fn page(path: &str) -> String {
    std::fs::read_to_string(repository(path)).expect("a page of the repository")
}

fn sql_page(demo: &Recorded) {
    let page = page("docs/sql.md");
    let blocks = page.split("```sql\n").skip(1);
    let mut told = String::new();
    let mut count = 0;
    for sql in blocks.map(|rest| rest.split("```").next().unwrap()) {
        let asked = sql.replace("'s1'", &format!("'{}'", demo.session("claude-code")));
        let _ = writeln!(
            told,
            "{sql}\n{}",
            demo.ask("/sql", &json!({ "sql": asked }))
        );
        count += 1;
    }
    assert!(count >= 15, "{count} examples");
    insta::assert_snapshot!("sql_page", told);
}

fn saved_queries(demo: &Recorded) {
    let list = demo.server.get("/api/v1/queries");
    let page = page("docs/sql.md");
    let mut told = String::new();
    for query in list["queries"].as_array().unwrap() {
        let name = query["name"].as_str().unwrap();
        let listed = format!("| `{name}` | {}", query["description"].as_str().unwrap());
        assert!(page.contains(&listed), "docs/sql.md has no line {listed}");
        let mut params = json!({});
        for parameter in query["parameters"].as_array().unwrap() {
            match parameter["name"].as_str().unwrap() {
                "session" => params["session"] = demo.session("claude-code").into(),
                "text" => params["text"] = "checkout".into(),
                "file" => params["file"] = "pricing".into(),
                _ => {}
            }
        }
        let answer = demo.ask(&format!("/queries/{name}"), &json!({ "params": params }));
        let _ = writeln!(told, "# {name}\n{answer}");
    }
    insta::assert_snapshot!("saved_queries", told);
}

/// Commands that only read.
const READING: [&str; 6] = ["sql", "search", "sessions", "loops", "why", "stats"];

/// Commands of the help and the README that read.
fn commands(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| {
        let line = line.trim_start();
        let line = line
            .split_once("| spanreel ")
            .map_or(line, |(_, line)| line);
        let line = line
            .strip_prefix("./spanreel.sh ")
            .or(line.strip_prefix("spanreel "))
            .unwrap_or(line);
        let word = line.split_whitespace().next().unwrap_or_default();
        READING.contains(&word)
    })
}

fn help_and_readme(demo: &Recorded) {
    let mut shown: Vec<String> = commands(&page("README.md")).map(str::to_owned).collect();
    let command = Args::command();
    let helps = command.get_subcommands().chain([&command]);
    for help in helps.filter_map(|command| command.get_after_help()) {
        let help = help.to_string();
        shown.extend(
            commands(&help)
                .filter(|line| line.starts_with("  ") && line.contains("spanreel"))
                .map(str::to_owned),
        );
    }
    assert!(shown.len() >= 15, "{shown:#?}");
    let session = demo.session("claude-code");
    let folder = data_folder();
    for line in shown {
        let command = line.trim().replace("./spanreel.sh ", "spanreel ");
        // What follows in other columns is said of the command.
        let command = command.split("   ").next().unwrap_or_default();
        let command = command.split(" | jq").next().unwrap_or_default();
        let command = command
            .replace("1f3a0c52-…", session)
            .replace("SESSION", session);
        let command = match command.rsplit_once(" > ") {
            Some((command, file)) if file.trim().ends_with(".csv") => command,
            _ => &command,
        };
        // A console is for people at a terminal, and a model has to be named by somebody.
        if command.trim() == "spanreel sql" || command.contains(" --ask") {
            continue;
        }
        let shell = Command::new("sh")
            .args([
                "-c",
                &format!(
                    "spanreel() {{ word=$1; shift; \"$SPANREEL\" \"$word\" --url \"$URL\" \"$@\"; }}; {command}"
                ),
            ])
            .env("SPANREEL", env!("CARGO_BIN_EXE_spanreel"))
            .env("URL", &demo.server.url)
            .current_dir(folder.path())
            .output()
            .expect("a shell");
        let told = String::from_utf8_lossy(&shell.stderr);
        assert!(shell.status.success(), "{command}: {told}");
        assert!(!shell.stdout.is_empty(), "{command}");
    }
}

fn search_in_the_terminal(demo: &Recorded) {
    let output = demo.server.command(&[
        "search",
        "\"rm -rf\"",
        "--operation",
        "tool",
        "--limit",
        "1",
    ]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.contains(demo.session("claude-code")), "{text}");
    assert!(text.contains("rm -rf"), "{text}");
    let output = demo.server.command(&["search", "xylophonist"]);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "Nothing says that.\n"
    );
    let output = demo.server.command(&["search", "\"open"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).contains("closing quotation mark"));
}
