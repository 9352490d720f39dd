//! Tool calls and model requests as the harness names and counts them.

use serde_json::{Value, json};

use crate::cli::demo::otlp::{Attributes, Millis};

/// A tool call: what the model asks for, and how it goes.
pub(super) struct Call {
    pub(super) tool: &'static str,
    pub(super) input: Value,
    /// What the user or a hook says to it, and who does: `user_permanent`, `hook`, …
    pub(super) decided_by: &'static str,
    pub(super) duration: Millis,
    pub(super) result: CallResult,
}

pub(super) enum CallResult {
    Output(String),
    /// The harness's own words and class of the error, and the text that the model gets to read.
    Failed {
        error: &'static str,
        class: &'static str,
        output: String,
    },
    /// Refused by a hook, with the hook's words to the model.
    Denied(String),
}

/// How spans and log records name a call; for MCP tools they differ.
pub(super) struct Naming {
    pub(super) in_logs: &'static str,
    /// Server and tool.
    pub(super) mcp: Option<(&'static str, &'static str)>,
    pub(super) parameters: Option<String>,
}

impl Naming {
    pub(super) fn of(call: &Call) -> Self {
        let mcp = call
            .tool
            .strip_prefix("mcp__")
            .and_then(|rest| rest.split_once("__"));
        let input = |key: &str| call.input[key].as_str().unwrap_or_default();
        let parameters = if let Some((server, tool)) = mcp {
            Some(json!({"mcp_server_name": server, "mcp_tool_name": tool}))
        } else {
            match call.tool {
                "Bash" => Some(json!({
                    "bash_command": input("command").split(' ').next(),
                    "full_command": input("command"),
                    "description": input("description"),
                })),
                "Agent" => Some(json!({"subagent_type": input("subagent_type")})),
                _ => None,
            }
        };
        Self {
            in_logs: if mcp.is_some() { "mcp_tool" } else { call.tool },
            mcp,
            parameters: parameters.map(|parameters| parameters.to_string()),
        }
    }

    pub(super) fn span(&self, attributes: Attributes, call: &Call, id: &str) -> Attributes {
        let mut attributes = attributes
            .text("tool_name", call.tool)
            .text("gen_ai.operation.name", "execute_tool")
            .text(
                "gen_ai.tool.name",
                self.mcp.map_or(call.tool, |(_, tool)| tool),
            )
            .text("tool_use_id", id)
            .text("gen_ai.tool.call.id", id);
        if let Some((server, _)) = self.mcp {
            attributes = attributes.text("anthropic.mcp.server.name", server);
        }
        for (key, attribute) in [
            ("file_path", "file_path"),
            ("command", "full_command"),
            ("subagent_type", "subagent_type"),
        ] {
            if let Some(value) = call.input[key].as_str() {
                attributes = attributes.text(attribute, value);
            }
        }
        attributes
    }

    pub(super) fn output_event(&self, call: &Call, output: &str) -> Attributes {
        let (key, place) = match call.tool {
            "Read" | "Write" => ("content", "file_path"),
            "Edit" => ("diff", "file_path"),
            _ => ("output", "command"),
        };
        let attributes = Attributes::new().text(key, output);
        match (place, call.input[place].as_str()) {
            ("command", Some(command)) => attributes.text("bash_command", command),
            (_, Some(file)) => attributes.text("file_path", file),
            _ => attributes,
        }
    }
}

/// Tokens of a request: what was sent before comes out of the cache, as Claude's API counts.
pub(super) struct Tokens {
    pub(super) input: usize,
    pub(super) cache_read: usize,
    pub(super) cache_creation: usize,
    pub(super) output: usize,
}

impl Tokens {
    pub(super) fn of(message_count: usize, body_bytes: usize, answer: &[Value]) -> Self {
        let all = body_bytes / 4;
        let fresh = (all / message_count.max(1)).min(4_000);
        Self {
            input: 12,
            cache_read: if message_count > 1 { all - fresh } else { 0 },
            cache_creation: fresh,
            output: 20
                + answer
                    .iter()
                    .map(|block| block.to_string().len() / 4)
                    .sum::<usize>(),
        }
    }

    pub(super) fn cost(&self, model: &str) -> f64 {
        let (input, output) = if model.contains("haiku") {
            (1e-6, 5e-6)
        } else {
            (5e-6, 25e-6)
        };
        self.input as f64 * input
            + self.cache_read as f64 * input * 0.1
            + self.cache_creation as f64 * input * 1.25
            + self.output as f64 * output
    }
}
