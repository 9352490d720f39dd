//! Claude Code's log records: which of them report an act, and what they say of it.
//!
//! Durations count backwards from the record's time. The request that a tool call came from is not
//! an identity of the call, so `request_id` counts for model requests only.

use proto::agent::{Decision, Operation};

use super::claude_code::{CUT, agent_of_query_source, is_marked_cut, read_log, subagent};
use crate::conventions::log::BODY_NOT_READ;
use crate::conventions::payload::Bag;
use crate::conventions::record::{Reading, Record, Shape};
use crate::conventions::value::Value;
use crate::conventions::{content, json, messages};

const NO_PROMPT: &str = "prompt not sent; set OTEL_LOG_USER_PROMPTS=1";
const NO_RESPONSE: &str = "response not sent; set OTEL_LOG_ASSISTANT_RESPONSES=1";
const NO_NAMES: &str = "names not sent; set OTEL_LOG_TOOL_DETAILS=1";
const NO_DETAILS: &str = "arguments not sent; set OTEL_LOG_TOOL_DETAILS=1";
const ELSEWHERE: &str = "body kept in a file by the sender; let Spanreel read it (--read-body-refs), or set OTEL_LOG_RAW_API_BODIES=1 to have it sent";
const CUT_ARGUMENTS: &str =
    "arguments cut at 512 characters by the sender; set OTEL_LOG_RAW_API_BODIES";

pub(super) fn log(record: &Record<'_>, bag: &mut Bag) -> Option<Reading> {
    Some(match record.event() {
        "user_prompt" => {
            let mut reading = read_log(record, Shape::of(Operation::Turn), bag);
            reading.facts.truncated_upstream = None;
            tell_of_withheld(record, bag, &mut reading);
            reading
        }
        "api_request" => request(record, Shape::of(Operation::Model), bag),
        "api_error" => {
            let mut reading = request(record, Shape::of(Operation::Model), bag);
            reading.facts.success = Some(false);
            reading
        }
        // Told once all attempts have failed, beside the last attempt's error.
        "api_retries_exhausted" => {
            let mut reading = request(record, Shape::part(Operation::Model), bag);
            reading.start_ns = record.start_ns;
            reading.facts.success = Some(false);
            reading
        }
        // The model answered that it will not.
        "api_refusal" => {
            let mut reading = part_of_request(record, bag);
            reading.facts.finish_reason = Some(bag.word("refusal"));
            let category = record.text("category", bag).map(str::to_owned);
            reading.facts.error_message = category.map(|category| bag.word(&category));
            reading
        }
        "assistant_response" => {
            let mut reading = part_of_request(record, bag);
            // Text blocks only: what tools were asked for is in the response's body.
            reading.facts.call_hash = None;
            if reading.facts.output.is_none() {
                reading.facts.truncated_upstream = None;
                reading.cut(NO_RESPONSE, bag);
            }
            reading
        }
        "api_request_body" => {
            let mut reading = part_of_request(record, bag);
            let body = record
                .get("body")
                .map(|body| messages::input(body, None, bag));
            content::set_input(body, bag, &mut reading);
            note_cut(record, bag, &mut reading);
            reading
        }
        "api_response_body" => {
            let mut reading = part_of_request(record, bag);
            let body = record.get("body").map(|body| messages::output(body, bag));
            content::set_output(body, bag, &mut reading);
            note_cut(record, bag, &mut reading);
            reading
        }
        "tool_result" => tool_result(record, bag),
        "tool_decision" => {
            let mut reading = read_log(record, Shape::of(Operation::Policy), bag);
            reading.facts.truncated_upstream = None;
            reading.facts.agent_name = None;
            reading
        }
        "hook_execution_complete" => {
            let mut reading = read_log(record, Shape::of(Operation::Hook), bag);
            reading.start_ns = record.start_before();
            hook_outcome(record, &mut reading);
            reading
        }
        "subagent_completed" => {
            let mut reading = read_log(record, Shape::of(Operation::Agent), bag);
            reading.start_ns = record.start_before();
            reading.facts.starts_subagent = true;
            reading.facts.detail = reading.facts.agent_name.clone();
            reading
        }
        "mcp_server_connection" => {
            let mut reading = read_log(record, Shape::plumbing(Operation::Mcp), bag);
            reading.start_ns = record.start_before();
            let status = record.text("status", bag);
            if status == Some("failed") || record.has("error_code") {
                reading.facts.success = Some(false);
            }
            reading.facts.detail = reading.facts.mcp_server.clone();
            reading
        }
        "skill_activated" => {
            let mut reading = read_log(record, Shape::of(Operation::Skill), bag);
            reading.facts.detail = reading.facts.skill_name.clone();
            if reading.facts.skill_name.is_none() {
                reading.cut(NO_NAMES, bag);
            }
            reading
        }
        "compaction" => {
            let mut reading = read_log(record, Shape::of(Operation::Internal), bag);
            reading.start_ns = record.start_before();
            let said = |key: &str, bag: &Bag| Some(record.get(key)?.scalar(bag)?.into_owned());
            let trigger = said("trigger", bag).unwrap_or_default();
            let sizes = said("pre_tokens", bag).zip(said("post_tokens", bag));
            let line = match sizes {
                Some((before, after)) => format!("{trigger}: {before} to {after} tokens"),
                None => trigger,
            };
            reading.facts.detail = (!line.is_empty()).then(|| bag.word(&line));
            reading
        }
        "permission_mode_changed" => {
            let mut reading = read_log(record, Shape::of(Operation::Internal), bag);
            let said = |key: &str, bag: &Bag| record.text(key, bag).map(str::to_owned);
            let (from, to) = (said("from_mode", bag), said("to_mode", bag));
            let line = format!("{} to {}", from.unwrap_or_default(), to.unwrap_or_default());
            reading.facts.detail = Some(bag.word(line.trim()));
            reading
        }
        "internal_error" => {
            let mut reading = read_log(record, Shape::plumbing(Operation::Internal), bag);
            reading.facts.success = Some(false);
            reading
        }
        // Registrations, plugins, sign-ins, mentions, surveys, definitions of tools and prompts: events.
        _ => return None,
    })
}

