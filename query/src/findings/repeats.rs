//! The same call again and again: back to back, and across turns and subagents.

use std::collections::HashMap;
use std::sync::Arc;

use super::act::Act;
use super::calls::{
    Sameness, Scope, error_kind, failure_words, has_failed, is_look, is_note, is_passing_error,
    is_same_call, is_weak, same_result, same_results, scope, stops_repeat,
};
use super::text::one_line;
use super::{
    Confidence, Detector, Draft, Ending, MIN_CERTAIN_REPEATS, Rule, Waste, duration_words,
    loop_severity,
};

pub(super) const RULE: Rule = Rule {
    name: "exact_repeat",
    version: 3,
    thresholds: &[("min_repeats", 3.0), ("min_repeats_while_waiting", 10.0)],
    make: |thresholds| {
        Box::new(Repeats {
            min: thresholds.count("min_repeats").max(2),
            min_waiting: thresholds.count("min_repeats_while_waiting"),
            scopes: HashMap::new(),
            closed: Vec::new(),
        })
    },
};

/// Calls of another kind that may lie between two repeats without ending them, when they only look.
const MAX_ASIDES: usize = 2;

/// Between calls so far apart, the agent waits for something.
const WAITING_NS: i64 = 5_000_000_000;

struct Repeats {
    min: usize,
    min_waiting: usize,
    scopes: HashMap<Scope, Run>,
    closed: Vec<Draft>,
}

/// Equal calls in a row.
#[derive(Default)]
struct Run {
    calls: Vec<usize>,
    /// Looks since the last of them.
    asides: Vec<usize>,
    /// Looks lay between them.
    is_interleaved: bool,
    /// Where the harness stopped the agent as it asked for the same call once more.
    stopped: Vec<usize>,
    /// The repeated calls and what lay between.
    waste: Waste,
    /// Requests since the last of them.
    pending: Waste,
}

impl Run {
    fn starting_with(calls: Vec<usize>) -> Self {
        Self {
            calls,
            ..Self::default()
        }
    }
}

impl Detector for Repeats {
    fn push(&mut self, acts: &[Act], at: usize) {
        let act = &acts[at];
        if act.is_model() {
            if let Some(run) = self.scopes.get_mut(&scope(act)) {
                run.pending.add(act);
            }
            return;
        }
        if stops_repeat(act) {
            if let Some(run) = self.scopes.get_mut(&scope(act))
                && run.calls.len() > 1
            {
                run.stopped.push(at);
                run.waste = run.waste.plus(std::mem::take(&mut run.pending));
            }
            return;
        }
        if !act.is_tool() {
            return;
        }
        let run = self.scopes.entry(scope(act)).or_default();
        let Some(first) = run.calls.first().map(|first| &acts[*first]) else {
            run.calls.push(at);
            return;
        };
        if is_same_call(first, act) {
            run.is_interleaved |= !run.asides.is_empty();
            run.asides.clear();
            run.calls.push(at);
            run.waste = run.waste.plus(run.pending);
            run.waste.add(act);
            run.pending = Waste::default();
            return;
        }
        if is_note(act) {
            return;
        }
        if is_look(act) && run.calls.len() > 1 && run.asides.len() < MAX_ASIDES {
            run.asides.push(at);
            return;
        }
        // What was an aside may be the start of a row of its own.
        let mut next = vec![at];
        for aside in run.asides.iter().rev() {
            if !is_same_call(&acts[*aside], act) {
                break;
            }
            next.insert(0, *aside);
        }
        let ended = std::mem::replace(run, Run::starting_with(next));
        let draft = self.draft(acts, &ended, false);
        self.closed.extend(draft);
    }

    fn drafts(&self, acts: &[Act], _: Ending) -> Vec<Draft> {
        let mut drafts = self.closed.clone();
        let open = self.scopes.values();
        drafts.extend(open.filter_map(|run| self.draft(acts, run, true)));
        drafts.sort_by_key(|draft| draft.spans.first().copied());
        drafts
    }
}

impl Repeats {
    fn draft(&self, acts: &[Act], run: &Run, open: bool) -> Option<Draft> {
        let called = run.calls.len();
        let count = called + run.stopped.len();
        if count < self.min {
            return None;
        }
        let first = &acts[run.calls[0]];
        let ended: Vec<&Act> = run
            .calls
            .iter()
            .map(|at| &acts[*at])
            .filter(|act| act.end_ns.is_some())
            .collect();
        let same = match ended.len() >= self.min.min(called) {
            true => same_results(ended.iter().copied()),
            false => Sameness::Not,
        };
        if count < self.min_waiting && (makes_progress(&ended) || is_waiting(&ended)) {
            return None;
        }
        let is_exact = same == Sameness::Exact && !is_weak(first) && !run.is_interleaved;
        let confidence = match (same, is_weak(first)) {
            _ if is_exact && count >= MIN_CERTAIN_REPEATS => Confidence::Certain,
            // Arguments of the same size with other results are other calls.
            (Sameness::Not, true) => return None,
            _ => Confidence::Likely,
        };
        let result = match same {
            Sameness::Exact => format!(" Each time with the same result{}.", failure_words(first)),
            Sameness::Masked => " The results differ in numbers and ids only.".to_owned(),
            Sameness::Not => " The results differ, or not all of them are known.".to_owned(),
        };
        let between = match run.is_interleaved {
            true => ", with nothing but looks at other things between",
            false => " in a row",
        };
        let tool = first.tool_words();
        let (asked, stopped) = match run.stopped.len() {
            0 => ("called", String::new()),
            n => (
                "asked for",
                format!(" It asked for it {n} more times, which the harness stopped as a loop."),
            ),
        };
        Some(Draft {
            kind: "loop",
            severity: match is_exact {
                true => loop_severity(Confidence::Certain, count),
                false => loop_severity(confidence, count),
            },
            confidence,
            title: format!("{tool} {asked} {count} times with the same arguments"),
            explanation: format!(
                "The agent called {tool} {called} times{between} with the same arguments{}.{result}{stopped}{}",
                first.detail_words(),
                run.waste.sentence()
            ),
            spans: run
                .calls
                .iter()
                .chain(&run.stopped)
                .map(|at| acts[*at].key)
                .collect(),
            repeat_count: count,
            waste: run.waste,
            open,
        })
    }
}

