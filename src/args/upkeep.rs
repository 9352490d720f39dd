//! Arguments of the commands that keep what was recorded.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

use super::SourceArgs;
use super::time::duration;

const VERIFY_EXAMPLES: &str = "\
Every block of the database, every piece and payload by its hash, every reference, every received
record, every record of the journal, and the search index. A running server goes on meanwhile; a folder
that nobody serves is not changed.
Exit code: 0 nothing is damaged, 1 something is.

Examples:
  spanreel verify
  spanreel verify --data ./backup --json";

/// Read everything that is stored again, and name what is damaged
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = VERIFY_EXAMPLES)]
pub struct VerifyArgs {
    #[command(flatten)]
    pub source: SourceArgs,

    /// Print JSON as the API gives it
    #[arg(long)]
    pub json: bool,
}

const COMPACT_EXAMPLES: &str = "\
Deleting makes room within the database file, which later recordings use. Compacting makes the file
shorter, and leaves nothing of what was deleted anywhere in the data folder. Recording goes on; it takes
as much free disk as what is stored.

Examples:
  spanreel compact
  spanreel delete SESSION --yes && spanreel compact";

/// Give back the disk space of what was deleted
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = COMPACT_EXAMPLES)]
pub struct CompactArgs {
    #[command(flatten)]
    pub source: SourceArgs,

    /// Print JSON as the API gives it
    #[arg(long)]
    pub json: bool,
}

const BACKUP_EXAMPLES: &str = "\
Database, journal and settings, as of one moment, while recording goes on. The backup is a data folder:
`spanreel verify --data DEST` reads it again, `spanreel restore` makes a data folder of it.

Examples:
  spanreel backup ~/backups/spanreel-monday
  spanreel backup ./copy --data ./runs";

/// Copy everything into a folder, while it is in use
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = BACKUP_EXAMPLES)]
pub struct BackupArgs {
    /// Folder of the machine that the server runs on; empty, or not there yet
    #[arg(value_name = "DEST")]
    pub to: PathBuf,

    #[command(flatten)]
    pub source: SourceArgs,

    /// Print JSON as the API gives it
    #[arg(long)]
    pub json: bool,
}

const RESTORE_EXAMPLES: &str = "\
Every file is checked while it is copied. The data folder appears whole or not at all.

Examples:
  spanreel restore ~/backups/spanreel-monday --data ./runs
  spanreel restore ~/backups/spanreel-monday";

/// Make a data folder of a backup
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = RESTORE_EXAMPLES)]
pub struct RestoreArgs {
    /// The backup
    #[arg(value_name = "SRC")]
    pub from: PathBuf,

    /// The data folder to make; empty, or not there yet [default: the platform's data folder]
    #[arg(
        long,
        value_name = "DIR",
        env = "SPANREEL_DATA",
        hide_env_values = true
    )]
    pub data: Option<PathBuf>,
}

const RETENTION_EXAMPLES: &str = "\
The rules are in retention.json in the data folder: max_age, max_size, tags, every. What is said of one
session goes before them, and holds for the sessions that it started.

Examples:
  spanreel retention
  spanreel retention --dry-run
  spanreel retention run
  spanreel retention keep SESSION
  spanreel retention expire SESSION --after 7d
  spanreel retention clear SESSION";

/// How long recordings are kept: show the rules, see what would go, apply them, and except a session
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = RETENTION_EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct RetentionArgs {
    #[command(subcommand)]
    pub command: Option<RetentionCommand>,

    #[command(flatten)]
    pub source: SourceArgs,

    /// List what would go now; remove nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Print JSON as the API gives it
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Subcommand)]
pub enum RetentionCommand {
    /// Apply the rules now
    Run {
        #[command(flatten)]
        source: SourceArgs,

        /// Print JSON as the API gives it
        #[arg(long)]
        json: bool,
    },
    /// Keep a session, whatever the rules say
    Keep {
        /// Its id, as `spanreel sessions` shows it
        #[arg(value_name = "SESSION")]
        session_id: String,

        #[command(flatten)]
        source: SourceArgs,
    },
    /// Let a session go at a time of its own, and not before
    Expire {
        /// Its id, as `spanreel sessions` shows it
        #[arg(value_name = "SESSION")]
        session_id: String,

        /// How long from now: 12h, 7d, 2w
        #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "at")]
        after: Option<i64>,

        /// When, as 2027-01-31 or 2027-01-31T12:00:00Z
        #[arg(long, value_name = "TIME", required_unless_present = "after")]
        at: Option<String>,

        #[command(flatten)]
        source: SourceArgs,
    },
    /// Take back what was said of a session; the rules decide again
    Clear {
        /// Its id, as `spanreel sessions` shows it
        #[arg(value_name = "SESSION")]
        session_id: String,

        #[command(flatten)]
        source: SourceArgs,
    },
}
