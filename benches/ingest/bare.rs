//! What the spans cost without Spanreel: decoding them, and appending them to DuckDB.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use duckdb::Connection;
use duckdb::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use prost::Message;
use proto::otlp::collector::trace::v1::ExportTraceServiceRequest;
use proto::otlp::common::v1::any_value::Value;
use proto::otlp::trace::v1::Span;
use store::{EncryptionKey, Purpose};

/// Requests per transaction: what the loader's groups come to under load.
const BATCHES_PER_TRANSACTION: usize = 16;

/// Decodes everything by prost alone.
pub(crate) fn decode(batches: &[Bytes]) -> Duration {
    let begun = Instant::now();
    for batch in batches {
        std::hint::black_box(ExportTraceServiceRequest::decode(&batch[..]).unwrap());
    }
    begun.elapsed()
}

/// Encrypts everything by 16 KiB, as pieces are encrypted, and opens it again.
#[allow(dead_code)]
pub(crate) fn seal(batches: &[Bytes]) -> Duration {
    let key = EncryptionKey::draw().unwrap();
    let sealer = key.sealer(Purpose::Store).unwrap();
    let begun = Instant::now();
    for piece in batches.iter().flat_map(|batch| batch.chunks(16 << 10)) {
        let sealed = sealer.seal(b"piece", piece).unwrap();
        std::hint::black_box(sealer.open(b"piece", &sealed).unwrap());
    }
    begun.elapsed()
}

/// Appends everything to one table by Arrow and commits; making the Arrow batches is not counted.
pub(crate) fn append(batches: &[Bytes]) -> Duration {
    let folder = tempfile::tempdir().unwrap();
    let connection = Connection::open(folder.path().join("bare.duckdb")).unwrap();
    connection
        .execute_batch(
            "create table span (trace_id varchar, span_id varchar, parent_span_id varchar, \
             name varchar, kind bigint, started_at bigint, ended_at bigint, status bigint, \
             session_id varchar, attributes varchar)",
        )
        .unwrap();
    let rows: Vec<RecordBatch> = batches.iter().map(|batch| record_batch(batch)).collect();
    let begun = Instant::now();
    for group in rows.chunks(BATCHES_PER_TRANSACTION) {
        connection.execute_batch("begin transaction").unwrap();
        let mut appender = connection.appender("span").unwrap();
        for rows in group {
            appender.append_record_batch(rows.clone()).unwrap();
        }
        appender.flush().unwrap();
        drop(appender);
        connection.execute_batch("commit").unwrap();
    }
    begun.elapsed()
}

/// Tables that hold what the spans became.
const TABLES: [&str; 7] = [
    "resource", "span", "payload", "piece", "session", "turn", "trace",
];

/// Appends the rows that Spanreel stored in `file` to an empty database of the same schema and
/// settings, in as many transactions as the loader takes; reading the rows is not counted.
#[allow(dead_code)]
pub(crate) fn append_stored(file: &Path, transactions: usize) -> Duration {
    let from = Connection::open(file).unwrap();
    let rows = TABLES.map(|table| {
        let mut statement = from.prepare(&format!("select * from {table}")).unwrap();
        let rows: Vec<RecordBatch> = statement.query_arrow([]).unwrap().collect();
        rows
    });
    let folder = tempfile::tempdir().unwrap();
    let config = duckdb::Config::default()
        .with("storage_compatibility_version", "latest")
        .and_then(|config| config.with("wal_autocheckpoint", "96MB"))
        .unwrap();
    let path = folder.path().join("bare.duckdb");
    let to = Connection::open_with_flags(path, config).unwrap();
    to.execute_batch(include_str!("../../store/migrations/0001_schema.sql"))
        .unwrap();
    let begun = Instant::now();
    for n in 0..transactions {
        to.execute_batch("begin transaction").unwrap();
        for (table, rows) in TABLES.iter().zip(&rows) {
            let at = |n: usize| rows.len() * n / transactions;
            let mut appender = to.appender(table).unwrap();
            for rows in &rows[at(n)..at(n + 1)] {
                appender.append_record_batch(rows.clone()).unwrap();
            }
            appender.flush().unwrap();
        }
        to.execute_batch("commit").unwrap();
    }
    begun.elapsed()
}

fn record_batch(bytes: &[u8]) -> RecordBatch {
    let request = ExportTraceServiceRequest::decode(bytes).unwrap();
    let spans = &request.resource_spans[0].scope_spans[0].spans;
    let text = |of: &dyn Fn(&Span) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(spans.iter().map(of)))
    };
    let number = |of: &dyn Fn(&Span) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(spans.iter().map(of)))
    };
    RecordBatch::try_from_iter([
        ("trace_id", text(&|span| hex(&span.trace_id))),
        ("span_id", text(&|span| hex(&span.span_id))),
        ("parent_span_id", text(&|span| hex(&span.parent_span_id))),
        ("name", text(&|span| span.name.clone())),
        ("kind", number(&|span| span.kind.into())),
        (
            "started_at",
            number(&|span| span.start_time_unix_nano as i64),
        ),
        ("ended_at", number(&|span| span.end_time_unix_nano as i64)),
        (
            "status",
            number(&|span| span.status.as_ref().map_or(0, |s| s.code.into())),
        ),
        (
            "session_id",
            text(&|span| attributes(span)["session.id"].as_str().unwrap().to_owned()),
        ),
        ("attributes", text(&|span| attributes(span).to_string())),
    ])
    .unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attributes(span: &Span) -> serde_json::Value {
    let pairs = span.attributes.iter().map(|pair| {
        let value = match pair.value.as_ref().and_then(|any| any.value.as_ref()) {
            Some(Value::StringValue(text)) => text.as_str().into(),
            Some(Value::IntValue(int)) => (*int).into(),
            other => panic!("unexpected value {other:?}"),
        };
        (pair.key.clone(), value)
    });
    serde_json::Value::Object(pairs.collect())
}
