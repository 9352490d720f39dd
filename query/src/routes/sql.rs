//! `/sql`: the user's own questions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::ser::{SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};
use store::{Cancel, Table, UserSql, UserSqlError, UserSqlErrorKind, Value};
use utoipa::ToSchema;

use crate::error::{ApiError, ErrorBody};
use crate::extract::ApiJson;
use crate::rows;
use crate::sql;
use crate::state::AppState;
use crate::value::{AsJson, from_json, write_csv, write_csv_text};

const DEFAULT_ROWS: usize = 1000;
const MAX_ROWS: usize = 100_000;
const MAX_BYTES: usize = 64 << 20;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_TIMEOUT: Duration = Duration::from_secs(300);

/// One question.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SqlRequest {
    /// One SELECT (also FROM, WITH, DESCRIBE, SUMMARIZE, SHOW TABLES, EXPLAIN).
    sql: String,
    /// Values for `?` and `$1` …
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    params: Vec<serde_json::Value>,
    /// At most 100,000; 1,000 when absent.
    max_rows: Option<usize>,
    /// At most 300,000; 30,000 when absent.
    timeout_ms: Option<u64>,
}

/// The answer. Times are RFC 3339 texts, blobs hex texts, integers beyond 64 bits texts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SqlResult {
    columns: Vec<SqlColumn>,
    #[schema(value_type = Vec<Vec<Object>>)]
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

/// Stops the query when its request is dropped, which happens when the client goes away.
struct CancelOnDrop(Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Runs one read-only query over the public relations. `Accept: text/csv` gives CSV.
#[utoipa::path(post, path = "/sql", tag = "sql", request_body = SqlRequest,
    responses(
        (status = 200, content((SqlResult = "application/json"), (String = "text/csv"))),
        (status = 400, body = ErrorBody,
            description = "code: sql_rejected, sql_error, sql_timeout, sql_memory"),
        (status = 503, body = ErrorBody, description = "code: sql_busy")))]
pub(crate) async fn run_sql(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiJson(request): ApiJson<SqlRequest>,
) -> Result<Response, ApiError> {
    let timeout = request
        .timeout_ms
        .map_or(DEFAULT_TIMEOUT, Duration::from_millis);
    let query = UserSql {
        sql: request.sql,
        params: request.params.iter().map(from_json).collect(),
        max_rows: request.max_rows.unwrap_or(DEFAULT_ROWS).min(MAX_ROWS),
        max_bytes: MAX_BYTES,
        timeout: timeout.min(MAX_TIMEOUT),
    };
    let started = Instant::now();
    let cancel = Cancel::default();
    let guard = CancelOnDrop(cancel.clone());
    let shutdown = state.shutdown.clone();
    let waiting = Arc::clone(&state.user_queries)
        .try_acquire_owned()
        .map_err(|_| busy("too many queries are waiting; try again"))?;
    let store = state.store.clone();
    let running = tokio::task::spawn_blocking(move || {
        let _waiting = waiting;
        store.user_sql(&query, &cancel)
    });
    let outcome = tokio::select! {
        outcome = running => outcome.map_err(|error| ApiError::internal(&error))?,
        () = shutdown.cancelled() => return Err(busy("Spanreel is shutting down")),
    };
    drop(guard);
    let table = outcome.map_err(refused)?;
    let wants_csv = headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/csv"));
    if wants_csv {
        let headers = [
            (CONTENT_TYPE, "text/csv; charset=utf-8"),
            (CONTENT_DISPOSITION, "attachment; filename=\"spanreel.csv\""),
        ];
        let truncated = [(
            "x-truncated",
            if table.truncated { "true" } else { "false" },
        )];
        return Ok((headers, truncated, csv(&table)).into_response());
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

fn busy(message: &str) -> ApiError {
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "sql_busy", message)
}

fn refused(error: UserSqlError) -> ApiError {
    let (status, code) = match error.kind {
        UserSqlErrorKind::Rejected => (StatusCode::BAD_REQUEST, "sql_rejected"),
        UserSqlErrorKind::Error => (StatusCode::BAD_REQUEST, "sql_error"),
        UserSqlErrorKind::Timeout => (StatusCode::BAD_REQUEST, "sql_timeout"),
        UserSqlErrorKind::Memory => (StatusCode::BAD_REQUEST, "sql_memory"),
        UserSqlErrorKind::Cancelled => (StatusCode::BAD_REQUEST, "sql_cancelled"),
        UserSqlErrorKind::Busy => (StatusCode::SERVICE_UNAVAILABLE, "sql_busy"),
    };
    ApiError::new(status, code, error.message).at(error.position)
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
pub(crate) async fn get_schema(State(state): State<AppState>) -> Result<Json<SqlSchema>, ApiError> {
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
