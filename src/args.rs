//! The command line. Every default is stated here, once.

mod harness;

use std::env;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use directories::ProjectDirs;

use crate::failure::Failure;

pub use harness::{DoctorArgs, HookArgs, SetupArgs};

/// Where the UI and the API are when nobody says otherwise.
pub const DEFAULT_URL: &str = "http://127.0.0.1:7771";

const EXAMPLES: &str = "\
Examples:
  spanreel                          start the recorder; open http://localhost:7771
  spanreel demo                     in a second terminal: send it a run to look at
  spanreel sessions                 what was recorded, newest first
  spanreel loops                    where an agent repeated itself
  spanreel sql \"from tool_calls select tool_name, count(*) group by all\"
  spanreel setup claude-code        what to set so that a harness sends everything

Point any OpenTelemetry exporter at it: OTLP/gRPC on 127.0.0.1:4317, OTLP/HTTP on 127.0.0.1:4318.
Exit codes: 0 fine, 64 bad usage, 69 port, server or data folder not to be had, 70 internal error.";

/// Flight recorder and replay room for AI agent runs.
#[derive(Debug, Parser)]
#[command(name = "spanreel", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Serve(ServeArgs),
    Demo(DemoArgs),
    Import(ImportArgs),
    Sql(SqlArgs),
    Sessions(SessionsArgs),
    Loops(LoopsArgs),
    Why(WhyArgs),
    Compare(CompareArgs),
    Detect(DetectArgs),
    Evaluate(EvaluateArgs),
    Setup(SetupArgs),
    Doctor(DoctorArgs),
    Hook(HookArgs),
}

const SERVE_EXAMPLES: &str = "\
Examples:
  spanreel serve
  spanreel serve --data ./runs --ui 127.0.0.1:8080
  SPANREEL_OTLP_GRPC=127.0.0.1:14317 spanreel serve";

/// Record: receive OTLP, store it, serve UI and API (the default command)
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = SERVE_EXAMPLES)]
pub struct ServeArgs {
    /// Folder that holds everything recorded [default: the platform's data folder]
    #[arg(
        long,
        value_name = "DIR",
        env = "SPANREEL_DATA",
        hide_env_values = true
    )]
    pub data: Option<PathBuf>,

    /// Address of the UI and the API
    #[arg(long, value_name = "ADDRESS", env = "SPANREEL_UI", default_value = "127.0.0.1:7771", value_parser = loopback_address)]
    pub ui: SocketAddr,

    /// Address for OTLP over gRPC
    #[arg(long, value_name = "ADDRESS", env = "SPANREEL_OTLP_GRPC", default_value = "127.0.0.1:4317", value_parser = loopback_address)]
    pub otlp_grpc: SocketAddr,

    /// Address for OTLP over HTTP (protobuf and JSON)
    #[arg(long, value_name = "ADDRESS", env = "SPANREEL_OTLP_HTTP", default_value = "127.0.0.1:4318", value_parser = loopback_address)]
    pub otlp_http: SocketAddr,

    /// Largest OTLP request taken, in MiB after decompression
    #[arg(long, value_name = "MIB", env = "SPANREEL_MAX_REQUEST_MIB", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub max_request_mib: u64,

    /// Memory that the database may use, in MiB
    #[arg(long, value_name = "MIB", env = "SPANREEL_MEMORY_MIB", default_value_t = 2048, value_parser = clap::value_parser!(u64).range(256..))]
    pub memory_mib: u64,

    /// Folder that Claude Code keeps raw API bodies in (OTEL_LOG_RAW_API_BODIES=file:DIR): read those
    /// that records name, and no file outside it
    #[arg(
        long,
        value_name = "DIR",
        env = "SPANREEL_READ_BODY_REFS",
        hide_env_values = true
    )]
    pub read_body_refs: Option<PathBuf>,

    /// What to log to standard error: error, warn, info, debug, trace, or per part ("collector=debug")
    #[arg(
        long,
        value_name = "FILTER",
        env = "SPANREEL_LOG",
        default_value = "info"
    )]
    pub log: String,
}

impl ServeArgs {
    /// A server of one's own on `data`, on ports that nobody else knows, that keeps quiet.
    pub fn for_folder(data: Option<PathBuf>) -> Self {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            data: data.or_else(|| env::var_os("SPANREEL_DATA").map(PathBuf::from)),
            ui: any_port,
            otlp_grpc: any_port,
            otlp_http: any_port,
            max_request_mib: 64,
            memory_mib: 2048,
            read_body_refs: None,
            log: "error".to_owned(),
        }
    }

    /// The data folder of these arguments.
    pub fn data_folder(&self) -> Result<PathBuf, Failure> {
        data_folder(self.data.as_deref())
    }
}

/// The data folder: the one given, else `spanreel` in the platform's folder for such data.
///
/// # Errors
/// When none is given and the user has no home folder.
pub fn data_folder(given: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(data) = given {
        return Ok(data.to_owned());
    }
    match ProjectDirs::from("", "", "spanreel") {
        Some(folders) => Ok(folders.data_local_dir().to_owned()),
        None => Err(Failure::Unavailable(
            "no home folder is known to keep recordings in: name a folder with --data".to_owned(),
        )),
    }
}

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

