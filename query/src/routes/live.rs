//! `/live`: what happens, as it happens.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::live::{Message, for_limited, resync};
use crate::reach::Reading;

/// Messages that are looked into together, for a client that may not see all.
const AT_ONCE: usize = 256;

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
        let mut messages = match receiver.recv().await {
            Ok(message) => vec![message],
            Err(RecvError::Lagged(_)) => return Some((vec![event(&resync())], None)),
            Err(RecvError::Closed) => return None,
        };
        let mut is_behind = false;
        if state.store.projects().is_some() {
            // What came meanwhile is looked into by one question.
            while messages.len() < AT_ONCE && !is_behind {
                match receiver.try_recv() {
                    Ok(message) => messages.push(message),
                    Err(TryRecvError::Lagged(_)) => is_behind = true,
                    Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                }
            }
            messages = for_limited(&state, &messages).await;
        }
        let mut events: Vec<Event> = messages.iter().map(|message| event(message)).collect();
        if is_behind {
            events.push(event(&resync()));
            return Some((events, None));
        }
        Some((events, Some((receiver, state))))
    });
    let news = news.flat_map(stream::iter);
    let stream = stream::once(async { hello })
        .chain(news)
        .map(Ok)
        .take_until(shutdown.cancelled_owned());
    Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}

fn event(message: &Message) -> Event {
    Event::default().event(message.event).data(&message.data)
}
