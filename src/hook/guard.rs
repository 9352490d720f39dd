//! `spanreel guard`: a hook before tool calls that refuses what the recorder knows to be a repetition.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

use super::wrap;
use crate::args::GuardArgs;
use crate::client;

/// How long a harness may take to write the document.
const DOCUMENT: Duration = Duration::from_secs(2);
/// How long the server may take; a call waits for it.
const ANSWER: Duration = Duration::from_secs(2);
/// The exit code by which harnesses take a hook to refuse a call.
const REFUSED: u8 = 2;

/// Asks the server about the call on standard input. 0 lets it pass, also when there is nobody to ask; 2
/// refuses it, with the reason on standard error.
pub fn guard(args: &GuardArgs) -> ExitCode {
    if std::io::stdin().is_terminal() {
        say(
            "a harness runs this with a document on standard input; `spanreel why` prints its settings",
        );
        return ExitCode::SUCCESS;
    }
    let document = wrap::read_input(DOCUMENT);
    match ask(args, &document) {
        Ok(Some(reason)) => {
            let _ = writeln!(std::io::stderr(), "{reason}");
            ExitCode::from(REFUSED)
        }
        outcome => {
            if let Err(error) = outcome {
                say(&format!("the call is not looked at: {error:#}"));
            }
            // An empty answer; some harnesses take none for an error.
            let _ = writeln!(std::io::stdout(), "{{}}");
            ExitCode::SUCCESS
        }
    }
}

/// Why the call is refused, if it is.
fn ask(args: &GuardArgs, document: &[u8]) -> anyhow::Result<Option<String>> {
    let document: Value = serde_json::from_slice(document).context("its document is not JSON")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let client = client::http(&args.credentials);
        let response = client
            .map_err(|failure| anyhow::anyhow!("{failure}"))?
            .timeout(ANSWER)
            .build()?
            .post(format!("{}/api/v1/guard", args.url.trim_end_matches('/')))
            .json(&document)
            .send()
            .await
            .map_err(reqwest::Error::without_url)?
            .error_for_status()
            .map_err(reqwest::Error::without_url)?;
        let answer: Value = response.json().await?;
        let reason = answer["reason"].as_str().map(str::to_owned);
        Ok(reason.filter(|_| answer["denied"] == true))
    })
}

fn say(message: &str) {
    let _ = writeln!(std::io::stderr(), "spanreel guard: {message}");
}
