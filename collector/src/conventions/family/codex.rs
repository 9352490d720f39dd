//! OpenAI Codex: the few spans and log records that report acts. The rest of its spans are internals.
//!
//! Log records are whole without any span (`trace_exporter` is off by default). With spans, what a
//! log record says is said again by an event of the span that was active, without its content. A
//! model request has spans for its sampling, its transport and its last chunk, all inside
//! `try_run_sampling_request`, which lasts until the tools that it asked for are done.

use std::sync::Arc;

use proto::agent::Operation;

use super::Family;
use crate::conventions::json::parse_nested;
use crate::conventions::names::Concept as C;
use crate::conventions::payload::Bag;
use crate::conventions::record::{Reading, Record, Shape, SpanEvent};
use crate::conventions::value::{self, Value};
use crate::conventions::{content, facts, text};

/// What cuts results, and the switch.
const CUT: &str = "output cut by Codex; raise otel.tool_result.max_bytes in config.toml";
const PROMPT_HIDDEN: &str = "prompt hidden by Codex; set otel.log_user_prompt in config.toml";

pub(super) static FAMILY: Family = Family {
    harness: Some("codex"),
    scopes: &["codex_otel", "codex_exec"],
    services: &["codex"],
    prefixes: &["codex."],
    names: &[
        // `thread_id` is the conversation wherever it stands; `thread.id` is mostly a thread of the
        // process.
        (C::Session, &["conversation.id", "thread_id"]),
        (C::ParentSession, &["parent.conversation.id"]),
        (C::TurnKey, &["turn.id", "turn_id"]),
        (C::AgentName, &["agent_name"]),
        (C::RequestModel, &["model"]),
        (C::Provider, &["provider_name"]),
        (C::ToolName, &["tool_name", "tool.name"]),
        (C::ToolCallId, &["call_id", "tool.call_id"]),
        (C::SkillName, &["skill.name"]),
        (C::HookEvent, &["hook.event_name"]),
        (
            C::Decision,
            &["decision", "outcome", "hook.command_outcome"],
        ),
        (C::DecisionSource, &["source"]),
        (C::InputTokens, &["input_token_count"]),
        (C::OutputTokens, &["output_token_count"]),
        (C::CacheReadTokens, &["cached_token_count"]),
        (C::CacheWriteTokens, &["cache_write_token_count"]),
        (
            C::ReasoningTokens,
            &[
                "reasoning_token_count",
                "codex.usage.reasoning_output_tokens",
            ],
        ),
        (C::Success, &["success"]),
        (C::DurationMs, &["duration_ms"]),
        (C::Prompt, &["prompt"]),
        (C::ToolInput, &["arguments"]),
        (C::ToolOutput, &["output"]),
        (C::Output, &["response"]),
    ],
    shape: |record, bag| {
        // A tool's span bears the tool's name.
        let is_tool =
            || record.has("call_id") && record.text("tool_name", bag) == Some(record.name);
        Some(match record.name {
            "session_task.turn" => Shape::of(Operation::Turn),
            "codex.sampling" => Shape::of(Operation::Model),
            "handle_responses" if record.picked.has(C::InputTokens) => Shape::of(Operation::Model),
            "try_run_sampling_request" => Shape::plumbing(Operation::Model),
            "mcp.tools.call" => Shape::of(Operation::Mcp),
            "codex.hooks.command" => Shape::of(Operation::Hook),
            _ if is_tool() || event(record, "codex.tool_result", bag).is_some() => {
                Shape::of(Operation::Tool)
            }
            _ if attempts(record, bag).next().is_some() => Shape::of(Operation::Model),
            _ => Shape::plumbing(Operation::Internal),
        })
    },
    adjust: |record, bag, reading| {
        conversation(record, bag, reading);
        let folder = record.text("cwd", bag).and_then(text::folder_name);
        if let Some(folder) = folder.map(str::to_owned) {
            reading.facts.project = Some(bag.word(&folder));
        }
        match reading.shape.operation {
            Operation::Model => transport(record, bag, reading),
            Operation::Tool => {
                let said = ["codex.tool_result", "codex.tool_result_ready"]
                    .iter()
                    .find_map(|name| event(record, name, bag));
                if let Some(event) = said {
                    tool_event(event, bag, reading);
                }
                tool(record, bag, reading);
            }
            _ => {}
        }
    },
    log,
    ..Family::PLAIN
};

