//! Model requests: which spans and records tell of one request.
//!
//! They are joined by the ids that they share; by their place, where an emitter has several spans
//! for the steps of one request; and by time, where a record says neither. Records that no span
//! explains make up requests of their own.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use proto::agent::{Operation, Status};
use proto::id::TraceId;
use store::ActState;

use super::group::{Forest, Group, end_or_start, is_span};
use super::join::{absorb, collapse_overlapping, distance, mark_duplicate, nearest};
use super::transcripts::is_transcript;

/// Records of one request lie this close to its span, or to its other records.
const NEARNESS_NS: i64 = 250_000_000;
/// How many requests around a record are looked at: those that run side by side.
const NEIGHBOURS: usize = 32;

/// Marks the second and further reports of each model request, and lets them fill its gaps.
pub(super) fn join(group: &mut Group, forest: &Forest) {
    let outcomes = Outcomes::of(group);
    join_steps(group, forest);
    join_by_id(group, forest);
    join_by_time(group, forest);
    outcomes.settle(group);
}

fn is_request(act: &ActState) -> bool {
    act.operation == Operation::Model && !act.plumbing && !is_transcript(act)
}

/// Spans for the steps of a request (sending, sampling, the last chunk) lie in one span around the
/// whole, which is plumbing where it lasts longer than the request. While that is missing, steps
/// that overlap are those of one request.
fn join_steps(group: &mut Group, forest: &Forest) {
    let mut inside: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut outside: HashMap<(Arc<str>, TraceId), Vec<usize>> = HashMap::new();
    for &i in &forest.by_start {
        let act = &group.acts[i];
        if !is_span(act) || !is_request(act) {
            continue;
        }
        let around = forest.acting_ancestor(group, i).filter(|&a| {
            let around = &group.acts[a];
            around.operation == Operation::Model && around.plumbing
        });
        match around {
            Some(around) => inside.entry(around).or_default().push(i),
            None if is_step(act) => {
                let key = (act.derived.session_id.clone(), act.key.trace_id);
                outside.entry(key).or_default().push(i);
            }
            None => {}
        }
    }
    for (around, steps) in inside {
        let Some((&first, rest)) = steps.split_first() else {
            continue;
        };
        for &step in rest {
            absorb(group, step, first);
        }
        extend(group, first, rest);
        let model = group.acts[around].facts.model.clone();
        let facts = &mut group.acts[first].facts;
        if facts.model.is_none() {
            facts.detail.clone_from(&model);
            facts.model = model;
        }
    }
    for steps in outside.into_values() {
        collapse_overlapping(group, &steps, &[]);
    }
}

/// Too little for a request of its own: it names no model and holds no content.
fn is_step(act: &ActState) -> bool {
    let facts = &act.facts;
    facts.model.is_none()
        && facts.request_id.is_none()
        && facts.input.is_none()
        && facts.output.is_none()
}

/// A request lasts until the last of its reports.
fn extend(group: &mut Group, request: usize, reports: &[usize]) {
    let ends = reports.iter().map(|&i| end_or_start(&group.acts[i]));
    if let (Some(last), Some(end)) = (ends.max(), group.acts[request].end_ns) {
        group.acts[request].end_ns = Some(end.max(last));
    }
}

fn join_by_id(group: &mut Group, forest: &Forest) {
    let mut sets = KeySets::default();
    for &i in &forest.by_start {
        let act = &group.acts[i];
        if is_request(act) && act.derived.duplicate_of.is_none() {
            let session = &act.derived.session_id;
            for id in act.facts.request_id.iter().chain(&act.facts.join_key) {
                sets.tie(i, (session.clone(), id.clone()));
            }
        }
    }
    for mut members in sets.into_members() {
        if members.len() < 2 {
            continue;
        }
        members.sort_unstable_by_key(|&i| {
            let act = &group.acts[i];
            (act.start_ns, forest.parent[i].is_some(), act.key)
        });
        let (spans, records): (Vec<usize>, Vec<usize>) = members
            .into_iter()
            .partition(|&i| is_span(&group.acts[i]) && !group.acts[i].part_of_parent);
        let mut canonical = collapse_overlapping(group, &spans, &[]);
        if canonical.is_empty() {
            let whole = records
                .iter()
                .copied()
                .find(|&i| !group.acts[i].part_of_parent);
            canonical = whole.or(records.first().copied()).into_iter().collect();
        }
        for i in records {
            if let Some(c) = nearest(group, &canonical, i) {
                mark_duplicate(group, i, c);
            }
        }
    }
}

/// Sets of acts tied by shared keys (union-find).
#[derive(Default)]
struct KeySets {
    set_of_key: HashMap<(Arc<str>, Arc<str>), usize>,
    set_of_act: HashMap<usize, usize>,
    merged_into: Vec<usize>,
}

