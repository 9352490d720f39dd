//! `spanreel span` and `spanreel payload`.

use std::fmt::Write as _;
use std::io::Write as _;

use serde_json::Value;

use super::answer::{rows, text};
use super::format::{self, duration, harmless_line, padded};
use super::output::{self, visible};
use super::pager;
use super::source::{Api, Server, gone, percent_encoded};
use super::style::Paint;
use crate::args::{PayloadArgs, SpanArgs};
use crate::failure::Failure;

/// Columns of a span that are said in words of their own.
const SAID_APART: [&str; 5] = ["name", "operation", "started_at", "ended_at", "duration_ns"];

pub(super) async fn span(args: SpanArgs) -> Result<(), Failure> {
    let api = Api::open(&args.source).await?;
    let answer = read_span(&api, &args).await;
    api.close().await?;
    let span = answer?;
    if args.json {
        return output::print_json(&span);
    }
    pager::print(&described(&span, Paint::for_stdout()))
}

async fn read_span(server: &Server, args: &SpanArgs) -> Result<Value, Failure> {
    let (trace, span) = server
        .span_place(&args.trace_or_span, args.span.as_deref())
        .await?;
    let path = format!(
        "/spans/{}/{}",
        percent_encoded(&trace),
        percent_encoded(&span)
    );
    server.get(&path, &[]).await
}

fn described(detail: &Value, paint: Paint) -> String {
    let span = &detail["span"];
    let operation = text(&span["operation"]);
    let name = harmless_line(&text(&span["name"]));
    let took = span["duration_ns"]
        .as_i64()
        .map_or_else(|| "running".to_owned(), duration);
    let mut out = format!(
        "{} {}\n{} · {took}\n\n",
        paint.dim(harmless_line(&operation)),
        paint.operation(&operation, paint.bold(name)),
        harmless_line(&text(&span["started_at"])),
    );
    if let Some(columns) = span.as_object() {
        for (name, value) in columns
            .iter()
            .filter(|(name, _)| !SAID_APART.contains(&name.as_str()))
        {
            let said = plain(value);
            if said.is_empty() {
                continue;
            }
            let said = match (name.as_str(), said.as_str()) {
                ("status", "error") | ("decision", "deny") => paint.error(said),
                _ => said,
            };
            let _ = writeln!(out, "  {} {said}", paint.dim(padded(name, 24)));
        }
    }
    for name in ["attributes", "resource"] {
        print_attributes(&mut out, name, &detail[name], paint);
    }
    for event in rows(&detail["events"]) {
        let kind = text(&event["kind"]);
        let time = harmless_line(&text(&event["time"]));
        let name = harmless_line(&text(&event["name"]));
        let _ = writeln!(out, "\n{} {name}  {}", paint.bold(kind), paint.dim(time));
        if let Some(body) = event["body"].as_str() {
            let _ = writeln!(out, "{}", visible(body));
        }
        print_values(&mut out, &event["attributes"], paint);
    }
    print_list(&mut out, "Related", &detail["related"], paint, |other| {
        format!(
            "{} {}/{} {}",
            padded(&text(&other["relation"]), 14),
            text(&other["trace_id"]),
            text(&other["span_id"]),
            text(&other["name"])
        )
    });
    print_list(
        &mut out,
        "Findings",
        &detail["findings"],
        paint,
        |finding| {
            format!(
                "⚑ {} {}: {}",
                text(&finding["kind"]),
                text(&finding["confidence"]),
                text(&finding["title"])
            )
        },
    );
    for name in ["input", "output"] {
        print_payload(&mut out, name, &detail[name], paint);
    }
    out
}

fn print_attributes(out: &mut String, name: &str, attributes: &Value, paint: Paint) {
    if attributes
        .as_object()
        .is_some_and(|attributes| !attributes.is_empty())
    {
        let _ = writeln!(out, "\n{}", paint.bold(name));
        print_values(out, attributes, paint);
    }
}

fn print_values(out: &mut String, attributes: &Value, paint: Paint) {
    let Some(attributes) = attributes.as_object() else {
        return;
    };
    for (name, value) in attributes {
        let payload = &value["$payload"];
        let said = match payload["hash"].as_str() {
            Some(hash) => format!("payload {hash}, {}", size(&payload["size_bytes"])),
            None => plain(value),
        };
        let _ = writeln!(
            out,
            "  {} {said}",
            paint.dim(padded(&harmless_line(name), 24))
        );
    }
}

fn print_list(
    out: &mut String,
    title: &str,
    list: &Value,
    paint: Paint,
    line: impl Fn(&Value) -> String,
) {
    if !rows(list).is_empty() {
        let _ = writeln!(out, "\n{}", paint.bold(title));
    }
    for item in rows(list) {
        let _ = writeln!(out, "  {}", harmless_line(&line(item)));
    }
}

fn print_payload(out: &mut String, name: &str, payload: &Value, paint: Paint) {
    let Some(hash) = payload["hash"].as_str() else {
        return;
    };
    let _ = writeln!(
        out,
        "\n{}  {}",
        paint.bold(name),
        paint.dim(format!("{}, {hash}", size(&payload["size_bytes"])))
    );
    let shown = payload["text"].as_str().unwrap_or_default();
    let _ = writeln!(out, "{}", visible(shown).trim_end_matches('\n'));
    if payload["complete"] == false {
        let said = format!("… the beginning; `spanreel payload {hash}` prints all of it");
        let _ = writeln!(out, "{}", paint.warning(said));
    }
}

fn size(value: &Value) -> String {
    format::bytes(value.as_u64().unwrap_or_default())
}

/// A value on one line; empty for null.
fn plain(value: &Value) -> String {
    harmless_line(&match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

pub(super) async fn payload(args: PayloadArgs) -> Result<(), Failure> {
    let api = Api::open(&args.source).await?;
    let outcome = copy(&api, &args).await;
    api.close().await?;
    outcome
}

async fn copy(server: &Server, args: &PayloadArgs) -> Result<(), Failure> {
    let path = format!("/payloads/{}", args.hash);
    let mut response = server.get_range(&path, args.range.as_deref()).await?;
    if output::is_terminal() {
        let bytes = response.bytes().await.map_err(gone)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| {
            Failure::Usage(
                "the payload is no text: send it to a file or a program with > or |".to_owned(),
            )
        })?;
        return output::print(&visible(text));
    }
    let mut out = output::stdout();
    while let Some(chunk) = response.chunk().await.map_err(gone)? {
        let outcome = out.write_all(&chunk);
        let is_over = outcome.is_err();
        output::written(outcome)?;
        if is_over {
            return Ok(());
        }
    }
    output::written(out.flush())
}
