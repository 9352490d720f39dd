//! One table of commands: keys and help come from it. Names and keys are those of the web interface
//! (`ui/src/commands.ts`) where both can do a thing.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Where the user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Sessions,
    Waterfall,
    Payload,
    Live,
}

use Place::{Live, Payload, Sessions, Waterfall};

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Next,
    Previous,
    PageDown,
    PageUp,
    First,
    Last,
    NextTurn,
    PreviousTurn,
    Collapse,
    Expand,
    CollapseAll,
    ExpandAll,
    Open,
    Whole,
    StepForward,
    StepBack,
    Fit,
    ZoomIn,
    ZoomOut,
    ZoomRow,
    PanLeft,
    PanRight,
    Audit,
    Fold,
    NextFinding,
    PreviousFinding,
    NextError,
    PreviousError,
    NextHit,
    PreviousHit,
    Search,
    Wrap,
    Pretty,
    Pause,
    GoLive,
    GoSessions,
    Help,
    Back,
    Quit,
}

/// A command, its name in the web interface, and its keys in some places.
pub(super) struct Binding {
    pub(super) command: Command,
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "a test compares the keys with the web's")
    )]
    pub(super) id: &'static str,
    pub(super) label: &'static str,
    /// Any of them; two with a space between are pressed one after the other.
    pub(super) keys: &'static [&'static str],
    pub(super) places: &'static [Place],
}

const EVERYWHERE: &[Place] = &[Sessions, Waterfall, Payload, Live];
const ROWS: &[Place] = &[Sessions, Waterfall, Live];
const TREE: &[Place] = &[Waterfall];
const TEXT: &[Place] = &[Payload];

const fn binding(
    command: Command,
    id: &'static str,
    label: &'static str,
    keys: &'static [&'static str],
    places: &'static [Place],
) -> Binding {
    Binding {
        command,
        id,
        label,
        keys,
        places,
    }
}

/// Every command.
pub(super) const BINDINGS: &[Binding] = &[
    binding(
        Command::Next,
        "next",
        "Next row",
        &["j", "ArrowDown"],
        EVERYWHERE,
    ),
    binding(
        Command::Previous,
        "previous",
        "Previous row",
        &["k", "ArrowUp"],
        EVERYWHERE,
    ),
    binding(
        Command::PageDown,
        "page_down",
        "A page down",
        &["PageDown"],
        EVERYWHERE,
    ),
    binding(
        Command::PageUp,
        "page_up",
        "A page up",
        &["PageUp"],
        EVERYWHERE,
    ),
    binding(Command::First, "first", "First row", &["Home"], EVERYWHERE),
    binding(Command::Last, "last", "Last row", &["End"], EVERYWHERE),
    binding(Command::NextTurn, "next_turn", "Next turn", &["J"], TREE),
    binding(
        Command::PreviousTurn,
        "previous_turn",
        "Previous turn",
        &["K"],
        TREE,
    ),
    binding(
        Command::Collapse,
        "collapse",
        "Collapse, or go to the parent",
        &["h", "ArrowLeft"],
        TREE,
    ),
    binding(
        Command::Expand,
        "expand",
        "Expand, or go to the first child",
        &["l", "ArrowRight"],
        TREE,
    ),
    binding(
        Command::CollapseAll,
        "collapse_all",
        "Collapse everything",
        &["H"],
        TREE,
    ),
    binding(
        Command::ExpandAll,
        "expand_all",
        "Expand everything",
        &["L"],
        TREE,
    ),
    binding(
        Command::Collapse,
        "",
        "To the left, when lines are not wrapped",
        &["h", "ArrowLeft"],
        TEXT,
    ),
    binding(
        Command::Expand,
        "",
        "To the right, when lines are not wrapped",
        &["l", "ArrowRight"],
        TEXT,
    ),
    binding(Command::Open, "open", "Open", &["Enter"], ROWS),
    binding(Command::Whole, "whole", "Whole payloads", &["o"], TEXT),
    binding(
        Command::StepForward,
        "step_forward",
        "The next act",
        &["."],
        TEXT,
    ),
    binding(
        Command::StepBack,
        "step_back",
        "The act before",
        &[","],
        TEXT,
    ),
    binding(
        Command::Wrap,
        "",
        "Wrap long lines, or cut them",
        &["w"],
        TEXT,
    ),
    binding(
        Command::Pretty,
        "",
        "JSON indented, or as it was sent",
        &["p"],
        TEXT,
    ),
    binding(Command::Fit, "fit", "Fit the whole run", &["f"], TREE),
    binding(Command::ZoomIn, "zoom_in", "Zoom in", &["z"], TREE),
    binding(Command::ZoomOut, "zoom_out", "Zoom out", &["Z"], TREE),
    binding(
        Command::ZoomRow,
        "zoom_row",
        "Zoom to the selected row",
        &["x"],
        TREE,
    ),
    binding(
        Command::PanLeft,
        "pan_left",
        "Earlier",
        &["Shift+ArrowLeft"],
        TREE,
    ),
    binding(
        Command::PanRight,
        "pan_right",
        "Later",
        &["Shift+ArrowRight"],
        TREE,
    ),
    binding(
        Command::Audit,
        "audit",
        "Fold or show plumbing and duplicates",
        &["d"],
        TREE,
    ),
    binding(
        Command::Fold,
        "fold",
        "Fold or unfold similar neighbours",
        &["s"],
        TREE,
    ),
    binding(
        Command::NextFinding,
        "next_finding",
        "Next finding",
        &["n"],
        TREE,
    ),
    binding(
        Command::PreviousFinding,
        "previous_finding",
        "Previous finding",
        &["N"],
        TREE,
    ),
    binding(Command::NextError, "next_error", "Next error", &["e"], TREE),
    binding(
        Command::PreviousError,
        "previous_error",
        "Previous error",
        &["E"],
        TREE,
    ),
    binding(
        Command::Search,
        "search",
        "Search; Enter goes to the next hit, Escape ends it",
        &["/"],
        &[Sessions, Waterfall, Payload],
    ),
    binding(Command::NextHit, "", "Next hit of the search", &["n"], TEXT),
    binding(
        Command::PreviousHit,
        "",
        "Previous hit of the search",
        &["N"],
        TEXT,
    ),
    binding(
        Command::Pause,
        "pause",
        "Pause or go on",
        &["Space"],
        &[Live],
    ),
    binding(Command::GoLive, "go_live", "Live", &["g l"], EVERYWHERE),
    binding(
        Command::GoSessions,
        "go_sessions",
        "Sessions",
        &["g s"],
        EVERYWHERE,
    ),
    binding(Command::Help, "help", "All keys", &["?"], EVERYWHERE),
    binding(
        Command::Back,
        "back",
        "Back: close, clear, leave",
        &["Escape"],
        EVERYWHERE,
    ),
    binding(Command::Quit, "", "Quit", &["q", "Mod+c"], EVERYWHERE),
];

