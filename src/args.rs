//! The command line. Every default is stated here, once.

mod access;
mod context;
mod encryption;
mod findings;
mod harness;
mod look;
mod read;
mod record;
mod search;
mod serve;
mod session;
mod shell;
pub(crate) mod time;
mod upkeep;

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};
use directories::ProjectDirs;

use crate::failure::Failure;

pub use access::{AccessArgs, CredentialArgs, FolderArgs, TokenArgs, TokenCommand, TokenRight};
pub use context::{DigestFormat, McpArgs, PullArgs};
pub use encryption::{EncryptionArgs, KeyArgs, KeyCommand};
pub use findings::{
    AlertsArgs, AlertsCommand, CompareArgs, DetectArgs, EndpointArgs, EvaluateArgs, LoopsArgs,
    ThresholdChoice, WatchArgs, WhyArgs,
};
pub use harness::{DoctorArgs, GuardArgs, HookArgs, SetupArgs};
pub use look::{
    Confidence, FindingsArgs, PayloadArgs, Severity, ShowArgs, SpanArgs, StatsArgs, TailArgs,
    TuiArgs,
};
pub use read::{Format, SessionsArgs, SourceArgs, SqlArgs};
pub use record::{DemoArgs, ImportArgs};
pub use search::SearchArgs;
pub use serve::ServeArgs;
pub use session::{AnnotateArgs, DeleteArgs, ExportArgs, ExportFormat, PrivateArgs, TagArgs};
pub use shell::{CompletionsArgs, ManArgs};
pub use upkeep::{
    BackupArgs, CompactArgs, RestoreArgs, RetentionArgs, RetentionCommand, VerifyArgs,
};

/// Where the UI and the API are when nobody says otherwise.
pub const DEFAULT_URL: &str = "http://127.0.0.1:7771";

const EXAMPLES: &str = "\
Examples:
  spanreel                          start the recorder; open http://localhost:7771
  spanreel demo                     in a second terminal: send it a run to look at
  spanreel sessions                 what was recorded, newest first
  spanreel show last                the newest run as a tree of acts
  spanreel search checkout failed   who said that
  spanreel loops                    where an agent repeated itself
  spanreel sql \"from tool_calls select tool_name, count(*) group by all\"
  spanreel pull --since 7d          a digest for a model's context
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
    Search(SearchArgs),
    Sessions(Box<SessionsArgs>),
    Show(ShowArgs),
    Span(SpanArgs),
    Payload(PayloadArgs),
    Tail(TailArgs),
    Tui(TuiArgs),
    Findings(FindingsArgs),
    Loops(LoopsArgs),
    Why(WhyArgs),
    Compare(CompareArgs),
    Detect(DetectArgs),
    Watch(WatchArgs),
    Alerts(AlertsArgs),
    Evaluate(EvaluateArgs),
    Export(ExportArgs),
    Annotate(AnnotateArgs),
    Tag(TagArgs),
    Delete(DeleteArgs),
    Private(PrivateArgs),
    Pull(PullArgs),
    Mcp(McpArgs),
    Setup(SetupArgs),
    Doctor(DoctorArgs),
    Hook(HookArgs),
    Guard(GuardArgs),
    Token(TokenArgs),
    Key(KeyArgs),
    #[command(visible_alias = "status")]
    Stats(StatsArgs),
    Verify(VerifyArgs),
    Compact(CompactArgs),
    Backup(BackupArgs),
    Restore(RestoreArgs),
    Retention(RetentionArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
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
    fn refuses_half_a_certificate_and_contradictions() {
        let both = [
            "spanreel",
            "serve",
            "--tls-self-signed",
            "--insecure-plaintext",
        ];
        assert!(Args::try_parse_from(both).is_err());
        let half = ["spanreel", "serve", "--tls-cert", "cert.pem"];
        assert!(Args::try_parse_from(half).is_err());
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
