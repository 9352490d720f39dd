//! The findings of sessions as they were told before.

use std::collections::HashMap;
use std::sync::Arc;

use store::{FindingRow, Store, Value};

use crate::error::ApiError;
use crate::rows;
use crate::sql;

/// Findings of a session, by id.
pub(super) type Known = HashMap<String, FindingRow>;

/// The stored findings of sessions.
pub(super) fn stored_findings(
    store: &Store,
    session_ids: &[Arc<str>],
) -> Result<HashMap<Arc<str>, Known>, ApiError> {
    if session_ids.is_empty() {
        return Ok(HashMap::new());
    }
    let filter = [
        Value::Int(i64::MAX),
        Value::Text(Arc::from(session_ids.join(sql::ITEM_SEPARATOR))),
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Null,
    ];
    let table = store.read(sql::LIST_FINDINGS, &filter)?;
    let mut known: HashMap<Arc<str>, Known> = HashMap::new();
    for row in rows::rows(&table) {
        let finding = rows::stored_finding(&row);
        known
            .entry(Arc::from(finding.session_id.as_str()))
            .or_default()
            .insert(finding.finding_id.clone(), finding);
    }
    Ok(known)
}

/// Whether nothing but the times differs.
pub(super) fn same(old: &FindingRow, new: &FindingRow) -> bool {
    let old = FindingRow {
        detected_ns: new.detected_ns,
        updated_ns: new.updated_ns,
        ..old.clone()
    };
    old == *new
}
