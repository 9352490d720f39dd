//! The live stream of a server, read event by event.

use reqwest::Response;
use serde_json::Value;

use super::source::Server;
use crate::failure::Failure;

/// What a server tells as it happens (server-sent events of JSON).
pub(crate) struct Live {
    response: Response,
    unread: Unread,
}

/// One event: its name (`commit`, `session`, `finding` …) and its data.
pub(crate) type Event = (String, Value);

/// The stream has ended; a new one starts afresh.
#[derive(Debug)]
pub(crate) struct Ended;

impl Live {
    /// Connects.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(crate) async fn open(server: &Server) -> Result<Self, Failure> {
        let response = server.live().await?;
        Ok(Self {
            response,
            unread: Unread::default(),
        })
    }

    /// The next event. When the caller stops waiting, nothing is lost.
    pub(crate) async fn next(&mut self) -> Result<Event, Ended> {
        loop {
            if let Some(event) = self.unread.event() {
                return Ok(event);
            }
            match self.response.chunk().await {
                Ok(Some(chunk)) => self.unread.bytes.extend_from_slice(&chunk),
                Ok(None) | Err(_) => return Err(Ended),
            }
        }
    }

    /// Waits until something was recorded; gives the notice.
    pub(crate) async fn next_commit(&mut self) -> Result<Value, Ended> {
        loop {
            let (event, data) = self.next().await?;
            if event == "commit" {
                return Ok(data);
            }
        }
    }
}

/// What was received and is not read yet.
#[derive(Default)]
struct Unread {
    bytes: Vec<u8>,
    /// Of the event that is being read.
    name: String,
    data: String,
}

impl Unread {
    /// The next whole event with data that is JSON.
    fn event(&mut self) -> Option<Event> {
        while let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.bytes.drain(..=end).collect();
            let line = String::from_utf8_lossy(line.trim_ascii_end());
            if line.is_empty() {
                let (name, data) = (
                    std::mem::take(&mut self.name),
                    std::mem::take(&mut self.data),
                );
                if let Ok(data) = serde_json::from_str(&data) {
                    return Some((name, data));
                }
            } else if let Some(name) = line.strip_prefix("event:") {
                self.name = name.trim().to_owned();
            } else if let Some(data) = line.strip_prefix("data:") {
                self.data.push_str(data.trim_start());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_are_read_however_they_are_cut() {
        let stream = "event: hello\ndata: {\"a\":1}\n\n: still here\n\nevent:commit\r\ndata:{\"b\":\r\ndata: [2]}\r\n\r\n";
        for size in [1, 7, stream.len()] {
            let mut unread = Unread::default();
            let mut events = Vec::new();
            for part in stream.as_bytes().chunks(size) {
                unread.bytes.extend_from_slice(part);
                events.extend(std::iter::from_fn(|| unread.event()));
            }
            let expected = [
                ("hello".to_owned(), json!({"a": 1})),
                ("commit".to_owned(), json!({"b": [2]})),
            ];
            assert_eq!(events, expected, "{size}");
        }
    }
}
