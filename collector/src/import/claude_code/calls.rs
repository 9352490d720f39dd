//! Tool calls: asked for in one entry, answered in a later one.

use std::sync::Arc;

use proto::agent::Operation;
use proto::attributes::Attributes;
use serde_json::Value as Json;

use super::{Agent, ClaudeCode};
use crate::import::Context;
use crate::import::records::{NewAct, Place, last_part, result_text, text};

/// A call that has no result yet.
pub(super) struct Call {
    name: String,
    pub(super) input: Json,
    asked_ns: u64,
    parent: Option<[u8; 8]>,
    agent: Agent,
    /// The subagent that it started.
    pub(super) agent_id: Option<Arc<str>>,
    line: u64,
}

impl Call {
    pub(super) fn new(
        block: &Json,
        asked_ns: u64,
        parent: Option<[u8; 8]>,
        agent: Agent,
        line: u64,
    ) -> Self {
        Self {
            name: text(block, "name").unwrap_or_default().to_owned(),
            input: block.get("input").cloned().unwrap_or_default(),
            asked_ns,
            parent,
            agent,
            agent_id: None,
            line,
        }
    }

    fn starts_agent(&self) -> bool {
        matches!(self.name.as_str(), "Agent" | "Task")
    }

    /// Whether it started a subagent with these words.
    pub(super) fn tells(&self, prompt: &str) -> bool {
        self.starts_agent()
            && self.agent_id.is_none()
            && text(&self.input, "prompt") == Some(prompt)
    }

    fn attributes(&self, id: &str) -> Attributes {
        let mut attributes = Attributes::new()
            .text("gen_ai.operation.name", "execute_tool")
            .text("gen_ai.tool.name", self.name.as_str())
            .text("gen_ai.tool.call.id", id)
            .text("gen_ai.tool.call.arguments", self.input.to_string());
        if self.starts_agent() {
            attributes = attributes
                .flag("spanreel.starts_subagent", true)
                .text_if("gen_ai.agent.id", self.agent_id.as_deref())
                .text_if("gen_ai.agent.name", text(&self.input, "subagent_type"));
        } else {
            attributes = attributes.text_if("gen_ai.agent.id", self.agent.as_deref());
        }
        if self.name == "Skill" {
            let skill = text(&self.input, "skill").or_else(|| text(&self.input, "command"));
            attributes = attributes.text_if("gen_ai.skill.name", skill);
        }
        attributes
    }

    /// Tells a call that has no result: it runs, or its process died.
    pub(super) fn tell_open(&self, id: &str, place: &Place, context: &mut Context<'_>) {
        context.out.act(
            place,
            self.line,
            NewAct {
                operation: Operation::Tool,
                id: place.id("open tool", id),
                parent: self.parent,
                name: format!("execute_tool {}", self.name),
                start_ns: self.asked_ns,
                end_ns: None,
                error: None,
                attributes: self.attributes(id),
            },
        );
    }
}

/// Who refused a call, where the entry or, in older versions, the words of the result tell.
fn refusal<'a>(entry: &'a Json, words: &str, is_error: bool) -> Option<&'a str> {
    if let Some(verdict) = entry.get("permissionDecision") {
        return (text(verdict, "decision") == Some("reject"))
            .then(|| text(verdict, "source").unwrap_or("config"));
    }
    if !is_error {
        return None;
    }
    let by_hook = words.starts_with("PreToolUse:")
        && (words.contains(" hook error") || words.contains(" hook blocking error"));
    if by_hook {
        return Some("hook");
    }
    words
        .starts_with("The user doesn't want to proceed with this tool use")
        .then_some("user_reject")
}

/// `Exit code N`, with which the result of a failed shell command begins.
fn exit_code(words: &str) -> Option<i64> {
    let rest = words.strip_prefix("Exit code ")?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

impl ClaudeCode {
    /// Tells the call that a `tool_result` block answers.
    pub(super) fn finish_call(&mut self, block: &Json, entry: &Json, context: &mut Context<'_>) {
        let Some(id) = text(block, "tool_use_id") else {
            return;
        };
        let Some(mut call) = self.calls.remove(id) else {
            context
                .out
                .entry(&self.place, context.line, "tool_result", entry);
            return;
        };
        let structured = entry.get("toolUseResult").unwrap_or(&Json::Null);
        if let Some(agent_id) = text(structured, "agentId") {
            call.agent_id = Some(agent_id.into());
        }
        let words = block.get("content").map(result_text).unwrap_or_default();
        let is_error = block.get("is_error") == Some(&Json::Bool(true));
        let refused_by = refusal(entry, &words, is_error);
        let mut attributes = call.attributes(id);
        if let Some(source) = refused_by {
            attributes = attributes
                .text("spanreel.decision", "reject")
                .text("spanreel.decision.source", source)
                .text("error.message", words.as_str());
        } else if let Some(verdict) = entry.get("permissionDecision") {
            attributes = attributes
                .text_if("spanreel.decision", text(verdict, "decision"))
                .text_if("spanreel.decision.source", text(verdict, "source"));
        }
        if is_error && call.name == "Bash" {
            attributes = attributes.int_if("process.exit.code", exit_code(&words));
        }
        // A large result lies in a file beside the transcript, which holds a preview of it.
        let spilled = text(structured, "persistedOutputPath")
            .or_else(|| {
                let (_, rest) = words.split_once("Full output saved to: ")?;
                rest.lines().next().map(str::trim)
            })
            .filter(|_| words.starts_with("<persisted-output>") || structured.is_object());
        let whole = spilled.and_then(|path| context.beside.text(last_part(path)));
        if spilled.is_some() && whole.is_none() {
            attributes = attributes.text(
                "spanreel.truncated",
                "result kept in a file that is not beside the transcript",
            );
        }
        let failed = is_error && refused_by.is_none();
        let error = failed.then_some(words.as_str());
        let name = format!("execute_tool {}", call.name);
        attributes = attributes.text(
            "gen_ai.tool.call.result",
            whole.unwrap_or_else(|| words.clone()),
        );
        context.out.act(
            &self.place,
            context.line,
            NewAct {
                operation: Operation::Tool,
                id: self.place.id("tool", id),
                parent: call.parent,
                name,
                start_ns: call.asked_ns,
                end_ns: Some(self.place.last_ns),
                error,
                attributes,
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_exit_codes_and_refusals() {
        assert_eq!(exit_code("Exit code 137"), Some(137));
        assert_eq!(exit_code("Exit code 1\nFAILED"), Some(1));
        assert_eq!(exit_code("exit"), None);
        let said = json!({"permissionDecision": {"decision": "reject", "source": "hook"}});
        assert_eq!(refusal(&said, "", true), Some("hook"));
        let older = json!({});
        assert_eq!(
            refusal(
                &older,
                "The user doesn't want to proceed with this tool use. …",
                true
            ),
            Some("user_reject")
        );
        assert_eq!(
            refusal(&older, "PreToolUse:Bash hook error: no", true),
            Some("hook")
        );
        assert_eq!(refusal(&older, "Exit code 1", true), None);
    }
}
