//! The store as a whole: opening, closing, and opening again after the engine gave up.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

use proto::Hashing;
use tokio::sync::broadcast;

use crate::checkpoint::LogLimit;
use crate::instance::{Beside, Instance, lock};
use crate::recent::Recent;
use crate::sandbox::Sandbox;
use crate::seal::{self, EncryptionKey, Seal};
use crate::search::{Indexer, Search};
use crate::writer::{Core, Writer};
use crate::{Error, Notice, compact};

pub(crate) const FILE_NAME: &str = "spanreel.duckdb";
pub(crate) const TEMP_NAME: &str = "tmp";
/// Folder in which a new database file is written, the only one that the engine may attach files in.
pub(crate) const COMPACT_NAME: &str = "compact";
/// Notices that a slow subscriber may fall behind before it misses some.
const NOTICE_CAPACITY: usize = 1024;
/// Queries of users that run at the same time; more wait.
const USER_QUERY_SLOTS: usize = 2;
/// How long closing waits for running queries, which it interrupts.
pub(crate) const CLOSE_PATIENCE: Duration = Duration::from_secs(20);
/// What the store is given. No part of it has a default here.
#[derive(Debug, Clone)]
pub struct Config {
    /// Created when absent.
    pub data_dir: PathBuf,
    /// For the engine's buffers. The process takes up to 0.8 GB more.
    pub memory_limit_bytes: u64,
    /// Queries of our own that run at the same time.
    pub reader_count: usize,
    /// What the folder is encrypted with. A folder is begun with a key or without.
    pub encryption: Option<EncryptionKey>,
}

/// The recorder's memory. Cheap to clone; all clones are the same store.
#[derive(Clone)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
    /// What reading is limited to; see `limit.rs`.
    pub(crate) projects: Option<Arc<[String]>>,
}

/// Where the database is.
enum Place {
    Open(Arc<Instance>),
    /// The engine gave up; to be opened again once nobody holds the old one.
    Lost(Weak<Instance>),
    Closed,
}

pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) path: PathBuf,
    instance: RwLock<Place>,
    /// What the writer knows and holds. Taken by every write.
    pub(crate) core: Mutex<Option<Core>>,
    pub(crate) writer_taken: AtomicBool,
    pub(crate) notices: broadcast::Sender<Arc<Notice>>,
    /// Bounds of what users ask.
    pub(crate) sandbox: Sandbox,
    pub(crate) search: Arc<Search>,
    pub(crate) seal: Seal,
    pub(crate) recent: Arc<Recent>,
    indexer: Indexer,
    claim: Mutex<Option<Claim>>,
    pub(crate) log_limit: LogLimit,
    /// The database file, opened for reading beside the engine; see [`Self::database_file`].
    file: Mutex<Option<Arc<File>>>,
    /// Times that the database was opened again.
    recoveries: AtomicU64,
    stop: Arc<(Mutex<bool>, Condvar)>,
}

impl Store {
    /// Opens or creates `<data_dir>/spanreel.duckdb` and brings its schema up to date.
    ///
    /// # Errors
    /// [`Error::Locked`] when the folder is in use, [`Error::NewerSchema`] when a newer Spanreel
    /// wrote it, [`Error::NoEncryptionKey`], [`Error::OtherEncryptionKey`] and [`Error::NotEncrypted`] when the
    /// key is not the folder's, else what the file system or the engine says.
    pub fn open(config: Config) -> Result<Self, Error> {
        let folder_error = |source| Error::Folder {
            folder: config.data_dir.clone(),
            source,
        };
        std::fs::create_dir_all(&config.data_dir).map_err(folder_error)?;
        let data_dir = config.data_dir.canonicalize().map_err(folder_error)?;
        let claim = Claim::take(&data_dir)?;
        seal::admit(&data_dir, config.encryption.as_ref(), true)?;
        let seal = Seal::new(config.encryption.as_ref()).map_err(folder_error)?;
        let path = data_dir.join(FILE_NAME);
        let shared = Shared {
            path,
            instance: RwLock::new(Place::Closed),
            core: Mutex::new(None),
            writer_taken: AtomicBool::new(false),
            notices: broadcast::channel(NOTICE_CAPACITY).0,
            sandbox: Sandbox::new(USER_QUERY_SLOTS, config.memory_limit_bytes / 3 * 2),
            search: Search::new(&data_dir, seal.is_on()),
            seal,
            recent: Arc::default(),
            indexer: Indexer::default(),
            claim: Mutex::new(Some(claim)),
            log_limit: LogLimit::default(),
            file: Mutex::new(None),
            recoveries: AtomicU64::new(0),
            stop: Arc::new((Mutex::new(false), Condvar::new())),
            config,
        };
        shared.open_instance(&mut lock(&shared.core))?;
        let shared = Arc::new(shared);
        spawn_checkpoints(&shared);
        shared.indexer.start(&shared);
        Ok(Self {
            shared,
            projects: None,
        })
    }

