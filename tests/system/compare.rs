//! Recorded sessions of one script compared, of different harnesses and of the same: the first divergence
//! is the one that their scripts have.
//!
//! `cargo test --test system compare -- --nocapture` prints it. The recordings lie beside the repository;
//! without them there is nothing to compare.

use serde_json::{Value, json};

use crate::program::{Server, data_folder};
use crate::recordings::Recording;

/// One side of a comparison: a recording and an SQL condition that one of its sessions meets.
type Side = (&'static str, &'static str);

struct Case {
    a: Side,
    b: Side,
    /// Why they part there, as `meta.json` and the scripts of the recordings have it.
    because: &'static str,
    /// The calls that agree from the start; `None` when all do.
    agreed: Option<usize>,
    /// Words of the divergence.
    says: &'static [&'static str],
    /// Words of where the same call first fared differently; empty when none may have.
    outcome: &'static str,
}

const MAIN: &str = "parent_session_id is null";

const CASES: &[Case] = &[
    Case {
        a: ("opencode-effect-httpjson", MAIN),
        b: ("claude-code-grpc", MAIN),
        because: "README, six test runs and rm -rf are the same; only Claude Code's script loads its MCP tools by ToolSearch",
        agreed: Some(8),
        says: &[
            "only B called ToolSearch",
            "A went on with inventory_lookup_sku",
        ],
        outcome: "",
    },
    Case {
        a: ("opencode-effect-httpjson", MAIN),
        b: ("gemini-cli-grpc", "title not like 'SCENARIO-LOOP%'"),
        because: "OpenCode's script runs the tests six times, Gemini CLI's four times before rm -rf",
        agreed: Some(5),
        says: &[
            "only A called bash (./run_tests.sh",
            "B went on with run_shell_command (rm -rf",
        ],
        outcome: "",
    },
    Case {
        a: ("codex-grpc", MAIN),
        b: ("gemini-cli-grpc", "title not like 'SCENARIO-LOOP%'"),
        because: "Codex reads the README by a shell command, Gemini CLI by read_file",
        agreed: Some(0),
        says: &[
            "They part at the first call",
            "exec_command (cat README.md)",
            "read_file (README.md)",
        ],
        outcome: "",
    },
    Case {
        a: ("pydantic-ai-grpc", MAIN),
        b: ("vercel-ai-v6-grpc", MAIN),
        because: "the script for Vercel's SDK has no MCP server, so lookup_sku and reserve are missing",
        agreed: Some(8),
        says: &[
            "only A called lookup_sku",
            "B went on with run_shell (cat weird.txt",
        ],
        outcome: "",
    },
    Case {
        a: ("openai-agents-openinference-grpc", "tool_call_count > 10"),
        b: ("openai-agents-openinference-grpc", "title = 'turn limit'"),
        because: "the second run ends by MaxTurnsExceeded after three turns with a call each",
        agreed: Some(3),
        says: &[
            "only A called run_shell (./run_tests.sh",
            "B made no further call",
        ],
        outcome: "",
    },
    Case {
        a: (
            "langgraph-openllmetry-grpc-gzip",
            "session_id = 'thread-42'",
        ),
        b: (
            "langgraph-openllmetry-grpc-gzip",
            "session_id = 'thread-43'",
        ),
        because: "the second agent has no tool read_file, so its first call fails; after six test runs it deploys, where the first reads weird.txt",
        agreed: Some(7),
        says: &["flaky_deploy (target=staging)", "run_shell (cat weird.txt"],
        outcome: "At step 1 both called read_file",
    },
    Case {
        a: (
            "claude-code-default-flags",
            "tool_call_count = 3 and started_at = (select min(started_at) from sessions where tool_call_count = 3)",
        ),
        b: (
            "claude-code-default-flags",
            "tool_call_count = 3 and started_at = (select max(started_at) from sessions where tool_call_count = 3)",
        ),
        because: "two processes ran the same short script",
        agreed: None,
        says: &[],
        outcome: "",
    },
];

fn session(server: &Server, condition: &str) -> String {
    let found = server.sql(&format!(
        "select session_id from sessions where {condition}"
    ));
    assert_eq!(found.len(), 1, "{condition}");
    found[0]["session_id"].as_str().expect("an id").to_owned()
}