/// A turn whose prompt is withheld says what is known of it; a slash command is a title.
pub(super) fn tell_of_withheld(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    if reading.facts.prompt.is_some() {
        return;
    }
    reading.facts.truncated_upstream = None;
    reading.cut(NO_PROMPT, bag);
    let command = record
        .text("command_name", bag)
        .map(|command| format!("/{}", command.trim_start_matches('/')));
    let length = ["prompt_length", "user_prompt_length"]
        .iter()
        .find_map(|key| record.get(key)?.int());
    if let Some(command) = command {
        reading.facts.title = Some(bag.word(&command));
    } else if let Some(length) = length {
        let line = format!("prompt of {length} characters, not sent");
        reading.facts.detail = Some(bag.word(&line));
    }
}

fn request(record: &Record<'_>, shape: Shape, bag: &mut Bag) -> Reading {
    let mut reading = read_log(record, shape, bag);
    reading.start_ns = record.start_before();
    agent_of_query_source(record, bag, &mut reading);
    reading.facts.provider = Some(bag.word("anthropic"));
    reading
}

/// A record that adds content to a request which `api_request` or a span reports.
fn part_of_request(record: &Record<'_>, bag: &mut Bag) -> Reading {
    let mut reading = read_log(record, Shape::part(Operation::Model), bag);
    agent_of_query_source(record, bag, &mut reading);
    reading.facts.provider = Some(bag.word("anthropic"));
    reading
}

fn note_cut(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    if !record.has("body") && record.has("body_ref") {
        match record.text(BODY_NOT_READ, bag).map(str::to_owned) {
            Some(why) => reading.cut(&format!("body kept in a file by the sender: {why}"), bag),
            None => reading.cut(ELSEWHERE, bag),
        }
    }
    if is_marked_cut(record) {
        reading.facts.truncated_upstream = None;
        reading.cut(CUT, bag);
    }
}

fn tool_result(record: &Record<'_>, bag: &mut Bag) -> Reading {
    let mut reading = read_log(record, Shape::of(Operation::Tool), bag);
    reading.start_ns = record.start_before();
    subagent(record, bag, &mut reading);
    if reading.facts.starts_subagent && reading.facts.agent_name.is_none() {
        let kind = record
            .text("tool_input", bag)
            .and_then(json::parse_nested)
            .and_then(|input| Some(input.get("subagent_type")?.as_str()?.to_owned()));
        reading.facts.agent_name = kind.map(|kind| bag.word(&kind));
    }
    if reading.facts.input.is_none() {
        // Weaker than the arguments themselves, and marked as such.
        let size = record.get("tool_input_size_bytes").and_then(Value::int);
        if let (Some(size), Some(tool)) = (size, reading.facts.tool_name.clone()) {
            let hash = format!(
                "size:{}",
                json::hash16(bag.hashing(), &[&tool, &size.to_string()])
            );
            reading.facts.call_hash = Some(bag.word(&hash));
        }
        reading.facts.truncated_upstream = None;
        reading.cut(NO_DETAILS, bag);
    } else if reading.facts.truncated_upstream.take().is_some() {
        reading.cut(CUT_ARGUMENTS, bag);
    }
    if let Some(word) = record.text("decision_type", bag)
        && let Some(decision) = crate::conventions::facts::decision_of(word)
    {
        reading.facts.decision = Some(decision);
        let source = record.text("decision_source", bag).map(str::to_owned);
        reading.facts.decision_source = source.map(|source| bag.word(&source));
    }
    reading
}

/// One record stands for all hooks that ran for one event.
pub(super) fn hook_outcome(record: &Record<'_>, reading: &mut Reading) {
    let count = |key: &str| record.get(key).and_then(Value::int).unwrap_or(0);
    if count("num_blocking") > 0 {
        reading.facts.decision = Some(Decision::Deny);
        reading.facts.decision_source = reading.facts.hook_name.clone();
    }
    if reading.facts.success.is_none() {
        let failed = count("num_non_blocking_error") + count("num_cancelled") > 0;
        reading.facts.success = Some(!failed);
    }
}
