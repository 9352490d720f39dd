//! Query parameters and results in plain types, so that nobody else needs to name the engine.

use std::sync::Arc;

/// One value of a parameter or a result.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    /// Integers beyond 64 bits (`hugeint`, large `ubigint`), as decimal text.
    BigInt(String),
    Double(f64),
    Text(Arc<str>),
    Bytes(Vec<u8>),
    /// Nanoseconds since the Unix epoch, UTC. As a parameter outside a comparison, write
    /// `?::timestamp_ns`.
    Timestamp(i64),
    /// As a parameter it is bound as JSON text: `from_json(?, '["varchar"]')`.
    List(Vec<Value>),
    /// Struct fields or map entries in order. As a parameter, JSON text.
    Object(Vec<(String, Value)>),
}

impl Value {
    /// One value of an Arrow array, as query results are read.
    pub fn of_arrow(array: &dyn duckdb::arrow::array::Array, row: usize) -> Self {
        crate::values::value(array, row)
    }
}

/// Name and SQL type of a result column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// As the engine names it: `VARCHAR`, `BIGINT`, `TIMESTAMP_NS`, …
    pub sql_type: String,
}

/// A whole result.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Value>>,
    /// True when a row or byte limit cut the result.
    pub truncated: bool,
}
