//! OTLP over sockets: gRPC and HTTP, protobuf and JSON, compressed or not.
//!
//! Both listeners understand both protocols (what a request is shows in its content type), so a sender
//! that was pointed at the wrong one of the two ports works all the same. A request passes admission
//! before its body is read, is decompressed and decoded within its reservation, is written to the
//! journal, and only then answered.

pub mod admission;
mod body;
mod decompress;
mod grpc;
mod hook;
mod http;
mod project;
mod refusal;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::http::header;
use ::http::request::Parts;
use access::{Caller, Granted, Listener, Right};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use proto::{Decoded, Encoding, Rejected, Signal};
use tokio_util::sync::CancellationToken;

use crate::ingest::IngestHandle;
use crate::redact::Redactor;
use admission::{Budget, Permit};
use decompress::Compression;
pub use refusal::Reason;
use refusal::Refusal;

/// Bounds of the receivers.
#[derive(Debug, Clone)]
pub struct Config {
    /// Largest body, decompressed. OTLP recommends 64 MiB.
    pub max_body_bytes: usize,
    /// How long a request waits for a share of the memory budget before it is told to retry. Nothing
    /// of it is read meanwhile beyond what the socket buffers.
    pub admission_wait: Duration,
    /// How long the next piece of a body may take to arrive. A body as a whole may take this long and
    /// a second more per 64 KiB, so that nobody holds memory by trickling.
    pub body_timeout: Duration,
    /// How long a shutdown waits for requests that are being received.
    pub drain_timeout: Duration,
    /// Replaces secrets in what is received; `None` = nothing is looked at.
    pub redactor: Option<Arc<Redactor>>,
}

/// Counts since start, for status pages.
#[derive(Debug, Default)]
pub struct Counters {
    /// Requests answered with success.
    pub accepted_requests: AtomicU64,
    /// Decompressed bytes of those.
    pub accepted_bytes: AtomicU64,
    /// Records dropped from requests that were otherwise accepted.
    pub rejected_records: AtomicU64,
    refusals: [AtomicU64; Reason::ALL.len()],
}

impl Counters {
    /// Requests that were not taken for this reason.
    pub fn refused(&self, reason: Reason) -> u64 {
        self.refusals[reason as usize].load(Ordering::Relaxed)
    }
}

/// What every request handler shares.
pub(crate) struct Receiver {
    config: Config,
    budget: Budget,
    ingest: IngestHandle,
    counters: Arc<Counters>,
}

/// Receives OTLP on bound listeners until `shutdown` is cancelled: then stops accepting, finishes what
/// it has begun to receive, and returns. The handle to the journal is dropped with it.
pub async fn serve(
    listeners: Vec<Listener>,
    config: Config,
    budget: Budget,
    ingest: IngestHandle,
    counters: Arc<Counters>,
    shutdown: CancellationToken,
) {
    let drain_timeout = config.drain_timeout;
    let receiver = Arc::new(Receiver {
        config,
        budget,
        ingest,
        counters,
    });
    let router = axum::Router::new().fallback(handle).with_state(receiver);
    access::serve(listeners, router, drain_timeout, shutdown).await;
}

/// Answers one request of either protocol.
async fn handle(State(receiver): State<Arc<Receiver>>, request: Request) -> Response {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let is_grpc =
        content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"));
    if is_grpc {
        grpc::handle(&receiver, request).await
    } else if hook::is_hook(request.uri().path()) {
        hook::handle(&receiver, request).await
    } else {
        http::handle(&receiver, request).await
    }
}

/// Whether the sender of a request may send records, and for which project.
fn authorize(parts: &Parts) -> Result<Granted, Refusal> {
    // Nothing but a mistake of ours: every connection has a caller.
    let caller = parts.extensions.get::<Caller>().ok_or(Refusal::Internal)?;
    caller
        .check(&parts.headers, Right::Ingest)
        .map_err(Refusal::Denied)
}

