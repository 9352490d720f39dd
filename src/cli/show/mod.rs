//! `spanreel show`: a session as a tree of acts.

mod payloads;

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use anyhow::anyhow;
use serde_json::Value;

use self::payloads::Payloads;
use super::answer::{rows, text};
use super::format::{self, duration, fitted, harmless_line};
use super::output;
use super::pager;
use super::source::{Api, Server, percent_encoded};
use super::style::Paint;
use crate::args::ShowArgs;
use crate::failure::Failure;
use crate::waterfall::{
    Folds, Line, Outcome, Prompts, SpanTable, arrange, facts, find_folds, flatten, group_label,
    label,
};

/// Deeper levels than this are not indented further.
const DEEPEST_INDENT: usize = 40;

pub(super) async fn run(args: ShowArgs) -> Result<(), Failure> {
    let api = Api::open(&args.source).await?;
    let shown = show(&api, &args).await;
    api.close().await?;
    match shown? {
        Shown::Json(json) => output::print_json(&json),
        Shown::Text(text) => pager::print(&text),
    }
}

enum Shown {
    Json(Value),
    Text(String),
}

async fn show(server: &Server, args: &ShowArgs) -> Result<Shown, Failure> {
    let id = server.session_id(&args.session).await?;
    let path = format!("/sessions/{}", percent_encoded(&id));
    if args.json {
        return Ok(Shown::Json(server.get(&format!("{path}/tree"), &[]).await?));
    }
    let session = server.get(&path, &[]).await?;
    let tree = server.get_bytes(&format!("{path}/tree"), &[]).await?;
    let table = SpanTable::read(&tree)
        .map_err(|why| anyhow!("the server's tree of the session cannot be read: {why}"))?;
    let view = View::new(&table, &session, args)?;
    let payloads = match args.payloads {
        true => Payloads::read(server, &view.places()).await?,
        false => Payloads::default(),
    };
    Ok(Shown::Text(view.print(&session, &payloads)))
}

/// What of the tree is printed, and how.
struct View<'a> {
    table: &'a SpanTable,
    folds: Folds,
    lines: Vec<Line>,
    prompts: Prompts,
    marks: HashMap<usize, Vec<&'a str>>,
    /// Rows of plumbing and second reports that are left out.
    left_out: usize,
    shows_ids: bool,
    paint: Paint,
    /// Columns of the terminal; `None` when the output goes elsewhere.
    width: Option<usize>,
}

impl<'a> View<'a> {
    fn new(table: &'a SpanTable, session: &Value, args: &ShowArgs) -> Result<Self, Failure> {
        let mut hidden = if args.all {
            vec![false; table.len()]
        } else {
            table.plumbing()
        };
        let left_out = hidden.iter().filter(|hidden| **hidden).count();
        if let Some(turn) = args.turn {
            keep_turn(table, turn, &mut hidden)?;
        }
        if args.errors {
            keep_trouble(table, &mut hidden);
        }
        let order = arrange(table, &hidden);
        let folds = match args.all {
            true => Folds::default(),
            false => find_folds(table, &order),
        };
        let nothing = HashSet::new();
        let mut lines = flatten(&order, &nothing, Some(&folds), &nothing);
        if let Some(depth) = args.depth {
            lines.retain(|line| line.depth < depth as usize);
        }
        let prompts = rows(&session["turns"])
            .iter()
            .filter_map(|turn| Some((turn["turn"].as_i64()?, turn["prompt"].as_str()?.to_owned())))
            .collect();
        Ok(Self {
            marks: table.marks(),
            table,
            folds,
            lines,
            prompts,
            left_out,
            shows_ids: args.ids,
            paint: Paint::for_stdout(),
            width: output::terminal_width(),
        })
    }

    /// Trace and span ids of the rows that are printed, folded ones included.
    fn places(&self) -> Vec<(&'a str, &'a str)> {
        let rows = self.lines.iter().flat_map(|line| self.rows_of(line));
        rows.filter_map(|row| self.table.place(row)).collect()
    }

    fn rows_of(&self, line: &Line) -> Vec<usize> {
        match line.is_group {
            true => self.folds.members(line.row).to_vec(),
            false => vec![line.row],
        }
    }

