//! Runs that stop before their work is done: a promise without a deed, things left to do, a failure
//! after which nothing was tried.

use std::collections::HashMap;
use std::sync::Arc;

use super::act::Act;
use super::calls::{failure_words, is_look, is_note};
use super::text::one_line;
use super::{Confidence, Detector, Draft, Ending, Rule, Severity, Waste};

pub(super) const PROMISE_RULE: Rule = Rule {
    name: "promise_unkept",
    version: 1,
    thresholds: &[],
    make: |_| Box::new(Unfinished::new(Which::Promise)),
};

pub(super) const TODO_RULE: Rule = Rule {
    name: "todo_left",
    version: 1,
    thresholds: &[],
    make: |_| Box::new(Unfinished::new(Which::Todo)),
};

pub(super) const AFTER_ERROR_RULE: Rule = Rule {
    name: "stopped_after_error",
    version: 1,
    thresholds: &[],
    make: |_| Box::new(Unfinished::new(Which::AfterError)),
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    /// The last answer of a turn says what the agent does now, and it does nothing.
    Promise,
    /// The list of things to do has open items when the session is over.
    Todo,
    /// The last call of the session failed, and nothing was tried after it.
    AfterError,
}

struct Unfinished {
    which: Which,
    turn: Turn,
    /// The last list that each agent wrote down.
    lists: HashMap<Arc<str>, usize>,
    closed: Vec<Draft>,
}

/// The turn that goes on.
#[derive(Default)]
struct Turn {
    number: i64,
    /// The last tool call or model request.
    last: Option<usize>,
    /// The last tool call that is more than a note.
    last_call: Option<usize>,
    /// Model requests since that call.
    answers: usize,
}

impl Unfinished {
    fn new(which: Which) -> Self {
        Self {
            which,
            turn: Turn::default(),
            lists: HashMap::new(),
            closed: Vec::new(),
        }
    }
}

impl Detector for Unfinished {
    fn push(&mut self, acts: &[Act], at: usize) {
        let act = &acts[at];
        if act.turn > self.turn.number {
            if self.which == Which::Promise {
                self.closed.extend(self.promise(acts));
            }
            self.turn = Turn {
                number: act.turn,
                ..Turn::default()
            };
        }
        if act.is_tool() {
            if act.content.todo.is_some() {
                self.lists.insert(act.agent.clone(), at);
            }
            if !is_note(act) {
                self.turn.last_call = Some(at);
                self.turn.answers = 0;
            }
        } else if act.is_model() {
            self.turn.answers += 1;
        } else {
            return;
        }
        self.turn.last = Some(at);
    }

    fn drafts(&self, acts: &[Act], ending: Ending) -> Vec<Draft> {
        let mut drafts = self.closed.clone();
        if ending.ended {
            match self.which {
                Which::Promise => drafts.extend(self.promise(acts)),
                Which::Todo => drafts.extend(self.todo(acts)),
                Which::AfterError => drafts.extend(self.after_error(acts)),
            }
        }
        drafts
    }
}

impl Unfinished {
    fn promise(&self, acts: &[Act]) -> Option<Draft> {
        let last = &acts[self.turn.last?];
        let promise = last.content.said.as_deref()?.promise.as_deref()?;
        if last.is_error || last.asks_for_tool() {
            return None;
        }
        Some(draft(
            vec![last],
            Severity::Warning,
            "The agent said what it does next, and did nothing".to_owned(),
            format!(
                "The last answer of the turn ends with \"{}\", and no act followed.",
                one_line(promise)
            ),
        ))
    }

    fn todo(&self, acts: &[Act]) -> Vec<Draft> {
        let answered = self.turn.last.is_some_and(|last| {
            let said = acts[last].content.said.as_deref();
            acts[last].is_model() && !said.is_some_and(|said| said.asks)
        });
        if !answered {
            return Vec::new();
        }
        let mut lists: Vec<usize> = self.lists.values().copied().collect();
        lists.sort_unstable();
        let left = lists.iter().filter_map(|at| {
            let list = acts[*at].content.todo.as_deref()?;
            let next = list.open.first()?;
            Some(draft(
                vec![&acts[*at]],
                Severity::Warning,
                format!(
                    "The run ended with {} of {} things still to do",
                    list.open.len(),
                    list.item_count
                ),
                format!(
                    "The agent's own list had {} of {} items open when it gave its last answer; the first: \"{}\".",
                    list.open.len(),
                    list.item_count,
                    one_line(next)
                ),
            ))
        });
        left.collect()
    }

    fn after_error(&self, acts: &[Act]) -> Option<Draft> {
        let call = &acts[self.turn.last_call?];
        let is_failure = call.is_error && !call.is_denied() && !is_look(call);
        if !is_failure || was_stopped(call) || self.turn.answers > 1 {
            return None;
        }
        let answered = self.turn.answers == 1;
        Some(draft(
            vec![call],
            Severity::Info,
            "The run ended after a failure, without another attempt".to_owned(),
            format!(
                "The last call of the run was {}{}{}; the agent {}.",
                call.tool_words(),
                call.detail_words(),
                failure_words(call),
                match answered {
                    true => "answered and tried nothing more",
                    false => "did nothing more",
                }
            ),
        ))
    }
}

/// Whether somebody ended the call: the agent had no choice.
fn was_stopped(call: &Act) -> bool {
    let error = call.error.as_deref().unwrap_or_default().to_lowercase();
    ["abort", "cancel", "interrupt"]
        .iter()
        .any(|word| error.contains(word))
}

fn draft(spans: Vec<&Act>, severity: Severity, title: String, explanation: String) -> Draft {
    Draft {
        kind: "unfinished",
        severity,
        confidence: Confidence::Likely,
        title,
        explanation,
        spans: spans.iter().map(|act| act.key).collect(),
        repeat_count: 1,
        waste: Waste::default(),
        open: false,
    }
}
