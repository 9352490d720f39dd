//! The live stream and the findings, as spans arrive.

use std::time::{Duration, Instant, SystemTime};

use futures_util::{Stream, StreamExt};
use serde_json::Value as Json;
use store::{Batch, SILENT_NS, SessionRow};

use crate::fixture::{Server, demo, repeated_call, session, trace};

/// Now, Unix ns.
fn now_ns() -> i64 {
    let since_epoch = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    i64::try_from(since_epoch.as_nanos()).unwrap()
}

/// `session`, of which the last act was so long ago (ns).
fn silent_for(mut session: SessionRow, silent_ns: i64) -> SessionRow {
    session.last_ns = now_ns() - silent_ns;
    session
}

/// The events of a stream, in order.
struct Events<S> {
    bytes: S,
    text: String,
}

impl<B: AsRef<[u8]>, S: Stream<Item = reqwest::Result<B>> + Unpin> Events<S> {
    async fn next(&mut self) -> Option<(String, Json)> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| {
                    block
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .map(str::to_owned)
                };
                if let (Some(event), Some(data)) = (field("event: "), field("data: ")) {
                    return Some((event, serde_json::from_str(&data).unwrap()));
                }
                continue;
            }
            let bytes = self.bytes.next().await?.ok()?;
            self.text
                .push_str(std::str::from_utf8(bytes.as_ref()).unwrap());
        }
    }

    async fn until(&mut self, event: &str, wanted: impl Fn(&Json) -> bool) -> Json {
        let search = async {
            while let Some((name, data)) = self.next().await {
                if name == event && wanted(&data) {
                    return data;
                }
            }
            panic!("the stream ended before {event}");
        };
        tokio::time::timeout(Duration::from_secs(5), search)
            .await
            .unwrap()
    }
}

macro_rules! watch {
    ($server:expr) => {
        Events {
            bytes: $server.get("/api/v1/live").await.bytes_stream(),
            text: String::new(),
        }
    };
}

#[tokio::test]
async fn a_session_and_its_loop_appear_as_they_happen() {
    let mut server = Server::start().await;
    let mut events = watch!(server);
    events
        .until("hello", |hello| hello["version"].is_string())
        .await;
    let acts = (1..=2)
        .map(|n| repeated_call(&mut server.writer, n, "s1"))
        .collect();
    server.commit(Batch {
        new_acts: acts,
        sessions: vec![session("s1")],
        traces: vec![trace("s1")],
        ..Batch::default()
    });
    let commit = events.until("commit", |_| true).await;
    assert_eq!(
        (&commit["session_ids"][0], &commit["span_count"]),
        (&"s1".into(), &2.into())
    );
    let row = events
        .until("session", |row| row["session_id"] == "s1")
        .await;
    assert_eq!(row["title"], "Title of s1");

    let third = repeated_call(&mut server.writer, 3, "s1");
    let completed = Instant::now();
    server.commit(Batch {
        new_acts: vec![third],
        sessions: vec![session("s1")],
        ..Batch::default()
    });
    let is_loop = |finding: &Json| finding["kind"] == "loop";
    let finding = events.until("finding", is_loop).await;
    assert!(
        completed.elapsed() < Duration::from_secs(1),
        "{:?}",
        completed.elapsed()
    );
    assert_eq!(finding["repeat_count"], 3);
    assert_eq!(
        (&finding["kind"], &finding["confidence"]),
        (&"loop".into(), &"likely".into())
    );
    // The fixture's times are long past: it has fallen silent, too.
    let row = events
        .until("session", |row| row["finding_count"] == 2)
        .await;
    assert_eq!(row["finding_kinds"], serde_json::json!(["loop", "stall"]));

    // It grows in place, also over a restart.
    let fourth = repeated_call(&mut server.writer, 4, "s1");
    server.commit(Batch {
        new_acts: vec![fourth],
        sessions: vec![silent_for(session("s1"), 0)],
        ..Batch::default()
    });
    let grown = events
        .until("finding", |finding| finding["repeat_count"] == 4)
        .await;
    assert_eq!(grown["finding_id"], finding["finding_id"]);
    assert_eq!(grown["detected_at"], finding["detected_at"]);
    assert_eq!(grown["open"], true);
    let mut server = server.restart().await;
    let fifth = repeated_call(&mut server.writer, 5, "s1");
    let mut ended = session("s1");
    ended.ended = true;
    ended.status = "error";
    server.commit(Batch {
        new_acts: vec![fifth],
        sessions: vec![ended],
        ..Batch::default()
    });
    let list = server
        .eventually("/api/v1/findings?kind=loop", |list| {
            list["findings"][0]["repeat_count"] == 5
        })
        .await;
    assert_eq!(list["findings"].as_array().unwrap().len(), 1);
    assert_eq!(list["findings"][0]["open"], false);
    assert_eq!(list["findings"][0]["finding_id"], finding["finding_id"]);
    server.stop().await;
}

