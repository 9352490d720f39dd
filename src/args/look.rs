//! Arguments of the commands that look closely: `show`, `span`, `payload`, `tail`, `findings`, `stats`,
//! `tui`.

use clap::Args as ClapArgs;
use clap::ValueEnum;

use super::SourceArgs;

const SHOW_EXAMPLES: &str = "\
Each line is one act: when it began, how long it took, how it ended, what it was; ×37 stands for as many
neighbours that say the same thing. On a terminal the output goes through $PAGER (PAGER= turns that off).
SESSION is an id, the beginning of one, `last`, or @2 for the last but one.

Examples:
  spanreel show last
  spanreel show 1f3a --errors        what failed or was denied, and where
  spanreel show 1f3a --turn 2 --payloads
  spanreel show @1 --depth 2 --json | jq .columns.name_s";

/// Show a session as a tree of acts
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = SHOW_EXAMPLES)]
pub struct ShowArgs {
    /// The session
    #[arg(value_name = "SESSION", default_value = "last")]
    pub session: String,

    #[command(flatten)]
    pub source: SourceArgs,

    /// Only this turn
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    pub turn: Option<i64>,

    /// Only acts that failed or were denied, and what they were part of
    #[arg(long)]
    pub errors: bool,

    /// Only so many levels of the tree
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub depth: Option<u32>,

    /// Print what went in and came out of each act, in full
    #[arg(long)]
    pub payloads: bool,

    /// Print the span id of each act
    #[arg(long)]
    pub ids: bool,

    /// Show internal plumbing and second reports of one act, and fold nothing
    #[arg(long)]
    pub all: bool,

    /// Print JSON as the API gives it: the whole tree, in columns
    #[arg(long, conflicts_with_all = ["turn", "errors", "depth", "payloads", "ids", "all"])]
    pub json: bool,
}

const SPAN_EXAMPLES: &str = "\
Examples:
  spanreel span 4f1c9a                        the beginning of a span id, when only one span has it
  spanreel span 0af7651916cd43dd8448eb211c80319c b7ad6b7169203331
  spanreel span b7ad6b7169203331 --json | jq .attributes";

/// Show one span with everything that is known of it
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = SPAN_EXAMPLES)]
pub struct SpanArgs {
    /// Trace id; or the span id alone, or TRACE_ID/SPAN_ID
    #[arg(value_name = "TRACE_ID")]
    pub trace_or_span: String,

    /// Span id
    #[arg(value_name = "SPAN_ID")]
    pub span: Option<String>,

    #[command(flatten)]
    pub source: SourceArgs,

    /// Print JSON as the API gives it
    #[arg(long)]
    pub json: bool,
}

const PAYLOAD_EXAMPLES: &str = "\
A file or a pipe gets the bytes exactly as they were sent. A terminal gets them with control characters
made visible.

Examples:
  spanreel payload 6e01…d2f4 > input.json
  spanreel payload 6e01…d2f4 --range 0-999
  spanreel payload 6e01…d2f4 --range -200     the last 200 bytes";

/// Print a payload: what went into an act or came out of it
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = PAYLOAD_EXAMPLES)]
pub struct PayloadArgs {
    /// Its hash, 64 hex digits, as `spanreel span` shows it
    #[arg(value_name = "HASH", value_parser = hash)]
    pub hash: String,

    #[command(flatten)]
    pub source: SourceArgs,

    /// Only these bytes: 0-99 (first to last), 100- (from there on), -100 (the last)
    #[arg(long, value_name = "FROM-TO", allow_hyphen_values = true, value_parser = byte_range)]
    pub range: Option<String>,
}

const TAIL_EXAMPLES: &str = "\
Examples:
  spanreel tail
  spanreel tail --errors
  spanreel tail --operation tool --operation model --session last
  spanreel tail --json | jq -r 'select(.cost_usd > 0.1) | .session_id'";

