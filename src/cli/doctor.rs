//! `spanreel doctor`: what arrives of each harness and what does not.

use std::process::ExitCode;

use serde_json::Value;

use super::output::{self, visible};
use super::source::Api;
use crate::args::DoctorArgs;
use crate::failure::Failure;

/// Exit code that says that something is missing.
const GAPS: u8 = 1;

/// Runs the command.
pub(super) async fn run(args: DoctorArgs) -> Result<ExitCode, Failure> {
    let api = Api::open(&args.source).await?;
    let answer = api.get("/doctor", &[]).await;
    api.close().await?;
    let found = answer?;
    let harnesses = list(&found["harnesses"]);
    if args.json {
        output::print_json(&found)?;
    } else if harnesses.is_empty() {
        output::print(
            "Nothing has arrived of any harness yet: `spanreel setup` says what to set.",
        )?;
    } else {
        let texts: Vec<String> = harnesses.iter().map(checkup).collect();
        output::print(&texts.join("\n"))?;
    }
    let has_gaps = harnesses
        .iter()
        .any(|harness| !list(&harness["gaps"]).is_empty());
    Ok(if has_gaps {
        ExitCode::from(GAPS)
    } else {
        ExitCode::SUCCESS
    })
}

fn checkup(harness: &Value) -> String {
    let number = |value: &Value| value.as_i64().unwrap_or_default();
    let text = |value: &Value| visible(value.as_str().unwrap_or_default());
    let signals: Vec<String> = list(&harness["signals"])
        .iter()
        .map(|seen| {
            format!(
                "{} {}",
                number(&seen["record_count"]),
                text(&seen["signal"])
            )
        })
        .collect();
    let last = text(&harness["last_at"]);
    let mut out = format!(
        "{}: {} in the newest {} sessions; last {}\n",
        text(&harness["harness"]),
        signals.join(", "),
        number(&harness["session_count"]),
        last.get(..19).unwrap_or(&last).replace('T', " "),
    );
    let gaps = list(&harness["gaps"]);
    if gaps.is_empty() {
        out.push_str("  nothing is missing\n");
    }
    for gap in gaps {
        let (count, of) = (number(&gap["count"]), number(&gap["of"]));
        let share = match of {
            0 if count == 1 => String::new(),
            0 => format!(" ({count} times)"),
            of => format!(" ({count} of {of} lack them)"),
        };
        out.push_str(&format!("  - {}{share}\n", text(&gap["what"])));
        if let Some(fix) = gap["fix"].as_str() {
            out.push_str(&format!("    {}\n", visible(fix)));
        }
    }
    out
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
