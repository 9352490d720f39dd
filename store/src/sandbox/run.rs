//! Runs checked user queries on connections of their own, watched.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use duckdb::{Connection, InterruptHandle};

use super::catalog::Catalog;
use super::check::{Kind, check};
use super::text::{Explained, char_position, split_explain, split_picture};
use super::{Cancel, UserSql, UserSqlError, UserSqlErrorKind};
use crate::instance::lock;
use crate::read::UserConnection;
use crate::{Error, Table};

/// How often the watchdog looks. An interrupt that falls between two steps of the engine is lost,
/// so it is repeated at this pace.
const WATCH_INTERVAL: Duration = Duration::from_millis(20);

/// The memory is measured at each so many looks; short queries are never measured.
const LOOKS_PER_MEASUREMENT: u32 = 5;

/// Longest text of a query.
const MAX_SQL_BYTES: usize = 256 * 1024;

/// What a checked query is given to its reader as.
pub(super) enum Checked<'a> {
    /// The answer without the engine: what `SHOW TABLES` lists.
    Listing(Table),
    /// A connection in a read-only transaction, the text to run on it, and the part that the user's
    /// EXPLAIN stands before.
    Query {
        connection: &'a Connection,
        text: &'a str,
        explained: &'a Explained<'a>,
    },
}

/// Bounds of all user queries together.
pub(crate) struct Sandbox {
    catalog: Catalog,
    free_slots: Mutex<usize>,
    slot_is_free: Condvar,
    memory_budget_bytes: u64,
}

impl Sandbox {
    /// At most `slots` queries run at the same time. One is stopped when the engine holds more than
    /// `memory_budget_bytes` beside its cached pages.
    pub(crate) fn new(slots: usize, memory_budget_bytes: u64) -> Self {
        Self {
            catalog: Catalog::public(),
            free_slots: Mutex::new(slots),
            slot_is_free: Condvar::new(),
            memory_budget_bytes,
        }
    }

    /// Checks one user query and hands it to `work`, watched; blocking. `connect` makes a connection
    /// of its own.
    pub(super) fn run<T>(
        &self,
        connect: &dyn Fn() -> Result<UserConnection, Error>,
        request: &UserSql,
        cancel: &Cancel,
        work: impl FnOnce(Checked<'_>) -> duckdb::Result<T>,
    ) -> Result<T, UserSqlError> {
        let deadline = Instant::now() + request.timeout;
        let sql = request.sql.as_str();
        let explained = split_explain(sql);
        let connect = || connect().map_err(|error| UserSqlError::error(error.to_string(), None));
        let trusted = connect()?;
        let kind = self
            .check(&trusted.connection, explained.query)
            .map_err(|mut refusal| {
                refusal.position = refusal
                    .position
                    .map(|at| char_position(sql, at + explained.offset));
                refusal
            })?;
        if kind == Kind::ShowTables {
            let listing = Checked::Listing(self.catalog.table());
            return work(listing).map_err(|error| UserSqlError::error(error.to_string(), None));
        }
        let _slot = self.slot(deadline, cancel)?;
        let text = format!("{}{}", explained.prefix, explained.query);
        let reader = connect()?;
        let watch = Watch {
            memory_budget_bytes: self.memory_budget_bytes,
            deadline,
            cancel,
            is_done: AtomicBool::new(false),
            reason: Mutex::new(None),
        };
        let outcome = watch.over(trusted, &reader.connection, || {
            reader
                .connection
                .execute_batch("begin transaction read only")?;
            work(Checked::Query {
                connection: &reader.connection,
                text: &text,
                explained: &explained,
            })
        });
        outcome.map_err(|error| match watch.reason() {
            Some(reason) => stopped(reason, request.timeout),
            None => failure(&error, &text, sql, &explained),
        })
    }

    /// Whether a user may run `query`, which has no EXPLAIN in front.
    fn check(&self, trusted: &Connection, query: &str) -> Result<Kind, UserSqlError> {
        if query.len() > MAX_SQL_BYTES {
            let message = format!("the query is longer than {MAX_SQL_BYTES} bytes");
            return Err(UserSqlError::rejected(message, None));
        }
        if let Some(at) = query.find('\0') {
            return Err(UserSqlError::rejected(
                "NUL is not allowed in SQL",
                Some(at),
            ));
        }
        let serialized: String = trusted
            .query_row("select json_serialize_sql(?::varchar)", [query], |row| {
                row.get(0)
            })
            .map_err(|error| {
                let (message, _) = split_picture("", &error.to_string());
                UserSqlError::rejected(format!("cannot check this query: {message}"), None)
            })?;
        check(&serialized, &self.catalog)
    }

    fn slot(&self, deadline: Instant, cancel: &Cancel) -> Result<Slot<'_>, UserSqlError> {
        let mut free = lock(&self.free_slots);
        while *free == 0 {
            if cancel.is_cancelled() {
                return Err(stopped(UserSqlErrorKind::Cancelled, Duration::ZERO));
            }
            if Instant::now() >= deadline {
                return Err(stopped(UserSqlErrorKind::Busy, Duration::ZERO));
            }
            free = self
                .slot_is_free
                .wait_timeout(free, WATCH_INTERVAL)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        *free -= 1;
        Ok(Slot(self))
    }
}

/// The right to run one user query.
struct Slot<'a>(&'a Sandbox);

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        *lock(&self.0.free_slots) += 1;
        self.0.slot_is_free.notify_one();
    }
}

