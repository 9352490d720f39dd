//! Resolution: from what records say one by one to what happened.
//!
//! Acts come in any order and from several places; parents come last. A [`Resolver`] keeps the
//! connected groups of acts that are being written as a cache over the store, adds what a batch
//! brings, and works out anew, for each group touched, which session, turn and agent every act
//! belongs to, which records report one act, and what the sessions add up to. The result depends on
//! the set of acts alone, so it is the same after a restart.

mod agents;
mod calls;
mod cost;
mod ending;
mod facts;
mod gaps;
mod group;
mod hooks;
mod join;
mod refusals;
mod requests;
mod sessions;
mod summary;
mod tools;
mod transcripts;
mod turns;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use proto::agent::{Act, Reported};
use proto::id::TraceId;
use store::{ActKey, ActState, Batch, Derived, LoadedAct};

use crate::prices::Prices;
use group::{Forest, Group, named_sessions};

/// Where resolution reads back what it does not hold in memory, and numbers new acts.
pub trait Memory {
    /// All stored acts of the groups that these traces and sessions belong to.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn load_acts(
        &mut self,
        traces: &[TraceId],
        sessions: &[Arc<str>],
    ) -> Result<Vec<LoadedAct>, store::Error>;

    /// The next row number.
    fn next_act_id(&mut self) -> i64;
}

/// What became of the acts handed to [`Resolver::resolve`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Acts that are stored already or came twice: dropped.
    pub duplicate_count: u64,
}

/// Of maps with an entry per act or trace: seeded at random, and faster than the standard one.
type Hashing = foldhash::fast::RandomState;

/// The heavy halves of new acts on their way to the batch. They are large: each stays where it is until
/// it is taken.
struct Heavy {
    acts: Vec<Option<Act>>,
    by_key: HashMap<ActKey, usize, Hashing>,
}

impl Heavy {
    fn insert(&mut self, key: ActKey, act: Act) {
        self.by_key.insert(key, self.acts.len());
        self.acts.push(Some(act));
    }

    fn take(&mut self, key: &ActKey) -> Option<Act> {
        self.acts[self.by_key.remove(key)?].take()
    }
}

/// A new act by its row number, with its group and its place there.
type Fresh = (i64, u64, usize);

/// The cache of connected groups, bounded by the number of acts it holds.
pub struct Resolver {
    groups: HashMap<u64, CachedGroup, Hashing>,
    group_of_trace: HashMap<TraceId, u64, Hashing>,
    group_of_session: HashMap<Arc<str>, u64, Hashing>,
    next_group: u64,
    round: u64,
    max_cached_acts: usize,
    prices: Arc<Prices>,
}

struct CachedGroup {
    group: Group,
    last_used: u64,
}

impl Resolver {
    /// A resolver that keeps about `max_cached_acts` acts in memory between batches (some hundred
    /// bytes each); a group that is larger stays whole while it is being written. Requests without a
    /// reported cost are priced with `prices`.
    pub fn new(max_cached_acts: usize, prices: Arc<Prices>) -> Self {
        Self {
            groups: HashMap::default(),
            group_of_trace: HashMap::default(),
            group_of_session: HashMap::default(),
            next_group: 0,
            round: 0,
            max_cached_acts,
            prices,
        }
    }

    /// Adds the acts of a batch, which [`Resolver::prepare`] has been called for, and fills `batch`
    /// with the rows to write for them.
    pub fn resolve(
        &mut self,
        acts: Vec<Act>,
        memory: &mut impl Memory,
        batch: &mut Batch,
    ) -> Outcome {
        self.round += 1;
        let mut outcome = Outcome::default();
        let mut touched: HashSet<u64> = HashSet::new();
        let mut heavy = Heavy {
            by_key: HashMap::with_capacity_and_hasher(acts.len(), Hashing::default()),
            acts: acts.into_iter().map(Some).collect(),
        };
        for (at, act) in heavy.acts.iter_mut().enumerate() {
            let Some(act) = act else { continue };
            let state = light_half(act, memory);
            let (key, start_ns) = (state.key, state.start_ns);
            let (home, added) = self.add(state, None);
            touched.insert(home);
            if added {
                if let Some(cached) = self.groups.get_mut(&home) {
                    let shown = (&*act.tool_calls_asked, &*act.tool_results_seen);
                    cached.group.show(key, start_ns, shown.0, shown.1);
                }
                heavy.by_key.insert(key, at);
            } else {
                outcome.duplicate_count += 1;
            }
        }
        let homes: HashSet<u64> = touched
            .into_iter()
            .filter(|home| self.groups.contains_key(home))
            .collect();
        let mut fresh: Vec<Fresh> = Vec::with_capacity(heavy.by_key.len());
        for home in homes {
            if let Some(cached) = self.groups.get_mut(&home) {
                cached.last_used = self.round;
                let group = &mut cached.group;
                let new = resolve_group(group, &self.prices, memory, &mut heavy, batch);
                fresh.extend(new.into_iter().map(|i| (group.acts[i].act_id, home, i)));
            }
        }
        self.take_new(fresh, &mut heavy, batch);
        self.evict();
        outcome
    }

