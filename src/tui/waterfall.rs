//! A session as rows and bars: what is folded, selected and shown. Pure.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::cursor::Cursor;
use super::keys::Command;
use crate::cli::answer::{rows, text};
use crate::waterfall::{
    Folds, Label, Line, Order, Prompts, SpanTable, arrange, find_folds, flatten, group_label, label,
};

/// The shortest time that the bars show.
const SHORTEST_WINDOW_NS: i64 = 1_000;

/// The waterfall of one session.
pub(super) struct Waterfall {
    /// The session's row, as the API gives it.
    pub(super) session: Value,
    pub(super) table: SpanTable,
    prompts: Prompts,
    /// Kinds of the findings that a row is part of.
    pub(super) marks: HashMap<usize, String>,
    order: Order,
    folds: Folds,
    pub(super) lines: Vec<Line>,
    pub(super) cursor: Cursor,
    collapsed: HashSet<usize>,
    unfolded: HashSet<usize>,
    shows_all: bool,
    folds_alike: bool,
    /// Nanoseconds since the start that the bars show; everything when `None`.
    window: Option<(i64, i64)>,
    /// What is searched for; rows that contain it are underlined.
    pub(super) search: String,
}

impl Waterfall {
    /// From the API's answers of `/sessions/{id}` and its tree.
    pub(super) fn new(detail: &Value, table: SpanTable) -> Self {
        let mut waterfall = Self {
            session: Value::Null,
            table: SpanTable::default(),
            prompts: Prompts::new(),
            marks: HashMap::new(),
            order: Order::default(),
            folds: Folds::default(),
            lines: Vec::new(),
            cursor: Cursor::default(),
            collapsed: HashSet::new(),
            unfolded: HashSet::new(),
            shows_all: false,
            folds_alike: true,
            window: None,
            search: String::new(),
        };
        waterfall.renew(detail, table);
        waterfall
    }

    /// Takes what has arrived since; selection and folding stay with their spans.
    pub(super) fn renew(&mut self, detail: &Value, table: SpanTable) {
        let places: HashMap<&str, usize> = (0..table.len())
            .filter_map(|row| Some((table.place(row)?.1, row)))
            .collect();
        let moved = |row: usize| {
            let (_, span) = self.table.place(row)?;
            places.get(span).copied()
        };
        let collapsed = self
            .collapsed
            .iter()
            .filter_map(|row| moved(*row))
            .collect();
        let unfolded = self.unfolded.iter().filter_map(|row| moved(*row)).collect();
        let selected = self.selected().and_then(moved);
        self.session = detail["session"].clone();
        self.prompts = rows(&detail["turns"])
            .iter()
            .filter_map(|turn| Some((turn["turn"].as_i64()?, turn["prompt"].as_str()?.to_owned())))
            .collect();
        self.marks = table
            .marks()
            .into_iter()
            .map(|(row, kinds)| (row, kinds.join(", ")))
            .collect();
        (self.collapsed, self.unfolded, self.table) = (collapsed, unfolded, table);
        self.arrange();
        if let Some(row) = selected {
            self.select(row);
        }
    }

    /// Whether any of these sessions is shown here; no session at all may be any.
    pub(super) fn concerns(&self, sessions: &[String]) -> bool {
        let own = self.session_id();
        sessions.is_empty()
            || sessions.contains(&own)
            || (0..self.table.len())
                .any(|row| sessions.iter().any(|id| id == self.table.session(row)))
    }

    pub(super) fn session_id(&self) -> String {
        text(&self.session["session_id"])
    }

    /// The selected row.
    pub(super) fn selected(&self) -> Option<usize> {
        self.lines.get(self.cursor.at).map(|line| line.row)
    }

    /// Trace and span id of the selected row; `None` for a turn that no span stands for.
    pub(super) fn selected_place(&self) -> Option<(String, String)> {
        let (trace, span) = self.table.place(self.selected()?)?;
        Some((trace.to_owned(), span.to_owned()))
    }

    /// The rows that a line stands for.
    pub(super) fn members(&self, line: &Line) -> &[usize] {
        match line.is_group {
            true => self.folds.members(line.row),
            false => &[],
        }
    }

    pub(super) fn has_children(&self, row: usize) -> bool {
        self.order.subtree.get(row).is_some_and(|count| *count > 1)
    }

    /// What a line reads, as the sender wrote it.
    pub(super) fn label(&self, line: &Line) -> Label {
        match line.is_group {
            true => group_label(&self.table, &self.folds, line.row, &self.prompts),
            false => label(&self.table, line.row, &self.prompts),
        }
    }

