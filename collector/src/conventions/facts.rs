//! Facts that every family shares: who, which session, which model, how many tokens, what came of it.

use std::borrow::Cow;

use proto::agent::{CostSource, Decision, Facts, Operation};

use super::names::Concept as C;
use super::payload::Bag;
use super::record::{Reading, Record, SpanEvent};
use super::text;
use super::value::{self, Value};

/// Fills the facts of `reading`, as far as attributes and events say them; content is
/// [`super::content::read`]'s.
pub(super) fn read(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    identity(record, bag, reading);
    match reading.shape.operation {
        Operation::Model => model(record, bag, reading),
        Operation::Embedding => {
            reading.facts.model = model_name(record, bag);
            reading.facts.provider = provider(record, bag);
            reading.facts.input_tokens = record.picked.int(C::InputTokens);
        }
        Operation::Tool | Operation::Mcp | Operation::Policy => tool(record, bag, reading),
        Operation::Hook | Operation::Guardrail => hook(record, bag, reading),
        Operation::Skill => reading.facts.skill_name = record.picked.word(C::SkillName, bag),
        _ => {}
    }
    outcome(record, bag, reading);
    for (count, what, switch) in [
        (
            record.dropped_attributes_count,
            "attributes",
            if record.is_log {
                "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT"
            } else {
                "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"
            },
        ),
        (
            record.dropped_events_count,
            "events",
            "OTEL_SPAN_EVENT_COUNT_LIMIT",
        ),
    ] {
        if count > 0 {
            let note = format!("{count} {what} dropped by the sender; raise {switch}");
            reading.cut(&note, bag);
        }
    }
}

fn identity(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    let picked = &record.picked;
    let facts = &mut reading.facts;
    let active = record.source.family.for_record(record.name);
    facts.harness = active.harness(record, bag);
    facts.session_id = picked.word(C::Session, bag);
    facts.resource_session_id = picked
        .word(C::NamedSession, bag)
        .or_else(|| metadata_session(record, bag))
        .or_else(|| record.source.session_id.clone());
    facts.parent_session_id = picked.word(C::ParentSession, bag);
    facts.turn_key = picked.word(C::TurnKey, bag);
    facts.user_id = picked
        .word(C::UserId, bag)
        .or_else(|| record.source.user_id.clone());
    facts.host = record.source.origin.host.clone();
    facts.branch = picked.word(C::Branch, bag);
    facts.harness_version = picked
        .word(C::HarnessVersion, bag)
        .or_else(|| active.version(record));
    facts.project = picked
        .word(C::Project, bag)
        .or_else(|| record.source.project.clone());
    // A framework's service is the user's program; a harness's is the harness itself.
    let service = &record.source.origin.service_name;
    if facts.project.is_none()
        && facts.harness.is_some()
        && facts.harness.as_ref() != Some(service)
        && active.family.services.is_empty()
        && !service.is_empty()
    {
        facts.project = Some(service.clone());
    }
    facts.agent_id = picked.word(C::AgentId, bag);
    facts.parent_agent_id = picked.word(C::ParentAgentId, bag);
    facts.agent_name = picked.word(C::AgentName, bag);
    if reading.shape.operation == Operation::Agent {
        if facts.agent_name.is_none() {
            // Some writers put the model where others put the agent's name.
            let model = picked.scalar(C::RequestModel, bag);
            let name = record
                .name
                .strip_prefix("invoke_agent ")
                .filter(|name| model.as_deref() != Some(*name))
                .map(str::to_owned)
                .or_else(|| {
                    let name = record.text("traceloop.entity.name", bag)?;
                    Some(name.to_owned())
                });
            facts.agent_name = name.map(|name| bag.word(&name));
        }
        // A node of a graph follows another one; that does not make it the other's subagent.
        facts.starts_subagent = facts.parent_agent_id.is_some()
            && picked.key(C::ParentAgentId) != Some("graph.node.parent_id");
    }
}

/// Session keys that only a JSON `metadata` attribute carries.
fn metadata_session(record: &Record<'_>, bag: &mut Bag) -> Option<std::sync::Arc<str>> {
    let metadata = super::json::parse_nested(record.text("metadata", bag)?)?;
    let id = ["session_id", "thread_id", "langgraph_thread_id"]
        .iter()
        .find_map(|key| metadata.get(key)?.as_str())
        .filter(|id| !text::is_filler(id))?;
    Some(bag.word(id))
}

fn model_name(record: &Record<'_>, bag: &mut Bag) -> Option<std::sync::Arc<str>> {
    record
        .picked
        .word(C::ResponseModel, bag)
        .or_else(|| record.picked.word(C::RequestModel, bag))
}

