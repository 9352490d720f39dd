//! `spanreel sql` without a query: many queries, one after the other, typed or piped in.

mod complete;
mod editor;
mod schema;
mod statement;

use std::io::{self, IsTerminal as _};
use std::time::Instant;

use anyhow::Context as _;
use clap::ValueEnum as _;

use self::editor::{Editor, Input};
use self::schema::Schema;
use self::statement::is_complete;
use super::output;
use super::source::{Api, Server};
use super::sql::{self, Answer, Settings};
use crate::args::{Format, SqlArgs};
use crate::failure::Failure;

const HELP: &str = "\
A query ends with ; and may take several lines. Ctrl-C leaves a query out or stops one that runs.
  .tables          the relations and macros that queries name
  .schema [NAME]   their columns, or those of one of them
  .format FORMAT   how results are printed: table, json or csv
  .timing on|off   whether to say how long a query took
  .help            this
  .quit            leave; so does Ctrl-D";

/// Reads queries until their source ends. On a terminal with an editor; otherwise from standard input, and
/// the first query that is wrong ends it.
pub(super) async fn run(args: &SqlArgs) -> Result<(), Failure> {
    let statements = match io::stdin().is_terminal() {
        true => None,
        false => Some(piped()?),
    };
    let api = Api::open(&args.source).await?;
    let outcome = match statements {
        None => type_in(&api, args).await,
        Some(statements) => read_in(&api, args, statements).await,
    };
    api.close().await?;
    outcome
}

async fn type_in(server: &Server, args: &SqlArgs) -> Result<(), Failure> {
    let mut console = Console::new(server, args).await?;
    let mut editor = Editor::new(console.schema.completions())?;
    output::print("Spanreel SQL, read only. .help lists commands, Tab completes, Ctrl-D leaves.")?;
    loop {
        // The editor waits for keys: other tasks of the program go on beside it.
        let input = tokio::task::block_in_place(|| editor.read())?;
        let text = match input {
            Input::Text(text) => text,
            Input::Cleared => continue,
            Input::End => return Ok(()),
        };
        let step = tokio::select! {
            step = console.take(&text) => step,
            // Dropping the request stops the query on the server.
            _ = tokio::signal::ctrl_c() => {
                output::note("stopped");
                continue;
            }
        };
        match step {
            Ok(Step::On) => {}
            Ok(Step::Leave) => return Ok(()),
            Err(failure @ Failure::Internal(_)) => return Err(failure),
            // A mistake is said, and the next query may be right.
            Err(failure) => output::note(&failure.to_string()),
        }
    }
}

/// What standard input holds, one statement or command after the other.
fn piped() -> Result<Vec<String>, Failure> {
    let text = io::read_to_string(io::stdin().lock())
        .context("cannot read queries from standard input")?;
    let mut statements = Vec::new();
    let mut waiting = String::new();
    for line in text.lines() {
        waiting.push_str(line);
        waiting.push('\n');
        if is_complete(&waiting) {
            statements.push(std::mem::take(&mut waiting));
        }
    }
    statements.push(waiting);
    statements.retain(|statement| !statement.trim().is_empty());
    if statements.is_empty() {
        return Err(Failure::Usage(
            "no query: name one, or type them on a terminal; `spanreel sql --help` has examples"
                .to_owned(),
        ));
    }
    Ok(statements)
}

async fn read_in(server: &Server, args: &SqlArgs, statements: Vec<String>) -> Result<(), Failure> {
    let mut console = Console::new(server, args).await?;
    for statement in statements {
        if console.take(&statement).await? == Step::Leave {
            break;
        }
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    On,
    Leave,
}

struct Console<'a> {
    server: &'a Server,
    schema: Schema,
    settings: Settings,
    tells_time: bool,
}

impl<'a> Console<'a> {
    async fn new(server: &'a Server, args: &SqlArgs) -> Result<Self, Failure> {
        Ok(Self {
            server,
            schema: Schema::read(server).await?,
            settings: Settings::of(args),
            tells_time: false,
        })
    }

    /// Runs one query or command.
    async fn take(&mut self, text: &str) -> Result<Step, Failure> {
        let text = text.trim();
        if let Some(command) = text.strip_prefix('.') {
            return self.command(command);
        }
        let query = text.trim_end_matches(|c: char| c == ';' || c.is_whitespace());
        if query.is_empty() {
            return Ok(Step::On);
        }
        let began = Instant::now();
        match sql::ask(self.server, query, self.settings).await? {
            Answer::Printed => {}
            Answer::NobodyReads => return Ok(Step::Leave),
        }
        if self.tells_time {
            output::note(&format!("{:.0} ms", began.elapsed().as_secs_f64() * 1e3));
        }
        Ok(Step::On)
    }

    fn command(&mut self, command: &str) -> Result<Step, Failure> {
        let mut words = command.split_whitespace();
        let (name, argument) = (words.next().unwrap_or_default(), words.next());
        match (name, argument.map(|word| word.trim_end_matches(';'))) {
            ("tables", _) => output::print(&self.schema.tables())?,
            ("schema", None) => output::print(&self.schema.all_columns())?,
            ("schema", Some(relation)) => output::print(&self.schema.columns(relation)?)?,
            ("format", Some(format)) => {
                self.settings.format = Format::from_str(format, true)
                    .map_err(|_| Failure::Usage("the format is table, json or csv".to_owned()))?;
            }
            ("timing", Some(word @ ("on" | "off"))) => self.tells_time = word == "on",
            ("format" | "timing", _) => {
                return Err(Failure::Usage(format!(
                    ".{name} wants a word more; .help says which"
                )));
            }
            ("help", _) => output::print(HELP)?,
            ("quit" | "exit" | "q", _) => return Ok(Step::Leave),
            _ => {
                let name: String = name.chars().take(40).collect();
                return Err(Failure::Usage(format!(
                    "there is no command .{}; .help lists them",
                    output::visible(&name)
                )));
            }
        }
        Ok(Step::On)
    }
}