    /// How often the engine gave up and the database was opened again, since the start.
    pub fn recovery_count(&self) -> u64 {
        self.shared.recoveries.load(Ordering::Relaxed)
    }

    /// The one writer.
    ///
    /// # Errors
    /// [`Error::WriterTaken`] while another one lives.
    pub fn writer(&self) -> Result<Writer, Error> {
        if self.shared.writer_taken.swap(true, Ordering::AcqRel) {
            return Err(Error::WriterTaken);
        }
        Writer::new(Arc::clone(&self.shared)).inspect_err(|_| {
            self.shared.writer_taken.store(false, Ordering::Release);
        })
    }

    /// How texts of this store are identified.
    pub fn hashing(&self) -> Hashing {
        self.shared.seal.hashing()
    }

    /// What every commit and every write of findings tells, from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Notice>> {
        self.shared.notices.subscribe()
    }

    /// Folds the log of changes into the file and releases the folder, also when clones live on:
    /// they then answer [`Error::Closed`].
    pub fn close(self) {
        self.shared.close();
    }
}

impl Shared {
    /// The open database; opens it again when an earlier attempt to do so failed.
    pub(crate) fn instance(&self) -> Result<Arc<Instance>, Error> {
        let lost = match &*self.instance.read().unwrap_or_else(PoisonError::into_inner) {
            Place::Open(instance) => return Ok(Arc::clone(instance)),
            Place::Lost(old) => old.clone(),
            Place::Closed => return Err(Error::Closed),
        };
        self.recover(&lost)?;
        match &*self.instance.read().unwrap_or_else(PoisonError::into_inner) {
            Place::Open(instance) => Ok(Arc::clone(instance)),
            _ => Err(Error::Closed),
        }
    }

    /// Bytes on disk.
    pub(crate) fn file_bytes(&self) -> u64 {
        size(&self.path) + self.log_bytes()
    }

    /// Length of the log of changes.
    pub(crate) fn log_bytes(&self) -> u64 {
        size(&self.path.with_file_name(format!("{FILE_NAME}.wal")))
    }

    /// The database file for reading below the engine. One handle serves all and stays open as long as
    /// the database is: closing any handle of a file gives up the lock that the process has on it.
    pub(crate) fn database_file(&self) -> Result<Arc<File>, Error> {
        let mut file = lock(&self.file);
        if let Some(file) = &*file {
            return Ok(Arc::clone(file));
        }
        let opened = File::open(&self.path).map_err(|source| self.file_error(source))?;
        Ok(Arc::clone(file.insert(Arc::new(opened))))
    }

    /// Lets go of the file that was the database, once another is.
    pub(crate) fn forget_file(&self) {
        lock(&self.file).take();
    }