/// Stops a query that exceeds its time or the memory, or that its user gave up.
struct Watch<'a> {
    memory_budget_bytes: u64,
    deadline: Instant,
    cancel: &'a Cancel,
    is_done: AtomicBool,
    reason: Mutex<Option<UserSqlErrorKind>>,
}

impl Watch<'_> {
    /// Runs `work`, which uses `watched`, while a second thread keeps watch and measures on
    /// `trusted`.
    fn over<T>(
        &self,
        trusted: UserConnection,
        watched: &Connection,
        work: impl FnOnce() -> T,
    ) -> T {
        let handle = watched.interrupt_handle();
        std::thread::scope(|scope| {
            let watcher = scope.spawn(move || self.watch(&trusted.connection, &handle));
            let _done = DoneOnDrop(&self.is_done, watcher.thread());
            work()
        })
    }

    fn watch(&self, trusted: &Connection, handle: &InterruptHandle) {
        let mut looks = 0u32;
        while !self.is_done.load(Ordering::Acquire) {
            looks += 1;
            if self.reason().is_none() {
                let reason = self.reason_to_stop(trusted, looks);
                *lock(&self.reason) = reason;
            }
            if self.reason().is_some() {
                handle.interrupt();
            }
            std::thread::park_timeout(WATCH_INTERVAL);
        }
    }

    fn reason_to_stop(&self, trusted: &Connection, looks: u32) -> Option<UserSqlErrorKind> {
        if self.cancel.is_cancelled() {
            Some(UserSqlErrorKind::Cancelled)
        } else if Instant::now() >= self.deadline {
            Some(UserSqlErrorKind::Timeout)
        } else if looks.is_multiple_of(LOOKS_PER_MEASUREMENT)
            && memory_in_use(trusted) > self.memory_budget_bytes
        {
            Some(UserSqlErrorKind::Memory)
        } else {
            None
        }
    }

    fn reason(&self) -> Option<UserSqlErrorKind> {
        *lock(&self.reason)
    }
}

/// Ends the watch also when the watched work panics.
struct DoneOnDrop<'a>(&'a AtomicBool, &'a Thread);

impl Drop for DoneOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
        self.1.unpark();
    }
}

/// Bytes that the engine holds for running queries, without cached pages of the file and rows that are
/// not folded into it yet (queries cannot make tables).
fn memory_in_use(trusted: &Connection) -> u64 {
    trusted
        .query_row(
            "select coalesce(sum(memory_usage_bytes), 0)::ubigint from duckdb_memory()
             where tag not in ('BASE_TABLE', 'METADATA', 'ART_INDEX', 'EXTERNAL_FILE_CACHE',
                               'OBJECT_CACHE', 'OVERFLOW_STRINGS', 'IN_MEMORY_TABLE')",
            [],
            |row| row.get(0),
        )
        .unwrap_or(0)
}

fn stopped(reason: UserSqlErrorKind, timeout: Duration) -> UserSqlError {
    let message = match reason {
        UserSqlErrorKind::Timeout => format!(
            "stopped after {} ms: narrow the query (a session_id, a time range), or raise the time \
             limit",
            timeout.as_millis()
        ),
        UserSqlErrorKind::Memory => {
            "stopped: the query needs more memory than queries may take. Select fewer or smaller \
             columns (input, output and content hold whole payloads), or aggregate in steps"
                .to_owned()
        }
        UserSqlErrorKind::Damaged => {
            "stopped: the query comes by a damaged block of the database. Select other columns or \
             sessions; `spanreel verify` names what is damaged, `spanreel restore` makes a data folder \
             of a backup"
                .to_owned()
        }
        UserSqlErrorKind::Busy => {
            "other queries are running and none ended in time; try again".to_owned()
        }
        _ => "the query was cancelled".to_owned(),
    };
    UserSqlError::new(reason, message, None)
}

/// The engine's error in our terms, its position in the user's text.
fn failure(error: &duckdb::Error, ran: &str, sql: &str, explained: &Explained<'_>) -> UserSqlError {
    if let duckdb::Error::InvalidParameterCount(given, expected) = error {
        let message = format!("the query has {expected} parameters, {given} were given");
        return UserSqlError::error(message, None);
    }
    let (mut message, offset) = split_picture(ran, &error.to_string());
    if message.contains("type TIMESTAMP_NS and type TIMESTAMP WITH TIME ZONE") {
        message.push_str(". Times here are UTC without a zone: write now()::timestamp");
    }
    let position = offset
        .and_then(|at| (at + explained.offset).checked_sub(explained.prefix.len()))
        .map(|at| char_position(sql, at));
    if message.contains("Out of Memory Error") {
        return stopped(UserSqlErrorKind::Memory, Duration::ZERO);
    }
    if message.contains("Corrupt database file") {
        return stopped(UserSqlErrorKind::Damaged, Duration::ZERO);
    }
    UserSqlError::error(message, position)
}
