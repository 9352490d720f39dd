//! Failures as the API tells them.

use std::cell::Cell;

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{HeaderValue, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::reach::beyond_limit;

/// What is said when a block of the database is not as it was written.
pub(crate) const DAMAGED: &str = "this lies in a damaged part of the database; the rest can be used: \
     `spanreel verify` names what is damaged, `spanreel restore` makes a data folder of a backup";

/// What waits a moment is let in: queries and requests take seconds at most, mostly milliseconds.
const RETRY_AFTER_SECONDS: &str = "1";

tokio::task_local! {
    /// Id of the request that the current task answers.
    pub(crate) static REQUEST_ID: Cell<u64>;
}

/// The id of the request at hand, as hex.
pub(crate) fn request_id() -> String {
    REQUEST_ID
        .try_with(Cell::get)
        .map_or_else(|_| String::new(), |id| format!("{id:016x}"))
}

/// The body of every refusal and failure.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"error": {
    "code": "session_not_found",
    "message": "there is no session `s1`; GET /api/v1/sessions lists them",
    "request_id": "19a1c25f4e5a8c01",
    "position": null
}}))]
pub(crate) struct ErrorBody {
    error: ErrorDetail,
}

#[derive(Debug, Serialize, ToSchema)]
struct ErrorDetail {
    /// For programs: `snake_case`, stable.
    code: &'static str,
    /// For people: what was wrong and what to do.
    message: String,
    /// To be quoted when asking for help; the log has it too.
    request_id: String,
    /// Characters of the SQL text before the place that the message is about.
    position: Option<usize>,
}

/// What a handler answers in place of a result.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    position: Option<usize>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            position: None,
        }
    }

    pub(crate) fn at(mut self, position: Option<usize>) -> Self {
        self.position = position;
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    pub(crate) fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// What was asked for lies in a damaged part of the database; the log has which.
    fn damaged(cause: &(dyn std::error::Error + 'static)) -> Self {
        Self::internal(cause).saying("damaged", DAMAGED)
    }

    fn saying(mut self, code: &'static str, message: &str) -> Self {
        self.code = code;
        message.clone_into(&mut self.message);
        self
    }

    /// As [`Self::internal`], of a cause in words.
    pub(crate) fn failed(cause: String) -> Self {
        Self::internal(&std::io::Error::other(cause))
    }

    /// Something of ours failed; the cause goes to the log, not to the client.
    pub(crate) fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        let mut chain = cause.to_string();
        let mut next = cause.source();
        while let Some(source) = next {
            chain.push_str(": ");
            chain.push_str(&source.to_string());
            next = source.source();
        }
        tracing::error!(request.id = request_id(), error = chain, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something went wrong in Spanreel; its log has the cause under this request id",
        )
    }
}

impl From<store::Error> for ApiError {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Closed => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "the store is closed or opening again; try again in a moment",
            ),
            store::Error::Damaged(_) => Self::damaged(&error),
            store::Error::Limited => beyond_limit(),
            error if error.is_damaged_block() => Self::damaged(&error),
            error => Self::internal(&error),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = ErrorBody {
            error: ErrorDetail {
                code: self.code,
                message: self.message,
                request_id: request_id(),
                position: self.position,
            },
        };
        let mut response = (self.status, Json(body)).into_response();
        if matches!(
            self.status,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
        ) {
            let headers = response.headers_mut();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        }
        response
    }
}
