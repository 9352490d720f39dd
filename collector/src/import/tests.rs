//! Transcripts written for these tests, and what is read from them.

use std::collections::HashMap;

use proto::Request;
use proto::otlp::common::v1::any_value::Value;
use proto::otlp::trace::v1::Span;
use serde_json::{Value as Json, json};

use super::{Alone, Beside, Damaged, Format, Origin, Records, Seen, Transcript};

/// Files by their names.
struct Files(HashMap<&'static str, &'static str>);

impl Beside for Files {
    fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|text| (*text).to_owned())
    }
}

/// A span as these tests look at it.
#[derive(Debug, Clone, PartialEq)]
struct Told {
    id: Vec<u8>,
    parent: Vec<u8>,
    name: String,
    start_ms: u64,
    end_ms: Option<u64>,
    failed: bool,
    attributes: HashMap<String, String>,
}

impl Told {
    fn of(span: Span) -> Self {
        let text = |value: Option<Value>| match value {
            Some(Value::StringValue(text)) => text,
            Some(Value::IntValue(int)) => int.to_string(),
            Some(Value::BoolValue(flag)) => flag.to_string(),
            other => format!("{other:?}"),
        };
        Self {
            id: span.span_id,
            parent: span.parent_span_id,
            name: span.name,
            start_ms: span.start_time_unix_nano / 1_000_000,
            end_ms: (span.end_time_unix_nano > 0).then_some(span.end_time_unix_nano / 1_000_000),
            failed: span.status.is_some_and(|status| status.code == 2),
            attributes: span
                .attributes
                .into_iter()
                .map(|pair| (pair.key, text(pair.value.and_then(|value| value.value))))
                .collect(),
        }
    }

    fn get(&self, key: &str) -> &str {
        self.attributes.get(key).map_or("", String::as_str)
    }

    fn json(&self, key: &str) -> Json {
        serde_json::from_str(self.get(key)).unwrap_or_default()
    }
}

/// Everything that a transcript tells.
struct Read {
    spans: Vec<Told>,
    logs: Vec<String>,
    damaged: Vec<Damaged>,
}

impl Read {
    fn named(&self, name: &str) -> &Told {
        let found: Vec<&Told> = self.spans.iter().filter(|span| span.name == name).collect();
        assert_eq!(found.len(), 1, "{name} in {:#?}", self.spans);
        found[0]
    }

    fn names(&self) -> Vec<&str> {
        self.spans.iter().map(|span| span.name.as_str()).collect()
    }
}

fn read_with(
    format: Format,
    origin: (&str, &str),
    lines: &[String],
    beside: &dyn Beside,
    seen: &mut Seen,
) -> Read {
    let origin = Origin {
        file_name: origin.0.to_owned(),
        folder_name: origin.1.to_owned(),
    };
    let mut transcript = Transcript::new(format, &origin);
    let mut records = Records::default();
    let mut damaged = Vec::new();
    for line in lines {
        if let Err(error) = transcript.line(line.as_bytes(), beside, seen, &mut records) {
            damaged.push(error);
        }
    }
    transcript.end(beside, seen, &mut records);
    let mut read = Read {
        spans: Vec::new(),
        logs: Vec::new(),
        damaged,
    };
    for body in records.take() {
        match proto::decode(body.signal, body.encoding, &body.bytes)
            .unwrap()
            .request
        {
            Request::Traces(request) => {
                let scopes = request
                    .resource_spans
                    .into_iter()
                    .flat_map(|group| group.scope_spans);
                read.spans
                    .extend(scopes.flat_map(|scope| scope.spans).map(Told::of));
            }
            Request::Logs(request) => {
                let scopes = request
                    .resource_logs
                    .into_iter()
                    .flat_map(|group| group.scope_logs);
                let records = scopes.flat_map(|scope| scope.log_records);
                read.logs.extend(records.map(|record| record.event_name));
            }
            Request::Metrics(_) => {}
        }
    }
    read
}

fn lines(entries: &[Json]) -> Vec<String> {
    entries.iter().map(Json::to_string).collect()
}

fn claude(entries: &[Json]) -> Read {
    let lines = lines(entries);
    read_with(
        Format::ClaudeCode,
        ("s1.jsonl", "p"),
        &lines,
        &Alone,
        &mut Seen::default(),
    )
}

