//! The thread that keeps the index up to the commits.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use duckdb::Connection;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::TryRecvError;

use super::index::{self, Position, Words};
use super::{Search, Snapshot, State, units};
use crate::instance::lock;
use crate::open::Shared;
use crate::{Notice, Store};

/// How often the thread looks whether something was committed.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Text that is taken in before the thread looks whether it shall stop, in bytes.
const STEP: usize = 1 << 20;
/// Steps after which what was taken in becomes visible, while there is more to come.
const STEPS_PER_COMMIT: usize = 32;
/// How far the index stands back behind what is being recorded and read, in steps of the scheduler: of a
/// processor that others want, too, it gets a tenth.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;
/// What a merge that goes on is given when the thread shall stop.
const LAST_MERGE: Duration = Duration::from_secs(2);
/// Pause after a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// The running thread.
#[derive(Default)]
pub(crate) struct Indexer {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Why a round ended early.
enum Trouble {
    /// The thread shall stop, or the store is closed.
    Stopped,
    Engine(duckdb::Error),
    Index(tantivy::TantivyError),
}

impl From<duckdb::Error> for Trouble {
    fn from(error: duckdb::Error) -> Self {
        Self::Engine(error)
    }
}

impl From<tantivy::TantivyError> for Trouble {
    fn from(error: tantivy::TantivyError) -> Self {
        Self::Index(error)
    }
}

impl Indexer {
    /// Starts the thread for the index of an opened store.
    pub(crate) fn start(&self, shared: &Arc<Shared>) {
        let worker = Worker {
            search: Arc::clone(&shared.search),
            notices: shared.notices.subscribe(),
            shared: Arc::downgrade(shared),
            stop: Arc::clone(&self.stop),
            told_meanwhile: false,
        };
        let spawned = std::thread::Builder::new()
            .name("search".to_owned())
            .spawn(move || worker.run());
        match spawned {
            Ok(thread) => *lock(&self.thread) = Some(thread),
            Err(error) => {
                tracing::warn!(%error, "no thread for the search index; searches are slow")
            }
        }
    }

    /// Ends the thread and waits for it. What it had not written it takes in at the next start.
    pub(crate) fn stop(&self) {
        let (stopped, signal) = &*self.stop;
        *lock(stopped) = true;
        signal.notify_all();
        let thread = lock(&self.thread).take();
        // The last owner of the store may be the thread itself.
        if let Some(thread) = thread
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the search index died");
        }
    }
}

struct Worker {
    search: Arc<Search>,
    shared: Weak<Shared>,
    notices: broadcast::Receiver<Arc<Notice>>,
    stop: Arc<(Mutex<bool>, Condvar)>,
    /// Something was committed while the thread was catching up.
    told_meanwhile: bool,
}

impl Worker {
    fn run(mut self) {
        stand_back();
        if let Some((words, position)) = self.open()
            && let Some(mut words) = self.keep_up(words, position)
            && !self.search.in_memory
        {
            let begun = Instant::now();
            match words.settle(&|| begun.elapsed() > LAST_MERGE) {
                Ok(true) => {}
                Ok(false) => tracing::debug!("a merge of the search index is given up"),
                Err(error) => {
                    tracing::warn!(%error, "the search index may take more space than it needs")
                }
            }
        }
    }

    /// Follows the commits until the thread shall stop; then gives the index back.
    fn keep_up(&mut self, mut words: Words, mut position: Position) -> Option<Words> {
        let mut is_due = true;
        let mut is_first = true;
        while !self.is_stopped() {
            is_due |= self.was_told();
            if !is_due {
                self.pause(LOOK_EVERY);
                continue;
            }
            match self.catch_up(&mut words, &mut position, is_first) {
                Ok(()) => {
                    is_due = std::mem::take(&mut self.told_meanwhile);
                    is_first = false;
                }
                Err(Trouble::Stopped) => return Some(words),
                Err(Trouble::Engine(error)) => {
                    // The database may be opening again; what is not indexed is read by searches.
                    tracing::warn!(%error, "the search index waits for the database");
                    if self.pause(AFTER_FAILURE) {
                        return Some(words);
                    }
                }
                Err(Trouble::Index(error)) => {
                    tracing::warn!(%error, "the search index failed; opening it again");
                    self.search.publish(State::Opening);
                    drop(words);
                    if self.pause(AFTER_FAILURE) {
                        return None;
                    }
                    (words, position) = self.open()?;
                    is_first = true;
                }
            }
        }
        Some(words)
    }

