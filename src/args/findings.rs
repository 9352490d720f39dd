//! Arguments of the commands about findings.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::SourceArgs;

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
