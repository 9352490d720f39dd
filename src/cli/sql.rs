//! `spanreel sql`.

use std::io::Read as _;
use std::time::Duration;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::console;
use super::output::{self, Heading};
use super::queries;
use super::source::{Api, Refusal, Server, percent_encoded};
use crate::args::{Format, SqlArgs};
use crate::failure::Failure;

/// What the API answers to a query.
#[derive(Deserialize)]
struct QueryResult {
    columns: Vec<Column>,
    rows: Vec<Vec<Value>>,
    truncated: bool,
}

#[derive(Deserialize)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    sql_type: String,
}

/// How a query is run and its result printed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) format: Format,
    max_rows: u32,
    timeout_s: u64,
}

impl Settings {
    pub(super) fn of(args: &SqlArgs) -> Self {
        Self {
            format: if args.json { Format::Json } else { args.format },
            max_rows: args.max_rows,
            timeout_s: args.timeout,
        }
    }
}

/// What became of an answer.
pub(super) enum Answer {
    Printed,
    /// The reader of standard output has gone away.
    NobodyReads,
}

pub(super) async fn run(args: SqlArgs) -> Result<(), Failure> {
    if args.queries || args.saved.is_some() {
        return saved(&args).await;
    }
    let sql = match args.query.as_deref() {
        None => return console::run(&args).await,
        Some("-") => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .context("cannot read the query from standard input")?;
            text
        }
        Some(query) => query.to_owned(),
    };
    let api = Api::open(&args.source).await?;
    let outcome = ask(&api, &sql, Settings::of(&args)).await;
    api.close().await?;
    outcome.map(|_| ())
}

/// Lists the saved queries, or runs one.
async fn saved(args: &SqlArgs) -> Result<(), Failure> {
    let parameters = queries::parameters(&args.param)?;
    let api = Api::open(&args.source).await?;
    let outcome = match &args.saved {
        None => queries::list(&api, args.json).await,
        Some(name) => {
            let path = format!("/queries/{}", percent_encoded(name));
            let body = json!({ "params": parameters });
            ask_at(&api, &path, body, "", Settings::of(args))
                .await
                .map(|_| ())
        }
    };
    api.close().await?;
    outcome
}

/// Runs a query and prints its result.
pub(super) async fn ask(server: &Server, sql: &str, settings: Settings) -> Result<Answer, Failure> {
    ask_at(
        server,
        "/sql",
        json!({"sql": sql, "params": []}),
        sql,
        settings,
    )
    .await
}

/// Asks the API and prints the rows that it answers.
async fn ask_at(
    server: &Server,
    path: &str,
    mut body: Value,
    sql: &str,
    settings: Settings,
) -> Result<Answer, Failure> {
    body["max_rows"] = settings.max_rows.into();
    body["timeout_ms"] = (settings.timeout_s * 1_000).into();
    let accept = if settings.format == Format::Csv {
        "text/csv"
    } else {
        "application/json"
    };
    // The server ends the query in time; the rest is for the answer's way.
    let patience = Duration::from_secs(settings.timeout_s + 30);
    let response = server
        .post(path, &body, accept, patience)
        .await?
        .map_err(|refusal| explained(sql, refusal))?;
    if settings.format == Format::Csv {
        let csv = response
            .text()
            .await
            .context("cannot read the server's answer")?;
        // A file gets every byte; a terminal none that it would obey.
        return print(&if output::is_terminal() {
            output::visible(&csv)
        } else {
            csv
        });
    }
    let result: QueryResult = response
        .json()
        .await
        .context("cannot read the server's answer")?;
    let answer = match settings.format {
        Format::Json => print(&format!("{}\n", output::indented_json(&objects(&result))?))?,
        Format::Table | Format::Csv => print(&format!("{}\n", table(&result)))?,
    };
    if result.truncated {
        output::note(&format!(
            "these are the first {} rows; --max-rows gives more",
            result.rows.len()
        ));
    }
    Ok(answer)
}

fn print(text: &str) -> Result<Answer, Failure> {
    Ok(match output::print_at_once(text)? {
        true => Answer::Printed,
        false => Answer::NobodyReads,
    })
}

/// The message, and the line of the query with a mark where the message points to.
fn explained(sql: &str, refusal: Refusal) -> Failure {
    let Some(position) = refusal.position else {
        return refusal.into_failure();
    };
    let before: String = sql.chars().take(position).collect();
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let line = sql[line_start..].lines().next().unwrap_or_default();
    let column = before[line_start..].chars().count();
    Failure::Usage(format!(
        "{}\n  {}\n  {}^",
        refusal.message,
        output::visible(line),
        " ".repeat(column)
    ))
}

fn table(result: &QueryResult) -> String {
    let headings: Vec<Heading> = result
        .columns
        .iter()
        .map(|column| Heading {
            name: column.name.clone(),
            is_number: is_number(&column.sql_type),
        })
        .collect();
    let rows = result
        .rows
        .iter()
        .map(|row| row.iter().map(cell).collect())
        .collect();
    let count = result.rows.len();
    format!(
        "{}\n{count} row{}",
        output::table(&headings, rows),
        if count == 1 { "" } else { "s" }
    )
}

fn is_number(sql_type: &str) -> bool {
    const NUMBERS: [&str; 12] = [
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "UBIGINT",
        "UHUGEINT",
        "FLOAT",
        "DOUBLE",
    ];
    NUMBERS.contains(&sql_type) || sql_type.starts_with("DECIMAL")
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// One object per row. A name that comes twice gets a number from the second time on, so that no value
/// is lost.
fn objects(result: &QueryResult) -> Value {
    let mut names: Vec<String> = Vec::new();
    for column in &result.columns {
        let mut name = column.name.clone();
        let mut number = 2;
        while names.contains(&name) {
            name = format!("{}_{number}", column.name);
            number += 1;
        }
        names.push(name);
    }
    let object = |row: &Vec<Value>| {
        names
            .iter()
            .cloned()
            .zip(row.iter().cloned())
            .collect::<Map<_, _>>()
    };
    result
        .rows
        .iter()
        .map(|row| Value::Object(object(row)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(names: &[&str], rows: Value) -> QueryResult {
        QueryResult {
            columns: names
                .iter()
                .map(|name| Column {
                    name: (*name).to_owned(),
                    sql_type: "VARCHAR".to_owned(),
                })
                .collect(),
            rows: serde_json::from_value(rows).unwrap(),
            truncated: false,
        }
    }

    #[test]
    fn json_has_an_object_per_row_and_loses_no_column() {
        let objects = objects(&result(&["a", "b", "a"], json!([[1, null, "x"]])));
        assert_eq!(objects, json!([{"a": 1, "b": null, "a_2": "x"}]));
    }

    #[test]
    fn a_table_counts_its_rows() {
        let text = table(&result(&["a"], json!([["x"], [null]])));
        assert!(
            text.contains("NULL") && text.ends_with("\n2 rows"),
            "{text}"
        );
    }
}
