//! `session_tree`.

use std::fmt::Write as _;

use rmcp::handler::server::wrapper::Parameters;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Mcp;
use crate::encode::percent_encoded;
use crate::mcp::answer::{Budget, Refused, Said, fitting};
use crate::recorded::line;

/// Flags of rows that are no acts of their own: duplicates (2), plumbing (16).
const ASIDE: i64 = 2 + 16;
const DENIED: i64 = 2;
const FAILED: i64 = 2;
/// The deepest level that is walked: a circle of parents cannot be, but a chain of many thousands can.
const MAX_DEPTH: usize = 1_000;

/// Arguments of `session_tree`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TreeArgs {
    /// The session, child sessions included; this or trace_id.
    session_id: Option<String>,
    /// A trace, in place of a session.
    trace_id: Option<String>,
    /// Only this span and what lies under it.
    root_span_id: Option<String>,
    /// Levels that are shown; what lies deeper is counted. All when absent.
    max_depth: Option<usize>,
    /// Show plumbing and duplicate records too.
    everything: bool,
    /// Show every span of a run of equal ones.
    unfold: bool,
    /// Lines to skip; next_offset of the answer before. 0 when absent.
    offset: usize,
    /// Most tokens of the answer, 500 to 20000; 4000 when absent.
    budget_tokens: Option<usize>,
}

#[tool_router(router = tree_router, vis = "pub(super)")]
impl Mcp {
    #[tool(
        name = "session_tree",
        description = "What happened in a recorded session, in order, as an outline: one line a span with its time since the start, duration, operation, name, detail, outcome, tokens and [span_id]; children are indented. Equal neighbours are folded. Narrow it with root_span_id and max_depth, page with offset."
    )]
    async fn session_tree(&self, Parameters(args): Parameters<TreeArgs>) -> Result<Said, Refused> {
        let budget = Budget::of(args.budget_tokens)?;
        let path = match (&args.session_id, &args.trace_id) {
            (Some(session), None) => format!("/sessions/{}/tree", percent_encoded(session)),
            (None, Some(trace)) => format!("/traces/{}/tree", percent_encoded(trace)),
            _ => {
                return Err(Refused(
                    "give session_id or trace_id, and not both".to_owned(),
                ));
            }
        };
        let tree: Tree = self.get(path).await?;
        let outline = Outline::of(&tree, &args)?;
        let lines = outline.lines();
        let total = lines.len();
        let rest = lines.get(args.offset..).unwrap_or_default();
        let mut lead = format!(
            "Outline of {} recorded spans in {total} lines: [time since start] +duration operation name.",
            tree.span_count
        );
        if let [trace] = tree.traces.as_slice() {
            let _ = write!(lead, " All in trace {}.", line(trace, 64));
        }
        let shown = fitting(rest, budget.within(&lead));
        let next = args.offset + shown;
        let more = match next < total {
            true => format!(
                "{} lines follow: offset={next}; or narrow it with root_span_id or max_depth.",
                total - next
            ),
            false => String::new(),
        };
        Ok(Said::quoted(
            &lead,
            &rest[..shown].join("\n"),
            &more,
            budget,
        ))
    }
}

/// The columns of the API's tree that an outline needs.
#[derive(Debug, Deserialize)]
struct Tree {
    span_count: usize,
    operations: Vec<String>,
    strings: Vec<String>,
    traces: Vec<String>,
    columns: Columns,
}

#[derive(Debug, Deserialize)]
struct Columns {
    span_id: Vec<String>,
    parent: Vec<i64>,
    start_ns: Vec<i64>,
    duration_ns: Vec<i64>,
    operation: Vec<usize>,
    name_s: Vec<i64>,
    detail_s: Vec<i64>,
    status: Vec<i64>,
    flags: Vec<i64>,
    tool_s: Vec<i64>,
    model_s: Vec<i64>,
    decision: Vec<i64>,
    input_tokens: Vec<i64>,
    output_tokens: Vec<i64>,
}

impl Tree {
    fn string(&self, index: i64) -> Option<&str> {
        let text = self.strings.get(usize::try_from(index).ok()?)?;
        (!text.is_empty()).then_some(text)
    }

