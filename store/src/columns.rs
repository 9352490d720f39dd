//! Arrow columns: building them from rows, reading them by name.

use std::sync::Arc;

use duckdb::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Float64Array, Int32Array, Int64Array,
    Int64Builder, ListBuilder, RecordBatch, StringArray, StringBuilder, TimestampNanosecondArray,
    UInt8Array,
};
use duckdb::arrow::datatypes::{
    DataType, Field, Float64Type, Int32Type, Int64Type, Schema, TimestampNanosecondType, UInt8Type,
};
use duckdb::{Connection, Result};

use crate::seal::{self, Seal};

/// Bytes that a text of a row takes as a rule: what is reserved for a column before it is filled.
const TYPICAL_TEXT: usize = 16;

/// A batch under construction, one column after the other.
#[derive(Default)]
pub(crate) struct Columns {
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

impl Columns {
    fn push(&mut self, name: &str, data_type: DataType, array: ArrayRef) {
        self.fields.push(Field::new(name, data_type, true));
        self.arrays.push(array);
    }

    pub(crate) fn text<T: AsRef<str>>(
        &mut self,
        name: &str,
        values: impl Iterator<Item = Option<T>>,
    ) {
        let rows = values.size_hint().0;
        let mut builder = StringBuilder::with_capacity(rows, rows * TYPICAL_TEXT);
        for value in values {
            builder.append_option(value);
        }
        self.push(name, DataType::Utf8, Arc::new(builder.finish()));
    }

    pub(crate) fn long(&mut self, name: &str, values: impl Iterator<Item = Option<i64>>) {
        let array: Int64Array = values.collect();
        self.push(name, DataType::Int64, Arc::new(array));
    }

    pub(crate) fn int(&mut self, name: &str, values: impl Iterator<Item = Option<i32>>) {
        let array: Int32Array = values.collect();
        self.push(name, DataType::Int32, Arc::new(array));
    }

    pub(crate) fn byte(&mut self, name: &str, values: impl Iterator<Item = u8>) {
        let array: UInt8Array = values.map(Some).collect();
        self.push(name, DataType::UInt8, Arc::new(array));
    }

    pub(crate) fn double(&mut self, name: &str, values: impl Iterator<Item = Option<f64>>) {
        let array: Float64Array = values.collect();
        self.push(name, DataType::Float64, Arc::new(array));
    }

    pub(crate) fn flag(&mut self, name: &str, values: impl Iterator<Item = Option<bool>>) {
        let array: BooleanArray = values.collect();
        self.push(name, DataType::Boolean, Arc::new(array));
    }

    /// Unix nanoseconds. The engine takes the extremes for infinity, so they are pulled in by one.
    pub(crate) fn time(&mut self, name: &str, values: impl Iterator<Item = Option<i64>>) {
        let array: TimestampNanosecondArray = values
            .map(|time| time.map(|ns| ns.clamp(i64::MIN + 2, i64::MAX - 1)))
            .collect();
        self.push(name, array.data_type().clone(), Arc::new(array));
    }

    pub(crate) fn bytes<T: AsRef<[u8]>>(
        &mut self,
        name: &str,
        values: impl Iterator<Item = Option<T>>,
    ) {
        let values: Vec<Option<T>> = values.collect();
        let array: BinaryArray = values
            .iter()
            .map(|value| value.as_ref().map(T::as_ref))
            .collect();
        self.push(name, DataType::Binary, Arc::new(array));
    }

    pub(crate) fn texts<T: AsRef<str>>(
        &mut self,
        name: &str,
        values: impl Iterator<Item = Vec<T>>,
    ) {
        let mut builder = ListBuilder::new(StringBuilder::new());
        for list in values {
            for value in list {
                builder.values().append_value(value);
            }
            builder.append(true);
        }
        let array = builder.finish();
        self.push(name, array.data_type().clone(), Arc::new(array));
    }

    pub(crate) fn longs<'a>(&mut self, name: &str, values: impl Iterator<Item = &'a [i64]>) {
        let mut builder = ListBuilder::new(Int64Builder::new());
        for list in values {
            builder.values().append_slice(list);
            builder.append(true);
        }
        let array = builder.finish();
        self.push(name, array.data_type().clone(), Arc::new(array));
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.fields.iter().map(|field| &**field.name()).collect()
    }

