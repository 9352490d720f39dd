//! Acts that somebody or something forbade, and what the agent did next.

use std::collections::HashMap;

use proto::agent::Operation;

use super::act::{Act, ActRow};
use super::calls::{is_look, is_same_call};
use super::text::one_line;
use super::{Confidence, Detector, Draft, Ending, Rule, Severity, Waste};

pub(super) const RULE: Rule = Rule {
    name: "blocked",
    version: 2,
    thresholds: &[],
    make: |_| Box::new(Blocked::default()),
};

/// Records of one denial lie at most this far apart.
const SAME_DENIAL_NS: i64 = 2_000_000_000;

/// Denials before, that a new record may belong to.
const REMEMBERED: usize = 32;

/// Calls after a denial among which a way around it is looked for.
const WATCHED_CALLS: usize = 4;

/// Calls that were blocked, and what followed each.
#[derive(Default)]
struct Blocked {
    denials: Vec<Denial>,
    /// Denials of which it is not known yet what follows.
    waiting: Vec<usize>,
}

/// One denial, in all its records.
struct Denial {
    /// The record that stands for the others.
    main: usize,
    records: Vec<usize>,
    /// The calls of the agent that followed, a few.
    calls: Vec<usize>,
    /// The agent went on thinking.
    answered: bool,
    /// The user spoke before the agent did anything else.
    asked: bool,
}

/// What the agent did after a denial.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Next<'a> {
    Repeated,
    /// Tried to reach the same thing by another call.
    Evaded(&'a Act),
    Other(&'a Act),
    /// Went on thinking, without a further call.
    Answered,
    /// Left it to the user, who spoke next.
    Asked,
    Stopped,
    NothingYet,
}

impl Detector for Blocked {
    fn push(&mut self, acts: &[Act], at: usize) {
        let act = &acts[at];
        if is_blocked(act) && !self.join(acts, at) {
            self.waiting.push(self.denials.len());
            self.denials.push(Denial {
                main: at,
                records: vec![at],
                calls: Vec::new(),
                answered: false,
                asked: false,
            });
        }
        let denials = &mut self.denials;
        self.waiting
            .retain(|denial| match denials.get_mut(*denial) {
                Some(denial) => denial.watch(acts, at),
                None => false,
            });
    }

    fn drafts(&self, acts: &[Act], ending: Ending) -> Vec<Draft> {
        let mut order: Vec<Vec<&Denial>> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for denial in &self.denials {
            let act = &acts[denial.main];
            let what = act.call_hash.as_deref().or(act.detail.as_deref());
            let identity = format!(
                "{}\0{}\0{}",
                act.agent,
                act.tool_words(),
                what.unwrap_or("")
            );
            let place = *places.entry(identity).or_insert_with(|| {
                order.push(Vec::new());
                order.len() - 1
            });
            order[place].push(denial);
        }
        order
            .iter()
            .map(|denials| draft(acts, denials, ending.ended))
            .collect()
    }
}

impl Blocked {
    /// Adds a record to the denial that it reports, if that is known already.
    fn join(&mut self, acts: &[Act], at: usize) -> bool {
        let act = &acts[at];
        let from = self.denials.len().saturating_sub(REMEMBERED);
        for denial in self.denials[from..].iter_mut().rev() {
            let main = &acts[denial.main];
            if speaks_for(main, act) {
                denial.records.push(at);
                return true;
            }
            if speaks_for(act, main) {
                denial.records.push(at);
                denial.main = at;
                return true;
            }
        }
        false
    }
}

impl Denial {
    /// Takes an act that may show what followed; whether more is to be watched.
    fn watch(&mut self, acts: &[Act], at: usize) -> bool {
        let (act, main) = (&acts[at], &acts[self.main]);
        if at <= self.main || self.records.contains(&at) {
            return true;
        }
        if act.turn != main.turn && !act.is_tool() {
            self.asked |= self.calls.is_empty() && act.turn > main.turn;
            return self.calls.is_empty() && !self.asked;
        }
        if act.agent != main.agent {
            return true;
        }
        if act.is_tool() {
            self.calls.push(at);
            return self.calls.len() < WATCHED_CALLS && !is_same_call(main, act);
        }
        self.answered |= act.is_model();
        true
    }

    fn next<'a>(&self, acts: &'a [Act], ended: bool) -> Next<'a> {
        let main = &acts[self.main];
        let calls = || self.calls.iter().map(|at| &acts[*at]);
        if let Some(first) = calls().next() {
            if calls().any(|call| is_same_call(main, call)) {
                return Next::Repeated;
            }
            if let Some(call) = calls().find(|call| evades(main, call)) {
                return Next::Evaded(call);
            }
            return Next::Other(first);
        }
        match (self.asked, self.answered, ended) {
            (true, ..) => Next::Asked,
            (_, true, _) => Next::Answered,
            (_, _, true) => Next::Stopped,
            _ => Next::NothingYet,
        }
    }
}

fn is_blocked(act: &ActRow) -> bool {
    act.is_denied() || (act.operation == Operation::Guardrail && act.is_error)
}

/// Whether `main` is the act that `report` reports the denial of.
fn speaks_for(main: &ActRow, report: &ActRow) -> bool {
    if rank(main) >= rank(report) {
        return false;
    }
    let same_call = main.tool_call_id.is_some() && main.tool_call_id == report.tool_call_id;
    let related =
        report.parent == Some(main.key.span_id) || main.parent == Some(report.key.span_id);
    let end = main.end_ns.unwrap_or(main.start_ns);
    let at_that_time = report.start_ns >= main.start_ns - SAME_DENIAL_NS
        && report.start_ns <= end + SAME_DENIAL_NS;
    let same_tool = report.tool_name.is_none()
        || main.tool_name.is_none()
        || main.tool_name == report.tool_name;
    let different_calls = main.tool_call_id.is_some() && report.tool_call_id.is_some();
    same_call || related || (at_that_time && same_tool && !different_calls)
}

