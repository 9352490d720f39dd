//! Colour: when it is used, and which means what. What a colour says is always said by a sign or a word
//! as well.

use std::fmt::Display;
use std::io::{self, IsTerminal as _};

use anstyle::{AnsiColor, Color, Style};

/// Paints text, or leaves it as it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint {
    is_on: bool,
}

impl Paint {
    /// For standard output: colour on a terminal that can, unless NO_COLOR is set; CLICOLOR_FORCE wants it
    /// elsewhere, too.
    pub(crate) fn for_stdout() -> Self {
        let is_on = !anstyle_query::no_color()
            && (anstyle_query::clicolor_force()
                || (io::stdout().is_terminal()
                    && anstyle_query::clicolor().unwrap_or(true)
                    && anstyle_query::term_supports_color()));
        Self { is_on }
    }

    /// Leaves everything as it is.
    pub(crate) fn off() -> Self {
        Self { is_on: false }
    }

    pub(crate) fn bold(self, text: impl Display) -> String {
        self.with(Style::new().bold(), text)
    }

    /// What matters less.
    pub(crate) fn dim(self, text: impl Display) -> String {
        self.with(Style::new().dimmed(), text)
    }

    pub(crate) fn error(self, text: impl Display) -> String {
        self.with(colour(AnsiColor::Red).bold(), text)
    }

    /// Denied, or found: look here.
    pub(crate) fn warning(self, text: impl Display) -> String {
        self.with(colour(AnsiColor::Yellow), text)
    }

    pub(crate) fn good(self, text: impl Display) -> String {
        self.with(colour(AnsiColor::Green), text)
    }

    /// The name of an act of this operation.
    pub(crate) fn operation(self, operation: &str, text: impl Display) -> String {
        let style = match operation {
            "turn" | "session" => Style::new().bold(),
            "agent" => colour(AnsiColor::Magenta).bold(),
            "model" | "embedding" => colour(AnsiColor::Blue),
            "tool" | "mcp" | "skill" | "retrieval" | "memory" => colour(AnsiColor::Cyan),
            "hook" | "policy" | "guardrail" => colour(AnsiColor::Yellow),
            _ => Style::new(),
        };
        self.with(style, text)
    }

    fn with(self, style: Style, text: impl Display) -> String {
        if self.is_on {
            format!("{style}{text}{style:#}")
        } else {
            text.to_string()
        }
    }
}

fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(colour)))
}
