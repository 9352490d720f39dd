//! Trees made for tests.

use serde_json::{Value, json};

use super::SpanTable;

/// Operation, name, row of the parent or -1, start in seconds, status (0 unset, 1 ok, 2 error).
pub(crate) type Row<'a> = (&'a str, &'a str, i64, i64, i64);

/// The tree of a session `s`; every act lasts a second, rows 1 and 2 are part of a finding.
pub(crate) fn table(rows: &[Row<'_>]) -> SpanTable {
    let operations = ["internal", "turn", "model", "tool"];
    let strings: Vec<&str> = rows.iter().map(|row| row.1).collect();
    let fill = |value: i64| Value::from(vec![value; rows.len()]);
    let column =
        |of: &dyn Fn(usize) -> i64| Value::from((0..rows.len()).map(of).collect::<Vec<_>>());
    // Equal names share one entry, as in the API's answer.
    let index = |text: &str| strings.iter().position(|known| *known == text).unwrap() as i64;
    let operation = |row: usize| {
        operations
            .iter()
            .position(|known| *known == rows[row].0)
            .unwrap() as i64
    };
    let ids: Vec<String> = (0..rows.len()).map(|row| format!("{row:016x}")).collect();
    let tree = json!({
        "session_id": "s", "started_at": "2026-01-01T00:00:00Z", "duration_ns": 9_000_000_000_i64,
        "span_count": rows.len(), "operations": operations, "strings": strings, "traces": ["t"],
        "columns": {
            "trace": fill(0), "span_id": ids, "parent": column(&|row| rows[row].2),
            "start_ns": column(&|row| rows[row].3 * 1_000_000_000), "duration_ns": fill(1_000_000_000),
            "operation": column(&operation), "name_s": column(&|row| index(rows[row].1)),
            "detail_s": fill(-1), "status": column(&|row| rows[row].4), "flags": fill(0),
            "turn": fill(0), "agent_s": fill(-1), "model_s": fill(-1), "tool_s": fill(-1),
            "mcp_server_s": fill(-1), "decision": fill(0), "session_s": fill(-1),
            "input_tokens": fill(-1), "output_tokens": fill(-1), "call_hash_s": fill(-1)
        },
        "findings": [{"kind": "loop", "severity": "warning", "confidence": "certain", "title": "t",
            "rows": [1, 2, 900]}]
    });
    SpanTable::read(tree.to_string().as_bytes()).unwrap()
}
