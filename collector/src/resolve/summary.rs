//! The rows of `sessions`, `turns` and `traces`, counted from the resolved acts of a group.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use proto::agent::{Decision, Operation, Status};
use proto::id::TraceId;
use store::{ActState, Batch, SessionRow, TraceRow, TurnRow};

use crate::conventions::text;

use super::ending::Ending;
use super::group::{Forest, Group, end_or_start, is_counted, is_span};
use super::sessions::SessionParents;
use super::turns::TurnStarts;

/// Everything that is counted of the group.
#[derive(Debug, Default)]
pub(super) struct Summary {
    pub(super) sessions: Vec<SessionRow>,
    pub(super) turns: Vec<TurnRow>,
    pub(super) traces: Vec<TraceRow>,
}

pub(super) fn summarise(
    group: &Group,
    forest: &Forest,
    parents: &SessionParents,
    starts: &TurnStarts,
) -> Summary {
    let mut index: HashMap<Arc<str>, usize> = HashMap::new();
    let mut tallies: Vec<Tally> = Vec::new();
    let has_failed_descendant = failed_descendants(group, forest);
    let in_subagent = inside_subagents(group, forest);
    let mut subagents: HashMap<Arc<str>, i64> = HashMap::new();
    for &i in &forest.by_start {
        let act = &group.acts[i];
        let session_id = &act.derived.session_id;
        let n = *index.entry(session_id.clone()).or_insert_with(|| {
            tallies.push(Tally::new(
                session_id.clone(),
                parents.get(session_id).cloned(),
            ));
            tallies.len() - 1
        });
        let place = Place {
            waiting: forest.waiting[i],
            failed_below: has_failed_descendant[i],
            in_subagent: in_subagent[i],
        };
        tallies[n].add(act, &place);
        if act.facts.starts_subagent && is_counted(act) {
            let caller = forest.parent[i].map_or(session_id, |p| &group.acts[p].derived.session_id);
            *subagents.entry(caller.clone()).or_default() += 1;
        }
    }
    let mut summary = Summary {
        traces: traces(group, forest),
        ..Summary::default()
    };
    for mut tally in tallies {
        if tally.row.inferred && !tally.has_agent_or_own_acts {
            continue;
        }
        let count = subagents.get(&tally.row.session_id);
        tally.row.subagent_count = count.copied().unwrap_or(0);
        let starters = starts
            .get(&tally.row.session_id)
            .map_or(&[][..], Vec::as_slice);
        let (row, turns) = tally.finish(group, forest, starters);
        summary.sessions.push(row);
        summary.turns.extend(turns);
    }
    summary
}

/// Adds to the batch the rows that differ from those written before.
pub(super) fn push_changed(before: &Summary, now: &Summary, batch: &mut Batch) {
    let old_rows: HashMap<&str, &SessionRow> = before
        .sessions
        .iter()
        .map(|row| (&*row.session_id, row))
        .collect();
    let old_turns = turns_of_sessions(&before.turns);
    let new_turns = turns_of_sessions(&now.turns);
    for row in &now.sessions {
        let id = &*row.session_id;
        let turns = new_turns.get(id);
        if old_rows.get(id) != Some(&row) || old_turns.get(id) != turns {
            batch.sessions.push(row.clone());
            batch
                .turns
                .extend(turns.into_iter().flatten().map(|turn| (*turn).clone()));
        }
    }
    let old_traces: HashMap<TraceId, &TraceRow> = before
        .traces
        .iter()
        .map(|row| (row.trace_id, row))
        .collect();
    for row in &now.traces {
        if old_traces.get(&row.trace_id) != Some(&row) {
            batch.traces.push(row.clone());
        }
    }
}

fn turns_of_sessions(turns: &[TurnRow]) -> HashMap<&str, Vec<&TurnRow>> {
    let mut of_session: HashMap<&str, Vec<&TurnRow>> = HashMap::new();
    for turn in turns {
        of_session.entry(&turn.session_id).or_default().push(turn);
    }
    of_session
}

