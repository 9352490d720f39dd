//! Arguments of `search`.

use clap::Args as ClapArgs;

use super::SourceArgs;

const SEARCH_EXAMPLES: &str = "\
All words have to be in one text, in any order: a message, a prompt, a result, a name. \"Words in
quotation marks\" follow each other, begin* stands for every word that begins so, -word must not be
there. Case does not matter.

Examples:
  spanreel search checkout failed
  spanreel search '\"permission denied\"' --operation tool
  spanreel search 'Err*' -- -timeout
  spanreel search getUserName --since 7d --json | jq -r '.hits[].session_id'";

/// Search everything that was said, called and answered
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = SEARCH_EXAMPLES)]
pub struct SearchArgs {
    /// What to look for
    #[arg(value_name = "TEXT", required = true)]
    pub text: Vec<String>,

    #[command(flatten)]
    pub source: SourceArgs,

    /// Only acts of this kind: model, tool, agent, hook …
    #[arg(long, value_name = "KIND")]
    pub operation: Vec<String>,

    /// Only calls of this tool
    #[arg(long, value_name = "NAME")]
    pub tool: Vec<String>,

    /// Only this session
    #[arg(long, value_name = "SESSION_ID")]
    pub session: Vec<String>,

    /// Only sessions of this harness
    #[arg(long, value_name = "NAME")]
    pub harness: Vec<String>,

    /// Only what started then or later: 2026-11-21, 2026-11-21T10:00:00Z, or an age as 7d, 12h, 30m
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,

    /// Only what started before; as --since
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,

    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub limit: u32,

    /// Print JSON as the API gives it
    #[arg(long)]
    pub json: bool,
}
