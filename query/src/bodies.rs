//! Request bodies: never forever, and small ones are there before their request takes a place among
//! those that are answered.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use futures_util::{StreamExt as _, stream};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, Sleep};

use crate::error::ApiError;

/// How long the next piece of a body may take, and the first 64 KiB together.
const PATIENCE: Duration = Duration::from_secs(30);
/// The slowest that a body may be on the whole beyond that.
const SLOWEST_BYTES_PER_SECOND: u64 = 64 << 10;
/// Bodies up to this size are read before their request is counted.
const SMALL_BYTES: usize = 64 << 10;

/// A request, and whether its body is there.
pub(crate) enum Taken {
    /// With all of its body.
    Whole(Request),
    /// With a body of which more is to come.
    Flowing(Request),
}

/// Reads a small body; a large one, or one of gRPC, is left to whoever answers the request.
pub(crate) async fn take(request: Request) -> Result<Taken, ApiError> {
    if request.body().is_end_stream() {
        return Ok(Taken::Whole(request));
    }
    let (parts, body) = request.into_parts();
    let mut body = Paced::new(body, PATIENCE);
    let content_type = parts.headers.get(CONTENT_TYPE);
    if content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc")) {
        return Ok(Taken::Flowing(Request::from_parts(parts, Body::new(body))));
    }
    let mut start = Vec::new();
    while start.len() <= SMALL_BYTES {
        match body.frame().await {
            None => return Ok(Taken::Whole(Request::from_parts(parts, Body::from(start)))),
            Some(Ok(frame)) => start.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Some(Err(error)) => return Err(broken(&*error)),
        }
    }
    let start = stream::iter([Ok(Bytes::from(start))]);
    let body = Body::from_stream(start.chain(Body::new(body).into_data_stream()));
    Ok(Taken::Flowing(Request::from_parts(parts, body)))
}

/// What to answer when a body could not be read to its end.
pub(crate) fn broken(error: &(dyn std::error::Error + 'static)) -> ApiError {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<TooSlow>() {
            return ApiError::new(
                StatusCode::REQUEST_TIMEOUT,
                "body_timeout",
                "the body of the request did not arrive in time",
            );
        }
        cause = error.source();
    }
    ApiError::new(
        StatusCode::BAD_REQUEST,
        "bad_body",
        "the body of the request broke off",
    )
}

/// Why a body ends early.
#[derive(Debug, thiserror::Error)]
#[error("the body did not arrive in time")]
struct TooSlow;

/// A body that fails when it does not arrive in time.
struct Paced {
    body: Body,
    patience: Duration,
    started: Instant,
    received_bytes: u64,
    deadline: Pin<Box<Sleep>>,
}

impl Paced {
    fn new(body: Body, patience: Duration) -> Self {
        Self {
            body,
            patience,
            started: Instant::now(),
            received_bytes: 0,
            deadline: Box::pin(tokio::time::sleep(patience)),
        }
    }

    fn received(&mut self, bytes: usize) {
        self.received_bytes += bytes as u64;
        let earned = Duration::from_secs(self.received_bytes / SLOWEST_BYTES_PER_SECOND);
        let longest = self.started + self.patience + earned;
        let deadline = (Instant::now() + self.patience).min(longest);
        self.deadline.as_mut().reset(deadline);
    }
}

impl http_body::Body for Paced {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                self.received(frame.data_ref().map_or(0, Bytes::len));
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => match self.deadline.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(Some(Err(TooSlow.into()))),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_trickle_is_cut_off() {
        let ticks = tokio::time::interval(Duration::from_millis(10));
        let trickle = Body::from_stream(stream::unfold(ticks, async |mut ticks| {
            ticks.tick().await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b"x")), ticks))
        }));
        let paced = Paced::new(trickle, Duration::from_millis(100));
        let error = paced.collect().await.expect_err("it never ends");
        let error = broken(&*error);
        assert_eq!(
            (error.status().as_u16(), error.code()),
            (408, "body_timeout")
        );
    }

    #[tokio::test]
    async fn what_is_large_flows_on_whole() {
        let large = vec![7; 3 * SMALL_BYTES];
        let pieces: Vec<_> = large
            .chunks(1000)
            .map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece)))
            .collect();
        let body = Body::from_stream(stream::iter(pieces));
        let Ok(Taken::Flowing(request)) = take(Request::new(body)).await else {
            panic!("not as it should be");
        };
        let read = request
            .into_body()
            .collect()
            .await
            .map(|body| body.to_bytes());
        assert_eq!(read.unwrap_or_default(), large);
    }
}
