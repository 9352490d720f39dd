//! GitHub Copilot: the chat of VS Code, the command line, and VS Code's agent host. All use GenAI
//! attributes. `github.copilot.cost` counts premium requests and is no money.

use proto::agent::{Decision, Operation, SpanKind};

use super::Family;
use crate::conventions::content;
use crate::conventions::facts::decision_of;
use crate::conventions::names::Concept as C;
use crate::conventions::payload::Bag;
use crate::conventions::record::{Reading, Record, Shape, SpanEvent};
use crate::conventions::text;
use crate::conventions::value::{self, Value};

/// VS Code's chat: `session.id` is the editor window.
pub(super) static CHAT: Family = Family {
    harness: Some("copilot-chat"),
    scopes: &["copilot-chat"],
    services: &["copilot-chat"],
    prefixes: &["copilot_chat."],
    session_id_is_session: false,
    names: &[
        (
            C::Session,
            &[
                "gen_ai.conversation.id",
                "copilot_chat.chat_session_id",
                "copilot_chat.session_id",
            ],
        ),
        (
            C::TurnKey,
            &["github.copilot.turn_id", "github.copilot.interaction_id"],
        ),
        (C::HookEvent, &["copilot_chat.hook_type"]),
        (C::HookName, &["copilot_chat.hook_command"]),
        (C::Decision, &["github.copilot.hook.decision"]),
        (C::Input, &["copilot_chat.hook_input"]),
        (C::Output, &["copilot_chat.hook_output"]),
        (C::Success, &["copilot_chat.hook_result_kind"]),
        (
            C::McpServer,
            &["github.copilot.tool.parameters.mcp_server_name"],
        ),
        (C::SkillName, &["github.copilot.tool.parameters.skill_name"]),
    ],
    adjust: |record, bag, reading| {
        tool(record, bag, reading);
        match reading.shape.operation {
            Operation::Tool => {
                reading.facts.starts_subagent =
                    reading.facts.tool_name.as_deref() == Some("runSubagent");
            }
            Operation::Hook => {
                // A hook that failed and let the act pass.
                if record.text("copilot_chat.hook_result_kind", bag) == Some("non_blocking_error") {
                    reading.facts.success = Some(false);
                }
                if reading.facts.decision == Some(Decision::Deny) {
                    reading
                        .facts
                        .decision_source
                        .clone_from(&reading.facts.hook_name);
                }
            }
            _ => {}
        }
    },
    ..Family::PLAIN
};

/// The command line and its SDK: one agent span per user message, whose agent id is the session.
pub(super) static CLI: Family = Family {
    harness: Some("copilot-cli"),
    scopes: &["github.copilot"],
    services: &["github-copilot"],
    names: &[
        (C::Session, &["gen_ai.conversation.id", "gen_ai.agent.id"]),
        (
            C::TurnKey,
            &["github.copilot.turn_id", "github.copilot.interaction_id"],
        ),
        (C::SkillName, &["github.copilot.skill.name"]),
        (
            C::McpServer,
            &["github.copilot.tool.parameters.mcp_server_name"],
        ),
    ],
    shape: |record, _| {
        record
            .name
            .starts_with("session.timing.")
            .then_some(Shape::plumbing(Operation::Internal))
    },
    adjust: |record, bag, reading| {
        reading.facts.agent_id = None;
        tool(record, bag, reading);
        if reading.shape.operation == Operation::Agent {
            reading.facts.starts_subagent = record.kind == SpanKind::Internal;
        }
    },
    span_event,
    ..Family::PLAIN
};

/// The host that runs Copilot and other agents as they are: only its session's title is news.
pub(super) static AGENT_HOST: Family = Family {
    harness: Some("vscode-agent-host"),
    prefixes: &["vscode.agent_host."],
    shape: |_, _| Some(Shape::plumbing(Operation::Internal)),
    adjust: |record, bag, reading| {
        let title = record
            .text("vscode.agent_host.session.title", bag)
            .map(|title| text::one_line(title, text::TITLE_MAX));
        reading.facts.title = title.map(|title| bag.word(&title));
    },
    ..Family::PLAIN
};

