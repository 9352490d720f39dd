//! What the detectors see of an act.

use std::sync::Arc;

use proto::agent::{Decision, Operation};
use store::ActKey;

use super::said::Said;
use super::text::Sketch;
use super::todo::TodoList;

/// What detectors keep of the texts of an act.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Content {
    /// Arguments of a tool call; the prompt of a turn; the task of a subagent.
    pub(crate) arguments: Option<Arc<Sketch>>,
    /// Result of a tool call.
    pub(crate) result: Option<Arc<Sketch>>,
    /// Answer of a model.
    pub(crate) said: Option<Arc<Said>>,
    /// The list of things to do that a tool call writes down.
    pub(crate) todo: Option<Arc<TodoList>>,
}

impl Content {
    /// From the beginnings of an act's input and output.
    pub(crate) fn of(operation: Operation, input: Option<&str>, output: Option<&str>) -> Self {
        match operation {
            Operation::Tool => Self {
                arguments: input.map(|text| Arc::new(Sketch::of_arguments(text))),
                result: output.map(|text| Arc::new(Sketch::of_text(text))),
                todo: input.and_then(TodoList::of_arguments).map(Arc::new),
                said: None,
            },
            Operation::Model => Self {
                said: output.map(|text| Arc::new(Said::of_answer(text))),
                ..Self::default()
            },
            Operation::Turn | Operation::Agent => Self {
                arguments: input.map(|text| Arc::new(Sketch::of_arguments(text))),
                ..Self::default()
            },
            _ => Self::default(),
        }
    }
}

/// An act as the detectors see it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Act {
    pub(crate) row: ActRow,
    pub(crate) content: Content,
}

impl std::ops::Deref for Act {
    type Target = ActRow;

    fn deref(&self) -> &ActRow {
        &self.row
    }
}

/// One counted act of a session, without payloads.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ActRow {
    pub(crate) key: ActKey,
    /// Row number, rising in order of arrival.
    pub(crate) act_id: i64,
    /// Span id of the parent in the tree.
    pub(crate) parent: Option<proto::id::SpanId>,
    pub(crate) operation: Operation,
    pub(crate) name: Arc<str>,
    /// Who acts: agent id, else agent name, else empty for the main agent.
    pub(crate) agent: Arc<str>,
    pub(crate) turn: i64,
    pub(crate) start_ns: i64,
    pub(crate) end_ns: Option<i64>,
    pub(crate) is_error: bool,
    /// Error message, else error type, else status message.
    pub(crate) error: Option<Arc<str>>,
    pub(crate) model: Option<Arc<str>>,
    pub(crate) tool_name: Option<Arc<str>>,
    pub(crate) tool_call_id: Option<Arc<str>>,
    pub(crate) mcp_server: Option<Arc<str>>,
    pub(crate) hook_name: Option<Arc<str>>,
    pub(crate) hook_event: Option<Arc<str>>,
    pub(crate) decision: Option<Decision>,
    pub(crate) decision_source: Option<Arc<str>>,
    /// Input and output tokens together.
    pub(crate) tokens: i64,
    pub(crate) input_tokens: Option<i64>,
    pub(crate) output_tokens: Option<i64>,
    pub(crate) cost_usd: Option<f64>,
    pub(crate) finish_reason: Option<Arc<str>>,
    pub(crate) input_hash: Option<Arc<[u8]>>,
    pub(crate) output_hash: Option<Arc<[u8]>>,
    pub(crate) call_hash: Option<Arc<str>>,
    /// One line: command, file, query …
    pub(crate) detail: Option<Arc<str>>,
}

impl ActRow {
    /// Acts of a session are taken in this order.
    pub(crate) fn place(&self) -> (i64, ActKey) {
        (self.start_ns, self.key)
    }

    pub(crate) fn is_tool(&self) -> bool {
        self.operation == Operation::Tool
    }

    /// Whether detectors compare what it was given or gave.
    pub(crate) fn has_compared_texts(&self) -> bool {
        matches!(
            self.operation,
            Operation::Tool | Operation::Model | Operation::Turn | Operation::Agent
        )
    }

    pub(crate) fn is_model(&self) -> bool {
        self.operation == Operation::Model
    }

    /// Whether a model's answer asks for a tool, as its finish reason tells.
    pub(crate) fn asks_for_tool(&self) -> bool {
        self.finish_reason
            .as_deref()
            .is_some_and(|reason| reason.to_ascii_lowercase().contains("tool"))
    }

    pub(crate) fn is_denied(&self) -> bool {
        self.decision == Some(Decision::Deny)
    }

    pub(crate) fn duration_ns(&self) -> i64 {
        self.end_ns
            .map_or(0, |end| end.saturating_sub(self.start_ns).max(0))
    }

    /// Same agent, same turn: what a repetition must stay within. A new prompt of the user is a new
    /// task, so the same call in the next turn repeats nothing.
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        self.agent == other.agent && self.turn == other.turn
    }

    /// The tool as a person names it.
    pub(crate) fn tool_words(&self) -> String {
        let tool = self.tool_name.as_deref().unwrap_or(&self.name);
        match self.mcp_server.as_deref() {
            Some(server) => format!("{tool} (MCP server {server})"),
            None => tool.to_owned(),
        }
    }

    /// ` (./run_tests.sh)`, or nothing.
    pub(crate) fn detail_words(&self) -> String {
        match self.detail.as_deref() {
            Some(detail) if !detail.is_empty() => format!(" ({detail})"),
            _ => String::new(),
        }
    }
}
