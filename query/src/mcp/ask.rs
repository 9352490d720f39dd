//! Questions to the HTTP API, and who answers them.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;

use access::{Caller, Granted};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::Request;
use axum::http::header::{CONTENT_RANGE, CONTENT_TYPE, HOST, RANGE};
use serde_json::Value as Json;
use tower::ServiceExt as _;

use super::answer::Refused;

/// An answer beyond this size is not taken.
const MAX_ANSWER_BYTES: usize = 256 << 20;

/// One request to the API.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// Behind `/api/v1`, with the query string.
    pub path: String,
    /// Of a POST; a question without one is a GET.
    pub body: Option<Json>,
    /// Bytes that are wanted of the answer.
    pub range: Option<Range<u64>>,
}

impl Question {
    /// The `Range` header, where a part is wanted.
    pub fn range_header(&self) -> Option<String> {
        let range = self.range.as_ref()?;
        Some(format!(
            "bytes={}-{}",
            range.start,
            range.end.saturating_sub(1)
        ))
    }
}

/// What the API answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `bytes a-b/size` of a part, or `bytes */size` where the part lies outside.
    pub content_range: Option<String>,
    pub body: Bytes,
}

/// The future of an answer; an error says in words why there is none.
pub type Asking<'a> = Pin<Box<dyn Future<Output = Result<Answer, String>> + Send + 'a>>;

/// Something that answers questions to the API: the server itself, or a client of one.
pub trait Ask: Send + Sync + 'static {
    /// Asks one question.
    fn ask(&self, question: Question) -> Asking<'_>;
}

/// Asks the site in this process, for a client that was let in to read: nothing is asked but by GET and
/// by the POSTs that read.
pub(super) struct InProcess {
    pub(super) site: Router,
    /// What the client was granted.
    pub(super) granted: Granted,
}

impl Ask for InProcess {
    fn ask(&self, question: Question) -> Asking<'_> {
        Box::pin(async move {
            let mut request = Request::builder()
                .uri(format!("/api/v1{}", question.path))
                .header(HOST, "localhost")
                .extension(Caller::ourselves(&self.granted));
            if let Some(range) = question.range_header() {
                request = request.header(RANGE, range);
            }
            let request = match question.body {
                Some(body) => request
                    .method("POST")
                    .header(CONTENT_TYPE, "application/json")
                    .body(Body::from(body.to_string())),
                None => request.body(Body::empty()),
            };
            let request = request.map_err(|error| format!("no address of the API: {error}"))?;
            let response = match self.site.clone().oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            let status = response.status().as_u16();
            let content_range = response
                .headers()
                .get(CONTENT_RANGE)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned);
            let body = to_bytes(response.into_body(), MAX_ANSWER_BYTES)
                .await
                .map_err(|error| format!("the answer breaks off: {error}"))?;
            Ok(Answer {
                status,
                content_range,
                body,
            })
        })
    }
}

impl super::Mcp {
    /// Asks, and takes only an answer that is a success; the API's own words are the refusal's.
    pub(super) async fn answer(&self, question: Question) -> Result<Answer, Refused> {
        let answer = self.ask.ask(question).await.map_err(Refused)?;
        if (200..300).contains(&answer.status) {
            return Ok(answer);
        }
        let body: Json = serde_json::from_slice(&answer.body).unwrap_or_default();
        let message = body["error"]["message"].as_str();
        Err(Refused(message.map_or_else(
            || format!("the server answered with status {}", answer.status),
            str::to_owned,
        )))
    }

    /// The JSON that a path of the API answers.
    pub(super) async fn get<T: serde::de::DeserializeOwned>(
        &self,
        path: String,
    ) -> Result<T, Refused> {
        self.json(Question {
            path,
            ..Question::default()
        })
        .await
    }

    /// The JSON that answers a question.
    pub(super) async fn json<T: serde::de::DeserializeOwned>(
        &self,
        question: Question,
    ) -> Result<T, Refused> {
        let answer = self.answer(question).await?;
        serde_json::from_slice(&answer.body)
            .map_err(|error| Refused(format!("the server's answer is of another kind: {error}")))
    }

    /// The text that a path of the API answers.
    pub(super) async fn text(&self, path: String) -> Result<String, Refused> {
        let question = Question {
            path,
            ..Question::default()
        };
        let answer = self.answer(question).await?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }
}
