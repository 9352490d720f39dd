//! How a session ended: what its last acts say, and what is to be made of it if nothing more comes.

use proto::agent::{Decision, Operation, Status};
use store::ActState;

use super::group::{end_or_start, is_counted, is_span};

/// What is known of a session's end while its acts are gone through in order of their start.
#[derive(Default)]
pub(super) struct Ending {
    /// A parent of an act has not arrived.
    waiting: bool,
    last_model_failed: bool,
    stopped_by_hook_ns: Option<i64>,
    /// The latest thing that the main agent did: what it was and how it went.
    last_step: LastStep,
    last_answer_ns: Option<i64>,
    /// End of the latest step that was blocked as a whole.
    last_block_ns: Option<i64>,
    last_act_ns: Option<i64>,
    /// The user ended the latest step.
    user_stopped: bool,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum LastStep {
    #[default]
    None,
    /// An answer that asks for nothing more.
    LastAnswer,
    /// An answer of which that is not known.
    Answer,
    FailedRequest,
    /// A tool call, which an answer should follow.
    Call,
}

/// The end of a session as far as it is known.
pub(super) struct End {
    pub(super) ended: bool,
    /// `running`, `ok`, `error`, `interrupted` (by the user), `killed` (its process went without an end).
    pub(super) status: &'static str,
    /// What `running` turns into when nothing more comes.
    pub(super) silent_status: &'static str,
}

impl Ending {
    /// Takes note of any record of the session; `waiting`: its parent has not arrived.
    pub(super) fn see(&mut self, act: &ActState, waiting: bool, in_subagent: bool) {
        self.waiting |= waiting
            && is_span(act)
            && (act.operation != Operation::Internal || act.part_of_parent)
            && act.derived.duplicate_of.is_none();
        if is_counted(act) {
            self.see_counted(act, in_subagent);
        }
    }

    fn see_counted(&mut self, act: &ActState, in_subagent: bool) {
        let facts = &act.facts;
        let end = Some(end_or_start(act));
        let failed = act.status == Status::Error;
        match act.operation {
            Operation::Model => {
                self.last_model_failed = failed;
                if !failed {
                    self.last_answer_ns = self.last_answer_ns.max(end);
                }
            }
            Operation::Internal if facts.decision == Some(Decision::Deny) => {
                self.last_block_ns = self.last_block_ns.max(end);
            }
            Operation::Hook
                if matches!(
                    facts.hook_event.as_deref(),
                    Some(
                        "Stop" | "SessionEnd" | "AfterAgent" | "stop" | "agentStop" | "sessionEnd"
                    )
                ) =>
            {
                self.stopped_by_hook_ns = Some(act.start_ns);
            }
            _ => {}
        }
        if !in_subagent {
            let step = match act.operation {
                Operation::Model if failed => LastStep::FailedRequest,
                Operation::Model if is_last_answer(act) => LastStep::LastAnswer,
                Operation::Model => LastStep::Answer,
                Operation::Tool => LastStep::Call,
                _ => self.last_step,
            };
            if matches!(
                act.operation,
                Operation::Model | Operation::Tool | Operation::Turn
            ) {
                self.user_stopped = is_stopped_by_user(act);
            }
            self.last_step = step;
        }
        if !matches!(
            act.operation,
            Operation::Hook | Operation::Internal | Operation::Mcp
        ) {
            self.last_act_ns = self.last_act_ns.max(Some(act.start_ns));
        }
    }

    /// The end, given what started the last turn, and whether that still waits for its parent.
    pub(super) fn conclude(&self, last_starter: Option<(&ActState, bool)>) -> End {
        let (ended, failed) = match last_starter {
            Some((starter, waiting)) if is_span(starter) => (
                starter.end_ns.is_some()
                    && (!waiting
                        || matches!(starter.operation, Operation::Turn | Operation::Agent)),
                starter.status == Status::Error,
            ),
            Some((starter, _)) => (
                self.stopped_by_hook_ns
                    .is_some_and(|at| Some(at) >= self.last_act_ns)
                    || (self.last_step == LastStep::LastAnswer
                        && self.last_answer_ns >= Some(starter.start_ns)),
                false,
            ),
            None => (!self.waiting, false),
        };
        let failed = failed || self.last_model_failed || self.last_block_ns > self.last_answer_ns;
        let silent_status = match self.last_step {
            _ if self.user_stopped => "interrupted",
            LastStep::FailedRequest => "error",
            LastStep::Answer | LastStep::LastAnswer if !self.waiting => "ok",
            _ => "killed",
        };
        let status = match (ended, self.waiting) {
            (false, _) => "running",
            (true, _) if self.user_stopped => "interrupted",
            (true, true) => "killed",
            (true, false) if failed => "error",
            (true, false) => "ok",
        };
        End {
            ended,
            status,
            silent_status,
        }
    }
}

/// An answer after which the agent has nothing left to do.
fn is_last_answer(act: &ActState) -> bool {
    matches!(
        act.facts.finish_reason.as_deref(),
        Some("stop" | "STOP" | "end_turn" | "stop_sequence" | "completed")
    )
}

/// Emitters say in one of these places that the user stopped an act: Claude Code and Codex in the
/// source of the decision, Gemini CLI in the class of the error, others in the reason of the finish.
fn is_stopped_by_user(act: &ActState) -> bool {
    let facts = &act.facts;
    let says = |text: &Option<std::sync::Arc<str>>| {
        let text = text.as_deref().unwrap_or_default().to_ascii_lowercase();
        text.contains("abort") || text.contains("cancel") || text.contains("interrupt")
    };
    says(&facts.decision_source) || says(&facts.error_type) || says(&facts.finish_reason)
}
