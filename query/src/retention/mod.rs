//! Retention: recordings go when their time is over, or when there are too many.
//!
//! Sessions go in small steps with pauses between, so that commits wait for no more than one of them. What
//! was removed, when and why stays in the relation `deleted_sessions`, which also keeps out what comes late
//! of it. docs/retention.md has the rules.

mod settings;

use std::collections::{BTreeMap, HashSet};
use std::iter::Peekable;
use std::thread;
use std::time::{Duration, Instant};

use store::{Expired, Store};

pub use settings::{Settings, SettingsError};

use crate::state::AppState;
use crate::time::now_ns;

/// The first look after a start.
const FIRST_AFTER: Duration = Duration::from_secs(20);
/// One step removes so many sessions, or spans, at most; a larger session is a step of its own.
const SESSIONS_AT_ONCE: u64 = 32;
const SPANS_AT_ONCE: u64 = 5_000;
/// The pause behind a step, as a multiple of what it took, and at least.
const PAUSE_SHARE: u32 = 3;
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
/// Space is made a little beyond the limit, so that not every look has to make some.
const DOWN_TO_PERCENT: u64 = 95;

/// What retention has removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Removed {
    pub(crate) session_count: u64,
    pub(crate) span_count: u64,
    pub(crate) payload_count: u64,
    /// Sessions by reason.
    pub(crate) reasons: BTreeMap<String, u64>,
}

impl Removed {
    fn add(&mut self, other: &Self) {
        self.session_count += other.session_count;
        self.span_count += other.span_count;
        self.payload_count += other.payload_count;
        for (reason, count) in &other.reasons {
            *self.reasons.entry(reason.clone()).or_default() += count;
        }
    }
}

/// What retention did since the start.
#[derive(Debug, Clone, Default)]
pub(crate) struct Done {
    pub(crate) removed: Removed,
    /// Unix nanoseconds of the last look.
    pub(crate) last_run_ns: Option<i64>,
    pub(crate) last_error: Option<String>,
}

/// Looks again and again until shutdown; never when nothing can expire.
pub(crate) async fn run(state: AppState) {
    if !state.config.removes_expired {
        return;
    }
    let every = state.config.retention.every;
    let mut pause = FIRST_AFTER.min(every);
    loop {
        let slept = tokio::time::sleep(pause);
        if state.shutdown.run_until_cancelled(slept).await.is_none() {
            return;
        }
        pause = every;
        // A run that somebody asked for is under way.
        let Ok(_turn) = state.upkeep.try_acquire() else {
            continue;
        };
        // A failure is in the log already.
        let _ = run_once(&state).await;
    }
}

/// Removes what is due now, and remembers that it did.
pub(crate) async fn run_once(state: &AppState) -> Result<Removed, crate::error::ApiError> {
    let (shutdown, rules) = (state.shutdown.clone(), state.config.retention.rules.clone());
    let outcome = state
        .blocking(move |store| Ok(remove(store, &rules, &|| shutdown.is_cancelled())?))
        .await;
    let mut done = state
        .retention
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    done.last_run_ns = Some(now_ns());
    match &outcome {
        Ok(removed) => {
            done.removed.add(removed);
            done.last_error = None;
        }
        Err(error) => done.last_error = Some(error.message().to_owned()),
    }
    outcome
}

/// What would go now, the oldest first within each rule; by size an estimate.
pub(crate) fn due(
    store: &Store,
    rules: &store::RetentionRules,
) -> Result<Vec<Expired>, store::Error> {
    let now = now_ns();
    let mut due = store.expired(rules, now)?;
    let Some(limit) = rules.max_size_bytes else {
        return Ok(due);
    };
    let stored = store.stored_bytes()? as f64;
    let bytes = |family: &Expired| family.share * stored;
    let mut left = stored - due.iter().map(bytes).sum::<f64>();
    if left <= limit as f64 {
        return Ok(due);
    }
    let known: HashSet<String> = due.iter().map(|one| one.session_id.clone()).collect();
    for family in store.oldest(rules, now)? {
        if left <= down_to(limit) as f64 {
            break;
        }
        if !known.contains(&family.session_id) {
            left -= bytes(&family);
            due.push(family);
        }
    }
    Ok(due)
}

