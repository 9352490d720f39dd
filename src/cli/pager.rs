//! Long output goes through the user's pager when it goes to a terminal.

use std::env;
use std::io::{self, Write as _};
use std::process::{Command, Stdio};

use anyhow::Context as _;

use super::output;
use crate::failure::Failure;

/// Prints `text` through `$PAGER` (else `less`, which leaves by itself when everything fits on the screen).
/// Straight to standard output when that is no terminal, when PAGER is empty, or when there is no pager.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let Some(pager) = pager() else {
        return output::print(text);
    };
    let child = Command::new("sh")
        .args(["-c", &pager])
        // Colours pass, short output stays on the screen, nothing is cleared.
        .env("LESS", env::var_os("LESS").unwrap_or_else(|| "FRX".into()))
        .stdin(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        return output::print(text);
    };
    // Ctrl-C belongs to the pager; ended by it, this program would leave the terminal to nobody.
    let patience = tokio::spawn(async { while tokio::signal::ctrl_c().await.is_ok() {} });
    if let Some(mut stdin) = child.stdin.take() {
        let newline = if text.ends_with('\n') { "" } else { "\n" };
        output::written(write!(stdin, "{text}{newline}"))?;
    }
    let ended = child.wait().context("cannot wait for the pager");
    patience.abort();
    match ended?.code() {
        // The shell's words for "cannot be run" and "not found".
        Some(126 | 127) => output::print(text),
        _ => Ok(()),
    }
}

fn pager() -> Option<String> {
    if !io::IsTerminal::is_terminal(&io::stdout()) {
        return None;
    }
    match env::var("PAGER") {
        Ok(pager) if pager.trim().is_empty() => None,
        Ok(pager) => Some(pager),
        Err(_) => Some("less -FRX".to_owned()),
    }
}
