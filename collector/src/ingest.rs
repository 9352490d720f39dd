//! The path between receivers and loader: what is submitted, what is accepted, and what a sender that
//! must wait is told.

use std::time::Duration;

use bytes::Bytes;
use proto::{Encoding, Request};
use tokio::sync::{mpsc, oneshot};

use crate::receive::admission::Permit;

/// A request that is on disk in the journal and waits to be loaded.
#[derive(Debug)]
pub struct Accepted {
    /// Place in the journal. Rises over the life of the data folder, with gaps.
    pub position: u64,
    /// When it arrived, Unix nanoseconds.
    pub received_ns: i64,
    pub request: Request,
    /// Length of the decompressed body.
    pub size_bytes: usize,
    /// Keeps the request's share of the memory budget; drop it once the request is loaded.
    pub permit: Permit,
}

/// Why a request was not taken although nothing is wrong with it. The sender should retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Busy {
    #[error("the memory budget for requests in flight is used up")]
    Memory,
    #[error("the journal cannot be written at present (disk full or failing)")]
    Disk,
    #[error("more was taken than the database has kept up with; it is catching up")]
    Behind,
    #[error("the server is shutting down")]
    Closing,
}

impl Busy {
    /// How long the sender should wait.
    pub fn retry_after(self) -> Duration {
        match self {
            Self::Memory | Self::Behind => Duration::from_secs(1),
            Self::Disk | Self::Closing => Duration::from_secs(5),
        }
    }
}

/// A request on its way to the journal.
pub(crate) struct Pending {
    pub(crate) encoding: Encoding,
    pub(crate) received_ns: i64,
    pub(crate) body: Bytes,
    pub(crate) request: Request,
    pub(crate) permit: Permit,
    /// Answered once the body is on disk.
    pub(crate) done: oneshot::Sender<Result<u64, Busy>>,
}

/// What the journal's thread is asked for.
pub(crate) enum Work {
    Request(Pending),
    /// To close the segment that is being written, so that it can be deleted once it is loaded.
    EndSegment,
}

/// Where receivers hand over requests. Clones feed the same journal; it closes when the last is gone.
#[derive(Clone)]
pub struct IngestHandle {
    queue: mpsc::UnboundedSender<Work>,
}

impl IngestHandle {
    /// The queue needs no bound of its own: every request in it holds a part of the memory budget.
    pub(crate) fn channel() -> (Self, mpsc::UnboundedReceiver<Work>) {
        let (queue, receiver) = mpsc::unbounded_channel();
        (Self { queue }, receiver)
    }

    /// The queue, for somebody who does not keep it open.
    pub(crate) fn downgrade(&self) -> mpsc::WeakUnboundedSender<Work> {
        self.queue.downgrade()
    }

    /// Hands over a decoded request with its verbatim, decompressed body, and waits until the body is
    /// on disk. Returns its journal position.
    ///
    /// The request is loaded even if the caller stops waiting.
    ///
    /// # Errors
    ///
    /// [`Busy`] when it is not on disk; it is then not loaded either.
    pub async fn submit(
        &self,
        encoding: Encoding,
        body: Bytes,
        request: Request,
        permit: Permit,
    ) -> Result<u64, Busy> {
        let (done, answer) = oneshot::channel();
        let pending = Pending {
            encoding,
            received_ns: unix_ns(),
            body,
            request,
            permit,
            done,
        };
        self.queue
            .send(Work::Request(pending))
            .map_err(|_| Busy::Closing)?;
        answer.await.unwrap_or(Err(Busy::Closing))
    }
}

/// Now, in Unix nanoseconds.
pub(crate) fn unix_ns() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_nanos()).ok())
        .unwrap_or(0)
}
