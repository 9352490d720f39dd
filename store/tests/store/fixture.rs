//! A store in a folder of its own, and batches to fill it with.

use std::sync::Arc;

use proto::agent::{
    Act, CostSource, Decision, Event, Facts, MetricPoint, Operation, Origin, OutputSource, Payload,
    PayloadRef, Reported, SpanKind, Status,
};
use proto::id::{SpanId, TraceId};
use store::{
    ActKey, ActState, Batch, Config, Derived, FindingRow, SessionRow, Store, Table, TraceRow,
    TurnRow, Value, Writer,
};
use tempfile::TempDir;

/// An arbitrary moment: 2026-01-02 03:04:05.678901234 UTC.
pub(crate) const T0: i64 = 1_767_323_045_678_901_234;

pub(crate) fn config(folder: &TempDir) -> Config {
    Config {
        data_dir: folder.path().to_owned(),
        memory_limit_bytes: 512 << 20,
        reader_count: 2,
        encryption: None,
    }
}

pub(crate) fn open() -> (TempDir, Store, Writer) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(config(&folder)).unwrap();
    let writer = store.writer().unwrap();
    (folder, store, writer)
}

pub(crate) fn trace_id(n: u64) -> TraceId {
    let mut id = [0xab; 16];
    id[8..].copy_from_slice(&n.to_be_bytes());
    TraceId(id)
}

pub(crate) fn span_id(n: u64) -> SpanId {
    SpanId((n | 1 << 60).to_be_bytes())
}

pub(crate) fn payload(text: impl AsRef<[u8]>) -> Payload {
    let bytes = text.as_ref().to_vec();
    Payload {
        address: PayloadRef::of(&bytes),
        bytes,
    }
}

