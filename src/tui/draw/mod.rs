//! From the state to the screen. Whatever a sender wrote goes through `fitted` or `visible` first: a
//! terminal obeys none of it.

mod payload;
mod sessions;
mod waterfall;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

use super::app::{App, Typing};
use super::keys::{BINDINGS, Place};
use super::theme::{Role, Theme};
use crate::cli::answer::text;
use crate::cli::format::{fitted, width};
use crate::cli::style::Paint;
use crate::cli::tail;

/// Draws everything.
pub(super) fn draw(app: &mut App, theme: Theme, frame: &mut Frame<'_>) {
    let areas = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(1),
    ]);
    let [head, body, foot] = areas.areas(frame.area());
    draw_head(app, theme, frame, head);
    match app.place {
        Place::Sessions => sessions::draw(app, theme, frame, body),
        Place::Waterfall => waterfall::draw(app, theme, frame, body),
        Place::Payload => payload::draw(app, theme, frame, body),
        Place::Live => draw_live(app, theme, frame, body),
    }
    draw_foot(app, theme, frame, foot);
    if app.shows_help {
        draw_help(app.place, theme, frame);
    }
}

fn draw_head(app: &App, theme: Theme, frame: &mut Frame<'_>, area: Rect) {
    let place = match (app.place, &app.waterfall, &app.payload) {
        (Place::Sessions, ..) => "Sessions".to_owned(),
        (Place::Live, ..) if app.is_paused => "Live, paused".to_owned(),
        (Place::Live, ..) => "Live".to_owned(),
        (Place::Waterfall, Some(waterfall), _) => {
            format!(
                "{} · {}",
                text(&waterfall.session["title"]),
                text(&waterfall.session["status"])
            )
        }
        (Place::Payload, _, Some(payload)) => format!("{} · {}", payload.name, payload.span_id),
        _ => String::new(),
    };
    let state = match (app.is_connected, app.waiting.is_empty()) {
        (false, _) => "no server ",
        (true, false) => "loading ",
        (true, true) => "",
    };
    let room = usize::from(area.width).saturating_sub(12 + width(state));
    let line = Line::from(vec![
        Span::styled("Spanreel  ", theme.style(Role::Dim)),
        Span::styled(fitted(&place, room), theme.style(Role::Title)),
    ]);
    frame.render_widget(line, area);
    frame.render_widget(
        Line::styled(state, theme.style(Role::Dim)).right_aligned(),
        area,
    );
}

fn draw_foot(app: &App, theme: Theme, frame: &mut Frame<'_>, area: Rect) {
    let room = usize::from(area.width);
    if let Some(Typing(typed)) = &app.typing {
        let line = format!("/{}", fitted(typed, room.saturating_sub(20)));
        let at = area.x + (width(&line).min(room) as u16);
        let said = format!("{line}   {}", app.said);
        frame.render_widget(
            Line::styled(fitted(&said, room), theme.style(Role::Title)),
            area,
        );
        frame.set_cursor_position((at, area.y));
        return;
    }
    let keys = match app.place {
        Place::Sessions => "Enter open  / search  g l live  ? keys  q quit",
        Place::Waterfall => {
            "Enter payload  ←→ fold  e error  n finding  / search  ? keys  Esc back"
        }
        Place::Payload => "o whole  w wrap  p JSON  , . acts  / search  ? keys  Esc back",
        Place::Live => "Space pause  Enter open  g s sessions  ? keys",
    };
    let said = match (app.said.is_empty(), app.prefix.is_empty()) {
        (false, _) => app.said.clone(),
        (true, false) => format!("{} …", app.prefix),
        (true, true) => keys.to_owned(),
    };
    let role = if app.said.is_empty() {
        Role::Dim
    } else {
        Role::Error
    };
    frame.render_widget(Line::styled(fitted(&said, room), theme.style(role)), area);
}

fn draw_live(app: &mut App, theme: Theme, frame: &mut Frame<'_>, area: Rect) {
    let columns = usize::from(area.width);
    if app.acts.is_empty() {
        frame.render_widget(
            Line::styled("Nothing has arrived yet.", theme.style(Role::Dim)),
            area,
        );
        return;
    }
    let shown = app
        .acts_cursor
        .visible(app.acts.len(), usize::from(area.height));
    for (place, at) in shown.enumerate() {
        let act = &app.acts[at];
        let role = match (act["decision"] == "deny", act["failed"] == true) {
            (true, _) => Role::Denied,
            (_, true) => Role::Error,
            _ => Role::Plain,
        };
        let said = tail::line(act, Paint::off(), Some(columns));
        let style = row_style(theme, theme.style(role), at == app.acts_cursor.at);
        draw_row(
            frame,
            area,
            place,
            Line::styled(padded_to(said, columns), style),
        );
    }
}

fn draw_help(place: Place, theme: Theme, frame: &mut Frame<'_>) {
    let lines: Vec<Line<'_>> = BINDINGS
        .iter()
        .filter(|binding| binding.places.contains(&place))
        .map(|binding| {
            let keys: Vec<String> = binding.keys.iter().map(|key| key_label(key)).collect();
            Line::from(vec![
                Span::styled(
                    format!(" {:<14}", keys.join(", ")),
                    theme.style(Role::Title),
                ),
                Span::raw(binding.label),
            ])
        })
        .collect();
    let screen = frame.area();
    let height = (lines.len() as u16 + 2).min(screen.height);
    let wide = 72.min(screen.width);
    let area = Rect::new(
        (screen.width - wide) / 2,
        (screen.height - height) / 2,
        wide,
        height,
    );
    frame.render_widget(Clear, area);
    let block = Block::bordered().title(" Keys here · any key closes ");
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

/// `Shift+ArrowLeft` as `⇧←`.
fn key_label(key: &str) -> String {
    [
        ("Shift+", "⇧"),
        ("Mod+", "Ctrl "),
        ("ArrowDown", "↓"),
        ("ArrowUp", "↑"),
        ("ArrowLeft", "←"),
        ("ArrowRight", "→"),
        ("Escape", "Esc"),
        ("PageDown", "PgDn"),
        ("PageUp", "PgUp"),
    ]
    .iter()
    .fold(key.to_owned(), |label, (name, glyph)| {
        label.replace(name, glyph)
    })
}

/// One line of a list at its place.
fn draw_row(frame: &mut Frame<'_>, area: Rect, place: usize, line: Line<'_>) {
    let row = Rect {
        y: area.y + place as u16,
        height: 1,
        ..area
    };
    frame.render_widget(line, row);
}

/// The selected row is reversed from edge to edge.
fn row_style(theme: Theme, style: Style, is_selected: bool) -> Style {
    match is_selected {
        true => style.patch(theme.style(Role::Selected)),
        false => style,
    }
}

fn padded_to(text: String, columns: usize) -> String {
    crate::cli::format::padded(&text, columns)
}