/// An entry of session `s1` at a second of the run.
fn entry(kind: &str, uuid: &str, second: u32, more: Json) -> Json {
    let mut entry = json!({
        "type": kind, "uuid": uuid, "sessionId": "s1", "isSidechain": false,
        "timestamp": format!("2026-01-01T00:00:{second:02}.000Z"),
        "cwd": "/home/me/shop", "gitBranch": "fix", "version": "2.1.300",
    });
    merge(&mut entry, more);
    entry
}

fn merge(entry: &mut Json, more: Json) {
    if let (Some(entry), Json::Object(more)) = (entry.as_object_mut(), more) {
        entry.extend(more);
    }
}

fn prompt(uuid: &str, second: u32, words: &str) -> Json {
    let message = json!({"role": "user", "content": words});
    entry(
        "user",
        uuid,
        second,
        json!({"promptId": format!("p-{uuid}"), "message": message}),
    )
}

fn answer(uuid: &str, second: u32, message: &str, block: Json, output: u32) -> Json {
    let more = json!({
        "requestId": format!("req-{message}"),
        "message": {
            "id": message, "role": "assistant", "model": "claude-opus-5-5", "content": [block],
            "stop_reason": "tool_use",
            "usage": {"input_tokens": 10, "output_tokens": output, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 1},
        },
    });
    entry("assistant", uuid, second, more)
}

fn result(uuid: &str, second: u32, call: &str, content: Json, more: Json) -> Json {
    let block = json!({"type": "tool_result", "tool_use_id": call, "content": content});
    let mut found = entry(
        "user",
        uuid,
        second,
        json!({"message": {"role": "user", "content": [block]}}),
    );
    merge(&mut found, more);
    found
}

fn call(id: &str, name: &str, input: Json) -> Json {
    json!({"type": "tool_use", "id": id, "name": name, "input": input})
}

