//! Arguments of keys that data folders are encrypted with.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

/// With what a data folder is encrypted.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct EncryptionArgs {
    /// File that holds the key the data folder is encrypted with, outside the folder; a folder is begun
    /// with a key or without
    #[arg(
        long,
        value_name = "FILE",
        env = "SPANREEL_ENCRYPTION_KEY_FILE",
        hide_env_values = true
    )]
    pub encryption_key_file: Option<PathBuf>,
}

const KEY_EXAMPLES: &str = "\
A data folder that is begun with a key holds no text of a run in clear. Without the key nobody reads it
again, you included: keep a copy of the file where the folder's backups are not.

Examples:
  spanreel key new ~/.config/spanreel.key
  spanreel serve --data ./sealed --encryption-key-file ~/.config/spanreel.key
  export SPANREEL_ENCRYPTION_KEY_FILE=~/.config/spanreel.key";

/// Make the key that a data folder is encrypted with
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = KEY_EXAMPLES)]
pub struct KeyArgs {
    #[command(subcommand)]
    pub command: KeyCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub enum KeyCommand {
    /// Draw a key and write it into a new file that its owner alone can read
    New {
        /// The file; it must not be there yet
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print the id of a key, by which messages name it
    Id {
        /// The file that holds it
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}
