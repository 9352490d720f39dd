//! Rows that a batch replaces: those of before are deleted first.
//!
//! Without indexes a deletion searches its table. The engine leaves out what it can tell by the lowest and
//! highest values of a column, so a deletion says between which times its rows lie.

use duckdb::{Connection, Result};

use crate::load::quoted;
use crate::seen::Range;

/// Rows that one statement names.
pub(crate) const AT_ONCE: usize = 1_000;

/// The condition that `column` lies in `times` (Unix ns).
pub(crate) fn within(column: &str, times: Range) -> String {
    // As times are stored.
    let stored = |ns: i64| ns.clamp(i64::MIN + 2, i64::MAX - 1);
    format!(
        "{column} between make_timestamp_ns({}) and make_timestamp_ns({})",
        stored(times.first),
        stored(times.last)
    )
}

/// The condition that `column` is one of `ids`, of which there is one at least.
pub(crate) fn is_one_of<T: AsRef<str>>(column: &str, ids: &[T]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| quoted(id.as_ref())).collect();
    format!("{column} in ({})", ids.join(", "))
}

/// Deletes the rows of `ids` from a table.
pub(crate) fn delete<T: AsRef<str>>(
    connection: &Connection,
    table: &str,
    column: &str,
    ids: &[T],
) -> Result<()> {
    delete_where(connection, table, ids, |some| is_one_of(column, some))
}

/// Deletes the rows of `ids`, which `condition` says of some of them at a time.
fn delete_where<T>(
    connection: &Connection,
    table: &str,
    ids: &[T],
    condition: impl Fn(&[T]) -> String,
) -> Result<()> {
    // Not by way of a temporary table: rows that leave one keep their memory until the connection closes.
    for some in ids.chunks(AT_ONCE) {
        connection.execute_batch(&format!("delete from {table} where {}", condition(some)))?;
    }
    Ok(())
}

/// As [`delete`], of ids that each have their rows within some times (Unix ns) of `time_column`.
pub(crate) fn delete_within<T: AsRef<str>>(
    connection: &Connection,
    table: &str,
    column: &str,
    time_column: &str,
    rows: impl Iterator<Item = (T, Range)>,
) -> Result<()> {
    let (mut ids, mut times) = (Vec::new(), Range::EMPTY);
    for (id, of_id) in rows {
        ids.push(id);
        times = times.with(of_id);
    }
    let times = within(time_column, times);
    delete_where(connection, table, &ids, |some| {
        format!("{} and {times}", is_one_of(column, some))
    })
}
