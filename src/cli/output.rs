//! Printing: tables, and texts that a terminal must not obey.

use std::io::{self, BufWriter, IsTerminal as _, StdoutLock, Write as _};

use anyhow::Context as _;
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

use crate::failure::Failure;

pub(crate) use query::{escaped_json, visible};

/// The longest value that a table shows whole, in characters.
const CELL_CHARS: usize = 1_000;

/// Standard output, buffered; flush it before waiting.
pub(crate) fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::new(io::stdout().lock())
}

/// The outcome of a write. A reader that has gone away (`| head`) is no failure.
pub(crate) fn written(outcome: io::Result<()>) -> Result<(), Failure> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => Ok(outcome.context("cannot write to standard output")?),
    }
}

/// Prints `text` and ends the line if it has not ended.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = stdout();
    let newline = if text.is_empty() || text.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    written(write!(out, "{text}{newline}").and_then(|()| out.flush()))
}

/// Prints `text` while more is to come. False when its reader has gone away.
pub(crate) fn print_at_once(text: &str) -> Result<bool, Failure> {
    let mut out = stdout();
    let outcome = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    let is_read = !matches!(&outcome, Err(error) if error.kind() == io::ErrorKind::BrokenPipe);
    written(outcome)?;
    Ok(is_read)
}

/// Prints JSON, indented, with nothing in it that a terminal would obey.
pub(crate) fn print_json(value: &serde_json::Value) -> Result<(), Failure> {
    print(&indented_json(value)?)
}

/// JSON, indented, with nothing in it that a terminal would obey.
pub(crate) fn indented_json(value: &serde_json::Value) -> Result<String, Failure> {
    let json = serde_json::to_string_pretty(value).context("cannot write JSON")?;
    Ok(escaped_json(&json))
}

/// Says something beside the result, on standard error.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "spanreel: {text}");
}

/// True when standard output is a terminal.
pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Columns of the terminal that standard output goes to; `None` when it goes elsewhere.
pub(crate) fn terminal_width() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size().filter(|_| is_terminal())?;
    Some(usize::from(width.0))
}

/// A column of a table.
pub(crate) struct Heading {
    pub(crate) name: String,
    /// Numbers stand on the right.
    pub(crate) is_number: bool,
}

impl Heading {
    pub(crate) fn text(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            is_number: false,
        }
    }

    pub(crate) fn number(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            is_number: true,
        }
    }
}

/// Lays out a table: to the terminal's width, or one line a row when the output goes elsewhere.
/// Uses no colour at all.
pub(crate) fn table(headings: &[Heading], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    let line = LineStyle::none().fill('─').junction('─');
    table.load_style(TableStyle::new().header_separator(line));
    match terminal_size::terminal_size() {
        Some((width, _)) if is_terminal() => {
            table
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(width.0);
        }
        _ => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    table.set_header(headings.iter().map(|heading| visible(&heading.name)));
    for row in rows {
        table.add_row(row.iter().map(|cell| visible(&clipped(cell))));
    }
    for (column, heading) in table.column_iter_mut().zip(headings) {
        if heading.is_number {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// Cuts a very long value and says so.
fn clipped(text: &str) -> String {
    match text.char_indices().nth(CELL_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => format!(
            "{}… ({} bytes; --json prints all)",
            &text[..end],
            text.len()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_and_marked() {
        let cell = clipped(&"å".repeat(CELL_CHARS + 1));
        assert!(
            cell.ends_with("… (2002 bytes; --json prints all)"),
            "{cell}"
        );
        assert_eq!(clipped("short"), "short");
    }

    #[test]
    fn a_row_is_one_line_in_a_pipe() {
        let text = table(
            &[Heading::text("name"), Heading::number("n")],
            vec![vec!["a".repeat(300), "7".into()]],
        );
        assert!(
            text.lines().any(|line| line.contains(&"a".repeat(300))),
            "{text}"
        );
    }
}
