//! Reading request bodies: never more than is reserved, never forever.

use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use super::Config;
use super::admission::Permit;
use super::refusal::Refusal;
use crate::ingest::Busy;

/// What is reserved before the first byte is read, when a body's length is not known or is large; the
/// rest is reserved as it comes, so that a slow sender holds no more than it has sent.
const FIRST_RESERVATION: usize = 1 << 20;
const UNKNOWN_LENGTH_RESERVATION: usize = 64 * 1024;

/// The slowest that a body may be on the whole, beyond the timeout that every piece has.
const SLOWEST_BYTES_PER_SECOND: usize = 64 * 1024;

/// How long and how much of a refused body is read and thrown away, so that a sender that writes all
/// before it reads gets to see its answer instead of a reset connection.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);
const DISCARD_BYTES: usize = 1 << 30;

/// Reads one body into one buffer.
pub(super) struct BodyReader {
    body: Body,
    buffer: BytesMut,
    permit: Permit,
    max_body_bytes: usize,
    admission_wait: Duration,
    timeout: Duration,
    started: Instant,
    ended: bool,
}

impl BodyReader {
    pub(super) fn new(body: Body, permit: Permit, config: &Config) -> Self {
        Self {
            body,
            buffer: BytesMut::new(),
            permit,
            max_body_bytes: config.max_body_bytes,
            admission_wait: config.admission_wait,
            timeout: config.body_timeout,
            started: Instant::now(),
            ended: false,
        }
    }

    /// Reads the body to its end. `length` is what the sender says of it.
    pub(super) async fn read_all(&mut self, length: Option<u64>) -> Result<(), Refusal> {
        let length = length.map(|length| usize::try_from(length).unwrap_or(usize::MAX));
        self.check_len(length.unwrap_or(0))?;
        let first = length.map_or(UNKNOWN_LENGTH_RESERVATION, |length| {
            length.min(FIRST_RESERVATION)
        });
        self.reserve(first).await?;
        self.buffer.reserve(first);
        while let Some(data) = self.next().await? {
            self.keep(&data, self.max_body_bytes).await?;
        }
        Ok(())
    }

    /// Reads on until the buffer holds `len` bytes. False when the body ends before.
    pub(super) async fn read_to(&mut self, len: usize) -> Result<bool, Refusal> {
        if self.buffer.len() >= len {
            return Ok(true);
        }
        let first = len.min(FIRST_RESERVATION);
        self.reserve(first).await?;
        self.buffer.reserve(first.saturating_sub(self.buffer.len()));
        while self.buffer.len() < len {
            let Some(data) = self.next().await? else {
                return Ok(false);
            };
            // One frame may reach beyond the end that was asked for.
            self.keep(&data, len.saturating_add(data.len())).await?;
        }
        Ok(true)
    }

    /// Reads on to the end of the body, which must hold no more data. False when it does.
    pub(super) async fn read_end(&mut self) -> Result<bool, Refusal> {
        while let Some(data) = self.next().await? {
            if !data.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Refuses a length that is known to be too large before anything is read.
    pub(super) fn check_len(&self, len: usize) -> Result<(), Refusal> {
        if len > self.max_body_bytes {
            return Err(self.too_large());
        }
        Ok(())
    }

    /// What has been read and not yet taken.
    pub(super) fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The bytes and their reservation.
    pub(super) fn finish(self) -> (Bytes, Permit) {
        (self.buffer.freeze(), self.permit)
    }

    /// Reads what is left and throws it away, within bounds.
    pub(super) async fn discard(mut self) {
        self.buffer = BytesMut::new();
        self.permit.shrink_to(0);
        let discard = async {
            let mut bytes = 0;
            while bytes < DISCARD_BYTES {
                match self.body.frame().await {
                    Some(Ok(frame)) => bytes += frame.data_ref().map_or(0, Bytes::len),
                    _ => break,
                }
            }
        };
        if !self.ended {
            let _ = tokio::time::timeout(DISCARD_TIMEOUT, discard).await;
        }
    }

    async fn keep(&mut self, data: &[u8], limit: usize) -> Result<(), Refusal> {
        let len = self.buffer.len() + data.len();
        if len > limit {
            return Err(self.too_large());
        }
        if len > self.buffer.capacity() {
            let capacity = (len * 2).min(limit);
            self.reserve(capacity).await?;
            self.buffer.reserve(capacity - self.buffer.len());
        }
        self.buffer.extend_from_slice(data);
        Ok(())
    }

    async fn reserve(&mut self, bytes: usize) -> Result<(), Refusal> {
        if self.permit.grow_to(bytes, self.admission_wait).await {
            Ok(())
        } else {
            Err(Refusal::Busy(Busy::Memory))
        }
    }

    /// The next piece; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        let earned = self.buffer.len() / SLOWEST_BYTES_PER_SECOND;
        let allowed = self.timeout + Duration::from_secs(earned as u64);
        loop {
            let left = allowed.saturating_sub(self.started.elapsed());
            let frame = tokio::time::timeout(left.min(self.timeout), self.body.frame())
                .await
                .map_err(|_| Refusal::Slow)?;
            match frame {
                None => {
                    self.ended = true;
                    return Ok(None);
                }
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
                // The sender has gone or broke the protocol: nobody is there to read the answer.
                Some(Err(error)) => {
                    self.ended = true;
                    return Err(Refusal::Invalid(format!("the body broke off: {error}")));
                }
            }
        }
    }

    fn too_large(&self) -> Refusal {
        Refusal::TooLarge {
            limit: self.max_body_bytes,
        }
    }
}