/// A body as it came off the wire, within its reservation.
struct Received {
    signal: Signal,
    encoding: Encoding,
    compression: Compression,
    bytes: Bytes,
    permit: Permit,
    /// Of the sender.
    granted: Granted,
}

/// Bodies below this are decompressed and decoded where they arrive: handing them to another thread
/// costs more than they do.
const INLINE_BYTES: usize = 16 * 1024;

impl Receiver {
    /// Takes a body to disk. Returns what of it was dropped.
    async fn take(&self, received: Received) -> Result<Rejected, Refusal> {
        let limit = self.config.max_body_bytes;
        let redactor = self.config.redactor.clone();
        let understood = if received.bytes.len() < INLINE_BYTES
            && received.compression == Compression::Identity
        {
            understand(received, limit, redactor.as_deref())
        } else {
            tokio::task::spawn_blocking(move || understand(received, limit, redactor.as_deref()))
                .await
                .unwrap_or(Err(Refusal::Internal))
        };
        let (encoding, body, decoded, permit) = understood?;
        let size_bytes = body.len() as u64;
        let Decoded { request, rejected } = decoded;
        self.ingest
            .submit(encoding, body, request, permit)
            .await
            .map_err(Refusal::Busy)?;
        let counters = &self.counters;
        counters.accepted_requests.fetch_add(1, Ordering::Relaxed);
        counters
            .accepted_bytes
            .fetch_add(size_bytes, Ordering::Relaxed);
        counters
            .rejected_records
            .fetch_add(rejected.count, Ordering::Relaxed);
        Ok(rejected)
    }

    fn count(&self, refusal: &Refusal) {
        let counter = &self.counters.refusals[refusal.reason() as usize];
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn body_reader(&self, body: Body) -> body::BodyReader {
        body::BodyReader::new(body, self.budget.permit(), &self.config)
    }
}

type Understood = (Encoding, Bytes, Decoded<proto::Request>, Permit);

/// Decompresses, decodes and redacts; CPU work.
fn understand(
    received: Received,
    limit: usize,
    redactor: Option<&Redactor>,
) -> Result<Understood, Refusal> {
    let Received {
        signal,
        encoding,
        compression,
        bytes,
        mut permit,
        granted,
    } = received;
    let body = decompress::decompress(compression, bytes, limit, &mut permit)?;
    // Until it is loaded, the decoded request is in memory beside the body that the journal writes.
    let needed = body.len().saturating_mul(2);
    if !permit.try_grow_to(needed) {
        return Err(Refusal::Busy(crate::ingest::Busy::Memory));
    }
    permit.shrink_to(needed);
    let mut decoded = proto::decode(signal, encoding, &body)
        .map_err(|error| Refusal::Invalid(error.to_string()))?;
    let mut has_changed = redactor.is_some_and(|redactor| {
        redactor.redact(&mut decoded.request) || !is_all_of(&decoded, encoding, &body)
    });
    if let Some(projects) = &granted.projects {
        // A token that sends is limited to one.
        let [project] = &**projects else {
            return Err(Refusal::Internal);
        };
        project::claim(&mut decoded.request, project);
        has_changed = true;
    }
    if has_changed {
        // The journal gets what was looked at, and nothing else of the body.
        drop(body);
        let body = Bytes::from(decoded.request.encode());
        return Ok((Encoding::Protobuf, body, decoded, permit));
    }
    Ok((encoding, body, decoded, permit))
}

/// Whether a body holds nothing beside the decoded request: no field that is not known, and no record
/// that was rejected. Such things are longer than nothing, and shorter forms of what is known do not
/// exist in protobuf; a body in JSON has room for anything.
fn is_all_of(decoded: &Decoded<proto::Request>, encoding: Encoding, body: &Bytes) -> bool {
    encoding == Encoding::Protobuf
        && decoded.rejected.count == 0
        && decoded.request.encoded_len() == body.len()
}
