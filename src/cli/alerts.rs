//! `spanreel alerts`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

use super::answer::{rows, text};
use super::output::{self, Heading};
use super::source::{Api, Refusal, percent_encoded};
use crate::args::{AlertsArgs, AlertsCommand};
use crate::failure::Failure;

/// Targets may each take up to five minutes.
const TEST_TIMEOUT: Duration = Duration::from_secs(900);

pub(super) async fn alerts(args: AlertsArgs) -> Result<ExitCode, Failure> {
    match args.command {
        None => {
            let api = Api::open(&args.source).await?;
            let answer = api.get("/alerts", &[]).await;
            api.close().await?;
            show(&answer?)?;
            Ok(ExitCode::SUCCESS)
        }
        Some(AlertsCommand::Test { target, source }) => {
            let api = Api::open(&source).await?;
            let answer = send_test(&api, target.as_deref()).await;
            api.close().await?;
            report(&answer?)
        }
    }
}

fn show(overview: &Value) -> Result<(), Failure> {
    if rows(&overview["targets"]).is_empty() {
        return output::print(
            "No alerts are set up: write alerts.json into the data folder (docs/alerts.md) and start the server again.",
        );
    }
    let rules: Vec<String> = rows(&overview["rules"]).iter().map(text).collect();
    output::print(&output::visible(&format!("Rules: {}", rules.join(", "))))?;
    let headings = [
        Heading::text("target"),
        Heading::text("kind"),
        Heading::text("place"),
        Heading::number("delivered"),
        Heading::number("failed"),
        Heading::text("last error"),
    ];
    let lines = rows(&overview["targets"])
        .iter()
        .map(|target| {
            vec![
                text(&target["name"]),
                text(&target["kind"]),
                text(&target["place"]),
                target["delivered"].to_string(),
                target["failed"].to_string(),
                text(&target["last_error"]),
            ]
        })
        .collect();
    output::print(&output::table(&headings, lines))
}

async fn send_test(api: &Api, target: Option<&str>) -> Result<Value, Failure> {
    let path = match target {
        Some(name) => format!("/alerts/test?target={}", percent_encoded(name)),
        None => "/alerts/test".to_owned(),
    };
    let response = api
        .post(&path, &Value::Null, "application/json", TEST_TIMEOUT)
        .await?
        .map_err(Refusal::into_failure)?;
    Ok(response
        .json()
        .await
        .context("the server's answer is not the JSON that was expected")?)
}

fn report(report: &Value) -> Result<ExitCode, Failure> {
    let mut all = true;
    for outcome in rows(&report["targets"]) {
        let delivered = outcome["delivered"] == true;
        all &= delivered;
        let how = match delivered {
            true => "delivered".to_owned(),
            false => format!("not delivered: {}", text(&outcome["error"])),
        };
        output::print(&output::visible(&format!(
            "{}: {how}",
            text(&outcome["target"])
        )))?;
    }
    Ok(ExitCode::from(u8::from(!all)))
}