/// The latest of a span's events of one name, which stands in an attribute: the event's own name may
/// be a line of source.
fn event<'a>(record: &Record<'a>, name: &str, bag: &Bag) -> Option<&'a SpanEvent> {
    record
        .events
        .iter()
        .rev()
        .find(|event| is_event(event, name, bag))
}

fn is_event(event: &SpanEvent, name: &str, bag: &Bag) -> bool {
    value::text(&event.attributes, "event.name", bag).unwrap_or(&event.name) == name
}

/// The attempts to send a model request, as events of the transport's span.
fn attempts<'a, 'b>(
    record: &Record<'a>,
    bag: &'b Bag,
) -> impl Iterator<Item = &'a SpanEvent> + use<'a, 'b> {
    record.events.iter().filter(move |event| {
        is_event(event, "codex.api_request", bag)
            && is_inference(value::text(&event.attributes, "endpoint", bag))
    })
}

/// Other endpoints (models, accounts) ask nothing of a model.
fn is_inference(endpoint: Option<&str>) -> bool {
    endpoint.is_none_or(|endpoint| {
        endpoint.contains("responses") || endpoint.contains("chat/completions")
    })
}

/// The conversation also stands in `thread.id`, where that is not the number of a thread, and on
/// events.
fn conversation(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    if reading.facts.session_id.is_some() {
        return;
    }
    let id = match record.get("thread.id") {
        Some(Value::Text(id)) if id.parse::<i64>().is_err() => Some(id.clone()),
        _ => record.events.iter().find_map(|event| {
            let id = value::text(&event.attributes, "conversation.id", bag)?;
            Some(id.to_owned())
        }),
    };
    reading.facts.session_id = id.map(|id| bag.word(&id));
}

/// How the request went, by its attempts.
fn transport(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    let count = attempts(record, bag).count();
    let Some(last) = attempts(record, bag).last() else {
        return;
    };
    reading.facts.attempt_count = i64::try_from(count).ok();
    let get = |key: &str| value::get(&last.attributes, key);
    let status = get("http.response.status_code").and_then(Value::int);
    let message = get("error.message").and_then(|message| message.scalar(bag));
    let message = message.map(|message| message.into_owned());
    if message.is_some() || status.is_some_and(|status| status >= 400) {
        reading.facts.success = Some(false);
        reading.facts.error_type = status.map(|status| bag.word(&status.to_string()));
        reading.facts.error_message = message.map(|message| bag.word(&message));
    }
}

/// What an event of a tool's span says of the call: its bare name and how it went.
fn tool_event(event: &SpanEvent, bag: &mut Bag, reading: &mut Reading) {
    let text = |key: &str, bag: &Bag| value::text(&event.attributes, key, bag).map(str::to_owned);
    if let Some(name) = text("tool_name", bag) {
        reading.facts.tool_name = Some(bag.word(&name));
    }
    if let Some(id) = text("call_id", bag) {
        reading.facts.tool_call_id = Some(bag.word(&id));
    }
    if let Some(id) = text("conversation.id", bag) {
        reading.facts.session_id = Some(bag.word(&id));
    }
    if let Some(namespace) = text("tool_namespace", bag) {
        set_server(&namespace, bag, reading);
    }
    if let Some(success) = value::get(&event.attributes, "success").and_then(Value::flag) {
        reading.facts.success = Some(success);
    }
}

fn set_server(namespace: &str, bag: &mut Bag, reading: &mut Reading) {
    let server = namespace
        .strip_prefix("mcp__")
        .map(|rest| rest.trim_end_matches("__"));
    if reading.facts.mcp_server.is_none()
        && let Some(server) = server.filter(|server| !server.is_empty())
    {
        reading.facts.mcp_server = Some(bag.word(server));
    }
}

/// A call of its own making: it starts another agent, which has a conversation of its own.
fn tool(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    if let Some(namespace) = record.text("tool_namespace", bag).map(str::to_owned) {
        set_server(&namespace, bag, reading);
    }
    reading.facts.agent_name = agent(reading.facts.agent_name.take(), bag);
    reading.facts.starts_subagent = reading.facts.tool_name.as_deref() == Some("spawn_agent");
}

