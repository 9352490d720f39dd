//! `spanreel why` and `spanreel compare`.

use std::fmt::Write as _;

use serde_json::Value;

use super::output::{self, Heading};
use super::sessions::{duration, rows, shortened, text};
use super::source::{Api, percent_encoded};
use crate::args::{CompareArgs, WhyArgs};
use crate::failure::Failure;

pub(super) async fn why(args: WhyArgs) -> Result<(), Failure> {
    let api = Api::open(&args.source).await?;
    let path = format!("/sessions/{}/why", percent_encoded(&args.session_id));
    let answer = api.get(&path, &[]).await;
    api.close().await?;
    let why = answer?;
    if args.json {
        return output::print_json(&why);
    }
    let mut said = format!("{}\n", text(&why["sentence"]));
    for evidence in rows(&why["evidence"]) {
        let _ = writeln!(
            said,
            "  {}  {}",
            text(&evidence["span"]["span_id"]),
            text(&evidence["text"])
        );
    }
    if why["change"].is_object() {
        let _ = writeln!(said, "Before: {}", text(&why["change"]["text"]));
    }
    let tokens = why["wasted_tokens"].as_i64().unwrap_or_default();
    let wasted_ns = why["wasted_ns"].as_i64().unwrap_or_default();
    if tokens > 0 || wasted_ns > 0 {
        let cost = why["wasted_cost_usd"].as_f64();
        let _ = writeln!(
            said,
            "Wasted: {}, {tokens} tokens{}",
            duration(wasted_ns),
            cost.map_or_else(String::new, |cost| format!(", ${cost:.4}"))
        );
    }
    let _ = writeln!(said, "What to do: {}", text(&why["remedy"]["text"]));
    if let Some(configuration) = why["remedy"]["configuration"].as_str() {
        let file = text(&why["remedy"]["file"]);
        let _ = writeln!(said, "Paste into {file}:\n{configuration}");
    }
    output::print(&output::visible(&said))
}

pub(super) async fn compare(args: CompareArgs) -> Result<(), Failure> {
    let api = Api::open(&args.source).await?;
    let parameters = [("a", Some(args.a.clone())), ("b", Some(args.b.clone()))];
    let answer = api.get("/compare", &parameters).await;
    api.close().await?;
    let compared = answer?;
    if args.json {
        return output::print_json(&compared);
    }
    let divergence = compared["divergence"].as_str();
    output::print(&output::visible(
        divergence.unwrap_or("The tool calls of both agree."),
    ))?;
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
    output::print(&output::table(&headings, step_rows))
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
