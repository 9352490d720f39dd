//! `spanreel retention`.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, anyhow};
use chrono::DateTime;
use serde_json::{Value, json};

use super::answer::{rows, text};
use super::format;
use super::format::shortened;
use super::output::{self, Heading};
use super::source::{Api, percent_encoded};
use super::upkeep::ask;
use crate::args::{RetentionArgs, RetentionCommand, SourceArgs};
use crate::failure::Failure;

const DAY_NS: i64 = 86_400_000_000_000;

pub(super) async fn retention(args: RetentionArgs) -> Result<(), Failure> {
    match args.command {
        None => {
            let api = Api::open(&args.source).await?;
            let path = if args.dry_run {
                "/retention/due"
            } else {
                "/retention"
            };
            let answer = api.get(path, &[]).await;
            api.close().await?;
            let answer = answer?;
            match (args.json, args.dry_run) {
                (true, _) => output::print_json(&answer),
                (_, true) => show_due(&answer),
                (_, false) => show_rules(&answer),
            }
        }
        Some(RetentionCommand::Run { source, json }) => {
            let api = Api::open(&source).await?;
            let answer = ask(&api, "/retention/run", &Value::Null).await;
            api.close().await?;
            let answer = answer?;
            match json {
                true => output::print_json(&answer),
                false => output::print(&output::visible(&format!("Removed {}.", removed(&answer)))),
            }
        }
        Some(RetentionCommand::Keep { session_id, source }) => {
            say(&source, &session_id, Some(json!({ "keep": true }))).await?;
            output::print("It is kept until somebody deletes it.")
        }
        Some(RetentionCommand::Expire {
            session_id,
            after,
            at,
            source,
        }) => {
            let at = match (after, at) {
                (Some(after), _) => from_now(after)?,
                (None, Some(at)) => at,
                (None, None) => return Err(Failure::Usage("say --after or --at".to_owned())),
            };
            let answer = say(&source, &session_id, Some(json!({ "expires_at": at }))).await?;
            output::print(&format!("It goes at {}.", text(&answer["expires_at"])))
        }
        Some(RetentionCommand::Clear { session_id, source }) => {
            say(&source, &session_id, None).await?;
            output::print("The rules decide again.")
        }
    }
}

/// Says how long a session is kept; `None` takes it back.
async fn say(source: &SourceArgs, session_id: &str, body: Option<Value>) -> Result<Value, Failure> {
    let api = Api::open(source).await?;
    let path = format!("/sessions/{}/retention", percent_encoded(session_id));
    let method = if body.is_some() { "PUT" } else { "DELETE" };
    let answer = api.send(method, &path, body.as_ref()).await;
    api.close().await?;
    answer
}

/// The time so many nanoseconds from now, as the API takes it.
fn from_now(after_ns: i64) -> Result<String, Failure> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock of this machine is before 1970")?;
    let ns = i64::try_from(now.as_nanos())
        .ok()
        .and_then(|now| now.checked_add(after_ns))
        .ok_or_else(|| anyhow!("that is too far away"))?;
    Ok(DateTime::from_timestamp_nanos(ns)
        .format("%Y-%m-%dT%H:%M:%S%.9fZ")
        .to_string())
}

fn show_rules(overview: &Value) -> Result<(), Failure> {
    let age = |value: &Value| match value.as_i64() {
        Some(ns) if ns >= 2 * DAY_NS => format!("goes after {} days", ns / DAY_NS),
        Some(ns) => format!("goes after {}", format::duration(ns)),
        None => "is kept".to_owned(),
    };
    let bytes = |name: &str| format::bytes(overview[name].as_u64().unwrap_or_default());
    let mut lines = vec![format!(
        "what no other rule names: {}",
        age(&overview["max_age_ns"])
    )];
    for (tag, value) in overview["tags"].as_object().into_iter().flatten() {
        lines.push(format!("tag {tag}: {}", age(value)));
    }
    lines.push(match overview["max_size_bytes"].as_u64() {
        Some(limit) => format!("the oldest go beyond {}", format::bytes(limit)),
        None => "size: no limit".to_owned(),
    });
    lines.push(format!(
        "stored: {}; on disk: {} (spanreel compact gives back what is not used)",
        bytes("stored_bytes"),
        bytes("folder_bytes")
    ));
    lines.push(match overview["last_run_at"].as_str() {
        Some(at) => format!("last applied: {at}"),
        None => "not applied since the start".to_owned(),
    });
    if let Some(error) = overview["last_error"].as_str() {
        lines.push(format!("last attempt failed: {error}"));
    }
    lines.push(format!(
        "removed since the start: {}",
        removed(&overview["removed"])
    ));
    output::print(&output::visible(&lines.join("\n")))
}

fn show_due(due: &Value) -> Result<(), Failure> {
    let sessions = rows(&due["sessions"]);
    if sessions.is_empty() {
        return output::print("Nothing would go.");
    }
    let headings = [
        Heading::text("session"),
        Heading::text("last"),
        Heading::number("sessions"),
        Heading::number("spans"),
        Heading::text("why"),
        Heading::text("title"),
    ];
    let line = |one: &Value| {
        vec![
            text(&one["session_id"]),
            text(&one["last_at"]),
            one["session_count"].to_string(),
            one["span_count"].to_string(),
            text(&one["reason"]),
            shortened(&text(&one["title"]), 60),
        ]
    };
    output::print(&output::table(
        &headings,
        sessions.iter().map(line).collect(),
    ))?;
    output::print(&format!(
        "{} sessions with {} spans would go.",
        due["session_count"], due["span_count"]
    ))
}

fn removed(removed: &Value) -> String {
    let reasons: Vec<String> = removed["reasons"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(reason, count)| format!("{count} by {reason}"))
        .collect();
    let why = match reasons.is_empty() {
        true => String::new(),
        false => format!(" ({})", reasons.join(", ")),
    };
    format!(
        "{} sessions, {} spans{why}",
        removed["session_count"], removed["span_count"]
    )
}
