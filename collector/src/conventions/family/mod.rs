//! The emitter families: one file each, a table of names and the few rules that need code.
//!
//! A *convention* is shared by many emitters and is known by the shape of its attributes; an
//! *emitter* is one product, known by its scope, its service name or the prefix of its record names.
//! A record is read with its emitter's names first and every convention's names after them, so that
//! a product that mixes conventions, or changes them between versions, still reads well.

use std::sync::{Arc, LazyLock};

use proto::agent::{Operation, Origin};

use super::names::{Aliases, Names};
use super::payload::Bag;
use super::record::{Reading, Record, Shape, SpanEvent};

mod adk;
mod autogen;
mod claude_code;
mod claude_code_logs;
mod codex;
mod common;
mod copilot;
mod crewai;
mod failproofai;
mod gemini_cli;
mod gemini_payloads;
mod genai;
mod hook;
mod hook_document;
mod langchain;
mod langfuse;
mod langsmith;
mod logfire;
mod mastra;
mod mcp;
mod ms_agent_framework;
mod openai_agents;
mod opencode;
mod openinference;
mod pydantic_ai;
mod qwen_code;
mod sdks;
mod smolagents;
mod spring_ai;
mod strands;
mod traceloop;
mod transcript;
mod vercel;

/// One emitter family or convention.
pub(super) struct Family {
    /// Name of the harness or framework that its records belong to, where it is one.
    pub(super) harness: Option<&'static str>,
    /// Scope names begin so.
    pub(super) scopes: &'static [&'static str],
    /// Service names begin so.
    pub(super) services: &'static [&'static str],
    /// Span and event names begin so.
    pub(super) prefixes: &'static [&'static str],
    /// `session.id` is the agent's session, on a record and on the resource.
    pub(super) session_id_is_session: bool,
    /// `service.version` is the harness's version, where the harness is a service.
    pub(super) service_version_is_harness: bool,
    /// What its records stand for, where they are not an emitter's own spans and log records.
    pub(super) origin: Option<Origin>,
    /// Log records about a model request carry the id of the request's own span, if of any.
    pub(super) requests_log_inside: bool,
    pub(super) names: Aliases,
    /// What kind of act a span is; `None` = this family has no opinion.
    pub(super) shape: fn(&Record<'_>, &Bag) -> Option<Shape>,
    /// Corrects what the shared rules made of a span. That of a convention sees every span: it must
    /// look for its own marks.
    pub(super) adjust: fn(&Record<'_>, &mut Bag, &mut Reading),
    /// What a log record reports; `None` = an event only.
    pub(super) log: fn(&Record<'_>, &mut Bag) -> Option<Reading>,
    /// What an event of a span reports; `None` = an event only.
    pub(super) span_event: fn(&Record<'_>, &SpanEvent, &mut Bag) -> Option<Reading>,
}

impl Family {
    /// A family that says nothing; the base of the others.
    pub(super) const PLAIN: Family = Family {
        harness: None,
        scopes: &[],
        services: &[],
        prefixes: &[],
        session_id_is_session: true,
        service_version_is_harness: true,
        origin: None,
        requests_log_inside: true,
        names: &[],
        shape: |_, _| None,
        adjust: |_, _, _| {},
        log: |_, _| None,
        span_event: |_, _, _| None,
    };
}

/// Shared conventions, in order of precedence.
static CONVENTIONS: &[&Family] = &[
    &common::FAMILY,
    &mcp::FAMILY,
    &genai::FAMILY,
    &openinference::FAMILY,
    &traceloop::FAMILY,
    &vercel::FAMILY,
    &langfuse::FAMILY,
    &langsmith::FAMILY,
    &mastra::FAMILY,
    &spring_ai::FAMILY,
    &logfire::FAMILY,
    &failproofai::FAMILY,
];

/// Products; the first whose marks fit is taken.
static EMITTERS: &[&Family] = &[
    &hook::FAMILY,
    &transcript::FAMILY,
    &claude_code::FAMILY,
    &codex::FAMILY,
    &gemini_cli::FAMILY,
    &qwen_code::FAMILY,
    &openai_agents::FAMILY,
    &pydantic_ai::FAMILY,
    &strands::FAMILY,
    &adk::FAMILY,
    &sdks::ANTHROPIC,
    &sdks::MCP,
    &langchain::FAMILY,
    &opencode::FAMILY,
    &copilot::CHAT,
    &copilot::CLI,
    &copilot::AGENT_HOST,
    &ms_agent_framework::FAMILY,
    &autogen::FAMILY,
    &langsmith::EXPORTER,
    &mastra::EXPORTER,
    &spring_ai::HANDLERS,
    &smolagents::FAMILY,
    &crewai::FAMILY,
    &logfire::OPENAI_AGENTS,
    &logfire::CLAUDE_AGENT_SDK,
    &logfire::MCP,
];

static UNKNOWN: Family = Family::PLAIN;

/// A family with the names that count for it.
#[derive(Clone, Copy)]
pub(super) struct Active {
    pub(super) family: &'static Family,
    pub(super) names: &'static Names,
}

static TABLE: LazyLock<Vec<Active>> = LazyLock::new(|| {
    EMITTERS
        .iter()
        .chain([&&UNKNOWN])
        .map(|family| {
            let lists: Vec<Aliases> = std::iter::once(family.names)
                .chain(CONVENTIONS.iter().map(|convention| convention.names))
                .collect();
            let mut names = Names::of(&lists);
            if !family.session_id_is_session {
                names.forget("session.id");
            }
            Active {
                family,
                // Built once for the life of the process.
                names: Box::leak(Box::new(names)),
            }
        })
        .collect()
});

fn begins(name: &str, marks: &[&str]) -> bool {
    marks.iter().any(|mark| name.starts_with(mark))
}

fn find(fits: impl Fn(&Family) -> bool) -> Option<Active> {
    TABLE.iter().find(|active| fits(active.family)).copied()
}

fn unknown() -> Active {
    // The last entry is `UNKNOWN`; the table is never empty.
    TABLE[TABLE.len() - 1]
}

/// The family of a scope and service, by name.
pub(super) fn of_source(scope: &str, service: &str) -> Active {
    find(|family| begins(scope, family.scopes))
        .or_else(|| find(|family| begins(service, family.services)))
        .unwrap_or_else(unknown)
}

impl Active {
    /// The family of one record: names of records outlive renamed services and relayed scopes.
    pub(super) fn for_record(self, name: &str) -> Active {
        if !self.family.prefixes.is_empty() {
            return self;
        }
        find(|family| begins(name, family.prefixes)).unwrap_or(self)
    }

    /// What kind of act a span is: the emitter's own rule, then each convention's, then its name.
    pub(super) fn shape(self, record: &Record<'_>, bag: &Bag) -> Shape {
        (self.family.shape)(record, bag)
            .or_else(|| {
                CONVENTIONS
                    .iter()
                    .find_map(|convention| (convention.shape)(record, bag))
            })
            .or_else(|| genai::shape_by_name(record))
            .unwrap_or(Shape::of(Operation::Internal))
    }

    /// Corrections of every convention, then the emitter's own.
    pub(super) fn adjust(self, record: &Record<'_>, bag: &mut Bag, reading: &mut Reading) {
        for convention in CONVENTIONS {
            (convention.adjust)(record, bag, reading);
        }
        (self.family.adjust)(record, bag, reading);
    }

    /// What a log record reports, by the emitter's own rule or a convention's.
    pub(super) fn log(self, record: &Record<'_>, bag: &mut Bag) -> Option<Reading> {
        (self.family.log)(record, bag).or_else(|| {
            CONVENTIONS
                .iter()
                .find_map(|convention| (convention.log)(record, bag))
        })
    }

    /// What an event of a span reports.
    pub(super) fn span_event(
        self,
        record: &Record<'_>,
        event: &SpanEvent,
        bag: &mut Bag,
    ) -> Option<Reading> {
        let mut reading = (self.family.span_event)(record, event, bag)?;
        reading.facts.harness = self.harness(record, bag);
        Some(reading)
    }

    /// Version of the harness or framework behind a record: that of the service, or of the library.
    pub(super) fn version(self, record: &Record<'_>) -> Option<Arc<str>> {
        let source = record.source;
        self.family.harness?;
        if self.family.services.is_empty() {
            let version = &source.scope_version;
            // The version of an instrumentation library is not that of what it instruments.
            let is_own = !source.scope_name.contains("instrumentation");
            return (is_own && !version.is_empty()).then(|| version.clone());
        }
        let version = source.origin.service_version.clone();
        version.filter(|_| self.family.service_version_is_harness)
    }

    /// Name of the harness or framework behind a record.
    pub(super) fn harness(self, record: &Record<'_>, bag: &mut Bag) -> Option<Arc<str>> {
        if let Some(harness) = self.family.harness {
            return Some(bag.word(harness));
        }
        let scope = record.source.scope_name.as_ref();
        if let Some(framework) = scope.strip_prefix("openinference.instrumentation.") {
            let framework = framework.replace('_', "-");
            return Some(bag.word(&framework));
        }
        // The SDK names its tracer so, up to version 6 and since version 7.
        let is_vercel = (scope == "ai" && record.has("ai.operationId")) || scope == "gen_ai";
        if is_vercel && self.family.services.is_empty() {
            return Some(bag.word("vercel-ai"));
        }
        // A library's spans say nothing of the program that uses it.
        let is_library = !self.family.scopes.is_empty() || record.has("mcp.method.name");
        let service = record.source.origin.service_name.clone();
        (!is_library && !service.is_empty() && !service.starts_with("unknown_service"))
            .then_some(service)
    }
}
