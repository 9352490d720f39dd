//! Inputs and outputs of the acts that `show` prints.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::cli::format;
use crate::cli::output::visible;
use crate::cli::source::Server;
use crate::cli::style::Paint;
use crate::failure::Failure;

/// Spans of one query.
const SPANS_AT_ONCE: usize = 100;

/// Input and output by trace and span id.
#[derive(Default)]
pub(super) struct Payloads(HashMap<(String, String), (Option<String>, Option<String>)>);

impl Payloads {
    /// Reads the texts of all of `places`, a hundred spans at a time; fewer when they are so large that
    /// one answer does not hold them.
    pub(super) async fn read(server: &Server, places: &[(&str, &str)]) -> Result<Self, Failure> {
        let mut payloads = Self::default();
        let mut waiting: Vec<&[(&str, &str)]> = places.chunks(SPANS_AT_ONCE).rev().collect();
        while let Some(chunk) = waiting.pop() {
            let rows = read_chunk(server, chunk).await?;
            if rows.len() < chunk.len() && chunk.len() > 1 {
                let (first, rest) = chunk.split_at(chunk.len() / 2);
                waiting.extend([rest, first]);
                continue;
            }
            for row in rows {
                let text = |at: usize| row.get(at).and_then(Value::as_str).map(str::to_owned);
                let place = (text(0).unwrap_or_default(), text(1).unwrap_or_default());
                payloads.0.insert(place, (text(2), text(3)));
            }
        }
        Ok(payloads)
    }

    /// Prints what is known of an act below its line.
    pub(super) fn print(&self, out: &mut String, place: Option<(&str, &str)>, paint: Paint) {
        let Some((trace, span)) = place else { return };
        let Some((input, output)) = self.0.get(&(trace.to_owned(), span.to_owned())) else {
            return;
        };
        for (name, text) in [("input", input), ("output", output)] {
            let Some(text) = text else { continue };
            let size = format::bytes(text.len() as u64);
            let _ = writeln!(
                out,
                "{}",
                paint.bold(format!("            ┌ {name}, {size}"))
            );
            for line in visible(text).lines() {
                let _ = writeln!(out, "            {} {line}", paint.dim("│"));
            }
        }
    }
}

async fn read_chunk(server: &Server, chunk: &[(&str, &str)]) -> Result<Vec<Vec<Value>>, Failure> {
    let list =
        |of: &dyn Fn(&(&str, &str)) -> String| chunk.iter().map(of).collect::<Vec<_>>().join(",");
    let sql = "select trace_id, span_id, input, output from spans
        where list_contains(string_split(?, ','), span_id)
            and list_contains(string_split(?, ','), trace_id || '/' || span_id)";
    let spans = list(&|(_, span)| (*span).to_owned());
    let places = list(&|(trace, span)| format!("{trace}/{span}"));
    server.rows(sql, json!([spans, places])).await
}
