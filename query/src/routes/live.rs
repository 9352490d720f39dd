//! `/live`: what happens, as it happens.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::broadcast::error::RecvError;

use crate::live::{Message, for_limited, resync};
use crate::reach::Reading;

/// Server-sent events: `hello`, `commit`, `session` (a SessionRow), `finding` (a Finding).
///
/// A client that falls too far behind gets a `commit` with `"resync": true`, after which the stream
/// ends; its next connection starts afresh.
#[utoipa::path(get, path = "/live", tag = "live",
    responses((status = 200, content_type = "text/event-stream", body = String)))]
pub(crate) async fn live(
    Reading(state): Reading,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let receiver = state.live.subscribe();
    let hello = event(&Message::for_everybody(
        "hello",
        &serde_json::json!({ "version": env!("CARGO_PKG_VERSION") }),
    ));
    let shutdown = state.shutdown.clone();
    let news = stream::unfold(Some((receiver, state)), |place| async move {
        let (mut receiver, state) = place?;
        loop {
            let message = match receiver.recv().await {
                Ok(message) => message,
                Err(RecvError::Lagged(_)) => return Some((event(&resync()), None)),
                Err(RecvError::Closed) => return None,
            };
            if state.store.projects().is_none() {
                return Some((event(&message), Some((receiver, state))));
            }
            if let Some(message) = for_limited(&state, &message).await {
                return Some((event(&message), Some((receiver, state))));
            }
        }
    });
    let stream = stream::once(async { hello })
        .chain(news)
        .map(Ok)
        .take_until(shutdown.cancelled_owned());
    Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}

fn event(message: &Message) -> Event {
    Event::default().event(message.event).data(&message.data)
}
