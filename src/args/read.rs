//! Arguments of the commands that read what was recorded.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::time::{duration, moment};
use super::{CredentialArgs, EncryptionArgs};

/// Where a command that reads finds its data.
#[derive(Debug, Clone, Default, ClapArgs)]
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

    #[command(flatten)]
    pub encryption: EncryptionArgs,

    #[command(flatten)]
    pub credentials: CredentialArgs,
}

const SQL_EXAMPLES: &str = "\
Relations: sessions, spans, events, messages, turns, findings, annotations, metrics; tool_calls,
model_requests, hook_fires, denials, capture_gaps; session_tree(id), loops(id), transcript(id),
search(text).
Read only: one SELECT (or FROM …) in DuckDB's dialect.
Without a query it reads several, each ended by `;`: on a terminal with history, completion and commands
(.help lists them), else from standard input.

Examples:
  spanreel sql
  spanreel sql \"from sessions select session_id, title, status order by started_at desc\"
  spanreel sql \"from tool_calls select tool_name, count(*) n, count(*) filter (status = 'error') failed group by all order by n desc\"
  spanreel sql --format csv \"from model_requests select model, sum(input_tokens) i, sum(output_tokens) o group by all\" > tokens.csv
  echo \"from findings\" | spanreel sql --format json -
  spanreel sql --queries
  spanreel sql --saved slowest-tools --param since=7d --param limit=5";

/// Ask with read-only SQL over everything recorded
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = SQL_EXAMPLES)]
pub struct SqlArgs {
    /// The query; `-` reads one from standard input
    #[arg(value_name = "QUERY")]
    pub query: Option<String>,

    /// Run the saved query of this name
    #[arg(long, value_name = "NAME", conflicts_with = "query")]
    pub saved: Option<String>,

    /// A parameter of the saved query
    #[arg(long, value_name = "NAME=VALUE", requires = "saved")]
    pub param: Vec<String>,

    /// List the saved queries and their parameters
    #[arg(long, conflicts_with_all = ["query", "saved"])]
    pub queries: bool,

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
Filters combine; of one that is given several times, one value has to fit.

Examples:
  spanreel sessions
  spanreel sessions checkout --limit 5
  spanreel sessions --status error --since 7d --harness claude-code
  spanreel sessions --finding loop --min-cost 0.50 --sort cost
  spanreel sessions --json | jq -r '.[].session_id'";

/// List recorded sessions, newest first
#[derive(Debug, Clone, Default, ClapArgs)]
#[command(after_help = SESSIONS_EXAMPLES)]
pub struct SessionsArgs {
    /// Only sessions with this text in title, id, harness, project, model or tool names
    #[arg(value_name = "TEXT")]
    pub text: Option<String>,

    #[command(flatten)]
    pub source: SourceArgs,

    /// Only of this harness: claude-code, codex …
    #[arg(long, value_name = "NAME")]
    pub harness: Vec<String>,

    /// Only where this agent or subagent acted
    #[arg(long, value_name = "NAME")]
    pub agent: Vec<String>,

    /// Only where this model was asked
    #[arg(long, value_name = "NAME")]
    pub model: Vec<String>,

    /// Only where this tool was called
    #[arg(long, value_name = "NAME")]
    pub tool: Vec<String>,

    /// Only where a tool of this MCP server was called
    #[arg(long, value_name = "NAME")]
    pub mcp: Vec<String>,

    /// Only of this machine
    #[arg(long, value_name = "NAME")]
    pub host: Vec<String>,

    /// Only of this project
    #[arg(long, value_name = "NAME")]
    pub project: Vec<String>,

    /// Only of this status
    #[arg(long, value_name = "STATUS", value_parser = ["running", "ok", "error", "interrupted", "killed"])]
    pub status: Vec<String>,

    /// Only with this tag
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,

    /// Only with a finding of this kind; `any` for whichever
    #[arg(long, value_name = "KIND")]
    pub finding: Vec<String>,

    /// Only those that began then or later: 2026-11-21, 2026-11-21T10:00 (UTC), or 7d, 12h, 30m ago
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<i64>,

    /// Only those that began before
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub until: Option<i64>,

    /// Only those that cost at least so many US dollars
    #[arg(long, value_name = "USD")]
    pub min_cost: Option<f64>,

    /// Only those that cost at most so many US dollars
    #[arg(long, value_name = "USD")]
    pub max_cost: Option<f64>,

    /// Only those that took at least so long: 90s, 30m, 2h
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub min_duration: Option<i64>,

    /// Only those that took at most so long
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub max_duration: Option<i64>,

    /// Sessions that others started as well
    #[arg(long)]
    pub children: bool,

    /// What goes first [default: the latest activity]
    #[arg(long, value_name = "BY", value_parser = ["activity", "started", "duration", "turns", "tokens", "cost", "errors", "findings"])]
    pub sort: Option<String>,

    /// The other way round: smallest or oldest first
    #[arg(long)]
    pub reverse: bool,

    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,

    /// Print JSON as the API gives it
    #[arg(long)]
    pub json: bool,
}