    /// Takes the open database out: who asks for one waits for the writer's lock, which the caller holds.
    pub(crate) fn take_out(&self) -> Option<Arc<Instance>> {
        let mut place = self
            .instance
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *place, Place::Closed) {
            Place::Open(instance) => {
                *place = Place::Lost(Arc::downgrade(&instance));
                Some(instance)
            }
            other => {
                *place = other;
                None
            }
        }
    }

    pub(crate) fn file_error(&self, source: std::io::Error) -> Error {
        Error::Folder {
            folder: self.config.data_dir.clone(),
            source,
        }
    }

    /// Folds the log of changes into the file.
    pub(crate) fn checkpoint(&self) -> Result<(), Error> {
        self.instance()?;
        let guard = lock(&self.core);
        let core = guard.as_ref().ok_or(Error::Closed)?;
        core.checkpoint_now()
            .map_err(|source| Error::Commit { source })
    }

    pub(crate) fn open_instance(&self, core: &mut Option<Core>) -> Result<(), Error> {
        let temp_dir = self.path.with_file_name(TEMP_NAME);
        let instance = Arc::new(Instance::open(
            &self.path,
            &temp_dir,
            self.config.memory_limit_bytes,
            self.config.reader_count,
            &Beside {
                search: &self.search,
                recent: &self.recent,
                seal: &self.seal,
            },
            self.log_limit.can_fold(),
        )?);
        // What was not committed when the engine gave up has numbers that are given again.
        self.recent.clear();
        // Only now is it certain that nobody else has the folder.
        compact::clear(&self.path);
        *core = Some(Core::load(&instance, &self.seal)?);
        *self
            .instance
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Place::Open(instance);
        Ok(())
    }

    /// Opens the database again after the engine has given up on the instance that `failed` names.
    /// What was committed comes back from disk.
    pub(crate) fn recover(&self, failed: &Weak<Instance>) -> Result<(), Error> {
        let mut core = lock(&self.core);
        self.recover_with(failed, &mut core)
    }

    /// As [`Self::recover`], for a caller that holds the writer's lock.
    pub(crate) fn recover_with(
        &self,
        failed: &Weak<Instance>,
        core: &mut Option<Core>,
    ) -> Result<(), Error> {
        let old = {
            let mut place = self
                .instance
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            match &*place {
                Place::Open(current) if Arc::downgrade(current).ptr_eq(failed) => {
                    let lost = Place::Lost(failed.clone());
                    match std::mem::replace(&mut *place, lost) {
                        Place::Open(old) => Some(old),
                        _ => None,
                    }
                }
                // Somebody else has done it.
                Place::Open(_) => return Ok(()),
                Place::Lost(old) => old.upgrade(),
                Place::Closed => return Err(Error::Closed),
            }
        };
        tracing::error!("the database engine gave up; opening the database again");
        *core = None;
        if let Some(old) = old
            && !old.close(CLOSE_PATIENCE)
        {
            // Two instances of one file in one process would destroy it.
            return Err(Error::Damaged(
                "a query of the failed database does not end".to_owned(),
            ));
        }
        self.open_instance(core)?;
        self.recoveries.fetch_add(1, Ordering::Relaxed);
        tracing::info!("the database is open again");
        Ok(())
    }

    fn close(&self) {
        {
            let (stopped, signal) = &*self.stop;
            *lock(stopped) = true;
            signal.notify_all();
        }
        self.indexer.stop();
        let mut core = lock(&self.core);
        let place = std::mem::replace(
            &mut *self
                .instance
                .write()
                .unwrap_or_else(PoisonError::into_inner),
            Place::Closed,
        );
        if let Some(mut core) = core.take()
            && self.log_limit.can_fold()
        {
            core.fold_last();
        }
        if let Place::Open(instance) = place
            && !instance.close(CLOSE_PATIENCE)
        {
            tracing::warn!("a query does not end; the data folder is released when it does");
        }
        lock(&self.claim).take();
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.close();
    }
}

/// Makes the names in a folder durable. Where folders cannot be opened (Windows) the file system does so
/// itself.
pub(crate) fn sync_dir(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Bytes of a file; 0 when there is none.
pub(crate) fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |meta| meta.len())
}

/// Folds the log of changes into the file whenever commits pause, so that no commit has to.
fn spawn_checkpoints(shared: &Arc<Shared>) {
    let stop = Arc::clone(&shared.stop);
    let shared = Arc::downgrade(shared);
    let spawned = std::thread::Builder::new()
        .name("checkpoint".to_owned())
        .spawn(move || {
            let (stopped, signal) = &*stop;
            let mut guard = lock(stopped);
            while !*guard {
                guard = signal
                    .wait_timeout(guard, Duration::from_secs(1))
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
                if *guard {
                    break;
                }
                drop(guard);
                let Some(shared) = shared.upgrade() else {
                    return;
                };
                if let Ok(mut core) = shared.core.try_lock()
                    && let Some(core) = core.as_mut()
                {
                    shared.fold_when_idle(core);
                }
                drop(shared);
                guard = lock(stopped);
            }
        });
    if let Err(error) = spawned {
        tracing::warn!(%error, "no thread for checkpoints; commits will do them");
    }
}

/// Keeps a second store of this process off the folder; the engine's file lock keeps off other
/// processes only.
struct Claim {
    data_dir: PathBuf,
}

static CLAIMED: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);

impl Claim {
    fn take(data_dir: &Path) -> Result<Self, Error> {
        let mut claimed = lock(&CLAIMED);
        if !claimed.get_or_insert_default().insert(data_dir.to_owned()) {
            return Err(Error::Locked {
                folder: data_dir.to_owned(),
                holder: "this process".to_owned(),
            });
        }
        Ok(Self {
            data_dir: data_dir.to_owned(),
        })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(claimed) = lock(&CLAIMED).as_mut() {
            claimed.remove(&self.data_dir);
        }
    }
}

#[cfg(test)]
mod tests;