/// Agents are named by their path; the first one is nobody's subagent.
fn agent(name: Option<Arc<str>>, bag: &mut Bag) -> Option<Arc<str>> {
    let name = name?;
    if &*name == "/root" {
        return None;
    }
    let last = name.rsplit('/').next().filter(|last| !last.is_empty());
    last.map(|last| bag.word(last))
}

fn log(record: &Record<'_>, bag: &mut Bag) -> Option<Reading> {
    let shape = match record.event() {
        "user_prompt" => Shape::of(Operation::Turn),
        "tool_result" => Shape::of(Operation::Tool),
        "tool_decision" | "guardian_assessment" | "sandbox_outcome" => Shape::of(Operation::Policy),
        "network_proxy.policy_decision" | "network_proxy.domain_policy_decision" => {
            Shape::of(Operation::Policy)
        }
        // Of the two records per response only one has tokens.
        "sse_event" | "websocket_event" if record.picked.has(C::InputTokens) => {
            Shape::of(Operation::Model)
        }
        "sse_event" | "websocket_event"
            if record.text("event.kind", bag) == Some("response.failed") =>
        {
            Shape::of(Operation::Model)
        }
        "api_request" | "websocket_request" if is_inference(record.text("endpoint", bag)) => {
            Shape::of(Operation::Model)
        }
        "agent_response" => Shape::part(Operation::Model),
        "skill_invocation" => Shape::of(Operation::Skill),
        _ => return None,
    };
    let mut reading = Reading::new(record, shape);
    facts::read(record, bag, &mut reading);
    match record.event() {
        "tool_result" => {
            if record.get("output_truncated").and_then(Value::flag) == Some(true) {
                reading.cut(CUT, bag);
            }
            tool(record, bag, &mut reading);
            content::read(record, bag, &mut reading);
            tool_result(record, bag, &mut reading);
        }
        "user_prompt" => {
            if record.picked.is_redacted(C::Prompt) {
                reading.cut(PROMPT_HIDDEN, bag);
            }
            content::read(record, bag, &mut reading);
        }
        "sandbox_outcome" => reading.facts.decision_source = Some(bag.word("sandbox")),
        "api_request" | "websocket_request" => attempt(record, &mut reading),
        "sse_event" | "websocket_event" => {
            let has_failed = !record.picked.has(C::InputTokens);
            reading.facts.success = Some(!has_failed);
        }
        _ => content::read(record, bag, &mut reading),
    }
    reading.start_ns = record.start_before();
    Some(reading)
}

/// One attempt: the first stands for the request, until its answer or the next attempt is known.
fn attempt(record: &Record<'_>, reading: &mut Reading) {
    let number = record.get("attempt").and_then(Value::int).unwrap_or(0);
    reading.facts.attempt_count = Some(number.saturating_add(1).max(1));
    reading.shape.part_of_parent = number > 0;
}

/// The result is a text with a head of its own, where the exit code stands; `success` only says
/// that the command could be started.
fn tool_result(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    let output = record.text("output", bag);
    let code = output.and_then(exit_code);
    if let Some(code) = code {
        reading.facts.exit_code = Some(code);
        if code != 0 {
            reading.facts.success = Some(false);
        }
    }
    if reading.facts.starts_subagent
        && let Some(child) = output.and_then(parse_nested)
    {
        let said = |key: &str| child.get(key)?.as_str().filter(|text| !text.is_empty());
        if let Some(id) = said("agent_id") {
            reading.facts.child_session_id = Some(bag.word(id));
        }
        if let Some(name) = said("nickname") {
            reading.facts.agent_name = Some(bag.word(name));
        }
    }
}

/// `Process exited with code 1` or `Exit code: 1`, before the output begins.
fn exit_code(output: &str) -> Option<i64> {
    output
        .lines()
        .take(12)
        .take_while(|line| !line.starts_with("Output:"))
        .find_map(|line| {
            let code = line
                .strip_prefix("Process exited with code ")
                .or_else(|| line.strip_prefix("Exit code: "))?;
            code.trim().parse().ok()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_exit_code_from_the_head_of_a_result_only() {
        let head = "Wall time: 0.1 seconds\nProcess exited with code 3\nOutput:\n";
        assert_eq!(exit_code(head), Some(3));
        assert_eq!(exit_code("Exit code: 0\nOutput:\nExit code: 9"), Some(0));
        assert_eq!(exit_code("Output:\nProcess exited with code 1"), None);
        assert_eq!(exit_code(""), None);
    }
}
