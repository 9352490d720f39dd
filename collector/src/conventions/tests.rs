//! Tests of whole families: a small fixture in, acts and events out, as text.
//!
//! A fixture holds resource, scope and records with attributes as plain JSON; a whole number is an
//! int, any other a double, null a value that is not set.

use std::fmt::Write as _;

use proptest::prelude::*;
use proto::agent::{Facts, PayloadRef};
use proto::otlp::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value,
};
use proto::otlp::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use proto::otlp::resource::v1::Resource;
use proto::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};
use serde_json::Value as Json;

use super::*;

fn any(json: &Json) -> AnyValue {
    let value = match json {
        Json::Null => None,
        Json::Bool(flag) => Some(any_value::Value::BoolValue(*flag)),
        Json::Number(number) => Some(match number.as_i64() {
            Some(int) => any_value::Value::IntValue(int),
            None => any_value::Value::DoubleValue(number.as_f64().unwrap()),
        }),
        Json::String(text) => Some(any_value::Value::StringValue(text.clone())),
        Json::Array(values) => Some(any_value::Value::ArrayValue(ArrayValue {
            values: values.iter().map(any).collect(),
        })),
        Json::Object(_) => Some(any_value::Value::KvlistValue(KeyValueList {
            values: pairs(json),
        })),
    };
    AnyValue { value }
}

fn pairs(json: &Json) -> Vec<KeyValue> {
    let Some(map) = json.as_object() else {
        return Vec::new();
    };
    map.iter()
        .map(|(key, value)| KeyValue {
            key: key.clone(),
            value: Some(any(value)),
            ..KeyValue::default()
        })
        .collect()
}

fn word(json: &Json, key: &str) -> String {
    json[key].as_str().unwrap_or_default().to_owned()
}

/// Ids are numbers in fixtures.
fn id(json: &Json, key: &str, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    bytes[length - 1] = u8::try_from(json[key].as_u64().unwrap_or(0)).unwrap();
    bytes
}

fn read_span(json: &Json) -> Span {
    let kind = match json["kind"].as_str() {
        Some("client") => span::SpanKind::Client,
        Some("server") => span::SpanKind::Server,
        _ => span::SpanKind::Internal,
    };
    let status = json["error"].as_str().map(|message| Status {
        message: message.to_owned(),
        code: 2,
    });
    Span {
        trace_id: id(&serde_json::json!({"id": 1}), "id", 16),
        span_id: id(json, "id", 8),
        parent_span_id: id(json, "parent", 8),
        name: word(json, "name"),
        kind: kind as i32,
        start_time_unix_nano: 1_000,
        end_time_unix_nano: 2_000,
        attributes: pairs(&json["attributes"]),
        dropped_attributes_count: u32::try_from(json["dropped"].as_u64().unwrap_or(0)).unwrap(),
        events: json["events"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|event| span::Event {
                time_unix_nano: 1_500,
                name: word(event, "name"),
                attributes: pairs(&event["attributes"]),
                ..span::Event::default()
            })
            .collect(),
        status,
        ..Span::default()
    }
}

fn read_log(json: &Json) -> LogRecord {
    LogRecord {
        time_unix_nano: 5_000_000_000,
        trace_id: id(json, "trace", 16),
        span_id: id(json, "span", 8),
        event_name: word(json, "event_name"),
        body: (!json["body"].is_null()).then(|| any(&json["body"])),
        attributes: pairs(&json["attributes"]),
        ..LogRecord::default()
    }
}

