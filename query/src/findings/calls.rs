//! What the rules about tool calls share: which calls count, what they came to, what they do.

use std::sync::Arc;

use proto::agent::Operation;

use super::act::Act;
use super::text::{hash_of, one_line};

/// Hash of a call whose arguments are known by their size only.
const WEAK_HASH: &str = "size:";

/// The place that a repetition must stay within: one agent in one turn.
pub(super) type Scope = (Arc<str>, i64);

pub(super) fn scope(act: &Act) -> Scope {
    (act.agent.clone(), act.turn)
}

/// Whether the arguments are known by their size only.
pub(super) fn is_weak(act: &Act) -> bool {
    act.call_hash
        .as_deref()
        .is_none_or(|hash| hash.starts_with(WEAK_HASH))
}

pub(super) fn is_same_call(a: &Act, b: &Act) -> bool {
    a.call_hash.is_some() && a.call_hash == b.call_hash
}

/// Whether a harness tells that it stopped the agent because it asked for the same call again.
pub(super) fn stops_repeat(act: &Act) -> bool {
    act.operation == Operation::Guardrail
        && act
            .hook_name
            .as_deref()
            .is_some_and(|name| name.contains("loop"))
        && act
            .detail
            .as_deref()
            .is_some_and(|what| what.contains("tool_call"))
}

/// Characters of an error by which it is recognised.
const ERROR_CHARS: usize = 160;

/// How results compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sameness {
    /// Known to differ, or one of them is not known.
    Not,
    /// The same but for ids, times and the like.
    Masked,
    Exact,
}

/// Whether two calls have, as far as known, one and the same result.
///
/// A failed call often leaves no output, so calls that failed with the same message count as the
/// same result, whatever output a few of them left.
pub(super) fn same_result(a: &Act, b: &Act) -> Sameness {
    if a.output_hash.is_some() && a.output_hash == b.output_hash {
        return Sameness::Exact;
    }
    let (failed, also_failed) = (has_failed(a), has_failed(b));
    if failed && also_failed && a.is_denied() == b.is_denied() {
        if a.error == b.error {
            return Sameness::Exact;
        }
        if error_kind(a).is_some() && error_kind(a) == error_kind(b) {
            return Sameness::Masked;
        }
    }
    let alike = match (&a.content.result, &b.content.result) {
        (Some(a), Some(b)) => a.exact == b.exact,
        _ => false,
    };
    match alike && failed == also_failed {
        true => Sameness::Masked,
        false => Sameness::Not,
    }
}

/// The weakest sameness between neighbours; of fewer than two calls none.
pub(super) fn same_results<'a>(calls: impl Iterator<Item = &'a Act> + Clone) -> Sameness {
    let pairs = calls.clone().zip(calls.skip(1));
    pairs
        .map(|(a, b)| same_result(a, b))
        .min()
        .unwrap_or(Sameness::Not)
}

pub(super) fn has_failed(act: &Act) -> bool {
    act.is_error || act.is_denied()
}

/// The error of a failed act with numbers masked, so that it can be recognised.
pub(super) fn error_kind(act: &Act) -> Option<u64> {
    let error = act.error.as_deref()?;
    let masked: String = error
        .chars()
        .take(ERROR_CHARS)
        .map(|c| if c.is_ascii_digit() { '#' } else { c })
        .collect();
    has_failed(act).then(|| hash_of(&masked))
}

/// The error of a failed act without what it quotes, which is often the argument that was given.
pub(super) fn error_template(act: &Act) -> Option<u64> {
    let error = act.error.as_deref()?;
    let mut template = String::new();
    let mut quote = None;
    let mut before = ' ';
    for c in error.chars().take(ERROR_CHARS) {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '\'' | '"' | '`') && !before.is_alphanumeric() => {
                quote = Some(c);
                template.push('"');
            }
            None if c.is_ascii_digit() => template.push('#'),
            None => template.push(c),
        }
        before = c;
    }
    has_failed(act).then(|| hash_of(&template))
}

