//! What is known to have happened in a recording, and the SQL that must say the same.

use std::collections::BTreeMap;

use proto::otlp::common::v1::any_value::Value as Any;
use proto::otlp::common::v1::{AnyValue, KeyValue};
use proto::{Encoding, Signal};
use serde_json::Value;

use crate::recordings::{Recording, Request};

/// One thing that is known, and the query whose one value must equal it.
pub(super) struct Measure {
    pub(super) what: &'static str,
    pub(super) happened: String,
    pub(super) query: String,
}

/// Acts of subagents: below an act that starts one, or in a session that another session started.
const OF_SUBAGENTS: &str = "with recursive below as (
    select trace_id, span_id from spans where starts_subagent
    union
    select s.trace_id, s.span_id from spans s
    join below b on s.trace_id = b.trace_id and s.parent_span_id = b.span_id
), place as (
    select t.*, t.session_id in (select session_id from sessions where parent_session_id is not null)
        or (t.trace_id, t.span_id) in (
            select (trace_id, span_id) from below
            except select (trace_id, span_id) from spans where starts_subagent and operation = 'tool'
        ) as by_subagent
    from spans t where t.counted
) ";

/// Everything that the ground truth of this recording says and SQL can be asked.
pub(super) fn measures(recording: &Recording, requests: &[Request]) -> Vec<Measure> {
    let truth = recording.truth();
    let mut measures = Vec::new();
    let mut measure = |what, happened: Option<String>, query: &str| {
        if let Some(happened) = happened {
            measures.push(Measure {
                what,
                happened,
                query: query.to_owned(),
            });
        }
    };
    measure(
        "sessions",
        sessions(&truth),
        "select count(*) from sessions where parent_session_id is null",
    );
    measure(
        "child sessions",
        number(&truth["child_sessions"]),
        "select count(*) from sessions where parent_session_id is not null",
    );
    measure(
        "turns",
        number(&truth["prompts"]),
        "select sum(turn_count)::bigint from sessions where parent_session_id is null",
    );
    measure(
        "requests answered",
        number(&truth["model_requests_answered"]),
        "select count(*) from model_requests where status != 'error'",
    );
    measure(
        "requests failed",
        truth["model_requests_answered_with_error"]
            .as_array()
            .map(|list| list.len().to_string()),
        "select (count(*) filter (status = 'error') + coalesce(sum(attempt_count - 1), 0))::bigint \
         from model_requests",
    );
    measure(
        "tool calls",
        truth["tool_calls_the_model_asked_for"]
            .as_object()
            .map(|calls| counts(calls.iter().map(|(name, n)| (short_name(name), count(n))))),
        "select string_agg(name || '=' || n, ' ' order by name) from \
         (select tool_name as name, count(*) as n from tool_calls group by all)",
    );
    measure(
        "calls of subagents",
        calls_of_subagents(&truth),
        &format!(
            "{OF_SUBAGENTS} select string_agg(name || '=' || n, ' ' order by name) from \
             (select tool_name as name, count(*) as n from place \
             where by_subagent and operation = 'tool' group by all)"
        ),
    );
    measure(
        "MCP calls",
        truth["mcp_calls"]
            .as_object()
            .map(|calls| counts(calls.iter().map(|(name, n)| (name.as_str(), count(n))))),
        "select string_agg(name || '=' || n, ' ' order by name) from \
         (select mcp_server || '/' || tool_name as name, count(*) as n from tool_calls \
         where mcp_server is not null group by all)",
    );
    measure(
        "subagents",
        truth["subagents"]
            .as_array()
            .map(|list| list.len().to_string()),
        "select sum(subagent_count)::bigint from sessions",
    );
    measure(
        "hook fires",
        truth["hook_fires"].as_object().map(|fires| {
            // "PreToolUse:deny" and "PreToolUse:pass" are fires of one event.
            let event = |name: &'_ str| name.split(':').next().map(str::len);
            counts(fires.iter().map(|(name, n)| {
                let length = event(name).unwrap_or(name.len());
                (&name[..length], count(n))
            }))
        }),
        "select string_agg(name || '=' || n, ' ' order by name) from \
         (select hook_event as name, count(*) as n from hook_fires group by all)",
    );
    let has_script = truth["loops_of_3_or_more"].is_array();
    measure(
        "denials",
        has_script.then(|| truth["denials"].as_array().map_or(0, Vec::len).to_string()),
        "select count(*) from denials",
    );
    measure(
        "loops, times",
        has_script.then(|| loops(&truth)),
        "select string_agg(repeat_count, ' ' order by repeat_count) from findings where kind = 'loop'",
    );
    measure(
        "failed tool calls",
        truth["failed_tools"].as_array().map(|failed| {
            let texts = failed.iter().filter_map(Value::as_str);
            texts.map(times_in).sum::<u64>().to_string()
        }),
        "select count(*) from tool_calls where status = 'error' and decision is distinct from 'deny'",
    );
    measure(
        "tokens in, out",
        tokens(recording),
        "select concat_ws(' ', sum(input_tokens), sum(output_tokens)) from model_requests",
    );
    let largest = largest_string(requests);
    // A shorter text is part of its row and has no address of its own.
    let is_payload = largest.len() > 4096;
    measure(
        "largest payload",
        is_payload.then(|| format!("{} bytes, whole", largest.len())),
        &format!(
            "select case when bool_or(whole) then '{0} bytes, whole' else 'not found' end from (
             select input_hash = '{1}' or output_hash = '{1}' or contains(attributes::varchar, '{1}')
                 as whole from spans
             union all
             select body_hash = '{1}' or contains(attributes::varchar, '{1}') from events)",
            largest.len(),
            blake3::hash(largest.as_bytes()).to_hex()
        ),
    );
    measures
}

