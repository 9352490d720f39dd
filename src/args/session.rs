//! Arguments of the commands that export, mark and delete one session.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::SourceArgs;

const EXPORT_EXAMPLES: &str = "\
json   everything, each text once       csv   a row for each prompt and act
otlp   the records as they were sent; `spanreel import FILE` gives the same session again
md     a transcript to read             html  a page that replays the session without a network

Examples:
  spanreel export SESSION --format md | less
  spanreel export SESSION --format otlp -o run.otlp.jsonl
  spanreel export SESSION --format html -o run.html --without thinking,system --redact 'sk-[A-Za-z0-9]+'";

/// Write one session, with those that it started, to a file
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = EXPORT_EXAMPLES)]
pub struct ExportArgs {
    /// The session: its id, the beginning of it, `last`, or `@2` for the one before the last
    #[arg(value_name = "SESSION")]
    pub session_id: String,

    #[command(flatten)]
    pub source: SourceArgs,

    /// How to write it [default: by the ending of FILE, else json]
    #[arg(long, value_enum)]
    pub format: Option<ExportFormat>,

    /// Write to this file, not to standard output; it appears when it is whole
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Same as --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,

    /// csv: leave texts that a spreadsheet would compute as they are
    #[arg(long)]
    pub raw: bool,

    /// html: replace what this regular expression finds, in every text; may be given several times
    #[arg(long, value_name = "PATTERN")]
    pub redact: Vec<String>,

    /// html: leave out all prompts, arguments, results, messages and attributes
    #[arg(long)]
    pub no_payloads: bool,

    /// html: leave out these kinds of content: thinking, system, input, output, attributes
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    pub without: Vec<String>,
}

/// What `spanreel export` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    Csv,
    Json,
    Otlp,
    Md,
    Html,
}

impl ExportFormat {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Otlp => "otlp",
            Self::Md => "md",
            Self::Html => "html",
        }
    }
}

const ANNOTATE_EXAMPLES: &str = "\
Examples:
  spanreel annotate SESSION --good \"found the cause at once\"
  spanreel annotate SESSION --turn 2 --wrong
  spanreel annotate SESSION --span TRACE:SPAN \"here it went astray\"
  spanreel annotate SESSION --span TRACE:SPAN --checkpoint \"before the edit\"";

/// Say something of a session, a turn or an act; without words, list what was said
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = ANNOTATE_EXAMPLES)]
pub struct AnnotateArgs {
    /// The session: its id, the beginning of it, `last`, or `@2` for the one before the last
    #[arg(value_name = "SESSION")]
    pub session_id: String,

    /// What to say
    #[arg(value_name = "COMMENT")]
    pub comment: Option<String>,

    #[command(flatten)]
    pub source: SourceArgs,

    /// It went well
    #[arg(long, conflicts_with = "wrong")]
    pub good: bool,

    /// It went wrong
    #[arg(long)]
    pub wrong: bool,

    /// Of this turn
    #[arg(long, value_name = "N", conflicts_with = "span")]
    pub turn: Option<i64>,

    /// Of this act, as trace id and span id
    #[arg(long, value_name = "TRACE:SPAN", value_parser = span)]
    pub span: Option<(String, String)>,

    /// Give the act this name, to be found again by it
    #[arg(long, value_name = "NAME", requires = "span", conflicts_with_all = ["good", "wrong", "comment"])]
    pub checkpoint: Option<String>,

    /// Who says it
    #[arg(long, value_name = "NAME")]
    pub author: Option<String>,

    /// Take back the annotation with this id
    #[arg(long, value_name = "ID", conflicts_with_all = ["good", "wrong", "comment", "checkpoint"])]
    pub remove: Option<String>,

    /// Print JSON as the API gives it
    #[arg(long)]
    pub json: bool,
}

fn span(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((trace, span)) if trace.len() == 32 && span.len() == 16 => {
            Ok((trace.to_owned(), span.to_owned()))
        }
        _ => Err("give 32 hex digits, a colon, and 16 hex digits".to_owned()),
    }
}

const TAG_EXAMPLES: &str = "\
Examples:
  spanreel tag SESSION regression release-4
  spanreel tag SESSION --remove regression
  spanreel sql \"from sessions select session_id, title where list_contains(tags, 'regression')\"";

/// Give a session tags, and take others away
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = TAG_EXAMPLES)]
pub struct TagArgs {
    /// The session: its id, the beginning of it, `last`, or `@2` for the one before the last
    #[arg(value_name = "SESSION")]
    pub session_id: String,

    /// Tags to give
    #[arg(value_name = "TAG")]
    pub tags: Vec<String>,

    #[command(flatten)]
    pub source: SourceArgs,

    /// Take this tag away; may be given several times
    #[arg(long, value_name = "TAG")]
    pub remove: Vec<String>,

    /// Print JSON as the API gives it
    #[arg(long)]
    pub json: bool,
}

const DELETE_EXAMPLES: &str = "\
Deleted is deleted: rows, records and texts that no other session holds. Records of the session that
come later are left out, until --allow lets them in again.

Examples:
  spanreel delete SESSION
  spanreel delete SESSION SESSION --yes
  spanreel delete --allow SESSION";

/// Delete sessions, with those that they started, for good
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = DELETE_EXAMPLES)]
pub struct DeleteArgs {
    /// The sessions: their ids, beginnings of them, `last`, `@2`; with --allow whole ids
    #[arg(value_name = "SESSION", required = true)]
    pub session_ids: Vec<String>,

    #[command(flatten)]
    pub source: SourceArgs,

    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,

    /// Delete nothing: let records of these deleted sessions in again
    #[arg(long, conflicts_with = "yes")]
    pub allow: bool,

    /// Print JSON as the API gives it
    #[arg(long)]
    pub json: bool,
}

const PRIVATE_EXAMPLES: &str = "\
Nothing of a private session stays, and nothing that comes of it later is kept; `spanreel delete --allow`
takes that back. An agent says it by itself with the attribute spanreel.private=true, a user of a coding
agent with hooks by the prompt /private.

Examples:
  spanreel private last
  spanreel private SESSION --yes";

/// Make sessions private: delete them and keep out what comes of them later
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = PRIVATE_EXAMPLES)]
pub struct PrivateArgs {
    /// The sessions: their ids, beginnings of them, `last`, `@2`; with --coming whole ids
    #[arg(value_name = "SESSION", required = true)]
    pub session_ids: Vec<String>,

    /// The sessions may not have begun: take the ids as they are
    #[arg(long)]
    pub coming: bool,

    #[command(flatten)]
    pub source: SourceArgs,

    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,

    /// Print JSON as the API gives it
    #[arg(long)]
    pub json: bool,
}
