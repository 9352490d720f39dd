//! Sessions that have ended, compared with earlier ones beside the looks: that goes through many sessions,
//! and nobody waits for it.

use std::collections::{HashMap, HashSet};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::History;
use super::ending::histories;
use crate::state::AppState;

/// Between two comparisons at least, and as many times as long as the last one took.
const REST: Duration = Duration::from_secs(2);
const REST_FACTOR: u32 = 10;

/// Sessions that are compared at once.
const SESSIONS_AT_ONCE: usize = 256;

/// What sessions took, beside earlier ones, by session.
type Compared = HashMap<String, History>;

/// Sessions that are to be compared.
#[derive(Default)]
pub(super) struct Comparing {
    waiting: HashSet<Arc<str>>,
    running: Option<(Instant, JoinHandle<Compared>)>,
    rests_until: Option<Instant>,
}

impl Comparing {
    pub(super) fn add(&mut self, session_id: &Arc<str>) {
        self.waiting.insert(Arc::clone(session_id));
    }

    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running.is_none()
    }

    /// What the next sessions took, beside earlier ones; never while none waits. Nothing is lost when it is
    /// not waited for to the end.
    pub(super) async fn next(&mut self, state: &AppState) -> Compared {
        if self.running.is_none() {
            if self.waiting.is_empty() {
                pending::<()>().await;
            }
            if let Some(at) = self.rests_until {
                sleep_until(at).await;
            }
            self.start(state);
        }
        let Some((begun, running)) = &mut self.running else {
            return Compared::new();
        };
        // A panic is in the log already.
        let compared = running.await.unwrap_or_default();
        let rest = REST.max(begun.elapsed() * REST_FACTOR);
        self.rests_until = Some(Instant::now() + rest);
        self.running = None;
        compared
    }

    fn start(&mut self, state: &AppState) {
        let some: Vec<Arc<str>> = self
            .waiting
            .iter()
            .take(SESSIONS_AT_ONCE)
            .cloned()
            .collect();
        for id in &some {
            self.waiting.remove(id);
        }
        let state = state.clone();
        let running = async move {
            let compared = state.blocking(move |store| {
                let ids: Vec<&str> = some.iter().map(|id| &**id).collect();
                Ok(histories(store, &ids)?)
            });
            // A failure is in the log already; the sessions' next acts ask again.
            compared.await.unwrap_or_default()
        };
        self.running = Some((Instant::now(), tokio::spawn(running)));
    }
}
