//! Hook fires that `spanreel hook` or the HTTP hook endpoint took in: the harness's document is the
//! body, what the hook command did stands in the attributes.
//!
//! A fire is a hook act. It is also evidence: of the prompt that starts a turn, of a tool call, its
//! arguments and its result, of a subagent. Evidence of an act that telemetry reports too is joined
//! with it; where there is no telemetry, it is the act.

use std::sync::Arc;

use proto::agent::{Decision, Operation, Origin};
use proto::hook::{COMMAND, DURATION_MS, EXIT_CODE, SCOPE, STDERR, STDOUT};

use super::Family;
use super::hook_document::{Document, Kind, Verdict, kind, verdict};
use crate::conventions::payload::Bag;
use crate::conventions::record::{Reading, Record, Shape};
use crate::conventions::value::Value;
use crate::conventions::{content, facts, json, private, text};

pub(super) static FAMILY: Family = Family {
    scopes: &[SCOPE],
    origin: Some(Origin::Hook),
    log,
    ..Family::PLAIN
};

fn log(record: &Record<'_>, bag: &mut Bag) -> Option<Reading> {
    let body = record.body.content(bag).into_owned();
    let document = Document::parse(&body);
    let kind = kind(record.name);
    let mut fire = fire(record, &document, &body, bag);
    let about = match kind {
        Kind::Prompt => prompt(record, &document, bag),
        Kind::BeforeTool => Some(before_tool(record, &document, &fire, bag)),
        Kind::AfterTool | Kind::ToolFailed => Some(after_tool(record, &document, kind, bag)),
        Kind::Denied => Some(denied(record, &document, bag)),
        Kind::SubagentStart | Kind::SubagentStop => subagent(record, &document, bag),
        Kind::Permission | Kind::Expansion | Kind::Other => None,
    };
    if let Some(mut about) = about
        && about.facts.session_id.is_some()
    {
        if about.facts.tool_name.is_some() {
            about.name = about.facts.tool_name.clone();
        }
        fire.also.push(about);
    }
    let asks = match kind {
        Kind::Prompt => document.prompt().is_some_and(private::is_asked),
        Kind::Expansion => document.command().is_some_and(private::is_command),
        _ => false,
    };
    fire.is_private = asks;
    Some(fire)
}

/// What every act of a fire knows: who and where.
fn common(record: &Record<'_>, document: &Document, shape: Shape, bag: &mut Bag) -> Reading {
    let mut reading = Reading::new(record, shape);
    let harness = record.source.origin.service_name.clone();
    let known = |value: Option<&str>, bag: &mut Bag| value.map(|value| bag.word(value));
    let facts = &mut reading.facts;
    facts.session_id = known(document.session_id(), bag);
    facts.agent_id = known(document.agent_id(), bag);
    facts.agent_name = known(document.agent_name(), bag);
    // Codex gives a subagent a conversation of its own; its hooks name it as the agent.
    if &*harness == "codex" && facts.agent_id.is_some() {
        facts.parent_session_id = facts.session_id.take();
        facts.session_id.clone_from(&facts.agent_id);
    }
    facts.turn_key = known(document.turn_key(), bag);
    facts.project = known(document.folder(), bag);
    facts.user_id = known(document.user(), bag);
    facts.host.clone_from(&record.source.origin.host);
    facts.harness_version = known(document.harness_version(), bag);
    facts.harness = (!harness.is_empty()).then_some(harness);
    reading
}

/// The fire itself: what ran, for how long, and what it decided.
fn fire(record: &Record<'_>, document: &Document, body: &str, bag: &mut Bag) -> Reading {
    let mut reading = common(record, document, Shape::of(Operation::Hook), bag);
    let said = |key: &str, bag: &Bag| record.text(key, bag).unwrap_or_default().to_owned();
    let (stdout, stderr) = (said(STDOUT, bag), said(STDERR, bag));
    let exit_code = record.get(EXIT_CODE).and_then(Value::int);
    let Verdict { word, reason } = verdict(&stdout, &stderr, exit_code);
    let command = record.text(COMMAND, bag).map(str::to_owned);

    // Hooks of one fire are handed the same document.
    let key = format!("hook:{}", json::hash16(bag.hashing(), &[record.name, body]));
    let facts = &mut reading.facts;
    facts.join_key = Some(bag.word(&key));
    facts.hook_event = Some(bag.word(record.name));
    facts.tool_call_id = document.tool_call_id().map(|id| bag.word(id));
    facts.model = document.model().map(|model| bag.word(model));
    name_tool(document, bag, &mut reading);
    let facts = &mut reading.facts;
    facts.input = (!body.is_empty()).then(|| bag.add_str(body));
    if let Some(command) = command {
        facts.hook_name = Some(bag.word(&text::one_line(&command, text::DETAIL_MAX)));
        facts.detail.clone_from(&facts.hook_name);
        facts.exit_code = exit_code;
        facts.output = (!stdout.is_empty()).then(|| bag.add(stdout));
        match exit_code {
            Some(0) => facts.success = Some(true),
            // By which a hook blocks.
            Some(2) => {}
            _ => {
                facts.success = Some(false);
                let line = text::one_line(&stderr, text::TITLE_MAX);
                facts.error_message = (!line.is_empty()).then(|| bag.word(&line));
            }
        }
        let millis = record.get(DURATION_MS).and_then(Value::double);
        let nanos = (millis.unwrap_or(0.0).max(0.0) * 1e6).min(1e18) as i64;
        reading.end_ns = Some(reading.start_ns.saturating_add(nanos));
    }
    decide(word.as_deref(), reason, bag, &mut reading);
    reading
}

