//! The SQL functions that open cells, for the views of sealed tables alone.
//!
//! | function | gives |
//! |---|---|
//! | `opened_text(cell, table, column, row)` | the text; an error when it does not open |
//! | `opened_json(cell, table, column, row)` | the same as JSON |
//! | `opened_bytes(cell, table, column, row)` | the bytes; null when they do not open |

use duckdb::Connection;
use duckdb::arrow::array::{Array, AsArray};
use duckdb::core::{DataChunkHandle, Inserter, LogicalTypeHandle, LogicalTypeId};
use duckdb::vscalar::{ScalarFunctionSignature, VScalar};
use duckdb::vtab::arrow::{WritableVector, data_chunk_to_arrow};

use super::Seal;
use super::cells::{Rows, place};
use crate::functions::{Failure, kind, texts};

const TEXT: u8 = 0;
const JSON: u8 = 1;
const BYTES: u8 = 2;

/// Opens cells of one kind.
struct Opened<const KIND: u8>;

/// Registers the functions where there is a key.
pub(crate) fn register(connection: &Connection, seal: &Seal) -> duckdb::Result<()> {
    if !seal.is_on() {
        return Ok(());
    }
    connection.register_scalar_function_with_state::<Opened<TEXT>>("opened_text", seal)?;
    connection.register_scalar_function_with_state::<Opened<JSON>>("opened_json", seal)?;
    connection.register_scalar_function_with_state::<Opened<BYTES>>("opened_bytes", seal)
}

impl<const KIND: u8> VScalar for Opened<KIND> {
    type State = Seal;

    fn invoke(
        seal: &Seal,
        input: &mut DataChunkHandle,
        output: &mut dyn WritableVector,
    ) -> Result<(), Failure> {
        let sealer = seal.sealer().ok_or("there is no key")?;
        let batch = data_chunk_to_arrow(input)?;
        let cells = batch.column(0).as_binary::<i32>();
        let (table, column) = (texts(&batch, 1), texts(&batch, 2));
        let rows = Rows::of(batch.column(3)).ok_or("rows cannot be told apart")?;
        let mut belongs_to = Vec::new();
        let mut beginning = 0;
        let mut vector = output.flat_vector();
        for row in 0..batch.num_rows() {
            if cells.is_null(row) {
                vector.set_null(row);
                continue;
            }
            // The names are the same for all rows.
            if beginning == 0 {
                let (table, column) = (table(row), column(row));
                belongs_to = place(table.unwrap_or(""), column.unwrap_or(""), &[]);
                beginning = belongs_to.len();
            }
            belongs_to.truncate(beginning);
            rows.write(row, &mut belongs_to);
            let opened = sealer.open(&belongs_to, cells.value(row));
            match (KIND, &opened) {
                (BYTES, Some(bytes)) => vector.insert(row, &**bytes),
                (BYTES, None) => vector.set_null(row),
                (_, Some(bytes)) => {
                    let text =
                        std::str::from_utf8(bytes).map_err(|_| damaged(&table, &column, row))?;
                    vector.insert(row, text);
                }
                (_, None) => return Err(damaged(&table, &column, row).into()),
            }
        }
        Ok(())
    }

    fn signatures() -> Vec<ScalarFunctionSignature> {
        let result = || match KIND {
            BYTES => kind(LogicalTypeId::Blob),
            _ => {
                let mut text: LogicalTypeHandle = kind(LogicalTypeId::Varchar);
                if KIND == JSON {
                    text.set_alias("JSON");
                }
                text
            }
        };
        [
            LogicalTypeId::Bigint,
            LogicalTypeId::Varchar,
            LogicalTypeId::Blob,
        ]
        .into_iter()
        .map(|row| {
            ScalarFunctionSignature::exact(
                vec![
                    kind(LogicalTypeId::Blob),
                    kind(LogicalTypeId::Varchar),
                    kind(LogicalTypeId::Varchar),
                    kind(row),
                ],
                result(),
            )
        })
        .collect()
    }
}

/// The words by which [`crate::Error::is_damaged_block`] knows it.
pub(crate) const DAMAGED: &str = "Encrypted value is damaged";

fn damaged<'a>(
    table: &impl Fn(usize) -> Option<&'a str>,
    column: &impl Fn(usize) -> Option<&'a str>,
    row: usize,
) -> String {
    format!(
        "{DAMAGED}: one of {} in {} was changed on disk; `spanreel verify` names it",
        column(row).unwrap_or_default(),
        table(row).unwrap_or_default()
    )
}