/// Reads a fixture: a list of groups of one resource and scope.
fn understand(fixture: &str) -> Understood {
    let groups: Vec<Json> = serde_json::from_str(fixture).unwrap();
    let mut out = Understood::default();
    for group in groups {
        let resource = Some(Resource {
            attributes: pairs(&group["resource"]),
            ..Resource::default()
        });
        let scope = Some(InstrumentationScope {
            name: word(&group, "scope"),
            ..InstrumentationScope::default()
        });
        if let Some(spans) = group["spans"].as_array() {
            let request = ExportTraceServiceRequest {
                resource_spans: vec![ResourceSpans {
                    resource: resource.clone(),
                    scope_spans: vec![ScopeSpans {
                        scope: scope.clone(),
                        spans: spans.iter().map(read_span).collect(),
                        ..ScopeSpans::default()
                    }],
                    ..ResourceSpans::default()
                }],
            };
            understand_traces(request, &mut out);
        }
        if let Some(logs) = group["logs"].as_array() {
            let request = ExportLogsServiceRequest {
                resource_logs: vec![ResourceLogs {
                    resource,
                    scope_logs: vec![ScopeLogs {
                        scope,
                        log_records: logs.iter().map(read_log).collect(),
                        ..ScopeLogs::default()
                    }],
                    ..ResourceLogs::default()
                }],
            };
            understand_logs(request, None, &mut out);
        }
    }
    out
}

fn payload(out: &Understood, address: &PayloadRef) -> String {
    let found = out
        .payloads
        .iter()
        .find(|payload| payload.address == *address);
    let text = String::from_utf8(found.unwrap().bytes.clone()).unwrap();
    if text.len() > 600 {
        format!("{} bytes", text.len())
    } else {
        text
    }
}

/// The facts that are there, one per line.
fn facts_text(out: &Understood, facts: &Facts) -> String {
    let word = |word: &Option<Arc<str>>| word.as_deref().map(str::to_owned);
    let number = |number: &Option<i64>| number.map(|number| number.to_string());
    let text = |address: &Option<PayloadRef>| address.map(|address| payload(out, &address));
    let list = [
        ("harness", word(&facts.harness)),
        ("harness_version", word(&facts.harness_version)),
        ("branch", word(&facts.branch)),
        ("session", word(&facts.session_id)),
        ("resource_session", word(&facts.resource_session_id)),
        ("parent_session", word(&facts.parent_session_id)),
        ("turn_key", word(&facts.turn_key)),
        ("title", word(&facts.title)),
        ("prompt", text(&facts.prompt)),
        ("agent", word(&facts.agent_name)),
        ("agent_id", word(&facts.agent_id)),
        ("parent_agent_id", word(&facts.parent_agent_id)),
        (
            "starts_subagent",
            facts.starts_subagent.then(|| "yes".to_owned()),
        ),
        ("model", word(&facts.model)),
        ("provider", word(&facts.provider)),
        ("request_id", word(&facts.request_id)),
        ("join_key", word(&facts.join_key)),
        ("tool", word(&facts.tool_name)),
        ("tool_call_id", word(&facts.tool_call_id)),
        ("mcp_server", word(&facts.mcp_server)),
        ("skill", word(&facts.skill_name)),
        ("hook_event", word(&facts.hook_event)),
        ("hook_name", word(&facts.hook_name)),
        ("decision", facts.decision.map(|it| it.as_str().to_owned())),
        ("decision_source", word(&facts.decision_source)),
        ("input_tokens", number(&facts.input_tokens)),
        ("output_tokens", number(&facts.output_tokens)),
        ("cache_read_tokens", number(&facts.cache_read_tokens)),
        ("cache_write_tokens", number(&facts.cache_write_tokens)),
        ("reasoning_tokens", number(&facts.reasoning_tokens)),
        ("cost_usd", facts.cost_usd.map(|cost| cost.to_string())),
        ("attempt_count", number(&facts.attempt_count)),
        ("exit_code", number(&facts.exit_code)),
        ("finish_reason", word(&facts.finish_reason)),
        ("error_type", word(&facts.error_type)),
        ("error_message", word(&facts.error_message)),
        ("success", facts.success.map(|flag| flag.to_string())),
        ("exit_code", number(&facts.exit_code)),
        ("user", word(&facts.user_id)),
        ("host", word(&facts.host)),
        ("project", word(&facts.project)),
        ("call_hash", word(&facts.call_hash)),
        ("truncated", word(&facts.truncated_upstream)),
        ("detail", word(&facts.detail)),
        ("input", text(&facts.input)),
        ("output", text(&facts.output)),
    ];
    list.into_iter()
        .filter_map(|(name, value)| {
            Some(format!(
                "    {name}: {}\n",
                value?.replace('\n', "\\n").replace('\0', "\\0")
            ))
        })
        .collect()
}

