//! Colours. They tell what signs and words tell as well: NO_COLOR leaves only weight and reversal.

use ratatui::style::{Color, Modifier, Style};

/// What a piece of the screen is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Plain,
    Dim,
    Title,
    Selected,
    Error,
    Denied,
    Finding,
    Good,
    Hit,
    Turn,
    Agent,
    Model,
    Tool,
    Hook,
}

/// Colours that people with any colour vision tell apart (Okabe and Ito's, nearest of the 256), readable on
/// light and dark.
#[derive(Debug, Clone, Copy)]
pub(super) struct Theme {
    pub(super) has_colour: bool,
}

impl Theme {
    pub(super) fn style(self, role: Role) -> Style {
        let (colour, modifier) = match role {
            Role::Plain => (None, Modifier::empty()),
            Role::Dim => (None, Modifier::DIM),
            Role::Title | Role::Turn => (None, Modifier::BOLD),
            Role::Selected => (None, Modifier::REVERSED),
            Role::Error => (Some(166), Modifier::BOLD),
            Role::Denied => (Some(172), Modifier::BOLD),
            Role::Finding => (Some(172), Modifier::empty()),
            Role::Good => (Some(36), Modifier::empty()),
            Role::Hit => (None, Modifier::UNDERLINED),
            Role::Agent => (Some(175), Modifier::BOLD),
            Role::Model => (Some(32), Modifier::empty()),
            Role::Tool => (Some(36), Modifier::empty()),
            Role::Hook => (Some(172), Modifier::empty()),
        };
        let style = Style::new().add_modifier(modifier);
        match colour.filter(|_| self.has_colour) {
            Some(index) => style.fg(Color::Indexed(index)),
            None => style,
        }
    }
}

/// What the name of an act of this operation looks like.
pub(super) fn role_of(operation: &str) -> Role {
    match operation {
        "turn" | "session" => Role::Turn,
        "agent" => Role::Agent,
        "model" | "embedding" => Role::Model,
        "tool" | "mcp" | "skill" | "retrieval" | "memory" => Role::Tool,
        "hook" | "policy" | "guardrail" => Role::Hook,
        _ => Role::Plain,
    }
}

/// What a bar of this operation is drawn with: kinds differ without colour, too.
pub(super) fn bar_of(operation: &str) -> char {
    match role_of(operation) {
        Role::Turn | Role::Agent => '━',
        Role::Model => '█',
        Role::Tool => '▓',
        Role::Hook => '▒',
        _ => '░',
    }
}
