//! The collector put together: journal, feed, loader, receivers.

use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use access::Listener;
use store::{EncryptionKey, Packer, Store};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::body_refs::BodyRefs;
use crate::counters::{LoadCounters, Meter};
use crate::error::Error;
use crate::journal::{self, Journal};
use crate::load::{Feed, Loader, WAITING_BYTES};
use crate::prices::Prices;
use crate::receive::{self, admission::Budget};
use crate::redact::{self, Redactor};
use crate::resolve::Resolver;

const SEGMENT_BYTES: u64 = 64 << 20;
const ADMISSION_WAIT: Duration = Duration::from_millis(500);
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Name of the journal's folder within the data folder.
pub const JOURNAL_FOLDER: &str = "journal";

/// What the collector is told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Data folder; the journal is in `journal/` there.
    pub data_dir: PathBuf,
    /// Largest request body, decompressed.
    pub max_request_bytes: u64,
    /// What all requests in memory may hold together; senders beyond it are told to retry.
    pub memory_budget_bytes: u64,
    /// Acts that the resolver keeps in memory between batches.
    pub cached_acts: usize,
    /// Folder that bodies may be read from which senders keep in files; `None` = none are read.
    pub read_body_refs: Option<PathBuf>,
    /// What the journal is encrypted with: the key of the store.
    pub encryption: Option<EncryptionKey>,
    /// What is replaced in everything that is received, before it is on disk.
    pub redaction: redact::Settings,
}

/// Bound listeners. Both take OTLP over gRPC and over HTTP.
pub struct Listeners {
    pub grpc: Listener,
    pub http: Listener,
    /// For the program itself, where the others ask for tokens or speak TLS.
    pub own: Option<Listener>,
}

/// A running collector.
pub struct Collector {
    meter: Meter,
    prices: Arc<Prices>,
    journal: Journal,
    receivers: JoinHandle<()>,
    loader: std::thread::JoinHandle<()>,
}

/// Receives until `shutdown`. What an earlier run acknowledged and did not load comes first; it is loaded
/// while the receivers are open already.
///
/// # Errors
/// When the price table or the journal cannot be read, the store has a writer already, or no thread
/// can be had.
pub async fn start(
    config: Config,
    listeners: Listeners,
    store: Store,
    shutdown: CancellationToken,
) -> Result<Collector, Error> {
    let load = Arc::new(LoadCounters::default());
    let max_body_bytes = usize::try_from(config.max_request_bytes).unwrap_or(usize::MAX);
    let budget = Budget::new(config.memory_budget_bytes);
    let loader_shutdown = shutdown.clone();
    let counters = Arc::clone(&load);
    let prepared = tokio::task::spawn_blocking(move || {
        let redactor = redactor(&config)?;
        let body_refs = match &config.read_body_refs {
            Some(path) => {
                let allowed = BodyRefs::allow(path, redactor.clone());
                Some(allowed.map_err(|source| Error::BodyRefs {
                    path: path.clone(),
                    source,
                })?)
            }
            None => None,
        };
        let prices = Prices::load(&config.data_dir).map_err(|source| Error::Prices { source })?;
        let prices = Arc::new(prices);
        let writer = store
            .writer()
            .map_err(|source| Error::TakeWriter { source })?;
        let journal_config = journal::Config {
            dir: config.data_dir.join(JOURNAL_FOLDER),
            segment_bytes: SEGMENT_BYTES,
            encryption: config
                .encryption
                .as_ref()
                .map(journal::Encryption::new)
                .transpose()
                .map_err(|source| Error::Encryption { source })?,
        };
        let journal = Journal::open(journal_config, writer.journal_position())?;
        let loaded = writer.journal_position();
        let backlog_bytes = journal.stats().closed_bytes;
        if journal.stats().last_position > loaded {
            tracing::info!(
                backlog_bytes,
                "loading what was acknowledged before the last stop, while serving"
            );
        }
        let (sender, accepted) = mpsc::channel();
        let (to_loader, groups) = mpsc::sync_channel(0);
        let metered = journal.clone();
        let failed = |source| Error::StartThread { source };
        let feed = Feed {
            accepted,
            to_loader,
            journal: journal.clone(),
            shutdown: loader_shutdown.clone(),
            body_refs,
            packer: Packer::new(store.hashing()).map_err(failed)?,
            hashing: store.hashing(),
            waiting_bytes: WAITING_BYTES,
        };
        let loader = Loader {
            writer,
            store: store.clone(),
            resolver: Resolver::new(config.cached_acts, Arc::clone(&prices)),
            journal: journal.clone(),
            counters,
            shutdown: loader_shutdown,
            gave_up: false,
            deletions: 0,
        };
        let ingest = journal.start(sender)?;
        std::thread::Builder::new()
            .name("feed".to_owned())
            .spawn(move || feed.run(loaded))
            .map_err(failed)?;
        let thread = std::thread::Builder::new()
            .name("loader".to_owned())
            .spawn(move || loader.run(&groups))
            .map_err(failed)?;
        Ok::<_, Error>((ingest, thread, prices, redactor, metered))
    });
    let (ingest, loader, prices, redactor, journal) = prepared
        .await
        .map_err(|source| Error::Recover { source })??;
    let counters = Arc::new(receive::Counters::default());
    let receivers = tokio::spawn(receive::serve(
        [listeners.grpc, listeners.http]
            .into_iter()
            .chain(listeners.own)
            .collect(),
        receive::Config {
            max_body_bytes,
            admission_wait: ADMISSION_WAIT,
            body_timeout: BODY_TIMEOUT,
            drain_timeout: DRAIN_TIMEOUT,
            redactor: redactor.clone(),
        },
        budget.clone(),
        ingest,
        Arc::clone(&counters),
        shutdown,
    ));
    Ok(Collector {
        meter: Meter {
            receive: counters,
            load,
            budget,
            journal: journal.clone(),
            redactor,
        },
        prices,
        journal,
        receivers,
        loader,
    })
}

/// What redacts by the settings, with the key of the data folder; `None` when they say `off`.
fn redactor(config: &Config) -> Result<Option<Arc<Redactor>>, Error> {
    if config.redaction.mode() == redact::Mode::Off {
        return Ok(None);
    }
    let key = redact::load_or_draw_key(&config.data_dir)
        .map_err(|source| Error::RedactionKey { source })?;
    let redactor =
        Redactor::new(&config.redaction, key).map_err(|source| Error::Redaction { source })?;
    Ok(redactor.map(Arc::new))
}

impl Collector {
    /// Reads the counts, also while it runs and after it has ended.
    pub fn meter(&self) -> Meter {
        self.meter.clone()
    }

    /// The journal, for upkeep.
    pub fn journal(&self) -> Journal {
        self.journal.clone()
    }

    /// The price table in use.
    pub fn prices(&self) -> &Prices {
        &self.prices
    }

    /// Waits until the shutdown is through: nothing more is received, and what was is in the store.
    pub async fn finished(self) {
        if self.receivers.await.is_err() {
            tracing::error!("the receivers ended by a panic");
        }
        let loader = self.loader;
        match tokio::task::spawn_blocking(move || loader.join()).await {
            Ok(Ok(())) => {}
            _ => tracing::error!(
                "the loader ended by a panic; what was acknowledged is in the journal"
            ),
        }
    }
}
