//! Which columns are sealed, and how they come to be: tables of another name, cells instead of values,
//! and views that open them.

use std::sync::Arc;

use duckdb::arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder};
use duckdb::arrow::datatypes::{DataType, Field, Int32Type, Int64Type};
use duckdb::{Connection, Result};

use super::{Seal, Sealer};
use crate::columns::each_row;

/// Before the name of a sealed table.
pub(super) const PREFIX: &str = "sealed_";

/// The name by which a table is read, sealed or not.
pub(crate) fn plain_name(table: &str) -> &str {
    table.strip_prefix(PREFIX).unwrap_or(table)
}

/// What a cell is, once it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Json,
    Bytes,
}

impl Kind {
    /// The SQL function that opens such a cell.
    fn function(self) -> &'static str {
        match self {
            Self::Text => "opened_text",
            Self::Json => "opened_json",
            Self::Bytes => "opened_bytes",
        }
    }
}

/// A table with sealed columns.
pub(crate) struct SealedTable {
    pub(crate) name: &'static str,
    /// What tells its rows apart, in SQL.
    pub(crate) row: &'static str,
    pub(crate) columns: &'static [SealedColumn],
    /// Whether rows are read by their place in the table.
    reads_by_place: bool,
}

/// A sealed column.
pub(crate) struct SealedColumn {
    pub(crate) name: &'static str,
    kind: Kind,
}

const fn text(name: &'static str) -> SealedColumn {
    let kind = Kind::Text;
    SealedColumn { name, kind }
}

const fn json(name: &'static str) -> SealedColumn {
    let kind = Kind::Json;
    SealedColumn { name, kind }
}

const fn bytes(name: &'static str) -> SealedColumn {
    let kind = Kind::Bytes;
    SealedColumn { name, kind }
}

/// A part of received records is told apart by its request and its number, which is below 2^20.
const PART_BITS: i64 = 1 << 20;

/// Everything that is sealed in the database. Names and rows are part of what a cell is bound to: they
/// never change.
pub(crate) const TABLES: &[SealedTable] = &[
    SealedTable {
        name: "span",
        row: "act_id",
        columns: &[
            text("status_message"),
            text("title"),
            text("decision_reason"),
            text("error_message"),
            text("detail"),
            json("reported"),
            json("attributes"),
            json("links"),
        ],
        reads_by_place: false,
    },
    SealedTable {
        name: "call_asked",
        row: "act_id",
        columns: &[text("detail")],
        reads_by_place: false,
    },
    SealedTable {
        name: "result_seen",
        row: "act_id",
        columns: &[text("error")],
        reads_by_place: false,
    },
    SealedTable {
        name: "resource",
        row: "resource_id",
        columns: &[json("attributes")],
        reads_by_place: false,
    },
    SealedTable {
        name: "event",
        row: "event_id",
        columns: &[text("body"), json("attributes")],
        reads_by_place: false,
    },
    SealedTable {
        name: "session",
        row: "session_id",
        columns: &[text("title")],
        reads_by_place: false,
    },
    SealedTable {
        name: "finding",
        row: "finding_id",
        columns: &[text("title"), text("explanation")],
        reads_by_place: false,
    },
    SealedTable {
        name: "annotation",
        row: "annotation_id",
        columns: &[text("comment")],
        reads_by_place: false,
    },
    SealedTable {
        name: "received",
        row: "received_id * 1048576 + part",
        columns: &[bytes("data")],
        reads_by_place: true,
    },
    SealedTable {
        name: "piece",
        row: "hash",
        columns: &[bytes("data")],
        reads_by_place: false,
    },
];

/// The table of which rows are under way to be changed; see `writer`.
const CHANGED: &str = "changed";

fn find(table: &str) -> Option<&'static SealedTable> {
    let name = if table == CHANGED { "span" } else { table };
    TABLES.iter().find(|sealed| sealed.name == name)
}

pub(super) fn is_sealed(table: &str) -> bool {
    TABLES.iter().any(|sealed| sealed.name == table)
}

/// What a cell belongs to: its column and its row.
pub(super) fn place(table: &str, column: &str, row: &[u8]) -> Vec<u8> {
    let mut place = Vec::with_capacity(table.len() + column.len() + row.len() + 2);
    for name in [table, column] {
        place.extend_from_slice(name.as_bytes());
        place.push(0);
    }
    place.extend_from_slice(row);
    place
}

