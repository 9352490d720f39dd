//! What the detectors find in each recording of a real harness, beside what is known to have happened:
//! planted loops with their count, denials with what the model asked for next, and no other certain
//! finding.
//!
//! `cargo test --test system findings -- --nocapture --test-threads 1` prints it. The recordings lie
//! beside the repository; without them there is nothing to compare.

use serde_json::Value;

use crate::program::{Server, data_folder};
use crate::recordings::{NAMES, Recording};

/// Certain findings that the ground truth of a recording does not list, and why they are right.
const ALSO_RIGHT: [(&str, &str, &str); 1] = [(
    "openai-agents-openinference-grpc",
    "guardrail",
    "the second run trips a guardrail",
)];

/// A loop that the script of a recording plants.
struct Planted {
    tool: String,
    command: String,
    times: i64,
}

/// A call that was denied, and the tool that the model asked for next.
struct Denied {
    tool: String,
    command: String,
    /// Whether what was sent names the command; with default flags some harnesses name the tool only.
    is_reported: bool,
    next_tool: Option<String>,
}

/// A stored finding with its first act.
struct Found {
    kind: String,
    is_certain: bool,
    title: String,
    explanation: String,
    repeat_count: i64,
    tool: String,
    input: String,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// `mcp__server__tool` is the tool of that server.
fn short_name(name: &str) -> String {
    let tool = name
        .strip_prefix("mcp__")
        .and_then(|rest| rest.split_once("__"));
    tool.map_or(name, |(_, tool)| tool).to_owned()
}

/// The longest text among a call's arguments: its command.
fn command(arguments: &Value) -> String {
    let texts = arguments.as_object().into_iter().flatten();
    let texts = texts.filter_map(|(_, value)| value.as_str());
    let command = texts.clone().find(|text| text.contains("./"));
    command
        .or_else(|| texts.max_by_key(|text| text.len()))
        .unwrap_or_default()
        .to_owned()
}

fn planted(truth: &Value) -> Vec<Planted> {
    list(&truth["loops_of_3_or_more"])
        .iter()
        .map(|planted| Planted {
            tool: short_name(&text(&planted["tool"])),
            command: command(&planted["args"]),
            times: planted["times"].as_i64().unwrap_or_default(),
        })
        .collect()
}

/// The denials, each with what the stand-in model asked for after it, by its own log.
fn denied(recording: &Recording, truth: &Value) -> Vec<Denied> {
    let log = recording.file("model-requests.jsonl").unwrap_or_default();
    let requests: Vec<Value> = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let calls: Vec<(&Value, &Value)> = requests
        .iter()
        .flat_map(|request| {
            list(&request["calls"])
                .iter()
                .map(move |call| (request, call))
        })
        .collect();
    list(&truth["denials"])
        .iter()
        .map(|denial| {
            let command = text(&denial["command"]);
            let at = calls
                .iter()
                .position(|(_, call)| call.to_string().contains(&command));
            let next = at.and_then(|at| {
                let agent = &calls[at].0["agent"];
                calls[at + 1..]
                    .iter()
                    .find(|(request, _)| request["agent"] == *agent)
            });
            Denied {
                tool: short_name(&text(&denial["tool"])),
                is_reported: recording.sends(&command),
                command,
                next_tool: next.map(|(_, call)| short_name(&text(&call[0]))),
            }
        })
        .collect()
}

fn found(server: &Server) -> Vec<Found> {
    let rows = server.sql(
        "select f.kind, f.confidence = 'certain' as is_certain, f.title, f.explanation, \
         f.repeat_count, s.tool_name, s.input from findings f \
         left join spans s on s.span_id = f.span_ids[1] order by f.kind, f.repeat_count, f.title",
    );
    rows.iter()
        .map(|row| Found {
            kind: text(&row["kind"]),
            is_certain: row["is_certain"].as_bool().unwrap_or_default(),
            title: text(&row["title"]),
            explanation: text(&row["explanation"]),
            repeat_count: row["repeat_count"].as_i64().unwrap_or_default(),
            tool: text(&row["tool_name"]),
            input: text(&row["input"]),
        })
        .collect()
}

impl Planted {
    /// Calls that were refused before they ran leave no record of what they were.
    fn is_told_by(&self, found: &Found) -> bool {
        found.kind == "loop"
            && found.repeat_count == self.times
            && (found.tool.is_empty()
                || (found.tool == self.tool
                    && (found.input.is_empty() || found.input.contains(&self.command))))
    }
}

impl Denied {
    fn is_told_by(&self, found: &Found) -> bool {
        found.kind == "blocked"
            && found.tool == self.tool
            && (!self.is_reported
                || found.input.contains(&self.command)
                || found.explanation.contains(&self.command))
    }

