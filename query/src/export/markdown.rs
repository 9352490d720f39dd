//! A session for people: a transcript in Markdown, texts whole, in fences that no text can close.

use std::io::Write;

use serde_json::Value as Json;
use store::Store;

use super::acts::{Act, Take, each_act};
use super::{ExportError, Family};
use crate::routes::messages;
use crate::rows::{self, Named};
use crate::sql;

/// Writes the transcript of `family`, whose first session is the one that was asked for.
pub(crate) fn write(
    store: &Store,
    family: &Family,
    out: &mut impl Write,
) -> Result<(), ExportError> {
    let sessions = store.read(sql::EXPORT_SESSIONS, &[family.param()])?;
    for (at, row) in rows::rows(&sessions).enumerate() {
        write_session(out, &row, at == 0)?;
    }
    let marks = store.read(sql::EXPORT_ANNOTATIONS, &[family.param()])?;
    write_annotations(out, &mut rows::rows(&marks))?;
    let checkpoints = store.read(sql::EXPORT_CHECKPOINTS, &[family.param()])?;
    for row in rows::rows(&checkpoints) {
        let at = row.time("time").unwrap_or_default();
        writeln!(out, "- checkpoint {}: {at}", inline(&row.string("name")))?;
    }
    let prompts = store.read(sql::EXPORT_PROMPTS, &[family.param()])?;
    let mut prompts = rows::rows(&prompts).peekable();
    let started_ns = rows::rows(&sessions)
        .next()
        .and_then(|row| row.time_ns("started_at"));
    each_act(store, family, Take::CountedWithTexts, &mut |act| {
        let is_before =
            |prompt: &Named<'_>| prompt.time_ns("started_at") <= act.row.time_ns("started_at");
        while let Some(prompt) = prompts.next_if(is_before) {
            write_prompt(out, &prompt)?;
        }
        write_act(out, &act, started_ns.unwrap_or(0))
    })?;
    for prompt in prompts {
        write_prompt(out, &prompt)?;
    }
    Ok(())
}

fn write_session(out: &mut impl Write, row: &Named<'_>, is_first: bool) -> Result<(), ExportError> {
    let title = row.str("title").unwrap_or("Session without a title");
    let level = if is_first { "#" } else { "\n## Started by it:" };
    writeln!(out, "{level} {}\n", inline(title))?;
    for (label, name) in [
        ("session", "session_id"),
        ("harness", "harness"),
        ("project", "project"),
        ("branch", "branch"),
        ("status", "status"),
    ] {
        if let Some(text) = row.str(name) {
            writeln!(out, "- {label}: {}", inline(text))?;
        }
    }
    writeln!(
        out,
        "- started: {}, {:.1} s",
        row.time("started_at").unwrap_or_default(),
        row.count("duration_ns") as f64 / 1e9
    )?;
    writeln!(
        out,
        "- {} turns, {} model requests, {} tool calls, {} errors, {} denied",
        row.count("turn_count"),
        row.count("model_request_count"),
        row.count("tool_call_count"),
        row.count("error_count"),
        row.count("denied_count")
    )?;
    let (input, output) = (row.count("input_tokens"), row.count("output_tokens"));
    write!(out, "- {input} tokens in, {output} out")?;
    match row.double("cost_usd") {
        Some(cost) => writeln!(out, ", ${cost:.4}")?,
        None => writeln!(out)?,
    }
    let tags = row.texts("tags");
    if !tags.is_empty() {
        writeln!(out, "- tags: {}", inline(&tags.join(", ")))?;
    }
    Ok(())
}

fn write_annotations<'a>(
    out: &mut impl Write,
    marks: &mut dyn Iterator<Item = Named<'a>>,
) -> Result<(), ExportError> {
    for row in marks {
        let place = match (row.int("turn"), row.str("span_id")) {
            (_, Some(span_id)) => format!(" on span {span_id}"),
            (Some(turn), None) => format!(" on turn {turn}"),
            (None, None) => String::new(),
        };
        let verdict = row.str("verdict").unwrap_or("note");
        let author = row.str("author").unwrap_or("somebody");
        writeln!(out, "- {verdict}{place}, by {}", inline(author))?;
        if let Some(comment) = row.str("comment") {
            writeln!(out)?;
            fence(out, comment)?;
        }
    }
    Ok(())
}

