//! OpenCode: the Vercel SDK's spans, its own span per tool call, and several thousand internals.

use proto::agent::{Decision, Operation};
use serde_json::{Map, Value as Json};

use super::Family;
use crate::conventions::facts;
use crate::conventions::json;
use crate::conventions::names::Concept as C;
use crate::conventions::payload::Bag;
use crate::conventions::record::{Reading, Record, Shape};
use crate::conventions::text;
use crate::conventions::value::Value;

pub(super) static FAMILY: Family = Family {
    harness: Some("opencode"),
    services: &["opencode"],
    names: &[(
        C::ParentSession,
        &["ai.request.headers.x-parent-session-id"],
    )],
    shape,
    adjust,
    log,
    ..Family::PLAIN
};

/// The SDK's outer span is one request here, not an agent's run: OpenCode goes from request to
/// request itself. Everything that is neither the SDK's nor a tool call is an internal.
fn shape(record: &Record<'_>, bag: &Bag) -> Option<Shape> {
    if record.name == "Permission.ask" {
        return Some(Shape::part(Operation::Policy));
    }
    if record.has("tool.name") && record.has("tool.call_id") {
        return Some(Shape::of(Operation::Tool));
    }
    let id = record.text("ai.operationId", bag);
    let is_inner = id.is_some_and(|id| id == "ai.toolCall" || id.contains(".do"));
    let is_other = id.is_none() && record.has_prefix("gen_ai.");
    (!is_inner && !is_other).then_some(Shape::plumbing(Operation::Internal))
}

fn adjust(record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
    let facts = &mut reading.facts;
    // The SDK's function id is the same for all of OpenCode's requests.
    if record.picked.key(C::AgentName) == Some("ai.telemetry.functionId") {
        facts.agent_name = None;
    }
    if let Some(prompt) = &facts.prompt
        && let Some(words) = unquoted(bag.text(prompt))
    {
        let title = text::one_line(&words, text::TITLE_MAX);
        facts.title = Some(bag.word(&title));
    }
    if !matches!(reading.shape.operation, Operation::Tool | Operation::Policy) {
        return;
    }
    facts.starts_subagent |= facts.tool_name.as_deref() == Some("task");
    let refusal = facts
        .error_type
        .as_deref()
        .is_some_and(|kind| kind.starts_with("Permission") && kind.ends_with("Error"));
    if refusal {
        let by_rule = facts.error_type.as_deref() == Some("PermissionDeniedError");
        facts.decision = Some(Decision::Deny);
        facts.decision_source = Some(bag.word(if by_rule { "config" } else { "user" }));
    }
    if let Some(output) = &facts.output
        && let Some(result) = json::parse_nested(bag.text(output))
    {
        let metadata = result.get("metadata");
        let exit_code = metadata.and_then(|metadata| metadata.get("exit")?.as_i64());
        facts.exit_code = exit_code;
        if exit_code.is_some_and(|code| code != 0) {
            facts.success = Some(false);
        }
    }
}

/// The command line puts words that it was given as one argument into quotes.
fn unquoted(prompt: &str) -> Option<String> {
    let inner = prompt.trim().strip_prefix('"')?.strip_suffix('"')?;
    let words = inner.replace("\\\"", "\u{0}");
    (!words.contains('"')).then(|| words.replace('\u{0}', "\""))
}

/// Log records are a word and its details: `["loop", "{\"session.id\":…,\"step\":0}"]`.
fn log(record: &Record<'_>, bag: &mut Bag) -> Option<Reading> {
    let Value::List(body) = record.body else {
        return None;
    };
    let [word, details] = body.as_slice() else {
        return None;
    };
    let Json::Object(details) = json::parse_nested(details.text(bag)?)? else {
        return None;
    };
    let word = word.text(bag)?.to_owned();
    let said = |key: &str| details.get(key).and_then(Json::as_str);
    let mut reading = match word.as_str() {
        // The first step of a run is the answer to a prompt.
        "loop" if details.get("step").and_then(Json::as_i64) == Some(0) => {
            Reading::new(record, Shape::of(Operation::Turn))
        }
        "stream" | "created" => Reading::new(record, Shape::part(Operation::Internal)),
        "evaluated" => Reading::new(record, Shape::part(Operation::Policy)),
        _ => return None,
    };
    facts::read(record, bag, &mut reading);
    let facts = &mut reading.facts;
    let id = match word.as_str() {
        "created" => said("id"),
        _ => said("session.id").or_else(|| said("sessionID")),
    };
    if let Some(id) = id {
        facts.session_id = Some(bag.word(id));
    }
    if let Some(parent) = said("parentID") {
        facts.parent_session_id = Some(bag.word(parent));
    }
    let folder = said("directory").and_then(|path| path.rsplit(['/', '\\']).next());
    if let Some(folder) = folder.filter(|folder| !folder.is_empty()) {
        facts.project = Some(bag.word(folder));
    }
    facts.agent_name = said("agent").map(|agent| bag.word(agent));
    if word == "evaluated" {
        verdict(&details, bag, &mut reading);
    }
    Some(reading)
}

/// The rule that a permission check came out at.
fn verdict(details: &Map<String, Json>, bag: &mut Bag, reading: &mut Reading) {
    let action = details.get("action");
    let action = action.and_then(|action| action.get("action").unwrap_or(action).as_str());
    reading.facts.decision = action.and_then(facts::decision_of);
    reading.facts.decision_source = Some(bag.word("config"));
}
