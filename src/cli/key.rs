//! `spanreel key`: the keys that data folders are encrypted with.

use super::output;
use crate::args::{KeyArgs, KeyCommand};
use crate::encryption;
use crate::failure::Failure;

/// Runs the command.
pub(super) fn run(args: &KeyArgs) -> Result<(), Failure> {
    match &args.command {
        KeyCommand::New { file } => {
            let key = encryption::write_new(file)?;
            output::print(&output::visible(&format!(
                "Key {} is in {}. Keep a copy elsewhere: what it encrypts is lost without it.",
                key.id(),
                file.display()
            )))
        }
        KeyCommand::Id { file } => output::print(&encryption::read(file)?.id()),
    }
}
