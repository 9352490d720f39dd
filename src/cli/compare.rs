//! `spanreel compare`.

use serde_json::Value;

use super::answer::{rows, text};
use super::format::{duration, shortened};
use super::output::{self, Heading};
use super::source::{Api, Server};
use crate::args::CompareArgs;
use crate::failure::Failure;

/// Lines of a difference that are printed.
const MAX_DIFF_LINES: usize = 30;

pub(super) async fn compare(args: CompareArgs) -> Result<(), Failure> {
    let api = Api::open(&args.source).await?;
    let answer = read_comparison(&api, &args).await;
    api.close().await?;
    let compared = answer?;
    if args.json {
        return output::print_json(&compared);
    }
    match args.by {
        Some(_) => print_groups(&compared),
        None => print_sessions(&compared),
    }
}

async fn read_comparison(server: &Server, args: &CompareArgs) -> Result<Value, Failure> {
    let (a, b) = match args.by {
        Some(_) => (args.a.clone(), args.b.clone()),
        None => (
            server.session_id(&args.a).await?,
            server.session_id(&args.b).await?,
        ),
    };
    let parameters = [("a", Some(a)), ("b", Some(b)), ("by", args.by.clone())];
    server.get("/compare", &parameters).await
}

fn print_sessions(compared: &Value) -> Result<(), Failure> {
    let divergence = compared["divergence"].as_str();
    output::print(&output::visible(
        divergence.unwrap_or("The tool calls of both agree."),
    ))?;
    if let Some(outcome) = compared["outcome_divergence"].as_str() {
        output::print(&output::visible(outcome))?;
    }
    let figures = [
        "harness",
        "status",
        "turn_count",
        "model_request_count",
        "tool_call_count",
        "error_count",
        "denied_count",
        "input_tokens",
        "output_tokens",
        "cost_usd",
    ];
    let mut table: Vec<Vec<String>> = figures
        .iter()
        .map(|name| {
            let (a, b) = (&compared["a"][*name], &compared["b"][*name]);
            let delta = a.as_f64().zip(b.as_f64()).map(|(a, b)| b - a);
            vec![
                name.replace('_', " "),
                plain(a),
                plain(b),
                delta.map_or_else(String::new, |delta| format!("{delta:+}")),
            ]
        })
        .collect();
    let time = |side: &str| compared[side]["duration_ns"].as_i64().unwrap_or_default();
    table.push(vec![
        "time".to_owned(),
        duration(time("a")),
        duration(time("b")),
        String::new(),
    ]);
    let headings = [
        Heading::text(""),
        Heading::number("A"),
        Heading::number("B"),
        Heading::number("B - A"),
    ];
    output::print(&output::table(&headings, table))?;
    let steps = rows(&compared["steps"]);
    let headings = [Heading::text(""), Heading::text("A"), Heading::text("B")];
    let step_rows = steps
        .iter()
        .map(|step| vec![text(&step["kind"]), call(&step["a"]), call(&step["b"])])
        .collect();
    output::print(&output::table(&headings, step_rows))?;
    if compared["truncated"] == true {
        output::print("Calls at the end of long sessions were not aligned.")?;
    }
    print_difference("Arguments where they part", &compared["divergence_input"])?;
    for prompt in rows(&compared["prompts"]) {
        let what = format!("Prompt of turn {}", prompt["turn"]);
        print_difference(&what, &prompt["difference"])?;
    }
    print_difference("System prompt", &compared["context"])
}

/// Prints the lines of a difference that is one.
fn print_difference(what: &str, difference: &Value) -> Result<(), Failure> {
    if difference.is_null() || difference["same"] == true {
        return Ok(());
    }
    let lines = rows(&difference["lines"]);
    let mut said = format!("{what}:\n");
    for line in lines.iter().take(MAX_DIFF_LINES) {
        let mark = match line["kind"].as_str() {
            Some("only_a") => "-",
            Some("only_b") => "+",
            Some("gap") => "…",
            _ => " ",
        };
        said.push_str(&format!("  {mark} {}\n", text(&line["text"])));
    }
    if lines.len() > MAX_DIFF_LINES || difference["truncated"] == true {
        said.push_str("  … there is more (--json, or the sessions themselves)\n");
    }
    output::print(&output::visible(&said))
}

fn print_groups(compared: &Value) -> Result<(), Failure> {
    let sides = ["a", "b"].map(|side| &compared[side]);
    let [a, b] = sides;
    let mut lines = vec![both(
        "sessions",
        sides.map(|group| group["session_count"].to_string()),
    )];
    for status in ["ok", "error", "interrupted", "killed", "running"] {
        let counts = sides.map(|group| group["outcomes"][status].to_string());
        lines.push(both(&format!("  {status}"), counts));
    }
    lines.push(both(
        "cost known of",
        sides.map(|group| group["cost_known_count"].to_string()),
    ));
    let figures = [
        ("cost_usd", "cost, median (90 %)"),
        ("duration_ns", "time, median (90 %)"),
        ("turn_count", "turns, median (90 %)"),
        ("model_request_count", "requests, median (90 %)"),
        ("tool_call_count", "tool calls, median (90 %)"),
        ("failed_count", "failed, median (90 %)"),
        ("token_count", "tokens, median (90 %)"),
        ("finding_count", "findings, median (90 %)"),
    ];
    for (name, words) in figures {
        lines.push(both(words, sides.map(|group| spread(name, &group[name]))));
    }
    let kinds = |group: &Value| -> Vec<String> {
        rows(&group["findings"])
            .iter()
            .map(|kind| text(&kind["kind"]))
            .collect()
    };
    let mut all = kinds(a);
    all.extend(kinds(b).into_iter().filter(|kind| !kinds(a).contains(kind)));
    for kind in all {
        let of = |group: &Value| {
            let count = rows(&group["findings"])
                .iter()
                .find(|found| found["kind"] == kind.as_str())
                .and_then(|found| found["session_count"].as_i64());
            count.unwrap_or_default().to_string()
        };
        lines.push(both(&format!("sessions with {kind}"), sides.map(of)));
    }
    let headings = [
        Heading::text(""),
        Heading::number(&text(&a["value"])),
        Heading::number(&text(&b["value"])),
    ];
    output::print(&output::table(&headings, lines))
}

fn both(what: &str, [a, b]: [String; 2]) -> Vec<String> {
    vec![what.to_owned(), a, b]
}

/// Median and 90th percentile of a figure.
fn spread(name: &str, distribution: &Value) -> String {
    let value = |of: &str| {
        let value = distribution[of].as_f64()?;
        Some(match name {
            "cost_usd" => format!("${value:.4}"),
            "duration_ns" => duration(value as i64),
            _ => format!("{value:.1}"),
        })
    };
    match (value("median"), value("p90")) {
        (Some(median), Some(p90)) => format!("{median} ({p90})"),
        _ => String::new(),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn call(call: &Value) -> String {
    if call.is_null() {
        return String::new();
    }
    let failed = if call["is_error"] == true { " ✗" } else { "" };
    shortened(
        &format!("{} {}{failed}", text(&call["tool"]), text(&call["detail"])),
        60,
    )
}
