//! Identity of records that have no id of their own.

use std::collections::HashMap;

use proto::Hashing;
use proto::id::{SpanId, TraceId};

/// Hashes fields with their ends marked, so that no two lists of fields read alike.
pub(super) struct Fingerprint(blake3::Hasher);

impl Fingerprint {
    /// Of what holds no texts, or ids alone.
    pub(super) fn new(kind: &str) -> Self {
        Self::of(kind, Hashing::default())
    }

    /// Of a record that holds texts.
    pub(super) fn of(kind: &str, hashing: Hashing) -> Self {
        Self(hashing.hasher()).text(kind)
    }

    pub(super) fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    pub(super) fn int(mut self, int: i64) -> Self {
        self.0.update(&int.to_le_bytes());
        self
    }

    pub(super) fn finish(self) -> [u8; 16] {
        let mut id = [0; 16];
        id.copy_from_slice(&self.0.finalize().as_bytes()[..16]);
        id
    }
}

/// Tells apart records of one request that are equal to the last byte. A request that is sent again
/// gives the same ids again.
#[derive(Default)]
pub(super) struct Repeats(HashMap<[u8; 16], i64>);

impl Repeats {
    pub(super) fn distinguish(&mut self, id: [u8; 16]) -> [u8; 16] {
        let count = self.0.entry(id).or_insert(0);
        *count += 1;
        if *count == 1 {
            id
        } else {
            Fingerprint::new("repeat").bytes(&id).int(*count).finish()
        }
    }
}

/// The trace that stands in for records of a session that carry none.
pub(crate) fn session_trace(session_id: &str) -> TraceId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"spanreel session trace");
    hasher.update(session_id.as_bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    TraceId(id)
}

/// The span id of the `n`th act that a log record reports.
pub(super) fn record_span(event_id: &[u8; 16], n: usize) -> SpanId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(event_id);
    if n > 0 {
        hasher.update(&(n as u64).to_le_bytes());
    }
    let mut id = [0; 8];
    id.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    SpanId(id)
}

/// The trace of a log record that names neither trace nor session.
pub(super) fn record_trace(event_id: &[u8; 16]) -> TraceId {
    TraceId(
        Fingerprint::new("spanreel record trace")
            .bytes(event_id)
            .finish(),
    )
}

/// OTLP times are unsigned; ours are signed and end in the year 2262.
pub(super) fn nanos(time: u64) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_records_of_one_request_differ_and_a_retry_repeats_them() {
        let ids = || {
            let mut repeats = Repeats::default();
            [(); 3].map(|()| repeats.distinguish([7; 16]))
        };
        let [first, second, third] = ids();
        assert!(first != second && second != third && first != third);
        assert_eq!(ids(), [first, second, third]);
    }
}
