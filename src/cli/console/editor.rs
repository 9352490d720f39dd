//! The line editor: history, completion, statements over several lines.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use rustyline::completion::Completer;
use rustyline::config::Configurer as _;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Helper};

use super::complete::complete;
use super::schema::Relation;
use super::statement::is_complete;
use crate::cli::output;
use crate::failure::Failure;

const HISTORY_ENTRIES: usize = 2_000;

/// What came of a reading.
pub(super) enum Input {
    Text(String),
    /// Ctrl-C: what was typed is left out.
    Cleared,
    /// Ctrl-D.
    End,
}

/// Reads statements from the terminal.
pub(super) struct Editor {
    editor: rustyline::Editor<Assistant, FileHistory>,
    history: Option<PathBuf>,
}

impl Editor {
    pub(super) fn new(relations: Vec<Relation>) -> Result<Self, Failure> {
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .build();
        let mut editor =
            rustyline::Editor::with_config(config).context("cannot use the terminal")?;
        editor.set_helper(Some(Assistant { relations }));
        editor
            .set_max_history_size(HISTORY_ENTRIES)
            .context("cannot keep a history")?;
        let history = history_file();
        if let Some(file) = history.as_ref().filter(|file| file.exists())
            && let Err(error) = editor.load_history(file)
        {
            output::note(&format!(
                "the history in {} cannot be read: {error}",
                file.display()
            ));
        }
        Ok(Self { editor, history })
    }

    /// Waits for a whole statement or command.
    pub(super) fn read(&mut self) -> Result<Input, Failure> {
        match self.editor.readline("spanreel> ") {
            Ok(text) => {
                if !text.trim().is_empty() {
                    self.remember(&text);
                }
                Ok(Input::Text(text))
            }
            Err(ReadlineError::Interrupted) => Ok(Input::Cleared),
            Err(ReadlineError::Eof) => Ok(Input::End),
            Err(error) => Err(anyhow::Error::from(error)
                .context("cannot read from the terminal")
                .into()),
        }
    }

    /// Written at once: another console may be open, and this one may be killed.
    fn remember(&mut self, text: &str) {
        let is_new = self.editor.add_history_entry(text).unwrap_or(false);
        let Some(file) = self.history.as_ref().filter(|_| is_new) else {
            return;
        };
        if let Err(error) = self.editor.append_history(file) {
            output::note(&format!(
                "the history is not kept: {}: {error}",
                file.display()
            ));
            self.history = None;
        }
    }
}

/// `sql_history` beside the recordings of the platform's data folder: what people ask belongs to them,
/// whichever folder they ask.
fn history_file() -> Option<PathBuf> {
    let folder = crate::args::data_folder(None).ok()?;
    fs::create_dir_all(&folder).ok()?;
    Some(folder.join("sql_history"))
}

struct Assistant {
    relations: Vec<Relation>,
}

impl Helper for Assistant {}
impl Highlighter for Assistant {}

impl Hinter for Assistant {
    type Hint = String;
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(match is_complete(context.input()) {
            true => ValidationResult::Valid(None),
            false => ValidationResult::Incomplete,
        })
    }
}

impl Completer for Assistant {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(complete(&self.relations, &line[..position], line))
    }
}
