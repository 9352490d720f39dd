//! What a model's answer says, as far as detectors compare it: its code, its prose, its plan.

use serde_json::Value;

use super::text::Sketch;

/// Words of code below which blocks are too short to compare.
const MIN_CODE_WORDS: usize = 12;

/// Numbered lines that make a plan.
const MIN_PLAN_STEPS: usize = 3;

/// Stems of words with which an answer says that it makes something up in place of looking.
const INVENTION: [&str; 12] = [
    "simulat",
    "hypothe",
    "placeholder",
    "fabricat",
    "hardcod",
    "hard-cod",
    "general knowledge",
    "from memory",
    "dummy data",
    "mock data",
    "assum",
    "known data",
];

/// One answer of a model.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Said {
    /// The code blocks together, when they are long enough to compare.
    pub(crate) code: Option<Sketch>,
    /// The words outside code blocks.
    pub(crate) prose: Sketch,
    /// The steps of a numbered plan: the words of each.
    pub(crate) plan: Vec<Sketch>,
    /// Names in the plan that look like those of tools: `snake_case` words.
    pub(crate) planned_names: Vec<String>,
    /// Names that the code calls.
    pub(crate) called_names: Vec<String>,
    /// Places that say that something is assumed or made up.
    pub(crate) inventions: usize,
    /// The last sentence, when it says what is done next.
    pub(crate) promise: Option<String>,
    /// The last line is a question.
    pub(crate) asks: bool,
}

impl Said {
    /// Reads an answer: messages in the GenAI JSON shape, or plain text.
    pub(crate) fn of_answer(output: &str) -> Self {
        let mut text = String::new();
        match serde_json::from_str::<Value>(output) {
            Ok(json @ (Value::Array(_) | Value::Object(_))) => collect_text(&json, &mut text),
            _ => text.push_str(output),
        }
        Self::of_text(&text)
    }

    fn of_text(text: &str) -> Self {
        let (code, prose) = split_code(text);
        let called_names = called(&code);
        let code = Sketch::of_text(&code);
        let mut said = Self {
            inventions: inventions(text),
            promise: promise(text).map(str::to_owned),
            asks: last_line(text).is_some_and(|line| line.ends_with('?')),
            prose: Sketch::of_text(&prose),
            called_names,
            code: (code.len() >= MIN_CODE_WORDS).then_some(code),
            ..Self::default()
        };
        let steps: Vec<&str> = prose.lines().filter(|line| is_step(line)).collect();
        if said.code.is_none() && steps.len() >= MIN_PLAN_STEPS {
            said.plan = steps.iter().map(|step| Sketch::of_text(step)).collect();
            said.planned_names = snake_case_names(&prose);
        }
        said
    }
}

/// The texts of messages, in order, one a line.
fn collect_text(json: &Value, out: &mut String) {
    match json {
        Value::Array(items) => items.iter().for_each(|item| collect_text(item, out)),
        Value::Object(map) => {
            if let Some(parts) = map.get("parts") {
                return collect_text(parts, out);
            }
            match map.get("content") {
                Some(Value::String(text)) => {
                    out.push_str(text);
                    out.push('\n');
                }
                Some(nested) => collect_text(nested, out),
                None => {
                    if let Some(Value::String(text)) = map.get("text") {
                        out.push_str(text);
                        out.push('\n');
                    }
                }
            }
        }
        _ => {}
    }
}

/// The text inside fences of backticks, and the text outside.
fn split_code(text: &str) -> (String, String) {
    let (mut code, mut prose) = (String::new(), String::new());
    let mut inside = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
            continue;
        }
        let into = if inside { &mut code } else { &mut prose };
        into.push_str(line);
        into.push('\n');
    }
    (code, prose)
}

/// `1. …`, `2) …`, `Step 3: …`, with list marks before.
fn is_step(line: &str) -> bool {
    let line = line.trim_start().trim_start_matches(['#', '*', '-', ' ']);
    let line = line
        .strip_prefix("Step ")
        .or_else(|| line.strip_prefix("step "))
        .unwrap_or(line);
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.len() < line.len() && rest.starts_with(['.', ')', ':'])
}

fn identifiers(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.find(|c: char| c.is_alphabetic() || c == '_')?;
        let tail = &rest[start..];
        let end = tail
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(tail.len());
        let (word, after) = tail.split_at(end);
        rest = after;
        Some((word, after))
    })
}

fn snake_case_names(text: &str) -> Vec<String> {
    let mut names: Vec<String> = identifiers(text)
        .filter(|(word, after)| {
            word.trim_matches('_').contains('_')
                && word.chars().all(|c| c.is_ascii_lowercase() || c == '_')
                && !is_part_of_a_path(after)
        })
        .map(|(word, _)| word.to_owned())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// What follows shows the name to be one of a file or folder.
fn is_part_of_a_path(after: &str) -> bool {
    let mut next = after.chars();
    match next.next() {
        Some('/') => true,
        Some('.') => next.next().is_some_and(char::is_alphanumeric),
        _ => false,
    }
}

fn called(code: &str) -> Vec<String> {
    let mut names: Vec<String> = identifiers(code)
        .filter(|(_, after)| after.starts_with('('))
        .map(|(word, _)| word.to_owned())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The last line of a text, without its marks of lists and emphasis.
fn last_line(text: &str) -> Option<&str> {
    let mut lines = text.lines().rev().map(str::trim);
    let line = lines.find(|line| !line.is_empty())?;
    Some(line.trim_matches(['*', '_', '#', '-', '>', ' ']))
}

/// The last sentence, when it announces a deed of the speaker and leaves nothing to the reader.
fn promise(text: &str) -> Option<&str> {
    const ANNOUNCES: [&str; 12] = [
        "i will now",
        "i'll now",
        "i\u{2019}ll now",
        "now i will",
        "now i'll",
        "now, i will",
        "now let me",
        "let me now",
        "next, i will",
        "next, i'll",
        "i am now going to",
        "let me ",
    ];
    const LEAVES_IT: [&str; 6] = [
        "let me know",
        "let me summar",
        "if you",
        "once you",
        "when you",
        "?",
    ];
    let line = last_line(text)?;
    let sentence = line
        .trim_end_matches(['.', ':', '!', '\u{2026}'])
        .rsplit(['.', '!', ';'])
        .next()?
        .trim();
    let lower = sentence.to_lowercase();
    let announces = ANNOUNCES.iter().any(|start| lower.starts_with(start));
    let line = line.to_lowercase();
    let leaves_it = LEAVES_IT.iter().any(|words| line.contains(words));
    (announces && !leaves_it).then_some(sentence)
}

fn inventions(text: &str) -> usize {
    let text = text.to_lowercase();
    INVENTION
        .iter()
        .map(|stem| text.matches(stem).count())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_plans_and_code() {
        let plan = Said::of_answer(
            "Plan:\n1. Ask `search_agent` for the page.\n2. Read it with inspect_file.\n3. Answer with final_answer.\n",
        );
        assert_eq!(plan.plan.len(), 3);
        assert_eq!(
            plan.planned_names,
            ["final_answer", "inspect_file", "search_agent"]
        );
        let code = Said::of_answer(
            "[{\"role\":\"assistant\",\"parts\":[{\"type\":\"text\",\"content\":\"I assume so.\\n```py\\nx = search_agent('a')\\nprint(x)\\n```\"}]}]",
        );
        assert_eq!(code.called_names, ["print", "search_agent"]);
        assert_eq!((code.inventions, code.plan.len()), (1, 0));
        assert!(code.code.is_none(), "too short to compare");
    }
}
