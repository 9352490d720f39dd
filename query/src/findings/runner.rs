use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use store::{Notice, Value};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use super::comparing::Comparing;
use super::look::{Due, Heard, Looked, News, look};
use super::{History, history, silence};
use crate::sql;
use crate::state::AppState;
use crate::time::now_ns;

/// A session is looked at this long after its first change; changes meanwhile, and those of other
/// sessions, share the look.
const DEBOUNCE: Duration = Duration::from_millis(25);

/// Sessions that one look takes in at most.
const SESSIONS_PER_LOOK: usize = 256;

/// While more than this waits to be loaded, a rest three times as long as the look follows each: what is
/// being sent to the recorder is not made to wait for what is thought about it.
const BUSY_BYTES: u64 = 4 << 20;
const RESTS_PER_LOOK: u32 = 3;
const LONGEST_REST: Duration = Duration::from_millis(500);

/// While nothing is due, it is noted this often how far the looks have come.
const MARK_PERIOD: Duration = Duration::from_secs(2);

/// Sessions that have become silent are looked for this often.
const SILENCE_PERIOD: Duration = Duration::from_secs(10);

/// Acts of the sessions that are kept between looks; about two kilobytes each.
const KEPT_ACTS: usize = 20_000;

/// A session that is to be looked at.
struct Wish {
    at: Instant,
    news: Heard,
}

/// Sessions that are to be looked at.
type Wishes = HashMap<Arc<str>, Wish>;

/// Sessions that were looked at, so that the next look takes only what is new.
#[derive(Default)]
struct Watched {
    sessions: HashMap<Arc<str>, (u64, Looked)>,
    /// By the time of their looks; those that were looked at again since are in it more than once.
    order: VecDeque<(u64, Arc<str>)>,
    looks: u64,
    act_count: usize,
}

impl Watched {
    fn take(&mut self, session_id: &str) -> Option<Looked> {
        let (_, looked) = self.sessions.remove(session_id)?;
        self.act_count -= looked.session.acts().len();
        Some(looked)
    }

    /// Whether something may have been said of a session beside others.
    fn is_compared(&self, session_id: &str) -> bool {
        let kept = self.sessions.get(session_id);
        kept.is_some_and(|(_, looked)| looked.is_compared())
    }

    /// Keeps a session for the next look, in place of those that were not looked at for longest.
    fn keep(&mut self, looked: Looked) {
        self.looks += 1;
        let id = looked.session.id().clone();
        self.act_count += looked.session.acts().len();
        self.order.push_back((self.looks, id.clone()));
        self.sessions.insert(id, (self.looks, looked));
        while self.act_count > KEPT_ACTS
            && let Some((look, id)) = self.order.pop_front()
        {
            if self
                .sessions
                .get(&id)
                .is_some_and(|(latest, _)| *latest == look)
            {
                self.take(&id);
            }
        }
    }

    /// How long the detectors took for a session, which they rest for afterwards: a huge session, each
    /// change of which goes through all of it, cannot take a processor for itself.
    fn rest(&self, session_id: &str) -> Duration {
        let kept = self.sessions.get(session_id);
        kept.map_or(Duration::ZERO, |(_, looked)| looked.took)
    }
}

/// Runs until shutdown. Starts with the sessions that were not finished, or not looked at, when the
/// last run ended.
pub(crate) async fn run(state: AppState, mut notices: broadcast::Receiver<Arc<Notice>>) {
    let mut due = Wishes::new();
    let mut watched = Watched::default();
    let mut comparing = Comparing::default();
    let pen = Pen::new(&state);
    let mut mark = Mark {
        is_behind: true,
        ..Mark::default()
    };
    let ticks = |period| {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    };
    let (mut mark_ticks, mut silence_ticks) = (ticks(MARK_PERIOD), ticks(SILENCE_PERIOD));
    let mut heard_until_ns = now_ns();
    schedule_unfinished(&state, &mut due).await;
    loop {
        let next = due.values().map(|wish| wish.at).min();
        let is_all_done = due.is_empty() && comparing.is_idle() && pen.is_idle();
        state.detectors.waits(due.len());
        tokio::select! {
            () = state.shutdown.cancelled() => break,
            _ = mark_ticks.tick(), if mark.is_behind && is_all_done => mark.advance(&state).await,
            _ = silence_ticks.tick() => {
                let now_ns = now_ns();
                schedule_silent(&state, &mut due, heard_until_ns, now_ns).await;
                heard_until_ns = now_ns;
            }
            compared = comparing.next(&state) => {
                let is_told = |id: &str, history: &History| {
                    history::stands_out(history, &state.config.detectors) || watched.is_compared(id)
                };
                for (id, history) in compared.into_iter().filter(|(id, history)| is_told(id, history)) {
                    wish(&mut due, &Arc::from(id), Instant::now()).news.history = Some(history);
                }
            }
            () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                let ready = take_ready(&mut due);
                let took = look_at(&state, ready, &mut watched, &mut comparing, &pen).await;
                if state.observer.ingest().queued_bytes > BUSY_BYTES {
                    sleep((took * RESTS_PER_LOOK).min(LONGEST_REST)).await;
                }
            }
            notice = notices.recv() => match notice {
                Ok(notice) => {
                    mark.is_behind = true;
                    schedule(&notice, &mut due, &watched);
                }
                Err(RecvError::Lagged(_)) => {
                    watched = Watched::default();
                    schedule_unfinished(&state, &mut due).await;
                }
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

/// The wish to look at a session, which is due `at` unless it is there already.
fn wish<'a>(due: &'a mut Wishes, session_id: &Arc<str>, at: Instant) -> &'a mut Wish {
    let first_act_id = i64::MAX;
    due.entry(session_id.clone()).or_insert_with(|| Wish {
        at,
        news: Heard {
            first_act_id,
            ..Heard::default()
        },
    })
}

/// The wish to look at a session of which nothing is known.
fn wish_anew<'a>(due: &'a mut Wishes, session_id: &Arc<str>, at: Instant) -> &'a mut Wish {
    let wish = wish(due, session_id, at);
    wish.news.is_partial = true;
    wish.news.standing = None;
    wish.news.first_act_id = 0;
    wish
}

