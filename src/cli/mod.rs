//! The commands beside `serve`: the demo, and those that read what was recorded.

mod alerts;
mod compare;
mod demo;
mod doctor;
mod evaluate;
mod findings;
mod import;
mod output;
mod sessions;
mod setup;
mod source;
mod sql;
mod verdict;
mod watch;

use std::process::ExitCode;

use anyhow::Context as _;

use crate::args::{Args, Command};
use crate::failure::Failure;
use crate::{hook, serve};

/// Runs the command that was given, to its end. The exit code is that of a command that did what it
/// was asked to.
pub fn run(args: Args) -> Result<ExitCode, Failure> {
    let command = args.command.unwrap_or(Command::Serve(args.serve));
    // A harness waits for it: it does without all that the others need.
    match &command {
        Command::Hook(args) => return Ok(hook::run(args)),
        Command::Guard(args) => return Ok(hook::guard(args)),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the asynchronous runtime")?;
    runtime.block_on(async {
        match command {
            Command::Serve(args) => serve::run(args).await?,
            Command::Demo(args) => demo::run(args).await?,
            Command::Import(args) => import::run(args).await?,
            Command::Sql(args) => sql::run(args).await?,
            Command::Sessions(args) => sessions::sessions(args).await?,
            Command::Loops(args) => sessions::loops(args).await?,
            Command::Why(args) => verdict::why(args).await?,
            Command::Compare(args) => compare::compare(args).await?,
            Command::Detect(args) => findings::detect(args).await?,
            Command::Watch(args) => return watch::watch(args).await,
            Command::Alerts(args) => return alerts::alerts(args).await,
            Command::Evaluate(args) => evaluate::run(args).await?,
            Command::Setup(args) => return setup::run(&args).map(|()| ExitCode::SUCCESS),
            Command::Doctor(args) => return doctor::run(args).await,
            Command::Hook(args) => return Ok(hook::run(&args)),
            Command::Guard(args) => return Ok(hook::guard(&args)),
        }
        Ok(ExitCode::SUCCESS)
    })
}