#[test]
fn one_answer_on_several_lines_is_one_request() {
    let read = claude(&[
        prompt("u1", 1, "fix it"),
        answer(
            "a1",
            2,
            "m1",
            json!({"type": "thinking", "thinking": "hm"}),
            3,
        ),
        answer("a2", 3, "m1", json!({"type": "text", "text": "I look."}), 9),
        answer(
            "a3",
            4,
            "m1",
            call("c1", "Read", json!({"file_path": "x"})),
            7,
        ),
        result("u2", 5, "c1", json!("content"), json!({})),
        answer("a4", 6, "m2", json!({"type": "text", "text": "Done."}), 2),
    ]);
    assert_eq!(
        read.names(),
        [
            "turn",
            "execute_tool Read",
            "chat claude-opus-5-5",
            "chat claude-opus-5-5"
        ]
    );
    let request = &read.spans[2];
    assert_eq!(request.get("gen_ai.usage.output_tokens"), "9");
    assert_eq!(
        request.get("gen_ai.usage.input_tokens"),
        "16",
        "cached ones included"
    );
    assert_eq!(request.get("gen_ai.response.id"), "m1");
    assert_eq!(request.get("spanreel.request.id"), "req-m1");
    assert_eq!(
        request.json("gen_ai.output.messages")[0]["content"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    assert_eq!(request.end_ms.unwrap() - request.start_ms, 3000);
    let second = &read.spans[3];
    let asked = second.json("gen_ai.input.messages");
    assert_eq!(
        asked.as_array().unwrap().len(),
        1,
        "only what is new: {asked}"
    );
    let turn = read.named("turn");
    assert_eq!(turn.get("spanreel.turn.id"), "p-u1");
    assert_eq!(turn.get("process.working_directory"), "/home/me/shop");
    assert_eq!(turn.get("vcs.ref.head.name"), "fix");
    let tool = read.named("execute_tool Read");
    assert_eq!(
        (&tool.parent, tool.get("gen_ai.tool.call.result")),
        (&turn.id, "content")
    );
}

#[test]
fn the_same_file_again_gives_the_same_records() {
    let entries = [
        prompt("u1", 1, "fix it"),
        answer(
            "a1",
            2,
            "m1",
            call("c1", "Bash", json!({"command": "ls"})),
            7,
        ),
        result("u2", 5, "c1", json!("x"), json!({})),
    ];
    assert_eq!(claude(&entries).spans, claude(&entries).spans);
}

#[test]
fn a_file_that_was_read_before_its_end_is_completed_later() {
    let entries = [
        prompt("u1", 1, "fix it"),
        answer(
            "a1",
            2,
            "m1",
            call("c1", "Bash", json!({"command": "ls"})),
            7,
        ),
        result("u2", 5, "c1", json!("x"), json!({})),
    ];
    let early = claude(&entries[..2]);
    let open = early.named("execute_tool Bash");
    assert_eq!(open.end_ms, None);
    let late = claude(&entries);
    let whole = late.named("execute_tool Bash");
    assert!(whole.end_ms.is_some());
    assert_ne!(
        open.id, whole.id,
        "an equal id would keep the whole record out"
    );
    assert_eq!(
        open.get("gen_ai.tool.call.id"),
        whole.get("gen_ai.tool.call.id")
    );
}

#[test]
fn outcomes_of_calls() {
    let read = claude(&[
        prompt("u1", 1, "go"),
        answer(
            "a1",
            2,
            "m1",
            call("c1", "Bash", json!({"command": "false"})),
            1,
        ),
        result(
            "u2",
            3,
            "c1",
            json!("Exit code 1\nno"),
            json!({"message": {"content": [
            {"type": "tool_result", "tool_use_id": "c1", "content": "Exit code 1\nno", "is_error": true}]}}),
        ),
        answer("a2", 4, "m2", call("c2", "Write", json!({})), 1),
        result(
            "u3",
            5,
            "c2",
            json!("no"),
            json!({
            "permissionDecision": {"decision": "reject", "source": "hook"}}),
        ),
    ]);
    let failed = read.named("execute_tool Bash");
    assert!(failed.failed);
    assert_eq!(failed.get("process.exit.code"), "1");
    let refused = read.named("execute_tool Write");
    assert!(!refused.failed, "a refusal is no failure");
    assert_eq!(
        (
            refused.get("spanreel.decision"),
            refused.get("spanreel.decision.source")
        ),
        ("reject", "hook")
    );
}

#[test]
fn large_results_come_from_their_file() {
    let words = "<persisted-output>\nOutput too large (9KB). Full output saved to: /other/machine/b.txt\n\nPreview";
    let more = json!({"toolUseResult": {"persistedOutputPath": "/other/machine/b.txt"}});
    let entries = lines(&[
        prompt("u1", 1, "go"),
        answer("a1", 2, "m1", call("c1", "Bash", json!({})), 1),
        result("u2", 3, "c1", json!(words), more),
    ]);
    let tool = |beside: &dyn Beside| {
        let read = read_with(
            Format::ClaudeCode,
            ("s1.jsonl", "p"),
            &entries,
            beside,
            &mut Seen::default(),
        );
        read.named("execute_tool Bash").clone()
    };
    let whole = tool(&Files(HashMap::from([("b.txt", "all of it")])));
    assert_eq!(
        (
            whole.get("gen_ai.tool.call.result"),
            whole.get("spanreel.truncated")
        ),
        ("all of it", "")
    );
    let preview = tool(&Alone);
    assert_eq!(preview.get("gen_ai.tool.call.result"), words);
    assert_ne!(preview.get("spanreel.truncated"), "");
}

#[test]
fn subagents_hang_under_the_call_that_started_them() {
    let session = claude(&[
        prompt("u1", 1, "go"),
        answer(
            "a1",
            2,
            "m1",
            call(
                "c1",
                "Agent",
                json!({"subagent_type": "Explore", "prompt": "look"}),
            ),
            1,
        ),
        result(
            "u2",
            9,
            "c1",
            json!("found"),
            json!({"toolUseResult": {"agentId": "ag1"}}),
        ),
    ]);
    let call_span = session.named("execute_tool Agent");
    assert_eq!(call_span.get("spanreel.starts_subagent"), "true");
    assert_eq!(call_span.get("gen_ai.agent.id"), "ag1");
    let side = json!({"agentId": "ag1", "isSidechain": true});
    let mut entries = vec![
        entry(
            "user",
            "x1",
            3,
            json!({"message": {"role": "user", "content": "look"}}),
        ),
        answer("x2", 4, "m7", json!({"type": "text", "text": "found"}), 1),
    ];
    entries
        .iter_mut()
        .for_each(|entry| merge(entry, side.clone()));
    let notes = Files(HashMap::from([(
        "agent-ag1.meta.json",
        r#"{"agentType": "Explore", "toolUseId": "c1"}"#,
    )]));
    let lines = lines(&entries);
    let read = read_with(
        Format::ClaudeCode,
        ("agent-ag1.jsonl", "subagents"),
        &lines,
        &notes,
        &mut Seen::default(),
    );
    assert_eq!(
        read.names(),
        ["invoke_agent Explore", "chat claude-opus-5-5"],
        "a task is no prompt of the user"
    );
    let agent = read.named("invoke_agent Explore");
    assert_eq!(agent.parent, call_span.id);
    assert_eq!(read.named("chat claude-opus-5-5").parent, agent.id);
}

#[test]
fn sidechains_of_older_versions_find_their_call_by_its_words() {
    let side = json!({"isSidechain": true});
    let mut first = entry(
        "user",
        "x1",
        3,
        json!({"parentUuid": null, "message": {"role": "user", "content": "look"}}),
    );
    let mut second = answer("x2", 4, "m7", json!({"type": "text", "text": "found"}), 1);
    merge(&mut first, side.clone());
    merge(
        &mut second,
        json!({"isSidechain": true, "parentUuid": "x1"}),
    );
    let read = claude(&[
        prompt("u1", 1, "go"),
        answer(
            "a1",
            2,
            "m1",
            call(
                "c1",
                "Task",
                json!({"subagent_type": "Explore", "prompt": "look"}),
            ),
            1,
        ),
        first,
        second,
        result("u2", 9, "c1", json!("found"), json!({})),
    ]);
    let call_span = read.named("execute_tool Task");
    let agent = read.named("invoke_agent Explore");
    assert_eq!(agent.parent, call_span.id);
    assert_eq!(
        agent.get("gen_ai.agent.id"),
        call_span.get("gen_ai.agent.id")
    );
}

#[test]
fn what_a_fork_repeats_is_told_once() {
    let entries = [
        prompt("u1", 1, "go"),
        answer("a1", 2, "m1", json!({"type": "text", "text": "x"}), 1),
    ];
    let mut fork: Vec<Json> = entries.to_vec();
    fork.push(prompt("u2", 5, "on"));
    fork.iter_mut()
        .for_each(|entry| merge(entry, json!({"sessionId": "s2"})));
    let mut seen = Seen::default();
    let first = read_with(
        Format::ClaudeCode,
        ("s1.jsonl", "p"),
        &lines(&entries),
        &Alone,
        &mut seen,
    );
    let second = read_with(
        Format::ClaudeCode,
        ("s2.jsonl", "p"),
        &lines(&fork),
        &Alone,
        &mut seen,
    );
    assert_eq!((first.spans.len(), second.names()), (2, vec!["turn"]));
    assert_eq!(second.spans[0].get("session.previous_id"), "s1");
    // A fork that says so is known without its parent.
    fork[..2]
        .iter_mut()
        .for_each(|entry| merge(entry, json!({"forkedFrom": {"sessionId": "s1"}})));
    let alone = read_with(
        Format::ClaudeCode,
        ("s2.jsonl", "p"),
        &lines(&fork),
        &Alone,
        &mut Seen::default(),
    );
    assert_eq!(alone.names(), ["turn"]);
}

#[test]
fn notes_of_the_harness_are_no_prompts() {
    let read = claude(&[
        prompt("u1", 1, "go"),
        entry(
            "user",
            "u2",
            2,
            json!({"isMeta": true, "message": {"role": "user", "content": "skill text"}}),
        ),
        entry(
            "user",
            "u3",
            3,
            json!({"message": {"role": "user", "content": "<local-command-stdout>x</local-command-stdout>"}}),
        ),
        entry(
            "user",
            "u4",
            4,
            json!({"isCompactSummary": true, "message": {"role": "user", "content": "so far"}}),
        ),
        entry("system", "u5", 5, json!({"subtype": "compact_boundary"})),
        entry("brand-new", "u6", 6, json!({"said": "something"})),
    ]);
    assert_eq!(read.names(), ["turn"]);
    assert_eq!(
        read.logs,
        [
            "transcript.user",
            "transcript.system.compact_boundary",
            "transcript.brand-new"
        ]
    );
}

#[test]
fn damaged_lines_are_named_and_passed_over() {
    let mut all = lines(&[prompt("u1", 1, "go"), prompt("u2", 2, "on")]);
    all.insert(1, r#"{"type": "user", "uu"#.to_owned());
    all.insert(2, "[1]".to_owned());
    all.insert(3, String::new());
    let read = read_with(
        Format::ClaudeCode,
        ("s1.jsonl", "p"),
        &all,
        &Alone,
        &mut Seen::default(),
    );
    assert_eq!(read.names(), ["turn", "turn"]);
    let damaged: Vec<String> = read.damaged.iter().map(Damaged::to_string).collect();
    assert_eq!(damaged, ["line 2: cut short", "line 3: no JSON object"]);
}

/// An entry of a rollout at a second of the run.
fn rollout(kind: &str, second: u32, payload: Json) -> Json {
    json!({"type": kind, "timestamp": format!("2026-01-01T00:00:{second:02}.000Z"), "payload": payload})
}

fn codex(entries: &[Json]) -> Read {
    read_with(
        Format::Codex,
        ("rollout-x.jsonl", "01"),
        &lines(entries),
        &Alone,
        &mut Seen::default(),
    )
}

fn meta(id: &str, more: Json) -> Json {
    let mut payload = json!({
        "id": id, "cwd": "/home/me/shop", "cli_version": "0.170.0", "model_provider": "openai",
        "timestamp": "2026-01-01T00:00:00.000Z", "git": {"branch": "fix"}, "base_instructions": {"text": "Be brief."},
    });
    merge(&mut payload, more);
    rollout("session_meta", 0, payload)
}

fn codex_turn() -> Vec<Json> {
    vec![
        meta("t1", json!({})),
        rollout(
            "event_msg",
            1,
            json!({"type": "task_started", "turn_id": "turn-1"}),
        ),
        rollout(
            "turn_context",
            1,
            json!({"turn_id": "turn-1", "model": "gpt-6-codex"}),
        ),
        rollout(
            "response_item",
            1,
            json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "fix it"}]}),
        ),
        rollout(
            "event_msg",
            1,
            json!({"type": "user_message", "message": "fix it"}),
        ),
        rollout(
            "response_item",
            3,
            json!({"type": "reasoning", "id": "r1", "summary": [{"type": "summary_text", "text": "hm"}], "content": null}),
        ),
        rollout(
            "response_item",
            3,
            json!({"type": "function_call", "name": "exec_command", "arguments": "{\"cmd\":\"ls\"}", "call_id": "c1"}),
        ),
        rollout(
            "token_usage_record",
            3,
            json!({"response_id": "resp1", "usage": {"input_tokens": 9, "cached_input_tokens": 4, "output_tokens": 2}}),
        ),
        rollout(
            "event_msg",
            4,
            json!({"type": "item_completed", "item": {"type": "CommandExecution", "id": "c1", "status": "failed", "exit_code": 2, "aggregated_output": "a long output"}}),
        ),
        rollout(
            "response_item",
            4,
            json!({"type": "function_call_output", "call_id": "c1", "output": "short"}),
        ),
        rollout(
            "response_item",
            5,
            json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Done."}]}),
        ),
        rollout(
            "token_usage_record",
            5,
            json!({"response_id": "resp2", "usage": {"input_tokens": 12, "output_tokens": 3}}),
        ),
        rollout(
            "event_msg",
            5,
            json!({"type": "task_complete", "turn_id": "turn-1"}),
        ),
    ]
}

