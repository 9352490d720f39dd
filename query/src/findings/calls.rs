//! Loops of tool calls: the same call back to back, and sequences of calls that repeat.

use std::collections::HashMap;
use std::sync::Arc;

use super::act::{ActRow, same_results};
use super::{Confidence, Draft, MIN_REPEATS, Waste, grouped, loop_severity};

/// Longest sequence of calls that is looked for as a cycle.
const MAX_CYCLE: usize = 5;

/// Hash of a call whose arguments are known by their size only.
const WEAK_HASH: &str = "size:";

/// Indexes of the tool calls of each agent in each turn, in order.
fn call_sequences(acts: &[ActRow]) -> Vec<Vec<usize>> {
    let mut order: Vec<Vec<usize>> = Vec::new();
    let mut places: HashMap<(Arc<str>, i64), usize> = HashMap::new();
    for (at, act) in acts.iter().enumerate() {
        if act.is_tool() {
            let place = *places
                .entry((act.agent.clone(), act.turn))
                .or_insert_with(|| {
                    order.push(Vec::new());
                    order.len() - 1
                });
            order[place].push(at);
        }
    }
    order
}

/// The same call at least three times with no other call of the agent between.
pub(super) fn repeats(acts: &[ActRow]) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for sequence in call_sequences(acts) {
        for run in sequence.chunk_by(|a, b| {
            let hash = &acts[*a].call_hash;
            hash.is_some() && *hash == acts[*b].call_hash
        }) {
            if run.len() >= MIN_REPEATS {
                let is_last = run.last() == sequence.last();
                drafts.extend(repeat(acts, run, is_last));
            }
        }
    }
    drafts
}

fn repeat(acts: &[ActRow], run: &[usize], is_last: bool) -> Option<Draft> {
    let first = &acts[run[0]];
    let count = run.len();
    let ended = || {
        run.iter()
            .map(|at| &acts[*at])
            .filter(|a| a.end_ns.is_some())
    };
    let same = ended().count() >= MIN_REPEATS && same_results(ended());
    let confidence = match (same, is_weak(first)) {
        (true, false) => Confidence::Certain,
        (true, true) | (false, false) => Confidence::Likely,
        // Arguments of the same size with other results are other calls.
        (false, true) => return None,
    };
    let waste = waste_between(acts, run[0], run[count - 1], &run[1..]);
    let result = if same {
        format!(" Each time with the same result{}.", failure_words(first))
    } else {
        " The results differ, or not all of them are known.".to_owned()
    };
    let tool = first.tool_words();
    Some(Draft {
        kind: "loop",
        detector: "exact_repeat/1",
        severity: loop_severity(confidence, count),
        confidence,
        title: format!("{tool} called {count} times with the same arguments"),
        explanation: format!(
            "The agent called {tool} {count} times in a row with the same arguments{}.{result}{}",
            first.detail_words(),
            waste.sentence()
        ),
        spans: run.iter().map(|at| acts[*at].key).collect(),
        repeat_count: count,
        waste,
        open: is_last,
    })
}

fn is_weak(act: &ActRow) -> bool {
    act.call_hash
        .as_deref()
        .is_none_or(|hash| hash.starts_with(WEAK_HASH))
}

fn failure_words(act: &ActRow) -> String {
    if act.is_denied() {
        return ": denied".to_owned();
    }
    match &act.error {
        Some(error) if act.is_error => format!(": it failed with \"{}\"", one_line(error)),
        _ if act.is_error => ": it failed".to_owned(),
        _ => String::new(),
    }
}

/// At most 160 characters, without line breaks.
pub(super) fn one_line(text: &str) -> String {
    let mut line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(160)
        .collect();
    if text.chars().nth(160).is_some() {
        line.push('…');
    }
    line.trim().to_owned()
}

