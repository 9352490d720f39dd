//! `spanreel detect`.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

use super::output;
use super::source::{Api, percent_encoded};
use crate::args::DetectArgs;
use crate::failure::Failure;

/// Looking again at everything that was recorded may take long.
const DETECT_TIMEOUT: Duration = Duration::from_secs(3600);

pub(super) async fn detect(args: DetectArgs) -> Result<(), Failure> {
    let api = Api::open(&args.source).await?;
    let answer = detected(&api, args.session_id.as_deref()).await;
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

async fn detected(api: &Api, session_id: Option<&str>) -> Result<Value, Failure> {
    let path = match session_id {
        Some(id) => format!("/findings/detect?session_id={}", percent_encoded(id)),
        None => "/findings/detect".to_owned(),
    };
    let response = api
        .post(&path, &Value::Null, "application/json", DETECT_TIMEOUT)
        .await?
        .map_err(super::source::Refusal::into_failure)?;
    Ok(response
        .json()
        .await
        .context("the server's answer is not the JSON that was expected")?)
}
