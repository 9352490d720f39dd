//! Full-text search over everything that was said, called and answered.
//!
//! Texts are indexed as they are stored, each piece once, by a thread behind the commits, which they
//! never wait for. What a commit has stored and the index has not, a search reads itself, so that a
//! search never misses what a query would find. The index holds numbers of pieces and acts only;
//! which spans show them, and whether they are still there, the tables say.

mod ask;
mod function;
mod index;
mod indexer;
mod passage;
mod plain;
#[cfg(test)]
mod tests;
mod units;
mod words;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use duckdb::Connection;
use tantivy::Searcher;

use crate::instance::lock;

use ask::Ask;
pub(crate) use function::SearchUnits;
use index::Found;
pub(crate) use index::{Position, check};
pub(crate) use indexer::{Indexer, is_of_other_store};
pub use passage::{Passage, PassageOf};

/// Text that a search reads itself because it is not indexed yet, in bytes; what is beyond waits for
/// the index.
const MAX_READ: usize = 48 << 20;
/// How long a search waits for the index of a store that was just opened.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Name of the index's folder within the data folder.
pub(crate) const FOLDER: &str = "search";

/// What searches see of the index.
#[derive(Clone)]
struct Snapshot {
    searcher: Searcher,
    position: Position,
}

/// The index of one store, as searches and the indexing thread share it.
pub(crate) struct Search {
    pub(crate) folder: PathBuf,
    pub(crate) in_memory: bool,
    /// Of an index in memory.
    memory_bytes: AtomicU64,
    state: Mutex<State>,
    opened: Condvar,
    /// Words of deleted texts are in files of the index still, though no search finds them.
    is_stale: AtomicBool,
}

/// What there is of the index.
enum State {
    Opening,
    Open(Snapshot),
    /// It cannot be used.
    Off,
}

/// How far the index is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SearchState {
    /// Acts that are stored and not indexed yet.
    pub waiting_act_count: u64,
    /// Bytes of pieces, as they were sent, that are stored and not indexed yet.
    pub waiting_bytes: u64,
    /// Of the index, on disk or in memory.
    pub index_bytes: u64,
    /// Searches find all there is: they read what waits themselves, unless it is too much.
    pub is_complete: bool,
}

impl Search {
    /// `in_memory`: nothing of the index is on disk, and each start makes it anew.
    pub(crate) fn new(data_dir: &Path, in_memory: bool) -> Arc<Self> {
        Arc::new(Self {
            in_memory,
            memory_bytes: AtomicU64::new(0),
            folder: data_dir.join(FOLDER),
            state: Mutex::new(State::Opening),
            opened: Condvar::new(),
            is_stale: AtomicBool::new(false),
        })
    }

    /// How far the index is; `None` while there is none.
    pub(crate) fn position(&self) -> Option<Position> {
        match &*lock(&self.state) {
            State::Open(snapshot) => Some(snapshot.position.clone()),
            State::Opening | State::Off => None,
        }
    }

    /// Whether texts are in the index that are not stored any more.
    pub(crate) fn holds_deleted(&self, connection: &Connection) -> duckdb::Result<bool> {
        match self.position() {
            Some(_) if self.is_stale.load(Ordering::Acquire) => Ok(true),
            Some(position) => indexer::is_ahead(connection, &position),
            None => Ok(matches!(&*lock(&self.state), State::Opening)),
        }
    }

    fn publish(&self, state: State) {
        *lock(&self.state) = state;
        self.opened.notify_all();
    }

    fn snapshot(&self) -> Option<Snapshot> {
        let is_opening = |state: &mut State| matches!(state, State::Opening);
        let waited = self
            .opened
            .wait_timeout_while(lock(&self.state), MAX_WAIT, is_opening);
        match &*waited.unwrap_or_else(PoisonError::into_inner).0 {
            State::Open(snapshot) => Some(snapshot.clone()),
            State::Opening | State::Off => None,
        }
    }

    /// The texts that hold what is asked for, each with the number of its piece, or that of the act
    /// whose name it is, negative.
    ///
    /// # Errors
    /// What is wrong with the question, in words for the user, or what the engine says.
    pub(crate) fn find(
        &self,
        connection: &Connection,
        question: &str,
    ) -> Result<Vec<Found>, Box<dyn std::error::Error>> {
        let ask = Ask::parse(question)?;
        let (mut found, mut position) = match self.snapshot() {
            Some(snapshot) => (index::found(&snapshot.searcher, &ask)?, snapshot.position),
            None => (Vec::new(), Position::start()),
        };
        let mut read = 0;
        let mut more = true;
        while more && read < MAX_READ {
            more = units::next(connection, &mut position, MAX_READ / 4, &mut |unit| {
                read += unit.text.len();
                if ask.places(&words::words(&unit.text)).is_some() {
                    found.push((unit.key, unit.same));
                }
            })?;
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// What is stored and not indexed yet.
    pub(crate) fn state(&self, connection: &Connection) -> duckdb::Result<SearchState> {
        let position = self
            .snapshot()
            .map_or_else(Position::start, |snapshot| snapshot.position);
        let (acts, bytes): (i64, i64) = connection.query_row(
            "select (select count(*) from span where act_id > ?), \
             (select coalesce(sum(raw_size), 0)::bigint from piece where piece_id > ?)",
            [position.act_id, position.piece_id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let files = std::fs::read_dir(&self.folder).into_iter().flatten();
        let sizes = files.filter_map(|file| Some(file.ok()?.metadata().ok()?.len()));
        Ok(SearchState {
            waiting_act_count: acts as u64,
            waiting_bytes: bytes as u64,
            index_bytes: match self.in_memory {
                true => self.memory_bytes.load(Ordering::Relaxed),
                false => sizes.sum(),
            },
            is_complete: bytes as usize <= MAX_READ,
        })
    }
}

impl crate::Store {
    /// How far the index is behind, and what it takes; some milliseconds.
    ///
    /// # Errors
    /// [`crate::Error::Query`] when the engine fails.
    pub fn search_state(&self) -> Result<SearchState, crate::Error> {
        self.with_reader(|connection| self.shared.search.state(connection))
    }

    /// Whether a question to [`crate::Store::passages`] and to `search(…)` in SQL can be understood.
    ///
    /// # Errors
    /// What is wrong with it, in words for the user.
    pub fn check_question(question: &str) -> Result<(), String> {
        Ask::parse(question).map(drop)
    }
}
