//! One span in full: facts, input, output, attributes, as lines of text. Pure.

use serde_json::Value;
use serde_json::value::RawValue;
use unicode_width::UnicodeWidthChar as _;

use super::cursor::Cursor;
use super::keys::Command;
use crate::cli::answer::{rows, text};
use crate::cli::format::{self, duration};
use crate::cli::output::visible;

/// How far one key moves unwrapped lines sideways, in columns.
const SIDE_STEP: usize = 8;

/// One line on screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DocLine {
    pub(super) text: String,
    pub(super) is_heading: bool,
}

struct Section {
    title: String,
    body: String,
}

/// What of the text is laid out, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    width: usize,
    wraps: bool,
    is_pretty: bool,
}

/// The payload place.
pub(super) struct Payload {
    pub(super) span_id: String,
    pub(super) name: String,
    /// Payloads of which only the beginning is here: which (`input`, `output`) and their hash.
    cut: Vec<(&'static str, String)>,
    sections: Vec<Section>,
    lines: Vec<DocLine>,
    laid_out: Option<Layout>,
    pub(super) wraps: bool,
    pub(super) is_pretty: bool,
    /// Columns that unwrapped lines are moved to the left.
    pub(super) aside: usize,
    pub(super) cursor: Cursor,
    pub(super) search: String,
}

impl Payload {
    /// From the API's answer of `/spans/{trace}/{span}`.
    pub(super) fn new(detail: &Value) -> Self {
        let span = &detail["span"];
        let mut payload = Self {
            span_id: text(&span["span_id"]),
            name: text(&span["name"]),
            cut: Vec::new(),
            sections: vec![Section {
                title: facts(span),
                body: troubles(span),
            }],
            lines: Vec::new(),
            laid_out: None,
            wraps: true,
            is_pretty: true,
            aside: 0,
            cursor: Cursor::default(),
            search: String::new(),
        };
        for finding in rows(&detail["findings"]) {
            payload.sections.push(Section {
                title: format!("⚑ {} · {}", text(&finding["kind"]), text(&finding["title"])),
                body: text(&finding["explanation"]),
            });
        }
        for name in ["input", "output"] {
            let Some(hash) = detail[name]["hash"].as_str() else {
                continue;
            };
            let size = format::bytes(detail[name]["size_bytes"].as_u64().unwrap_or_default());
            let is_whole = detail[name]["complete"] != false;
            if !is_whole {
                payload.cut.push((name, hash.to_owned()));
            }
            let title = title(name, &size, is_whole);
            payload.sections.push(Section {
                title,
                body: text(&detail[name]["text"]),
            });
        }
        for name in ["attributes", "resource"] {
            if detail[name]
                .as_object()
                .is_some_and(|attributes| !attributes.is_empty())
            {
                let body = detail[name].to_string();
                payload.sections.push(Section {
                    title: name.to_owned(),
                    body,
                });
            }
        }
        payload
    }

    /// Hashes of the payloads of which only the beginning is here.
    pub(super) fn cut_hashes(&self) -> Vec<String> {
        self.cut.iter().map(|(_, hash)| hash.clone()).collect()
    }

    /// Takes a whole payload in place of its beginning.
    pub(super) fn complete(&mut self, hash: &str, whole: &str) {
        let Some(at) = self.cut.iter().position(|(_, cut)| cut == hash) else {
            return;
        };
        let (name, _) = self.cut.remove(at);
        if let Some(section) = self
            .sections
            .iter_mut()
            .find(|section| section.title.starts_with(name))
        {
            section.title = title(name, &format::bytes(whole.len() as u64), true);
            section.body = whole.to_owned();
        }
        self.laid_out = None;
    }

    /// The lines at this width.
    pub(super) fn lines(&mut self, width: usize) -> &[DocLine] {
        let layout = Layout {
            width,
            wraps: self.wraps,
            is_pretty: self.is_pretty,
        };
        if self.laid_out != Some(layout) {
            self.laid_out = Some(layout);
            self.lines = lay_out(&self.sections, layout);
        }
        &self.lines
    }

    /// Does what a key asks for; false when it is not about the text.
    pub(super) fn run(&mut self, command: Command) -> bool {
        let count = self.lines.len();
        match command {
            Command::Next => self.cursor.move_by(1, count),
            Command::Previous => self.cursor.move_by(-1, count),
            Command::PageDown => self.cursor.page(1, count),
            Command::PageUp => self.cursor.page(-1, count),
            Command::First => self.cursor.go_to(0, count),
            Command::Last => self.cursor.go_to(usize::MAX, count),
            Command::Collapse => self.aside = self.aside.saturating_sub(SIDE_STEP),
            Command::Expand if !self.wraps => self.aside += SIDE_STEP,
            Command::Expand => {}
            Command::Wrap => {
                self.wraps = !self.wraps;
                self.aside = 0;
            }
            Command::Pretty => self.is_pretty = !self.is_pretty,
            Command::NextHit => return self.find(1, false),
            Command::PreviousHit => return self.find(-1, false),
            _ => return false,
        }
        true
    }

