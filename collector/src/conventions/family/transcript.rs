//! Records that Spanreel itself makes of transcripts (`crate::import`).
//!
//! GenAI attributes where there are any; `spanreel.*` for what they have no name for.

use proto::agent::{Decision, Operation, Origin};

use super::Family;
use crate::conventions::names::Concept as C;
use crate::conventions::record::Shape;
use crate::conventions::text;
use crate::conventions::value::Value;
use crate::import::SCOPE_NAME;

pub(super) static FAMILY: Family = Family {
    scopes: &[SCOPE_NAME],
    prefixes: &["transcript."],
    origin: Some(Origin::Transcript),
    names: &[
        (C::TurnKey, &["spanreel.turn.id"]),
        (C::JoinKey, &["spanreel.request.id"]),
        (C::McpServer, &["mcp.server.name"]),
        (C::Decision, &["spanreel.decision"]),
        (C::DecisionSource, &["spanreel.decision.source"]),
        (C::Success, &["spanreel.success"]),
        (C::AttemptCount, &["spanreel.request.attempts"]),
        (C::Project, &["process.working_directory"]),
    ],
    shape: |record, bag| {
        let operation = Operation::parse(record.text("spanreel.operation", bag)?)?;
        Some(match operation {
            // Says what the session is called, and is nothing that was done.
            Operation::Session => Shape::part(operation),
            operation => Shape::of(operation),
        })
    },
    adjust: |record, bag, reading| {
        let facts = &mut reading.facts;
        facts.harness = Some(record.source.origin.service_name.clone());
        facts.harness_version = record.source.origin.service_version.clone();
        let starts = record.get("spanreel.starts_subagent");
        facts.starts_subagent |= starts.and_then(Value::flag) == Some(true);
        if reading.shape.operation == Operation::Agent {
            // The call that started it.
            facts.tool_call_id = record.picked.word(C::ToolCallId, bag);
        }
        // Why a call was refused is no failure of the call.
        if facts.decision == Some(Decision::Deny) {
            facts.success = None;
        }
        if let Some(title) = record.text("spanreel.title", bag) {
            let title = text::one_line(title, text::TITLE_MAX);
            facts.title = Some(bag.word(&title));
        }
        if let Some(note) = record.text("spanreel.truncated", bag).map(str::to_owned) {
            reading.cut(&note, bag);
        }
    },
    ..Family::PLAIN
};
