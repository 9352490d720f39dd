//! What damaged blocks of the database file hold.

use std::collections::HashMap;

use duckdb::Connection;

use super::blocks::Walk;
use super::{Damage, DamageKind, DamagedAct, MOST_PLACES, Source, Verification, causes};
use crate::Error;
use crate::columns::each_row;
use crate::open::FILE_NAME;
use crate::seal::own_name;

/// Rows of one column of a table that lie in a block.
struct Stretch {
    table: String,
    column: String,
    first_row: i64,
    row_count: i64,
}

/// Names each damaged block with the rows in it. A block that nothing lies in is no damage.
pub(super) fn add(source: &Source<'_>, walk: &Walk, found: &mut Verification) -> Result<(), Error> {
    if walk.bad_blocks.is_empty() {
        return Ok(());
    }
    let mut stretches: HashMap<i64, Vec<Stretch>> = HashMap::new();
    // Tables whose layout lies behind a damaged block itself, with what the engine says.
    let mut untold: Vec<(String, String)> = Vec::new();
    let (tables, describing) =
        source.read(|connection| Ok((tables(connection)?, describing(connection)?)))?;
    for table in tables {
        let laid_out = source.read(|connection| lay_out(connection, &table, &walk.bad_blocks));
        match laid_out {
            Ok(found) => found.into_iter().for_each(|(block, stretch)| {
                stretches.entry(block).or_default().push(stretch);
            }),
            Err(error) if error.is_damaged_block() => untold.push((table, causes(&error))),
            Err(error) => return Err(error),
        }
    }
    for block in &walk.bad_blocks {
        let offset = walk.offset(*block);
        let at = format!("the block at byte {offset} of {FILE_NAME} has a wrong checksum");
        let Some(stretches) = stretches.remove(block) else {
            let is_named = |(_, error): &&(String, String)| {
                error.contains(&format!("in block at location {offset}"))
            };
            let holds = match untold.iter().find(is_named) {
                _ if describing.contains(block) => "it describes where rows lie".to_owned(),
                Some((table, _)) => format!("it holds rows of {table}"),
                None if untold.is_empty() => {
                    found.notes.push(format!("{at}; nothing lies in it"));
                    continue;
                }
                None => "what it holds cannot be told".to_owned(),
            };
            let message = format!("{at}; {holds}");
            found.add(Damage::new(DamageKind::Block, message).in_file(offset));
            continue;
        };
        let rows: Vec<String> = stretches
            .iter()
            .map(|stretch| {
                format!(
                    "{} rows of {}.{} from row {}",
                    stretch.row_count, stretch.table, stretch.column, stretch.first_row
                )
            })
            .collect();
        let message = format!("{at}; it holds {}", rows.join(", "));
        let mut damage = Damage::new(DamageKind::Block, message).in_file(offset);
        for stretch in &stretches {
            // The columns that name the rows may be the damaged ones.
            match source.read(|connection| places(connection, stretch)) {
                Ok(acts) => acts.into_iter().for_each(|act| damage.touches(act)),
                Err(error) if error.is_damaged_block() => {}
                Err(error) => return Err(error),
            }
        }
        found.add(damage);
    }
    Ok(())
}

fn tables(connection: &Connection) -> duckdb::Result<Vec<String>> {
    let mut tables = Vec::new();
    let sql = "select table_name from duckdb_tables() \
               where database_name = current_database() and not temporary order by table_name";
    each_row(connection, sql, |row| {
        tables.extend(row.str("table_name").map(str::to_owned));
    })?;
    Ok(tables)
}

/// The stretches of a table that lie in some of these blocks.
fn lay_out(
    connection: &Connection,
    table: &str,
    blocks: &[i64],
) -> duckdb::Result<Vec<(i64, Stretch)>> {
    let mut stretches = Vec::new();
    let numbers: Vec<String> = blocks.iter().map(i64::to_string).collect();
    // Rows of a segment are counted within their group of rows.
    let sql = format!(
        "with segment as materialized ( \
             select row_group_id, column_name, column_id, column_path, start, count, \
                 list_distinct(list_append(additional_block_ids, block_id)) as blocks \
             from pragma_storage_info('{table}') \
         ), row_group as ( \
             select row_group_id, sum(rows) over (order by row_group_id) - rows as first_row \
             from ( \
                 select row_group_id, max(start + count) as rows from segment \
                 group by row_group_id \
             ) \
         ) \
         select block, column_name, min(first_row + start)::bigint as first_row, \
             sum(count)::bigint as row_count \
         from (select *, unnest(blocks) as block from segment) \
         join row_group using (row_group_id) \
         where block in ({}) \
         group by block, column_name order by block, column_name",
        numbers.join(",")
    );
    each_row(connection, &sql, |row| {
        if let (Some(block), Some(column), Some(first_row), Some(row_count)) = (
            row.long("block"),
            row.str("column_name"),
            row.long("first_row"),
            row.long("row_count"),
        ) {
            let stretch = Stretch {
                table: table.to_owned(),
                column: column.to_owned(),
                first_row,
                row_count,
            };
            stretches.push((block, stretch));
        }
    })?;
    Ok(stretches)
}

/// Blocks that hold the description of tables and free space.
fn describing(connection: &Connection) -> duckdb::Result<Vec<i64>> {
    let mut blocks = Vec::new();
    let sql = "select block_id::bigint as block_id from pragma_metadata_info()";
    each_row(connection, sql, |row| blocks.extend(row.long("block_id")))?;
    Ok(blocks)
}

/// Acts that the rows of a stretch are of.
fn places(connection: &Connection, stretch: &Stretch) -> duckdb::Result<Vec<DamagedAct>> {
    let (first, end) = (stretch.first_row, stretch.first_row + stretch.row_count);
    let rows = format!("rowid >= {first} and rowid < {end}");
    let table = &stretch.table;
    let from = match own_name(table) {
        "span" => format!("{table} where {rows}"),
        "event" => format!("{table} where {rows} and span_id is not null"),
        "call_asked" | "result_seen" => {
            format!("span where act_id in (select act_id from {table} where {rows})")
        }
        "received" => {
            format!("span where received_id in (select received_id from {table} where {rows})")
        }
        "resource" => {
            format!("span where resource_id in (select resource_id from {table} where {rows})")
        }
        "session" | "turn" => {
            format!("span where session_id in (select session_id from {table} where {rows})")
        }
        // Payloads are named one by one, with their acts.
        _ => return Ok(Vec::new()),
    };
    acts(
        connection,
        &format!("select session_id, trace_id, span_id from {from} limit {MOST_PLACES}"),
    )
}

/// The acts that a query gives.
pub(super) fn acts(connection: &Connection, sql: &str) -> duckdb::Result<Vec<DamagedAct>> {
    let mut acts = Vec::new();
    each_row(connection, sql, |row| {
        if let (Some(trace_id), Some(span_id)) = (row.str("trace_id"), row.str("span_id")) {
            acts.push(DamagedAct {
                session_id: row.str("session_id").map(str::to_owned),
                trace_id: trace_id.to_owned(),
                span_id: span_id.to_owned(),
            });
        }
    })?;
    Ok(acts)
}
