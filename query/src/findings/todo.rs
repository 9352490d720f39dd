//! Lists of things to do, as agents write them down with a tool.

use serde_json::Value;

/// States of an item that leave nothing to do.
const CLOSED: [&str; 8] = [
    "completed",
    "complete",
    "done",
    "cancelled",
    "canceled",
    "skipped",
    "deleted",
    "failed",
];

/// States of an item that is still to be done.
const OPEN: [&str; 7] = [
    "pending",
    "in_progress",
    "in-progress",
    "not_started",
    "not-started",
    "todo",
    "open",
];

/// What one call writes down: the arguments hold a list of objects with a `status` each, as those of
/// `TodoWrite`, `update_plan`, `todowrite` and `write_todos` do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TodoList {
    pub(crate) item_count: usize,
    /// What is to be done of each item that is still open.
    pub(crate) open: Vec<String>,
}

impl TodoList {
    /// From the arguments of a call; `None` when they hold no such list.
    pub(crate) fn of_arguments(arguments: &str) -> Option<Self> {
        if !arguments.contains("status") {
            return None;
        }
        let json: Value = serde_json::from_str(arguments).ok()?;
        let lists = match &json {
            Value::Object(map) => map.values().collect(),
            other => vec![other],
        };
        lists.into_iter().find_map(Self::of_list)
    }

    fn of_list(json: &Value) -> Option<Self> {
        let items = json.as_array()?;
        let mut open = Vec::new();
        for item in items {
            let status = item.get("status")?.as_str()?.to_ascii_lowercase();
            if OPEN.contains(&status.as_str()) {
                open.push(words(item).to_owned());
            } else if !CLOSED.contains(&status.as_str()) {
                return None;
            }
        }
        (!items.is_empty()).then_some(Self {
            item_count: items.len(),
            open,
        })
    }
}

/// What an item says is to be done.
fn words(item: &Value) -> &str {
    let keys = ["content", "step", "description", "title", "text", "task"];
    keys.iter()
        .find_map(|key| item.get(*key)?.as_str())
        .unwrap_or("an item without words")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_lists_of_different_tools() {
        for (arguments, open, items) in [
            (
                r#"{"todos":[{"content":"a","status":"completed"},{"content":"b","status":"pending"}]}"#,
                vec!["b"],
                2,
            ),
            (
                r#"{"explanation":"x","plan":[{"step":"a","status":"in_progress"}]}"#,
                vec!["a"],
                1,
            ),
            (
                r#"{"todos":[{"description":"a","status":"cancelled"}]}"#,
                vec![],
                1,
            ),
        ] {
            let list = TodoList::of_arguments(arguments).unwrap();
            assert_eq!(
                (list.open.as_slice(), list.item_count),
                (
                    open.iter()
                        .map(|s| (*s).to_owned())
                        .collect::<Vec<_>>()
                        .as_slice(),
                    items
                )
            );
        }
        for arguments in [
            "status",
            r#"{"status":"pending"}"#,
            r#"{"orders":[{"id":1,"status":"shipped"}]}"#,
            r#"{"todos":[]}"#,
        ] {
            assert_eq!(TodoList::of_arguments(arguments), None, "{arguments}");
        }
    }
}
