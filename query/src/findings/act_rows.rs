//! Acts as the queries of the looks give them.

use std::sync::Arc;

use proto::agent::{Decision, Operation};
use store::{ActKey, Row};

use super::ActRow;

/// Trace and span, the first two columns of a row.
pub(super) fn key(row: &Row<'_>) -> Option<ActKey> {
    Some(ActKey {
        trace_id: row.text(0)?.parse().ok()?,
        span_id: row.text(1)?.parse().ok()?,
    })
}

/// Columns of the session and of the row number in session_acts.sql.
pub(super) const SESSION_ID: usize = 27;
const ACT_ID: usize = 28;

/// Reads one row of session_acts.sql; the numbers are its column positions.
pub(super) fn act(row: &Row<'_>) -> Option<ActRow> {
    let text = |at: usize| row.text(at).map(Arc::from);
    let hash = |at: usize| row.bytes(at).map(Arc::from);
    Some(ActRow {
        key: key(row)?,
        act_id: row.int(ACT_ID)?,
        parent: row.text(2).and_then(|id| id.parse().ok()),
        operation: Operation::parse(row.text(3)?)?,
        name: text(4).unwrap_or_default(),
        agent: text(5).unwrap_or_default(),
        turn: row.int(6).unwrap_or(0),
        start_ns: row.int(7).unwrap_or(0),
        end_ns: row.int(8),
        is_error: row.flag(9).unwrap_or(false),
        error: text(10),
        model: text(11),
        tool_name: text(12),
        tool_call_id: text(13),
        mcp_server: text(14),
        hook_name: text(15),
        hook_event: text(16),
        decision: row.text(17).and_then(Decision::parse),
        decision_source: text(18),
        tokens: row
            .int(19)
            .unwrap_or(0)
            .saturating_add(row.int(20).unwrap_or(0)),
        input_tokens: row.int(19),
        output_tokens: row.int(20),
        cost_usd: row.double(21),
        finish_reason: text(22),
        input_hash: hash(23),
        output_hash: hash(24),
        call_hash: text(25),
        detail: text(26),
    })
}
