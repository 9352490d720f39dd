//! One opened database: its settings, its connections, and the readers that share it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use duckdb::{Connection, InterruptHandle};

use crate::functions::{self, Slot};
use crate::open::COMPACT_NAME;
use crate::recent::Recent;
use crate::seal::{Seal, Spill};
use crate::search::Search;
use crate::{Error, limit, schema};

/// The engine folds the log of changes itself when it exceeds this: where nothing else did, see
/// [`crate::checkpoint`].
const CHECKPOINT_THRESHOLD: &str = "256MB";
/// The same where a damaged block keeps the log from being folded: trying makes the engine give up.
const NO_CHECKPOINTS: &str = "1000TB";
/// Connections of limited readings that are kept for the next: making one takes some 40 ms.
const LIMITED_KEPT: usize = 8;

/// How much more than the engine's memory large queries of an encrypted store may put aside.
const SPILL_FACTOR: u64 = 4;

/// Locks, ignoring that a thread died while it held the lock: what is guarded here is always whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) struct Instance {
    /// Makes further connections; runs nothing.
    root: Mutex<Connection>,
    idle: Mutex<Vec<Connection>>,
    /// Connections of limited readings, the one that was used last at the end.
    limited: Mutex<Vec<(Arc<[String]>, Connection)>>,
    returned: Condvar,
    /// Handles of every connection handed out, to stop queries when the instance must go.
    handed_out: Mutex<Vec<std::sync::Weak<InterruptHandle>>>,
    slot: Arc<Slot>,
    /// Goes when the database has gone.
    _spill: Option<Spill>,
}

/// What the functions of an instance use that outlives it.
pub(crate) struct Beside<'a> {
    pub(crate) search: &'a Arc<Search>,
    pub(crate) recent: &'a Arc<Recent>,
    pub(crate) seal: &'a Seal,
}

impl Instance {
    /// Opens or creates the database file, brings its schema up to date, and locks it down.
    pub(crate) fn open(
        path: &Path,
        temp_dir: &Path,
        memory_limit_bytes: u64,
        reader_count: usize,
        beside: &Beside<'_>,
        folds: bool,
    ) -> Result<Self, Error> {
        let seal = beside.seal;
        let open_error = |source: duckdb::Error| locked_or(path, source);
        let root = settings(temp_dir, memory_limit_bytes, seal, folds)
            .and_then(|config| Connection::open_with_flags(path, config))
            .map_err(open_error)?;
        schema::migrate(&root, path)?;
        schema::seal_tables(&root, path, seal)?;
        // Nobody else has the database now.
        let spill = if seal.is_on() { Spill::new(path) } else { None };
        if let Some(spill) = &spill {
            root.execute_batch(&format!(
                "set temp_directory = '{}'; set max_temp_directory_size = '{}B';",
                spill.folder().display(),
                memory_limit_bytes.saturating_mul(SPILL_FACTOR)
            ))
            .map_err(open_error)?;
        }
        let slot = functions::register(&root, memory_limit_bytes, beside).map_err(|source| {
            Error::Define {
                name: "the functions",
                source,
            }
        })?;
        let instance = Self {
            root: Mutex::new(root),
            idle: Mutex::new(Vec::new()),
            limited: Mutex::new(Vec::new()),
            returned: Condvar::new(),
            handed_out: Mutex::new(Vec::new()),
            slot,
            _spill: spill,
        };
        // From here on a failure drops `instance`, which empties the slot.
        {
            let root = lock(&instance.root);
            instance.slot.fill(root.try_clone().map_err(open_error)?);
            schema::define_views(&root, seal)?;
            // One way: from here on no query reaches a file, and no query changes that.
            // But the folder that a compaction writes into.
            let compact = path.with_file_name(COMPACT_NAME);
            let compact = compact.to_string_lossy().replace('\'', "''");
            root.execute_batch(&format!(
                "set allowed_directories = ['{compact}/']; \
                 set allow_persistent_secrets = false; \
                 set enable_external_access = false; \
                 set lock_configuration = true;",
            ))
            .map_err(open_error)?;
            let mut idle = lock(&instance.idle);
            for _ in 0..reader_count.max(1) {
                idle.push(root.try_clone().map_err(open_error)?);
            }
        }
        Ok(instance)
    }

    /// A connection of its own, dropped after use.
    pub(crate) fn connect(&self) -> duckdb::Result<Connection> {
        let connection = lock(&self.root).try_clone()?;
        self.remember(&connection);
        Ok(connection)
    }

    /// A pooled connection; waits until one is free.
    pub(crate) fn reader(self: &Arc<Self>) -> PooledReader {
        let mut idle = lock(&self.idle);
        let connection = loop {
            if let Some(connection) = idle.pop() {
                break connection;
            }
            idle = self
                .returned
                .wait(idle)
                .unwrap_or_else(PoisonError::into_inner);
        };
        drop(idle);
        self.remember(&connection);
        PooledReader {
            connection: Some(connection),
            projects: None,
            instance: Arc::clone(self),
        }
    }