fn decide(word: Option<&str>, reason: Option<String>, bag: &mut Bag, reading: &mut Reading) {
    let facts = &mut reading.facts;
    facts.decision = word.and_then(facts::decision_of);
    if facts.decision.is_some() {
        facts.decision_source = Some(match &facts.hook_name {
            Some(hook) => hook.clone(),
            None => bag.word("hook"),
        });
        facts.decision_reason = reason.map(|reason| bag.word(&reason));
    }
}

fn name_tool(document: &Document, bag: &mut Bag, reading: &mut Reading) {
    let Some(name) = document.tool_name() else {
        return;
    };
    let facts = &mut reading.facts;
    match facts::split_mcp(name) {
        Some((server, tool)) => {
            facts.mcp_server = Some(bag.word(server));
            facts.tool_name = Some(bag.word(tool));
        }
        None => facts.tool_name = Some(bag.word(name)),
    }
}

/// A prompt starts a turn.
fn prompt(record: &Record<'_>, document: &Document, bag: &mut Bag) -> Option<Reading> {
    let prompt = document.prompt()?;
    let mut reading = common(record, document, Shape::of(Operation::Turn), bag);
    content::set_prompt(prompt, bag, &mut reading);
    reading.facts.input = reading.facts.prompt;
    let title = reading.facts.title.clone();
    reading.facts.detail = title.map(|title| bag.word(&text::one_line(&title, text::DETAIL_MAX)));
    Some(reading)
}

/// A tool call and its arguments.
fn tool(record: &Record<'_>, document: &Document, bag: &mut Bag) -> Reading {
    let mut reading = common(record, document, Shape::of(Operation::Tool), bag);
    name_tool(document, bag, &mut reading);
    reading.facts.tool_call_id = document.tool_call_id().map(|id| bag.word(id));
    if let Some(input) = document.tool_input() {
        let kind = json::parse_nested(&input)
            .and_then(|input| Some(input.get("subagent_type")?.as_str()?.to_owned()));
        content::set_tool_input(input, bag, &mut reading);
        starts_subagent(kind, bag, &mut reading);
    }
    reading
}

/// The call that starts a subagent is not an act of that subagent.
fn starts_subagent(kind: Option<String>, bag: &mut Bag, reading: &mut Reading) {
    let facts = &mut reading.facts;
    let is_agent_tool = matches!(facts.tool_name.as_deref(), Some("Agent" | "Task"));
    if kind.is_some() || is_agent_tool {
        facts.starts_subagent = true;
        facts.agent_name = kind.map(|kind| bag.word(&kind));
    }
}

/// The call is open: it may run for long, or be refused by someone else.
fn before_tool(record: &Record<'_>, document: &Document, fire: &Reading, bag: &mut Bag) -> Reading {
    let mut reading = tool(record, document, bag);
    reading.end_ns = None;
    if let Some(decision) = fire.facts.decision {
        reading.facts.decision = Some(decision);
        let facts = &mut reading.facts;
        facts
            .decision_source
            .clone_from(&fire.facts.decision_source);
        facts
            .decision_reason
            .clone_from(&fire.facts.decision_reason);
        facts.hook_name.clone_from(&fire.facts.hook_name);
        if decision == Decision::Deny {
            reading.end_ns = fire.end_ns;
        }
    }
    reading
}

fn after_tool(record: &Record<'_>, document: &Document, kind: Kind, bag: &mut Bag) -> Reading {
    let mut reading = tool(record, document, bag);
    if let Some(output) = document.tool_output() {
        content::set_tool_output(output, bag, &mut reading);
    }
    if let Some(millis) = document.duration_ms() {
        let nanos = (millis * 1e6).min(1e18) as i64;
        reading.start_ns = record.start_ns.saturating_sub(nanos);
    }
    if kind == Kind::ToolFailed {
        failed(document, bag, &mut reading);
    } else {
        reading.facts.success = Some(document.tool_succeeded().unwrap_or(true));
    }
    reading
}

fn failed(document: &Document, bag: &mut Bag, reading: &mut Reading) {
    let facts = &mut reading.facts;
    let error = document.error();
    facts.error_message = error
        .as_ref()
        .map(|error| bag.word(&text::one_line(error, text::TITLE_MAX)));
    facts.error_type = document.failure_type().map(|word| bag.word(word));
    if document.failure_type() == Some("permission_denied") {
        facts.decision = Some(Decision::Deny);
        facts.decision_reason = error.as_ref().map(|error| bag.word(error));
    } else {
        facts.success = Some(false);
    }
    if facts.output.is_none() {
        facts.output = error.map(|error| bag.add(error));
    }
}

/// A call that was refused, by whomever.
fn denied(record: &Record<'_>, document: &Document, bag: &mut Bag) -> Reading {
    let mut reading = tool(record, document, bag);
    let facts = &mut reading.facts;
    facts.decision = Some(Decision::Deny);
    facts.decision_reason = document.reason().map(|reason| bag.word(reason));
    reading
}

/// A subagent at its start or end.
fn subagent(record: &Record<'_>, document: &Document, bag: &mut Bag) -> Option<Reading> {
    let agent: Arc<str> = bag.word(document.agent_id().or(document.agent_name())?);
    let mut reading = common(record, document, Shape::of(Operation::Agent), bag);
    let facts = &mut reading.facts;
    facts.agent_id.get_or_insert(agent);
    facts.starts_subagent = true;
    facts.detail.clone_from(&facts.agent_name);
    reading.name.clone_from(&facts.agent_name);
    if kind(record.name) == Kind::SubagentStart {
        reading.end_ns = None;
    }
    Some(reading)
}
