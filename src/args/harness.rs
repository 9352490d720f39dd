//! Arguments of the commands that deal with agent harnesses: `hook`, `setup`, `doctor`.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args as ClapArgs;
use collector::redact::Mode;

use super::serve::{address, redaction_mode};
use super::{CredentialArgs, EncryptionArgs, SourceArgs};

const HOOK_EXAMPLES: &str = "\
It reads the document that the harness writes to its hooks, hands it to the recorder, and exits with 0
whatever happens. When no recorder runs, the fire waits in the data folder and is delivered later.
With a command behind --, that command is the hook: it gets the document, its output and its exit code
are the hook's, and what it decided and how long it took is recorded.

Examples (in the harness's hook settings):
  spanreel hook
  spanreel hook --harness codex
  spanreel hook --harness copilot-cli --event preToolUse
  spanreel hook -- ./guard.py --strict";

/// Record a hook of a harness; the harness runs it
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = HOOK_EXAMPLES)]
pub struct HookArgs {
    /// The harness that runs the hook: claude-code, codex, gemini-cli, cursor, copilot-cli …
    #[arg(long, value_name = "NAME", default_value = "claude-code")]
    pub harness: String,

    /// The event, for harnesses whose documents do not name it
    #[arg(long, value_name = "NAME")]
    pub event: Option<String>,

    /// OTLP/HTTP address of the recorder
    #[arg(
        long,
        value_name = "URL",
        env = "SPANREEL_OTLP_HTTP",
        default_value = "127.0.0.1:4318"
    )]
    pub endpoint: String,

    /// Folder in which fires wait while no recorder runs [default: the platform's data folder]
    #[arg(
        long,
        value_name = "DIR",
        env = "SPANREEL_DATA",
        hide_env_values = true
    )]
    pub data: Option<PathBuf>,

    /// How fires that wait are redacted: off, secrets, strict; goes before privacy.json there
    #[arg(long, value_name = "MODE", env = "SPANREEL_REDACT", value_parser = redaction_mode)]
    pub redact: Option<Mode>,

    #[command(flatten)]
    pub encryption: EncryptionArgs,

    #[command(flatten)]
    pub credentials: CredentialArgs,

    /// The hook command to run
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

const GUARD_EXAMPLES: &str = "\
It reads the document that a harness writes to its hooks before a tool call and asks the running server.
A call that goes on with a certain loop of its session, or that tries again what was denied in the same
turn, is refused: exit code 2, with the reason on standard error, which the harness tells the model.
Everything else passes: exit code 0, also when no server answers within two seconds.
`spanreel why SESSION` prints the settings that make a harness run it.

Examples (in the harness's hook settings, before tool calls):
  spanreel guard
  spanreel guard --url http://127.0.0.1:8080";

/// Refuse calls that a run has just repeated or been denied; a harness runs it as a hook
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = GUARD_EXAMPLES)]
pub struct GuardArgs {
    /// The server to ask
    #[arg(long, value_name = "URL", default_value = super::DEFAULT_URL)]
    pub url: String,

    #[command(flatten)]
    pub credentials: CredentialArgs,
}

const SETUP_EXAMPLES: &str = "\
Without a harness it lists those that it knows. With one it prints the settings that make it send
everything; --write puts them into the harness's own settings file, after showing what changes.

Examples:
  spanreel setup
  spanreel setup claude-code
  spanreel setup codex --write
  spanreel setup codex --undo
  spanreel setup codex --mcp --write    its agent may ask what was recorded
  spanreel setup gemini-cli --otlp-grpc 127.0.0.1:14317 --no-hooks";

/// Show or write the settings that make a harness send everything
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = SETUP_EXAMPLES)]
pub struct SetupArgs {
    /// The harness or SDK
    #[arg(value_name = "HARNESS")]
    pub harness: Option<String>,

    /// Write the settings, after showing the difference
    #[arg(long, requires = "harness", conflicts_with = "undo")]
    pub write: bool,

    /// Take the settings out again
    #[arg(long, requires = "harness")]
    pub undo: bool,

    /// Do not ask before writing
    #[arg(long, short)]
    pub yes: bool,

    /// The entry that lets its agent ask what was recorded (`spanreel mcp`), and nothing else
    #[arg(long, requires = "harness", conflicts_with_all = ["no_hooks", "json"])]
    pub mcp: bool,

    /// Leave the hooks out
    #[arg(long)]
    pub no_hooks: bool,

    /// Folder of the project, for settings that belong to a project
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub project: PathBuf,

    /// Where the recorder takes OTLP over gRPC
    #[arg(long, value_name = "ADDRESS", env = "SPANREEL_OTLP_GRPC", default_value = "127.0.0.1:4317", value_parser = address)]
    pub otlp_grpc: SocketAddr,

    /// Where the recorder takes OTLP over HTTP
    #[arg(long, value_name = "ADDRESS", env = "SPANREEL_OTLP_HTTP", default_value = "127.0.0.1:4318", value_parser = address)]
    pub otlp_http: SocketAddr,

    /// The recorder asks for a token: say where it goes
    #[arg(long)]
    pub token: bool,

    /// The recorder takes OTLP with TLS
    #[arg(long)]
    pub tls: bool,

    /// Print as JSON, as the API gives it
    #[arg(long, conflicts_with_all = ["write", "undo"])]
    pub json: bool,
}

const DOCTOR_EXAMPLES: &str = "\
Examples:
  spanreel doctor
  spanreel doctor --json | jq -r '.harnesses[].gaps[].fix'

Exit codes: 0 nothing is missing, 1 something is; 69 no server or data folder.";

/// Say what arrives of each harness, what is missing, and which switch fixes it
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = DOCTOR_EXAMPLES)]
pub struct DoctorArgs {
    #[command(flatten)]
    pub source: SourceArgs,

    /// Print JSON as the API gives it
    #[arg(long)]
    pub json: bool,
}
