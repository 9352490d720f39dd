//! What the handlers share.

use std::cell::Cell;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use access::Granted;
use store::{Counts, Row, Store, Table, Value};
use tokio::sync::{Semaphore, broadcast};
use tokio_util::sync::CancellationToken;

use crate::alerts::{Outbox, Settings as AlertSettings};
use crate::ask::Endpoint;
use crate::error::{ApiError, REQUEST_ID};
use crate::findings::{Progress, Settings};
use crate::live::Message;
use crate::rates::Rates;
use crate::retention::{Done, Settings as RetentionSettings};
use crate::upkeep::JournalUpkeep;

/// Store calls that may block at the same time; more wait their turn.
const MAX_BLOCKING_CALLS: usize = 8;

/// User queries that run or wait for a slot; more are turned away.
const MAX_USER_QUERIES: usize = 16;

/// Requests that are answered at the same time; more are turned away. A body that is still being sent
/// to the client, the live stream for one, does not count.
const MAX_REQUESTS: usize = 128;

/// The same of requests whose body still comes: they have places of their own, so that slow senders
/// keep nobody else from an answer.
const MAX_UPLOADS: usize = 64;

/// What the reading side is told about the whole.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where OTLP/gRPC is received; shown to users.
    pub otlp_grpc: SocketAddr,
    /// Where OTLP/HTTP is received; shown to users.
    pub otlp_http: SocketAddr,
    /// Where the API and the interface are served.
    pub ui: SocketAddr,
    /// Whether all three are served with TLS.
    pub is_encrypted: bool,
    /// Whether OTLP is taken from those only who show a token; shown to users.
    pub otlp_needs_token: bool,
    /// Host names, without port, that requests may come under beside the loopback names and the
    /// bound address.
    pub allowed_hosts: Vec<String>,
    /// Which detectors run, and their thresholds.
    pub detectors: Arc<Settings>,
    /// What is told to whom.
    pub alerts: Arc<AlertSettings>,
    /// The model that runs are explained by when somebody asks for it; none unless the user names one.
    pub ask: Option<Endpoint>,
    /// Folder in which is remembered what was told; without one nothing but tests is told.
    pub alerts_folder: Option<PathBuf>,
    /// How long recordings are kept.
    pub retention: Arc<RetentionSettings>,
    /// Whether this server removes by itself what has expired.
    pub removes_expired: bool,
    /// What the journal does for upkeep.
    pub journal: JournalUpkeep,
    /// Which prices costs are computed with; shown to users.
    pub prices: PriceTable,
}

impl Config {
    /// What addresses of this server begin with.
    pub(crate) fn scheme(&self) -> &'static str {
        match self.is_encrypted {
            true => "https",
            false => "http",
        }
    }
}

/// The prices that the collector uses where an emitter reports no cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceTable {
    /// Day up to which the prices were looked up, `YYYY-MM-DD`.
    pub date: String,
    /// The user's own table over the shipped one, where there is one.
    pub overridden_by: Option<std::path::PathBuf>,
}

/// What the collector has counted since the start.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct IngestCounters {
    pub requests: u64,
    /// Of accepted requests, decompressed.
    pub received_bytes: u64,
    pub spans: u64,
    pub log_records: u64,
    pub metric_points: u64,
    /// Items refused within accepted requests, and whole refused requests.
    pub rejected: u64,
    /// Items that were stored already.
    pub duplicates: u64,
    /// Whole requests that were not taken, by reason: one lower-case word, or several with underscores.
    pub refusals: Vec<(&'static str, u64)>,
    /// Memory that requests hold between socket and store, and what they may hold at most.
    pub queued_bytes: u64,
    pub queue_limit_bytes: u64,
    /// How long the oldest acknowledged request that is not queryable yet has waited; zero when all are.
    pub lag: Duration,
    /// On disk.
    pub journal_bytes: u64,
    pub journal_written_bytes: u64,
    /// Shared syncs of the journal.
    pub journal_syncs: u64,
    /// The latest write of the journal failed.
    pub is_journal_failing: bool,
    /// What resolving and committing each group of requests took.
    pub group_times: DurationCounts,
    /// Attempts to store a group that failed; each was repeated.
    pub load_failures: u64,
    /// The latest attempt failed.
    pub is_load_failing: bool,
    /// How much of each kind (lower-case letters, digits, underscores) was redacted; `None` = nothing is
    /// looked at.
    pub redactions: Option<Vec<(String, u64)>>,
}

/// How many durations fell into each bucket.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DurationCounts {
    /// Upper bounds of the buckets in seconds, rising.
    pub bounds_s: &'static [f64],
    /// One for each bound, and one for what is longer than the last.
    pub counts: Vec<u64>,
    /// All durations together, in seconds.
    pub sum_s: f64,
}

