//! What a tool is for, whatever its harness calls it, and whether two calls are one and the same.

use crate::findings::{Act, Sketch};

/// The kind of a tool: one word for the names that harnesses have for it. A tool that no list has is
/// its own kind.
pub(crate) fn kind(name: &str) -> &str {
    const KINDS: [(&str, &[&str]); 6] = [
        (
            "shell",
            &[
                "Bash",
                "bash",
                "shell",
                "run_shell",
                "run_shell_command",
                "exec_command",
                "local_shell",
                "execute_command",
                "terminal",
                "Shell",
            ],
        ),
        ("read", &["Read", "read", "read_file", "view", "open_file"]),
        ("write", &["Write", "write", "write_file", "create_file"]),
        (
            "edit",
            &[
                "Edit",
                "edit",
                "replace",
                "edit_file",
                "apply_patch",
                "str_replace",
                "MultiEdit",
            ],
        ),
        (
            "search",
            &[
                "Grep",
                "Glob",
                "grep",
                "glob",
                "grep_search",
                "search_files",
                "list_directory",
                "LS",
            ],
        ),
        (
            "subagent",
            &[
                "Agent",
                "Task",
                "task",
                "spawn_agent",
                "delegate",
                "invoke_agent",
            ],
        ),
    ];
    KINDS
        .iter()
        .find(|(_, names)| names.contains(&name))
        .map_or(name, |(kind, _)| kind)
}

/// The kind of the tool that an act calls.
pub(crate) fn kind_of(act: &Act) -> &str {
    kind(act.tool_name.as_deref().unwrap_or(&act.name))
}

/// Whether two names are the same, or one is the other behind a server's name or a folder.
pub(crate) fn are_names_of_one(a: &str, b: &str, separator: char) -> bool {
    let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    let before = long.strip_suffix(short);
    !short.is_empty()
        && before.is_some_and(|before| before.is_empty() || before.ends_with(separator))
}

/// A call that a harness is about to make, as it tells its hooks.
pub(crate) struct Asked {
    pub(crate) tool_name: String,
    arguments: Sketch,
    /// The texts among the arguments.
    texts: Vec<String>,
}

impl Asked {
    pub(crate) fn new(tool_name: &str, arguments: &serde_json::Value) -> Self {
        let texts = match arguments {
            serde_json::Value::Object(map) => map
                .values()
                .filter_map(|value| value.as_str().map(str::to_owned))
                .collect(),
            serde_json::Value::String(text) => vec![text.clone()],
            _ => Vec::new(),
        };
        Self {
            tool_name: tool_name.to_owned(),
            arguments: Sketch::of_arguments(&arguments.to_string()),
            texts,
        }
    }

    /// Everything that the arguments say, on one line.
    pub(crate) fn line(&self) -> String {
        self.texts.join(" ")
    }

    /// Whether this is the call that `act` made: the same tool with the same arguments, but for ids and
    /// times. Of a shell the command line decides; what the harness calls it and says beside it does not.
    pub(crate) fn is_call_of(&self, act: &Act) -> bool {
        let name = act.tool_name.as_deref().unwrap_or(&act.name);
        let asked = kind(&self.tool_name);
        if asked != kind(name) && !are_names_of_one(&self.tool_name, name, '_') {
            return false;
        }
        let same_arguments = act
            .content
            .arguments
            .as_deref()
            .is_some_and(|arguments| arguments.exact == self.arguments.exact);
        let same_line = asked == "shell"
            && act
                .detail
                .as_deref()
                .is_some_and(|line| self.texts.iter().any(|text| text.trim() == line.trim()));
        same_arguments || same_line
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::findings::tests::acts;

    #[test]
    fn a_call_is_known_again_whatever_the_harness_calls_it() {
        let known = acts("t:exec_command(cat+a.txt)=1");
        let act = &known[0];
        let asked = |tool: &str, command: &str| {
            Asked::new(tool, &json!({"command": command, "description": "look"})).is_call_of(act)
        };
        assert!(asked("Bash", "cat a.txt"));
        assert!(!asked("Bash", "cat b.txt"));
        assert!(!asked("Read", "cat a.txt"));
        assert!(are_names_of_one("inventory_lookup", "lookup", '_'));
        assert!(are_names_of_one("README.md", "/app/README.md", '/'));
        assert!(!are_names_of_one("outlook", "look", '_'));
    }
}