fn write_prompt(out: &mut impl Write, prompt: &Named<'_>) -> Result<(), ExportError> {
    writeln!(out, "\n## Turn {}\n", prompt.count("turn"))?;
    if let Some(text) = prompt.str("prompt") {
        fence(out, text)?;
    }
    Ok(())
}

fn write_act(out: &mut impl Write, act: &Act<'_>, started_ns: i64) -> Result<(), ExportError> {
    let row = &act.row;
    let operation = row.str("operation").unwrap_or_default();
    if matches!(operation, "session" | "turn" | "internal") {
        return Ok(());
    }
    let what = row
        .str("tool_name")
        .or_else(|| row.str("model"))
        .or_else(|| row.str("agent_name"))
        .or_else(|| row.str("name"))
        .unwrap_or_default();
    let offset = row.time_ns("started_at").unwrap_or(0) - started_ns;
    let seconds = offset.max(0) / 1_000_000_000;
    let (minutes, rest) = (seconds / 60, seconds % 60);
    write!(
        out,
        "\n### [{minutes}:{rest:02}] {operation} {}",
        inline(what)
    )?;
    if row.str("status") == Some("error") {
        write!(out, " (failed)")?;
    }
    if let Some(decision) = row.str("decision").filter(|word| *word != "allow") {
        write!(out, " ({decision})")?;
    }
    writeln!(out, "\n")?;
    if operation == "model" {
        if let Some(text) = &act.output {
            write_answer(out, text)?;
        }
    } else {
        for (label, text) in [("given", &act.input), ("result", &act.output)] {
            if let Some(text) = text {
                writeln!(out, "{label}:\n")?;
                fence(out, text)?;
            }
        }
    }
    if let Some(message) = row.str("error_message") {
        writeln!(out, "error:\n")?;
        fence(out, message)?;
    }
    Ok(())
}

/// The answer to a model request: what was said, and which calls it asks for.
fn write_answer(out: &mut impl Write, text: &str) -> Result<(), ExportError> {
    let Some(messages) = messages::parse(text) else {
        return fence(out, text);
    };
    let parts = messages.iter().flat_map(|message| {
        let parts = message.get("parts").and_then(Json::as_array);
        parts.map_or(&[][..], Vec::as_slice)
    });
    for part in parts {
        let content = part.get("content").and_then(Json::as_str);
        let name = part.get("name").and_then(Json::as_str).unwrap_or("a tool");
        match (part.get("type").and_then(Json::as_str), content) {
            (Some("text"), Some(content)) => fence(out, content)?,
            (Some("reasoning"), Some(content)) => {
                writeln!(out, "thinking:\n")?;
                fence(out, content)?;
            }
            (Some("tool_call"), _) => writeln!(out, "- calls {}", inline(name))?,
            _ => fence(out, &part.to_string())?,
        }
    }
    Ok(())
}

/// A text as it is: what it says in Markdown or HTML stays words.
fn fence(out: &mut impl Write, text: &str) -> Result<(), ExportError> {
    let marks = "`".repeat(longest_run(text).max(2) + 1);
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    write!(out, "{marks}text\n{text}{newline}{marks}\n\n")?;
    Ok(())
}

/// The longest run of backticks.
fn longest_run(text: &str) -> usize {
    let (mut longest, mut run) = (0, 0);
    for byte in text.bytes() {
        run = if byte == b'`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// A short text as code in one line.
fn inline(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        return text;
    }
    let marks = "`".repeat(longest_run(&text) + 1);
    let space = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{marks}{space}{text}{space}{marks}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_closes_its_fence() {
        for text in ["plain", "```\nrm\n```", "`````", "a ` b", ""] {
            let mut out = Vec::new();
            fence(&mut out, text).unwrap();
            let out = String::from_utf8(out).unwrap();
            let (mark, rest) = out.split_once("text\n").unwrap();
            assert!(mark.len() > longest_run(text), "{out}");
            assert_eq!(rest.matches(mark).count(), 1, "{out}");
        }
    }

    #[test]
    fn names_are_words() {
        assert_eq!(inline("a\n# b"), "`a # b`");
        assert_eq!(inline("`x`"), "`` `x` ``");
    }
}