    /// Opens the index; makes it anew when it cannot be used. `None` when that fails, too.
    fn open(&self) -> Option<(Words, Position)> {
        let folder = &self.search.folder;
        let wanted = (!self.search.in_memory).then_some(&**folder);
        if wanted.is_none() && folder.exists() {
            // What it holds is not encrypted.
            if let Err(error) = std::fs::remove_dir_all(folder) {
                tracing::error!(%error, folder = %folder.display(), "a search index from before cannot be removed");
            }
        }
        let opened = Words::open(wanted).or_else(|error| {
            tracing::warn!(%error, "the search index cannot be used; it is made anew");
            std::fs::remove_dir_all(folder)?;
            Words::open(wanted)
        });
        match opened {
            Ok(opened) => Some(opened),
            Err(error) => {
                self.search.publish(State::Off);
                tracing::error!(%error, folder = %folder.display(), "there is no search index; searches are slow and see the latest texts only");
                None
            }
        }
    }

    fn publish(&self, words: &Words, position: &Position) {
        let bytes = words.memory_bytes();
        self.search.memory_bytes.store(bytes, Ordering::Relaxed);
        self.search.publish(State::Open(Snapshot {
            searcher: words.searcher(),
            position: position.clone(),
        }));
    }

    /// Whether anything was committed since the last look.
    fn was_told(&mut self) -> bool {
        let mut told = false;
        loop {
            match self.notices.try_recv() {
                Ok(_) | Err(TryRecvError::Lagged(_)) => told = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => return told,
            }
        }
    }

    /// Waits; true when the thread shall stop.
    fn pause(&self, time: Duration) -> bool {
        let (stopped, signal) = &*self.stop;
        let guard = lock(stopped);
        if *guard {
            return true;
        }
        *signal
            .wait_timeout(guard, time)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }

    fn is_stopped(&self) -> bool {
        *lock(&self.stop.0)
    }

    /// Takes in what was committed and drops what was deleted.
    fn catch_up(
        &mut self,
        words: &mut Words,
        position: &mut Position,
        is_first: bool,
    ) -> Result<(), Trouble> {
        let Some(shared) = self.shared.upgrade() else {
            return Err(Trouble::Stopped);
        };
        let store = Store {
            shared,
            projects: None,
        };
        let user = store.user_connection().map_err(|error| match error {
            crate::Error::Query { source } => Trouble::Engine(source),
            _ => Trouble::Stopped,
        })?;
        let connection = &user.connection;
        // As of one moment: a deletion between two of its questions would leave the position too high.
        connection.execute_batch("begin transaction")?;
        self.drop_deleted(connection, words, position, is_first)?;
        connection.execute_batch("commit")?;
        let is_stale = words.is_stale()?;
        self.search.is_stale.store(is_stale, Ordering::Release);
        // Only now is it certain that the index is of this store.
        self.publish(words, position);
        if is_stale {
            if !words.sweep(&|| self.is_stopped())? {
                return Err(Trouble::Stopped);
            }
            self.search.is_stale.store(false, Ordering::Release);
            self.publish(words, position);
        }
        loop {
            let mut is_changed = false;
            let mut has_more = true;
            for _ in 0..STEPS_PER_COMMIT {
                if self.is_stopped() {
                    return Err(Trouble::Stopped);
                }
                let mut outcome = Ok(());
                has_more = units::next(connection, position, STEP, &mut |unit| {
                    is_changed = true;
                    if outcome.is_ok() {
                        outcome = words.add(&unit);
                    }
                })?;
                outcome?;
                self.told_meanwhile |= self.was_told();
                if !has_more {
                    break;
                }
            }
            if is_changed {
                (position.piece_count, position.act_count) = count_to(connection, position)?;
                position.piece_hash =
                    piece_hash(connection, position.piece_id)?.unwrap_or_default();
                words.commit(position)?;
                self.publish(words, position);
            }
            if !has_more {
                return Ok(());
            }
        }
    }

