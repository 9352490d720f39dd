//! Arguments of the commands that send something to be recorded.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::CredentialArgs;

const DEMO_EXAMPLES: &str = "\
It sends four sessions through real OTLP/gRPC, children before parents as exporters do: a coding agent
that loops, is denied an `rm -rf` and calls subagents and MCP tools; a support agent that hands over and
succeeds; a deployment agent that fails; a long research run. Every run of the demo has new ids.

Examples:
  spanreel demo                     about 75 seconds; watch it arrive at http://localhost:7771
  spanreel demo --fast              the same within 3 seconds
  spanreel demo --speed 4 --endpoint http://127.0.0.1:14317";

/// Send a realistic multi-session run to a running server, as a stream over time
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = DEMO_EXAMPLES)]
pub struct DemoArgs {
    /// OTLP/gRPC endpoint to send to
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4317")]
    pub endpoint: String,

    /// How many times faster than it would have happened
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = positive)]
    pub speed: f64,

    /// Send everything within about 3 seconds
    #[arg(long, conflicts_with = "speed")]
    pub fast: bool,

    #[command(flatten)]
    pub credentials: CredentialArgs,
}

const IMPORT_EXAMPLES: &str = "\
Without a path it takes what Claude Code (~/.claude/projects), Codex (~/.codex/sessions) and Gemini CLI
(~/.gemini/tmp) keep of their sessions; CLAUDE_CONFIG_DIR and CODEX_HOME are heeded. Importing again
changes nothing, and what arrived over OpenTelemetry as well is counted once.

Examples:
  spanreel import
  spanreel import --follow
  spanreel import ~/.claude/projects/-home-me-shop
  spanreel import traces.jsonl logs.pb rollout-2026-11-21T01-09-50.jsonl.zst";

/// Import transcripts of coding agents, and OTLP files, into a running server
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = IMPORT_EXAMPLES)]
pub struct ImportArgs {
    /// Files and folders [default: the folders of the harnesses]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// OTLP/HTTP endpoint to send to
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4318")]
    pub endpoint: String,

    /// Go on: import what is written from now on, until Ctrl-C
    #[arg(long)]
    pub follow: bool,

    #[command(flatten)]
    pub credentials: CredentialArgs,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && f64::is_finite(number) => Ok(number),
        _ => Err("give a number above 0".to_owned()),
    }
}
