//! Arguments of the commands that read what was recorded.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

/// Where a command that reads finds its data.
#[derive(Debug, Clone, ClapArgs)]
pub struct SourceArgs {
    /// Ask this server [default: http://127.0.0.1:7771 if one answers there, else the data folder of
    /// SPANREEL_DATA or of the platform]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,

    /// Open this data folder, when no server has it open; --url goes before it
    #[arg(
        long,
        value_name = "DIR",
        env = "SPANREEL_DATA",
        hide_env_values = true
    )]
    pub data: Option<PathBuf>,
}

const SQL_EXAMPLES: &str = "\
Relations: sessions, spans, events, messages, turns, findings, annotations, metrics; tool_calls,
model_requests, hook_fires, denials; session_tree(id), loops(id), transcript(id).
Read only: one SELECT (or FROM …) in DuckDB's dialect.

Examples:
  spanreel sql \"from sessions select session_id, title, status order by started_at desc\"
  spanreel sql \"from tool_calls select tool_name, count(*) n, count(*) filter (status = 'error') failed group by all order by n desc\"
  spanreel sql --format csv \"from model_requests select model, sum(input_tokens) i, sum(output_tokens) o group by all\" > tokens.csv
  echo \"from findings\" | spanreel sql --format json -";

/// Run one read-only SQL query over everything recorded
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = SQL_EXAMPLES)]
pub struct SqlArgs {
    /// The query; `-` reads it from standard input
    #[arg(value_name = "QUERY")]
    pub query: String,

    #[command(flatten)]
    pub source: SourceArgs,

    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,

    /// Same as --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,

    /// At most this many rows
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_rows: u32,

    /// Give up after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub timeout: u64,
}

/// How `spanreel sql` prints a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people: aligned, control characters made visible, very long values cut and marked
    Table,
    /// An array with one object per row
    Json,
    /// With a header line
    Csv,
}

const SESSIONS_EXAMPLES: &str = "\
Examples:
  spanreel sessions
  spanreel sessions checkout --limit 5
  spanreel sessions --json | jq -r '.[].session_id'";

/// List recorded sessions, newest first
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = SESSIONS_EXAMPLES)]
pub struct SessionsArgs {
    /// Only sessions with this text in title, id, harness, project, model or tool names
    #[arg(value_name = "TEXT")]
    pub text: Option<String>,

    #[command(flatten)]
    pub source: SourceArgs,

    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,

    /// Print JSON as the API gives it
    #[arg(long)]
    pub json: bool,
}