fn rank(act: &ActRow) -> u8 {
    match act.operation {
        Operation::Tool | Operation::Agent | Operation::Skill => 0,
        Operation::Hook => 1,
        Operation::Policy => 2,
        _ => 3,
    }
}

/// Whether a call goes for what the blocked one was about, by another way: it names all the things
/// that the blocked call named, and does not merely look.
pub(crate) fn evades(blocked: &Act, call: &Act) -> bool {
    let (Some(what), Some(then)) = (&blocked.detail, &call.detail) else {
        return false;
    };
    let targets = targets(what);
    !targets.is_empty()
        && !is_look(call)
        && !only_looks(then)
        && targets.iter().all(|target| then.contains(target))
}

/// The things that a line is about: its words without the first, which is the verb, and options.
fn targets(line: &str) -> Vec<&str> {
    let words: Vec<&str> = line.split_whitespace().collect();
    // A line of one word is all target: a path, a URL.
    let things = match words.as_slice() {
        [_, rest @ ..] if !rest.is_empty() => rest,
        all => all,
    };
    things
        .iter()
        .map(|word| {
            word.trim_matches(|c: char| !c.is_alphanumeric() && c != '/' && c != '.')
                .trim_start_matches("./")
                .trim_end_matches('/')
        })
        .zip(things)
        .filter(|(word, whole)| word.len() >= 3 && !whole.starts_with('-'))
        .map(|(word, _)| word)
        .collect()
}

/// A command line of which every part is known to look only.
fn only_looks(line: &str) -> bool {
    const LOOKS: [&str; 14] = [
        "ls", "cat", "head", "tail", "grep", "rg", "stat", "du", "df", "pwd", "file", "wc", "echo",
        "tree",
    ];
    line.split(['|', ';', '&'])
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .all(|part| {
            let mut words = part.split_whitespace();
            let verb = words.next().unwrap_or_default();
            LOOKS.contains(&verb)
                || (verb == "git" && matches!(words.next(), Some("status" | "log" | "diff")))
        })
        && !line.contains('>')
}

fn draft(acts: &[Act], denials: &[&Denial], ended: bool) -> Draft {
    let first = &acts[denials[0].main];
    let last = denials[denials.len() - 1];
    let count = denials.len();
    let mut waste = Waste::default();
    for denial in &denials[1..] {
        waste.add(&acts[denial.main]);
    }
    let who = decided_by(acts, denials[0]);
    let what = what_words(first);
    let why = match &first.error {
        Some(error) if !error.is_empty() => format!(" It said: \"{}\".", one_line(error)),
        _ => String::new(),
    };
    let times = match count {
        1 => String::new(),
        n => format!(" The same act was blocked {n} times."),
    };
    let next = last.next(acts, ended);
    let then = match next {
        Next::Repeated => " The agent then tried the same call again.".to_owned(),
        Next::Evaded(call) => format!(
            " The agent then went for the same thing another way: {}{}.",
            call.tool_words(),
            call.detail_words()
        ),
        Next::Other(call) => format!(
            " The agent then called {}{}.",
            call.tool_words(),
            call.detail_words()
        ),
        Next::Answered => " The agent then went on without a further call.".to_owned(),
        Next::Asked => " The agent then left it to the user.".to_owned(),
        Next::Stopped => " The agent did nothing after it.".to_owned(),
        Next::NothingYet => " The agent has done nothing since.".to_owned(),
    };
    let severity = match next {
        Next::Repeated | Next::Evaded(_) => Severity::Error,
        _ if count > 1 => Severity::Error,
        _ => Severity::Warning,
    };
    Draft {
        kind: "blocked",
        severity,
        confidence: Confidence::Certain,
        title: match count {
            1 => format!("{what} was blocked"),
            n => format!("{what} was blocked {n} times"),
        },
        explanation: format!(
            "{who} blocked {what}{}.{why}{times}{then}",
            first.detail_words()
        ),
        spans: denials.iter().map(|denial| acts[denial.main].key).collect(),
        repeat_count: count,
        waste,
        open: matches!(next, Next::NothingYet | Next::Answered),
    }
}

fn what_words(act: &Act) -> String {
    match act.operation {
        Operation::Tool => act.tool_words(),
        Operation::Guardrail => format!("an act that the guardrail {} checks", act.name),
        Operation::Turn | Operation::Agent | Operation::Internal => format!("`{}`", act.name),
        _ => match &act.tool_name {
            Some(_) => act.tool_words(),
            None => format!(
                "what {} checks",
                act.hook_event.as_deref().unwrap_or(&act.name)
            ),
        },
    }
}

fn decided_by(acts: &[Act], denial: &Denial) -> String {
    let act = &acts[denial.main];
    // The hook that decided, when one of the records of this denial names it.
    let hook = denial
        .records
        .iter()
        .map(|at| &acts[*at])
        .filter(|record| record.operation == Operation::Hook)
        .find_map(|record| record.hook_name.as_deref().or(record.hook_event.as_deref()));
    if let Some(hook) = hook {
        return format!("The hook {hook}");
    }
    if act.operation == Operation::Guardrail {
        return format!("The guardrail {}", act.name);
    }
    match act.decision_source.as_deref() {
        Some("hook") => "A hook".to_owned(),
        Some("config" | "policy" | "rule") => "A permission rule".to_owned(),
        Some("guardrail") => "A guardrail".to_owned(),
        Some(source) if source.starts_with("user") => "The user".to_owned(),
        Some(source) => format!("`{source}`"),
        None => "A permission check".to_owned(),
    }
}
