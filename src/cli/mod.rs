//! The commands beside `serve`: the demo, and those that read what was recorded.

mod alerts;
pub(crate) mod answer;
mod compare;
mod console;
mod demo;
mod doctor;
mod evaluate;
mod export;
mod findings;
pub(crate) mod format;
mod import;
mod key;
pub(crate) mod live;
mod marks;
mod mcp;
pub(crate) mod output;
mod pager;
mod progress;
mod pull;
mod queries;
mod reference;
mod retention;
mod search;
mod sessions;
mod setup;
mod shell;
mod show;
pub(crate) mod source;
mod span;
mod sql;
mod status;
pub(crate) mod style;
pub(crate) mod tail;
pub(crate) mod token;
pub(crate) mod upkeep;
mod verdict;
mod watch;

use std::process::ExitCode;

use anyhow::Context as _;

use crate::args::{Args, Command};
use crate::failure::Failure;
use crate::{hook, serve, tui};

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
            Command::Search(args) => search::run(args).await?,
            Command::Sessions(args) => sessions::sessions(*args).await?,
            Command::Show(args) => show::run(args).await?,
            Command::Span(args) => span::span(args).await?,
            Command::Payload(args) => span::payload(args).await?,
            Command::Tail(args) => tail::run(args).await?,
            Command::Tui(args) => tui::run(args).await?,
            Command::Findings(args) => findings::findings(args).await?,
            Command::Token(args) => token::run(args)?,
            Command::Key(args) => key::run(&args)?,
            Command::Stats(args) => status::stats(args).await?,
            Command::Verify(args) => return upkeep::verify(args).await,
            Command::Compact(args) => upkeep::compact(args).await?,
            Command::Backup(args) => upkeep::backup(args).await?,
            Command::Retention(args) => retention::retention(args).await?,
            Command::Restore(args) => upkeep::restore(args).await?,
            Command::Completions(args) => shell::completions(&args)?,
            Command::Man(args) => shell::man(&args)?,
            Command::Loops(args) => sessions::loops(args).await?,
            Command::Why(args) => verdict::why(args).await?,
            Command::Compare(args) => compare::compare(args).await?,
            Command::Detect(args) => findings::detect(args).await?,
            Command::Watch(args) => return watch::watch(args).await,
            Command::Alerts(args) => return alerts::alerts(args).await,
            Command::Evaluate(args) => evaluate::run(args).await?,
            Command::Export(args) => export::run(args).await?,
            Command::Annotate(args) => marks::annotate(args).await?,
            Command::Tag(args) => marks::tag(args).await?,
            Command::Delete(args) => marks::delete(args).await?,
            Command::Private(args) => marks::make_private(args).await?,
            Command::Pull(args) => pull::pull(args).await?,
            Command::Mcp(args) => mcp::run(args).await?,
            Command::Setup(args) => return setup::run(&args).map(|()| ExitCode::SUCCESS),
            Command::Doctor(args) => return doctor::run(args).await,
            Command::Hook(args) => return Ok(hook::run(&args)),
            Command::Guard(args) => return Ok(hook::guard(&args)),
        }
        Ok(ExitCode::SUCCESS)
    })
}
