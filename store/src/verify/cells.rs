//! Opening every encrypted value of a row.

use super::{Damage, DamageKind, MOST_PLACES, Source, Verification, owners};
use crate::Error;
use crate::seal::{self, SealedTable};

/// Rows that are read together.
const ROWS_AT_ONCE: i64 = 2_048;

/// Opens all and names those that do not open. Pieces and records are opened where they are read.
pub(super) fn open(source: &Source<'_>, found: &mut Verification) -> Result<(), Error> {
    if !source.seal().is_on() {
        return Ok(());
    }
    for table in seal::TABLES {
        let stored = source.seal().table(table.name);
        let count: i64 = source.read(|connection| {
            let sql = format!("select coalesce(max(rowid), -1) + 1 from {stored}");
            connection.query_row(&sql, [], |row| row.get(0))
        })?;
        let mut first = 0;
        while first < count {
            let end = first + ROWS_AT_ONCE;
            let opened = source
                .read(|connection| seal::damaged(connection, source.seal(), table, first, end));
            match opened {
                Ok((opened, damaged)) => {
                    found.value_count += opened;
                    for (column, place) in damaged {
                        name(source, table, &stored, column, place, found)?;
                    }
                }
                // The block is named already, with the acts.
                Err(error) if error.is_damaged_block() => {}
                Err(error) => return Err(error),
            }
            first = end;
        }
    }
    Ok(())
}

fn name(
    source: &Source<'_>,
    table: &SealedTable,
    stored: &str,
    column: &str,
    place: i64,
    found: &mut Verification,
) -> Result<(), Error> {
    let message = format!(
        "{column} of row {place} of {} does not open: it was changed on disk, or stands in the place of another",
        table.name
    );
    let mut damage = Damage::new(DamageKind::Value, message);
    let row = format!("(select {} from {stored} where rowid = {place})", table.row);
    let of = match table.name {
        "span" | "call_asked" | "result_seen" => Some(format!("span where act_id = {row}")),
        "resource" => Some(format!("span where resource_id = {row}")),
        "session" => Some(format!("span where session_id = {row}")),
        "event" => Some(format!(
            "event where event_id = {row} and span_id is not null"
        )),
        _ => None,
    };
    if let Some(of) = of {
        let sql = format!("select session_id, trace_id, span_id from {of} limit {MOST_PLACES}");
        match source.read(|connection| owners::acts(connection, &sql)) {
            Ok(acts) => acts.into_iter().for_each(|act| damage.touches(act)),
            Err(error) if error.is_damaged_block() => {}
            Err(error) => return Err(error),
        }
    }
    found.add(damage);
    Ok(())
}
