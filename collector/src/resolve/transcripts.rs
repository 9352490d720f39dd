//! Transcripts beside what was reported while the run went on: the same act is one act.
//!
//! Acts of transcripts find their counterpart by the ids that both sides know (call, request, message,
//! prompt, agent), and where one side knows none, by session, name, content and nearness in time. A
//! span stands for the act before a transcript does, a transcript before log records and hooks.
//! Whichever stands for it, texts are the transcript's where it tells more, and time, tokens, cost and
//! verdicts are those of the others.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use proto::agent::{Facts, Operation, Origin, PayloadRef, Status};
use store::{ActKey, ActState};

use super::facts;
use super::group::{Forest, Group, end_or_start, is_span};
use super::join::{distance, same_tool};

/// Clocks are one and the same; what is noted of one moment lies this close together.
const NEARNESS_NS: i64 = 5_000_000_000;

/// Whether a transcript reports the act.
pub(super) fn is_transcript(act: &ActState) -> bool {
    act.origin == Origin::Transcript
}

/// Joins the acts of transcripts with each other and with all others, which are joined already.
pub(super) fn join(group: &mut Group, forest: &mut Forest) {
    if !group.acts.iter().any(is_transcript) {
        return;
    }
    let mut joining = Joining::new(group, forest);
    joining.unite_own();
    joining.turns();
    joining.tools();
    joining.models();
    joining.agents();
    forest.lift(group);
}

/// What an act may be known by: its session, and an id.
type Key = (Arc<str>, Arc<str>);

struct Joining<'a> {
    group: &'a mut Group,
    forest: &'a Forest,
    /// Acts of transcripts that stand for themselves, by start.
    own: Vec<usize>,
    /// Acts reported otherwise that stand for themselves, by start.
    others: Vec<usize>,
    /// Duplicates of each of them.
    duplicates: HashMap<ActKey, Vec<usize>>,
    /// Others that have found their transcript.
    taken: HashSet<usize>,
}

impl<'a> Joining<'a> {
    fn new(group: &'a mut Group, forest: &'a Forest) -> Self {
        let mut own = Vec::new();
        let mut others = Vec::new();
        let mut duplicates: HashMap<ActKey, Vec<usize>> = HashMap::new();
        for &i in &forest.by_start {
            let act = &group.acts[i];
            match act.derived.duplicate_of {
                Some(key) => duplicates.entry(key).or_default().push(i),
                None if is_transcript(act) => own.push(i),
                None => others.push(i),
            }
        }
        Self {
            group,
            forest,
            own,
            others,
            duplicates,
            taken: HashSet::new(),
        }
    }

    fn act(&self, i: usize) -> &ActState {
        &self.group.acts[i]
    }

    /// One act may have several records in transcripts: as it was begun, and whole. The whole one
    /// stands for it.
    fn unite_own(&mut self) {
        let mut best: HashMap<(Operation, Key), usize> = HashMap::new();
        let mut repeated = Vec::new();
        for &i in &self.own {
            let act = self.act(i);
            let id = match act.operation {
                Operation::Tool => &act.facts.tool_call_id,
                Operation::Model => &act.facts.request_id,
                Operation::Turn => &act.facts.turn_key,
                _ => &None,
            };
            let Some(id) = id else { continue };
            let key = (act.operation, (act.derived.session_id.clone(), id.clone()));
            let rank = |i: usize| (self.act(i).end_ns, self.act(i).key);
            match best.get_mut(&key) {
                Some(other) if rank(*other) < rank(i) => {
                    repeated.push((std::mem::replace(other, i), key));
                }
                Some(_) => repeated.push((i, key)),
                None => {
                    best.insert(key, i);
                }
            }
        }
        for (i, key) in repeated {
            if let Some(&whole) = best.get(&key) {
                self.stand_behind(i, whole);
                let reported = self.act(i).facts.clone();
                facts::fill(&mut self.group.acts[whole].facts, &reported);
            }
        }
        let group = &*self.group;
        self.own
            .retain(|&i| group.acts[i].derived.duplicate_of.is_none());
    }

    /// Own acts of an operation, by start.
    fn own_of(&self, operation: Operation) -> Vec<usize> {
        let is = |i: &usize| self.act(*i).operation == operation;
        self.own.iter().copied().filter(is).collect()
    }

    /// Other acts of an operation, whole ones before parts, by start.
    fn others_of(&self, operation: Operation) -> Vec<usize> {
        let is = |i: &usize| self.act(*i).operation == operation && !self.act(*i).plumbing;
        let mut found: Vec<usize> = self.others.iter().copied().filter(is).collect();
        found.sort_by_key(|&i| self.act(i).part_of_parent);
        found
    }