/// The repeated calls, and the requests of the same agent that asked for them.
fn waste_between(acts: &[ActRow], from: usize, to: usize, repeated: &[usize]) -> Waste {
    let mut waste = Waste::default();
    for at in repeated {
        waste.add(&acts[*at]);
    }
    for act in &acts[from + 1..to] {
        if act.is_model() && act.agent == acts[from].agent {
            waste.add(act);
        }
    }
    waste
}

/// A sequence of two to five calls, gone through at least three times.
pub(super) fn cycles(acts: &[ActRow]) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for sequence in call_sequences(acts) {
        let mut covered: Vec<(usize, usize)> = Vec::new();
        for period in 2..=MAX_CYCLE {
            for (start, end) in tandem_runs(acts, &sequence, period) {
                let inside = covered.iter().any(|(s, e)| *s <= start && end <= *e);
                if !inside && is_primitive(acts, &sequence[start..start + period]) {
                    covered.push((start, end));
                    drafts.extend(cycle(acts, &sequence, start, end, period));
                }
            }
        }
    }
    drafts
}

/// Maximal stretches `start..end` of the sequence where every call equals the one `period` before,
/// at least three rounds long.
fn tandem_runs(acts: &[ActRow], sequence: &[usize], period: usize) -> Vec<(usize, usize)> {
    let mut runs = Vec::new();
    let mut matched = 0;
    for at in period..=sequence.len() {
        let hash = |index: usize| acts[sequence[index]].call_hash.as_deref();
        let continues = at < sequence.len() && hash(at).is_some() && hash(at) == hash(at - period);
        if continues {
            matched += 1;
        } else {
            if matched >= period * (MIN_REPEATS - 1) {
                runs.push((at - matched - period, at));
            }
            matched = 0;
        }
    }
    runs
}

/// A unit that is not itself a repetition of a shorter one.
fn is_primitive(acts: &[ActRow], unit: &[usize]) -> bool {
    let hash = |at: usize| acts[unit[at]].call_hash.as_deref();
    (1..unit.len())
        .filter(|shorter| unit.len().is_multiple_of(*shorter))
        .all(|shorter| (shorter..unit.len()).any(|at| hash(at) != hash(at - shorter)))
}

fn cycle(
    acts: &[ActRow],
    sequence: &[usize],
    start: usize,
    end: usize,
    period: usize,
) -> Option<Draft> {
    let run = &sequence[start..end];
    let rounds = run.len() / period;
    let same = (0..period).all(|place| {
        let calls = || run[place..].iter().step_by(period).map(|at| &acts[*at]);
        let ended = || calls().filter(|call| call.end_ns.is_some());
        ended().count() >= MIN_REPEATS && same_results(ended())
    });
    let confidence = match (same, run.iter().any(|at| is_weak(&acts[*at]))) {
        (true, false) => Confidence::Certain,
        (true, true) | (false, false) => Confidence::Likely,
        (false, true) => return None,
    };
    let waste = waste_between(acts, run[0], run[run.len() - 1], &run[period..]);
    let unit: Vec<String> = run[..period]
        .iter()
        .map(|at| format!("{}{}", acts[*at].tool_words(), acts[*at].detail_words()))
        .collect();
    let names: Vec<String> = run[..period]
        .iter()
        .map(|at| acts[*at].tool_words())
        .collect();
    Some(Draft {
        kind: "loop",
        detector: "cycle/1",
        severity: loop_severity(confidence, rounds),
        confidence,
        title: format!("{} repeated {rounds} times", names.join(" → ")),
        explanation: format!(
            "The agent went through the same {period} calls {rounds} times ({} calls in all): {}.{}{}",
            grouped(run.len() as i64),
            unit.join(", then "),
            if same {
                " Each round had the same results."
            } else {
                " The results differ, or not all of them are known."
            },
            waste.sentence()
        ),
        spans: run.iter().map(|at| acts[*at].key).collect(),
        repeat_count: rounds,
        waste,
        open: end == sequence.len(),
    })
}
