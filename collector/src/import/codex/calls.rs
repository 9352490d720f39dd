//! Tool calls of a thread: the item that asks, what the harness reports of how it went, the output.

use proto::agent::Operation;
use proto::attributes::Attributes;
use serde_json::Value as Json;

use super::Codex;
use crate::import::Context;
use crate::import::records::{NewAct, Place, result_text, text};

/// A call that has no output yet.
pub(super) struct Call {
    name: String,
    /// Namespace of the tool: an MCP server or a family of built-in tools.
    namespace: Option<String>,
    arguments: String,
    asked_ns: u64,
    parent: Option<[u8; 8]>,
    line: u64,
}

/// How a call went, as an entry beside its output tells.
#[derive(Default)]
pub(super) struct Report {
    exit_code: Option<i64>,
    has_failed: bool,
    was_declined: bool,
    server: Option<String>,
    output: Option<String>,
    started_ns: Option<u64>,
    ended_ns: Option<u64>,
    agent_id: Option<String>,
    agent_name: Option<String>,
}

impl Report {
    pub(super) fn of_item(item: &Json, payload: &Json) -> Self {
        let nanos = |key: &str| {
            let millis = payload.get(key)?.as_u64()?;
            millis.checked_mul(1_000_000)
        };
        let status = text(item, "status");
        let started = item.pointer("/receiver_agents/0");
        let spawns = text(item, "tool") == Some("spawn_agent");
        Self {
            exit_code: item.get("exit_code").and_then(Json::as_i64),
            has_failed: status == Some("failed")
                || item.pointer("/result/isError") == Some(&Json::Bool(true)),
            was_declined: status == Some("declined"),
            server: text(item, "server").map(str::to_owned),
            output: text(item, "aggregated_output").map(str::to_owned),
            started_ns: nanos("started_at_ms"),
            ended_ns: nanos("completed_at_ms"),
            agent_id: started
                .filter(|_| spawns)
                .and_then(|agent| text(agent, "thread_id"))
                .map(str::to_owned),
            agent_name: started
                .filter(|_| spawns)
                .and_then(|agent| text(agent, "agent_nickname"))
                .map(str::to_owned),
        }
    }

    pub(super) fn of_event(payload: &Json) -> Self {
        let refused = payload.pointer("/result/Err").is_some();
        Self {
            exit_code: payload.get("exit_code").and_then(Json::as_i64),
            has_failed: refused
                || payload.pointer("/result/Ok/is_error") == Some(&Json::Bool(true))
                || payload.pointer("/result/Ok/isError") == Some(&Json::Bool(true)),
            server: payload
                .pointer("/invocation/server")
                .and_then(Json::as_str)
                .map(str::to_owned),
            output: text(payload, "aggregated_output").map(str::to_owned),
            ..Self::default()
        }
    }
}

impl Call {
    /// The call that an item of the model asks for.
    pub(super) fn of_item(
        item: &Json,
        parent: Option<[u8; 8]>,
        asked_ns: u64,
        line: u64,
    ) -> Option<(String, Self)> {
        let kind = text(item, "type")?;
        let (name, arguments) = match kind {
            "function_call" => (
                text(item, "name")?,
                text(item, "arguments").map(str::to_owned),
            ),
            "custom_tool_call" => (text(item, "name")?, text(item, "input").map(str::to_owned)),
            kind if kind.ends_with("_call") => {
                let action = item.get("action").map(Json::to_string);
                (kind.strip_suffix("_call").unwrap_or(kind), action)
            }
            _ => return None,
        };
        let id = text(item, "call_id").or_else(|| text(item, "id"))?;
        let call = Self {
            name: name.to_owned(),
            namespace: text(item, "namespace").map(str::to_owned),
            arguments: arguments.unwrap_or_default(),
            asked_ns,
            parent,
            line,
        };
        Some((id.to_owned(), call))
    }

    /// Name and MCP server, where it is a server's tool.
    fn names(&self, report: &Report) -> (String, Option<String>) {
        let of_namespace = self
            .namespace
            .as_deref()
            .and_then(|namespace| namespace.strip_prefix("mcp__"));
        match report.server.as_deref().or(of_namespace) {
            Some(server) => {
                let bare = self.name.strip_prefix(&format!("mcp__{server}__"));
                (
                    bare.unwrap_or(&self.name).to_owned(),
                    Some(server.to_owned()),
                )
            }
            None => (self.name.clone(), None),
        }
    }

