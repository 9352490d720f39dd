//! Reading large results of our own queries without making a value of every cell.

use duckdb::arrow::array::{
    Array, AsArray, BinaryArray, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray,
};
use duckdb::arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type};

use crate::{Error, Store, Value, values};

/// One row, its cells by position. A cell of another type than asked for reads as absent.
pub struct Row<'a> {
    columns: &'a [Cells<'a>],
    row: usize,
}

enum Cells<'a> {
    Text(&'a StringArray),
    Int(&'a Int32Array),
    Long(&'a Int64Array),
    Double(&'a Float64Array),
    Flag(&'a BooleanArray),
    Bytes(&'a BinaryArray),
    Other,
}

impl<'a> Cells<'a> {
    fn of(array: &'a dyn Array) -> Self {
        match array.data_type() {
            DataType::Utf8 => Self::Text(array.as_string()),
            DataType::Int32 => Self::Int(array.as_primitive::<Int32Type>()),
            DataType::Int64 => Self::Long(array.as_primitive::<Int64Type>()),
            DataType::Float64 => Self::Double(array.as_primitive::<Float64Type>()),
            DataType::Boolean => Self::Flag(array.as_boolean()),
            DataType::Binary => Self::Bytes(array.as_binary()),
            _ => Self::Other,
        }
    }
}

impl<'a> Row<'a> {
    /// `VARCHAR`.
    pub fn text(&self, column: usize) -> Option<&'a str> {
        match self.columns.get(column)? {
            Cells::Text(array) => array.is_valid(self.row).then(|| array.value(self.row)),
            _ => None,
        }
    }

    /// `INTEGER` or `BIGINT`.
    pub fn int(&self, column: usize) -> Option<i64> {
        match self.columns.get(column)? {
            Cells::Int(array) => array
                .is_valid(self.row)
                .then(|| i64::from(array.value(self.row))),
            Cells::Long(array) => array.is_valid(self.row).then(|| array.value(self.row)),
            _ => None,
        }
    }

    /// `DOUBLE`.
    pub fn double(&self, column: usize) -> Option<f64> {
        match self.columns.get(column)? {
            Cells::Double(array) => array.is_valid(self.row).then(|| array.value(self.row)),
            _ => None,
        }
    }

    /// `BOOLEAN`.
    pub fn flag(&self, column: usize) -> Option<bool> {
        match self.columns.get(column)? {
            Cells::Flag(array) => array.is_valid(self.row).then(|| array.value(self.row)),
            _ => None,
        }
    }

    /// `BLOB`.
    pub fn bytes(&self, column: usize) -> Option<&'a [u8]> {
        match self.columns.get(column)? {
            Cells::Bytes(array) => array.is_valid(self.row).then(|| array.value(self.row)),
            _ => None,
        }
    }
}

impl Store {
    /// Runs one query of our own, as [`Store::read`], and hands each row to `each` without copying
    /// it.
    ///
    /// # Errors
    /// [`Error::Query`] with what the engine says.
    pub fn scan(
        &self,
        sql: &str,
        params: &[Value],
        each: &mut dyn FnMut(&Row<'_>),
    ) -> Result<(), Error> {
        // Kept whole until the query has succeeded, so that a repeated attempt repeats no row.
        let batches = self.with_reader(|connection| {
            let mut statement = connection.prepare(sql)?;
            let _ = statement
                .query_arrow(duckdb::params_from_iter(params.iter().map(values::bound)))?;
            let mut batches = Vec::new();
            while let Some(rows) = statement.step()? {
                batches.push(RecordBatch::from(&rows));
            }
            Ok(batches)
        })?;
        for batch in &batches {
            let columns: Vec<Cells<'_>> = batch
                .columns()
                .iter()
                .map(|column| Cells::of(column.as_ref()))
                .collect();
            for row in 0..batch.num_rows() {
                each(&Row {
                    columns: &columns,
                    row,
                });
            }
        }
        Ok(())
    }
}