const LOOPS_EXAMPLES: &str = "\
Examples:
  spanreel loops
  spanreel loops 1f3a0c52-…          of one session
  spanreel loops --json";

/// List where agents repeated themselves
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = LOOPS_EXAMPLES)]
pub struct LoopsArgs {
    /// Only the loops of this session
    #[arg(value_name = "SESSION_ID")]
    pub session_id: Option<String>,

    #[command(flatten)]
    pub source: SourceArgs,

    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,

    /// Print JSON as the API gives it
    #[arg(long)]
    pub json: bool,
}

const WHY_EXAMPLES: &str = "\
Examples:
  spanreel why 1f3a0c52-…
  spanreel why 1f3a0c52-… --json | jq -r .remedy.configuration";

/// Say why a run failed, what shows it, and what to do about it
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = WHY_EXAMPLES)]
pub struct WhyArgs {
    /// The session
    #[arg(value_name = "SESSION_ID")]
    pub session_id: String,

    #[command(flatten)]
    pub source: SourceArgs,

    /// Print JSON as the API gives it
    #[arg(long)]
    pub json: bool,
}

const COMPARE_EXAMPLES: &str = "\
Examples:
  spanreel compare 1f3a0c52-… 7be91d20-…
  spanreel compare 1f3a0c52-… 7be91d20-… --json | jq -r .divergence";

/// Put two runs side by side: where they part, and what differs
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = COMPARE_EXAMPLES)]
pub struct CompareArgs {
    /// The first session
    #[arg(value_name = "A")]
    pub a: String,

    /// The second session
    #[arg(value_name = "B")]
    pub b: String,

    #[command(flatten)]
    pub source: SourceArgs,

    /// Print JSON as the API gives it
    #[arg(long)]
    pub json: bool,
}

const DETECT_EXAMPLES: &str = "\
Thresholds, and which detectors run, are set in detectors.json in the data folder, for example
  {\"cycle\": {\"enabled\": false}, \"exact_repeat\": {\"min_repeats\": 4}}
docs/detectors.md names them all. A running server reads the file when it starts.

Examples:
  spanreel detect
  spanreel detect 1f3a0c52-…         one session
  spanreel detect --data ./runs";

/// Run the detectors again over what was recorded
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = DETECT_EXAMPLES)]
pub struct DetectArgs {
    /// Only this session
    #[arg(value_name = "SESSION_ID")]
    pub session_id: Option<String>,

    #[command(flatten)]
    pub source: SourceArgs,

    /// Print JSON as the API gives it
    #[arg(long)]
    pub json: bool,
}

const EVALUATE_EXAMPLES: &str = "\
The folder holds TRACE_ID.json (one ExportTraceServiceRequest in OTLP/JSON each) and labels.json:
  {\"TRACE_ID\": {\"errors\": [{\"category\": \"Resource Abuse\"}, …]}, …}
A trace is positive when it has an error of a wanted category. Everything is recorded into a
temporary folder, through the receiver, and removed afterwards.

Examples:
  spanreel evaluate ./traces
  spanreel evaluate ./traces --loops \"Resource Abuse\" --drift \"Goal Deviation\" --json";

/// Measure the detectors on labelled traces, beside plain rules
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = EVALUATE_EXAMPLES)]
pub struct EvaluateArgs {
    /// Folder with the traces and labels.json
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,

    /// Categories of errors that loops are measured against
    #[arg(long, value_name = "CATEGORY", default_value = "Resource Abuse")]
    pub loops: Vec<String>,

    /// Categories of errors that drift is measured against
    #[arg(long, value_name = "CATEGORY", default_value = "Goal Deviation")]
    pub drift: Vec<String>,

    /// Settings of the detectors, a file as detectors.json in the data folder
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,

    /// List what was said of each trace
    #[arg(long)]
    pub each: bool,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

fn loopback_address(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text
        .replacen("localhost", "127.0.0.1", 1)
        .parse()
        .map_err(|_| "give an address and a port, as in 127.0.0.1:7771".to_owned())?;
    if !address.ip().is_loopback() {
        return Err(
            "only loopback addresses (127.0.0.1, ::1): recordings hold prompts and file contents"
                .to_owned(),
        );
    }
    Ok(address)
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && f64::is_finite(number) => Ok(number),
        _ => Err("give a number above 0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;

    #[test]
    fn command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn no_command_means_serve() {
        let args = Args::try_parse_from(["spanreel", "--ui", "localhost:0"]).unwrap();
        assert!(args.command.is_none());
        assert_eq!(args.serve.ui, "127.0.0.1:0".parse().unwrap());
    }

    #[test]
    fn refuses_to_listen_beyond_loopback() {
        let error =
            Args::try_parse_from(["spanreel", "serve", "--ui", "0.0.0.0:7771"]).unwrap_err();
        assert!(
            error.to_string().contains("only loopback addresses"),
            "{error}"
        );
    }

    #[test]
    fn refuses_a_speed_that_is_not_one() {
        for speed in ["0", "-1", "NaN", "inf", "fast"] {
            assert!(
                Args::try_parse_from(["spanreel", "demo", &format!("--speed={speed}")]).is_err()
            );
        }
    }
}