    /// Tells the call; one that has not ended has an id of its own.
    pub(super) fn tell(
        &self,
        id: &str,
        place: &Place,
        end_ns: Option<u64>,
        outcome: Attributes,
        report: Option<&Report>,
        context: &mut Context<'_>,
    ) {
        let nothing = Report::default();
        let report = report.unwrap_or(&nothing);
        let (name, server) = self.names(report);
        let mut attributes = Attributes::new()
            .text("gen_ai.operation.name", "execute_tool")
            .text("gen_ai.tool.name", name.as_str())
            .text("gen_ai.tool.call.id", id)
            .text_if("gen_ai.tool.call.arguments", Some(self.arguments.as_str()))
            .text_if("mcp.server.name", server)
            .int_if("process.exit.code", report.exit_code)
            .and(outcome);
        if report.agent_id.is_some() {
            attributes = attributes
                .flag("spanreel.starts_subagent", true)
                .text_if("gen_ai.agent.id", report.agent_id.as_deref())
                .text_if("gen_ai.agent.name", report.agent_name.as_deref());
        }
        let kind = if end_ns.is_some() {
            "tool"
        } else {
            "open tool"
        };
        context.out.act(
            place,
            self.line,
            NewAct {
                operation: Operation::Tool,
                id: place.id(kind, id),
                parent: self.parent,
                name: format!("execute_tool {name}"),
                start_ns: report
                    .started_ns
                    .filter(|at| *at >= self.asked_ns)
                    .unwrap_or(self.asked_ns),
                end_ns,
                error: None,
                attributes,
            },
        );
    }
}

/// The exit code in a command's output, where no report tells it.
fn exit_code(output: &str) -> Option<i64> {
    let digits = |rest: &str| -> Option<i64> {
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        rest.get(..end)?.parse().ok()
    };
    // Only above the output itself, which may hold anything.
    let head = output.split("\nOutput:").next().unwrap_or_default();
    if let Some((_, rest)) = head.split_once("Process exited with code ") {
        return digits(rest);
    }
    if let Some(rest) = head.strip_prefix("Exit code: ") {
        return digits(rest);
    }
    let wrapped: Json = serde_json::from_str(output).ok()?;
    wrapped.pointer("/metadata/exit_code")?.as_i64()
}

impl Codex {
    /// Tells the call that an output item answers.
    pub(super) fn finish_call(&mut self, id: &str, item: &Json, context: &mut Context<'_>) {
        let Some(call) = self.calls.remove(id) else {
            return;
        };
        let mut report = self.reports.remove(id).unwrap_or_default();
        if self.repeats_parent {
            return;
        }
        let output = item.get("output").map(result_text).unwrap_or_default();
        let refused_by = if report.was_declined {
            Some("user")
        } else if output.starts_with("Command blocked by ")
            || output.starts_with("Tool call blocked by ")
        {
            Some("hook")
        } else if output.starts_with("exec command rejected by user") {
            Some("user")
        } else {
            None
        };
        if report.exit_code.is_none() {
            report.exit_code = exit_code(&output);
        }
        let mut outcome = Attributes::new();
        if let Some(source) = refused_by {
            outcome = outcome
                .text("spanreel.decision", "reject")
                .text("spanreel.decision.source", source)
                .text("error.message", output.as_str());
        } else if report.has_failed {
            outcome = outcome.flag("spanreel.success", false);
        }
        // The model is shown a shortened text; the harness keeps more of it.
        let whole = report
            .output
            .take()
            .filter(|whole| whole.len() > output.len())
            .unwrap_or(output);
        outcome = outcome.text("gen_ai.tool.call.result", whole);
        let ended = report.ended_ns.unwrap_or(self.place.last_ns);
        call.tell(
            id,
            &self.place,
            Some(ended),
            outcome,
            Some(&report),
            context,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_exit_codes_of_all_versions() {
        assert_eq!(
            exit_code("Wall time: 0.1\nProcess exited with code 3\nOutput:\nx"),
            Some(3)
        );
        assert_eq!(exit_code("Exit code: 1\nWall time: 2\nOutput:\nx"), Some(1));
        assert_eq!(
            exit_code(r#"{"output":"x","metadata":{"exit_code":2}}"#),
            Some(2)
        );
        assert_eq!(
            exit_code("Output:\nx\nOutput:\nProcess exited with code 9"),
            None
        );
    }
}
