//! Arguments of the commands that fit the program into a shell: `completions`, `man`.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use clap_complete::Shell;

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  spanreel completions bash > ~/.local/share/bash-completion/completions/spanreel
  spanreel completions zsh > ~/.zfunc/_spanreel        with ~/.zfunc in fpath
  spanreel completions fish > ~/.config/fish/completions/spanreel.fish";

/// Print the completion script of a shell
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

const MAN_EXAMPLES: &str = "\
Examples:
  spanreel man | man -l -
  spanreel man show | man -l -
  spanreel man --dir ~/.local/share/man/man1";

/// Print a manual page
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = MAN_EXAMPLES)]
pub struct ManArgs {
    /// Of this command [default: of the program]
    #[arg(value_name = "COMMAND")]
    pub command: Option<String>,

    /// Write the pages of all commands into this folder instead
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    pub dir: Option<PathBuf>,
}