/// Follow what agents do, one line an act, as it arrives
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = TAIL_EXAMPLES)]
pub struct TailArgs {
    #[command(flatten)]
    pub source: SourceArgs,

    /// Only this session
    #[arg(long, value_name = "SESSION")]
    pub session: Option<String>,

    /// Only acts of this operation: model, tool, agent, hook …; may be given several times
    #[arg(long, value_name = "OPERATION")]
    pub operation: Vec<String>,

    /// Only acts that failed or were denied
    #[arg(long)]
    pub errors: bool,

    /// Begin with the latest so many that are there already
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub lines: u32,

    /// End after the acts that are there already
    #[arg(long)]
    pub no_follow: bool,

    /// Print one JSON object a line, as the API gives them
    #[arg(long)]
    pub json: bool,
}

const FINDINGS_EXAMPLES: &str = "\
Examples:
  spanreel findings
  spanreel findings last
  spanreel findings --severity error --confidence certain
  spanreel findings --kind blocked --json | jq -r '.[].explanation'";

/// List what deserves attention: loops, drift, blocked actions, stalls …
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = FINDINGS_EXAMPLES)]
pub struct FindingsArgs {
    /// Only the findings of this session
    #[arg(value_name = "SESSION")]
    pub session: Option<String>,

    #[command(flatten)]
    pub source: SourceArgs,

    /// Only this kind: loop, drift, blocked, error_streak, retry_storm, stall …
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,

    /// Only this severity
    #[arg(long, value_enum)]
    pub severity: Option<Severity>,

    /// Only findings of this confidence
    #[arg(long, value_enum)]
    pub confidence: Option<Confidence>,

    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=5000))]
    pub limit: u32,

    /// Print JSON as the API gives it
    #[arg(long)]
    pub json: bool,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Severity {
    Info,
    Warning,
    Error,
}

impl Severity {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Confidence {
    Certain,
    Likely,
}

impl Confidence {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
        }
    }
}

/// Say how much is recorded, and what has arrived since the server started
#[derive(Debug, Clone, ClapArgs)]
pub struct StatsArgs {
    #[command(flatten)]
    pub source: SourceArgs,

    /// Print JSON as the API gives it
    #[arg(long)]
    pub json: bool,
}

const TUI_EXAMPLES: &str = "\
Sessions, the waterfall of one, what went into each act and came out of it, and what happens now. ? lists
the keys; they are those of the web interface. NO_COLOR is honoured.

Examples:
  spanreel tui
  spanreel tui last";

/// Look through recordings in the terminal
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = TUI_EXAMPLES)]
pub struct TuiArgs {
    /// Begin with this session
    #[arg(value_name = "SESSION")]
    pub session: Option<String>,

    #[command(flatten)]
    pub source: SourceArgs,
}

fn hash(text: &str) -> Result<String, String> {
    let is_hash = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash {
        Ok(text.to_lowercase())
    } else {
        Err("the hash of a payload is 64 hex digits; `spanreel span` shows it".to_owned())
    }
}

fn byte_range(text: &str) -> Result<String, String> {
    let wrong = || "give the first and the last byte as 0-99, 100- or -100".to_owned();
    let (from, to) = text.split_once('-').ok_or_else(wrong)?;
    let number = |text: &str| text.is_empty() || text.parse::<u64>().is_ok();
    if !number(from) || !number(to) || (from.is_empty() && to.is_empty()) {
        return Err(wrong());
    }
    match (from.parse::<u64>(), to.parse::<u64>()) {
        (Ok(from), Ok(to)) if from > to => Err(wrong()),
        _ => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_http() {
        for right in ["0-99", "100-", "-100", "5-5"] {
            assert_eq!(byte_range(right).as_deref(), Ok(right));
        }
        for wrong in ["", "-", "7", "9-3", "a-b", "0-1,4-5", "--1"] {
            assert!(byte_range(wrong).is_err(), "{wrong}");
        }
    }
}
