//! Recordings resolved in memory: what happened, every act counted once.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use collector::conventions::Understood;
use collector::prices::Prices;
use collector::resolve::{Memory, Resolver};
use proto::agent::{Decision, Operation, Status};
use proto::id::TraceId;
use store::{ActKey, ActState, Batch, LoadedAct, SessionRow};

use crate::recording::understand;

/// A store that holds nothing.
#[derive(Default)]
struct Nothing(i64);

impl Memory for Nothing {
    fn load_acts(&mut self, _: &[TraceId], _: &[Arc<str>]) -> Result<Vec<LoadedAct>, store::Error> {
        Ok(Vec::new())
    }

    fn next_act_id(&mut self) -> i64 {
        self.0 += 1;
        self.0
    }
}

/// The rows of a recording after its last request.
struct Resolved {
    acts: Vec<ActState>,
    sessions: Vec<SessionRow>,
}

fn resolve(out: Understood) -> Resolved {
    let prices = Arc::new(Prices::load(Path::new("/nonexistent")).unwrap());
    let mut resolver = Resolver::new(1_000_000, prices);
    let mut memory = Nothing::default();
    let mut batch = Batch::default();
    resolver.prepare(&out.acts, &mut memory).unwrap();
    resolver.resolve(out.acts, &mut memory, &mut batch);
    let mut acts: HashMap<ActKey, ActState> = HashMap::new();
    for (_, state) in batch.new_acts {
        acts.insert(state.key, state);
    }
    for state in batch.changed_acts {
        acts.insert(state.key, state);
    }
    let mut acts: Vec<ActState> = acts.into_values().collect();
    acts.sort_by_key(|act| (act.start_ns, act.act_id));
    let mut sessions = batch.sessions;
    sessions.sort_by_key(|row| row.started_ns);
    Resolved { acts, sessions }
}

fn is_counted(act: &ActState) -> bool {
    act.derived.duplicate_of.is_none() && !act.part_of_parent && !act.plumbing
}

impl Resolved {
    fn counted(&self, operation: Operation) -> impl Iterator<Item = &ActState> {
        self.acts
            .iter()
            .filter(move |act| act.operation == operation && is_counted(act))
    }

    /// Tool calls by `server/tool`.
    fn tools(&self, filter: impl Fn(&ActState) -> bool) -> String {
        let mut names: BTreeMap<String, usize> = BTreeMap::new();
        for act in self.counted(Operation::Tool).filter(|act| filter(act)) {
            let tool = act.facts.tool_name.as_deref().unwrap_or("?");
            let name = match act.facts.mcp_server.as_deref() {
                Some(server) => format!("{server}/{tool}"),
                None => tool.to_owned(),
            };
            *names.entry(name).or_default() += 1;
        }
        let list: Vec<String> = names
            .into_iter()
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        list.join(", ")
    }

    /// Runs of three or more equal calls of one agent in one turn.
    fn loops(&self) -> Vec<String> {
        let mut sequences: BTreeMap<(String, String, i32), Vec<&ActState>> = BTreeMap::new();
        for act in self.counted(Operation::Tool) {
            let agent = act.facts.agent_id.as_deref().unwrap_or("").to_owned();
            let session = act.derived.session_id.to_string();
            sequences
                .entry((session, agent, act.derived.turn))
                .or_default()
                .push(act);
        }
        let mut loops = Vec::new();
        for sequence in sequences.values() {
            for run in sequence.chunk_by(|a, b| {
                a.facts.call_hash.is_some() && a.facts.call_hash == b.facts.call_hash
            }) {
                if run.len() >= 3 {
                    let tool = run[0].facts.tool_name.as_deref().unwrap_or("?");
                    loops.push(format!("{tool} x{}", run.len()));
                }
            }
        }
        loops
    }

    /// What is counted, a line each; no words of the recording but names of tools and agents.
    fn table(&self) -> String {
        let mut text = String::new();
        for row in &self.sessions {
            let _ = writeln!(
                text,
                "{} of {}: {}, {} turns, {} requests, {} calls, {} subagents, {} denied, {} errors, tokens {} in {} cached {} out",
                if row.parent_session_id.is_some() {
                    "child session"
                } else {
                    "session"
                },
                row.harness.as_deref().unwrap_or("?"),
                row.status,
                row.turn_count,
                row.model_request_count,
                row.tool_call_count,
                row.subagent_count,
                row.denied_count,
                row.error_count,
                row.input_tokens,
                row.cache_read_tokens,
                row.output_tokens,
            );
        }
        let requests = |is_failed: bool| {
            self.counted(Operation::Model)
                .filter(|act| (act.status == Status::Error) == is_failed)
                .count()
        };
        let _ = writeln!(
            text,
            "requests answered: {}, failed: {}",
            requests(false),
            requests(true)
        );
        let is_denied = |act: &ActState| act.facts.decision == Some(Decision::Deny);
        let _ = writeln!(text, "calls: {}", self.tools(|_| true));
        let failed = self.tools(|act| act.status == Status::Error && !is_denied(act));
        let _ = writeln!(text, "failed calls: {failed}");
        let _ = writeln!(text, "loops: {}", self.loops().join(", "));
        let mut agents: Vec<String> = self
            .counted(Operation::Agent)
            .map(|act| {
                let name = act.facts.agent_name.as_deref().unwrap_or("?");
                let mark = if act.facts.starts_subagent {
                    " (subagent)"
                } else {
                    ""
                };
                format!("{name}{mark}")
            })
            .collect();
        agents.sort_unstable();
        let _ = writeln!(text, "agents: {}", agents.join(", "));
        let largest = self
            .counted(Operation::Tool)
            .filter_map(|act| act.facts.output.map(|output| output.size_bytes))
            .max();
        let _ = writeln!(text, "largest result: {} bytes", largest.unwrap_or(0));
        let cut = self
            .acts
            .iter()
            .filter(|act| act.facts.truncated_upstream.is_some());
        let _ = writeln!(text, "cut by the sender: {}", cut.count());
        text
    }
}

fn check(recording: &str) {
    if let Some(out) = understand(recording) {
        insta::assert_snapshot!(recording, resolve(out).table());
    }
}

macro_rules! recordings {
    ($($test:ident = $name:literal),+ $(,)?) => { $(#[test] fn $test() { check($name); })+ };
}

recordings! {
    opencode = "opencode-effect-httpjson",
    vercel = "vercel-ai-v6-grpc",
    langgraph = "langgraph-openllmetry-grpc-gzip",
    strands = "strands-grpc",
    openai_agents = "openai-agents-openinference-grpc",
    pydantic_ai = "pydantic-ai-grpc",
    client_libraries = "sdk-genai-semconv-http",
}