#[test]
fn a_rollout_is_turns_requests_and_calls() {
    let read = codex(&codex_turn());
    assert_eq!(
        read.names(),
        [
            "turn",
            "chat gpt-6-codex",
            "execute_tool exec_command",
            "chat gpt-6-codex"
        ]
    );
    let [turn, first, tool, last] = &read.spans[..] else {
        unreachable!()
    };
    assert_eq!(turn.get("spanreel.turn.id"), "turn-1");
    assert_eq!(first.get("gen_ai.response.id"), "resp1");
    assert_eq!(first.get("gen_ai.usage.cache_read.input_tokens"), "4");
    assert_eq!(first.get("gen_ai.system_instructions"), "Be brief.");
    assert_eq!(last.get("gen_ai.system_instructions"), "", "told once");
    assert_eq!((&first.parent, &tool.parent), (&turn.id, &turn.id));
    assert_eq!(tool.get("process.exit.code"), "2");
    assert_eq!(tool.get("gen_ai.tool.call.result"), "a long output");
    assert_eq!(tool.get("vcs.ref.head.name"), "fix");
}

#[test]
fn a_rollout_without_usage_records_takes_usage_from_the_counts() {
    let count = |second, total: u32, output: u32| {
        rollout(
            "event_msg",
            second,
            json!({"type": "token_count", "info": {
            "total_token_usage": {"total_tokens": total}, "last_token_usage": {"input_tokens": 5, "output_tokens": output}}}),
        )
    };
    let said = |second, words: &str| {
        rollout(
            "response_item",
            second,
            json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": words}]}),
        )
    };
    let read = codex(&[
        meta("t1", json!({})),
        rollout(
            "event_msg",
            1,
            json!({"type": "user_message", "message": "one"}),
        ),
        said(2, "a"),
        count(2, 10, 1),
        count(2, 10, 1),
        rollout(
            "event_msg",
            3,
            json!({"type": "user_message", "message": "two"}),
        ),
        said(4, "b"),
        count(4, 30, 7),
    ]);
    assert_eq!(read.names(), ["turn", "chat ", "turn", "chat "]);
    assert_eq!(read.spans[3].get("gen_ai.usage.output_tokens"), "7");
    assert_ne!(read.spans[0].id, read.spans[2].id);
}

