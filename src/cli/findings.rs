//! `spanreel findings` and `spanreel detect`.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

use super::answer::{rows, text};
use super::format::shortened;
use super::output::{self, Heading};
use super::progress::Progress;
use super::source::{Api, Server, percent_encoded};
use crate::args::{DetectArgs, FindingsArgs};
use crate::failure::Failure;

/// Looking again at everything that was recorded may take long.
const DETECT_TIMEOUT: Duration = Duration::from_secs(3600);

pub(super) async fn findings(args: FindingsArgs) -> Result<(), Failure> {
    let api = Api::open(&args.source).await?;
    let answer = read_findings(&api, &args).await;
    api.close().await?;
    let findings = answer?["findings"].take();
    if args.json {
        return output::print_json(&findings);
    }
    if rows(&findings).is_empty() {
        return output::print("Nothing found.");
    }
    let headings = [
        Heading::text("session"),
        Heading::text("kind"),
        Heading::text("severity"),
        Heading::text("confidence"),
        Heading::text("what"),
        Heading::number("times"),
        Heading::number("tokens lost"),
        Heading::text("first span"),
    ];
    let table_rows = rows(&findings).iter().map(finding_row).collect();
    output::print(&output::table(&headings, table_rows))
}

async fn read_findings(server: &Server, args: &FindingsArgs) -> Result<Value, Failure> {
    let session = match &args.session {
        Some(session) => Some(server.session_id(session).await?),
        None => None,
    };
    let word = |word: &str| word.to_owned();
    let parameters = [
        ("limit", Some(args.limit.to_string())),
        ("session_id", session),
        ("kind", args.kind.clone()),
        (
            "severity",
            args.severity.map(|severity| word(severity.as_str())),
        ),
        (
            "confidence",
            args.confidence.map(|confidence| word(confidence.as_str())),
        ),
    ];
    server.get("/findings", &parameters).await
}

fn finding_row(finding: &Value) -> Vec<String> {
    let number = |name: &str| finding[name].as_i64().unwrap_or_default().to_string();
    vec![
        text(&finding["session_id"]),
        text(&finding["kind"]),
        text(&finding["severity"]),
        text(&finding["confidence"]),
        shortened(&text(&finding["title"]), 72),
        number("repeat_count"),
        number("wasted_tokens"),
        text(&finding["first_span_id"]),
    ]
}

pub(super) async fn detect(args: DetectArgs) -> Result<(), Failure> {
    let api = Api::open(&args.source).await?;
    let progress = Progress::spinner("looking through what was recorded");
    let answer = detected(&api, args.session_id.as_deref()).await;
    drop(progress);
    api.close().await?;
    let report = answer?;
    if args.json {
        return output::print_json(&report);
    }
    output::print(&format!(
        "{} sessions looked at: {} findings, {} of them new or changed; {} hold no longer.",
        report["sessions"], report["findings"], report["written"], report["removed"]
    ))
}

async fn detected(server: &Server, session: Option<&str>) -> Result<Value, Failure> {
    let path = match session {
        Some(session) => {
            let id = server.session_id(session).await?;
            format!("/findings/detect?session_id={}", percent_encoded(&id))
        }
        None => "/findings/detect".to_owned(),
    };
    let response = server
        .post(&path, &Value::Null, "application/json", DETECT_TIMEOUT)
        .await?
        .map_err(super::source::Refusal::into_failure)?;
    Ok(response
        .json()
        .await
        .context("the server's answer is not the JSON that was expected")?)
}