/// An error that bubbles up through its ancestors is one error.
fn failed_descendants(group: &Group, forest: &Forest) -> Vec<bool> {
    let mut failed = vec![false; group.acts.len()];
    for &i in forest.top_down.iter().rev() {
        let act = &group.acts[i];
        let fails = failed[i] || (is_counted(act) && act.status == Status::Error);
        if let (true, Some(p)) = (fails, forest.parent[i]) {
            failed[p] = true;
        }
    }
    failed
}

/// Acts that a subagent does, as opposed to the session's main agent.
fn inside_subagents(group: &Group, forest: &Forest) -> Vec<bool> {
    let mut inside = vec![false; group.acts.len()];
    for &i in &forest.top_down {
        let session_id = &group.acts[i].derived.session_id;
        inside[i] = forest.parent[i].is_some_and(|p| {
            let parent = &group.acts[p];
            // A subagent's own session is about nothing else.
            parent.derived.session_id == *session_id && (inside[p] || parent.facts.starts_subagent)
        });
    }
    inside
}

/// Where an act stands in the forest.
struct Place {
    waiting: bool,
    failed_below: bool,
    in_subagent: bool,
}

/// One session's counts under way.
struct Tally {
    row: SessionRow,
    turns: HashMap<i32, TurnRow>,
    ending: Ending,
    /// False while there is nothing but plumbing and protocol chatter: a trace of that is kept, but
    /// is no session.
    has_agent_or_own_acts: bool,
    seen_names: HashSet<Arc<str>>,
    seen_projects: HashSet<Arc<str>>,
    first_name: Option<Arc<str>>,
    first_agent: Option<Arc<str>>,
    /// What is known of the first prompt where prompts are withheld.
    withheld_prompt: Option<Arc<str>>,
}

impl Tally {
    fn new(session_id: Arc<str>, parent_session_id: Option<Arc<str>>) -> Self {
        Self {
            row: SessionRow {
                session_id,
                parent_session_id,
                started_ns: i64::MAX,
                last_ns: i64::MIN,
                ..SessionRow::default()
            },
            turns: HashMap::new(),
            ending: Ending::default(),
            has_agent_or_own_acts: false,
            seen_names: HashSet::new(),
            seen_projects: HashSet::new(),
            first_name: None,
            first_agent: None,
            withheld_prompt: None,
        }
    }

