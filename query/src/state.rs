//! What the handlers share.

use std::cell::Cell;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use store::{Counts, Row, Store, Table, Value};
use tokio::sync::{Semaphore, broadcast};
use tokio_util::sync::CancellationToken;

use crate::alerts::{Outbox, Settings as AlertSettings};
use crate::ask::Endpoint;
use crate::error::{ApiError, REQUEST_ID};
use crate::findings::Settings;
use crate::live::Message;

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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IngestCounters {
    pub requests: u64,
    pub spans: u64,
    pub log_records: u64,
    pub metric_points: u64,
    /// Items refused within accepted requests, and whole refused requests.
    pub rejected: u64,
    /// Items that were stored already.
    pub duplicates: u64,
    /// Acknowledged bytes that are not loaded yet.
    pub queued_bytes: u64,
}

/// Asks the collector for its counters.
pub type CountIngest = Arc<dyn Fn() -> IngestCounters + Send + Sync>;

/// Shared by all handlers.
#[derive(Clone)]
pub(crate) struct AppState(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) config: Config,
    pub(crate) count_ingest: CountIngest,
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
    blocking: Semaphore,
}

impl AppState {
    pub(crate) fn new(
        store: Store,
        config: Config,
        count_ingest: CountIngest,
        live: broadcast::Sender<Arc<Message>>,
        outbox: Outbox,
        shutdown: CancellationToken,
    ) -> Self {
        Self(Arc::new(Shared {
            store,
            config,
            count_ingest,
            started_ns: crate::time::now_ns(),
            live,
            outbox,
            shutdown,
            counts: Mutex::new(None),
            requests: Semaphore::new(MAX_REQUESTS),
            uploads: Semaphore::new(MAX_UPLOADS),
            user_queries: Arc::new(Semaphore::new(MAX_USER_QUERIES)),
            blocking: Semaphore::new(MAX_BLOCKING_CALLS),
        }))
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
        let shared = Arc::clone(&self.0);
        // What goes wrong there is logged under this request.
        let id = REQUEST_ID.try_with(Cell::get).unwrap_or_default();
        let work = move || REQUEST_ID.sync_scope(Cell::new(id), || work(&shared.store));
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
        &self.0
    }
}
