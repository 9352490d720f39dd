//! The commands beside `serve`: the demo, and those that read what was recorded.

mod demo;
mod evaluate;
mod findings;
mod import;
mod output;
mod sessions;
mod source;
mod sql;
mod verdict;

use anyhow::Context as _;

use crate::args::{Args, Command};
use crate::failure::Failure;
use crate::serve;

/// Runs the command that was given, to its end.
pub fn run(args: Args) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the asynchronous runtime")?;
    runtime.block_on(async {
        match args.command.unwrap_or(Command::Serve(args.serve)) {
            Command::Serve(args) => serve::run(args).await,
            Command::Demo(args) => demo::run(args).await,
            Command::Import(args) => import::run(args).await,
            Command::Sql(args) => sql::run(args).await,
            Command::Sessions(args) => sessions::sessions(args).await,
            Command::Loops(args) => sessions::loops(args).await,
            Command::Why(args) => verdict::why(args).await,
            Command::Compare(args) => verdict::compare(args).await,
            Command::Detect(args) => findings::detect(args).await,
            Command::Evaluate(args) => evaluate::run(args).await,
        }
    })
}
