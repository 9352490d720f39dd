//! Gemini CLI: spans of four kinds, and log records that tell of each request several times over.
//!
//! All spans end well; what went wrong stands in the documents that they carry as "messages" and in
//! the log records. Records of a request are written when its span may have ended: they are joined by
//! time.

use proto::agent::{Decision, Operation};
use serde_json::Value as Json;

use super::Family;
use super::gemini_payloads::{self, CallDocument};
use crate::conventions::json::parse_nested;
use crate::conventions::names::Concept as C;
use crate::conventions::payload::Bag;
use crate::conventions::record::{Reading, Record, Shape};
use crate::conventions::{content, facts, text};

pub(super) static FAMILY: Family = Family {
    harness: Some("gemini-cli"),
    scopes: &["gemini-cli"],
    services: &["gemini-cli"],
    prefixes: &["gemini_cli."],
    // It is that of the runtime.
    service_version_is_harness: false,
    requests_log_inside: false,
    names: &[
        (C::TurnKey, &["prompt_id", "gen_ai.prompt.name"]),
        (C::AgentId, &["agent_id"]),
        (C::AgentName, &["agent_name"]),
        (C::RequestModel, &["model", "model_name"]),
        (C::InputTokens, &["input_token_count"]),
        (C::OutputTokens, &["output_token_count"]),
        (C::CacheReadTokens, &["cached_content_token_count"]),
        (C::ReasoningTokens, &["thoughts_token_count"]),
        (C::FinishReason, &["finish_reasons"]),
        (C::HttpStatus, &["status_code"]),
        (C::ToolName, &["function_name", "tool_name"]),
        (C::McpServer, &["mcp_server_name"]),
        (C::HookEvent, &["hook_event_name"]),
        (C::HookName, &["hook_name"]),
        (C::Decision, &["decision", "verdict"]),
        (C::Success, &["success"]),
        (C::ExitCode, &["exit_code"]),
        (C::ErrorMessage, &["error"]),
        (C::ErrorType, &["error_type"]),
        (C::DurationMs, &["duration_ms", "duration"]),
        (C::Prompt, &["prompt"]),
        (C::Input, &["hook_input", "request_text"]),
        (C::Output, &["hook_output", "stdout", "response_text"]),
        (C::ToolInput, &["function_args"]),
    ],
    shape: |record, bag| {
        let operation = record.text("gen_ai.operation.name", bag);
        Some(match operation.unwrap_or(record.name) {
            "llm_call" => Shape::of(Operation::Model),
            "tool_call" => Shape::of(Operation::Tool),
            "agent_call" => Shape::of(Operation::Agent),
            "user_prompt" => Shape::of(Operation::Turn),
            "schedule_tool_calls" | "system_prompt" => Shape::plumbing(Operation::Internal),
            _ => return None,
        })
    },
    adjust: |record, bag, reading| {
        place(bag, reading);
        match reading.shape.operation {
            Operation::Model => gemini_payloads::read_conversations(record, bag, reading),
            Operation::Tool => tool_span(record, bag, reading),
            Operation::Agent => agent_span(record, bag, reading),
            _ => {}
        }
    },
    log,
    ..Family::PLAIN
};

/// Says whose act it is. The id of a prompt is the session's own where the session has one prompt
/// only, and `agent#n` on the requests of a subagent; the CLI is nobody's subagent.
fn place(bag: &mut Bag, reading: &mut Reading) {
    let facts = &mut reading.facts;
    if facts.agent_name.as_deref() == Some("gemini-cli") {
        facts.agent_name = None;
    }
    let Some(key) = facts.turn_key.clone() else {
        return;
    };
    if let Some((agent, n)) = key.split_once('#')
        && !agent.is_empty()
        && n.bytes().all(|byte| byte.is_ascii_digit())
        && !n.is_empty()
    {
        facts.agent_id.get_or_insert_with(|| bag.word(agent));
    }
    let session = facts
        .session_id
        .as_ref()
        .or(facts.resource_session_id.as_ref());
    if reading.shape.operation == Operation::Turn && session == Some(&key) {
        facts.turn_key = None;
    }
}