    /// What a span is, without when: equal neighbours have the same.
    fn words(&self, row: usize) -> String {
        let columns = &self.columns;
        let at = |column: &[i64]| column.get(row).copied().unwrap_or(-1);
        let operation = columns
            .operation
            .get(row)
            .and_then(|place| self.operations.get(*place));
        let mut out = operation.cloned().unwrap_or_default();
        let name = self
            .string(at(&columns.tool_s))
            .or_else(|| self.string(at(&columns.model_s)))
            .or_else(|| self.string(at(&columns.name_s)));
        if let Some(name) = name {
            let _ = write!(out, " {}", line(name, 80));
        }
        if let Some(detail) = self.string(at(&columns.detail_s)) {
            let _ = write!(out, " ({})", line(detail, 120));
        }
        if at(&columns.status) == FAILED {
            out.push_str(" error");
        }
        if at(&columns.decision) == DENIED {
            out.push_str(" denied");
        }
        out
    }
}

/// The rows that are shown, each with its place.
struct Outline<'a> {
    tree: &'a Tree,
    children: Vec<Vec<usize>>,
    roots: Vec<usize>,
    max_depth: usize,
    folds: bool,
}

impl<'a> Outline<'a> {
    fn of(tree: &'a Tree, args: &TreeArgs) -> Result<Self, Refused> {
        let columns = &tree.columns;
        let count = columns.span_id.len();
        let is_shown = |row: usize| {
            args.everything
                || columns
                    .flags
                    .get(row)
                    .is_none_or(|flags| flags & ASIDE == 0)
        };
        // Parents come before children, so each row finds what stands for a parent that is left out.
        let mut stands_for: Vec<Option<usize>> = Vec::with_capacity(count);
        let mut children = vec![Vec::new(); count];
        let mut roots = Vec::new();
        for row in 0..count {
            let parent = columns
                .parent
                .get(row)
                .and_then(|parent| usize::try_from(*parent).ok())
                .and_then(|parent| stands_for.get(parent).copied().flatten());
            if !is_shown(row) {
                stands_for.push(parent);
                continue;
            }
            stands_for.push(Some(row));
            match parent {
                Some(parent) => children[parent].push(row),
                None => roots.push(row),
            }
        }
        if let Some(id) = &args.root_span_id {
            let id = id.trim().to_lowercase();
            let place = columns.span_id.iter().position(|span| *span == id);
            let root = place.and_then(|row| stands_for.get(row).copied().flatten());
            roots = vec![root.ok_or_else(|| {
                Refused(
                    "root_span_id is no span of this tree; its lines show the ids in brackets"
                        .to_owned(),
                )
            })?];
        }
        Ok(Self {
            tree,
            children,
            roots,
            max_depth: args.max_depth.unwrap_or(MAX_DEPTH).min(MAX_DEPTH),
            folds: !args.unfold,
        })
    }