#[test]
fn a_fork_and_a_subagent_know_their_parent() {
    let mut fork = vec![
        meta("t2", json!({"forked_from_id": "t1"})),
        meta("t1", json!({})),
    ];
    fork.extend(codex_turn().into_iter().skip(1));
    fork.push(rollout(
        "event_msg",
        20,
        json!({"type": "task_started", "turn_id": "turn-2"}),
    ));
    fork.push(rollout(
        "event_msg",
        20,
        json!({"type": "user_message", "message": "on"}),
    ));
    let mut seen = Seen::default();
    let parent = read_with(
        Format::Codex,
        ("rollout-1.jsonl", ""),
        &lines(&codex_turn()),
        &Alone,
        &mut seen,
    );
    let read = read_with(
        Format::Codex,
        ("rollout-2.jsonl", ""),
        &lines(&fork),
        &Alone,
        &mut seen,
    );
    assert_eq!((parent.spans.len(), read.names()), (4, vec!["turn"]));
    assert_eq!(read.spans[0].get("session.id"), "t2");
    assert_eq!(read.spans[0].get("session.previous_id"), "t1");
    let subagent = codex(&[
        meta(
            "t3",
            json!({"parent_thread_id": "t1", "agent_nickname": "Ada", "source": {"subagent": {}}}),
        ),
        rollout(
            "event_msg",
            2,
            json!({"type": "user_message", "message": "look"}),
        ),
    ]);
    assert_eq!(subagent.spans[0].get("gen_ai.agent.name"), "Ada");
    assert_eq!(subagent.spans[0].get("session.previous_id"), "t1");
}

