//! What goes between the state and the world: keys and answers in, requests out.

use ratatui::crossterm::event::KeyEvent;
use serde_json::Value;

use crate::waterfall::SpanTable;

/// Something that happened.
pub(super) enum Message {
    Key(KeyEvent),
    /// The size of the terminal has changed.
    Resized,
    /// The terminal is gone, and with it whoever looked.
    TerminalGone,
    /// A moment has passed.
    Tick,
    /// Acts of these sessions were recorded; of any when there are none.
    Committed(Vec<String>),
    /// The server is gone, or is back.
    Connected(bool),
    Sessions {
        answer: Value,
        search: String,
        is_more: bool,
    },
    Session {
        id: String,
        detail: Value,
        table: Box<SpanTable>,
    },
    Span(Value),
    Whole {
        hash: String,
        text: String,
    },
    Acts(Vec<Value>),
    Failed {
        request: Request,
        why: String,
    },
}

/// Something that is wanted from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    /// A page of sessions; the first without a cursor.
    Sessions {
        search: String,
        cursor: Option<String>,
    },
    Session {
        id: String,
    },
    Span {
        trace_id: String,
        span_id: String,
    },
    /// A whole payload.
    Whole {
        hash: String,
    },
    /// The latest acts.
    Acts,
}
