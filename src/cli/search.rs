//! `spanreel search`.

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use serde_json::Value;

use super::answer::{rows, text};
use super::format::shortened;
use super::output;
use super::source::Api;
use crate::args::SearchArgs;
use crate::failure::Failure;

/// Characters of a passage before the first word that was found.
const LEAD: usize = 48;
/// Characters of a passage in all.
const WIDTH: usize = 160;

pub(super) async fn run(args: SearchArgs) -> Result<(), Failure> {
    let api = Api::open(&args.source).await?;
    let mut parameters = vec![
        ("q", Some(args.text.join(" "))),
        ("since", args.since.clone()),
        ("until", args.until.clone()),
        ("limit", Some(args.limit.to_string())),
    ];
    for (name, values) in [
        ("operation", &args.operation),
        ("tool", &args.tool),
        ("session", &args.session),
        ("harness", &args.harness),
    ] {
        parameters.extend(values.iter().map(|value| (name, Some(value.clone()))));
    }
    let answer = api.get("/search", &parameters).await;
    api.close().await?;
    let answer = answer?;
    if args.json {
        return output::print_json(&answer);
    }
    let hits = rows(&answer["hits"]);
    if hits.is_empty() {
        output::print("Nothing says that.")?;
    }
    let is_styled = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut page = String::new();
    for hit in hits {
        page.push_str(&described(hit, is_styled));
    }
    output::print(&page)?;
    let total = answer["total"].as_i64().unwrap_or_default();
    if total > hits.len() as i64 {
        output::note(&format!("these are the latest {} of {total}", hits.len()));
    }
    if answer["total_is_lower_bound"] == true {
        output::note("some of the latest texts are not searched yet; ask again in a moment");
    }
    Ok(())
}

/// Where a hit is, and what it says, indented.
fn described(hit: &Value, is_styled: bool) -> String {
    let what = ["tool_name", "model", "name"].iter();
    let what = what
        .map(|name| text(&hit[name]))
        .find(|what| !what.is_empty());
    let time = text(&hit["started_at"]);
    let more = match hit["passage_count"].as_i64().unwrap_or(1) {
        1 => String::new(),
        count => format!(" (+{} more)", count - 1),
    };
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{}  {} {} {}  session {}  span {}:{}{more}",
        time.get(..19).unwrap_or(&time).replace('T', " "),
        text(&hit["operation"]),
        output::visible(&what.unwrap_or_default()),
        text(&hit["part"]),
        output::visible(&text(&hit["session_id"])),
        text(&hit["trace_id"]),
        text(&hit["span_id"]),
    );
    let title = text(&hit["session_title"]);
    if !title.is_empty() {
        let _ = writeln!(out, "    {}", output::visible(&shortened(&title, 76)));
    }
    let _ = writeln!(out, "    {}\n", passage(&hit["passage"], is_styled));
    out
}

/// The passage on one line around the first word that was found, what was found in bold.
fn passage(passage: &Value, is_styled: bool) -> String {
    let chars: Vec<char> = passage["text"]
        .as_str()
        .unwrap_or_default()
        .chars()
        .collect();
    let marks: Vec<(usize, usize)> = rows(&passage["highlights"])
        .iter()
        .filter_map(|mark| Some((mark[0].as_u64()? as usize, mark[1].as_u64()? as usize)))
        .collect();
    let first = marks.first().map_or(0, |(start, _)| *start);
    let from = first.saturating_sub(LEAD).min(chars.len());
    let to = (from + WIDTH).min(chars.len());
    let mut out = String::new();
    if from > 0 || passage["cut_before"] == true {
        out.push('…');
    }
    let mut at = from;
    for (start, end) in marks {
        let (start, end) = (start.max(at), end.min(to));
        if start >= end {
            continue;
        }
        out.push_str(&line(&chars[at..start]));
        let found = line(&chars[start..end]);
        let _ = match is_styled {
            true => write!(out, "\x1b[1m{found}\x1b[0m"),
            false => write!(out, "{found}"),
        };
        at = end;
    }
    out.push_str(&line(&chars[at.min(to)..to]));
    if to < chars.len() || passage["cut_after"] == true {
        out.push('…');
    }
    out
}

/// Characters with nothing among them that a terminal would obey, on one line.
fn line(chars: &[char]) -> String {
    let blank = |c: &char| if c.is_whitespace() { ' ' } else { *c };
    output::visible(&chars.iter().map(blank).collect::<String>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_passage_is_one_line_and_harmless() {
        let text = format!(
            "{}\x1b[31mfound\nit here {}",
            "x".repeat(100),
            "y".repeat(300)
        );
        let shown = json!({"text": text, "highlights": [[105, 110], [111, 113]],
            "cut_before": false, "cut_after": false});
        let plain = passage(&shown, false);
        assert!(
            plain.starts_with("…xxx") && plain.ends_with("yyy…"),
            "{plain}"
        );
        assert!(plain.contains("␛[31mfound it here"), "{plain}");
        let bold = passage(&shown, true);
        assert!(
            bold.contains("\x1b[1mfound\x1b[0m \x1b[1mit\x1b[0m here"),
            "{bold}"
        );
        assert_eq!(passage(&Value::Null, true), "");
    }
}