/// What a sequence of keys means in a place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Run(Command),
    /// Another key belongs to it.
    Wait,
    Nothing,
}

pub(super) fn meaning(place: Place, keys: &str) -> Meaning {
    let mut here = BINDINGS
        .iter()
        .filter(|binding| binding.places.contains(&place));
    if let Some(binding) = here.clone().find(|binding| binding.keys.contains(&keys)) {
        return Meaning::Run(binding.command);
    }
    let begins = |key: &&str| {
        key.strip_prefix(keys)
            .is_some_and(|rest| rest.starts_with(' '))
    };
    match here.any(|binding| binding.keys.iter().any(begins)) {
        true => Meaning::Wait,
        false => Meaning::Nothing,
    }
}

/// A key by the name that browsers give it, with `Mod+` and `Shift+` where letters do not say so.
pub(super) fn chord(event: KeyEvent) -> Option<String> {
    let name = match event.code {
        KeyCode::Char(' ') => "Space".to_owned(),
        KeyCode::Char(character) => character.to_string(),
        KeyCode::Enter => "Enter".to_owned(),
        KeyCode::Esc => "Escape".to_owned(),
        KeyCode::Backspace => "Backspace".to_owned(),
        KeyCode::Up => "ArrowUp".to_owned(),
        KeyCode::Down => "ArrowDown".to_owned(),
        KeyCode::Left => "ArrowLeft".to_owned(),
        KeyCode::Right => "ArrowRight".to_owned(),
        KeyCode::PageUp => "PageUp".to_owned(),
        KeyCode::PageDown => "PageDown".to_owned(),
        KeyCode::Home => "Home".to_owned(),
        KeyCode::End => "End".to_owned(),
        _ => return None,
    };
    let is_letter = name.chars().count() == 1;
    let with_control = if event.modifiers.contains(KeyModifiers::CONTROL) {
        "Mod+"
    } else {
        ""
    };
    let with_shift = if event.modifiers.contains(KeyModifiers::SHIFT) && !is_letter {
        "Shift+"
    } else {
        ""
    };
    Some(format!("{with_control}{with_shift}{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_web_interface() {
        let web = include_str!("../../ui/src/commands.ts");
        for binding in BINDINGS.iter().filter(|binding| !binding.id.is_empty()) {
            let line = web
                .lines()
                .find(|line| line.contains(&format!("id: \"{}\",", binding.id)))
                .unwrap_or_else(|| panic!("the web interface has no command {}", binding.id));
            for key in binding.keys {
                assert!(line.contains(&format!("\"{key}\"")), "{key}: {line}");
            }
        }
    }

    #[test]
    fn no_key_means_two_things_in_one_place() {
        for place in EVERYWHERE {
            let mut seen = Vec::new();
            for binding in BINDINGS
                .iter()
                .filter(|binding| binding.places.contains(place))
            {
                for key in binding.keys {
                    assert!(!seen.contains(key), "{key} in {place:?}");
                    seen.push(key);
                }
            }
        }
    }

    #[test]
    fn sequences_wait_for_their_second_key() {
        assert_eq!(meaning(Sessions, "g"), Meaning::Wait);
        assert_eq!(meaning(Sessions, "g l"), Meaning::Run(Command::GoLive));
        assert_eq!(meaning(Sessions, "n"), Meaning::Nothing);
        assert_eq!(meaning(Payload, "n"), Meaning::Run(Command::NextHit));
    }
}