/// Acts and the names of events, for a snapshot.
fn describe(fixture: &str) -> String {
    let out = understand(fixture);
    let mut text = String::new();
    for act in &out.acts {
        let mut marks = String::new();
        if act.plumbing {
            marks.push_str(" plumbing");
        }
        if act.part_of_parent {
            marks.push_str(" part");
        }
        if act.status.as_str() != "unset" {
            let _ = write!(marks, " {}", act.status.as_str());
        }
        let lasted = act.end_ns.unwrap_or(act.start_ns) - act.start_ns;
        let _ = writeln!(
            text,
            "{} {} {:?}{marks} {lasted} ns",
            act.origin.as_str(),
            act.operation.as_str(),
            act.name
        );
        text.push_str(&facts_text(&out, &act.facts));
        for asked in &act.tool_calls_asked {
            let input = asked.input.map(|input| payload(&out, &input));
            let _ = writeln!(
                text,
                "    asks {:?} {:?} {} {:?} {}",
                asked.tool_call_id,
                asked.mcp_server,
                asked.tool_name,
                asked.call_hash,
                input.unwrap_or_default()
            );
        }
        for seen in &act.tool_results_seen {
            let output = payload(&out, &seen.output);
            let _ = writeln!(
                text,
                "    seen {} {:?}: {}",
                seen.tool_call_id, seen.is_error, output
            );
        }
    }
    let events: Vec<&str> = out.events.iter().map(|event| event.name.as_ref()).collect();
    let _ = writeln!(text, "events: {}", events.join(", "));
    text
}

macro_rules! fixtures {
    ($($name:ident),+ $(,)?) => {
        $(
            #[test]
            fn $name() {
                let fixture = include_str!(concat!("fixtures/", stringify!($name), ".json"));
                insta::assert_snapshot!(stringify!($name), describe(fixture));
            }
        )+

        /// Every fixture, with the strings in it as material for hostile input.
        const FIXTURES: &[&str] = &[
            $(include_str!(concat!("fixtures/", stringify!($name), ".json"))),+
        ];
    };
}

fixtures!(
    adk,
    claude_code_logs,
    claude_code_logs_without_content,
    claude_code_spans,
    codex_logs,
    codex_spans,
    copilot,
    failproofai,
    frameworks,
    gemini_cli,
    gemini_cli_logs,
    genai_deprecated,
    genai_logs,
    genai_operations,
    genai_spans,
    langchain_exporters,
    langgraph,
    logfire,
    mastra,
    mcp,
    microsoft,
    openai_agents,
    opencode,
    openinference,
    openinference_frameworks,
    pydantic_ai,
    qwen_code,
    sdks,
    spring_ai,
    strands,
    vercel,
);

#[test]
fn unknown_attributes_are_kept_with_their_types() {
    let long = "x".repeat(3000);
    let fixture = serde_json::json!([{
        "resource": {"service.name": "demo", "list": ["a", 1, 1.5, null]},
        "scope": "demo.scope",
        "spans": [{
            "id": 1,
            "name": "",
            "attributes": {
                "int": 9_007_199_254_740_993_i64,
                "nothing": null,
                "nested": {"deep": [{"long": long}]},
                "nul": "a\u{0}b",
            },
        }],
    }]);
    let out = understand(&fixture.to_string());
    let act = &out.acts[0];
    let hash = PayloadRef::of(long.as_bytes()).hex();
    assert_eq!(
        act.attributes,
        format!(
            r#"{{"int":9007199254740993,"nothing":null,"nested":{{"deep":[{{"long":{{"$payload":{{"hash":"{hash}","size_bytes":3000}}}}}}]}},"nul":"a\u0000b"}}"#
        )
    );
    assert_eq!(
        act.resource.as_ref(),
        r#"{"service.name":"demo","list":["a",1,1.5,null]}"#
    );
    assert_eq!(out.payloads.len(), 1);
    assert_eq!(act.operation, proto::agent::Operation::Internal);
}

