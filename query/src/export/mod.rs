//! Exports of a session: for spreadsheets, for programs, for people, for any OTLP receiver, and as a
//! file that replays itself. docs/exports.md describes each.
//!
//! An export runs on a thread of its own and writes as it reads, some megabytes at a time.

use std::io::{self, Write};

use axum::body::Bytes;
use store::{Store, Value};
use tokio::sync::mpsc;

use crate::error::ApiError;
use crate::rows::{self, text_param};
use crate::sql;

mod acts;
pub(crate) mod csv;
pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod markdown;
pub(crate) mod otlp;
mod texts;

/// Bytes that are sent together.
const CHUNK_BYTES: usize = 64 << 10;

/// Why an export ended before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    #[error("cannot read what is to be exported")]
    Store(#[from] store::Error),
    /// Nobody takes the export any more.
    #[error("the receiver has gone away")]
    Write(#[from] io::Error),
    #[error("a stored record is no OTLP")]
    Record(#[from] prost::DecodeError),
}

impl From<serde_json::Error> for ExportError {
    fn from(error: serde_json::Error) -> Self {
        Self::Write(error.into())
    }
}

/// A session with the sessions that it started, in order of start.
pub(crate) struct Family {
    pub(crate) session_ids: Vec<String>,
}

impl Family {
    /// `None` when there is no such session.
    pub(crate) fn of(store: &Store, session_id: &str) -> Result<Option<Self>, ApiError> {
        let table = store.read(sql::EXPORT_FAMILY, &[text_param(Some(session_id))])?;
        let session_ids: Vec<String> = rows::rows(&table)
            .map(|row| row.string("session_id"))
            .collect();
        Ok((!session_ids.is_empty()).then_some(Self { session_ids }))
    }

    /// As a parameter of the export queries.
    fn param(&self) -> Value {
        text_param(Some(&self.session_ids.join(sql::ITEM_SEPARATOR)))
    }
}

/// Passes what is written on to the body of an answer.
pub(crate) struct Channel {
    sender: mpsc::Sender<io::Result<Bytes>>,
    buffer: Vec<u8>,
}

impl Channel {
    pub(crate) fn new(sender: mpsc::Sender<io::Result<Bytes>>) -> Self {
        Self {
            sender,
            buffer: Vec::with_capacity(CHUNK_BYTES),
        }
    }

    /// Breaks the answer off, so that its reader notices that it is not whole.
    pub(crate) fn fail(self) {
        let error = io::Error::other("the export could not be finished");
        // Fails when nobody reads any more.
        let _ = self.sender.blocking_send(Err(error));
    }
}

impl Write for Channel {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let bytes = Bytes::from(std::mem::take(&mut self.buffer));
        self.sender
            .blocking_send(Ok(bytes))
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
