//! A session for spreadsheets: one row for each prompt and each act that counts, in order.

use std::io::Write;

use store::{Store, Value};

use super::acts::{Act, Take, each_act};
use super::{ExportError, Family};
use crate::rows::{self, Named};
use crate::sql;
use crate::value::write_csv;

/// Columns as they are called in the file and in the relations of the SQL contract.
const COLUMNS: &[&str] = &[
    "session_id",
    "turn",
    "started_at",
    "ended_at",
    "duration_ns",
    "operation",
    "name",
    "agent_name",
    "model",
    "tool_name",
    "mcp_server",
    "status",
    "error_message",
    "decision",
    "decision_source",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "cost_usd",
    "input",
    "output",
    "verdict",
    "comment",
    "trace_id",
    "span_id",
    "parent_span_id",
];

/// Writes the entries of `family`. Unless `is_raw`, a text that a spreadsheet would take for a formula
/// is preceded by an apostrophe.
pub(crate) fn write(
    store: &Store,
    family: &Family,
    is_raw: bool,
    out: &mut impl Write,
) -> Result<(), ExportError> {
    write!(out, "{}\r\n", COLUMNS.join(","))?;
    let prompts = store.read(sql::EXPORT_PROMPTS, &[family.param()])?;
    let mut prompts = rows::rows(&prompts).peekable();
    each_act(store, family, Take::CountedWithTexts, &mut |act| {
        let is_before =
            |prompt: &Named<'_>| prompt.time_ns("started_at") <= act.row.time_ns("started_at");
        while let Some(prompt) = prompts.next_if(is_before) {
            write_row(out, is_raw, |name| of_prompt(&prompt, name))?;
        }
        write_row(out, is_raw, |name| of_act(&act, name))
    })?;
    for prompt in prompts {
        write_row(out, is_raw, |name| of_prompt(&prompt, name))?;
    }
    Ok(())
}

fn of_prompt(prompt: &Named<'_>, name: &str) -> Value {
    match name {
        "operation" => Value::Text("prompt".into()),
        "input" => prompt.value("prompt").clone(),
        "session_id" | "turn" | "started_at" => prompt.value(name).clone(),
        _ => Value::Null,
    }
}

fn of_act(act: &Act<'_>, name: &str) -> Value {
    let text = |text: &Option<std::sync::Arc<str>>| text.clone().map_or(Value::Null, Value::Text);
    match name {
        "input" => text(&act.input),
        "output" => text(&act.output),
        _ => act.row.value(name).clone(),
    }
}

fn write_row(
    out: &mut impl Write,
    is_raw: bool,
    value: impl Fn(&str) -> Value,
) -> Result<(), ExportError> {
    let mut line = String::new();
    for (at, name) in COLUMNS.iter().enumerate() {
        if at > 0 {
            line.push(',');
        }
        match value(name) {
            Value::Text(text) if !is_raw && is_formula(&text) => {
                write_csv(&mut line, &Value::Text(format!("'{text}").into()));
            }
            value => write_csv(&mut line, &value),
        }
    }
    line.push_str("\r\n");
    out.write_all(line.as_bytes())?;
    Ok(())
}

/// Whether a spreadsheet would compute a cell with this text.
fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_told() {
        for text in ["=1+1", "+1", "-1", "@sum", "\t=1", "＝1"] {
            assert!(is_formula(text), "{text}");
        }
        for text in ["", "a=1", "{\"a\":1}", " =1"] {
            assert!(!is_formula(text), "{text}");
        }
    }
}