impl KeySets {
    fn tie(&mut self, act: usize, key: (Arc<str>, Arc<str>)) {
        let next = self.merged_into.len();
        let own = *self.set_of_act.entry(act).or_insert(next);
        if own == next {
            self.merged_into.push(next);
        }
        let other = *self.set_of_key.entry(key).or_insert(own);
        let (own, other) = (self.root(own), self.root(other));
        self.merged_into[own.max(other)] = own.min(other);
    }

    fn root(&mut self, mut set: usize) -> usize {
        while self.merged_into[set] != set {
            self.merged_into[set] = self.merged_into[self.merged_into[set]];
            set = self.merged_into[set];
        }
        set
    }

    fn into_members(mut self) -> Vec<Vec<usize>> {
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); self.merged_into.len()];
        for (act, set) in std::mem::take(&mut self.set_of_act) {
            let root = self.root(set);
            members[root].push(act);
        }
        members
    }
}

/// What a record is of its request: two of one kind are of two requests.
type Kind = (Arc<str>, bool);

/// A record that knows how the request went, as opposed to one that only begins it.
fn is_closing(act: &ActState) -> bool {
    let facts = &act.facts;
    facts.input_tokens.is_some() || facts.output.is_some() || facts.success.is_some()
}

/// One of several attempts that make up a request.
fn is_attempt(act: &ActState) -> bool {
    act.facts.attempt_count.is_some() && !is_span(act)
}

fn kind(act: &ActState) -> Kind {
    // An attempt that failed is no end of the request.
    (act.name.clone(), is_closing(act) && !is_attempt(act))
}

/// Records without ids, in order of time: each goes to the span that was open, or makes up a request
/// with the records around it.
fn join_by_time(group: &mut Group, forest: &Forest) {
    let mut spans: HashMap<Arc<str>, Vec<usize>> = HashMap::new();
    let mut records: Vec<usize> = Vec::new();
    for &i in &forest.by_start {
        let act = &group.acts[i];
        if !is_request(act) || act.derived.duplicate_of.is_some() {
            continue;
        }
        if is_span(act) {
            let session = act.derived.session_id.clone();
            spans.entry(session).or_default().push(i);
        } else if act.facts.join_key.is_none() {
            records.push(i);
        }
    }
    records.sort_by_key(|&i| {
        let act = &group.acts[i];
        (end_or_start(act), kind(act).1, act.start_ns, act.key)
    });
    let mut kinds: HashSet<(usize, Kind)> = HashSet::new();
    let mut requests: HashMap<Arc<str>, Vec<Request>> = HashMap::new();
    for i in records {
        let session = group.acts[i].derived.session_id.clone();
        let found = span_around(group, forest, i).or_else(|| {
            let spans = spans.get(&session)?;
            span_near(group, spans, &kinds, i)
        });
        match found {
            Some(span) => {
                kinds.insert((span, kind(&group.acts[i])));
                absorb(group, i, span);
            }
            None => Request::add(requests.entry(session).or_default(), group, i),
        }
    }
    for request in requests.into_values().flatten() {
        request.settle(group);
    }
}

/// The request's span in which the record was written.
fn span_around(group: &Group, forest: &Forest, i: usize) -> Option<usize> {
    let span = forest.parent[i]?;
    let act = &group.acts[span];
    if !is_span(act) || !is_request(act) {
        return None;
    }
    match act.derived.duplicate_of {
        Some(key) => group.by_key.get(&key).copied(),
        None => Some(span),
    }
}

/// The nearest span that may be the record's request; `spans` are those of its session, by start.
fn span_near(
    group: &Group,
    spans: &[usize],
    kinds: &HashSet<(usize, Kind)>,
    i: usize,
) -> Option<usize> {
    let record = &group.acts[i];
    let kind = kind(record);
    let after = spans.partition_point(|&s| group.acts[s].start_ns <= end_or_start(record));
    let first = after.saturating_sub(NEIGHBOURS);
    let last = (after + 1).min(spans.len());
    spans[first..last]
        .iter()
        .copied()
        .filter(|&s| {
            let is_free = is_attempt(record) || !kinds.contains(&(s, kind.clone()));
            is_free
                && distance(&group.acts[s], record) <= NEARNESS_NS
                && may_be_one(&group.acts[s], record)
        })
        .min_by_key(|&s| distance(&group.acts[s], record))
}

/// Whether nothing that two reports both know tells them apart.
fn may_be_one(a: &ActState, b: &ActState) -> bool {
    fn agree<T: PartialEq>(a: &Option<T>, b: &Option<T>) -> bool {
        match (a, b) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        }
    }
    let (a, b) = (&a.facts, &b.facts);
    // What was asked for and what answered may differ by a version behind the name.
    let same_model = match (a.model.as_deref(), b.model.as_deref()) {
        (Some(a), Some(b)) => a.starts_with(b) || b.starts_with(a),
        _ => true,
    };
    same_model
        && agree(&a.request_id, &b.request_id)
        && agree(&a.turn_key, &b.turn_key)
        && agree(&a.input_tokens, &b.input_tokens)
        && agree(&a.output_tokens, &b.output_tokens)
}

