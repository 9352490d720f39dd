//! Rows and bars of a session.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{draw_row, row_style};
use crate::cli::format::{self, duration, fitted, padded, width};
use crate::tui::app::App;
use crate::tui::theme::{Role, Theme, bar_of, role_of};
use crate::tui::waterfall::Waterfall;
use crate::waterfall::{Line as TreeLine, Outcome, facts};

/// Below this width there are no bars.
const LEAST_WITH_BARS: usize = 70;
const OFFSET_COLUMNS: usize = 8;
const TIME_COLUMNS: usize = 11;

pub(super) fn draw(app: &mut App, theme: Theme, frame: &mut Frame<'_>, area: Rect) {
    let Some(waterfall) = &mut app.waterfall else {
        return;
    };
    let columns = usize::from(area.width);
    let fixed = OFFSET_COLUMNS + TIME_COLUMNS + 3;
    let bars = match columns {
        ..LEAST_WITH_BARS => 0,
        _ => (columns - fixed) * 2 / 5,
    };
    let labels = columns.saturating_sub(fixed + bars);
    let (from, to) = waterfall.window();
    let axis = format!(
        "{:>OFFSET_COLUMNS$} {} {:>TIME_COLUMNS$} {}{:>rest$}",
        "start",
        padded("act", labels),
        "time",
        if bars > 0 {
            format::offset(from)
        } else {
            String::new()
        },
        if bars > 0 {
            format::offset(to)
        } else {
            String::new()
        },
        rest = bars.saturating_sub(width(&format::offset(from))),
    );
    draw_row(
        frame,
        area,
        0,
        Line::styled(fitted(&axis, columns), theme.style(Role::Dim)),
    );
    let list = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(2),
        ..area
    };
    let shown = waterfall
        .cursor
        .visible(waterfall.lines.len(), usize::from(list.height));
    let search = waterfall.search.to_lowercase();
    for (place, at) in shown.enumerate() {
        let line = waterfall.lines[at];
        let is_selected = at == waterfall.cursor.at;
        let row = Row {
            waterfall,
            line: &line,
            theme,
            is_selected,
        };
        draw_row(frame, list, place, row.spans(labels, bars, &search));
    }
    let below = Rect {
        y: area.bottom().saturating_sub(1),
        height: 1,
        ..area
    };
    let told = told(waterfall, columns);
    frame.render_widget(Line::styled(told, theme.style(Role::Dim)), below);
}

/// One row on its way to the screen.
struct Row<'a> {
    waterfall: &'a Waterfall,
    line: &'a TreeLine,
    theme: Theme,
    is_selected: bool,
}