fn tool_span(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    let said = |key: &str, bag: &Bag| record.text(key, bag).map(str::to_owned);
    let input = said("gen_ai.input.messages", bag);
    let output = said("gen_ai.output.messages", bag);
    let CallDocument {
        arguments,
        mcp,
        output: answer,
        success,
        error_type,
        exit_code,
    } = gemini_payloads::call_document(input.as_deref(), output.as_deref());
    if let Some((server, tool)) = mcp {
        reading.facts.mcp_server = Some(bag.word(&server));
        reading.facts.tool_name = Some(bag.word(&tool));
    }
    match (arguments, input) {
        (Some(arguments), _) => content::set_tool_input(arguments, bag, reading),
        (None, Some(cut)) => {
            content::set_tool_input(cut, bag, reading);
            // The text holds the call's id: no two calls would look alike.
            reading.facts.call_hash = None;
            reading.facts.detail = None;
        }
        (None, None) => {}
    }
    if let Some(answer) = answer.or(output) {
        content::set_tool_output(answer, bag, reading);
    }
    if let Some(kind) = error_type {
        reading.facts.error_type = Some(bag.word(&kind));
    }
    if reading.facts.truncated_upstream.is_some() {
        gemini_payloads::note_cut(bag, reading);
    }
    // The status of these spans is always good.
    if reading.facts.success.is_none() || success == Some(false) {
        reading.facts.success = success;
    }
    set_exit_code(exit_code, reading);
}

/// The exit code decides: the CLI counts a command that could be started as a success.
fn set_exit_code(exit_code: Option<i64>, reading: &mut Reading) {
    if exit_code.is_some() {
        reading.facts.exit_code = exit_code;
    }
    if exit_code.is_some_and(|code| code != 0) {
        reading.facts.success = Some(false);
    }
}

fn agent_span(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    // Its task is the main agent's words, not the user's.
    reading.facts.prompt = None;
    reading.facts.title = None;
    let input = record
        .text("gen_ai.input.messages", bag)
        .and_then(parse_nested);
    if let Some(name) = input
        .as_ref()
        .and_then(|input| input.get("agent_name")?.as_str())
    {
        reading.facts.agent_name = Some(bag.word(name));
    }
    let output = record
        .text("gen_ai.output.messages", bag)
        .map(str::to_owned);
    let (answer, id) = output
        .as_deref()
        .map(gemini_payloads::agent_answer)
        .unwrap_or_default();
    if let Some(id) = id {
        reading.facts.agent_id = Some(bag.word(&id));
    }
    if let Some(answer) = answer {
        reading.facts.output = Some(bag.add(answer));
    }
}

/// Log records of Gemini CLI and of its forks.
pub(super) fn log(record: &Record<'_>, bag: &mut Bag) -> Option<Reading> {
    let is_details = record.name == "gen_ai.client.inference.operation.details";
    let operation = match record.event() {
        _ if is_details => Operation::Model,
        "user_prompt" => Operation::Turn,
        "api_request" | "api_response" | "api_error" => Operation::Model,
        "tool_call" => Operation::Tool,
        "hook_call" => Operation::Hook,
        "agent.start" | "agent.finish" => Operation::Agent,
        "conseca.verdict" => Operation::Policy,
        "skill_launch" => Operation::Skill,
        // Written without a prefix.
        "loop_detected" => Operation::Guardrail,
        _ => return None,
    };
    let mut reading = Reading::new(record, Shape::of(operation));
    facts::read(record, bag, &mut reading);
    content::read(record, bag, &mut reading);
    place(bag, &mut reading);
    reading.start_ns = record.start_before();
    match record.event() {
        "tool_call" => tool_record(record, bag, &mut reading),
        "hook_call" => hook_record(record, bag, &mut reading),
        "agent.start" | "agent.finish" => {
            reading.facts.starts_subagent = true;
            reading.facts.success = None;
        }
        "loop_detected" => {
            reading.facts.hook_name = Some(bag.word("loop_detected"));
            let kind = record.text("loop_type", bag).map(str::to_owned);
            reading.facts.detail =
                kind.map(|kind| bag.word(&text::one_line(&kind, text::DETAIL_MAX)));
        }
        _ if operation == Operation::Model => {
            gemini_payloads::read_conversations(record, bag, &mut reading);
            request_record(record, bag, &mut reading);
        }
        _ => {}
    }
    Some(reading)
}

