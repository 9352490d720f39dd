//! One span in full.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthChar as _;

use super::{draw_row, padded_to, row_style};
use crate::tui::app::App;
use crate::tui::theme::{Role, Theme};

pub(super) fn draw(app: &mut App, theme: Theme, frame: &mut Frame<'_>, area: Rect) {
    let Some(payload) = &mut app.payload else {
        return;
    };
    let columns = usize::from(area.width);
    let count = payload.lines(columns).len();
    let shown = payload.cursor.visible(count, usize::from(area.height));
    let (selected, aside) = (payload.cursor.at, payload.aside);
    let search = payload.search.to_lowercase();
    let lines = payload.lines(columns);
    for (place, at) in shown.enumerate() {
        let line = &lines[at];
        let role = if line.is_heading {
            Role::Title
        } else {
            Role::Plain
        };
        let mut style = theme.style(role);
        if !search.is_empty() && line.text.to_lowercase().contains(&search) {
            style = style.patch(theme.style(Role::Hit));
        }
        let style = row_style(theme, style, at == selected);
        let text = padded_to(part(&line.text, aside, columns), columns);
        draw_row(frame, area, place, Line::from(Span::styled(text, style)));
    }
}

/// The part of a line that is on screen: `columns` wide, from column `aside` on.
fn part(text: &str, aside: usize, columns: usize) -> String {
    let mut out = String::new();
    let mut column = 0;
    for character in text.chars() {
        let wide = character.width().unwrap_or(0);
        if column + wide > aside + columns {
            break;
        }
        if column >= aside {
            out.push(character);
        }
        column += wide;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_cut_by_columns() {
        assert_eq!(part("日本語abc", 2, 5), "本語a");
        assert_eq!(part("abc", 5, 5), "");
    }
}
