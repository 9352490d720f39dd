//! `query_sql`.

use rmcp::handler::server::wrapper::Parameters;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::Mcp;
use crate::mcp::answer::{Budget, Refused, Said, clip, size_of};
use crate::mcp::ask::Question;
use crate::recorded::NOTICE;

/// Rows that are looked at behind the offset.
const MAX_ROWS: usize = 2_000;
/// The last row that can be asked for.
const MAX_OFFSET: usize = 90_000;
/// Bytes of a text that are shown when nobody says otherwise.
const VALUE_BYTES: usize = 1_000;
/// What the object takes without its rows, columns aside.
const FRAME_TOKENS: usize = 140;

/// Arguments of `query_sql`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SqlArgs {
    /// One SELECT (or FROM, WITH, DESCRIBE, SUMMARIZE, SHOW TABLES, EXPLAIN) in DuckDB's dialect.
    sql: String,
    /// Values for ? or $1, $2 …
    #[serde(default)]
    params: Vec<Json>,
    /// Rows to skip; next_offset of the answer before. Needs an ORDER BY to be of use. 0 when absent.
    #[serde(default)]
    offset: usize,
    /// Bytes of each text that are shown, 20 to 100000; 1000 when absent.
    max_value_bytes: Option<usize>,
    /// Most tokens of the answer, 500 to 20000; 4000 when absent.
    budget_tokens: Option<usize>,
}

/// Rows of a result.
#[derive(Debug, Serialize, JsonSchema)]
struct SqlPage {
    notice: &'static str,
    columns: Vec<SqlColumn>,
    rows: Vec<Vec<Json>>,
    /// Asks for the rows behind these; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_offset: Option<usize>,
    elapsed_ms: u64,
}

/// A column of a result.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
struct SqlColumn {
    name: String,
    #[serde(rename = "type")]
    sql_type: String,
}

/// What the API answers.
#[derive(Debug, Deserialize)]
struct SqlAnswer {
    columns: Vec<SqlColumn>,
    rows: Vec<Vec<Json>>,
    truncated: bool,
    elapsed_ms: u64,
}

#[tool_router(router = sql_router, vis = "pub(super)")]
impl Mcp {
    #[tool(
        name = "query_sql",
        description = "Runs one read-only SQL query (DuckDB) over everything recorded. Relations: sessions, spans, turns, messages, events, findings, annotations, metrics; tool_calls, model_requests, hook_fires, denials; session_tree(id), loops(id), transcript(id). The resource spanreel://sql/schema, or DESCRIBE spans, lists the columns. Times are UTC, durations are _ns. Aggregate and filter in SQL; select input or output only of few rows (they hold whole payloads). Long texts are cut to max_value_bytes; next_offset asks for more rows.",
        output_schema = rmcp::handler::server::tool::schema_for_output::<SqlPage>()
    )]
    async fn query_sql(&self, Parameters(args): Parameters<SqlArgs>) -> Result<Said, Refused> {
        let budget = Budget::of(args.budget_tokens)?;
        if args.offset > MAX_OFFSET {
            return Err(Refused(format!(
                "offset is at most {MAX_OFFSET}: narrow the query instead"
            )));
        }
        let value_bytes = args
            .max_value_bytes
            .unwrap_or(VALUE_BYTES)
            .clamp(20, 100_000);
        let question = Question {
            path: "/sql".to_owned(),
            body: Some(json!({
                "sql": args.sql,
                "params": args.params,
                "max_rows": args.offset + MAX_ROWS,
            })),
            range: None,
        };
        let answer: SqlAnswer = self.json(question).await?;
        let mut page = SqlPage {
            notice: NOTICE,
            columns: answer.columns,
            rows: Vec::new(),
            next_offset: None,
            elapsed_ms: answer.elapsed_ms,
        };
        let frame = FRAME_TOKENS + size_of(&page.columns);
        let mut left = budget.tokens().saturating_sub(frame);
        let count = answer.rows.len();
        for (at, mut row) in answer.rows.into_iter().enumerate().skip(args.offset) {
            if page.rows.is_empty() {
                row = shrunk(row, value_bytes, left)?;
            } else {
                row.iter_mut().for_each(|value| clip(value, value_bytes));
            }
            let size = size_of(&row) + 1;
            if size > left {
                page.next_offset = Some(at);
                break;
            }
            left -= size;
            page.rows.push(row);
        }
        if page.next_offset.is_none() && answer.truncated {
            page.next_offset = Some(count);
        }
        Said::object(&page, budget)
    }
}

/// The first row with its texts cut to `value_bytes`, or to less where it would not fit by itself.
fn shrunk(row: Vec<Json>, value_bytes: usize, tokens: usize) -> Result<Vec<Json>, Refused> {
    let smaller = [1_000, 300, 100, 40];
    let tried = smaller.into_iter().filter(|bytes| *bytes < value_bytes);
    for bytes in [value_bytes].into_iter().chain(tried) {
        let mut row = row.clone();
        row.iter_mut().for_each(|value| clip(value, bytes));
        if size_of(&row) < tokens {
            return Ok(row);
        }
    }
    Err(Refused(
        "one row takes more than budget_tokens: select fewer columns, or raise the budget"
            .to_owned(),
    ))
}