fn gemini(origin: (&str, &str), entries: &[Json], beside: &dyn Beside) -> Read {
    read_with(
        Format::GeminiCli,
        origin,
        &lines(entries),
        beside,
        &mut Seen::default(),
    )
}

fn chat_message(id: &str, second: u32, kind: &str, more: Json) -> Json {
    let mut message =
        json!({"id": id, "type": kind, "timestamp": format!("2026-01-01T00:00:{second:02}.000Z")});
    merge(&mut message, more);
    message
}

fn shell(response: Json, status: &str) -> Json {
    json!([{"id": "c1", "name": "run_shell_command", "args": {"command": "ls"}, "status": status,
        "timestamp": "2026-01-01T00:00:04.000Z",
        "result": [{"functionResponse": {"id": "c1", "response": response}}]}])
}

#[test]
fn a_chat_is_told_when_its_messages_are_complete() {
    let tokens = json!({"input": 9, "output": 2, "cached": 3, "thoughts": 4});
    let said = |calls: Json| json!({"content": "", "model": "gemini-4", "tokens": tokens, "toolCalls": calls});
    let growing = json!({"content": "", "model": "gemini-4", "tokens": tokens});
    let output = json!({"output": "x\nExit Code: 3\nFor full output see: no"});
    let read = gemini(
        ("session-1.jsonl", "chats"),
        &[
            json!({"sessionId": "g1", "projectHash": "h", "startTime": "2026-01-01T00:00:00.000Z", "kind": "main"}),
            chat_message("m1", 1, "user", json!({"content": [{"text": "fix it"}]})),
            json!({"$set": {"lastUpdated": "2026-01-01T00:00:01.000Z"}}),
            chat_message("m2", 3, "gemini", growing),
            chat_message("m2", 3, "gemini", said(shell(output.clone(), "success"))),
            chat_message(
                "m3",
                4,
                "user",
                json!({"content": [{"functionResponse": {"id": "c1", "response": output}}]}),
            ),
            chat_message(
                "m4",
                5,
                "user",
                json!({"content": [{"text": "System: go on"}]}),
            ),
            chat_message(
                "m5",
                6,
                "gemini",
                json!({"content": "Done.", "model": "gemini-4", "tokens": {"input": 1, "output": 1}}),
            ),
            json!({"$set": {"messages": [chat_message("m1", 1, "user", json!({"content": [{"text": "fix it"}]}))]}}),
        ],
        &Files(HashMap::from([(".project_root", "/home/me/shop\n")])),
    );
    assert_eq!(
        read.names(),
        [
            "turn",
            "chat gemini-4",
            "execute_tool run_shell_command",
            "chat gemini-4"
        ]
    );
    assert_eq!(
        read.spans[0].get("process.working_directory"),
        "/home/me/shop"
    );
    assert_eq!(
        read.spans[1].get("gen_ai.usage.output_tokens"),
        "6",
        "thoughts included"
    );
    assert_eq!(read.spans[2].get("process.exit.code"), "3");
    let asked = read.spans[3].json("gen_ai.input.messages");
    assert_eq!(asked.as_array().unwrap().len(), 2);
}