fn number(value: &Value) -> Option<String> {
    value.as_u64().map(|n| n.to_string())
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn sessions(truth: &Value) -> Option<String> {
    let listed = |key: &str| Some(truth[key].as_array()?.len().to_string());
    number(&truth["sessions"])
        .or_else(|| listed("sessions_by_session.id"))
        .or_else(|| listed("threads"))
        .or_else(|| number(&truth["runs"]))
}

/// "name=n name=n …" in order of names, equal names added up.
fn counts<'a>(named: impl Iterator<Item = (&'a str, u64)>) -> String {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, n) in named {
        *sums.entry(name).or_default() += n;
    }
    let words: Vec<String> = sums.iter().map(|(name, n)| format!("{name}={n}")).collect();
    words.join(" ")
}

/// `mcp__server__tool` is the tool of that server.
fn short_name(name: &str) -> &str {
    name.strip_prefix("mcp__")
        .and_then(|rest| rest.split_once("__"))
        .map_or(name, |(_, tool)| tool)
}

/// Calls of all subagents together, where the script had any.
fn calls_of_subagents(truth: &Value) -> Option<String> {
    truth["subagents"].as_array()?;
    let by_agent = truth["tool_calls_by_agent"].as_object()?;
    let subagents = by_agent
        .iter()
        .filter(|(agent, _)| agent.starts_with("sub"));
    let calls = subagents
        .filter_map(|(_, calls)| calls.as_object())
        .flatten();
    Some(counts(calls.map(|(name, n)| (short_name(name), count(n)))))
}

fn loops(truth: &Value) -> String {
    let loops = truth["loops_of_3_or_more"].as_array();
    let mut times: Vec<u64> = loops
        .into_iter()
        .flatten()
        .map(|l| count(&l["times"]))
        .collect();
    times.sort_unstable();
    if times.is_empty() {
        return "0".to_owned();
    }
    let times: Vec<String> = times.iter().map(u64::to_string).collect();
    times.join(" ")
}

/// "… x6 … + x1 …" is seven times; a text without such a number is one.
fn times_in(text: &str) -> u64 {
    let numbers = text
        .split_whitespace()
        .filter_map(|word| word.strip_prefix('x')?.parse::<u64>().ok());
    let each = if text.contains("in each session") {
        2
    } else {
        1
    };
    numbers.reduce(|a, b| a + b).unwrap_or(1) * each
}