    /// Other acts by the ids that they or their duplicates bear.
    fn by_ids(
        &self,
        operation: Operation,
        ids: impl Fn(&Facts) -> [Option<Arc<str>>; 2],
    ) -> HashMap<Key, Vec<usize>> {
        let mut found: HashMap<Key, Vec<usize>> = HashMap::new();
        for i in self.others_of(operation) {
            let act = self.act(i);
            let records = self.duplicates.get(&act.key);
            for record in records.into_iter().flatten().copied().chain([i]) {
                for id in ids(&self.act(record).facts).into_iter().flatten() {
                    let list = found
                        .entry((act.derived.session_id.clone(), id))
                        .or_default();
                    if !list.contains(&i) {
                        list.push(i);
                    }
                }
            }
        }
        found
    }

    /// The nearest of `candidates` that has no transcript yet and is no further away than `within_ns`.
    fn nearest(&self, i: usize, candidates: &[usize], within_ns: i64) -> Option<usize> {
        let act = self.act(i);
        candidates
            .iter()
            .copied()
            .filter(|c| !self.taken.contains(c))
            .map(|c| {
                let other = self.act(c);
                let apart = (distance(other, act), (other.start_ns - act.start_ns).abs());
                ((other.part_of_parent, apart, other.key), c)
            })
            .filter(|((_, apart, _), _)| apart.0 <= within_ns)
            .min()
            .map(|(_, c)| c)
    }

    fn tools(&mut self) {
        let by_call = self.by_ids(Operation::Tool, |facts| [facts.tool_call_id.clone(), None]);
        let mut left = Vec::new();
        for i in self.own_of(Operation::Tool) {
            let act = self.act(i);
            let id = act.facts.tool_call_id.clone();
            let key = id.map(|id| (act.derived.session_id.clone(), id));
            let candidates = key.and_then(|key| by_call.get(&key));
            match candidates.and_then(|candidates| self.nearest(i, candidates, i64::MAX)) {
                Some(other) => self.pair(i, other),
                None => left.push(i),
            }
        }
        let mut without_id = self.others_of(Operation::Tool);
        without_id.retain(|&c| self.act(c).facts.tool_call_id.is_none());
        for i in left {
            let act = self.act(i);
            let alike: Vec<usize> = without_id
                .iter()
                .copied()
                .filter(|&c| {
                    let other = self.act(c);
                    let (a, b) = (&act.facts, &other.facts);
                    let same_arguments = facts::has_weak_hash(a)
                        || facts::has_weak_hash(b)
                        || a.call_hash == b.call_hash;
                    other.derived.session_id == act.derived.session_id
                        && same_tool(a.tool_name.as_deref(), b.tool_name.as_deref())
                        && same_arguments
                })
                .collect();
            if let Some(other) = self.nearest(i, &alike, NEARNESS_NS) {
                self.pair(i, other);
            }
        }
    }

    fn models(&mut self) {
        let ids = |facts: &Facts| [facts.request_id.clone(), facts.join_key.clone()];
        let by_id = self.by_ids(Operation::Model, ids);
        let mut left = Vec::new();
        for i in self.own_of(Operation::Model) {
            let act = self.act(i);
            let session = &act.derived.session_id;
            let candidates: Vec<usize> = ids(&act.facts)
                .into_iter()
                .flatten()
                .filter_map(|id| by_id.get(&(session.clone(), id)))
                .flatten()
                .copied()
                .collect();
            match self.nearest(i, &candidates, i64::MAX) {
                Some(other) => self.pair(i, other),
                None => left.push(i),
            }
        }
        let others = self.others_of(Operation::Model);
        for i in left {
            let act = self.act(i);
            let alike: Vec<usize> = others
                .iter()
                .copied()
                .filter(|&c| {
                    let other = self.act(c);
                    other.derived.session_id == act.derived.session_id && same_request(act, other)
                })
                .collect();
            if let Some(other) = self.nearest(i, &alike, NEARNESS_NS) {
                self.pair(i, other);
            }
        }
    }