/// What the products say of a tool call under `github.copilot.tool.parameters`.
fn tool(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    if reading.shape.operation != Operation::Tool {
        return;
    }
    let parameter = |key: &str, bag: &Bag| {
        let text = record.text(&format!("github.copilot.tool.parameters.{key}"), bag)?;
        Some(text.to_owned())
    };
    if let Some(name) = parameter("mcp_tool_name", bag) {
        content::set_tool_name(&name, bag, reading);
    }
    if reading.facts.detail.is_none() {
        let line = ["command", "file_path", "skill_name"]
            .iter()
            .find_map(|key| parameter(key, bag))
            .map(|line| text::one_line(&line, text::DETAIL_MAX));
        reading.facts.detail = line.map(|line| bag.word(&line));
    }
}

/// Hooks, skills, sandbox verdicts and compactions come as events of the agent's span only.
fn span_event(record: &Record<'_>, event: &SpanEvent, bag: &mut Bag) -> Option<Reading> {
    let said = |key: &str, bag: &Bag| {
        let text = value::get(&event.attributes, key)?.scalar(bag)?;
        (!text.is_empty()).then(|| text.into_owned())
    };
    let kind = event.name.strip_prefix("github.copilot.")?;
    let operation = match kind {
        "hook.end" | "hook.error" => Operation::Hook,
        "skill.invoked" => Operation::Skill,
        "sandbox.enforcement_state" => Operation::Policy,
        "session.compaction_complete" => Operation::Internal,
        _ => return None,
    };
    let mut reading = Reading::of_event(event, Shape::of(operation));
    match kind {
        "hook.end" | "hook.error" => {
            let invocation = said("github.copilot.hook.invocation_id", bag);
            let of_same = |other: &&SpanEvent| {
                let id = value::get(&other.attributes, "github.copilot.hook.invocation_id");
                invocation.is_some()
                    && id.and_then(|id| id.scalar(bag)).as_deref() == invocation.as_deref()
            };
            let find = |name: &str| {
                record
                    .events
                    .iter()
                    .filter(|other| other.name == name)
                    .find(of_same)
            };
            // An invocation that reports its error and its end is told by its end.
            if kind == "hook.error" && find("github.copilot.hook.end").is_some() {
                return None;
            }
            let failed = find("github.copilot.hook.error").unwrap_or(event);
            let error = value::get(&failed.attributes, "github.copilot.hook.error_message")
                .and_then(|error| error.scalar(bag))
                .filter(|error| !error.is_empty())
                .map(std::borrow::Cow::into_owned);
            if let Some(start) = find("github.copilot.hook.start") {
                reading.start_ns = start.time_ns.min(event.time_ns);
            }
            let hook_event = said("github.copilot.hook.type", bag);
            let facts = &mut reading.facts;
            facts.hook_event = hook_event.map(|hook_event| bag.word(&hook_event));
            facts.success = Some(error.is_none() && kind == "hook.end");
            facts.error_message = error.map(|error| bag.word(&error));
        }
        "skill.invoked" => {
            let name = said("github.copilot.skill.name", bag);
            reading.facts.skill_name = name.map(|name| bag.word(&name));
            reading.facts.detail = reading.facts.skill_name.clone();
        }
        "sandbox.enforcement_state" => {
            let outcome = said("github.copilot.sandbox.outcome", bag);
            reading.facts.decision = outcome.as_deref().and_then(decision_of);
            let source = said("github.copilot.sandbox.control", bag);
            reading.facts.decision_source = source.map(|source| bag.word(&source));
        }
        _ => {
            let success = value::get(&event.attributes, "github.copilot.success");
            reading.facts.success = success.and_then(Value::flag);
        }
    }
    Some(reading)
}
