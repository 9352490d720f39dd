//! Arguments of the commands about findings.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

use super::{CredentialArgs, SourceArgs};

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
    #[arg(value_name = "SESSION")]
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
  spanreel why 1f3a0c52-… --json | jq -r .remedy.configuration
  spanreel why 1f3a0c52-… --show-digest    what --ask would send, and to whom
  spanreel why 1f3a0c52-… --ask            with the model that ask.json in the data folder names
  spanreel why 1f3a0c52-… --ask --protocol openai --base-url http://127.0.0.1:11434/v1 --model qwen3

Nothing is sent anywhere without --ask. Keys are read from the environment variable that is named and
never from a file or the command line.";

/// Say why a run failed, what shows it, and what to do about it
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = WHY_EXAMPLES)]
pub struct WhyArgs {
    /// The session: its id, the beginning of it, or `last`
    #[arg(value_name = "SESSION")]
    pub session_id: String,

    #[command(flatten)]
    pub source: SourceArgs,

    /// Also hand a bounded digest of the run to a language model, and print its answer
    #[arg(long)]
    pub ask: bool,

    /// Print what --ask would send, and send nothing
    #[arg(long, conflicts_with = "ask")]
    pub show_digest: bool,

    #[command(flatten)]
    pub endpoint: EndpointArgs,

    /// Print JSON as the API gives it
    #[arg(long)]
    pub json: bool,
}

/// Whom `why --ask` asks, in place of the endpoint that the server is configured with.
#[derive(Debug, Clone, ClapArgs)]
pub struct EndpointArgs {
    /// Protocol of the endpoint: openai or anthropic
    #[arg(long, value_name = "NAME", env = "SPANREEL_ASK_PROTOCOL", value_parser = ["openai", "anthropic"], requires = "base_url")]
    pub protocol: Option<String>,

    /// Address, as for the protocol's own libraries take it (it ends in /v1 mostly)
    #[arg(
        long,
        value_name = "URL",
        env = "SPANREEL_ASK_BASE_URL",
        requires = "model",
        hide_env_values = true
    )]
    pub base_url: Option<String>,

    /// Name of the model
    #[arg(long, value_name = "NAME", env = "SPANREEL_ASK_MODEL")]
    pub model: Option<String>,

    /// Environment variable that holds the key; without it none is sent
    #[arg(long, value_name = "VARIABLE", env = "SPANREEL_ASK_KEY_ENV")]
    pub key_env: Option<String>,
}

const COMPARE_EXAMPLES: &str = "\
Examples:
  spanreel compare 1f3a0c52-… 7be91d20-…
  spanreel compare --by model gpt-5.1 claude-sonnet-4-5
  spanreel compare --by version 2.1.3 2.1.4
  spanreel compare 1f3a0c52-… 7be91d20-… --json | jq -r .divergence";

/// Put two runs side by side: where they part, and what differs
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = COMPARE_EXAMPLES)]
pub struct CompareArgs {
    /// The first session, or with --by the value of a group
    #[arg(value_name = "A")]
    pub a: String,

    /// The second
    #[arg(value_name = "B")]
    pub b: String,

    /// Compare groups of sessions: by harness, version, model, tag
    #[arg(long, value_name = "FIELD", value_parser = ["harness", "version", "model", "tag"])]
    pub by: Option<String>,

    #[command(flatten)]
    pub source: SourceArgs,

    /// Print JSON as the API gives it
    #[arg(long)]
    pub json: bool,
}

const WATCH_EXAMPLES: &str = "\
It prints findings as they are made. With --session, those that the session has already count, too.

Examples:
  spanreel watch                                     until Ctrl-C
  spanreel watch --fail-on loop,blocked --until-end  ends with what is recorded meanwhile
  spanreel watch --session 1f3a0c52-… --fail-on loop --certain --until-end --timeout 900

