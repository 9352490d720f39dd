use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use store::{Notice, Value};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use super::look::{Due, Looked, News, look};
use super::silence;
use crate::sql;
use crate::state::AppState;
use crate::time::now_ns;

/// A session is looked at this long after its first change; changes meanwhile, and those of other
/// sessions, share the look.
const DEBOUNCE: Duration = Duration::from_millis(50);

/// A look that takes long is followed by a rest of so many times its length, so that huge sessions
/// cannot take a processor for themselves.
const REST_FACTOR: u32 = 1;

/// Sessions that one look takes in at most.
const SESSIONS_PER_LOOK: usize = 64;

/// While more than this waits to be loaded, looks give way: a rest of so many times its length follows
/// each. What is being sent to the recorder is not made to wait for what is thought about it.
const BUSY_BYTES: u64 = 4 << 20;
const BUSY_REST_FACTOR: u32 = 4;
const LONGEST_REST: Duration = Duration::from_millis(500);

/// While nothing is due, it is noted this often how far the looks have come.
const MARK_PERIOD: Duration = Duration::from_secs(2);

/// Sessions that have become silent are looked for this often.
const SILENCE_PERIOD: Duration = Duration::from_secs(10);

/// Acts of the sessions that are kept between looks; about two kilobytes each.
const KEPT_ACTS: usize = 20_000;

/// Sessions that were looked at, so that the next look takes only what is new.
type Watched = HashMap<Arc<str>, Looked>;

/// Runs until shutdown. Starts with the sessions that were not finished, or not looked at, when the
/// last run ended.
pub(crate) async fn run(state: AppState, mut notices: broadcast::Receiver<Arc<Notice>>) {
    let mut due: HashMap<Arc<str>, Instant> = HashMap::new();
    let mut watched = Watched::new();
    let pen = Pen::new(&state);
    let mut mark = Mark {
        is_behind: true,
        ..Mark::default()
    };
    let mut mark_ticks = interval(MARK_PERIOD);
    mark_ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut silence_ticks = interval(SILENCE_PERIOD);
    silence_ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard_until_ns = silence::from_ns(&state.config.detectors, now_ns());
    schedule_unfinished(&state, &mut due).await;
    loop {
        let next = due.values().min().copied();
        state.detectors.waits(due.len());
        tokio::select! {
            () = state.shutdown.cancelled() => break,
            _ = mark_ticks.tick(), if mark.is_behind && due.is_empty() && pen.is_idle() => mark.advance(&state).await,
            _ = silence_ticks.tick() => {
                let until_ns = silence::from_ns(&state.config.detectors, now_ns());
                schedule_silent(&state, &mut due, heard_until_ns, until_ns).await;
                heard_until_ns = until_ns;
            }
            () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                let ready = take_ready(&mut due);
                let took = look_at(&state, ready, &mut watched, &pen).await;
                if state.observer.ingest().queued_bytes > BUSY_BYTES {
                    sleep((took * BUSY_REST_FACTOR).min(LONGEST_REST)).await;
                }
                drain(&mut notices, &mut due, took * REST_FACTOR);
            }
            notice = notices.recv() => match notice {
                Ok(notice) => {
                    mark.is_behind = true;
                    schedule(&notice, &mut due, DEBOUNCE);
                }
                Err(RecvError::Lagged(_)) => schedule_unfinished(&state, &mut due).await,
                Err(RecvError::Closed) => break,
            },
        }
    }
    pen.finish().await;
}

/// How far the looks have come, so that the next run need not look at everything.
#[derive(Default)]
struct Mark {
    stored: i64,
    /// The latest act a period ago: the notice of its commit has come since, and nothing is due.
    settled: i64,
    /// There may be acts behind what is stored.
    is_behind: bool,
}

impl Mark {
    async fn advance(&mut self, state: &AppState) {
        if self.settled > self.stored {
            let act_id = self.settled;
            let marked = state.blocking(move |store| Ok(store.mark_looked_at(act_id)?));
            // A failure is in the log already; a mark that lags costs looks at the next start.
            if marked.await.is_ok() {
                self.stored = act_id;
            }
        }
        if let Ok(table) = state.read(sql::LAST_ACT, Vec::new()).await
            && let Some(Value::Int(act_id)) = table.rows.first().and_then(|row| row.first())
        {
            self.settled = *act_id;
            self.is_behind = self.settled > self.stored;
        }
    }
}

/// Takes the notices that came while a session was looked at.
fn drain(
    notices: &mut broadcast::Receiver<Arc<Notice>>,
    due: &mut HashMap<Arc<str>, Instant>,
    rest: Duration,
) {
    while let Ok(notice) = notices.try_recv() {
        schedule(&notice, due, rest.max(DEBOUNCE));
    }
}

fn schedule(notice: &Notice, due: &mut HashMap<Arc<str>, Instant>, after: Duration) {
    if let Notice::Committed {
        session_ids,
        removed_sessions,
        ..
    } = notice
    {
        let at = Instant::now() + after;
        for id in session_ids.iter().chain(removed_sessions) {
            due.entry(id.clone()).or_insert(at);
        }
    }
}