    /// A connection that reads nothing but what is of these projects.
    pub(crate) fn limited_reader(
        self: &Arc<Self>,
        projects: &Arc<[String]>,
    ) -> duckdb::Result<PooledReader> {
        let known = {
            let mut limited = lock(&self.limited);
            let at = limited.iter().rposition(|(of, _)| of == projects);
            at.map(|at| limited.remove(at).1)
        };
        let connection = match known {
            Some(connection) => connection,
            None => {
                let connection = lock(&self.root).try_clone()?;
                limit::define(&connection, projects)?;
                connection
            }
        };
        self.remember(&connection);
        Ok(PooledReader {
            connection: Some(connection),
            projects: Some(Arc::clone(projects)),
            instance: Arc::clone(self),
        })
    }

    fn remember(&self, connection: &Connection) {
        let handle = Arc::downgrade(&connection.interrupt_handle());
        let mut handed_out = lock(&self.handed_out);
        handed_out.retain(|old| old.strong_count() > 0 && !old.ptr_eq(&handle));
        handed_out.push(handle);
    }

    fn interrupt_all(&self) {
        for handle in lock(&self.handed_out).iter() {
            if let Some(handle) = handle.upgrade() {
                handle.interrupt();
            }
        }
    }

    /// Closes the database: stops what still runs on it and waits until nobody holds it.
    ///
    /// Returns false when a query did not end in time; the file is then released when it does.
    pub(crate) fn close(self: Arc<Self>, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while Arc::strong_count(&self) > 1 {
            self.interrupt_all();
            if Instant::now() > deadline {
                self.slot.empty();
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // The database holds the functions, whose state holds a connection to the database.
        self.slot.empty();
    }
}

/// A pooled connection, given back when dropped.
pub(crate) struct PooledReader {
    connection: Option<Connection>,
    /// What it is limited to.
    projects: Option<Arc<[String]>>,
    instance: Arc<Instance>,
}

impl PooledReader {
    pub(crate) fn connection(&self) -> Result<&Connection, Error> {
        self.connection.as_ref().ok_or(Error::Closed)
    }
}

impl Drop for PooledReader {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        match self.projects.take() {
            None => {
                lock(&self.instance.idle).push(connection);
                self.instance.returned.notify_one();
            }
            Some(projects) => {
                let mut limited = lock(&self.instance.limited);
                if limited.len() == LIMITED_KEPT {
                    limited.remove(0);
                }
                limited.push((projects, connection));
            }
        }
    }
}

/// How many threads work on one statement: half of what the machine has. The others understand what comes
/// in, and who asks the engine for something spins while a thread of the engine's works on it.
fn threads() -> i64 {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    i64::try_from((cores / 2).max(1)).unwrap_or(1)
}

/// How the engine is opened; `folds` unless the log of changes cannot be folded into the file.
pub(crate) fn settings(
    temp_dir: &Path,
    memory_limit_bytes: u64,
    seal: &Seal,
    folds: bool,
) -> duckdb::Result<duckdb::Config> {
    // What large queries put on disk is not encrypted: with a key they get a place in memory later.
    let temp_dir = match seal.is_on() {
        true => "".into(),
        false => temp_dir.to_string_lossy(),
    };
    duckdb::Config::default()
        .enable_autoload_extension(false)?
        .with("autoinstall_known_extensions", "false")?
        .with("allow_community_extensions", "false")?
        .with("storage_compatibility_version", "latest")?
        .with("temp_directory", temp_dir)?
        .with(
            "wal_autocheckpoint",
            if folds {
                CHECKPOINT_THRESHOLD
            } else {
                NO_CHECKPOINTS
            },
        )?
        .threads(threads())?
        // Freed buffers go back to the system at once rather than beside the limit.
        .with("allocator_flush_threshold", "16MB")?
        .max_memory(&format!("{memory_limit_bytes}B"))
}

/// The engine locks the file; its message names the process that holds it. What the file system refuses
/// is in its message as well.
pub(crate) fn locked_or(path: &Path, source: duckdb::Error) -> Error {
    let message = source.to_string();
    let folder = path.parent().map(PathBuf::from).unwrap_or_default();
    let refused = [
        ("Read-only file system", io::ErrorKind::ReadOnlyFilesystem),
        ("Permission denied", io::ErrorKind::PermissionDenied),
    ];
    if let Some((_, kind)) = refused.iter().find(|(words, _)| message.contains(words)) {
        return Error::Folder {
            folder,
            source: io::Error::from(*kind),
        };
    }
    if !message.contains("Could not set lock on file") {
        return Error::Open {
            path: path.to_owned(),
            source,
        };
    }
    let holder = message
        .split_once("(PID ")
        .and_then(|(_, rest)| rest.split_once(')'))
        .map_or_else(
            || "another process".to_owned(),
            |(pid, _)| format!("process {pid}"),
        );
    Error::Locked { folder, holder }
}