/// A loop of a session whose last act was so long ago (ns), and that has nothing left to do.
async fn loop_of_a_silent_session(server: &mut Server, silent_ns: i64) {
    let acts = (1..=3)
        .map(|n| repeated_call(&mut server.writer, n, "s1"))
        .collect();
    let session = SessionRow {
        silent_status: "ok",
        ..silent_for(session("s1"), silent_ns)
    };
    server.commit(Batch {
        new_acts: acts,
        sessions: vec![session],
        traces: vec![trace("s1")],
        ..Batch::default()
    });
}

/// Waits until the loop is open, or is not any more.
async fn until_open_is(server: &Server, open: bool) {
    let path = "/api/v1/findings?kind=loop";
    server
        .eventually(path, |list| list["findings"][0]["open"] == open)
        .await;
}

#[tokio::test]
async fn nothing_of_a_session_that_was_silent_when_it_came_is_still_going_on() {
    let mut server = Server::start().await;
    loop_of_a_silent_session(&mut server, SILENT_NS + 1_000_000_000).await;
    until_open_is(&server, false).await;
    server.stop().await;
}

#[tokio::test]
async fn a_loop_ends_with_a_session_that_falls_silent() {
    let mut server = Server::start().await;
    loop_of_a_silent_session(&mut server, SILENT_NS - 3_000_000_000).await;
    until_open_is(&server, true).await;
    // Nothing comes, and sessions are asked for silence every ten seconds.
    tokio::time::sleep(Duration::from_secs(13)).await;
    until_open_is(&server, false).await;
    let list = server.json("/api/v1/sessions").await;
    assert_eq!(list["sessions"][0]["status"], "ok");
    server.stop().await;
}

#[tokio::test]
async fn a_loop_ends_with_a_session_that_fell_silent_while_nobody_looked() {
    let mut server = Server::start().await;
    loop_of_a_silent_session(&mut server, SILENT_NS - 2_000_000_000).await;
    until_open_is(&server, true).await;
    let folder = server.stop().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let server = Server::start_in(folder).await;
    until_open_is(&server, false).await;
    server.stop().await;
}

#[tokio::test]
async fn a_finding_that_is_no_longer_true_goes() {
    let mut server = Server::start().await;
    let acts: Vec<_> = (1..=3)
        .map(|n| repeated_call(&mut server.writer, n, "s1"))
        .collect();
    let mut changed = acts[1].1.clone();
    server.commit(Batch {
        new_acts: acts,
        sessions: vec![session("s1")],
        traces: vec![trace("s1")],
        ..Batch::default()
    });
    let has =
        |count: usize| move |list: &Json| list["findings"].as_array().map(Vec::len) == Some(count);
    server
        .eventually("/api/v1/findings?kind=loop", has(1))
        .await;
    // A later record shows that the second call was another one.
    changed.facts.call_hash = Some("another".into());
    server.commit(Batch {
        changed_acts: vec![changed],
        sessions: vec![session("s1")],
        ..Batch::default()
    });
    server
        .eventually("/api/v1/findings?kind=loop", has(0))
        .await;
    server.stop().await;
}

#[tokio::test]
async fn a_session_stored_before_the_start_is_looked_at() {
    let mut server = Server::start().await;
    let batch = demo(&mut server.writer);
    server.commit(batch);
    let server = server.restart().await;
    let list = server
        .eventually("/api/v1/findings?session_id=s1&kind=blocked", |list| {
            list["findings"][0].is_object()
        })
        .await;
    assert_eq!(list["findings"][0]["session_title"], "Title of s1");
    server.stop().await;
}