    /// Moves the new acts into the batch, in order of arrival.
    fn take_new(&self, mut fresh: Vec<Fresh>, heavy: &mut Heavy, batch: &mut Batch) {
        fresh.sort_unstable();
        batch.new_acts.reserve_exact(fresh.len());
        for (_, home, i) in fresh {
            if let Some(cached) = self.groups.get(&home) {
                let state = &cached.group.acts[i];
                if let Some(act) = heavy.take(&state.key) {
                    batch.new_acts.push((act, state.clone()));
                }
            }
        }
    }

    /// Reads from the store the groups of all traces and sessions that are not in memory.
    ///
    /// # Errors
    /// When the store cannot be read. Nothing is lost: it may be called again.
    pub fn prepare(&mut self, acts: &[Act], memory: &mut impl Memory) -> Result<(), store::Error> {
        let mut traces: HashSet<TraceId> = HashSet::new();
        let mut sessions: HashSet<Arc<str>> = HashSet::new();
        for act in acts {
            if !self.group_of_trace.contains_key(&act.trace_id) {
                traces.insert(act.trace_id);
            }
            let facts = &act.facts;
            for id in facts
                .session_id
                .iter()
                .chain(&facts.resource_session_id)
                .chain(&facts.parent_session_id)
                .chain(&facts.child_session_id)
            {
                if !self.group_of_session.contains_key(id) {
                    sessions.insert(id.clone());
                }
            }
        }
        if traces.is_empty() && sessions.is_empty() {
            return Ok(());
        }
        let traces: Vec<TraceId> = traces.into_iter().collect();
        let sessions: Vec<Arc<str>> = sessions.into_iter().collect();
        for loaded in memory.load_acts(&traces, &sessions)? {
            let state = loaded.state;
            let stored = Some(facts::fingerprint(&state));
            let session_id = state.derived.session_id.clone();
            let (key, start_ns) = (state.key, state.start_ns);
            let (home, added) = self.add(state, stored);
            if let (true, Some(cached)) = (added, self.groups.get_mut(&home)) {
                let group = &mut cached.group;
                group.stored_sessions.insert(session_id);
                group.show(key, start_ns, &loaded.calls_asked, &loaded.results_seen);
            }
        }
        Ok(())
    }

    /// Forgets every group: something of it was deleted from the store, which has the rest.
    pub fn forget(&mut self) {
        self.groups.clear();
        self.group_of_trace.clear();
        self.group_of_session.clear();
    }

    /// Puts an act into its group, uniting the groups that it connects. Returns the group and
    /// whether the act is new to it.
    fn add(&mut self, state: ActState, stored: Option<u64>) -> (u64, bool) {
        let mut homes: Vec<u64> = self
            .group_of_trace
            .get(&state.key.trace_id)
            .copied()
            .into_iter()
            .collect();
        homes
            .extend(named_sessions(&state).filter_map(|id| self.group_of_session.get(id).copied()));
        homes.sort_unstable();
        homes.dedup();
        let size = |home: &u64| {
            self.groups
                .get(home)
                .map_or(0, |cached| cached.group.acts.len())
        };
        let home = homes
            .iter()
            .copied()
            .max_by_key(|home| size(home))
            .unwrap_or_else(|| {
                self.next_group += 1;
                self.next_group
            });
        for other in homes.into_iter().filter(|&other| other != home) {
            self.unite(other, home);
        }
        self.group_of_trace
            .entry(state.key.trace_id)
            .or_insert(home);
        for id in named_sessions(&state) {
            if !self.group_of_session.contains_key(id) {
                self.group_of_session.insert(id.clone(), home);
            }
        }
        let cached = self.groups.entry(home).or_insert_with(|| CachedGroup {
            group: Group::default(),
            last_used: 0,
        });
        cached.last_used = self.round;
        (home, cached.group.insert(state, stored))
    }

