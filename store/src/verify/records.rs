//! Unpacking every part of received records.

use super::{Damage, DamageKind, MOST_PLACES, Source, Verification, owners};
use crate::columns::each_row;
use crate::{Error, pieces, received};

/// Parts that are read together; some 32 KiB each.
const PARTS_AT_ONCE: i64 = 256;

/// Unpacks all parts and names those that do not give what they say.
pub(super) fn parts(source: &Source<'_>, found: &mut Verification) -> Result<(), Error> {
    let count: i64 = source.read(|connection| {
        let sql = "select coalesce(max(rowid), -1) + 1 from received";
        connection.query_row(sql, [], |row| row.get(0))
    })?;
    let mut damaged = Vec::new();
    let mut first = 0;
    while first < count {
        let end = first + PARTS_AT_ONCE;
        let read = source.read(|connection| {
            let mut decompressor = pieces::decompressor()
                .map_err(|error| duckdb::Error::ToSqlConversionFailure(Box::new(error)))?;
            let (mut whole, mut damaged) = (0, Vec::new());
            let sql = format!(
                "select {} from received where rowid >= {first} and rowid < {end}",
                received::COLUMNS
            );
            each_row(connection, &sql, |row| {
                match received::part(&row, &mut decompressor) {
                    Some(_) => whole += 1,
                    None => damaged.extend(row.long("received_id").zip(row.int("part"))),
                }
            })?;
            Ok((whole, damaged))
        });
        match read {
            Ok((whole, some)) => {
                found.record_part_count += whole + some.len() as u64;
                damaged.extend(some);
            }
            // The block is named already, with the acts.
            Err(error) if error.is_damaged_block() => {}
            Err(error) => return Err(error),
        }
        first = end;
    }
    for (request, part) in damaged {
        let message = format!(
            "part {part} of the records received at journal position {request} cannot be unpacked"
        );
        let mut damage = Damage::new(DamageKind::Record, message);
        let sql = format!(
            "select session_id, trace_id, span_id from span where received_id = {request} \
             limit {MOST_PLACES}"
        );
        match source.read(|connection| owners::acts(connection, &sql)) {
            Ok(acts) => acts.into_iter().for_each(|act| damage.touches(act)),
            Err(error) if error.is_damaged_block() => {}
            Err(error) => return Err(error),
        }
        found.add(damage);
    }
    Ok(())
}