Exit codes: 0 no such finding, 1 one of --fail-on was made, 75 --timeout was over before the end that
--until-end waits for; 64 bad usage, 69 no server.";

/// Print findings as they are made, and fail when one is of a given kind: for CI
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = WATCH_EXAMPLES)]
pub struct WatchArgs {
    /// End with exit code 1 when there is a finding of one of these kinds (`any` for whichever)
    #[arg(long, value_name = "KIND,…", value_delimiter = ',')]
    pub fail_on: Vec<String>,

    /// Only findings that are certain
    #[arg(long)]
    pub certain: bool,

    /// Only this session: an id (also of one that has not begun), the beginning of one, `last`, `@2`
    #[arg(long)]
    pub session: Option<String>,

    /// End when the session, or every session that was active meanwhile, has ended
    #[arg(long)]
    pub until_end: bool,

    /// End after this many seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: Option<u64>,

    /// The server to ask
    #[arg(long, value_name = "URL", default_value = super::DEFAULT_URL)]
    pub url: String,

    #[command(flatten)]
    pub credentials: CredentialArgs,

    /// Print each finding as JSON on one line
    #[arg(long)]
    pub json: bool,
}

const ALERTS_EXAMPLES: &str = "\
Rules and targets are set in alerts.json in the data folder; docs/alerts.md describes it.

Examples:
  spanreel alerts                   the rules, and how deliveries went
  spanreel alerts test              send a test alert to every target
  spanreel alerts test --target slack

Exit codes of test: 0 delivered to all, 1 not to all.";

/// Show what is told to whom, or send a test alert
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = ALERTS_EXAMPLES)]
pub struct AlertsArgs {
    #[command(subcommand)]
    pub command: Option<AlertsCommand>,

    #[command(flatten)]
    pub source: SourceArgs,
}

/// What to do with alerts.
#[derive(Debug, Clone, Subcommand)]
pub enum AlertsCommand {
    /// Send a test alert and say how it fared
    Test {
        /// Only to this target
        #[arg(long, value_name = "NAME")]
        target: Option<String>,

        #[command(flatten)]
        source: SourceArgs,
    },
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
    #[arg(value_name = "SESSION")]
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
  spanreel evaluate ./traces --loops \"Resource Abuse\" --drift \"Goal Deviation\" --json
  spanreel evaluate ./traces --folds 5 --choose plan_dropped.min_score=0.6,0.7,0.8";

/// A threshold of a detector, and the values that are tried for it.
#[derive(Debug, Clone)]
pub struct ThresholdChoice {
    pub rule: String,
    pub threshold: String,
    pub values: Vec<f64>,
}

fn threshold_choice(text: &str) -> Result<ThresholdChoice, String> {
    let expected = "expected DETECTOR.THRESHOLD=VALUE,VALUE,…";
    let (name, values) = text.split_once('=').ok_or(expected)?;
    let (rule, threshold) = name.split_once('.').ok_or(expected)?;
    let number = |value: &str| {
        let value = value.trim();
        value
            .parse()
            .map_err(|_| format!("{value:?} is no number; {expected}"))
    };
    Ok(ThresholdChoice {
        rule: rule.to_owned(),
        threshold: threshold.to_owned(),
        values: values.split(',').map(number).collect::<Result<_, _>>()?,
    })
}

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

    /// Categories of errors that ignored results are measured against
    #[arg(long, value_name = "CATEGORY", default_values = ["Context Handling Failures", "Tool Output Misinterpretation"])]
    pub ignored: Vec<String>,

    /// Deal the traces out to so many folds, and tell how far the figures differ between them
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(2..=20))]
    pub folds: Option<u32>,

    /// Try values of a threshold: each fold takes the one that is best on the other folds
    #[arg(long, value_name = "DETECTOR.THRESHOLD=V,V,…", requires = "folds", value_parser = threshold_choice)]
    pub choose: Option<ThresholdChoice>,

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
