//! Handing fires to a recorder over OTLP/HTTP.

use std::io;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use reqwest::{Client, ClientBuilder, StatusCode};

use super::spool::{Spool, Waiting};

/// Waiting fires are sent together up to this size; requests of protobuf are joined by writing one
/// behind the other.
const BATCH_BYTES: u64 = 4 << 20;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// The recorder has it on disk.
    Taken,
    /// Nobody answers, not in time, or too busy: it may be sent again.
    Later,
    /// The recorder will never take it.
    Refused,
}

/// A recorder.
pub struct Recorder {
    client: Client,
    url: String,
}

impl Recorder {
    /// The recorder at `endpoint` (`host:port` or a URL without a path), which gets `timeout` for each
    /// answer and is shown what `client` shows.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn at(endpoint: &str, client: ClientBuilder, timeout: Duration) -> anyhow::Result<Self> {
        let base = endpoint.trim_end_matches('/');
        let scheme = if base.contains("://") { "" } else { "http://" };
        let client = client
            .no_proxy()
            .timeout(timeout)
            .build()
            .context("cannot make an HTTP client")?;
        Ok(Self {
            client,
            url: format!("{scheme}{base}/v1/logs"),
        })
    }

    /// Sends one request, encoded as protobuf.
    pub async fn send(&self, request: Vec<u8>) -> Sent {
        let answer = self
            .client
            .post(&self.url)
            .header("content-type", "application/x-protobuf")
            .body(request)
            .send()
            .await;
        match answer.map(|answer| answer.status()) {
            Ok(status) if status.is_success() => Sent::Taken,
            Ok(StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE) => Sent::Refused,
            Ok(_) | Err(_) => Sent::Later,
        }
    }

    /// Delivers what waits, oldest first, until all is delivered, the recorder takes no more, or
    /// `until` is reached. Returns how many fires were delivered.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub async fn deliver(&self, spool: &Spool, until: Option<Instant>) -> io::Result<usize> {
        let waiting = spool.waiting()?;
        let mut delivered = 0;
        for batch in batches(&waiting) {
            if until.is_some_and(|until| Instant::now() >= until) {
                break;
            }
            match self.send_files(spool, batch).await? {
                Sent::Taken => {
                    batch.iter().for_each(|file| spool.remove(file));
                    delivered += batch.len();
                }
                Sent::Later => break,
                Sent::Refused => delivered += self.one_by_one(spool, batch).await?,
            }
        }
        Ok(delivered)
    }

    /// One bad file does not hold up its neighbours.
    async fn one_by_one(&self, spool: &Spool, files: &[Waiting]) -> io::Result<usize> {
        let mut delivered = 0;
        for file in files {
            match self.send_files(spool, std::slice::from_ref(file)).await? {
                Sent::Taken => {
                    spool.remove(file);
                    delivered += 1;
                }
                Sent::Refused => spool.put_aside(file),
                Sent::Later => break,
            }
        }
        Ok(delivered)
    }

    async fn send_files(&self, spool: &Spool, files: &[Waiting]) -> io::Result<Sent> {
        let mut request = Vec::new();
        for file in files {
            request.extend(spool.read(file)?.unwrap_or_default());
        }
        Ok(if request.is_empty() {
            Sent::Taken
        } else {
            self.send(request).await
        })
    }
}

/// Cuts the list where the next file would make a batch too large.
fn batches(waiting: &[Waiting]) -> Vec<&[Waiting]> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, file) in waiting.iter().enumerate() {
        if at > start && bytes + file.size_bytes > BATCH_BYTES {
            batches.push(&waiting[start..at]);
            (start, bytes) = (at, 0);
        }
        bytes += file.size_bytes;
    }
    if start < waiting.len() {
        batches.push(&waiting[start..]);
    }
    batches
}