/// Whether repeating the call gets somewhere: each result differs from the one before, or only the
/// last does and the waiting was worth it.
fn makes_progress(calls: &[&Act]) -> bool {
    let known = |act: &&Act| act.output_hash.is_some() || act.error.is_some();
    if calls.len() < 2 || !calls.iter().all(known) {
        return false;
    }
    let changed: Vec<bool> = calls
        .windows(2)
        .map(|pair| same_result(pair[0], pair[1]) == Sameness::Not)
        .collect();
    let succeeded = calls.last().is_some_and(|last| !has_failed(last));
    let settled = changed.last() == Some(&true) && changed.iter().filter(|c| **c).count() == 1;
    let never_failed = calls.iter().all(|call| !has_failed(call));
    (settled && succeeded) || (never_failed && changed.iter().all(|changed| *changed))
}

/// Whether the agent waits longer each time before it tries again what fails by itself, or asks in
/// a steady rhythm for something that has not failed.
fn is_waiting(calls: &[&Act]) -> bool {
    let gaps: Vec<i64> = calls
        .windows(2)
        .map(|pair| pair[1].start_ns - pair[0].end_ns.unwrap_or(pair[0].start_ns))
        .collect();
    if gaps.is_empty() {
        return false;
    }
    let grow = gaps.windows(2).all(|pair| pair[1] * 2 >= pair[0] * 3);
    let passing = calls.iter().any(|call| is_passing_error(call));
    let backs_off = passing && grow && gaps.last().is_some_and(|gap| *gap >= 1_000_000_000);
    let failed = calls.iter().any(|call| has_failed(call));
    backs_off || (!failed && gaps.iter().all(|gap| *gap >= WAITING_NS))
}

pub(super) const ACROSS_RULE: Rule = Rule {
    name: "repeat_across",
    version: 1,
    thresholds: &[("min_places", 3.0)],
    make: |thresholds| {
        Box::new(Across {
            min: thresholds.count("min_places").max(2),
            calls: HashMap::new(),
        })
    },
};

/// The same failing call in several turns or by several agents, with the same error each time.
struct Across {
    min: usize,
    /// By call and error: the calls, and the last place that each was seen in.
    calls: HashMap<(Arc<str>, u64), Vec<usize>>,
}

impl Detector for Across {
    fn push(&mut self, acts: &[Act], at: usize) {
        let act = &acts[at];
        if !act.is_tool() || is_weak(act) || act.is_denied() {
            return;
        }
        let Some(hash) = &act.call_hash else { return };
        match error_kind(act) {
            Some(error) if !is_passing_error(act) => {
                let calls = self.calls.entry((hash.clone(), error)).or_default();
                if calls.iter().all(|call| scope(&acts[*call]) != scope(act)) {
                    calls.push(at);
                }
            }
            Some(_) => {}
            // It works now: what failed before is no loop.
            None => self
                .calls
                .retain(|(call, _), calls| call != hash || calls.len() >= self.min),
        }
    }

    fn drafts(&self, acts: &[Act], _: Ending) -> Vec<Draft> {
        let mut drafts: Vec<Draft> = self
            .calls
            .values()
            .filter(|calls| calls.len() >= self.min)
            .map(|calls| across(acts, calls))
            .collect();
        drafts.sort_by_key(|draft| draft.spans.first().copied());
        drafts
    }
}

fn across(acts: &[Act], calls: &[usize]) -> Draft {
    let first = &acts[calls[0]];
    let last = &acts[calls[calls.len() - 1]];
    let mut waste = Waste::default();
    for at in &calls[1..] {
        waste.add(&acts[*at]);
    }
    let error = first.error.as_deref().map(one_line).unwrap_or_default();
    let tool = first.tool_words();
    Draft {
        kind: "loop",
        severity: loop_severity(Confidence::Likely, calls.len()),
        confidence: Confidence::Likely,
        title: format!("{tool} failed in the same way in {} places", calls.len()),
        explanation: format!(
            "{} turns or agents called {tool}{} over {}, and each call failed with \"{error}\".{}",
            calls.len(),
            first.detail_words(),
            duration_words(last.start_ns - first.start_ns),
            waste.sentence()
        ),
        spans: calls.iter().map(|at| acts[*at].key).collect(),
        repeat_count: calls.len(),
        waste,
        open: true,
    }
}