impl Row<'_> {
    fn spans(&self, labels: usize, bars: usize, search: &str) -> Line<'static> {
        let table = &self.waterfall.table;
        let row = self.line.row;
        let members = self.waterfall.members(self.line);
        let rows = if members.is_empty() {
            std::slice::from_ref(&self.line.row)
        } else {
            members
        };
        let facts = facts(table, rows);
        let sign = facts.outcome.sign();
        let sign_role = match facts.outcome {
            Outcome::Denied => Role::Denied,
            Outcome::Failed => Role::Error,
            Outcome::Running => Role::Title,
            Outcome::Ok | Outcome::Unknown => Role::Good,
        };
        let took = facts
            .duration_ns
            .map_or_else(|| "running".to_owned(), duration);
        let told = self.waterfall.label(self.line);
        let times = if self.line.is_group {
            format!(" ×{}", rows.len())
        } else {
            String::new()
        };
        let mark = rows.iter().find_map(|row| self.waterfall.marks.get(row));
        let mark = mark.map_or_else(String::new, |kinds| format!(" ⚑ {}", fitted(kinds, 20)));
        let arrow = match (
            self.line.is_group || self.line.is_collapsed,
            self.waterfall.has_children(row),
        ) {
            (true, _) => "▸ ",
            (false, true) => "▾ ",
            (false, false) => "  ",
        };
        let waits = if table.is_waiting_for_parent(row) {
            "⋯ "
        } else {
            ""
        };
        let cut = if table.is_truncated(row) { " ✂" } else { "" };
        // Deep trees keep half of the room for names.
        let indent = " ".repeat((self.line.depth * 2).min(labels / 2));
        let front = format!("{indent}{arrow}{waits}");
        let behind = format!("{times}{mark}{cut}");
        let room = labels.saturating_sub(width(&front) + width(&behind) + 2);
        let name = fitted(&told.name, room);
        let room = room.saturating_sub(width(&name) + 1);
        let detail = if room < 4 {
            String::new()
        } else {
            format!(" {}", fitted(&told.detail, room))
        };
        let used = width(&front) + 2 + width(&name) + width(&behind) + width(&detail);
        let is_hit = !search.is_empty()
            && (told.name.to_lowercase().contains(search)
                || told.detail.to_lowercase().contains(search));
        let operation = table.operation(row);
        let mut name_style = self.style(role_of(operation));
        if is_hit {
            name_style = name_style.patch(self.theme.style(Role::Hit));
        }
        let offset = format::offset(table.columns.start_ns[row]);
        let mut spans = vec![
            Span::styled(format!("{offset:>OFFSET_COLUMNS$} "), self.style(Role::Dim)),
            Span::styled(front, self.style(Role::Dim)),
            Span::styled(format!("{sign} "), self.style(sign_role)),
            Span::styled(name, name_style),
            Span::styled(times, self.style(Role::Title)),
            Span::styled(detail, self.style(Role::Dim)),
            Span::styled(format!("{mark}{cut}"), self.style(Role::Finding)),
            Span::styled(
                " ".repeat(labels.saturating_sub(used)),
                self.style(Role::Plain),
            ),
            Span::styled(format!(" {took:>TIME_COLUMNS$} "), self.style(Role::Plain)),
        ];
        if bars > 0 {
            let role = match sign_role {
                Role::Good => role_of(operation),
                role => role,
            };
            spans.push(Span::styled(self.bar(rows, bars), self.style(role)));
        }
        Line::from(spans)
    }

    fn style(&self, role: Role) -> Style {
        row_style(self.theme, self.theme.style(role), self.is_selected)
    }

    /// The bars of all rows that the line stands for, in one row of characters.
    fn bar(&self, rows: &[usize], columns: usize) -> String {
        let table = &self.waterfall.table;
        let (from, to) = self.waterfall.window();
        let scale = columns as f64 / (to - from).max(1) as f64;
        let mut cells = vec![' '; columns];
        let glyph = bar_of(table.operation(self.line.row));
        for row in rows {
            let start = table.columns.start_ns[*row];
            let end = match table.columns.duration_ns[*row] {
                -1 => table.duration_ns,
                length => start + length,
            };
            if end < from || start > to {
                continue;
            }
            let first = ((start - from) as f64 * scale).max(0.0) as usize;
            let last = ((end - from) as f64 * scale).ceil().max(0.0) as usize;
            let first = first.min(columns - 1);
            cells[first..last.clamp(first + 1, columns)].fill(glyph);
        }
        cells.into_iter().collect()
    }
}

/// What the bottom line says of the selection.
fn told(waterfall: &Waterfall, columns: usize) -> String {
    let Some(row) = waterfall.selected() else {
        return "No acts.".to_owned();
    };
    let table = &waterfall.table;
    let mut said = vec![format!(
        "{} of {}",
        waterfall.cursor.at + 1,
        waterfall.lines.len()
    )];
    said.push(table.operation(row).to_owned());
    let turn = table.columns.turn[row];
    if turn > 0 {
        said.push(format!("turn {turn}"));
    }
    let tokens = format::tokens(
        table.columns.input_tokens[row],
        table.columns.output_tokens[row],
    );
    if !tokens.is_empty() {
        said.push(format!("{tokens} tokens"));
    }
    if let Some(kinds) = waterfall.marks.get(&row) {
        let titles = table
            .findings
            .iter()
            .filter(|finding| finding.rows.contains(&row));
        let titles: Vec<&str> = titles.map(|finding| finding.title.as_str()).collect();
        said.push(format!(
            "⚑ {}",
            if titles.is_empty() {
                kinds.clone()
            } else {
                titles.join("; ")
            }
        ));
    }
    let left_out = waterfall.left_out();
    if left_out > 0 {
        said.push(format!("{left_out} of plumbing left out (d)"));
    }
    if let Some((_, span)) = table.place(row) {
        said.push(span.to_owned());
    }
    fitted(&said.join(" · "), columns)
}