/// A request that only records tell of.
struct Request {
    members: Vec<usize>,
    kinds: HashSet<Kind>,
    start_ns: i64,
    closed_ns: Option<i64>,
}

impl Request {
    /// Adds a record to the request that it belongs to, or begins one with it. Records come in order
    /// of time.
    fn add(requests: &mut Vec<Request>, group: &Group, i: usize) {
        let act = &group.acts[i];
        let (at, kind) = (end_or_start(act), kind(act));
        let is_closing = kind.1;
        let is_retry = act.part_of_parent && is_attempt(act);
        let recent = requests.len().saturating_sub(NEIGHBOURS);
        let candidates = requests[recent..]
            .iter()
            .enumerate()
            .filter(|(_, request)| {
                let is_open = match request.closed_ns {
                    Some(closed) => is_closing && at - closed <= NEARNESS_NS,
                    None => is_closing || is_retry || at - request.start_ns <= NEARNESS_NS,
                };
                is_open
                    && (is_retry || !request.kinds.contains(&kind))
                    && request
                        .members
                        .iter()
                        .all(|&member| may_be_one(&group.acts[member], act))
            });
        let says_how_long = act.start_ns < at;
        let found = candidates.min_by_key(|(n, request)| {
            let apart = if says_how_long && is_closing {
                (request.start_ns - act.start_ns).abs()
            } else {
                0
            };
            (apart, std::cmp::Reverse(*n))
        });
        let found = found.map(|(n, _)| recent + n);
        let request = match found {
            Some(n) => &mut requests[n],
            None => {
                requests.push(Request {
                    members: Vec::new(),
                    kinds: HashSet::new(),
                    start_ns: act.start_ns,
                    closed_ns: None,
                });
                let last = requests.len() - 1;
                &mut requests[last]
            }
        };
        request.members.push(i);
        if is_closing {
            request.closed_ns = request.closed_ns.max(Some(at));
        }
        request.kinds.insert(kind);
    }

    /// The first record that can stand for the request does.
    fn settle(mut self, group: &mut Group) {
        self.members.sort_by_key(|&i| {
            let act = &group.acts[i];
            (act.part_of_parent, act.start_ns, is_closing(act), act.key)
        });
        let Some((&first, rest)) = self.members.split_first() else {
            return;
        };
        let inputs = self.members.iter().map(|&i| &group.acts[i].facts);
        let whole = inputs.filter(|facts| facts.truncated_upstream.is_none());
        // The larger copy has the instructions, too.
        let input = whole
            .filter_map(|facts| facts.input)
            .max_by_key(|input| (input.size_bytes, input.hash));
        let attempts = self.members.iter().filter(|&&i| is_attempt(&group.acts[i]));
        let attempt_count = attempts
            .filter_map(|&i| group.acts[i].facts.attempt_count)
            .max();
        extend(group, first, rest);
        for &i in rest {
            absorb(group, i, first);
        }
        let facts = &mut group.acts[first].facts;
        facts.attempt_count = attempt_count;
        facts.input = input.or(facts.input);
    }
}

/// What each report itself says of how the request went.
struct Outcomes {
    known: Vec<(usize, bool)>,
}

impl Outcomes {
    fn of(group: &Group) -> Self {
        let known = group.acts.iter().enumerate();
        let known = known
            .filter(|(_, act)| is_request(act))
            .filter_map(|(i, act)| Some((i, act.facts.success?)));
        Self {
            known: known.collect(),
        }
    }

    /// The last report knows how the request went: attempts that failed before are no failure.
    fn settle(self, group: &mut Group) {
        let mut last: HashMap<usize, (usize, bool)> = HashMap::new();
        let mut told_by_many: HashSet<usize> = HashSet::new();
        for &(i, success) in &self.known {
            let act = &group.acts[i];
            let request = match act.derived.duplicate_of {
                Some(key) => group.by_key.get(&key).copied(),
                None => Some(i),
            };
            let Some(request) = request else { continue };
            if request != i {
                told_by_many.insert(request);
            }
            let place = |i: usize| {
                let act = &group.acts[i];
                (end_or_start(act), !is_attempt(act), act.start_ns, act.key)
            };
            match last.get(&request) {
                Some(&(known, _)) if place(known) >= place(i) => {}
                _ => {
                    last.insert(request, (i, success));
                }
            }
        }
        for (request, (i, success)) in last {
            if !told_by_many.contains(&request) {
                continue;
            }
            let (error_type, error_message) = {
                let facts = &group.acts[i].facts;
                (facts.error_type.clone(), facts.error_message.clone())
            };
            let act = &mut group.acts[request];
            act.facts.success = Some(success);
            if success {
                act.facts.error_type = None;
                act.facts.error_message = None;
                if !is_span(act) {
                    act.status = Status::Ok;
                    act.status_message = None;
                }
            } else if i != request {
                act.facts.error_type = error_type.or(act.facts.error_type.take());
                act.facts.error_message = error_message.or(act.facts.error_message.take());
            }
        }
    }
}
