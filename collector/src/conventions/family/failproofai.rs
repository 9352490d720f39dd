//! FailproofAI (agenteye): the lines of its local decision log, forwarded as log records. It emits no
//! telemetry of its own; in an agent's telemetry its verdicts show as denials by a hook.

use proto::agent::Operation;
use serde_json::Value as Json;

use super::Family;
use crate::conventions::facts::decision_of;
use crate::conventions::json::parse_nested;
use crate::conventions::payload::Bag;
use crate::conventions::record::{Reading, Record, Shape};

pub(super) static FAMILY: Family = Family {
    log,
    ..Family::PLAIN
};

/// One line is one hook fire: all policies that ran, and what came of them.
fn log(record: &Record<'_>, bag: &mut Bag) -> Option<Reading> {
    let line = parse_nested(&record.body.content(bag))?;
    let text = |key: &str| line.get(key).and_then(Json::as_str);
    let event = text("hookEventName").or_else(|| text("eventType"))?;
    let verdict = text("decision")?;
    // Two names that no other log line is likely to have together.
    if !(line.get("policyName").is_some() || line.get("policyNames").is_some())
        || line.get("integration").is_none()
    {
        return None;
    }
    let mut reading = Reading::new(record, Shape::of(Operation::Hook));
    if let Some(at) = line.get("timestamp").and_then(Json::as_i64) {
        reading.end_ns = Some(at.saturating_mul(1_000_000));
    }
    let lasted_ms = line.get("durationMs").and_then(Json::as_f64).unwrap_or(0.0);
    let lasted_ns = (lasted_ms.clamp(0.0, 1e9) * 1e6) as i64;
    reading.start_ns = reading
        .end_ns
        .unwrap_or(record.start_ns)
        .saturating_sub(lasted_ns);
    let mut word = |key: &str| {
        text(key)
            .filter(|text| !text.is_empty())
            .map(|text| bag.word(text))
    };
    let facts = &mut reading.facts;
    facts.session_id = word("sessionId");
    facts.tool_name = word("toolName");
    facts.hook_name = word("policyName");
    facts.error_message = word("reason");
    facts.decision = decision_of(verdict);
    facts.harness = text("integration").map(|name| bag.word(harness(name)));
    facts.hook_event = Some(bag.word(event));
    facts.decision_source = Some(bag.word("failproofai"));
    facts.success = Some(true);
    facts.detail = facts.hook_name.clone();
    Some(reading)
}

/// The harness behind its name for it.
fn harness(integration: &str) -> &str {
    match integration {
        "claude" => "claude-code",
        "gemini" => "gemini-cli",
        "copilot" => "copilot-cli",
        other => other,
    }
}