    /// All lines, top down.
    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        // Rows yet to be written, the next one last.
        let mut open: Vec<(usize, usize, usize)> = Vec::new();
        self.push_all(&mut open, &self.roots, 0);
        while let Some((row, depth, times)) = open.pop() {
            let is_deepest = depth + 1 >= self.max_depth;
            lines.push(self.line(row, depth, times, is_deepest));
            if !is_deepest {
                self.push_all(&mut open, &self.children[row], depth + 1);
            }
        }
        lines
    }

    /// Puts rows aside in reverse order; neighbours without children that are equal become one.
    fn push_all(&self, open: &mut Vec<(usize, usize, usize)>, rows: &[usize], depth: usize) {
        let from = open.len();
        let mut last: Option<String> = None;
        for row in rows {
            let words =
                (self.folds && self.children[*row].is_empty()).then(|| self.tree.words(*row));
            match open.last_mut() {
                Some((_, _, times)) if words.is_some() && words == last => *times += 1,
                _ => open.push((*row, depth, 1)),
            }
            last = words;
        }
        open[from..].reverse();
    }

    fn line(&self, row: usize, depth: usize, times: usize, is_deepest: bool) -> String {
        let columns = &self.tree.columns;
        let at = |column: &[i64]| column.get(row).copied().unwrap_or(-1);
        // Deep levels would be nothing but indentation.
        let mut out = "  ".repeat(depth.min(12));
        let seconds = at(&columns.start_ns).max(0) / 1_000_000_000;
        let _ = write!(out, "[{}:{:02}]", seconds / 60, seconds % 60);
        match at(&columns.duration_ns) {
            ns if ns < 0 => out.push_str(" unfinished"),
            ns => {
                let _ = write!(out, " +{:.2}s", ns as f64 / 1e9);
            }
        }
        if times > 1 {
            let _ = write!(out, " {times} times");
        }
        let _ = write!(out, " {}", self.tree.words(row));
        let (input, output) = (at(&columns.input_tokens), at(&columns.output_tokens));
        if input >= 0 || output >= 0 {
            let _ = write!(out, " {}+{} tokens", input.max(0), output.max(0));
        }
        if let Some(id) = columns.span_id.get(row) {
            let _ = write!(out, " [{id}]");
        }
        if is_deepest && !self.children[row].is_empty() {
            let _ = write!(out, " and {} below", self.below(row));
        }
        out
    }

    fn below(&self, row: usize) -> usize {
        let mut open = vec![row];
        let mut count = 0;
        while let Some(row) = open.pop() {
            count += self.children[row].len();
            open.extend(&self.children[row]);
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tree() -> Tree {
        serde_json::from_value(json!({
            "span_count": 6,
            "operations": ["agent", "tool", "internal"],
            "strings": ["main", "Bash", "ls", "http"],
            "traces": ["t"],
            "columns": {
                "span_id": ["a", "b", "c", "d", "e", "f"],
                "parent": [-1, 0, 1, 1, 1, 0],
                "start_ns": [0, 1_000_000_000i64, 2_000_000_000i64, 3_000_000_000i64, 61_000_000_000i64, 62_000_000_000i64],
                "duration_ns": [70_000_000_000i64, 5, 1_500_000_000i64, 5, 5, -1],
                "operation": [0, 2, 1, 1, 1, 1],
                "name_s": [0, 3, 1, 1, 1, 1],
                "detail_s": [-1, -1, 2, 2, 2, -1],
                "status": [1, 1, 1, 1, 2, 0],
                "flags": [0, 16, 0, 0, 0, 0],
                "tool_s": [-1, -1, 1, 1, 1, 1],
                "model_s": [-1, -1, -1, -1, -1, -1],
                "decision": [0, 0, 0, 0, 0, 2],
                "input_tokens": [-1, -1, -1, -1, -1, 7],
                "output_tokens": [-1, -1, -1, -1, -1, -1],
            }
        }))
        .unwrap()
    }

    fn lines(args: &TreeArgs) -> Vec<String> {
        Outline::of(&tree(), args).unwrap().lines()
    }

    #[test]
    fn equal_neighbours_fold_and_plumbing_is_left_out() {
        assert_eq!(
            lines(&TreeArgs::default()),
            [
                "[0:00] +70.00s agent main [a]",
                "  [0:02] +1.50s 2 times tool Bash (ls) [c]",
                "  [1:01] +0.00s tool Bash (ls) error [e]",
                "  [1:02] unfinished tool Bash denied 7+0 tokens [f]",
            ]
        );
        let all = TreeArgs {
            everything: true,
            unfold: true,
            ..TreeArgs::default()
        };
        assert_eq!(lines(&all).len(), 6);
        assert_eq!(lines(&all)[2], "    [0:02] +1.50s tool Bash (ls) [c]");
    }

    #[test]
    fn parts_are_shown_alone_and_depths_counted() {
        let top = TreeArgs {
            max_depth: Some(1),
            ..TreeArgs::default()
        };
        assert_eq!(lines(&top), ["[0:00] +70.00s agent main [a] and 4 below"]);
        let part = TreeArgs {
            root_span_id: Some("E".to_owned()),
            ..TreeArgs::default()
        };
        assert_eq!(lines(&part).len(), 1);
        let none = TreeArgs {
            root_span_id: Some("zz".to_owned()),
            ..TreeArgs::default()
        };
        assert!(Outline::of(&tree(), &none).is_err());
    }
}
