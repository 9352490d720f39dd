//! Pydantic Logfire: its marks on any span, and its integrations of the OpenAI Agents SDK, the Claude
//! Agent SDK and MCP. Span names are templates (`Function: {name}`), values stand in attributes.

use proto::agent::{Decision, Operation};

use super::Family;
use crate::conventions::content;
use crate::conventions::json::parse_nested;
use crate::conventions::names::Concept as C;
use crate::conventions::payload::Bag;
use crate::conventions::record::{Reading, Record, Shape};
use crate::conventions::value::Value;

/// From this `logfire.level_num` on, a span has failed.
const ERROR_LEVEL: i64 = 17;

/// The marks on any span.
pub(super) static FAMILY: Family = Family {
    adjust: |record, _, reading| {
        let level = record.get("logfire.level_num").and_then(Value::int);
        if level.is_some_and(|level| level >= ERROR_LEVEL) && reading.facts.success.is_none() {
            reading.facts.success = Some(false);
        }
    },
    ..Family::PLAIN
};

/// The OpenAI Agents SDK's spans.
pub(super) static OPENAI_AGENTS: Family = Family {
    harness: Some("openai-agents"),
    scopes: &["logfire.openai_agents"],
    names: &[
        (C::Session, &["group_id"]),
        (C::Messages, &["gen_ai.input.messages", "raw_input"]),
        (C::Input, &["events"]),
        (C::Output, &["gen_ai.output.messages", "response"]),
        (C::ToolInput, &["gen_ai.tool.call.arguments", "input"]),
        (C::ToolOutput, &["gen_ai.tool.call.result", "output"]),
    ],
    shape: |record, _| {
        let starts = |prefix: &str| record.name.starts_with(prefix);
        Some(if starts("Agent run") {
            Shape::of(Operation::Agent)
        } else if starts("Function: ") {
            Shape::of(Operation::Tool)
        } else if starts("Guardrail ") {
            Shape::of(Operation::Guardrail)
        } else if starts("Responses API") || starts("Chat completion") || starts("chat ") {
            Shape::of(Operation::Model)
        } else if starts("MCP: list tools") {
            Shape::plumbing(Operation::Internal)
        } else if ["OpenAI Agents trace", "Handoff: ", "Task", "Turn "]
            .iter()
            .any(|prefix| starts(prefix))
        {
            Shape::of(Operation::Internal)
        } else {
            return None;
        })
    },
    adjust: openai_agents,
    ..Family::PLAIN
};

fn openai_agents(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    let name = record.text("name", bag).map(str::to_owned);
    match reading.shape.operation {
        Operation::Agent => {
            if let Some(name) = name {
                reading.facts.agent_name = Some(bag.word(&name));
            }
        }
        Operation::Tool => {
            if let Some(name) = name {
                content::set_tool_name(&name, bag, reading);
            }
            let server = record
                .text("mcp_data", bag)
                .and_then(parse_nested)
                .and_then(|data| Some(data.get("server")?.as_str()?.to_owned()));
            if let Some(server) = server {
                reading.facts.mcp_server = Some(bag.word(&server));
            }
        }
        Operation::Guardrail => {
            let facts = &mut reading.facts;
            facts.hook_name = name.map(|name| bag.word(&name));
            facts.detail.clone_from(&facts.hook_name);
            if let Some(triggered) = record.get("triggered").and_then(Value::flag) {
                facts.decision = Some(if triggered {
                    Decision::Deny
                } else {
                    Decision::Allow
                });
            }
        }
        _ => {}
    }
}

/// The Claude Agent SDK's conversations: GenAI spans, made of its messages and hooks.
pub(super) static CLAUDE_AGENT_SDK: Family = Family {
    harness: Some("claude-agent-sdk"),
    scopes: &["logfire.claude_agent_sdk"],
    names: &[(C::Cost, &["operation.cost"])],
    ..Family::PLAIN
};

/// Requests of MCP clients and servers: the transport of tool calls, and protocol.
pub(super) static MCP: Family = Family {
    scopes: &["logfire.mcp"],
    names: &[(C::ToolInput, &["request"]), (C::ToolOutput, &["response"])],
    shape: |record, bag| {
        let is_call = record.text("rpc.method", bag) == Some("tools/call");
        Some(if is_call {
            Shape::of(Operation::Mcp)
        } else {
            Shape::plumbing(Operation::Mcp)
        })
    },
    adjust: |record, bag, reading| {
        let name = record
            .text("request", bag)
            .and_then(parse_nested)
            .and_then(|request| Some(request.pointer("/params/name")?.as_str()?.to_owned()));
        if let Some(name) = name {
            reading.facts.tool_name = Some(bag.word(&name));
        }
    },
    ..Family::PLAIN
};
