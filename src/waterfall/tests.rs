use std::collections::HashSet;

use super::testing::table;
use super::*;

fn shown(table: &SpanTable, hidden: &[bool]) -> Vec<String> {
    let order = arrange(table, hidden);
    let folds = find_folds(table, &order);
    flatten(&order, &HashSet::new(), Some(&folds), &HashSet::new())
        .iter()
        .map(|line| {
            let times = match folds.members(line.row).len() {
                count if line.is_group => format!(" ×{count}"),
                _ => String::new(),
            };
            let name = label(table, line.row, &Prompts::new()).name;
            format!("{}{name}{times}", "  ".repeat(line.depth))
        })
        .collect()
}

#[test]
fn rows_are_in_depth_first_order_and_repeats_fold() {
    let table = table(&[
        ("turn", "turn", -1, 0, 0),
        ("tool", "Read", 0, 1, 1),
        ("tool", "Read", 0, 2, 1),
        ("tool", "Read", 0, 3, 1),
        ("tool", "Bash", 0, 4, 2),
        ("internal", "start", 4, 5, 0),
        ("tool", "late", 0, 0, 1),
    ]);
    assert_eq!(
        shown(&table, &[false; 7]),
        ["turn", "  late", "  Read ×3", "  Bash", "    start"]
    );
}

#[test]
fn what_is_below_a_hidden_row_moves_up() {
    let table = table(&[
        ("turn", "turn", -1, 0, 0),
        ("internal", "wrapper", 0, 1, 0),
        ("internal", "wrapper 2", 1, 1, 0),
        ("tool", "Bash", 2, 2, 0),
    ]);
    let hidden = [false, true, true, false];
    assert_eq!(shown(&table, &hidden), ["turn", "  Bash"]);
}

#[test]
fn patterns_of_several_rows_fold_row_by_row() {
    let mut rows = vec![("turn", "turn", -1, 0, 0)];
    for round in 0..4 {
        rows.push(("model", "m", 0, 2 * round + 1, 1));
        rows.push(("tool", "test", 0, 2 * round + 2, 2));
    }
    rows.push(("model", "m", 0, 20, 1));
    let table = table(&rows);
    assert_eq!(
        shown(&table, &vec![false; rows.len()]),
        ["turn", "  m ×4", "  test ×4", "  m"]
    );
}

#[test]
fn circles_lose_no_row() {
    let table = table(&[
        ("tool", "a", 1, 0, 0),
        ("tool", "b", 0, 1, 0),
        ("tool", "c", -1, 2, 0),
    ]);
    let order = arrange(&table, &[false; 3]);
    assert_eq!(order.rows.len(), 3);
}

#[test]
fn findings_mark_their_rows_and_no_others() {
    let table = table(&[
        ("tool", "a", -1, 0, 0),
        ("tool", "b", -1, 1, 0),
        ("tool", "c", -1, 2, 0),
    ]);
    let marks = table.marks();
    assert_eq!(
        (marks.get(&0), marks.get(&1).map(Vec::as_slice)),
        (None, Some(&["loop"][..]))
    );
    assert_eq!(marks.len(), 2);
}

#[test]
fn answers_that_are_none_are_refused() {
    assert!(SpanTable::read(b"{}").is_err());
    let wrong = br#"{"session_id":null,"duration_ns":0,"span_count":3}"#;
    assert!(SpanTable::read(wrong).is_err());
}