#[test]
fn a_subagents_chat_belongs_to_the_session_that_started_it() {
    let read = gemini(
        ("a1.jsonl", "g1"),
        &[
            json!({"sessionId": "a1", "startTime": "2026-01-01T00:00:00.000Z", "kind": "subagent"}),
            chat_message("m1", 1, "user", json!({"content": [{"text": "look"}]})),
            chat_message(
                "m2",
                3,
                "gemini",
                json!({"content": "found", "model": "gemini-4", "toolCalls": shell(json!({"error": "Tool execution blocked: no"}), "error")}),
            ),
        ],
        &Alone,
    );
    assert_eq!(
        read.names(),
        [
            "invoke_agent",
            "chat gemini-4",
            "execute_tool run_shell_command"
        ]
    );
    assert_eq!(read.spans[1].get("session.id"), "g1");
    assert_eq!(read.spans[1].get("gen_ai.agent.id"), "a1");
    assert_eq!(read.spans[1].parent, read.spans[0].id);
    assert_eq!(read.spans[2].get("spanreel.decision"), "reject");
}

#[test]
fn formats_are_known_by_their_entries() {
    let of = |entry: Json| Format::of_entry(entry.to_string().as_bytes());
    assert_eq!(of(prompt("u", 1, "x")), Some(Format::ClaudeCode));
    assert_eq!(
        of(json!({"type": "summary", "summary": "x", "leafUuid": "y"})),
        Some(Format::ClaudeCode)
    );
    assert_eq!(of(meta("t", json!({}))), Some(Format::Codex));
    assert_eq!(
        of(json!({"sessionId": "g", "projectHash": "h", "messages": []})),
        Some(Format::GeminiCli)
    );
    assert_eq!(of(json!({"some": "thing"})), None);
    assert_eq!(Format::of_entry(b"{\"type"), None);
}
