//! A served store, and small runs to fill it with.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use proto::agent::{
    Act, Decision, Event, Facts, Operation, Origin, Payload, PayloadRef, SpanKind, Status,
};
use proto::id::{SpanId, TraceId};
use query::{Config, Footprint, IngestCounters, Observe};
use serde_json::Value as Json;
use store::{ActKey, ActState, Batch, Derived, SessionRow, Store, TraceRow, TurnRow, Writer};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub(crate) const T0: i64 = 1_767_323_045_000_000_000;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) writer: Writer,
    pub(crate) http: reqwest::Client,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    store: Store,
    folder: TempDir,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap()).await
    }

    pub(crate) async fn start_in(folder: TempDir) -> Self {
        // The client of the tests would find no cryptography for TLS otherwise.
        access::use_ring();
        let store = Store::open(store::Config {
            data_dir: folder.path().to_owned(),
            memory_limit_bytes: 512 << 20,
            reader_count: 4,
            encryption: None,
        })
        .unwrap();
        let writer = store.writer().unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let config = Config {
            otlp_grpc: ([127, 0, 0, 1], 4317).into(),
            otlp_http: ([127, 0, 0, 1], 4318).into(),
            ui: address,
            is_encrypted: false,
            otlp_needs_token: false,
            allowed_hosts: vec!["reel.example".to_owned()],
            prices: query::PriceTable {
                date: "2026-10-10".to_owned(),
                overridden_by: None,
            },
            detectors: Arc::default(),
            alerts: Arc::default(),
            alerts_folder: None,
            retention: std::sync::Arc::default(),
            removes_expired: false,
            journal: query::JournalUpkeep::default(),
            ask: None,
        };
        let shutdown = CancellationToken::new();
        let serving = query::serve(
            listener.into(),
            store.clone(),
            config,
            Arc::new(Observer),
            shutdown.clone(),
        );
        Self {
            address,
            writer,
            http: reqwest::Client::new(),
            shutdown,
            task: tokio::spawn(serving),
            store,
            folder,
        }
    }

    /// Ends everything and starts it again over the same data.
    pub(crate) async fn restart(self) -> Self {
        Self::start_in(self.stop().await).await
    }

    pub(crate) async fn stop(self) -> TempDir {
        self.shutdown.cancel();
        let stopped = tokio::time::timeout(Duration::from_secs(10), self.task);
        stopped.await.unwrap().unwrap();
        drop(self.writer);
        self.store.close();
        self.folder
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        self.http.get(self.url(path)).send().await.unwrap()
    }

    pub(crate) async fn json(&self, path: &str) -> Json {
        let response = self.get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    pub(crate) async fn post_sql(&self, body: &Json) -> (u16, Json) {
        let request = self.http.post(self.url("/api/v1/sql")).json(body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Asks until the answer is as wanted, for two seconds.
    pub(crate) async fn eventually(&self, path: &str, wanted: impl Fn(&Json) -> bool) -> Json {
        let mut last = Json::Null;
        for _ in 0..100 {
            last = self.json(path).await;
            if wanted(&last) {
                return last;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{path} stays {last:#}");
    }

    pub(crate) fn commit(&mut self, batch: Batch) {
        self.writer.commit(batch).unwrap();
    }
}

pub(crate) fn trace_id(n: u8) -> TraceId {
    TraceId([n; 16])
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

/// A collector that has stored seven spans and takes everything.
struct Observer;

impl Observe for Observer {
    fn ingest(&self) -> IngestCounters {
        IngestCounters {
            spans: 7,
            ..IngestCounters::default()
        }
    }

    fn footprint(&self) -> Footprint {
        Footprint::default()
    }

    fn refuses(&self) -> Option<String> {
        None
    }
}

/// An act of one millisecond, `n` milliseconds after the start, in trace 1.
pub(crate) fn act(
    writer: &mut Writer,
    n: u64,
    operation: Operation,
    session: &str,
    change: impl FnOnce(&mut ActState),
) -> (Act, ActState) {
    let start_ns = T0 + n as i64 * 1_000_000;
    let mut state = ActState {
        act_id: writer.next_act_id(),
        key: ActKey {
            trace_id: trace_id(1),
            span_id: span_id(n),
        },
        reported_parent: None,
        origin: Origin::Span,
        operation,
        plumbing: false,
        part_of_parent: false,
        name: Arc::from(operation.as_str()),
        start_ns,
        end_ns: Some(start_ns + 1_000_000),
        status: Status::Ok,
        status_message: None,
        facts: Facts {
            session_id: Some(session.into()),
            ..Facts::default()
        },
        reported: None,
        derived: Derived {
            session_id: session.into(),
            turn: 1,
            ..Derived::default()
        },
    };
    change(&mut state);
    let act = Act {
        trace_id: state.key.trace_id,
        span_id: state.key.span_id,
        parent_span_id: state.reported_parent,
        origin: state.origin,
        operation,
        plumbing: state.plumbing,
        part_of_parent: state.part_of_parent,
        name: state.name.clone(),
        kind: SpanKind::Internal,
        start_ns: state.start_ns,
        end_ns: state.end_ns,
        status: state.status,
        status_message: None,
        facts: state.facts.clone(),
        tool_results_seen: Vec::new(),
        tool_calls_asked: Vec::new(),
        attributes: r#"{"a.b":"c","big":12345678901234567890}"#.to_owned(),
        resource: Arc::from(r#"{"service.name":"demo"}"#),
        links: String::new(),
        scope_name: Arc::from("scope"),
        scope_version: Arc::from("1"),
        service_name: Arc::from("demo"),
        trace_state: String::new(),
        dropped_attributes_count: 0,
        record: None,
    };
    (act, state)
}

pub(crate) fn session(id: &str) -> SessionRow {
    SessionRow {
        session_id: id.into(),
        harness: Some("claude-code".into()),
        title: Some(format!("Title of {id}").into()),
        started_ns: T0,
        last_ns: T0 + 5_000_000_000,
        status: "running",
        silent_status: "killed",
        models: vec!["m1".into()],
        tools: vec!["Bash".into()],
        cost_usd: Some(0.5),
        ..SessionRow::default()
    }
}

pub(crate) fn trace(session: &str) -> TraceRow {
    TraceRow {
        trace_id: trace_id(1),
        session_id: session.into(),
        min_ns: T0,
        max_ns: T0 + 10_000_000,
    }
}

/// One more identical call of the same tool, failing alike.
pub(crate) fn repeated_call(writer: &mut Writer, n: u64, session: &str) -> (Act, ActState) {
    act(writer, n, Operation::Tool, session, |state| {
        state.status = Status::Error;
        state.facts.tool_name = Some("Bash".into());
        state.facts.call_hash = Some("00112233aabbccdd".into());
        state.facts.error_message = Some("Shell command failed".into());
        state.facts.detail = Some("./run_tests.sh".into());
    })
}

pub(crate) const LARGE: usize = 300_000;

/// Session `s1`: a turn, two model requests, a tool call and its duplicate, a late parent, a denial;
/// its child session `s2`; another session `s3`.
pub(crate) fn demo(writer: &mut Writer) -> Batch {
    let prompt = payload("Please fix the build");
    let first = payload(
        r#"[{"role":"system","parts":[{"type":"text","content":"Careful."}]},{"role":"user","parts":[{"type":"text","content":"Fix"}]}]"#,
    );
    let second = payload(
        r#"[{"role":"system","parts":[{"type":"text","content":"Careful."}]},{"role":"user","parts":[{"type":"text","content":"Fix"}]},{"role":"assistant","parts":[{"type":"text","content":"ok"}]}]"#,
    );
    let answer = payload(r#"[{"role":"assistant","parts":[{"type":"text","content":"ok"}]}]"#);
    let large = payload("ä".repeat(LARGE / 2));
    let root = span_id(1);
    let turn = act(writer, 1, Operation::Turn, "s1", |state| {
        state.facts.prompt = Some(prompt.address);
    });
    let model = |writer: &mut Writer, n, input: &Payload| {
        act(writer, n, Operation::Model, "s1", |state| {
            state.derived.parent = Some(root);
            state.facts.model = Some("m1".into());
            state.facts.input_tokens = Some(1200);
            state.facts.input = Some(input.address);
            state.facts.output = Some(answer.address);
        })
    };
    let one = model(writer, 2, &first);
    let tool = act(writer, 3, Operation::Tool, "s1", |state| {
        state.derived.parent = Some(root);
        state.facts.tool_name = Some("Bash".into());
        state.facts.output = Some(large.address);
        state.facts.detail = Some("cat big.log".into());
    });
    let again = act(writer, 4, Operation::Tool, "s1", |state| {
        state.origin = Origin::Log;
        state.derived.duplicate_of = Some(tool.1.key);
    });
    let two = model(writer, 5, &second);
    let orphan = act(writer, 6, Operation::Internal, "s1", |state| {
        state.reported_parent = Some(span_id(999));
        state.plumbing = true;
        state.end_ns = None;
    });
    let denied = act(writer, 7, Operation::Tool, "s1", |state| {
        state.derived.parent = Some(root);
        state.facts.tool_name = Some("Bash".into());
        state.facts.decision = Some(Decision::Deny);
        state.facts.decision_source = Some("hook".into());
        state.facts.detail = Some("rm -rf /".into());
        state.facts.call_hash = Some("ffff000011112222".into());
    });
    let child = act(writer, 8, Operation::Agent, "s2", |state| {
        state.derived.parent = Some(span_id(3));
        state.facts.starts_subagent = true;
    });
    let other = act(writer, 9, Operation::Tool, "s3", |state| {
        state.key.trace_id = trace_id(3);
        state.facts.tool_name = Some("read_file".into());
        state.facts.mcp_server = Some("files".into());
        state.facts.agent_name = Some("Explore".into());
    });
    let event = Event {
        event_id: [1; 16],
        time_ns: T0,
        trace_id: Some(trace_id(1)),
        span_id: Some(span_id(3)),
        session_id: Some("s1".into()),
        is_log: true,
        name: Arc::from("tool_result"),
        severity: Some(Arc::from("INFO")),
        body: Some("done".to_owned()),
        body_payload: None,
        attributes: r#"{"k":"v"}"#.to_owned(),
        service_name: Arc::from("demo"),
        scope_name: Arc::from("scope"),
        record: None,
    };
    let mut child_session = session("s2");
    child_session.parent_session_id = Some("s1".into());
    let mut other_session = session("s3");
    other_session.last_ns += 1;
    other_session.harness = Some("codex".into());
    other_session.ended = true;
    other_session.status = "ok";
    let mut other_trace = trace("s3");
    other_trace.trace_id = trace_id(3);
    Batch {
        new_acts: vec![turn, one, tool, again, two, orphan, denied, child, other],
        events: vec![event],
        turns: vec![TurnRow {
            session_id: "s1".into(),
            turn: 1,
            prompt: Some(prompt.address),
            started_ns: T0,
            duration_ns: 7,
            ..TurnRow::default()
        }],
        payloads: vec![prompt, first, second, answer, large],
        sessions: vec![session("s1"), child_session, other_session],
        traces: vec![trace("s1"), other_trace],
        journal_position: 1,
        ..Batch::default()
    }
}