    fn unite(&mut self, from: u64, into: u64) {
        let Some(moved) = self.groups.remove(&from) else {
            return;
        };
        for trace_id in &moved.group.traces {
            self.group_of_trace.insert(*trace_id, into);
        }
        for id in &moved.group.named_sessions {
            self.group_of_session.insert(id.clone(), into);
        }
        if let Some(home) = self.groups.get_mut(&into) {
            home.group.absorb(moved.group);
        }
    }

    /// Forgets the groups that were not used for longest, down to the bound.
    fn evict(&mut self) {
        let mut held: usize = self
            .groups
            .values()
            .map(|cached| cached.group.acts.len())
            .sum();
        if held <= self.max_cached_acts {
            return;
        }
        let mut by_age: Vec<(u64, u64)> = self
            .groups
            .iter()
            .map(|(id, cached)| (cached.last_used, *id))
            .collect();
        by_age.sort_unstable();
        for (last_used, id) in by_age {
            if held <= self.max_cached_acts || last_used == self.round {
                break;
            }
            let Some(cached) = self.groups.remove(&id) else {
                continue;
            };
            held -= cached.group.acts.len();
            for trace_id in &cached.group.traces {
                self.group_of_trace.remove(trace_id);
            }
            for session in &cached.group.named_sessions {
                self.group_of_session.remove(session);
            }
        }
    }
}

/// Works out the group, from what its records said, and adds what has to be written to the batch,
/// but for the new acts, whose places in the group are returned.
fn resolve_group(
    group: &mut Group,
    prices: &Prices,
    memory: &mut impl Memory,
    heavy: &mut Heavy,
    batch: &mut Batch,
) -> Vec<usize> {
    for act in &mut group.acts {
        facts::restore(act);
    }
    let homes: Vec<Arc<str>> = group
        .acts
        .iter()
        .map(|act| act.derived.session_id.clone())
        .collect();
    refusals::place(group, memory, heavy);
    let reported: Vec<Reported> = group.acts.iter().map(facts::reported).collect();
    refusals::attribute_policies(group);
    let mut forest = Forest::of(group);
    let parents = sessions::assign(group, &forest);
    join::join(group, &mut forest);
    gaps::settle(group);
    cost::settle(group, prices);
    let starts = turns::assign(group, &forest);
    transcripts::stretch(group, &forest);
    turns::place_records(group, &forest, &starts);
    turns::attribute_agents(group, &forest);
    let summary = summary::summarise(group, &forest, &parents, &starts);

    for (state, before) in group.acts.iter_mut().zip(reported) {
        if !facts::is_as_reported(state, &before) {
            state.reported = Some(Box::new(before));
        }
    }
    let mut new = Vec::new();
    for (i, (state, stored)) in group.acts.iter().zip(&mut group.stored).enumerate() {
        let now = facts::fingerprint(state);
        match *stored {
            None => new.push(i),
            Some(before) if before != now => {
                if state.derived.session_id != homes[i] {
                    batch.left_sessions.push(homes[i].clone());
                }
                batch.changed_acts.push(state.clone());
            }
            Some(_) => {}
        }
        *stored = Some(now);
    }
    let current: HashSet<Arc<str>> = summary
        .sessions
        .iter()
        .map(|row| row.session_id.clone())
        .collect();
    batch
        .removed_sessions
        .extend(group.stored_sessions.difference(&current).cloned());
    group.stored_sessions = current;
    summary::push_changed(&group.summary, &summary, batch);
    group.summary = summary;
    new
}

/// Takes the light half out of an act; the heavy half keeps its text columns.
fn light_half(act: &mut Act, memory: &mut impl Memory) -> ActState {
    let end_ns = act.end_ns.map(|end| end.max(act.start_ns));
    ActState {
        act_id: memory.next_act_id(),
        key: ActKey {
            trace_id: act.trace_id,
            span_id: act.span_id,
        },
        reported_parent: act.parent_span_id,
        origin: act.origin,
        operation: act.operation,
        plumbing: act.plumbing,
        part_of_parent: act.part_of_parent,
        name: act.name.clone(),
        start_ns: act.start_ns,
        end_ns,
        status: act.status,
        status_message: act.status_message.clone(),
        facts: std::mem::take(&mut act.facts),
        reported: None,
        derived: Derived::default(),
    }
}