/// Whether an error says no more than that something failed, so that two of them may have nothing in
/// common.
pub(super) fn is_bare_error(act: &Act) -> bool {
    const SAYS_NOTHING: [&str; 22] = [
        "a",
        "an",
        "call",
        "code",
        "command",
        "error",
        "execution",
        "exit",
        "exited",
        "failed",
        "failure",
        "internal",
        "non",
        "process",
        "returned",
        "run",
        "shell",
        "status",
        "the",
        "tool",
        "with",
        "zero",
    ];
    let error = act.error.as_deref().unwrap_or_default().to_lowercase();
    error
        .split(|c: char| !c.is_alphabetic())
        .all(|word| word.is_empty() || SAYS_NOTHING.contains(&word))
}

/// Whether an error goes away by waiting: rate limits, timeouts, servers that are down.
pub(super) fn is_passing_error(act: &Act) -> bool {
    const SIGNS: [&str; 14] = [
        "timeout",
        "timed out",
        "rate limit",
        "ratelimit",
        "too many requests",
        "429",
        "500",
        "502",
        "503",
        "504",
        "529",
        "overloaded",
        "unavailable",
        "connection",
    ];
    let error = act.error.as_deref().unwrap_or_default().to_lowercase();
    SIGNS.iter().any(|sign| error.contains(sign))
}

/// Words of a tool's name, lower case: `readFile`, `read_file` and `Read-File` are `read`, `file`.
fn name_words(act: &Act) -> Vec<String> {
    let name = act.tool_name.as_deref().unwrap_or(&act.name);
    let mut words: Vec<String> = Vec::new();
    let mut last_was_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() {
            words.push(String::new());
            last_was_lower = false;
            continue;
        }
        if c.is_uppercase() && last_was_lower || words.is_empty() {
            words.push(String::new());
        }
        last_was_lower = c.is_lowercase();
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn is_named(act: &Act, list: &[&str]) -> bool {
    name_words(act)
        .iter()
        .any(|word| list.contains(&word.as_str()))
}

/// A call that only notes something down for the agent itself.
pub(super) fn is_note(act: &Act) -> bool {
    is_named(
        act,
        &[
            "todo",
            "todowrite",
            "todos",
            "think",
            "thinking",
            "plan",
            "note",
            "intent",
        ],
    )
}

/// A call that by its name only looks at something.
pub(super) fn is_look(act: &Act) -> bool {
    !changes_something(act)
        && is_named(
            act,
            &[
                "read", "list", "ls", "glob", "grep", "search", "view", "get", "find", "look",
                "lookup", "fetch", "show", "stat", "cat", "inspect", "query",
            ],
        )
}

/// A call that by its name puts a question in words, of which the same may be asked in others.
pub(super) fn asks_in_words(act: &Act) -> bool {
    is_named(
        act,
        &[
            "search", "query", "ask", "question", "lookup", "find", "retrieve", "research",
        ],
    )
}

/// A call that by its name changes something, after which the same call may well be new work.
pub(super) fn changes_something(act: &Act) -> bool {
    is_named(
        act,
        &[
            "edit",
            "write",
            "patch",
            "create",
            "update",
            "delete",
            "remove",
            "replace",
            "insert",
            "move",
            "rename",
            "apply",
            "commit",
            "install",
            "multiedit",
            "str_replace",
            "set",
            "put",
            "post",
            "send",
            "save",
        ],
    )
}

/// `: it failed with "…"`, `: denied`, or nothing.
pub(super) fn failure_words(act: &Act) -> String {
    if act.is_denied() {
        return ": denied".to_owned();
    }
    match &act.error {
        Some(error) if act.is_error => format!(": it failed with \"{}\"", one_line(error)),
        _ if act.is_error => ": it failed".to_owned(),
        _ => String::new(),
    }
}