/// Provider names as the conventions spell them today.
fn provider(record: &Record<'_>, bag: &mut Bag) -> Option<std::sync::Arc<str>> {
    let name = record.picked.scalar(C::Provider, bag)?.into_owned();
    let name = match name.as_str() {
        // A framework's own name: whose model it is, the model's id tells.
        "strands-agents"
        | "spring_ai"
        | "autogen"
        | "gcp.vertex.agent"
        | "microsoft.agent_framework"
        | "github" => {
            let model = record
                .picked
                .scalar(C::ResponseModel, bag)
                .or_else(|| record.picked.scalar(C::RequestModel, bag));
            model
                .and_then(|model| vendor_of_model(&model))
                .unwrap_or(name.as_str())
        }
        "vertex_ai" => "gcp.vertex_ai",
        "gemini" => "gcp.gemini",
        "az.ai.inference" => "azure.ai.inference",
        "az.ai.openai" => "azure.ai.openai",
        "xai" => "x_ai",
        // The Vercel SDK appends the kind of endpoint.
        other if record.picked.key(C::Provider) == Some("ai.model.provider") => {
            other.split('.').next().unwrap_or(other)
        }
        other => other,
    };
    Some(bag.word(name))
}

/// The vendor behind a model's id, where its name says so.
fn vendor_of_model(id: &str) -> Option<&'static str> {
    let named = |prefix: &str| id.split(['/', '.']).any(|part| part.starts_with(prefix));
    [
        ("claude", "anthropic"),
        ("gpt-", "openai"),
        ("o1", "openai"),
        ("o3", "openai"),
        ("o4", "openai"),
        ("gemini", "gcp.gemini"),
        ("mistral", "mistral_ai"),
        ("grok", "x_ai"),
        ("deepseek", "deepseek"),
        ("nova", "aws.bedrock"),
    ]
    .iter()
    .find_map(|(prefix, vendor)| named(prefix).then_some(*vendor))
}

/// Only model requests carry tokens and cost: agents, turns and roots repeat their sums.
fn model(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    let picked = &record.picked;
    let facts = &mut reading.facts;
    facts.model = model_name(record, bag);
    facts.provider = provider(record, bag);
    facts.request_id = picked.word(C::RequestId, bag);
    facts.join_key = picked.word(C::JoinKey, bag);
    facts.input_tokens = picked.int(C::InputTokens);
    facts.output_tokens = picked.int(C::OutputTokens);
    facts.cache_read_tokens = picked.int(C::CacheReadTokens);
    facts.cache_write_tokens = picked.int(C::CacheWriteTokens);
    facts.reasoning_tokens = picked.int(C::ReasoningTokens);
    if counts_cache_beside_input(record, facts) {
        facts.input_tokens = facts
            .input_tokens
            .map(|input| input.saturating_add(cached_tokens(facts)));
    }
    facts.cost_usd = picked
        .double(C::Cost)
        .or_else(|| picked.double(C::CostMicros).map(|micros| micros / 1e6));
    facts.cost_source = facts.cost_usd.map(|_| CostSource::Reported);
    facts.attempt_count = picked.int(C::AttemptCount);
    facts.finish_reason = picked
        .value(C::FinishReason)
        .and_then(|value| first_word(value, bag))
        .map(|reason| bag.word(&reason));
    facts.detail = facts.model.clone();
}

/// Input tokens that came from a cache or were written to one.
fn cached_tokens(facts: &Facts) -> i64 {
    let count = |tokens: Option<i64>| tokens.unwrap_or(0).max(0);
    count(facts.cache_read_tokens).saturating_add(count(facts.cache_write_tokens))
}

/// Anthropic counts cached tokens beside `input_tokens`, and whoever passes its counts on unchanged does;
/// ours include them. Counts under its bare name are such, and those that leave no other reading.
fn counts_cache_beside_input(record: &Record<'_>, facts: &Facts) -> bool {
    record.picked.key(C::InputTokens) == Some("input_tokens")
        || facts
            .input_tokens
            .is_some_and(|input| cached_tokens(facts) > input)
}

/// The first of a list that may come as an array, a JSON array in a string, or words with commas.
fn first_word(value: &Value, bag: &Bag) -> Option<String> {
    let first = match value {
        Value::List(values) => values.first()?.scalar(bag)?,
        value => value.scalar(bag)?,
    };
    if let Some(serde_json::Value::Array(values)) = super::json::parse_nested(&first) {
        return values.first()?.as_str().map(str::to_owned);
    }
    let word = first.split(',').next().unwrap_or_default().trim();
    (!word.is_empty()).then(|| word.to_owned())
}

fn tool(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    let picked = &record.picked;
    let facts = &mut reading.facts;
    facts.tool_call_id = picked.word(C::ToolCallId, bag);
    facts.mcp_server = picked.word(C::McpServer, bag);
    facts.exit_code = picked.int(C::ExitCode);
    facts.skill_name = picked.word(C::SkillName, bag);
    facts.tool_name = picked.word(C::ToolName, bag).or_else(|| {
        record
            .name
            .strip_prefix("execute_tool ")
            .map(|name| bag.word(name))
    });
    if reading.shape.operation == Operation::Tool && facts.tool_name.is_none() {
        facts.tool_name = (!record.name.is_empty()).then(|| bag.word(record.name));
    }
    if let Some(name) = facts.tool_name.clone()
        && let Some((server, tool)) = split_mcp(&name)
    {
        facts.mcp_server.get_or_insert_with(|| bag.word(server));
        facts.tool_name = Some(bag.word(tool));
    }
    decision(record, bag, reading);
}