    fn print(&self, session: &Value, payloads: &Payloads) -> String {
        let mut out = self.head(&session["session"]);
        out.push('\n');
        if self.lines.is_empty() {
            out.push_str("No act fits.\n");
        }
        for (line, guide) in self.lines.iter().zip(guides(&self.lines)) {
            self.print_line(&mut out, line, &guide);
            for row in self.rows_of(line) {
                payloads.print(&mut out, self.table.place(row), self.paint);
            }
        }
        self.print_findings(&mut out);
        if self.left_out > 0 {
            let said = format!(
                "\n{} acts of plumbing and second reports are left out; --all shows them\n",
                self.left_out
            );
            out.push_str(&self.paint.dim(said.trim_end_matches('\n')));
            out.push('\n');
        }
        out
    }

    fn head(&self, session: &Value) -> String {
        let number = |name: &str| session[name].as_i64().unwrap_or_default();
        let status = text(&session["status"]);
        let painted = match status.as_str() {
            "ok" => self.paint.good(&status),
            "running" => self.paint.bold(&status),
            _ => self.paint.error(&status),
        };
        let started: String = text(&session["started_at"]).chars().take(19).collect();
        let title = fitted(&text(&session["title"]), self.width.unwrap_or(usize::MAX));
        let mut facts = vec![
            harmless_line(&text(&session["session_id"])),
            harmless_line(&text(&session["harness"])),
            painted,
            format!("{} UTC", started.replace('T', " ")),
            duration(number("duration_ns")),
        ];
        facts.retain(|fact| !fact.is_empty());
        let mut figures: Vec<String> = [
            ("turn_count", "turn"),
            ("model_request_count", "model request"),
            ("tool_call_count", "tool call"),
            ("subagent_count", "subagent"),
            ("error_count", "error"),
            ("denied_count", "denial"),
        ]
        .into_iter()
        .map(|(name, noun)| (number(name), noun))
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| format!("{count} {noun}{}", if count == 1 { "" } else { "s" }))
        .collect();
        let tokens = format::tokens(number("input_tokens"), number("output_tokens"));
        figures.push(format!("{tokens} tokens"));
        figures.extend(session["cost_usd"].as_f64().map(format::cost));
        format!(
            "{}\n{}\n{}\n",
            self.paint.bold(title),
            facts.join(" · "),
            figures.join(" · ")
        )
    }

    fn print_line(&self, out: &mut String, line: &Line, guide: &str) {
        let (table, paint, row) = (self.table, self.paint, line.row);
        let members = self.rows_of(line);
        let told = match line.is_group {
            true => group_label(table, &self.folds, row, &self.prompts),
            false => label(table, row, &self.prompts),
        };
        let offset = format!("[{}]", format::offset(table.columns.start_ns[row]));
        let facts = facts(table, &members);
        let took = facts
            .duration_ns
            .map_or_else(|| "running".to_owned(), duration);
        let sign = facts.outcome.sign();
        let sign = match facts.outcome {
            Outcome::Denied => paint.warning(sign),
            Outcome::Failed => paint.error(sign),
            Outcome::Running => paint.bold(sign),
            Outcome::Ok | Outcome::Unknown => paint.good(sign),
        };
        let word = match facts.outcome.word() {
            "" => String::new(),
            word => format!(" {word}"),
        };
        let mut after = String::new();
        let tokens = format::tokens(facts.input_tokens, facts.output_tokens);
        if !tokens.is_empty() && !told.detail.contains(&tokens) {
            let _ = write!(after, "  {tokens}");
        }
        let mut kinds: Vec<&str> = members
            .iter()
            .filter_map(|row| self.marks.get(row))
            .flatten()
            .copied()
            .collect();
        kinds.sort_unstable();
        kinds.dedup();
        for kind in kinds {
            let _ = write!(after, "  ⚑ {}", harmless_line(kind));
        }
        if self.shows_ids
            && let Some((_, span)) = table.place(row)
        {
            let _ = write!(after, "  {span}");
        }
        let operation = table.operation(row);
        let kind = match operation {
            "turn" | "session" => String::new(),
            operation => format!("{} ", format::padded(operation, 6)),
        };
        let times = if line.is_group {
            format!(" ×{}", members.len())
        } else {
            String::new()
        };
        let start = format!("{offset:>9} {took:>10} ");
        let fixed = format::width(&format!("{start}x {guide}{kind}{times}{word}{after}"));
        let room = self
            .width
            .map_or(usize::MAX, |width| width.saturating_sub(fixed));
        let name = fitted(&told.name, room.max(8));
        let room = room.saturating_sub(format::width(&name) + 2);
        let detail = match told.detail.is_empty() || room < 4 {
            true => String::new(),
            false => format!("  {}", fitted(&told.detail, room)),
        };
        let _ = writeln!(
            out,
            "{}{sign} {}{}{}{}{}{}{}",
            paint.dim(start),
            paint.dim(guide),
            paint.dim(kind),
            paint.operation(operation, name),
            paint.bold(times),
            paint.error(word),
            paint.dim(detail),
            paint.warning(after),
        );
    }

    fn print_findings(&self, out: &mut String) {
        if self.table.findings.is_empty() {
            return;
        }
        let _ = writeln!(out, "\n{}", self.paint.bold("Findings"));
        for finding in &self.table.findings {
            let first = finding
                .rows
                .iter()
                .map(|row| self.table.columns.start_ns[*row])
                .min();
            let offset = first.map_or_else(String::new, |ns| format!("[{}]", format::offset(ns)));
            let start = format!(
                "{offset:>9}  ⚑ {} {} {} ",
                format::padded(&harmless_line(&finding.kind), 12),
                format::padded(&harmless_line(&finding.severity), 8),
                format::padded(&harmless_line(&finding.confidence), 8),
            );
            let room = self.width.map_or(usize::MAX, |width| {
                width.saturating_sub(format::width(&start))
            });
            let _ = writeln!(
                out,
                "{}{}",
                self.paint.warning(start),
                fitted(&finding.title, room.max(20))
            );
        }
    }
}