    /// Goes to the next line that contains what is searched for. False when there is none.
    pub(super) fn find(&mut self, direction: isize, from_here: bool) -> bool {
        if self.search.is_empty() {
            return true;
        }
        let wanted = self.search.to_lowercase();
        let count = self.lines.len();
        let from = self.cursor.at.min(count);
        let steps = usize::from(!from_here)..=count;
        let found = steps
            .map(|step| match direction {
                1.. => (from + step) % count.max(1),
                _ => (from + 2 * count.max(1) - step) % count.max(1),
            })
            .find(|at| {
                self.lines
                    .get(*at)
                    .is_some_and(|line| line.text.to_lowercase().contains(&wanted))
            });
        if let Some(at) = found {
            self.cursor.at = at;
        }
        found.is_some()
    }
}

fn title(name: &str, size: &str, is_whole: bool) -> String {
    match is_whole {
        true => format!("{name} · {size}"),
        false => format!("{name} · {size}, the beginning: o loads all of it"),
    }
}

/// Operation, time, tokens: one line.
fn facts(span: &Value) -> String {
    let mut facts = vec![text(&span["operation"]), text(&span["name"])];
    facts.push(
        span["duration_ns"]
            .as_i64()
            .map_or_else(|| "running".to_owned(), duration),
    );
    for name in [
        "status",
        "decision",
        "model",
        "tool_name",
        "mcp_server",
        "agent_name",
    ] {
        facts.extend(span[name].as_str().map(str::to_owned));
    }
    let count = |name: &str| span[name].as_i64().unwrap_or(-1);
    facts.push(format::tokens(
        count("input_tokens"),
        count("output_tokens"),
    ));
    facts.extend(span["cost_usd"].as_f64().map(format::cost));
    facts.retain(|fact| !fact.is_empty());
    facts.dedup();
    facts.join(" · ")
}

/// What went wrong, and what is missing.
fn troubles(span: &Value) -> String {
    let said = [
        ("error", &span["error_message"]),
        ("error", &span["error_type"]),
        ("reason", &span["decision_reason"]),
        ("cut by the sender", &span["truncated_upstream"]),
    ];
    let lines: Vec<String> = said
        .into_iter()
        .filter_map(|(what, value)| Some(format!("{what}: {}", value.as_str()?)))
        .collect();
    lines.join("\n")
}

fn lay_out(sections: &[Section], layout: Layout) -> Vec<DocLine> {
    let mut lines = Vec::new();
    for section in sections {
        if !lines.is_empty() {
            lines.push(DocLine {
                text: String::new(),
                is_heading: false,
            });
        }
        lines.push(DocLine {
            text: format::harmless_line(&section.title),
            is_heading: true,
        });
        if section.body.is_empty() {
            continue;
        }
        let indented = match layout.is_pretty {
            true => indented_json(&section.body),
            false => None,
        };
        let body = visible(indented.as_deref().unwrap_or(&section.body));
        for line in body.lines() {
            match layout.wraps {
                true => wrap(line, layout.width, &mut lines),
                false => lines.push(DocLine {
                    text: line.to_owned(),
                    is_heading: false,
                }),
            }
        }
    }
    lines
}

/// Breaks a line where the screen ends.
fn wrap(line: &str, width: usize, lines: &mut Vec<DocLine>) {
    let mut start = 0;
    let mut used = 0;
    for (at, character) in line.char_indices() {
        let wide = character.width().unwrap_or(0);
        if used + wide > width && at > start {
            lines.push(DocLine {
                text: line[start..at].to_owned(),
                is_heading: false,
            });
            (start, used) = (at, 0);
        }
        used += wide;
    }
    lines.push(DocLine {
        text: line[start..].to_owned(),
        is_heading: false,
    });
}

/// JSON with line breaks and indentation, every token as it was sent; `None` for what is no JSON object or
/// list.
fn indented_json(json: &str) -> Option<String> {
    let json = json.trim();
    if !json.starts_with(['{', '[']) || serde_json::from_str::<&RawValue>(json).is_err() {
        return None;
    }
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut is_escaped = false;
    let mut rest = json.chars().peekable();
    while let Some(character) = rest.next() {
        if in_string {
            out.push(character);
            in_string = is_escaped || character != '"';
            is_escaped = character == '\\' && !is_escaped;
            continue;
        }
        match character {
            '"' => {
                in_string = true;
                out.push('"');
            }
            '{' | '[' => {
                out.push(character);
                while rest.peek().is_some_and(|next| next.is_whitespace()) {
                    rest.next();
                }
                if !matches!(rest.peek(), Some('}' | ']')) {
                    depth += 1;
                    new_line(&mut out, depth);
                } else {
                    out.extend(rest.next());
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(character);
            }
            ',' => {
                out.push(',');
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            character if character.is_whitespace() => {}
            character => out.push(character),
        }
    }
    Some(out)
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_indented_token_by_token() {
        let json = r#"{"a": [1.50, 1e400, "x, \"y\": {"], "b": {}, "c": [ ]}"#;
        let indented = indented_json(json).unwrap();
        assert_eq!(
            indented,
            "{\n  \"a\": [\n    1.50,\n    1e400,\n    \"x, \\\"y\\\": {\"\n  ],\n  \"b\": {},\n  \"c\": []\n}"
        );
        assert_eq!(indented_json("plain [text"), None);
        assert_eq!(indented_json("[1, 2"), None);
    }

    #[test]
    fn lines_wrap_by_columns() {
        let mut lines = Vec::new();
        wrap("日本語abc", 4, &mut lines);
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["日本", "語ab", "c"]);
    }
}