fn schedule(notice: &Notice, due: &mut Wishes, watched: &Watched) {
    let Notice::Committed {
        sessions,
        left_sessions,
        removed_sessions,
        ..
    } = notice
    else {
        return;
    };
    let now = Instant::now();
    let at = |id: &str| now + watched.rest(id).max(DEBOUNCE);
    for changed in sessions {
        let id = &changed.session_id;
        let wish = wish(due, id, at(id));
        wish.news.act_ids.extend(&changed.act_ids);
        wish.news.standing = changed.standing.or(wish.news.standing);
        wish.news.first_act_id = wish.news.first_act_id.min(changed.first_act_id);
    }
    for id in left_sessions.iter().chain(removed_sessions) {
        wish_anew(due, id, at(id));
    }
}

async fn schedule_unfinished(state: &AppState, due: &mut Wishes) {
    // A failure is in the log already.
    if let Ok(table) = state.read(sql::SESSIONS_TO_WATCH, Vec::new()).await {
        let now = Instant::now();
        for row in &table.rows {
            if let Some(Value::Text(id)) = row.first() {
                wish_anew(due, id, now);
            }
        }
    }
}

/// Sessions that have become silent between two times (Unix ns), for long enough to be called stalled or
/// to count as over: nothing that comes tells of them.
async fn schedule_silent(state: &AppState, due: &mut Wishes, from_ns: i64, until_ns: i64) {
    let stalled = |at_ns| Value::Int(silence::from_ns(&state.config.detectors, at_ns));
    let over = |at_ns: i64| Value::Int(at_ns.saturating_sub(store::SILENT_NS));
    let periods = vec![
        stalled(from_ns),
        stalled(until_ns),
        over(from_ns),
        over(until_ns),
    ];
    // A failure is in the log already.
    if let Ok(table) = state.read(sql::SESSIONS_FALLEN_SILENT, periods).await {
        for row in &table.rows {
            if let Some(Value::Text(id)) = row.first() {
                wish(due, id, Instant::now()).news.first_act_id = 0;
            }
        }
    }
}

/// The sessions whose time has come, those that wait longest first.
fn take_ready(due: &mut Wishes) -> Vec<(Arc<str>, Heard)> {
    let now = Instant::now();
    let mut ready: Vec<(Instant, Arc<str>)> = due
        .iter()
        .filter(|(_, wish)| wish.at <= now)
        .map(|(id, wish)| (wish.at, id.clone()))
        .collect();
    ready.sort_unstable();
    ready.truncate(SESSIONS_PER_LOOK);
    let ready = ready.into_iter();
    ready
        .filter_map(|(_, id)| due.remove(&id).map(|wish| (id, wish.news)))
        .collect()
}

/// Looks at sessions; returns how long it took. What has changed is told at once and written by `pen`.
async fn look_at(
    state: &AppState,
    ready: Vec<(Arc<str>, Heard)>,
    watched: &mut Watched,
    comparing: &mut Comparing,
    pen: &Pen,
) -> Duration {
    let started = Instant::now();
    if pen.has_failed() {
        // What was not written has to be found again.
        *watched = Watched::default();
    }
    let count = ready.len();
    let due = ready
        .into_iter()
        .map(|(session_id, mut news)| {
            let before = watched.take(&session_id);
            if before.is_none() && news.first_act_id == i64::MAX {
                news.first_act_id = 0;
            }
            Due {
                session_id,
                before,
                news,
            }
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
        for looked in looked {
            if looked.is_to_compare {
                comparing.add(looked.session.id());
            }
            watched.keep(looked);
        }
        pen.write(news);
    }
    let took = started.elapsed();
    state.detectors.looked(count, took);
    took
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