    /// First and last nanosecond that the bars show.
    pub(super) fn window(&self) -> (i64, i64) {
        self.window
            .unwrap_or((0, self.table.duration_ns.max(SHORTEST_WINDOW_NS)))
    }

    /// How many rows of plumbing and second reports stay away.
    pub(super) fn left_out(&self) -> usize {
        match self.shows_all {
            true => 0,
            false => self
                .table
                .plumbing()
                .iter()
                .filter(|hidden| **hidden)
                .count(),
        }
    }

    fn arrange(&mut self) {
        let hidden = match self.shows_all {
            true => vec![false; self.table.len()],
            false => self.table.plumbing(),
        };
        self.order = arrange(&self.table, &hidden);
        self.folds = match self.folds_alike && !self.shows_all {
            true => find_folds(&self.table, &self.order),
            false => Folds::default(),
        };
        self.flatten();
    }

    fn flatten(&mut self) {
        let selected = self.selected();
        self.lines = flatten(
            &self.order,
            &self.collapsed,
            Some(&self.folds),
            &self.unfolded,
        );
        if let Some(row) = selected {
            self.select(row);
        }
    }

    /// Selects a row, or what stands for it while it is folded away.
    fn select(&mut self, row: usize) {
        let mut shown = Some(row);
        while let Some(row) = shown {
            if let Some(at) = self.lines.iter().position(|line| line.row == row) {
                self.cursor.at = at;
                return;
            }
            shown = match self.folds.leader(row) {
                Some(leader) if leader != row => Some(leader),
                _ => self.order.parent.get(row).copied().flatten(),
            };
        }
    }

    /// Selects a span, opening what hides it.
    pub(super) fn reveal_span(&mut self, span_id: &str) {
        if let Some(row) = self.table.row_of(span_id) {
            self.reveal(row);
        }
    }

    fn reveal(&mut self, row: usize) {
        let mut above = Some(row);
        while let Some(row) = above {
            self.unfolded.extend(self.folds.leader(row));
            above = self.order.parent.get(row).copied().flatten();
            if let Some(up) = above {
                self.collapsed.remove(&up);
            }
        }
        self.flatten();
        self.select(row);
    }

    /// Does what a key asks for; false when it is not about the waterfall.
    pub(super) fn run(&mut self, command: Command) -> bool {
        let count = self.lines.len();
        match command {
            Command::Next => self.cursor.move_by(1, count),
            Command::Previous => self.cursor.move_by(-1, count),
            Command::PageDown => self.cursor.page(1, count),
            Command::PageUp => self.cursor.page(-1, count),
            Command::First => self.cursor.go_to(0, count),
            Command::Last => self.cursor.go_to(usize::MAX, count),
            Command::NextTurn => self.step_to(1, |this, row| this.table.operation(row) == "turn"),
            Command::PreviousTurn => {
                self.step_to(-1, |this, row| this.table.operation(row) == "turn")
            }
            Command::NextFinding => self.step_to(1, |this, row| this.marks.contains_key(&row)),
            Command::PreviousFinding => self.step_to(-1, |this, row| this.marks.contains_key(&row)),
            Command::NextError => self.step_to(1, |this, row| this.table.is_trouble(row)),
            Command::PreviousError => self.step_to(-1, |this, row| this.table.is_trouble(row)),
            Command::Collapse => self.collapse(),
            Command::Expand => self.expand(),
            Command::CollapseAll => {
                let parents = self
                    .order
                    .rows
                    .iter()
                    .filter(|row| self.has_children(**row));
                self.collapsed = parents.copied().collect();
                self.flatten();
            }
            Command::ExpandAll => {
                self.collapsed.clear();
                self.flatten();
            }
            Command::Audit => {
                self.shows_all = !self.shows_all;
                self.arrange();
            }
            Command::Fold => {
                self.folds_alike = !self.folds_alike;
                self.unfolded.clear();
                self.arrange();
            }
            Command::Fit => self.window = None,
            Command::ZoomIn => self.zoom(0.5),
            Command::ZoomOut => self.zoom(2.0),
            Command::ZoomRow => self.zoom_to_row(),
            Command::PanLeft => self.pan(-1),
            Command::PanRight => self.pan(1),
            _ => return false,
        }
        true
    }

