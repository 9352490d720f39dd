//! `/sql`: the user's own questions.

use std::time::{Duration, Instant};

use axum::Json;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::ser::{SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};
use store::{Table, UserSql, Value};
use utoipa::ToSchema;

use super::arrow_stream::{self, ARROW_STREAM, TRUNCATED};
use crate::error::{ApiError, ErrorBody};
use crate::extract::ApiJson;
use crate::reach::Whole;
use crate::rows;
use crate::sql;
use crate::user_sql::{
    self, DEFAULT_TIMEOUT, MAX_STREAM_BYTES, MAX_STREAM_ROWS, MAX_TABLE_BYTES, MAX_TABLE_ROWS,
    MAX_TIMEOUT,
};
use crate::value::{AsJson, from_json, write_csv, write_csv_text};

const DEFAULT_ROWS: usize = 1000;
/// Who asks for Arrow goes on working with the result, so it is cut later.
const DEFAULT_ARROW_ROWS: usize = 100_000;

/// One question.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({
    "sql": "select tool_name, count(*) as calls from tool_calls where session_id = ? group by all",
    "params": ["3f6c1f0e-5d0a-4f0b-9a55-0b6f7d6f2c11"],
    "max_rows": 100
}))]
pub(crate) struct SqlRequest {
    /// One SELECT (also FROM, WITH, DESCRIBE, SUMMARIZE, SHOW TABLES, EXPLAIN).
    pub(crate) sql: String,
    /// Values for `?` and `$1` …
    #[serde(default)]
    pub(crate) params: Vec<serde_json::Value>,
    /// At most 100,000, and 1,000 when absent; of Arrow at most 10,000,000, and 100,000 when absent.
    pub(crate) max_rows: Option<usize>,
    /// At most 300,000; 30,000 when absent.
    pub(crate) timeout_ms: Option<u64>,
}

/// The answer. Times are RFC 3339 texts, blobs hex texts, integers beyond 64 bits texts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SqlResult {
    columns: Vec<SqlColumn>,
    #[schema(value_type = Vec<Vec<serde_json::Value>>)]
    #[serde(serialize_with = "write_rows")]
    rows: Vec<Vec<Value>>,
    /// A limit of rows or bytes cut the result.
    truncated: bool,
    elapsed_ms: u64,
}

/// Name and SQL type of a result column.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SqlColumn {
    name: String,
    #[serde(rename = "type")]
    sql_type: String,
}

fn write_rows<S: Serializer>(rows: &[Vec<Value>], serializer: S) -> Result<S::Ok, S::Error> {
    struct Row<'a>(&'a [Value]);
    impl Serialize for Row<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq(self.0.iter().map(AsJson))
        }
    }
    let mut list = serializer.serialize_seq(Some(rows.len()))?;
    for row in rows {
        list.serialize_element(&Row(row))?;
    }
    list.end()
}

/// What the client wants the result as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Csv,
    Arrow,
}

impl Format {
    fn accepted(headers: &HeaderMap) -> Self {
        let accepts = |media_type: &str| {
            headers
                .get_all(ACCEPT)
                .iter()
                .filter_map(|value| value.to_str().ok())
                .any(|accept| accept.contains(media_type))
        };
        if accepts(ARROW_STREAM) {
            Self::Arrow
        } else if accepts("text/csv") {
            Self::Csv
        } else {
            Self::Json
        }
    }
}

impl SqlRequest {
    fn limited(self, format: Format) -> UserSql {
        let timeout = self
            .timeout_ms
            .map_or(DEFAULT_TIMEOUT, Duration::from_millis);
        let (default_rows, max_rows, max_bytes) = match format {
            Format::Arrow => (DEFAULT_ARROW_ROWS, MAX_STREAM_ROWS, MAX_STREAM_BYTES),
            Format::Json | Format::Csv => (DEFAULT_ROWS, MAX_TABLE_ROWS, MAX_TABLE_BYTES),
        };
        UserSql {
            sql: self.sql,
            params: self.params.iter().map(from_json).collect(),
            max_rows: self.max_rows.unwrap_or(default_rows).min(max_rows),
            max_bytes,
            timeout: timeout.min(MAX_TIMEOUT),
        }
    }
}