/// Requests of helpers beside the conversation (routing, summaries) name their role.
fn request_record(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    if let Some(role) = record.text("role", bag)
        && role.starts_with("utility")
    {
        let role = role.to_owned();
        reading.facts.agent_name = Some(bag.word(&role));
    }
    // The second record of a request names the model that answered; what has no answer has failed.
    let facts = &reading.facts;
    if record.has("gen_ai.response.model")
        && facts.request_id.is_none()
        && facts.input_tokens.is_none()
        && facts.output.is_none()
    {
        reading.facts.success = Some(false);
    }
    let is_answer = record.event() == "api_response" || reading.facts.output.is_some();
    if is_answer && reading.facts.success.is_none() {
        reading.facts.success = Some(true);
    }
}

fn tool_record(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    let facts = &mut reading.facts;
    if let (Some(server), Some(name)) = (&facts.mcp_server, &facts.tool_name) {
        let bare = name
            .strip_prefix("mcp_")
            .and_then(|rest| rest.strip_prefix(&**server))
            .map(|rest| rest.trim_start_matches('_'))
            .filter(|rest| !rest.is_empty())
            .map(str::to_owned);
        if let Some(bare) = bare {
            facts.tool_name = Some(bag.word(&bare));
            // The hash is of the bare name, as that of the call's other reports.
            if let Some(input) = record.text("function_args", bag).map(str::to_owned) {
                content::set_tool_input(input, bag, reading);
            }
        }
    }
    let metadata = record.text("metadata", bag).and_then(parse_nested);
    let code = metadata
        .as_ref()
        .and_then(|map| map.get("exitCode")?.as_i64());
    set_exit_code(code, reading);
    if metadata.as_ref().and_then(|map| map.get("isError")) == Some(&Json::Bool(true)) {
        reading.facts.success = Some(false);
    }
    // Stopped by a hook or a policy before it ran: no failure of the tool.
    if reading.facts.error_type.as_deref() == Some("policy_violation") {
        reading.facts.decision = Some(Decision::Deny);
    }
    if reading.facts.decision == Some(Decision::Deny) {
        reading.facts.success = None;
    }
}

fn hook_record(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    let input = record.text("hook_input", bag).and_then(parse_nested);
    let said = |key: &str| input.as_ref()?.get(key)?.as_str();
    if let Some(tool) = said("tool_name") {
        reading.facts.tool_name = Some(bag.word(tool));
    }
    if let Some(folder) = said("cwd").and_then(text::folder_name) {
        reading.facts.project = Some(bag.word(folder));
    }
    let output = ["hook_output", "stdout"]
        .iter()
        .find_map(|key| parse_nested(record.text(key, bag)?));
    let Some(output) = output else { return };
    let decision = ["/decision", "/hookSpecificOutput/permissionDecision"]
        .iter()
        .find_map(|path| facts::decision_of(output.pointer(path)?.as_str()?))
        .or_else(|| (output.get("continue") == Some(&Json::Bool(false))).then_some(Decision::Deny));
    if decision.is_some() {
        reading.facts.decision = decision;
        reading.facts.decision_source = reading.facts.hook_name.clone();
    }
    let reason = [
        "/reason",
        "/stopReason",
        "/hookSpecificOutput/permissionDecisionReason",
    ]
    .iter()
    .find_map(|path| output.pointer(path)?.as_str());
    if let Some(reason) = reason {
        let line = text::one_line(reason, text::DETAIL_MAX);
        reading.facts.detail = Some(bag.word(&line));
    }
}