    fn turns(&mut self) {
        let by_key = self.by_ids(Operation::Turn, |facts| [facts.turn_key.clone(), None]);
        let others = self.others_of(Operation::Turn);
        for i in self.own_of(Operation::Turn) {
            let act = self.act(i);
            let session = act.derived.session_id.clone();
            let key = act.facts.turn_key.clone().map(|id| (session.clone(), id));
            let by_key = key.and_then(|key| by_key.get(&key));
            let named = by_key.and_then(|candidates| self.nearest(i, candidates, i64::MAX));
            let found = named.or_else(|| {
                let same_session: Vec<usize> = others
                    .iter()
                    .copied()
                    .filter(|&c| {
                        let other = self.act(c);
                        let keys = (&other.facts.turn_key, &self.act(i).facts.turn_key);
                        let may_be = !matches!(keys, (Some(a), Some(b)) if a == b);
                        other.derived.session_id == session && may_be
                    })
                    .filter(|&c| {
                        // A whole turn may hold the prompt of another one only by a hair.
                        (self.act(c).start_ns - self.act(i).start_ns).abs() <= NEARNESS_NS
                    })
                    .collect();
                self.nearest(i, &same_session, NEARNESS_NS)
            });
            if let Some(other) = found {
                self.pair(i, other);
            }
        }
    }

    /// Where the run of a subagent is reported itself, the call that started it does not stand for it.
    fn leave_to_runs(&mut self) {
        let runs: HashSet<Key> = self
            .others_of(Operation::Agent)
            .into_iter()
            .filter_map(|i| {
                let act = self.act(i);
                Some((act.derived.session_id.clone(), act.facts.agent_id.clone()?))
            })
            .collect();
        for &i in self.own.iter().chain(&self.others) {
            let act = &mut self.group.acts[i];
            if act.operation == Operation::Tool
                && let Some(id) = &act.facts.agent_id
                && runs.contains(&(act.derived.session_id.clone(), id.clone()))
            {
                act.facts.starts_subagent = false;
            }
        }
    }

    /// The record of a subagent reports the call that started it.
    fn agents(&mut self) {
        self.leave_to_runs();
        let own = self.own_of(Operation::Agent);
        if own.is_empty() {
            return;
        }
        let mut by_id: HashMap<Key, Vec<usize>> = HashMap::new();
        for &i in &self.forest.by_start {
            let act = self.act(i);
            let is_starter = act.facts.starts_subagent
                || (act.operation == Operation::Agent && !is_transcript(act));
            if act.derived.duplicate_of.is_some() || !is_starter {
                continue;
            }
            for id in [&act.facts.agent_id, &act.facts.tool_call_id]
                .into_iter()
                .flatten()
            {
                let key = (act.derived.session_id.clone(), id.clone());
                by_id.entry(key).or_default().push(i);
            }
        }
        for i in own {
            let act = self.act(i);
            let session = &act.derived.session_id;
            let found = [&act.facts.tool_call_id, &act.facts.agent_id]
                .into_iter()
                .flatten()
                .find_map(|id| by_id.get(&(session.clone(), id.clone()))?.first().copied());
            match found {
                Some(starter) => {
                    let agent = self.act(i).facts.clone();
                    self.stand_behind(i, starter);
                    let facts = &mut self.group.acts[starter].facts;
                    if facts.agent_id.is_none() {
                        facts.agent_id = agent.agent_id;
                    }
                    if facts.agent_name.is_none() {
                        facts.agent_name = agent.agent_name;
                    }
                }
                None => self.group.acts[i].facts.starts_subagent = true,
            }
        }
    }

    /// Makes one act of an own and another.
    fn pair(&mut self, own: usize, other: usize) {
        self.taken.insert(other);
        let (canonical, record) = if is_span(self.act(other)) {
            (other, own)
        } else {
            (own, other)
        };
        let merged = merged(&self.act(other).facts, &self.act(own).facts);
        self.stand_behind(record, canonical);
        let record = self.group.acts[record].clone();
        take_over(&mut self.group.acts[canonical], merged, &record);
    }

    /// Marks an act, and all that stand behind it, as duplicates of another.
    fn stand_behind(&mut self, record: usize, canonical: usize) {
        let (from, to) = (self.act(record).key, self.act(canonical).key);
        let behind = self.duplicates.remove(&from).unwrap_or_default();
        for i in behind.into_iter().chain([record]) {
            self.group.acts[i].derived.duplicate_of = Some(to);
            self.duplicates.entry(to).or_default().push(i);
        }
    }
}

/// Sets what two reports of an act say together, and that it failed if either says so.
fn take_over(act: &mut ActState, merged: Facts, other: &ActState) {
    act.facts = merged;
    if other.status == Status::Error && act.status != Status::Error {
        act.status = Status::Error;
        act.status_message.clone_from(&other.status_message);
    }
    if act.end_ns.is_none() && act.operation == other.operation {
        act.end_ns = other.end_ns.map(|end| end.max(act.start_ns));
    }
}

