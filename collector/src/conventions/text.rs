//! Short texts for people, and the marks by which emitters say that a text is missing or cut.

use serde_json::Value;

/// Characters of a title.
pub(crate) const TITLE_MAX: usize = 200;
/// Characters of a detail line.
pub(super) const DETAIL_MAX: usize = 160;

/// The first `max` characters on one line: runs of white space and control characters become one
/// space.
pub(crate) fn one_line(text: &str, max: usize) -> String {
    let mut line = String::new();
    let mut count = 0;
    let mut gap = false;
    for ch in text.chars() {
        if ch.is_whitespace() || ch.is_control() {
            gap = count > 0;
            continue;
        }
        if gap {
            line.push(' ');
            count += 1;
            gap = false;
        }
        if count >= max {
            break;
        }
        line.push(ch);
        count += 1;
    }
    line.truncate(line.trim_end().len());
    line
}

/// The last part of a path, by which people know a project.
pub(super) fn folder_name(path: &str) -> Option<&str> {
    let name = path
        .trim_end_matches(['/', '\\'])
        .rsplit(['/', '\\'])
        .next()?;
    (!name.is_empty()).then_some(name)
}

/// What a tool call is about, from its arguments: the command, file, query … `None` when the
/// arguments say nothing that fits on a line.
pub(super) fn detail_of_arguments(arguments: &str) -> Option<String> {
    let trimmed = arguments.trim_start();
    let line = if trimmed.starts_with(['{', '[', '"']) {
        // Past this size a parse costs more than the line is worth; such arguments hold file contents.
        if trimmed.len() > 256 * 1024 {
            return None;
        }
        match serde_json::from_str(trimmed).ok()? {
            Value::Object(map) => telling(call_arguments(&map))?,
            Value::String(text) => text,
            _ => return None,
        }
    } else {
        trimmed.to_owned()
    };
    let line = one_line(&line, DETAIL_MAX);
    (!line.is_empty()).then_some(line)
}

/// The arguments proper of a call that is reported as the Python call it was
/// (`{"args":[…],"kwargs":{…}}`).
fn call_arguments(map: &serde_json::Map<String, Value>) -> &serde_json::Map<String, Value> {
    match (map.get("args"), map.get("kwargs")) {
        (Some(Value::Array(_)), Some(Value::Object(named))) if !named.is_empty() => named,
        _ => map,
    }
}

/// Argument names that tell most, in order.
const TELLING: &[&str] = &[
    "command",
    "cmd",
    "full_command",
    "bash_command",
    "file_path",
    "filePath",
    "path",
    "absolute_path",
    "notebook_path",
    "pattern",
    "query",
    "url",
    "description",
    "subject",
    "prompt",
    "task",
    "skill",
    "name",
];

fn telling(map: &serde_json::Map<String, Value>) -> Option<String> {
    for key in TELLING {
        if let Some(line) = map.get(*key).and_then(plain) {
            return Some(line);
        }
    }
    let scalars: Vec<String> = map
        .iter()
        .filter_map(|(key, value)| plain(value).map(|text| format!("{key}={text}")))
        .collect();
    (!scalars.is_empty()).then(|| scalars.join(", "))
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Array(words) if !words.is_empty() && words.iter().all(Value::is_string) => Some(
            words
                .iter()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(" "),
        ),
        _ => None,
    }
}

/// True for a text that stands where content was left out on purpose.
pub(super) fn is_redacted(text: &str) -> bool {
    matches!(
        text.trim(),
        "<REDACTED>" | "[REDACTED]" | "__REDACTED__" | "<replaced>" | "<not serializable>"
    )
}

/// True for a text that emitters write in place of an unknown name or id.
pub(super) fn is_filler(text: &str) -> bool {
    let text = text.trim();
    text.is_empty()
        || is_redacted(text)
        || matches!(
            text,
            "null" | "N/A" | "None" | "undefined" | "<not specified>"
        )
}

/// True for the result of a tool call that was refused before it ran, as its harness or a policy words it.
pub(super) fn is_refusal(text: &str) -> bool {
    text.trim_start().starts_with("<tool_use_error>")
        || (text.starts_with("Blocked ") && text.contains(" by failproofai because:"))
}

/// True for a JSON text that ends in the middle, as a limit on the length of attributes leaves it.
pub(super) fn is_broken_json(text: &str) -> bool {
    let text = text.trim();
    (text.starts_with("[{") && !text.ends_with(']'))
        || (text.starts_with("{\"") && !text.ends_with('}'))
}

/// True when the text carries the mark of an emitter that cut it.
pub(super) fn is_cut(text: &str) -> bool {
    let mut start = text.len().saturating_sub(160);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let tail = &text[start..];
    tail.contains("[TRUNCATED - Content exceeds")
        || tail.contains("...[TRUNCATED: original length")
        || (tail.contains("…[") && tail.contains(" chars]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_that_ends_in_the_middle_is_cut() {
        assert!(is_broken_json(r#"[{"role":"us"#));
        assert!(is_broken_json("{\"a\": {\"b\": 1}, "));
        for whole in ["{\"a\":1}\n", "[{}]", "[USER] hello", "{not json", "text"] {
            assert!(!is_broken_json(whole), "{whole}");
        }
    }

    #[test]
    fn one_line_folds_space_and_control_characters() {
        assert_eq!(one_line(" a\n\tb\0c  ", 200), "a b c");
        assert_eq!(one_line("日本語 text", 4), "日本語");
        assert_eq!(one_line("", 4), "");
    }

    #[test]
    fn detail_is_the_telling_argument_and_never_json() {
        let detail = |arguments| detail_of_arguments(arguments);
        assert_eq!(
            detail(r#"{"description":"Run","command":"./run.sh"}"#).as_deref(),
            Some("./run.sh")
        );
        assert_eq!(
            detail(r#"{"sku":"A","qty":3,"more":{"x":1}}"#).as_deref(),
            Some("sku=A, qty=3")
        );
        assert_eq!(
            detail(r#"{"command":["bash","-lc","ls"]}"#).as_deref(),
            Some("bash -lc ls")
        );
        assert_eq!(
            detail(r#"{"args":[],"sanitize":true,"kwargs":{"command":"ls"}}"#).as_deref(),
            Some("ls")
        );
        assert_eq!(detail(r#"{"nested":{"x":1}}"#), None);
        assert_eq!(detail("[1,2]"), None);
        assert_eq!(detail("{broken"), None);
        assert_eq!(detail("just words").as_deref(), Some("just words"));
    }

    #[test]
    fn knows_the_marks_of_cut_texts() {
        assert!(is_cut("abc\n\n[TRUNCATED - Content exceeds 60KB limit]"));
        assert!(is_cut(r#"{"content":"xxx…[193600 chars]"}"#));
        assert!(is_cut("xx...[TRUNCATED: original length 20000]"));
        assert!(!is_cut("日".repeat(100).as_str()));
    }
}