    fn add(&mut self, act: &ActState, place: &Place) {
        let row = &mut self.row;
        let facts = &act.facts;
        row.inferred = act.derived.session_inferred;
        row.started_ns = row.started_ns.min(act.start_ns);
        row.last_ns = row.last_ns.max(end_or_start(act));
        row.span_count += 1;
        let first = |slot: &mut Option<Arc<str>>, value: &Option<Arc<str>>| {
            if slot.is_none() {
                slot.clone_from(value);
            }
        };
        first(&mut row.harness, &facts.harness);
        first(&mut row.harness_version, &facts.harness_version);
        first(&mut row.title, &facts.title);
        if act.operation == Operation::Turn {
            first(&mut self.withheld_prompt, &facts.detail);
        }
        first(&mut self.first_agent, &facts.agent_name);
        first(&mut row.host, &facts.host);
        first(&mut row.project, &facts.project);
        name_once(&mut self.seen_projects, &mut row.projects, &facts.project);
        first(&mut row.branch, &facts.branch);
        first(&mut row.user_id, &facts.user_id);
        if self.first_name.is_none()
            && is_span(act)
            && !act.plumbing
            && act.reported_parent.is_none()
        {
            self.first_name = Some(act.name.clone());
        }
        self.ending.see(act, place.waiting, place.in_subagent);
        if !is_counted(act) {
            return;
        }
        self.has_agent_or_own_acts |= act.operation != Operation::Mcp;
        let payload_bytes = [facts.input, facts.output]
            .iter()
            .flatten()
            .map(|p| p.size_bytes as i64)
            .sum::<i64>();
        row.payload_bytes += payload_bytes;
        let turn = (act.derived.turn > 0).then(|| {
            self.turns
                .entry(act.derived.turn)
                .or_insert_with(|| TurnRow {
                    session_id: row.session_id.clone(),
                    turn: act.derived.turn,
                    started_ns: act.start_ns,
                    ..TurnRow::default()
                })
        });
        let mut unused = TurnRow::default();
        let turn = turn.unwrap_or(&mut unused);
        turn.span_count += 1;
        if turn.prompt.is_none() && !place.in_subagent {
            turn.prompt = facts.prompt;
        }
        turn.duration_ns = turn.duration_ns.max(end_or_start(act) - turn.started_ns);
        if act.status == Status::Error && !place.failed_below {
            row.error_count += 1;
            turn.error_count += 1;
        }
        // A hook that denied a tool call did what the call's own act says.
        let is_calls = act.operation == Operation::Hook && facts.tool_call_id.is_some();
        if facts.decision == Some(Decision::Deny) && !is_calls {
            row.denied_count += 1;
            turn.denied_count += 1;
        }
        match act.operation {
            Operation::Model => {
                row.model_request_count += 1;
                turn.model_request_count += 1;
                let tokens = |value: Option<i64>| value.unwrap_or(0).max(0);
                row.input_tokens += tokens(facts.input_tokens);
                row.output_tokens += tokens(facts.output_tokens);
                row.cache_read_tokens += tokens(facts.cache_read_tokens);
                row.cache_write_tokens += tokens(facts.cache_write_tokens);
                row.reasoning_tokens += tokens(facts.reasoning_tokens);
                turn.input_tokens += tokens(facts.input_tokens);
                turn.output_tokens += tokens(facts.output_tokens);
                if let Some(cost) = facts.cost_usd.filter(|cost| cost.is_finite()) {
                    *row.cost_usd.get_or_insert(0.0) += cost;
                    *turn.cost_usd.get_or_insert(0.0) += cost;
                }
                if facts.output.is_some() && !place.in_subagent {
                    turn.response = facts.output;
                }
                name_once(&mut self.seen_names, &mut row.models, &facts.model);
            }
            Operation::Tool => {
                row.tool_call_count += 1;
                turn.tool_call_count += 1;
                name_once(&mut self.seen_names, &mut row.tools, &facts.tool_name);
            }
            _ => {}
        }
    }

    fn finish(
        mut self,
        group: &Group,
        forest: &Forest,
        starters: &[usize],
    ) -> (SessionRow, Vec<TurnRow>) {
        for (n, &s) in starters.iter().enumerate() {
            let starter = &group.acts[s];
            if let Some(turn) = self.turns.get_mut(&(n as i32 + 1)) {
                turn.prompt = starter.facts.prompt.or(turn.prompt).or_else(|| {
                    (starter.operation == Operation::Agent)
                        .then_some(starter.facts.input)
                        .flatten()
                });
            }
        }
        self.row.turn_count = starters.len() as i64;
        if self.row.title.is_none() {
            let name = self.withheld_prompt.take().or(self.first_name.take());
            let name = name.or(self.first_agent.take());
            self.row.title = name.map(|name| text::one_line(&name, text::TITLE_MAX).into());
        }
        let last_starter = starters
            .last()
            .map(|&s| (&group.acts[s], forest.waiting[s]));
        let end = self.ending.conclude(last_starter);
        self.row.ended = end.ended;
        self.row.status = end.status;
        self.row.silent_status = end.silent_status;
        let mut turns: Vec<TurnRow> = self.turns.into_values().collect();
        turns.sort_by_key(|turn| turn.turn);
        (self.row, turns)
    }
}

fn name_once(seen: &mut HashSet<Arc<str>>, list: &mut Vec<Arc<str>>, name: &Option<Arc<str>>) {
    if let Some(name) = name
        && seen.insert(name.clone())
    {
        list.push(name.clone());
    }
}

fn traces(group: &Group, forest: &Forest) -> Vec<TraceRow> {
    let mut rows: HashMap<TraceId, TraceRow> = HashMap::new();
    for &i in &forest.by_start {
        let act = &group.acts[i];
        let row = rows.entry(act.key.trace_id).or_insert_with(|| TraceRow {
            trace_id: act.key.trace_id,
            session_id: act.derived.session_id.clone(),
            min_ns: act.start_ns,
            max_ns: end_or_start(act),
        });
        row.max_ns = row.max_ns.max(end_or_start(act));
    }
    rows.into_values().collect()
}
