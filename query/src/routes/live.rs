//! `/live`: what happens, as it happens.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::broadcast::error::RecvError;

use crate::live::{Message, resync};
use crate::state::AppState;

/// Server-sent events: `hello`, `commit`, `session` (a SessionRow), `finding` (a Finding).
///
/// A client that falls too far behind gets a `commit` with `"resync": true`, after which the stream
/// ends; its next connection starts afresh.
#[utoipa::path(get, path = "/live", tag = "live",
    responses((status = 200, content_type = "text/event-stream", body = String)))]
pub(crate) async fn live(
    State(state): State<AppState>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let receiver = state.live.subscribe();
    let hello = event(&Message::new(
        "hello",
        &serde_json::json!({ "version": env!("CARGO_PKG_VERSION") }),
    ));
    let news = stream::unfold(Some(receiver), |receiver| async move {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Ok(message) => Some((event(&message), Some(receiver))),
            Err(RecvError::Lagged(_)) => Some((event(&resync()), None)),
            Err(RecvError::Closed) => None,
        }
    });
    let stream = stream::once(async { hello })
        .chain(news)
        .map(Ok)
        .take_until(state.shutdown.clone().cancelled_owned());
    Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}

fn event(message: &Message) -> Event {
    Event::default().event(message.event).data(&message.data)
}