pub(crate) fn act(
    writer: &mut Writer,
    trace: u64,
    span: u64,
    operation: Operation,
    session: &str,
) -> (Act, ActState) {
    let key = ActKey {
        trace_id: trace_id(trace),
        span_id: span_id(span),
    };
    let facts = Facts {
        session_id: Some(session.into()),
        ..Facts::default()
    };
    let act = Act {
        trace_id: key.trace_id,
        span_id: key.span_id,
        parent_span_id: None,
        origin: Origin::Span,
        operation,
        plumbing: false,
        part_of_parent: false,
        name: Arc::from(operation.as_str()),
        kind: SpanKind::Internal,
        start_ns: T0 + span as i64,
        end_ns: Some(T0 + span as i64 + 1_000_000),
        status: Status::Ok,
        status_message: None,
        facts: facts.clone(),
        tool_results_seen: Vec::new(),
        tool_calls_asked: Vec::new(),
        attributes: r#"{"a.b":"c","n":7}"#.to_owned(),
        resource: Arc::from(r#"{"service.name":"demo"}"#),
        links: String::new(),
        scope_name: Arc::from("scope"),
        scope_version: Arc::from("1"),
        service_name: Arc::from("demo"),
        trace_state: String::new(),
        dropped_attributes_count: 0,
        record: None,
    };
    let state = ActState {
        act_id: writer.next_act_id(),
        key,
        reported_parent: None,
        origin: act.origin,
        operation,
        plumbing: false,
        part_of_parent: false,
        name: Arc::clone(&act.name),
        start_ns: act.start_ns,
        end_ns: act.end_ns,
        status: act.status,
        status_message: None,
        facts,
        reported: None,
        derived: Derived {
            session_id: session.into(),
            turn: 1,
            ..Derived::default()
        },
    };
    (act, state)
}

/// Every field of the light half filled.
pub(crate) fn full_state(writer: &mut Writer) -> (Act, ActState) {
    let (mut act, mut state) = act(writer, 9, 9, Operation::Tool, "full 'session' \0 é");
    let text = |text: &str| Some(Arc::from(text));
    let address = |text: &str| Some(PayloadRef::of(text.as_bytes()));
    let facts = Facts {
        harness: text("claude-code"),
        harness_version: text("1.2"),
        session_id: text("full 'session' \0 é"),
        resource_session_id: text("res"),
        parent_session_id: text("parent"),
        child_session_id: text("child"),
        turn_key: text("key"),
        prompt: address("prompt"),
        title: text("Title"),
        agent_name: text("agent"),
        agent_id: text("agent-1"),
        parent_agent_id: text("agent-0"),
        starts_subagent: true,
        model: text("model"),
        provider: text("provider"),
        request_id: text("req"),
        join_key: text("join"),
        tool_name: text("Bash"),
        tool_call_id: text("call"),
        mcp_server: text("mcp"),
        skill_name: text("skill"),
        hook_event: text("PreToolUse"),
        hook_name: text("hook"),
        decision: Some(Decision::Deny),
        decision_source: text("config"),
        decision_reason: text("not on Fridays"),
        input_tokens: Some(1),
        output_tokens: Some(0),
        cache_read_tokens: Some(i64::MAX),
        cache_write_tokens: Some(-4),
        reasoning_tokens: Some(5),
        cost_usd: Some(0.1),
        cost_source: Some(CostSource::PriceTable),
        attempt_count: Some(3),
        finish_reason: text("stop"),
        error_type: text(""),
        error_message: text("line\nline"),
        success: Some(false),
        exit_code: Some(1),
        user_id: text("user"),
        host: text("host"),
        project: text("project"),
        branch: text("main"),
        input: address("input"),
        output: address("output"),
        output_source: Some(OutputSource::NextRequest),
        call_hash: text("0123456789abcdef"),
        truncated_upstream: text("SWITCH"),
        detail: text("ls -l"),
    };
    state.reported = Some(Box::new(Reported {
        plumbing: state.plumbing,
        operation: Operation::Policy,
        end_ns: Some(7),
        status: Status::Unset,
        status_message: None,
        facts: facts.clone(),
    }));
    state.reported_parent = Some(span_id(1));
    state.origin = Origin::Log;
    state.plumbing = true;
    state.part_of_parent = true;
    state.end_ns = None;
    state.start_ns = -5;
    state.status = Status::Error;
    state.status_message = text("broke");
    state.derived = Derived {
        session_id: "full 'session' \0 é".into(),
        session_inferred: true,
        turn: 3,
        parent: Some(span_id(2)),
        duplicate_of: Some(ActKey {
            trace_id: trace_id(8),
            span_id: span_id(8),
        }),
    };
    state.facts = facts.clone();
    act.facts = facts;
    (act, state)
}

pub(crate) fn event(n: u8, session: Option<&str>) -> Event {
    Event {
        event_id: [n; 16],
        time_ns: T0 + i64::from(n),
        trace_id: Some(trace_id(1)),
        span_id: Some(span_id(1)),
        session_id: session.map(Arc::from),
        is_log: true,
        name: Arc::from("user_prompt"),
        severity: Some(Arc::from("INFO")),
        body: Some(format!("body {n}")),
        body_payload: None,
        attributes: r#"{"k":"v"}"#.to_owned(),
        service_name: Arc::from("demo"),
        scope_name: Arc::from("scope"),
        record: None,
    }
}

pub(crate) fn metric(n: u8) -> MetricPoint {
    MetricPoint {
        point_id: [n; 16],
        time_ns: T0,
        session_id: Some(Arc::from("s1")),
        name: Arc::from("cost.usage"),
        value: 0.25,
        unit: Arc::from("USD"),
        kind: "sum",
        attributes: "{}".to_owned(),
        service_name: Arc::from("demo"),
        record: None,
    }
}

pub(crate) fn session(id: &str) -> SessionRow {
    SessionRow {
        session_id: id.into(),
        harness: Some("claude-code".into()),
        title: Some("Fix the build".into()),
        started_ns: T0,
        last_ns: T0 + 5_000_000_000,
        status: "running",
        silent_status: "killed",
        turn_count: 1,
        models: vec!["m1".into(), "m2".into()],
        tools: vec!["Bash".into()],
        cost_usd: Some(0.5),
        ..SessionRow::default()
    }
}

/// A small run: a prompt, a model request that calls a tool, the tool, a subagent's session.
pub(crate) fn demo(writer: &mut Writer) -> Batch {
    let prompt = payload("Please fix the build");
    let input = payload(
        r#"[{"role":"system","parts":[{"type":"text","content":"You are careful."}]},{"role":"user","parts":[{"type":"text","content":"Please fix the build"}]}]"#,
    );
    let output = payload(
        r#"[{"role":"assistant","parts":[{"type":"text","content":"Looking."},{"type":"tool_call","id":"c1","name":"Bash","arguments":{"command":"make"}}]}]"#,
    );
    let arguments = payload(r#"{"command":"make"}"#);
    let result = payload("make: *** [all] Error 2");
    let mut turn = act(writer, 1, 1, Operation::Turn, "s1");
    let mut model = act(writer, 1, 2, Operation::Model, "s1");
    let mut tool = act(writer, 1, 3, Operation::Tool, "s1");
    let mut again = act(writer, 1, 4, Operation::Tool, "s1");
    let mut hook = act(writer, 1, 5, Operation::Hook, "s1");
    let agent = act(writer, 2, 6, Operation::Agent, "s2");
    turn.1.facts.prompt = Some(prompt.address);
    model.1.facts.model = Some("m1".into());
    model.1.facts.input_tokens = Some(1200);
    model.1.facts.output_tokens = Some(80);
    model.1.facts.cost_usd = Some(0.5);
    model.1.facts.input = Some(input.address);
    model.1.facts.output = Some(output.address);
    tool.1.facts.tool_name = Some("Bash".into());
    tool.1.facts.tool_call_id = Some("c1".into());
    tool.1.facts.input = Some(arguments.address);
    tool.1.facts.output = Some(result.address);
    tool.1.facts.detail = Some("make".into());
    tool.1.status = Status::Error;
    again.1.facts.tool_name = Some("Bash".into());
    again.1.derived.duplicate_of = Some(tool.1.key);
    hook.1.facts.decision = Some(Decision::Deny);
    hook.1.facts.hook_event = Some("PreToolUse".into());
    for child in [&mut model, &mut tool, &mut again, &mut hook] {
        child.1.derived.parent = Some(span_id(1));
    }
    let trace = |n, session: &str| TraceRow {
        trace_id: trace_id(n),
        session_id: session.into(),
        min_ns: T0,
        max_ns: T0 + 10_000_000,
    };
    Batch {
        new_acts: vec![turn, model, tool, again, hook, agent],
        events: vec![event(1, Some("s1")), event(2, None)],
        metrics: vec![metric(1)],
        turns: vec![TurnRow {
            session_id: "s1".into(),
            turn: 1,
            prompt: Some(prompt.address),
            started_ns: T0,
            duration_ns: 7,
            ..TurnRow::default()
        }],
        payloads: vec![prompt, input, output, arguments, result],
        sessions: vec![session("s1"), session("s2")],
        traces: vec![trace(1, "s1"), trace(2, "s2")],
        journal_position: 100,
        ..Batch::default()
    }
}

/// A result as lines of `|`-separated text.
pub(crate) fn lines(table: &Table) -> Vec<String> {
    let cell = |value: &Value| match value {
        Value::Null => "null".to_owned(),
        Value::Text(text) => text.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Double(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    let row = |row: &Vec<Value>| row.iter().map(cell).collect::<Vec<_>>().join("|");
    table.rows.iter().map(row).collect()
}

pub(crate) fn query(store: &Store, sql: &str) -> Vec<String> {
    match store.read(sql, &[]) {
        Ok(table) => lines(&table),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            let cause: String = cause
                .iter()
                .flat_map(|text| text.chars())
                .take(500)
                .collect();
            panic!("{sql}: {error}: {cause}")
        }
    }
}

pub(crate) fn finding(id: &str, repeat_count: i64) -> FindingRow {
    FindingRow {
        finding_id: id.to_owned(),
        session_id: "s1".to_owned(),
        kind: "loop".to_owned(),
        severity: "warning".to_owned(),
        confidence: "certain".to_owned(),
        detector: "exact_repeat/1".to_owned(),
        title: "Bash three times".to_owned(),
        explanation: "The same call gave the same result.".to_owned(),
        spans: [3, 4]
            .map(|span| ActKey {
                trace_id: trace_id(1),
                span_id: span_id(span),
            })
            .into(),
        repeat_count,
        wasted_ns: 1,
        wasted_tokens: 2,
        wasted_cost_usd: None,
        detected_ns: T0 + repeat_count,
        updated_ns: T0 + repeat_count,
        open: true,
    }
}