/// Server and tool of a name like `mcp__server__tool`.
pub(super) fn split_mcp(name: &str) -> Option<(&str, &str)> {
    let (server, tool) = name.strip_prefix("mcp__")?.split_once("__")?;
    (!server.is_empty() && !tool.is_empty()).then_some((server, tool))
}

fn hook(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    let facts = &mut reading.facts;
    facts.hook_event = record.picked.word(C::HookEvent, bag).or_else(|| {
        record
            .name
            .strip_prefix("execute_hook ")
            .map(|event| bag.word(event))
    });
    facts.hook_name = record.picked.word(C::HookName, bag);
    if reading.shape.operation == Operation::Guardrail {
        if facts.hook_name.is_none() {
            facts.hook_name = (!record.name.is_empty()).then(|| bag.word(record.name));
        }
        // `true` means that the guardrail stepped in.
        if let Some(triggered) = record
            .get("gen_ai.guardrail.triggered")
            .and_then(Value::flag)
        {
            facts.decision = Some(if triggered {
                Decision::Deny
            } else {
                Decision::Allow
            });
        }
    }
    facts.detail = facts.hook_name.clone().or_else(|| facts.hook_event.clone());
    // The exit code by which a command hook blocks.
    if reading.shape.operation == Operation::Hook && record.picked.int(C::ExitCode) == Some(2) {
        reading.facts.decision = Some(Decision::Deny);
        reading.facts.decision_source = reading.facts.hook_name.clone();
    }
    decision(record, bag, reading);
}

fn decision(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    if let Some(word) = record.picked.scalar(C::Decision, bag)
        && let Some(decision) = decision_of(&word)
    {
        reading.facts.decision = Some(decision);
        reading.facts.decision_source = record.picked.word(C::DecisionSource, bag);
    }
}

/// The verdict behind the words of the emitters; `None` for one that decides nothing.
pub(super) fn decision_of(word: &str) -> Option<Decision> {
    let word = word.trim().to_ascii_lowercase();
    match word.as_str() {
        "accept" | "auto_accept" | "auto_approved" | "allow" | "allowed" | "pass" | "modify"
        | "instruct" => Some(Decision::Allow),
        "reject" | "denied" | "deny" | "block" | "blocked" | "stopped" | "abort" | "aborted"
        | "cancel" | "cancelled" | "timed_out" => Some(Decision::Deny),
        "ask" => Some(Decision::Ask),
        word if word.starts_with("approved") || word.starts_with("proceed_") => {
            Some(Decision::Allow)
        }
        _ => None,
    }
}

/// Success, error type and message from attributes, exception events and status.
fn outcome(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    let picked = &record.picked;
    let exception = record
        .events
        .iter()
        .rev()
        .find(|event| event.name == "exception");
    let said = |key: &str, bag: &mut Bag| {
        let text = exception_text(exception?, key, bag)?.into_owned();
        Some(bag.word(&text))
    };
    let facts = &mut reading.facts;
    facts.error_type = picked
        .word(C::ErrorType, bag)
        .or_else(|| said("exception.type", bag));
    facts.error_message = picked
        .content(C::ErrorMessage, bag)
        .map(Cow::into_owned)
        .filter(|text| !text.is_empty())
        .map(|text| bag.word(&text))
        .or_else(|| said("exception.message", bag));
    facts.success = picked.flag(C::Success);
    if facts.success.is_none() {
        let failed_exit = picked.int(C::ExitCode).is_some_and(|code| code != 0);
        let failed_http = picked.int(C::HttpStatus).is_some_and(|code| code >= 400);
        let failed = record.is_error
            || failed_exit
            || failed_http
            || picked.has(C::ErrorType)
            || picked.has(C::ErrorMessage);
        if failed {
            facts.success = Some(false);
        }
    }
    if facts.error_type.is_none()
        && facts.success == Some(false)
        && let Some(code) = picked.int(C::HttpStatus).filter(|code| *code >= 400)
    {
        facts.error_type = Some(bag.word(&code.to_string()));
    }
}

fn exception_text<'a>(event: &'a SpanEvent, key: &str, bag: &'a Bag) -> Option<Cow<'a, str>> {
    value::get(&event.attributes, key)?
        .scalar(bag)
        .filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_names_of_mcp_tools() {
        assert_eq!(split_mcp("mcp__inv__reserve"), Some(("inv", "reserve")));
        assert_eq!(split_mcp("mcp__a__b__c"), Some(("a", "b__c")));
        assert_eq!(split_mcp("mcp____x"), None);
        assert_eq!(split_mcp("Bash"), None);
    }

    #[test]
    fn normalises_verdicts() {
        assert_eq!(decision_of("reject"), Some(Decision::Deny));
        assert_eq!(decision_of("approved_for_session"), Some(Decision::Allow));
        assert_eq!(decision_of("unknown"), None);
    }
}