    /// Appends the rows to `table` within the connection's transaction. Columns without any value are
    /// left out, which is most of a wide table's: handing over nulls one by one costs more than values.
    pub(crate) fn append_to(self, connection: &Connection, table: &str) -> Result<()> {
        self.append_sealed(connection, &Seal::default(), table)
    }

    /// As [`Self::append_to`], with the cells sealed that are in a sealed table.
    pub(crate) fn append_sealed(
        self,
        connection: &Connection,
        seal: &Seal,
        table: &str,
    ) -> Result<()> {
        let row_count = self.arrays.first().map_or(0, |array| array.len());
        if row_count == 0 {
            return Ok(());
        }
        let (mut fields, mut arrays): (Vec<Field>, Vec<ArrayRef>) = self
            .fields
            .into_iter()
            .zip(self.arrays)
            .filter(|(_, array)| array.null_count() < row_count)
            .unzip();
        seal::seal_columns(seal, table, &mut fields, &mut arrays)
            .map_err(|error| duckdb::Error::ToSqlConversionFailure(Box::new(error)))?;
        let table = seal.table(table);
        let names: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
            .map_err(|error| duckdb::Error::ToSqlConversionFailure(Box::new(error)))?;
        let mut appender = connection.appender_with_columns(&table, &names)?;
        appender.append_record_batch(batch)?;
        appender.flush()
    }
}

/// Reads one row of a batch by column name. A column of another type or a missing one reads as null.
pub(crate) struct RowReader<'a> {
    pub(crate) batch: &'a RecordBatch,
    pub(crate) row: usize,
}

impl<'a> RowReader<'a> {
    fn column(&self, name: &str) -> Option<&'a ArrayRef> {
        self.batch
            .column_by_name(name)
            .filter(|column| !column.is_null(self.row))
    }

    pub(crate) fn str(&self, name: &str) -> Option<&'a str> {
        let strings: &'a StringArray = self.column(name)?.as_string_opt::<i32>()?;
        Some(strings.value(self.row))
    }

    pub(crate) fn text(&self, name: &str) -> Option<Arc<str>> {
        self.str(name).map(Arc::from)
    }

    pub(crate) fn bytes(&self, name: &str) -> Option<&'a [u8]> {
        Some(self.column(name)?.as_binary_opt::<i32>()?.value(self.row))
    }

    pub(crate) fn long(&self, name: &str) -> Option<i64> {
        let column = self.column(name)?;
        Some(column.as_primitive_opt::<Int64Type>()?.value(self.row))
    }

    pub(crate) fn int(&self, name: &str) -> Option<i32> {
        let column = self.column(name)?;
        Some(column.as_primitive_opt::<Int32Type>()?.value(self.row))
    }

    pub(crate) fn byte(&self, name: &str) -> Option<u8> {
        let column = self.column(name)?;
        Some(column.as_primitive_opt::<UInt8Type>()?.value(self.row))
    }

    pub(crate) fn double(&self, name: &str) -> Option<f64> {
        let column = self.column(name)?;
        Some(column.as_primitive_opt::<Float64Type>()?.value(self.row))
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        Some(self.column(name)?.as_boolean_opt()?.value(self.row))
    }

    /// Unix nanoseconds.
    pub(crate) fn time(&self, name: &str) -> Option<i64> {
        let column = self.column(name)?;
        Some(
            column
                .as_primitive_opt::<TimestampNanosecondType>()?
                .value(self.row),
        )
    }

    pub(crate) fn longs(&self, name: &str) -> Option<Vec<i64>> {
        let list = self.column(name)?.as_list_opt::<i32>()?.value(self.row);
        Some(list.as_primitive_opt::<Int64Type>()?.values().to_vec())
    }
}

/// Runs a query and hands each row to `each`.
pub(crate) fn each_row(
    connection: &Connection,
    sql: &str,
    mut each: impl FnMut(RowReader<'_>),
) -> Result<()> {
    let mut statement = connection.prepare(sql)?;
    let _ = statement.stream_arrow([])?;
    while let Some(rows) = statement.step()? {
        let batch = RecordBatch::from(&rows);
        for row in 0..batch.num_rows() {
            each(RowReader { batch: &batch, row });
        }
    }
    Ok(())
}
