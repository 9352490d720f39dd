//! Arguments of the commands that tell language models what was recorded: `pull`, `mcp`.

use clap::{Args as ClapArgs, ValueEnum};

use super::SourceArgs;

const PULL_EXAMPLES: &str = "\
The digest tells what matters most first and never takes more tokens than the budget, as estimated from
above. Everything recorded in it is fenced and marked as data.

Examples:
  spanreel pull 1f3a0c52-…                     one session
  spanreel pull --since 7d --budget 20000      the last week, what went wrong first
  spanreel pull --since 24h --harness codex --status error
  spanreel pull 1f3a0c52-… | claude -p \"why did this run fail?\"
  spanreel pull --since 1d --format json | jq .sessions[0].why";

/// Print a digest of sessions for a model's context, within a budget of tokens
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = PULL_EXAMPLES)]
pub struct PullArgs {
    /// These sessions: ids, beginnings of ids, `last`, `@2`; without any, all that the filters leave
    #[arg(value_name = "SESSION", conflicts_with_all = ["since", "harness", "status", "project", "text"])]
    pub sessions: Vec<String>,

    /// Only those that started then or later: a time, or an age as 7d, 12h, 30m
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,

    /// Only of this harness; may be given several times
    #[arg(long, value_name = "NAME")]
    pub harness: Vec<String>,

    /// Only with this status: running, ok, error, interrupted, killed; may be given several times
    #[arg(long, value_name = "STATUS")]
    pub status: Vec<String>,

    /// Only of this project; may be given several times
    #[arg(long, value_name = "NAME")]
    pub project: Vec<String>,

    /// Only with this text in title, id, harness, project, model or tool names
    #[arg(long, value_name = "TEXT")]
    pub text: Option<String>,

    /// Tokens that the digest takes at most
    #[arg(long, value_name = "TOKENS", default_value_t = 8_000, value_parser = clap::value_parser!(u32).range(500..=200_000))]
    pub budget: u32,

    /// How the digest is written
    #[arg(long, value_enum, default_value_t = DigestFormat::Md)]
    pub format: DigestFormat,

    /// Same as --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,

    #[command(flatten)]
    pub source: SourceArgs,
}

/// How `spanreel pull` writes a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DigestFormat {
    /// Markdown
    Md,
    Json,
}

const MCP_EXAMPLES: &str = "\
A coding agent starts it and speaks to it over standard input and output. It asks the running recorder;
where none runs it opens the data folder for the time of a question, so a recorder can start meanwhile.
A running recorder serves the same at http://127.0.0.1:7771/mcp.

Examples:
  claude mcp add --scope user spanreel -- spanreel mcp
  codex mcp add spanreel -- spanreel mcp
  claude mcp add --scope user --transport http spanreel http://127.0.0.1:7771/mcp";

/// Serve what was recorded to a coding agent, as an MCP server on standard input and output
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = MCP_EXAMPLES)]
pub struct McpArgs {
    #[command(flatten)]
    pub source: SourceArgs,
}
