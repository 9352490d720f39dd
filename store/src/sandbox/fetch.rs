//! What a checked query is read into: a table of values, or Arrow batches one by one.

use std::ops::ControlFlow;
use std::sync::Arc;

use duckdb::arrow::array::{ArrayRef, RecordBatch, StringArray};
use duckdb::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use duckdb::{Connection, Statement, params_from_iter};

use super::UserSql;
use super::run::Checked;
use crate::{Column, Table, Value, values};

/// Where Arrow batches of a user query go, in order.
pub trait BatchSink {
    /// Before the first batch. `columns` tells the SQL types that the Arrow types stand for.
    fn begin(&mut self, schema: SchemaRef, columns: Vec<Column>) -> ControlFlow<()>;

    /// The next rows. [`ControlFlow::Break`] ends the query.
    fn batch(&mut self, batch: RecordBatch) -> ControlFlow<()>;
}

/// How a streamed query ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEnd {
    /// All rows were handed over.
    Complete,
    /// There are more rows than `max_rows`.
    RowLimit,
    /// The next batch would have gone beyond `max_bytes`.
    ByteLimit,
    /// The sink wanted no more.
    SinkClosed,
}

/// What is known of a query without running it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Names of the parameters, in order; `1`, `2` … for `?`.
    pub parameters: Vec<String>,
    /// Of the result. Absent while parameters have no values, as types may depend on them.
    pub schema: Option<SchemaRef>,
}

/// Reads rows up to the limits of the request.
pub(super) fn table(checked: Checked<'_>, request: &UserSql) -> duckdb::Result<Table> {
    let (connection, text) = match checked {
        Checked::Listing(table) => return Ok(table),
        Checked::Query {
            connection, text, ..
        } => (connection, text),
    };
    let statement = started(connection, text, request)?;
    let mut table = Table {
        columns: values::columns(&statement),
        ..Table::default()
    };
    let mut bytes = 0;
    while let Some(rows) = statement.step()? {
        let batch = RecordBatch::from(&rows);
        for row in 0..batch.num_rows() {
            if table.rows.len() == request.max_rows {
                table.truncated = true;
                return Ok(table);
            }
            let cells: Vec<Value> = batch
                .columns()
                .iter()
                .map(|column| values::value(column.as_ref(), row))
                .collect();
            bytes += cells.iter().map(size_of).sum::<usize>();
            if bytes > request.max_bytes {
                table.truncated = true;
                return Ok(table);
            }
            table.rows.push(cells);
        }
    }
    Ok(table)
}

/// Hands batches to `sink` up to the limits of the request.
pub(super) fn stream(
    checked: Checked<'_>,
    request: &UserSql,
    sink: &mut dyn BatchSink,
) -> duckdb::Result<StreamEnd> {
    let (connection, text) = match checked {
        Checked::Listing(table) => {
            let batch = listing(&table)?;
            let open = sink.begin(batch.schema(), table.columns).is_continue()
                && sink.batch(batch).is_continue();
            return Ok(match open {
                true => StreamEnd::Complete,
                false => StreamEnd::SinkClosed,
            });
        }
        Checked::Query {
            connection, text, ..
        } => (connection, text),
    };
    let statement = started(connection, text, request)?;
    if sink
        .begin(statement.schema(), values::columns(&statement))
        .is_break()
    {
        return Ok(StreamEnd::SinkClosed);
    }
    let (mut rows, mut bytes) = (0, 0);
    while let Some(next) = statement.step()? {
        let mut batch = RecordBatch::from(&next);
        let left = request.max_rows - rows;
        let is_last = batch.num_rows() > left;
        if is_last {
            batch = batch.slice(0, left);
        }
        bytes += batch.get_array_memory_size();
        if bytes > request.max_bytes {
            return Ok(StreamEnd::ByteLimit);
        }
        rows += batch.num_rows();
        if batch.num_rows() > 0 && sink.batch(batch).is_break() {
            return Ok(StreamEnd::SinkClosed);
        }
        if is_last {
            return Ok(StreamEnd::RowLimit);
        }
    }
    Ok(StreamEnd::Complete)
}

/// Parameters and result types of a query, of which no row is made.
pub(super) fn describe(checked: Checked<'_>, request: &UserSql) -> duckdb::Result<Described> {
    let (connection, text, explained) = match checked {
        Checked::Listing(table) => {
            return Ok(Described {
                parameters: Vec::new(),
                schema: Some(listing(&table)?.schema()),
            });
        }
        Checked::Query {
            connection,
            text,
            explained,
        } => (connection, text, explained),
    };
    let statement = connection.prepare(text)?;
    let parameters = (1..=statement.parameter_count())
        .map(|place| statement.parameter_name(place))
        .collect::<duckdb::Result<Vec<_>>>()?;
    drop(statement);
    if parameters.len() > request.params.len() {
        return Ok(Described {
            parameters,
            schema: None,
        });
    }
    // The query was checked as one whole statement, so it cannot reach beyond the brackets.
    let query = explained.query.trim_end().trim_end_matches(';');
    let empty = format!("select * from (\n{query}\n) limit 0");
    let described = match explained.prefix {
        "" => started(connection, &empty, request),
        _ => started(connection, text, request),
    };
    // What stands in no brackets, a semicolon before a comment for one, is begun instead.
    let statement = described.or_else(|_| started(connection, text, request))?;
    Ok(Described {
        parameters,
        schema: Some(statement.schema()),
    })
}

fn started<'c>(
    connection: &'c Connection,
    text: &str,
    request: &UserSql,
) -> duckdb::Result<Statement<'c>> {
    let mut statement = connection.prepare(text)?;
    let params = request.params.iter().map(values::bound);
    let _ = statement.stream_arrow(params_from_iter(params))?;
    Ok(statement)
}

/// A table of texts as one batch.
fn listing(table: &Table) -> duckdb::Result<RecordBatch> {
    let fields = table
        .columns
        .iter()
        .map(|column| Field::new(&column.name, DataType::Utf8, true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let columns = (0..table.columns.len()).map(|at| {
        let texts = table.rows.iter().map(|row| match row.get(at) {
            Some(Value::Text(text)) => Some(text.as_ref()),
            _ => None,
        });
        Arc::new(StringArray::from_iter(texts)) as ArrayRef
    });
    RecordBatch::try_new(schema, columns.collect())
        .map_err(|error| duckdb::Error::ToSqlConversionFailure(Box::new(error)))
}

/// About the bytes that a value takes when it is written.
fn size_of(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len() + 2,
        Value::BigInt(text) => text.len() + 2,
        Value::Bytes(bytes) => bytes.len() * 2 + 2,
        Value::List(items) => 2 + items.iter().map(size_of).sum::<usize>(),
        Value::Object(fields) => {
            2 + fields
                .iter()
                .map(|(name, value)| name.len() + 3 + size_of(value))
                .sum::<usize>()
        }
        _ => 8,
    }
}