/// What the program takes of its machine. What the machine does not tell is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Bytes of each part of the data folder.
    pub parts: Vec<(&'static str, u64)>,
    /// What the data folder's file system has left for us.
    pub free_bytes: Option<u64>,
    /// Memory of the process.
    pub resident_bytes: Option<u64>,
    /// Files and sockets that the process has open.
    pub open_files: Option<u64>,
}

/// What the whole tells of itself, asked by status pages.
pub trait Observe: Send + Sync {
    /// The collector's counters; at once.
    fn ingest(&self) -> IngestCounters;

    /// What the program takes of its machine; blocking.
    fn footprint(&self) -> Footprint;

    /// Why no request would be acknowledged at this moment; `None` when it would. Blocking.
    fn refuses(&self) -> Option<String>;
}

/// Shared by all handlers.
#[derive(Clone)]
pub(crate) struct AppState {
    shared: Arc<Shared>,
    /// As far as the one for whom the work is done may see.
    pub(crate) store: Store,
}

pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) observer: Arc<dyn Observe>,
    /// What arrived in the last minute.
    pub(crate) rates: Rates,
    /// How far the detectors are.
    pub(crate) detectors: Progress,
    pub(crate) started: Instant,
    pub(crate) started_ns: i64,
    pub(crate) live: broadcast::Sender<Arc<Message>>,
    /// Alerts on their way.
    pub(crate) outbox: Outbox,
    pub(crate) shutdown: CancellationToken,
    /// The latest counts and when they were made.
    pub(crate) counts: Mutex<Option<(Instant, Counts)>>,
    /// Requests that are being answered.
    pub(crate) requests: Semaphore,
    /// Those of which the body still comes.
    pub(crate) uploads: Semaphore,
    /// User queries that run or wait.
    pub(crate) user_queries: Arc<Semaphore>,
    /// What retention did since the start.
    pub(crate) retention: Mutex<Done>,
    /// One task of upkeep at a time.
    pub(crate) upkeep: Semaphore,
    blocking: Semaphore,
}

impl AppState {
    pub(crate) fn new(
        store: Store,
        config: Config,
        observer: Arc<dyn Observe>,
        live: broadcast::Sender<Arc<Message>>,
        outbox: Outbox,
        shutdown: CancellationToken,
    ) -> Self {
        let shared = Arc::new(Shared {
            config,
            observer,
            rates: Rates::default(),
            detectors: Progress::default(),
            started: Instant::now(),
            started_ns: crate::time::now_ns(),
            live,
            outbox,
            shutdown,
            counts: Mutex::new(None),
            requests: Semaphore::new(MAX_REQUESTS),
            uploads: Semaphore::new(MAX_UPLOADS),
            user_queries: Arc::new(Semaphore::new(MAX_USER_QUERIES)),
            retention: Mutex::default(),
            upkeep: Semaphore::new(1),
            blocking: Semaphore::new(MAX_BLOCKING_CALLS),
        });
        Self { shared, store }
    }

    /// The same for somebody who may see no more than this.
    pub(crate) fn limited_as(&self, granted: &Granted) -> Self {
        let shared = Arc::clone(&self.shared);
        let store = match &granted.projects {
            None => self.store.clone(),
            Some(projects) => self.store.limited_to(Arc::clone(projects)),
        };
        Self { shared, store }
    }

    /// What the one for whom the work is done may see, for questions that are asked on the way.
    pub(crate) fn granted(&self) -> Granted {
        Granted {
            by_cookie: false,
            projects: self.store.projects().cloned(),
        }
    }

    /// Runs blocking work beside the async threads, a bounded number at a time.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let _permit = self
            .blocking
            .acquire()
            .await
            .map_err(|error| ApiError::internal(&error))?;
        let store = self.store.clone();
        // What goes wrong there is logged under this request.
        let id = REQUEST_ID.try_with(Cell::get).unwrap_or_default();
        let work = move || REQUEST_ID.sync_scope(Cell::new(id), || work(&store));
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| ApiError::internal(&error))?
    }

    /// Runs one of our own queries.
    pub(crate) async fn read(
        &self,
        sql: &'static str,
        params: Vec<Value>,
    ) -> Result<Table, ApiError> {
        self.blocking(move |store| Ok(store.read(sql, &params)?))
            .await
    }

    /// Runs one of our own queries and hands each row to `fold` without copying it.
    pub(crate) async fn scan<T: Send + 'static>(
        &self,
        sql: &'static str,
        params: Vec<Value>,
        mut into: T,
        mut fold: impl FnMut(&mut T, &Row<'_>) + Send + 'static,
    ) -> Result<T, ApiError> {
        self.blocking(move |store| {
            store.scan(sql, &params, &mut |row| fold(&mut into, row))?;
            Ok(into)
        })
        .await
    }
}

impl std::ops::Deref for AppState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}
