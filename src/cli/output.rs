//! Printing: to pipes that may close, and of texts that a terminal must not obey.

use std::io::{self, BufWriter, StdoutLock};

use anyhow::Context as _;

use crate::failure::Failure;

/// Standard output, buffered; flush it before waiting.
pub(super) fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::new(io::stdout().lock())
}

/// The outcome of a write. A reader that has gone away (`| head`) is no failure.
pub(super) fn written(outcome: io::Result<()>) -> Result<(), Failure> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => Ok(outcome.context("cannot write to standard output")?),
    }
}