    /// Drops what the store does not hold any more, and everything when it is another store.
    fn drop_deleted(
        &self,
        connection: &Connection,
        words: &mut Words,
        position: &mut Position,
        is_first: bool,
    ) -> Result<(), Trouble> {
        let last = last(connection)?;
        let is_beyond = last.payload_id < position.payload_id
            || last.piece_id < position.piece_id
            || last.act_id < position.act_id;
        let is_other = is_of_other_store(connection, position)?;
        // Numbers of what was deleted last are given again after a restart: only who saw the
        // deletion knows which of them are still the old ones.
        if is_other || (is_beyond && is_first) {
            tracing::warn!("the search index is not of this database; it is made anew");
            let keys = index::all_keys(&words.searcher())?;
            *position = Position::start();
            words.remove(&keys, position)?;
            return Ok(());
        }
        if is_beyond {
            position.payload_id = position.payload_id.min(last.payload_id);
            position.piece_id = position.piece_id.min(last.piece_id);
            position.act_id = position.act_id.min(last.act_id);
            position.piece_hash = piece_hash(connection, position.piece_id)?.unwrap_or_default();
        }
        let (pieces, acts) = count_to(connection, position)?;
        if is_beyond || pieces < position.piece_count || acts < position.act_count {
            (position.piece_count, position.act_count) = (pieces, acts);
            let gone = gone(connection, words, position)?;
            tracing::info!(texts = gone.len(), "deleted texts leave the search index");
            words.remove(&gone, position)?;
        }
        Ok(())
    }
}

/// Makes the calling thread, and those that it starts from now on, give way to others. Only Linux has such a
/// thing for threads.
fn stand_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "the search index does not give way to others");
    }
}

/// Whether the piece that an index came to last is another one in this store.
pub(crate) fn is_of_other_store(
    connection: &Connection,
    position: &Position,
) -> duckdb::Result<bool> {
    let hash = piece_hash(connection, position.piece_id)?;
    Ok(hash.is_some_and(|hash| hash != position.piece_hash))
}

/// Whether some of what is indexed up to a position is not stored any more.
pub(crate) fn is_ahead(connection: &Connection, position: &Position) -> duckdb::Result<bool> {
    let last = last(connection)?;
    let (pieces, acts) = count_to(connection, position)?;
    Ok(last.payload_id < position.payload_id
        || last.piece_id < position.piece_id
        || last.act_id < position.act_id
        || pieces < position.piece_count
        || acts < position.act_count)
}

/// The highest numbers that the store has given and still holds.
fn last(connection: &Connection) -> duckdb::Result<Position> {
    connection.query_row(
        "select (select coalesce(max(payload_id), 0) from payload), \
         (select coalesce(max(piece_id), 0) from piece), \
         (select coalesce(max(act_id), 0) from span)",
        [],
        |row| {
            Ok(Position {
                payload_id: row.get(0)?,
                piece_id: row.get(1)?,
                act_id: row.get(2)?,
                ..Position::start()
            })
        },
    )
}

fn piece_hash(connection: &Connection, piece_id: i64) -> duckdb::Result<Option<String>> {
    connection.query_row(
        "select (select lower(hex(hash)) from piece where piece_id = ?)",
        [piece_id],
        |row| row.get(0),
    )
}

/// How many pieces and acts there are up to a position.
fn count_to(connection: &Connection, position: &Position) -> duckdb::Result<(i64, i64)> {
    connection.query_row(
        "select (select count(*) from piece where piece_id <= ?), \
         (select count(*) from span where act_id <= ?)",
        [position.piece_id, position.act_id],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Keys of the index that the store has no row for any more.
fn gone(connection: &Connection, words: &Words, position: &Position) -> Result<Vec<i64>, Trouble> {
    let mut live: Vec<i64> = Vec::new();
    let sql = format!(
        "select piece_id as key from piece where piece_id <= {} union all \
         select -act_id from span where act_id <= {}",
        position.piece_id, position.act_id
    );
    crate::columns::each_row(connection, &sql, |row| live.extend(row.long("key")))?;
    live.sort_unstable();
    let mut keys = index::all_keys(&words.searcher())?;
    keys.retain(|key| live.binary_search(key).is_err());
    Ok(keys)
}