/// Sends the recordings of a case to a server of their own; gives the ids of the two sessions.
fn record(case: &Case, server: &Server) -> Option<(String, String)> {
    let mut ids = Vec::new();
    for (at, (name, condition)) in [case.a, case.b].into_iter().enumerate() {
        let recording = Recording::find(name)?;
        if at == 0 || case.a.0 != case.b.0 {
            for request in recording.requests() {
                request.send(server);
            }
            server.wait_until_loaded();
        }
        let before: Vec<String> = ids.iter().map(|id| format!("'{id}'")).collect();
        let of_this = match (at, case.a.0 == case.b.0) {
            (1, false) => format!(
                "({condition}) and harness != (select harness from sessions where session_id in ({}))",
                before.join(", ")
            ),
            _ => (*condition).to_owned(),
        };
        ids.push(session(server, &of_this));
    }
    let b = ids.pop()?;
    Some((ids.pop()?, b))
}

fn faults(case: &Case, compared: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let said = compared["divergence"].as_str().unwrap_or("nothing differs");
    let at = compared["divergence_at"].as_u64().map(|at| at as usize);
    if at != case.agreed {
        faults.push(format!("parts at {at:?}, not {:?}: {said}", case.agreed));
    }
    for words in case.says {
        if !said.contains(words) {
            faults.push(format!("does not say {words:?}: {said}"));
        }
    }
    let outcome = compared["outcome_divergence"].as_str().unwrap_or_default();
    if case.outcome.is_empty() != outcome.is_empty() || !outcome.contains(case.outcome) {
        faults.push(format!("outcome {outcome:?}, not {:?}", case.outcome));
    }
    faults
}

#[test]
fn compared_recordings_part_where_their_scripts_do() {
    let mut wrong = Vec::new();
    for case in CASES {
        let data = data_folder();
        let server = Server::start(data.path());
        let Some((a, b)) = record(case, &server) else {
            return;
        };
        let compared = server.get(&format!("/api/v1/compare?a={a}&b={b}"));
        let faults = faults(case, &compared);
        println!("\n{} / {a}\n{} / {b}", case.a.0, case.b.0);
        println!(
            "  {}",
            compared["divergence"].as_str().unwrap_or("all calls agree")
        );
        if let Some(outcome) = compared["outcome_divergence"].as_str() {
            println!("  {outcome}");
        }
        println!("  scripts: {}", case.because);
        println!("  B less A: {}", compared["delta"]);
        println!("  {}", if faults.is_empty() { "right" } else { "WRONG" });
        wrong.extend(
            faults
                .into_iter()
                .map(|fault| format!("{} / {}: {fault}", case.a.0, case.b.0)),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn groups_are_compared_by_their_sessions() {
    let data = data_folder();
    let server = Server::start(data.path());
    server.play_demo();
    server.wait_until_loaded();
    let harnesses = server.sql(
        "select harness, count(*) n from sessions where parent_session_id is null group by all order by n desc, harness",
    );
    let (a, b) = (&harnesses[0], &harnesses[1]);
    let path = format!(
        "/api/v1/compare?by=harness&a={}&b={}",
        a["harness"].as_str().expect("a name"),
        b["harness"].as_str().expect("a name")
    );
    let compared = server.get(&path);
    assert_eq!(compared["a"]["session_count"], a["n"]);
    assert_eq!(compared["b"]["session_count"], b["n"]);
    let outcomes = compared["a"]["outcomes"].as_object().expect("outcomes");
    let sum: i64 = outcomes.values().filter_map(Value::as_i64).sum();
    assert_eq!(json!(sum), a["n"]);
    let median = server.value(&format!(
        "select quantile_cont(tool_call_count, 0.5)::double from sessions where parent_session_id is null and harness = '{}'",
        a["harness"].as_str().expect("a name")
    ));
    assert_eq!(compared["a"]["tool_call_count"]["median"], median);
    let output = server.command(&[
        "compare",
        "--by",
        "harness",
        a["harness"].as_str().expect("a name"),
        b["harness"].as_str().expect("a name"),
    ]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("time, median"),
        "{said}"
    );
    assert_eq!(
        server
            .get_bytes("/api/v1/compare?by=harness&a=none&b=none")
            .0,
        404
    );
    assert_eq!(server.get_bytes("/api/v1/compare?by=colour&a=x&b=y").0, 400);
}
