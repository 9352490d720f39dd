//! Why a request was not taken, and the one place that says how either protocol puts it.

use std::time::Duration;

use ::http::StatusCode;
use access::Denial;
use proto::Signal;
use tonic::Code;

use crate::ingest::Busy;

/// A request that is not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The body is not what it should be.
    Invalid(String),
    /// There is nothing at this path.
    UnknownRoute { path: String },
    /// OTLP is sent by POST.
    Method { method: String },
    /// A content type or compression that is not understood; the text says what is.
    Unsupported(String),
    /// The body exceeds the limit, before or after decompression.
    TooLarge { limit: usize },
    /// The body stopped arriving.
    Slow,
    /// A page in a browser that is not a local one.
    ForeignOrigin,
    /// The sender may not send.
    Denied(Denial),
    /// Nothing is wrong with the request: it should be sent again.
    Busy(Busy),
    /// A fault of ours.
    Internal,
}

/// Why requests were not taken, as counters name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    Invalid,
    UnknownRoute,
    Method,
    Unsupported,
    TooLarge,
    Slow,
    ForeignOrigin,
    Denied,
    Memory,
    Disk,
    Behind,
    Closing,
    Internal,
}

impl Reason {
    pub const ALL: [Self; 13] = [
        Self::Invalid,
        Self::UnknownRoute,
        Self::Method,
        Self::Unsupported,
        Self::TooLarge,
        Self::Slow,
        Self::ForeignOrigin,
        Self::Denied,
        Self::Memory,
        Self::Disk,
        Self::Behind,
        Self::Closing,
        Self::Internal,
    ];

    /// One lower-case word, or several with underscores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::UnknownRoute => "unknown_route",
            Self::Method => "method",
            Self::Unsupported => "unsupported",
            Self::TooLarge => "too_large",
            Self::Slow => "slow",
            Self::ForeignOrigin => "foreign_origin",
            Self::Denied => "denied",
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Behind => "behind",
            Self::Closing => "closing",
            Self::Internal => "internal",
        }
    }

    /// Nothing is wrong with the request: its sender was told to send it again.
    pub fn is_busy(self) -> bool {
        matches!(
            self,
            Self::Memory | Self::Disk | Self::Behind | Self::Closing
        )
    }
}

impl Refusal {
    pub(super) fn reason(&self) -> Reason {
        match self {
            Self::Invalid(_) => Reason::Invalid,
            Self::UnknownRoute { .. } => Reason::UnknownRoute,
            Self::Method { .. } => Reason::Method,
            Self::Unsupported(_) => Reason::Unsupported,
            Self::TooLarge { .. } => Reason::TooLarge,
            Self::Slow => Reason::Slow,
            Self::ForeignOrigin => Reason::ForeignOrigin,
            Self::Denied(_) => Reason::Denied,
            Self::Busy(Busy::Memory) => Reason::Memory,
            Self::Busy(Busy::Disk) => Reason::Disk,
            Self::Busy(Busy::Behind) => Reason::Behind,
            Self::Busy(Busy::Closing) => Reason::Closing,
            Self::Internal => Reason::Internal,
        }
    }

    pub(super) fn http_status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::UnknownRoute { .. } => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unsupported(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::ForeignOrigin | Self::Denied(Denial::NotAllowed { .. }) => StatusCode::FORBIDDEN,
            Self::Denied(Denial::TooManyFailures { .. }) => StatusCode::TOO_MANY_REQUESTS,
            Self::Denied(Denial::NoToken | Denial::UnknownToken) => StatusCode::UNAUTHORIZED,
            Self::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Only `UNAVAILABLE`, `DEADLINE_EXCEEDED`, and `RESOURCE_EXHAUSTED` that says when, make an OTLP client send again.
    pub(super) fn grpc_code(&self) -> Code {
        match self {
            Self::Invalid(_) => Code::InvalidArgument,
            Self::UnknownRoute { .. } | Self::Method { .. } | Self::Unsupported(_) => {
                Code::Unimplemented
            }
            Self::TooLarge { .. } => Code::ResourceExhausted,
            Self::Slow => Code::DeadlineExceeded,
            Self::ForeignOrigin | Self::Denied(Denial::NotAllowed { .. }) => Code::PermissionDenied,
            Self::Denied(Denial::TooManyFailures { .. }) => Code::ResourceExhausted,
            Self::Denied(Denial::NoToken | Denial::UnknownToken) => Code::Unauthenticated,
            Self::Busy(_) => Code::Unavailable,
            Self::Internal => Code::Internal,
        }
    }

    /// When to send again; `None` where that is of no use.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy(busy) => Some(busy.retry_after()),
            Self::Denied(denial) => denial.retry_after_seconds().map(Duration::from_secs),
            _ => None,
        }
    }

    /// What the sender is told.
    pub(super) fn message(&self) -> String {
        match self {
            Self::Invalid(reason) | Self::Unsupported(reason) => reason.clone(),
            Self::UnknownRoute { path } => {
                let path: String = path.chars().take(200).collect();
                let routes = Signal::ALL.map(|signal| format!("/v1/{signal}")).join(", ");
                format!(
                    "there is nothing at `{path}`: OTLP/HTTP is sent to {routes}; OTLP/gRPC to the \
                     Export method of TraceService, LogsService and MetricsService"
                )
            }
            Self::Method { method } => format!("OTLP is sent by POST, not {method}"),
            Self::TooLarge { limit } => format!(
                "the request exceeds the limit of {limit} bytes after decompression: send smaller \
                 batches, or raise the limit of the receiver"
            ),
            Self::Slow => "the request body stopped arriving".to_owned(),
            Self::ForeignOrigin => {
                "requests from web pages of other hosts are not accepted".to_owned()
            }
            Self::Denied(denial) => denial.message(),
            Self::Busy(busy) => format!("{busy}: send the request again later"),
            Self::Internal => "the request could not be processed".to_owned(),
        }
    }

    /// The answer to gRPC, and the source of the `google.rpc.Status` in HTTP bodies.
    pub(super) fn status(&self) -> tonic::Status {
        use tonic_types::{ErrorDetails, StatusExt};

        let details = match self.retry_after() {
            Some(delay) => ErrorDetails::with_retry_info(Some(delay)),
            None => ErrorDetails::new(),
        };
        tonic::Status::with_error_details(self.grpc_code(), self.message(), details)
    }
}
