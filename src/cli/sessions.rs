//! `spanreel sessions` and `spanreel loops`.

use serde_json::Value;

use super::answer::{rows, text};
use super::format::{duration, shortened};
use super::output::{self, Heading};
use super::source::{Api, Server};
use crate::args::{LoopsArgs, SessionsArgs};
use crate::failure::Failure;

pub(super) async fn sessions(args: SessionsArgs) -> Result<(), Failure> {
    let api = Api::open(&args.source).await?;
    let parameters = parameters(&args);
    let answer = api.get("/sessions", &parameters).await;
    api.close().await?;
    let mut answer = answer?;
    let sessions = answer["sessions"].take();
    if args.json {
        return output::print_json(&sessions);
    }
    if rows(&sessions).is_empty() {
        // The number and order of rows alone leave nothing out.
        return output::print(match parameters.len() > UNFILTERED_PARAMETERS {
            true => "No session matches.",
            false => {
                "No sessions yet. Send some: `spanreel demo`, or point an OpenTelemetry exporter at 127.0.0.1:4317."
            }
        });
    }
    let headings = [
        Heading::text("session"),
        Heading::text("started (UTC)"),
        Heading::text("status"),
        Heading::text("harness"),
        Heading::text("title"),
        Heading::number("time"),
        Heading::number("turns"),
        Heading::number("requests"),
        Heading::number("tools"),
        Heading::number("errors"),
        Heading::number("denied"),
        Heading::number("tokens"),
        Heading::text("findings"),
    ];
    output::print(&output::table(
        &headings,
        rows(&sessions).iter().map(session_row).collect(),
    ))
}

/// Parameters of `/sessions` that are always given: limit and order.
const UNFILTERED_PARAMETERS: usize = 2;

/// The filters that were given, as the API calls them.
fn parameters(args: &SessionsArgs) -> Vec<(&'static str, Option<String>)> {
    let order = if args.reverse { "asc" } else { "desc" };
    let mut parameters = vec![
        ("limit", Some(args.limit.to_string())),
        ("order", Some(order.to_owned())),
    ];
    for (name, values) in [
        ("harness", &args.harness),
        ("agent", &args.agent),
        ("model", &args.model),
        ("tool", &args.tool),
        ("mcp", &args.mcp),
        ("host", &args.host),
        ("project", &args.project),
        ("status", &args.status),
        ("tag", &args.tag),
        ("finding", &args.finding),
    ] {
        parameters.extend(
            values
                .iter()
                .map(|value| (name, Some(value.to_lowercase()))),
        );
    }
    let text = |number: Option<i64>| number.map(|number| number.to_string());
    let cost = |usd: Option<f64>| usd.map(|usd| usd.to_string());
    let children = args.children.then(|| "true".to_owned());
    let others = [
        ("q", args.text.clone()),
        ("from_ns", text(args.since)),
        ("until_ns", text(args.until)),
        ("min_cost_usd", cost(args.min_cost)),
        ("max_cost_usd", cost(args.max_cost)),
        ("min_duration_ns", text(args.min_duration)),
        ("max_duration_ns", text(args.max_duration)),
        ("include_children", children),
        ("sort", args.sort.clone()),
    ];
    parameters.extend(others.into_iter().filter(|(_, value)| value.is_some()));
    parameters
}

fn session_row(session: &Value) -> Vec<String> {
    let number = |name: &str| session[name].as_i64().unwrap_or_default();
    vec![
        text(&session["session_id"]),
        time(&session["started_at"]),
        text(&session["status"]),
        text(&session["harness"]),
        shortened(&text(&session["title"]), 48),
        duration(number("duration_ns")),
        number("turn_count").to_string(),
        number("model_request_count").to_string(),
        number("tool_call_count").to_string(),
        number("error_count").to_string(),
        number("denied_count").to_string(),
        (number("input_tokens") + number("output_tokens")).to_string(),
        rows(&session["finding_kinds"])
            .iter()
            .map(text)
            .collect::<Vec<_>>()
            .join(", "),
    ]
}

pub(super) async fn loops(args: LoopsArgs) -> Result<(), Failure> {
    let api = Api::open(&args.source).await?;
    let answer = read_loops(&api, &args).await;
    api.close().await?;
    let mut answer = answer?;
    let findings = answer["findings"].take();
    if args.json {
        return output::print_json(&findings);
    }
    if rows(&findings).is_empty() {
        return output::print("No loops found.");
    }
    let headings = [
        Heading::text("session"),
        Heading::text("what"),
        Heading::number("times"),
        Heading::text("confidence"),
        Heading::number("time"),
        Heading::number("tokens"),
        Heading::text("first span"),
    ];
    let table_rows = rows(&findings).iter().map(loop_row).collect();
    output::print(&output::table(&headings, table_rows))
}

async fn read_loops(server: &Server, args: &LoopsArgs) -> Result<Value, Failure> {
    let session = match &args.session_id {
        Some(session) => Some(server.session_id(session).await?),
        None => None,
    };
    let parameters = [
        ("kind", Some("loop".to_owned())),
        ("limit", Some(args.limit.to_string())),
        ("session_id", session),
    ];
    server.get("/findings", &parameters).await
}

fn loop_row(finding: &Value) -> Vec<String> {
    let number = |name: &str| finding[name].as_i64().unwrap_or_default();
    vec![
        text(&finding["session_id"]),
        shortened(&text(&finding["title"]), 72),
        number("repeat_count").to_string(),
        text(&finding["confidence"]),
        duration(number("wasted_ns")),
        number("wasted_tokens").to_string(),
        text(&finding["first_span_id"]),
    ]
}

/// "2026-11-21T01:06:41.683000000Z" to the second.
fn time(value: &Value) -> String {
    let text = value.as_str().unwrap_or_default();
    text.get(..19).unwrap_or(text).replace('T', " ")
}