/// Runs one read-only query over the public relations.
///
/// `Accept: text/csv` gives CSV, `Accept: application/vnd.apache.arrow.stream` a stream of Arrow IPC.
#[utoipa::path(post, path = "/sql", tag = "sql", request_body = SqlRequest,
    responses(
        (status = 200, description = "The rows; of Arrow, as they are made",
            content((SqlResult = "application/json"), (String = "text/csv"),
                (Vec<u8> = "application/vnd.apache.arrow.stream")),
            headers(
                ("x-truncated" = bool, description = "Whether a limit cut the result: a header of \
                    CSV, a trailer of Arrow"),
                ("x-max-rows" = u64, description = "Of Arrow: rows after which it is cut"))),
        (status = 400, body = ErrorBody, description = "code: sql_rejected, sql_error, \
            sql_timeout, sql_memory, sql_cancelled, bad_body"),
        (status = 503, body = ErrorBody, description = "code: sql_busy")))]
pub(crate) async fn run_sql(
    Whole(state): Whole,
    headers: HeaderMap,
    ApiJson(request): ApiJson<SqlRequest>,
) -> Result<Response, ApiError> {
    let format = Format::accepted(&headers);
    let query = request.limited(format);
    if format == Format::Arrow {
        let max_rows = query.max_rows;
        let running = user_sql::stream(&state, query).await?;
        return arrow_stream::response(running, max_rows);
    }
    let started = Instant::now();
    let table = user_sql::table(&state, query).await?;
    if format == Format::Csv {
        let headers = [
            (CONTENT_TYPE, "text/csv; charset=utf-8"),
            (CONTENT_DISPOSITION, "attachment; filename=\"spanreel.csv\""),
            (TRUNCATED, if table.truncated { "true" } else { "false" }),
        ];
        return Ok((headers, csv(&table)).into_response());
    }
    let result = SqlResult {
        columns: table
            .columns
            .into_iter()
            .map(|column| SqlColumn {
                name: column.name,
                sql_type: column.sql_type,
            })
            .collect(),
        rows: table.rows,
        truncated: table.truncated,
        elapsed_ms: started.elapsed().as_millis() as u64,
    };
    Ok(Json(result).into_response())
}

fn csv(table: &Table) -> String {
    let mut out = String::new();
    for (at, column) in table.columns.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_csv_text(&mut out, &column.name);
    }
    out.push_str("\r\n");
    for row in &table.rows {
        for (at, value) in row.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            write_csv(&mut out, value);
        }
        out.push_str("\r\n");
    }
    out
}

/// What SQL can name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SqlSchema {
    relations: Vec<Relation>,
}

/// A view or macro.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Relation {
    name: String,
    /// `view` or `macro`.
    kind: &'static str,
    comment: Option<String>,
    /// Of a macro: its parameters.
    columns: Vec<RelationColumn>,
}

/// A column of a relation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RelationColumn {
    name: String,
    #[serde(rename = "type")]
    sql_type: String,
    comment: Option<String>,
}

/// The public relations and their columns.
#[utoipa::path(get, path = "/sql/schema", tag = "sql",
    responses((status = 200, body = SqlSchema)))]
pub(crate) async fn get_schema(Whole(state): Whole) -> Result<Json<SqlSchema>, ApiError> {
    let (columns, macros) = tokio::try_join!(
        state.read(sql::PUBLIC_COLUMNS, Vec::new()),
        state.read(sql::PUBLIC_MACROS, Vec::new()),
    )?;
    let mut relations: Vec<Relation> = Vec::new();
    for row in rows::rows(&columns) {
        let Some(name) = row.str("relation") else {
            continue;
        };
        if !store::PUBLIC_RELATIONS.contains(&name) {
            continue;
        }
        if relations.last().is_none_or(|last| last.name != name) {
            relations.push(Relation {
                name: name.to_owned(),
                kind: "view",
                comment: row.text("relation_comment"),
                columns: Vec::new(),
            });
        }
        if let Some(last) = relations.last_mut() {
            last.columns.push(RelationColumn {
                name: row.string("name"),
                sql_type: row.string("type"),
                comment: row.text("comment"),
            });
        }
    }
    // In the order in which people need them, which is that of the contract.
    let place = |name: &str| {
        store::PUBLIC_RELATIONS
            .iter()
            .position(|known| *known == name)
    };
    relations.sort_by_key(|relation| place(&relation.name));
    for row in rows::rows(&macros) {
        let name = row.string("name");
        if !store::PUBLIC_MACROS.contains(&name.as_str()) {
            continue;
        }
        relations.push(Relation {
            name,
            kind: "macro",
            comment: row.text("comment"),
            columns: row
                .texts("parameters")
                .into_iter()
                .map(|name| RelationColumn {
                    name,
                    sql_type: "VARCHAR".to_owned(),
                    comment: Some("parameter".to_owned()),
                })
                .collect(),
        });
    }
    Ok(Json(SqlSchema { relations }))
}
