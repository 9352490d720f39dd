//! The list of sessions.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use serde_json::Value;

use super::{draw_row, padded_to, row_style};
use crate::cli::answer::{rows, text};
use crate::cli::format::{self, duration, fitted, padded, width};
use crate::tui::app::App;
use crate::tui::theme::{Role, Theme};

pub(super) fn draw(app: &mut App, theme: Theme, frame: &mut Frame<'_>, area: Rect) {
    let columns = usize::from(area.width);
    if app.sessions.is_empty() {
        let said = match (app.waiting.is_empty(), app.sessions_search.is_empty()) {
            (false, _) => "",
            (true, true) => "No sessions yet: `spanreel demo` sends some.",
            (true, false) => "No session matches.",
        };
        frame.render_widget(Line::styled(said, theme.style(Role::Dim)), area);
        return;
    }
    let head = line_of(
        [
            " ",
            "started (UTC)",
            "harness",
            "title",
            "time",
            "turns",
            "tools",
            "errors",
            "tokens",
            "cost",
            "findings",
        ]
        .map(str::to_owned),
        columns,
    );
    draw_row(frame, area, 0, Line::styled(head, theme.style(Role::Dim)));
    let list = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(1),
        ..area
    };
    let shown = app
        .sessions_cursor
        .visible(app.sessions.len(), usize::from(list.height));
    for (place, at) in shown.enumerate() {
        let session = &app.sessions[at];
        let role = match session["status"].as_str() {
            Some("error" | "killed" | "interrupted") => Role::Error,
            Some("running") => Role::Title,
            _ => Role::Plain,
        };
        let style = row_style(theme, theme.style(role), at == app.sessions_cursor.at);
        let said = padded_to(line_of(cells(session), columns), columns);
        draw_row(frame, list, place, Line::from(Span::styled(said, style)));
    }
}

fn cells(session: &Value) -> [String; 11] {
    let number = |name: &str| session[name].as_i64().unwrap_or_default();
    let sign = match session["status"].as_str() {
        Some("running") => "…",
        Some("ok") => "✓",
        Some("error") => "✗",
        _ => "■",
    };
    let started: String = text(&session["started_at"]).chars().take(16).collect();
    let kinds: Vec<String> = rows(&session["finding_kinds"]).iter().map(text).collect();
    let findings = if kinds.is_empty() {
        String::new()
    } else {
        format!("⚑ {}", kinds.join(", "))
    };
    [
        sign.to_owned(),
        started.replace('T', " "),
        text(&session["harness"]),
        text(&session["title"]),
        duration(number("duration_ns")),
        number("turn_count").to_string(),
        number("tool_call_count").to_string(),
        number("error_count").to_string(),
        format::tokens(number("input_tokens"), number("output_tokens")),
        session["cost_usd"]
            .as_f64()
            .map(format::cost)
            .unwrap_or_default(),
        findings,
    ]
}

/// Lays the cells out: what does not fit on a narrow screen is left out from the right, the title takes
/// what is left.
fn line_of(cells: [String; 11], columns: usize) -> String {
    let [
        sign,
        started,
        harness,
        title,
        time,
        turns,
        tools,
        errors,
        tokens,
        cost,
        findings,
    ] = cells;
    let left = format!(
        "{sign} {} {} ",
        padded(&fitted(&started, 16), 16),
        padded(&fitted(&harness, 13), 13)
    );
    let figures = format!("{time:>13} {turns:>5} {tools:>5} {errors:>6} {tokens:>11} {cost:>7}");
    let findings = format!("  {}", padded(&fitted(&findings, 20), 20));
    let right = match columns {
        ..80 => format!("{time:>13}"),
        80..130 => figures,
        _ => format!("{figures}{findings}"),
    };
    let room = columns.saturating_sub(width(&left) + width(&right) + 1);
    format!("{left}{} {right}", padded(&fitted(&title, room), room))
}