async fn schedule_unfinished(state: &AppState, due: &mut HashMap<Arc<str>, Instant>) {
    // A failure is in the log already.
    if let Ok(table) = state.read(sql::SESSIONS_TO_WATCH, Vec::new()).await {
        let now = Instant::now();
        for row in &table.rows {
            if let Some(Value::Text(id)) = row.first() {
                due.entry(id.clone()).or_insert(now);
            }
        }
    }
}

/// Sessions that have become silent since the last time: nothing that comes tells of them.
async fn schedule_silent(
    state: &AppState,
    due: &mut HashMap<Arc<str>, Instant>,
    from_ns: i64,
    until_ns: i64,
) {
    let period = vec![Value::Int(from_ns), Value::Int(until_ns)];
    // A failure is in the log already.
    if let Ok(table) = state.read(sql::SESSIONS_FALLEN_SILENT, period).await {
        for row in &table.rows {
            if let Some(Value::Text(id)) = row.first() {
                due.entry(id.clone()).or_insert_with(Instant::now);
            }
        }
    }
}

/// The sessions whose time has come, those that wait longest first.
fn take_ready(due: &mut HashMap<Arc<str>, Instant>) -> Vec<Arc<str>> {
    let now = Instant::now();
    let mut ready: Vec<(Instant, Arc<str>)> = due
        .iter()
        .filter(|(_, at)| **at <= now)
        .map(|(id, at)| (*at, id.clone()))
        .collect();
    ready.sort_unstable();
    ready.truncate(SESSIONS_PER_LOOK);
    for (_, id) in &ready {
        due.remove(id);
    }
    ready.into_iter().map(|(_, id)| id).collect()
}

/// Looks at sessions; returns how long it took. What has changed is told at once and written by `pen`.
async fn look_at(
    state: &AppState,
    ids: Vec<Arc<str>>,
    watched: &mut Watched,
    pen: &Pen,
) -> Duration {
    let started = Instant::now();
    if pen.has_failed() {
        // What was not written has to be found again.
        watched.clear();
    }
    let count = ids.len();
    let due = ids
        .into_iter()
        .map(|session_id| Due {
            before: watched.remove(&session_id),
            session_id,
        })
        .collect();
    let settings = Arc::clone(&state.config.detectors);
    let looked = state
        .blocking(move |store| {
            let (looked, news) = look(store, &settings, due)?;
            store.announce_findings(&news.changed);
            Ok((looked, news))
        })
        .await;
    // A failure is in the log already; the next commit of the sessions looks again.
    if let Ok((looked, news)) = looked {
        tracing::debug!(
            sessions = looked.len(),
            changed = news.changed.len(),
            took_ms = started.elapsed().as_millis(),
            "looked at sessions"
        );
        keep(watched, looked);
        pen.write(news);
    }
    let took = started.elapsed();
    state.detectors.looked(count, took);
    took
}

/// Keeps sessions for the next look, as far as there is room.
fn keep(watched: &mut Watched, looked: Vec<Looked>) {
    let count = |looked: &Looked| looked.session.acts().len();
    let mut kept: usize = watched.values().map(count).sum();
    for looked in looked {
        let acts = count(&looked);
        if kept + acts > KEPT_ACTS {
            watched.clear();
            kept = 0;
        }
        if acts <= KEPT_ACTS {
            kept += acts;
            watched.insert(looked.session.id().clone(), looked);
        }
    }
}

/// Writes findings behind the looks, in their order: a look does not wait for the commits of others.
struct Pen {
    news: mpsc::UnboundedSender<News>,
    /// News that are not written yet.
    waiting: Arc<AtomicUsize>,
    failed: Arc<AtomicBool>,
    writing: JoinHandle<()>,
}

impl Pen {
    fn new(state: &AppState) -> Self {
        let (news, mut received) = mpsc::unbounded_channel::<News>();
        let waiting = Arc::new(AtomicUsize::new(0));
        let failed = Arc::new(AtomicBool::new(false));
        let (state, left, has_failed) = (state.clone(), waiting.clone(), failed.clone());
        let writing = tokio::spawn(async move {
            while let Some(news) = received.recv().await {
                let written = state.blocking(move |store| Ok(news.write(store)?)).await;
                // A failure is in the log already.
                has_failed.fetch_or(written.is_err(), Ordering::AcqRel);
                left.fetch_sub(1, Ordering::AcqRel);
            }
        });
        Self {
            news,
            waiting,
            failed,
            writing,
        }
    }

    fn write(&self, news: News) {
        if news.is_empty() {
            return;
        }
        self.waiting.fetch_add(1, Ordering::AcqRel);
        // The task ends only with this sender.
        let _ = self.news.send(news);
    }

    /// Whether everything is written.
    fn is_idle(&self) -> bool {
        self.waiting.load(Ordering::Acquire) == 0
    }

    /// Whether something could not be written since this was asked last.
    fn has_failed(&self) -> bool {
        self.failed.swap(false, Ordering::AcqRel)
    }

    /// Writes what is left.
    async fn finish(self) {
        drop(self.news);
        // A panic is in the log already.
        let _ = self.writing.await;
    }
}
