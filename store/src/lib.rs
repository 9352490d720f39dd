//! The recorder's memory: schema, one writer, many readers, change notices, in one DuckDB file.
//!
//! The only crate that names DuckDB. Knows no OTLP and no HTTP.

mod batch;
mod table;

pub use batch::{
    ActKey, ActState, Batch, Committed, Derived, FindingRow, Notice, SessionRow, TraceRow, TurnRow,
};
pub use table::{Column, Table, Value};
