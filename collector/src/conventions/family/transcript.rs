//! Records that Spanreel itself makes of transcripts (`crate::import`).
//!
//! GenAI attributes where there are any; `spanreel.*` for what they have no name for.

use proto::agent::{Decision, Operation, Origin};

use super::Family;
use crate::conventions::names::Concept as C;
use crate::conventions::record::Shape;
use crate::conventions::text;
use crate::conventions::value::{self, Value};
use crate::import::SCOPE_NAME;

pub(super) static FAMILY: Family = Family {
    scopes: &[SCOPE_NAME],
    prefixes: &["transcript."],
    origin: Origin::Transcript,
    names: &[
        (C::TurnKey, &["spanreel.turn.id"]),
        (C::JoinKey, &["spanreel.request.id"]),
        (C::McpServer, &["mcp.server.name"]),
        (C::Decision, &["spanreel.decision"]),
        (C::DecisionSource, &["spanreel.decision.source"]),
        (C::Success, &["spanreel.success"]),
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
        let version = value::text(&record.source.origin.attributes, "service.version", bag);
        let version = version.map(str::to_owned);
        facts.harness_version = version.map(|version| bag.word(&version));
        let branch = record.text("vcs.ref.head.name", bag).map(str::to_owned);
        facts.branch = branch.map(|branch| bag.word(&branch));
        facts.exit_code = record.picked.int(C::ExitCode);
        facts.attempt_count = record.get("spanreel.request.attempts").and_then(Value::int);
        let starts = record.get("spanreel.starts_subagent");
        facts.starts_subagent |= starts.and_then(Value::flag) == Some(true);
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