#[test]
fn spans_without_valid_ids_are_rejected_and_the_rest_is_kept() {
    let fixture =
        r#"[{"resource":{},"scope":"","spans":[{"id":0,"name":"bad"},{"id":1,"name":"good"}]}]"#;
    let out = understand(fixture);
    assert_eq!(out.rejected.len(), 1);
    assert_eq!(out.acts.len(), 1);
}

#[test]
fn a_repeated_request_gives_the_same_identities() {
    let fixture = include_str!("fixtures/claude_code_logs.json");
    let (first, second) = (understand(fixture), understand(fixture));
    let ids = |out: &Understood| -> Vec<[u8; 16]> {
        out.events.iter().map(|event| event.event_id).collect()
    };
    assert_eq!(ids(&first), ids(&second));
    let mut distinct = ids(&first);
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), first.events.len());
}

#[test]
fn records_of_a_session_without_a_trace_share_one() {
    let fixture = include_str!("fixtures/claude_code_logs_without_content.json");
    let out = understand(fixture);
    let trace = out.acts[0].trace_id;
    assert!(out.acts.len() > 2 && out.acts.iter().all(|act| act.trace_id == trace));
    assert_eq!(trace, identity::session_trace("s-9"));
}

/// Every string of every fixture: names, values and JSON that the rules look for.
fn known_strings() -> Vec<String> {
    fn walk(json: &Json, out: &mut Vec<String>) {
        match json {
            Json::String(text) => out.push(text.clone()),
            Json::Array(values) => values.iter().for_each(|value| walk(value, out)),
            Json::Object(map) => {
                for (key, value) in map {
                    out.push(key.clone());
                    walk(value, out);
                }
            }
            _ => {}
        }
    }
    let mut out = vec![
        "[{\"role\":1}]".to_owned(),
        "[[[[1]]]]".to_owned(),
        "{\"messages\":[{\"role\":\"user\",\"content\":[[1],{\"type\":3}]}]}".to_owned(),
        "\u{0}é…[9 chars]".to_owned(),
        "gen_ai.prompt.99999999999999999999.role".to_owned(),
        "llm.input_messages.0.message.contents.x".to_owned(),
    ];
    for fixture in FIXTURES {
        walk(&serde_json::from_str(fixture).unwrap(), &mut out);
    }
    out.sort();
    out.dedup();
    out
}

fn hostile_value() -> impl Strategy<Value = Json> {
    let strings = proptest::sample::select(known_strings());
    let leaf = prop_oneof![
        Just(Json::Null),
        any_bool(),
        proptest::num::i64::ANY.prop_map(Json::from),
        proptest::num::f64::ANY.prop_map(Json::from),
        strings.prop_map(Json::from),
        "\\PC{0,40}".prop_map(Json::from),
    ];
    let strings = proptest::sample::select(known_strings());
    leaf.prop_recursive(3, 12, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            proptest::collection::vec((strings.clone(), inner), 0..4)
                .prop_map(|pairs| Json::Object(pairs.into_iter().collect())),
        ]
    })
}

fn any_bool() -> impl Strategy<Value = Json> {
    proptest::bool::ANY.prop_map(Json::from)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn nothing_panics_and_attributes_stay_valid_json(
        names in proptest::collection::vec(proptest::sample::select(known_strings()), 4),
        pairs in proptest::collection::vec(
            (proptest::sample::select(known_strings()), hostile_value()), 0..12),
        body in hostile_value(),
    ) {
        let attributes = Json::Object(pairs.into_iter().collect());
        let fixture = serde_json::json!([{
            "resource": {"service.name": names[0]},
            "scope": names[1],
            "spans": [{
                "id": 1, "name": names[2], "attributes": attributes,
                "events": [{"name": names[3], "attributes": attributes}],
            }],
            "logs": [{"trace": 1, "span": 1, "event_name": names[2], "body": body,
                "attributes": attributes}],
        }]);
        let out = understand(&fixture.to_string());
        for act in &out.acts {
            let parsed: Json = serde_json::from_str(&act.attributes).unwrap();
            prop_assert!(parsed.is_object());
        }
        prop_assert_eq!(out.events.len(), 2);
    }
}