/// Tokens as the harness itself summed them up in its own output, cached input included.
fn tokens(recording: &Recording) -> Option<String> {
    // Claude Code and Codex go on counting when a session is resumed: its last sum counts.
    let mut sums: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let mut thread = String::new();
    for n in ["", "1", "2", "3"] {
        let result = recording.file(&format!("result{n}.json"));
        let result = result.and_then(|text| serde_json::from_str::<Value>(&text).ok());
        if let Some(result) = result {
            let session = result["session_id"].as_str().unwrap_or_default().to_owned();
            sums.insert(session, tokens_by_model(&result));
        }
        let events = recording.file(&format!("events{n}.jsonl"));
        for event in events.unwrap_or_default().lines() {
            let event: Value = serde_json::from_str(event).unwrap_or_default();
            if let Some(id) = event["thread_id"].as_str() {
                id.clone_into(&mut thread);
            }
            // Codex, by turn.
            if event["type"] == "turn.completed" {
                let usage = &event["usage"];
                let sum = (
                    count(&usage["input_tokens"]),
                    count(&usage["output_tokens"]),
                );
                sums.insert(thread.clone(), sum);
            }
            // OpenCode, by step.
            let part = &event["part"];
            if part["type"] == "step-finish" {
                let tokens = &part["tokens"];
                let cached = count(&tokens["cache"]["read"]) + count(&tokens["cache"]["write"]);
                let sum = sums.entry(String::new()).or_default();
                sum.0 += count(&tokens["input"]) + cached;
                sum.1 += count(&tokens["output"]) + count(&tokens["reasoning"]);
            }
        }
    }
    let total = |of: fn(&(u64, u64)) -> u64| sums.values().map(of).sum::<u64>();
    (!sums.is_empty()).then(|| format!("{} {}", total(|sum| sum.0), total(|sum| sum.1)))
}

/// Input and output tokens of the result of Claude Code or Gemini CLI, which list them by model.
fn tokens_by_model(result: &Value) -> (u64, u64) {
    let fields = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let mut sum = (0, 0);
    for usage in fields(&result["modelUsage"]).values() {
        sum.0 += count(&usage["inputTokens"])
            + count(&usage["cacheReadInputTokens"])
            + count(&usage["cacheCreationInputTokens"]);
        sum.1 += count(&usage["outputTokens"]);
    }
    for model in fields(&result["stats"]["models"]).values() {
        let tokens = &model["tokens"];
        sum.0 += count(&tokens["prompt"]);
        sum.1 += count(&tokens["candidates"]) + count(&tokens["thoughts"]);
    }
    sum
}

/// The longest text that any attribute or body of a record holds.
fn largest_string(requests: &[Request]) -> String {
    let strings = requests.iter().flat_map(strings_of);
    strings.max_by_key(String::len).unwrap_or_default()
}

fn strings_of(request: &Request) -> Vec<String> {
    let signal = match request.signal.as_str() {
        "traces" => Signal::Traces,
        "logs" => Signal::Logs,
        _ => return Vec::new(),
    };
    let encoding = if request.is_json {
        Encoding::Json
    } else {
        Encoding::Protobuf
    };
    let decoded = proto::decode(signal, encoding, &request.body).expect("a recorded request");
    let mut strings = Vec::new();
    match decoded.request {
        proto::Request::Traces(request) => {
            let scopes = request
                .resource_spans
                .into_iter()
                .flat_map(|r| r.scope_spans);
            for span in scopes.flat_map(|scope| scope.spans) {
                of_attributes(span.attributes, &mut strings);
                for event in span.events {
                    of_attributes(event.attributes, &mut strings);
                }
            }
        }
        proto::Request::Logs(request) => {
            let scopes = request.resource_logs.into_iter().flat_map(|r| r.scope_logs);
            for record in scopes.flat_map(|scope| scope.log_records) {
                of_attributes(record.attributes, &mut strings);
                of_value(record.body, &mut strings);
            }
        }
        proto::Request::Metrics(_) => {}
    }
    strings
}

fn of_attributes(attributes: Vec<KeyValue>, strings: &mut Vec<String>) {
    for attribute in attributes {
        of_value(attribute.value, strings);
    }
}

/// Texts inside lists and maps are part of a larger value, which is stored as one.
fn of_value(value: Option<AnyValue>, strings: &mut Vec<String>) {
    if let Some(Any::StringValue(text)) = value.and_then(|value| value.value) {
        strings.push(text);
    }
}