    fn collapse(&mut self) {
        let Some(line) = self.lines.get(self.cursor.at).copied() else {
            return;
        };
        if self.has_children(line.row) && !line.is_collapsed && !line.is_group {
            self.collapsed.insert(line.row);
            self.flatten();
        } else if let Some(leader) = self.folds.leader(line.row).filter(|_| !line.is_group) {
            self.unfolded.remove(&leader);
            self.flatten();
        } else if let Some(up) = self.order.parent.get(line.row).copied().flatten() {
            self.select(up);
        }
    }

    fn expand(&mut self) {
        let Some(line) = self.lines.get(self.cursor.at).copied() else {
            return;
        };
        if line.is_group {
            self.unfolded.insert(line.row);
            self.flatten();
        } else if line.is_collapsed {
            self.collapsed.remove(&line.row);
            self.flatten();
        } else if self.has_children(line.row) {
            self.cursor.move_by(1, self.lines.len());
        }
    }

    /// Selects the next row in the order of the tree that is wanted, opening what hides it; goes on at
    /// the other end.
    fn step_to(&mut self, direction: isize, wanted: impl Fn(&Self, usize) -> bool) {
        let count = self.order.rows.len();
        let Some(selected) = self.selected() else {
            return;
        };
        let Some(from) = self.order.rows.iter().position(|row| *row == selected) else {
            return;
        };
        let steps = (1..=count).map(|step| match direction {
            1.. => (from + step) % count,
            _ => (from + count - step) % count,
        });
        let found = steps
            .map(|at| self.order.rows[at])
            .find(|row| wanted(self, *row));
        if let Some(row) = found {
            self.reveal(row);
        }
    }

    /// Selects the next row whose name or muted line contains what is searched for, from the selected row
    /// on when `from_here`. False when there is none.
    pub(super) fn find(&mut self, direction: isize, from_here: bool) -> bool {
        if self.search.is_empty() {
            return true;
        }
        let hits = self.hits();
        if let (true, Some(row)) = (from_here, self.selected())
            && hits.contains(&row)
        {
            return true;
        }
        if hits.is_empty() {
            return false;
        }
        self.step_to(direction, |_, row| hits.contains(&row));
        true
    }

    fn hits(&self) -> HashSet<usize> {
        let wanted = self.search.to_lowercase();
        // Texts are shared by rows, so each is looked through once.
        let fits: Vec<bool> = (0..self.table.string_count())
            .map(|index| {
                self.table
                    .string(index as i64)
                    .to_lowercase()
                    .contains(&wanted)
            })
            .collect();
        let fits = |index: i64| usize::try_from(index).is_ok_and(|index| fits[index]);
        let columns = &self.table.columns;
        let in_prompt = |row: usize| {
            self.table.operation(row) == "turn"
                && self
                    .prompts
                    .get(&columns.turn[row])
                    .is_some_and(|said| said.to_lowercase().contains(&wanted))
        };
        let rows = self.order.rows.iter().copied();
        rows.filter(|row| {
            fits(columns.name_s[*row])
                || fits(columns.detail_s[*row])
                || fits(columns.tool_s[*row])
                || fits(columns.model_s[*row])
                || in_prompt(*row)
        })
        .collect()
    }

    fn zoom(&mut self, factor: f64) {
        let (from, to) = self.window();
        let middle = self.selected().map_or((from + to) / 2, |row| {
            let start = self.table.columns.start_ns[row];
            start + self.table.columns.duration_ns[row].max(0) / 2
        });
        let half = ((to - from) as f64 * factor / 2.0) as i64;
        self.show_window(middle.saturating_sub(half), middle.saturating_add(half));
    }

    fn zoom_to_row(&mut self) {
        let Some(row) = self.selected() else { return };
        let start = self.table.columns.start_ns[row];
        let length = match self.table.columns.duration_ns[row] {
            -1 => self.table.duration_ns - start,
            length => length,
        };
        self.show_window(start - length / 20, start + length + length / 20);
    }

    fn pan(&mut self, direction: i64) {
        let (from, to) = self.window();
        let step = (to - from) / 4 * direction;
        self.show_window(from + step, to + step);
    }

    /// Shows a stretch of time, kept within that of the session.
    fn show_window(&mut self, from: i64, to: i64) {
        let total = self.table.duration_ns.max(SHORTEST_WINDOW_NS);
        let length = (to - from).clamp(SHORTEST_WINDOW_NS, total);
        let from = from.clamp(0, total - length);
        self.window = (length < total).then_some((from, from + length));
    }
}
