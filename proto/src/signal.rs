//! What an OTLP request is: its signal, its encoding, and the decoded message of either.

use std::fmt;

use prost::Message as _;

use crate::otlp::collector::logs::v1::ExportLogsServiceRequest;
use crate::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
use crate::otlp::collector::trace::v1::ExportTraceServiceRequest;

/// The three kinds of telemetry that OTLP carries here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    Traces,
    Logs,
    Metrics,
}

impl Signal {
    /// Every signal, in the order of its [`Signal::code`].
    pub const ALL: [Self; 3] = [Self::Traces, Self::Logs, Self::Metrics];

    /// The number that stands for the signal on disk. Never changes.
    pub fn code(self) -> u8 {
        match self {
            Self::Traces => 1,
            Self::Logs => 2,
            Self::Metrics => 3,
        }
    }

    /// The signal of a number from disk.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| signal.code() == code)
    }

    /// The last word of the OTLP/HTTP path.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
        }
    }

    /// What one rejected record of the signal is called in an answer to the sender.
    pub fn record_noun(self) -> &'static str {
        match self {
            Self::Traces => "spans",
            Self::Logs => "log records",
            Self::Metrics => "data points",
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How the body of an OTLP request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    Protobuf,
    Json,
}

impl Encoding {
    /// The number that stands for the encoding on disk. Never changes.
    pub fn code(self) -> u8 {
        match self {
            Self::Protobuf => 1,
            Self::Json => 2,
        }
    }

    /// The encoding of a number from disk.
    pub fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Protobuf),
            2 => Some(Self::Json),
            _ => None,
        }
    }

    /// The media type that OTLP/HTTP uses for it.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// A decoded export request of any signal.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    Traces(ExportTraceServiceRequest),
    Logs(ExportLogsServiceRequest),
    Metrics(ExportMetricsServiceRequest),
}

impl Request {
    /// The signal that the request carries.
    pub fn signal(&self) -> Signal {
        match self {
            Self::Traces(_) => Signal::Traces,
            Self::Logs(_) => Signal::Logs,
            Self::Metrics(_) => Signal::Metrics,
        }
    }

    /// Length of [`Self::encode`]'s result.
    pub fn encoded_len(&self) -> usize {
        match self {
            Self::Traces(request) => request.encoded_len(),
            Self::Logs(request) => request.encoded_len(),
            Self::Metrics(request) => request.encoded_len(),
        }
    }

    /// The request in protobuf.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Traces(request) => request.encode_to_vec(),
            Self::Logs(request) => request.encode_to_vec(),
            Self::Metrics(request) => request.encode_to_vec(),
        }
    }
}

/// Records that a batch lost because they cannot be stored; the rest of the batch is kept.
///
/// It becomes the `partial_success` of the answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rejected {
    /// How many records were dropped.
    pub count: u64,
    /// Why the first of them was dropped; empty when none was.
    pub reason: String,
}

impl Rejected {
    /// Counts one record; the first reason is the one that is told.
    pub fn add(&mut self, reason: impl FnOnce() -> String) {
        if self.count == 0 {
            self.reason = reason();
        }
        self.count += 1;
    }
}

/// A decoded request and what it lost.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded<T> {
    pub request: T,
    pub rejected: Rejected,
}

impl<T> Decoded<T> {
    pub(crate) fn map<U>(self, f: impl FnOnce(T) -> U) -> Decoded<U> {
        Decoded {
            request: f(self.request),
            rejected: self.rejected,
        }
    }
}