/// Hides what does not belong to a turn of the session itself.
fn keep_turn(table: &SpanTable, turn: i64, hidden: &mut [bool]) -> Result<(), Failure> {
    let is_own = |row: usize| {
        table
            .session_id
            .as_deref()
            .is_none_or(|id| id == table.session(row))
    };
    let all = arrange(table, &vec![false; table.len()]);
    let mut kept = vec![false; table.len()];
    for row in &all.rows {
        let is_in_turn = is_own(*row) && table.columns.turn[*row] == turn;
        kept[*row] = is_in_turn || all.parent[*row].is_some_and(|up| kept[up]);
        hidden[*row] |= !kept[*row];
    }
    if kept.contains(&true) {
        return Ok(());
    }
    let last = table.columns.turn.iter().copied().max().unwrap_or(0);
    Err(Failure::Usage(match last {
        0 => "the session has no turns: leave --turn out".to_owned(),
        last => format!("the session has no turn {turn}: the last is {last}"),
    }))
}

/// Hides what neither failed nor was denied, nor holds such an act.
fn keep_trouble(table: &SpanTable, hidden: &mut [bool]) {
    let order = arrange(table, hidden);
    let mut kept = vec![false; table.len()];
    for row in order.rows.iter().rev() {
        kept[*row] |= table.is_trouble(*row);
        if let (true, Some(up)) = (kept[*row], order.parent[*row]) {
            kept[up] = true;
        }
    }
    for (hidden, kept) in hidden.iter_mut().zip(kept) {
        *hidden |= !kept;
    }
}

/// The lines of the tree in front of each name.
fn guides(lines: &[Line]) -> Vec<String> {
    // Backwards: whether another line of that depth follows is known then.
    let mut follows: Vec<bool> = Vec::new();
    let mut guides: Vec<String> = lines
        .iter()
        .rev()
        .map(|line| {
            follows.resize(line.depth + 1, false);
            let guide = (1..=line.depth.min(DEEPEST_INDENT))
                .map(|depth| match (depth == line.depth, follows[depth]) {
                    (true, true) => "├─ ",
                    (true, false) => "└─ ",
                    (false, true) => "│  ",
                    (false, false) => "   ",
                })
                .collect();
            follows[line.depth] = true;
            guide
        })
        .collect();
    guides.reverse();
    guides
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guides_show_which_lines_follow() {
        let lines: Vec<Line> = [0, 1, 2, 1, 0]
            .into_iter()
            .enumerate()
            .map(|(row, depth)| Line {
                row,
                depth,
                is_group: false,
                is_collapsed: false,
            })
            .collect();
        assert_eq!(guides(&lines), ["", "├─ ", "│  └─ ", "└─ ", ""]);
    }
}
