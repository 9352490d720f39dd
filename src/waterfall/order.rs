//! From the tree to the lines on screen: linear passes over the depth-first order.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::fold::Folds;
use super::table::SpanTable;

/// The shown rows in depth-first order.
#[derive(Debug, Default)]
pub(crate) struct Order {
    pub(crate) rows: Vec<usize>,
    /// By row: how many rows its subtree spans in `rows`, itself included.
    pub(crate) subtree: Vec<usize>,
    /// By row: the row above that is shown.
    pub(crate) parent: Vec<Option<usize>>,
}

/// One line of the waterfall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) row: usize,
    pub(crate) depth: usize,
    /// It stands for its whole group of alike neighbours.
    pub(crate) is_group: bool,
    /// Rows below it are not shown because it is collapsed.
    pub(crate) is_collapsed: bool,
}

/// The tree of the rows that are not `hidden`: what was below a hidden row goes to the next row above
/// that is shown, among its other children by start.
pub(crate) fn arrange(table: &SpanTable, hidden: &[bool]) -> Order {
    let count = table.len();
    let parent: Vec<Option<usize>> = table
        .columns
        .parent
        .iter()
        .map(|up| usize::try_from(*up).ok())
        .collect();
    let all = depth_first(table, &parent, &vec![false; count]);
    if !hidden.contains(&true) {
        return all;
    }
    let mut shown = vec![None; count];
    // Parents come first in the order, so each row finds its parent's answer ready.
    for row in all.rows {
        shown[row] = match parent[row] {
            Some(up) if hidden[up] => shown[up],
            up => up,
        };
    }
    depth_first(table, &shown, hidden)
}

/// Depth-first order without recursion; siblings by start. Of those that start together the longer comes
/// first, so that neither the order of arrival nor chance shows. Rows in a circle of parents come last, as
/// roots: they are never lost.
fn depth_first(table: &SpanTable, parent: &[Option<usize>], skip: &[bool]) -> Order {
    let count = parent.len();
    // Children lie behind one another, each parent's from `first[parent]` on.
    let mut first = vec![0; count + 1];
    let placed = (0..count).filter(|row| !skip[*row]);
    for up in placed.clone().filter_map(|row| parent[row]) {
        first[up + 1] += 1;
    }
    for row in 0..count {
        first[row + 1] += first[row];
    }
    let mut children = vec![0; first[count]];
    let mut next = first.clone();
    let mut roots = Vec::new();
    for row in placed.clone() {
        match parent[row] {
            Some(up) => {
                children[next[up]] = row;
                next[up] += 1;
            }
            None => roots.push(row),
        }
    }
    let columns = &table.columns;
    let by_start = |row: &usize| {
        let length = match columns.duration_ns[*row] {
            -1 => i64::MAX,
            length => length,
        };
        let start = columns.start_ns[*row];
        (start, Reverse(length), columns.operation[*row], *row)
    };
    roots.sort_by_key(by_start);
    for up in 0..count {
        children[first[up]..first[up + 1]].sort_by_key(by_start);
    }
    let mut order = Order {
        rows: Vec::with_capacity(count),
        subtree: vec![0; count],
        parent: parent.to_vec(),
    };
    let mut place = vec![usize::MAX; count];
    let mut stack: Vec<(usize, bool)> = roots.into_iter().rev().map(|row| (row, false)).collect();
    while let Some((row, is_left)) = stack.pop() {
        if is_left {
            order.subtree[row] = order.rows.len() - place[row];
            continue;
        }
        place[row] = order.rows.len();
        order.rows.push(row);
        stack.push((row, true));
        stack.extend(
            children[first[row]..first[row + 1]]
                .iter()
                .rev()
                .map(|child| (*child, false)),
        );
    }
    for row in placed {
        if place[row] == usize::MAX {
            order.rows.push(row);
            order.subtree[row] = 1;
            order.parent[row] = None;
        }
    }
    order
}

/// Lists the lines to show. A collapsed row drops what is below it; the members of a closed group are
/// represented by the first, without what is below it.
pub(crate) fn flatten(
    order: &Order,
    collapsed: &HashSet<usize>,
    folds: Option<&Folds>,
    unfolded: &HashSet<usize>,
) -> Vec<Line> {
    let mut lines = Vec::with_capacity(order.rows.len());
    let mut depths = vec![0; order.subtree.len()];
    let mut at = 0;
    while let Some(row) = order.rows.get(at).copied() {
        let depth = order.parent[row].map_or(0, |up| depths[up] + 1);
        let leader = folds.and_then(|folds| folds.leader(row));
        let is_group = leader.is_some_and(|leader| !unfolded.contains(&leader));
        let subtree = order.subtree[row].max(1);
        if is_group && leader != Some(row) {
            at += subtree;
            continue;
        }
        depths[row] = depth;
        let is_collapsed = !is_group && subtree > 1 && collapsed.contains(&row);
        lines.push(Line {
            row,
            depth,
            is_group,
            is_collapsed,
        });
        at += if is_group || is_collapsed { subtree } else { 1 };
    }
    lines
}