/// Bytes that tell a row apart, of a column or an expression over it.
pub(super) enum Rows<'a> {
    Numbers(&'a dyn Array),
    Bytes(&'a dyn Array),
    Texts(&'a dyn Array),
    /// Requests and numbers of parts.
    Parts(&'a dyn Array, &'a dyn Array),
}

impl<'a> Rows<'a> {
    /// Of a column that holds what tells rows apart.
    pub(super) fn of(array: &'a dyn Array) -> Option<Self> {
        match array.data_type() {
            DataType::Int64 => Some(Self::Numbers(array)),
            DataType::Binary => Some(Self::Bytes(array)),
            DataType::Utf8 => Some(Self::Texts(array)),
            _ => None,
        }
    }

    /// Writes the bytes of a row into `out`; false when it has none.
    pub(super) fn write(&self, row: usize, out: &mut Vec<u8>) -> bool {
        let number = |number: i64, out: &mut Vec<u8>| out.extend_from_slice(&number.to_le_bytes());
        match self {
            Self::Numbers(array) if array.is_valid(row) => {
                number(array.as_primitive::<Int64Type>().value(row), out);
            }
            Self::Bytes(array) if array.is_valid(row) => {
                out.extend_from_slice(array.as_binary::<i32>().value(row));
            }
            Self::Texts(array) if array.is_valid(row) => {
                out.extend_from_slice(array.as_string::<i32>().value(row).as_bytes());
            }
            Self::Parts(request, part) if request.is_valid(row) && part.is_valid(row) => {
                let request = request.as_primitive::<Int64Type>().value(row);
                let part = part.as_primitive::<Int32Type>().value(row);
                number(request.wrapping_mul(PART_BITS) + i64::from(part), out);
            }
            _ => return false,
        }
        true
    }
}

/// Replaces the values of the sealed columns of a batch for `table` by cells.
///
/// # Errors
/// When there are no random numbers, or a column is missing that tells rows apart.
pub(crate) fn seal_columns(
    seal: &Seal,
    table: &str,
    fields: &mut [Field],
    arrays: &mut [ArrayRef],
) -> std::io::Result<()> {
    let (Some(sealer), Some(sealed)) = (seal.sealer(), find(table)) else {
        return Ok(());
    };
    let column = |name: &str, fields: &[Field]| {
        let at = fields.iter().position(|field| field.name() == name);
        at.ok_or_else(|| std::io::Error::other(format!("rows of {table} lack {name}")))
    };
    let keys: Vec<ArrayRef> = match sealed.name {
        "received" => vec![
            Arc::clone(&arrays[column("received_id", fields)?]),
            Arc::clone(&arrays[column("part", fields)?]),
        ],
        _ => vec![Arc::clone(&arrays[column(sealed.row, fields)?])],
    };
    let rows = match &*keys {
        [request, part] => Some(Rows::Parts(request, part)),
        [key] => Rows::of(key),
        _ => None,
    };
    let rows = rows.ok_or_else(|| std::io::Error::other("rows cannot be told apart"))?;
    for (field, array) in fields.iter_mut().zip(arrays) {
        let Some(column) = sealed
            .columns
            .iter()
            .find(|column| column.name == field.name())
        else {
            continue;
        };
        *array = cells(sealer, place(sealed.name, column.name, &[]), &rows, array)?;
        *field = Field::new(column.name, DataType::Binary, true);
    }
    Ok(())
}

/// The cells of a column whose values belong to `place` and their rows.
fn cells(
    sealer: &Sealer,
    mut place: Vec<u8>,
    rows: &Rows<'_>,
    values: &ArrayRef,
) -> std::io::Result<ArrayRef> {
    let beginning = place.len();
    let mut cells = BinaryBuilder::new();
    for row in 0..values.len() {
        if values.is_null(row) {
            cells.append_null();
            continue;
        }
        place.truncate(beginning);
        if !rows.write(row, &mut place) {
            return Err(std::io::Error::other("a row cannot be told apart"));
        }
        let value = match values.data_type() {
            DataType::Binary => values.as_binary::<i32>().value(row),
            _ => values.as_string::<i32>().value(row).as_bytes(),
        };
        cells.append_value(sealer.seal(&place, value)?);
    }
    Ok(Arc::new(cells.finish()))
}

/// One cell of a row that a text tells apart; the text itself, where nothing is sealed.
pub(crate) fn cell(
    seal: &Seal,
    table: &str,
    column: &str,
    row: &str,
    value: Option<&str>,
) -> std::io::Result<duckdb::types::Value> {
    use duckdb::types::Value;
    Ok(match (seal.sealer(), value) {
        (_, None) => Value::Null,
        (None, Some(text)) => Value::Text(text.to_owned()),
        (Some(sealer), Some(text)) => {
            let place = place(table, column, row.as_bytes());
            Value::Blob(sealer.seal(&place, text.as_bytes())?)
        }
    })
}

/// Opens the cells of texts among some rows of a sealed table, from `first` to before `end`. Gives their count,
/// and the column and the place of each that does not open.
pub(crate) fn damaged(
    connection: &Connection,
    seal: &Seal,
    table: &SealedTable,
    first: i64,
    end: i64,
) -> Result<(u64, Vec<(&'static str, i64)>)> {
    let (mut count, mut damaged) = (0, Vec::new());
    let texts = || {
        table
            .columns
            .iter()
            .filter(|column| column.kind != Kind::Bytes)
    };
    let names: Vec<&str> = texts().map(|column| column.name).collect();
    let (Some(sealer), false) = (seal.sealer(), names.is_empty()) else {
        return Ok((count, damaged));
    };
    let sql = format!(
        "select rowid as place, {} as told_by, {} from {PREFIX}{} \
         where rowid >= {first} and rowid < {end}",
        table.row,
        names.join(", "),
        table.name
    );
    let mut belongs_to = Vec::new();
    each_row(connection, &sql, |row| {
        let told_by = row.batch.column_by_name("told_by");
        let Some(rows) = told_by.and_then(|told_by| Rows::of(told_by)) else {
            return;
        };
        for name in &names {
            let Some(cell) = row.bytes(name) else {
                continue;
            };
            count += 1;
            belongs_to.clear();
            belongs_to.extend(place(table.name, name, &[]));
            rows.write(row.row, &mut belongs_to);
            if sealer.open(&belongs_to, cell).is_none() {
                damaged.push((*name, row.long("place").unwrap_or_default()));
            }
        }
    })?;
    Ok((count, damaged))
}

/// The definitions of the views that open sealed tables; nothing without a key.
pub(crate) fn views(seal: &Seal) -> String {
    let mut sql = String::new();
    if !seal.is_on() {
        return sql;
    }
    for table in TABLES {
        let (name, row) = (table.name, table.row);
        let opened: Vec<String> = table
            .columns
            .iter()
            .map(|SealedColumn { name: column, kind }| {
                let function = kind.function();
                format!("{function}({column}, '{name}', '{column}', {row}) as {column}")
            })
            .collect();
        let place = if table.reads_by_place {
            "rowid as rowid, "
        } else {
            ""
        };
        sql.push_str(&format!(
            "create or replace view {name} as select {place}* replace ({}) from {PREFIX}{name};\n",
            opened.join(", ")
        ));
    }
    sql
}

fn table_names(connection: &Connection) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let sql = "select table_name from duckdb_tables() \
               where database_name = current_database() and not temporary";
    each_row(connection, sql, |row| {
        names.extend(row.str("table_name").map(str::to_owned));
    })?;
    Ok(names)
}

/// Makes the tables of a new database sealed ones.
pub(crate) fn begin(connection: &Connection, seal: &Seal) -> Result<()> {
    if !seal.is_on() || check_tables(connection)? {
        return Ok(());
    }
    let mut sql = "begin transaction;\n".to_owned();
    for table in TABLES {
        for column in table.columns {
            if column.kind != Kind::Bytes {
                sql.push_str(&format!(
                    "alter table {0} alter column {1} set data type blob;\n",
                    table.name, column.name
                ));
            }
        }
        sql.push_str(&format!(
            "alter table {0} rename to {PREFIX}{0};\n",
            table.name
        ));
    }
    // Replaying schema changes from the log has failed before.
    sql.push_str("commit; checkpoint;");
    connection.execute_batch(&sql)
}

/// Whether the tables of a database are sealed ones.
pub(crate) fn check_tables(connection: &Connection) -> Result<bool> {
    let names = table_names(connection)?;
    Ok(TABLES
        .iter()
        .any(|table| names.contains(&format!("{PREFIX}{}", table.name))))
}
