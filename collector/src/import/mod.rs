//! Importing: what harnesses wrote about their own runs, as OTLP.
//!
//! Pure functions from the lines of a file to spans and log records, one small reader per format.
//! They know no folders and open no files: lines are handed in, and what lies beside a transcript
//! (spilled tool results, notes on subagents) is asked for through [`Beside`].
//!
//! Ids are hashes of what the harness itself calls its sessions, messages and calls. The same line
//! gives the same record again, so that an import can be repeated, and what other signals reported of
//! the same run is recognised by those names when acts are joined.
//!
//! - A turn is one span at the moment of its prompt; resolution stretches it over what follows.
//! - A model request holds its answer, and of its input what was new since the request before: the
//!   history of a long session would otherwise be sent once per request.
//! - A call without a result and an answer that is still being written get ids of their own, so that
//!   a later import can tell the whole of it.
//! - An entry that no rule knows becomes a log record with the entry as its body.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value as Json;

mod claude_code;
mod codex;
mod gemini_cli;
pub mod otlp_file;
mod records;
#[cfg(test)]
mod tests;

pub use records::{Records, SCOPE_NAME};

/// The kinds of transcript that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `~/.claude/projects/<project>/<session>.jsonl` and `…/subagents/agent-<id>.jsonl`.
    ClaudeCode,
    /// `~/.codex/sessions/…/rollout-….jsonl`.
    Codex,
    /// `~/.gemini/tmp/<project>/chats/session-….jsonl` or `.json`.
    GeminiCli,
}

impl Format {
    /// The format of a file by one of its entries; `None` when this one does not tell.
    pub fn of_entry(entry: &[u8]) -> Option<Self> {
        let entry: Json = serde_json::from_slice(entry).ok()?;
        let has = |key: &str| entry.get(key).is_some();
        if has("payload") && has("type") && has("timestamp") {
            return Some(Self::Codex);
        }
        if has("sessionId") && (has("projectHash") || has("messages") || has("startTime")) {
            return Some(Self::GeminiCli);
        }
        if has("type") && (has("sessionId") || has("uuid") || has("leafUuid")) {
            return Some(Self::ClaudeCode);
        }
        None
    }
}

/// Files that lie beside a transcript.
pub trait Beside {
    /// The text of the file with this name that belongs to the transcript; `None` when there is none.
    /// `name` is the last part of a path that the transcript states: the rest of it may be another
    /// machine's.
    fn text(&self, name: &str) -> Option<String>;
}

/// A transcript with nothing beside it.
pub struct Alone;

impl Beside for Alone {
    fn text(&self, _name: &str) -> Option<String> {
        None
    }
}

/// What a file's name and place tell of it.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// Last part of the file's path.
    pub file_name: String,
    /// Name of the folder that the file lies in.
    pub folder_name: String,
}

/// Which session told an entry first, for the transcripts of one import: forks and resumed sessions
/// repeat what came before.
#[derive(Debug, Default)]
pub struct Seen {
    session_of: HashMap<u64, Arc<str>>,
}

/// Entries that are remembered at most; some 40 bytes each.
const SEEN_MAX: usize = 2_000_000;

impl Seen {
    /// The session that told the entry `id` before `session` did.
    fn other_session(&mut self, id: &str, session: &Arc<str>) -> Option<Arc<str>> {
        let [a, b, c, d, e, f, g, h, ..] = *blake3::hash(id.as_bytes()).as_bytes();
        let key = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        if let Some(first) = self.session_of.get(&key) {
            return (first != session).then(|| first.clone());
        }
        if self.session_of.len() < SEEN_MAX {
            self.session_of.insert(key, session.clone());
        }
        None
    }
}

/// What a reader is given beside the entry itself.
struct Context<'a> {
    beside: &'a dyn Beside,
    seen: &'a mut Seen,
    out: &'a mut Records,
    /// Number of the line, from 1.
    line: u64,
}

/// The reader of one format.
trait Entries: Send {
    /// Takes the next entry.
    fn entry(&mut self, entry: Json, context: &mut Context<'_>);
    /// Tells what is still open; more entries may follow.
    fn end(&mut self, context: &mut Context<'_>);
}

/// Why an entry was left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct Damaged {
    /// Number of the line, from 1.
    pub line: u64,
    /// What is wrong, without the line's content.
    pub reason: String,
}

/// Reads one transcript, entry by entry.
pub struct Transcript {
    entries: Box<dyn Entries>,
    line: u64,
}

impl Transcript {
    /// A reader that has read nothing yet.
    pub fn new(format: Format, origin: &Origin) -> Self {
        let entries: Box<dyn Entries> = match format {
            Format::ClaudeCode => Box::new(claude_code::ClaudeCode::new(origin)),
            Format::Codex => Box::new(codex::Codex::new(origin)),
            Format::GeminiCli => Box::new(gemini_cli::GeminiCli::new(origin)),
        };
        Self { entries, line: 0 }
    }

    /// Takes the next line. Blank lines are passed over.
    ///
    /// # Errors
    /// When the line is no JSON object. The next one may be read all the same.
    pub fn line(
        &mut self,
        line: &[u8],
        beside: &dyn Beside,
        seen: &mut Seen,
        out: &mut Records,
    ) -> Result<(), Damaged> {
        self.line += 1;
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let damaged = |reason: String| Damaged {
            line: self.line,
            reason,
        };
        // Bytes that are no UTF-8 must not lose the line that they stand in.
        let text = String::from_utf8_lossy(line);
        let entry: Json = serde_json::from_str(&text).map_err(|error| {
            damaged(match error.classify() {
                serde_json::error::Category::Eof => "cut short".to_owned(),
                _ => format!("no JSON (column {})", error.column()),
            })
        })?;
        if !entry.is_object() {
            return Err(damaged("no JSON object".to_owned()));
        }
        let mut context = Context {
            beside,
            seen,
            out,
            line: self.line,
        };
        self.entries.entry(entry, &mut context);
        Ok(())
    }

    /// Counts a line that could not be handed in.
    pub fn skip_line(&mut self, reason: &str) -> Damaged {
        self.line += 1;
        Damaged {
            line: self.line,
            reason: reason.to_owned(),
        }
    }

    /// Tells what is still open at what is, for now, the end of the file.
    pub fn end(&mut self, beside: &dyn Beside, seen: &mut Seen, out: &mut Records) {
        let mut context = Context {
            beside,
            seen,
            out,
            line: self.line,
        };
        self.entries.end(&mut context);
    }
}
