//! CrewAI. By itself it reports to its vendor only, and no model requests; instrumented by OpenInference
//! or OpenLLMetry it speaks their conventions.

use proto::agent::Operation;

use super::Family;
use crate::conventions::record::Shape;

pub(super) static FAMILY: Family = Family {
    harness: Some("crewai"),
    scopes: &[
        "openinference.instrumentation.crewai",
        "opentelemetry.instrumentation.crewai",
        "crewai.telemetry",
    ],
    // Points of its own telemetry, without content or duration: what they stand for is reported by an
    // instrumentation or not at all.
    shape: |record, _| {
        (record.source.scope_name.as_ref() == "crewai.telemetry")
            .then_some(Shape::plumbing(Operation::Internal))
    },
    adjust: |_, _, reading| {
        // Its agents are known by their roles.
        let facts = &mut reading.facts;
        if reading.shape.operation == Operation::Agent && facts.agent_name.is_none() {
            facts.agent_name.clone_from(&facts.agent_id);
        }
    },
    ..Family::PLAIN
};