/// What was reported while the run went on, with the texts of the transcript.
fn merged(reported: &Facts, transcript: &Facts) -> Facts {
    let mut facts = reported.clone();
    let was_cut = facts.truncated_upstream.is_some();
    let is_cut = transcript.truncated_upstream.is_some();
    let better = |own: Option<PayloadRef>, told: Option<PayloadRef>| match (own, told) {
        (Some(own), Some(told)) => {
            (was_cut, own.size_bytes) != (is_cut, told.size_bytes)
                && (!was_cut, own.size_bytes) > (!is_cut, told.size_bytes)
        }
        (Some(_), None) => true,
        (None, _) => false,
    };
    // An answer's identity goes with its text, a call's with its arguments.
    let is_request = facts.model.is_some() || transcript.model.is_some();
    if transcript.output.is_some() && !better(facts.output, transcript.output) {
        facts.output = transcript.output;
        facts.output_source = transcript.output_source;
        if is_request && transcript.call_hash.is_some() {
            facts.call_hash.clone_from(&transcript.call_hash);
        }
    }
    // A transcript tells of a request only what was new in it.
    let keeps_input = if is_request {
        facts.input.is_some() && !was_cut
    } else {
        better(facts.input, transcript.input)
    };
    if transcript.input.is_some() && !keeps_input {
        facts.input = transcript.input;
        if !is_request {
            facts.call_hash.clone_from(&transcript.call_hash);
        }
    }
    if transcript.prompt.is_some() {
        facts.prompt = transcript.prompt;
        facts.title.clone_from(&transcript.title);
    }
    // The real names of tools that other reports keep to themselves.
    if facts.mcp_server.is_none() && transcript.mcp_server.is_some() {
        facts.mcp_server.clone_from(&transcript.mcp_server);
        facts.tool_name.clone_from(&transcript.tool_name);
    }
    let has_all = transcript.prompt.is_some() || transcript.output.is_some();
    if was_cut && !is_cut && has_all {
        facts.truncated_upstream = None;
    }
    // A command that failed is no success because its tool ran.
    if transcript.exit_code.is_some_and(|code| code != 0) {
        facts.success = Some(false);
    }
    facts::fill(&mut facts, transcript);
    facts
}

/// Whether two reports without an id in common may be of one request: equal tokens, else equal
/// answers, else both failed.
fn same_request(a: &ActState, b: &ActState) -> bool {
    fn differ<T: PartialEq>(a: &Option<T>, b: &Option<T>) -> bool {
        matches!((a, b), (Some(a), Some(b)) if a != b)
    }
    let (x, y) = (&a.facts, &b.facts);
    if differ(&x.agent_id, &y.agent_id) || differ(&x.model, &y.model) {
        return false;
    }
    let failed = (a.status == Status::Error, b.status == Status::Error);
    match failed {
        (true, true) => return true,
        (true, false) | (false, true) => return false,
        (false, false) => {}
    }
    let tokens = |facts: &Facts| facts.input_tokens.zip(facts.output_tokens);
    match (tokens(x), tokens(y)) {
        (Some((x_in, x_out)), Some((y_in, y_out))) => {
            // Not every emitter counts its reasoning.
            let bare = |facts: &Facts, out: i64| out - facts.reasoning_tokens.unwrap_or(0);
            x_in == y_in && (x_out == y_out || bare(x, x_out) == y_out || x_out == bare(y, y_out))
        }
        _ => x.call_hash.is_some() && x.call_hash == y.call_hash,
    }
}

/// Turns and subagents of transcripts are told at their beginning: they last as long as what belongs
/// to them.
pub(super) fn stretch(group: &mut Group, forest: &Forest) {
    let is_begun = |act: &ActState| {
        is_transcript(act) && matches!(act.operation, Operation::Turn | Operation::Agent)
    };
    if !group.acts.iter().any(is_begun) {
        return;
    }
    let mut last_ns: HashMap<usize, i64> = HashMap::new();
    for &i in forest.top_down.iter().rev() {
        let end = end_or_start(&group.acts[i]).max(last_ns.get(&i).copied().unwrap_or(i64::MIN));
        if is_begun(&group.acts[i]) {
            group.acts[i].end_ns = Some(end);
        }
        if let Some(p) = forest.parent[i] {
            let last = last_ns.entry(p).or_insert(end);
            *last = end.max(*last);
        }
    }
}