    /// Whether the finding says what came next. Tools of MCP servers have the server's name before
    /// their own in what the model asks for.
    fn has_next(&self, found: &Found) -> bool {
        match &self.next_tool {
            Some(tool) => {
                let (_, then) = found
                    .explanation
                    .split_once("The agent then called ")
                    .unwrap_or_default();
                let called = then.split([' ', '.']).next().unwrap_or_default();
                tool == called
                    || (then.contains("(MCP server") && tool.ends_with(&format!("_{called}")))
            }
            None => found.explanation.contains("without a further call"),
        }
    }
}

/// What is wrong with the findings of a recording, one line each; every comparison is printed.
fn compare(recording: &Recording, found: &[Found]) -> Vec<String> {
    let truth = recording.truth();
    let mut wrong = Vec::new();
    let mut tell = |what: &str, happened: &str, detected: &str, is_right: bool| {
        let verdict = if is_right { "right" } else { "WRONG" };
        println!("  {what:<14} happened: {happened:<52} found: {detected:<64} {verdict}");
        if !is_right {
            wrong.push(format!("{what}: {happened} happened, found {detected}"));
        }
    };
    let mut told = vec![false; found.len()];
    for planted in planted(&truth) {
        let at = (0..found.len()).find(|at| !told[*at] && planted.is_told_by(&found[*at]));
        let happened = format!("{} ({}) x{}", planted.tool, planted.command, planted.times);
        match at {
            Some(at) => {
                told[at] = true;
                tell("loop", &happened, &found[at].title, true);
            }
            None => tell("loop", &happened, "nothing", false),
        }
    }
    for denied in denied(recording, &truth) {
        let next = denied.next_tool.as_deref().unwrap_or("nothing");
        let happened = format!("{}, then {next}", denied.command);
        match (0..found.len()).find(|at| !told[*at] && denied.is_told_by(&found[*at])) {
            Some(at) => {
                told[at] = true;
                let sentences: Vec<&str> = found[at].explanation.split(". ").collect();
                let then = sentences.last().copied().unwrap_or_default();
                tell("denial", &happened, then, denied.has_next(&found[at]));
            }
            None => tell("denial", &happened, "nothing", false),
        }
    }
    for other in (0..found.len())
        .filter(|at| !told[*at])
        .map(|at| &found[at])
    {
        let also_right = ALSO_RIGHT.iter().find(|(name, words, _)| {
            *name == recording.name()
                && (other.title.contains(words) || other.explanation.contains(words))
        });
        let tier = if other.is_certain {
            "certain"
        } else {
            "likely"
        };
        let why = also_right.map_or("", |(_, _, why)| why);
        let detected = format!("{tier} {}: {}", other.kind, other.title);
        tell(
            "beside that",
            why,
            &detected,
            !other.is_certain || also_right.is_some(),
        );
    }
    wrong
}

#[test]
fn findings_of_every_recording_are_what_happened() {
    let mut wrong: Vec<String> = Vec::new();
    for recording in NAMES.iter().filter_map(|name| Recording::find(name)) {
        let data = data_folder();
        let server = Server::start(data.path());
        for request in recording.requests() {
            request.send(&server);
        }
        server.wait_until_loaded();
        let findings = found(&server);
        println!("\n{}", recording.name());
        let of_recording = compare(&recording, &findings);
        wrong.extend(
            of_recording
                .iter()
                .map(|line| format!("{}: {line}", recording.name())),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