fn down_to(limit: u64) -> u64 {
    limit / 100 * DOWN_TO_PERCENT
}

/// Removes what is due in small steps, until `stops` says so.
fn remove(
    store: &Store,
    rules: &store::RetentionRules,
    stops: &dyn Fn() -> bool,
) -> Result<Removed, store::Error> {
    let mut removed = Removed::default();
    let mut expired = store.expired(rules, now_ns())?.into_iter().peekable();
    while !stops() && expired.peek().is_some() {
        let step = next_step(&mut expired, 1.0);
        removed.add(&remove_step(store, &step)?);
    }
    if let Some(limit) = rules.max_size_bytes
        && store.stored_bytes()? > limit
    {
        make_room(store, rules, down_to(limit), stops, &mut removed)?;
    }
    if removed.session_count > 0 {
        store.fold_log()?;
    }
    Ok(removed)
}

/// Removes the oldest until no more than `limit` is stored. A step takes half of what is too much, as far
/// as that can be estimated, and what is left is measured after each: so no more than needed goes, and
/// the last steps are single families.
fn make_room(
    store: &Store,
    rules: &store::RetentionRules,
    limit: u64,
    stops: &dyn Fn() -> bool,
    removed: &mut Removed,
) -> Result<(), store::Error> {
    while !stops() {
        let stored = store.stored_bytes()?;
        if stored <= limit {
            return Ok(());
        }
        let most = (stored - limit) as f64 / stored as f64 / 2.0;
        let mut oldest = store.oldest(rules, now_ns())?.into_iter().peekable();
        let step = remove_step(store, &next_step(&mut oldest, most))?;
        if step.session_count == 0 {
            tracing::warn!(
                stored,
                limit,
                "more is stored than retention allows, and all of it is kept or active"
            );
            return Ok(());
        }
        removed.add(&step);
    }
    Ok(())
}

/// Families of one reason that go together: few enough for one step, and no more than `most_share` of
/// everything, but one at least.
fn next_step(
    families: &mut Peekable<impl Iterator<Item = Expired>>,
    most_share: f64,
) -> Vec<Expired> {
    let mut step: Vec<Expired> = families.next().into_iter().collect();
    let Some(first) = step.first() else {
        return step;
    };
    let (mut sessions, mut spans, mut share) = (first.session_count, first.span_count, first.share);
    let reason = first.reason.clone();
    while let Some(next) = families.next_if(|next| {
        next.reason == reason
            && sessions + next.session_count <= SESSIONS_AT_ONCE
            && spans + next.span_count <= SPANS_AT_ONCE
            && share + next.share <= most_share
    }) {
        sessions += next.session_count;
        spans += next.span_count;
        share += next.share;
        step.push(next);
    }
    step
}

/// Removes families of one reason, and pauses.
fn remove_step(store: &Store, step: &[Expired]) -> Result<Removed, store::Error> {
    let Some(first) = step.first() else {
        return Ok(Removed::default());
    };
    let ids: Vec<String> = step.iter().map(|one| one.session_id.clone()).collect();
    let reason = first.reason.clone();
    let begun = Instant::now();
    let deletion = store.delete_expired(&ids, &reason, now_ns())?;
    let took = begun.elapsed();
    tracing::info!(
        reason,
        sessions = deletion.session_ids.len(),
        spans = deletion.span_count,
        took_ms = took.as_millis() as u64,
        "retention removed sessions"
    );
    thread::sleep((took * PAUSE_SHARE).max(SHORTEST_PAUSE));
    let count = deletion.session_ids.len() as u64;
    Ok(Removed {
        session_count: count,
        span_count: deletion.span_count,
        payload_count: deletion.payload_count,
        reasons: BTreeMap::from([(reason, count)]),
    })
}
