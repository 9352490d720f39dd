//! The server: collector, store and query put together, from taking the ports to the last commit.

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use access::{Gate, Listener, Tls};
use anyhow::{Context as _, anyhow};
use store::{EncryptionKey, Store};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::args::ServeArgs;
use crate::cli::{token, upkeep};
use crate::client;
use crate::doors::Doors;
use crate::encryption;
use crate::failure::Failure;
use crate::hook::send::Recorder;
use crate::hook::spool::Spool;
use crate::observe::Observer;
use crate::settings;

/// Request bodies and decoded requests hold at most this much, and never less than two of the largest.
const REQUEST_MEMORY_BYTES: u64 = 96 << 20;
/// Acts that the resolver keeps between batches; one to two kilobytes each.
const CACHED_ACTS: usize = 20_000;
/// Connections for reading.
const READERS: usize = 4;
/// How long the server may take to take in what it hands itself.
const OWN_PATIENCE: Duration = Duration::from_secs(10);
/// How often the hook fires that wait in the data folder are looked for.
const HOOKS_EVERY: Duration = Duration::from_secs(2);

/// A server that runs in this process.
pub struct Running {
    /// Where the UI and the API are.
    pub ui: SocketAddr,
    /// Where OTLP over gRPC is received.
    pub otlp_grpc: SocketAddr,
    /// Where OTLP over HTTP is received.
    pub otlp_http: SocketAddr,
    /// The certificate, where connections are encrypted.
    pub tls: Option<Tls>,
    shutdown: CancellationToken,
    collector: collector::Collector,
    served: JoinHandle<()>,
    store: Store,
}

impl Running {
    /// Stops taking requests, finishes those that were taken, and closes the data folder.
    pub async fn stop(self) -> Result<(), Failure> {
        self.shutdown.cancel();
        self.finished().await
    }

    /// Waits until the server has stopped, by whatever cause.
    pub async fn finished(self) -> Result<(), Failure> {
        let served = self.served.await;
        // The API may have ended by itself; the rest must then stop as well.
        self.shutdown.cancel();
        self.collector.finished().await;
        let store = self.store;
        tokio::task::spawn_blocking(move || store.close())
            .await
            .context("closing the store")?;
        served.context("the API ended by a panic")?;
        Ok(())
    }
}

/// Serves until it is told to stop (Ctrl-C or SIGTERM), then finishes what it has taken.
pub async fn run(args: ServeArgs) -> Result<(), Failure> {
    start_logging(&args.log)?;
    raise_open_files();
    let running = start(&args).await?;
    watch_signals(running.shutdown.clone())?;
    announce(&running, &args)?;
    running.finished().await
}

/// Takes the ports (0 = any), opens the data folder, loads what its journal still holds, and serves.
pub async fn start(args: &ServeArgs) -> Result<Running, Failure> {
    let data_dir = args.data_folder()?;
    let ui_listener = bind(args.ui, "--ui", "SPANREEL_UI").await?;
    let grpc = bind(args.otlp_grpc, "--otlp-grpc", "SPANREEL_OTLP_GRPC").await?;
    let http = bind(args.otlp_http, "--otlp-http", "SPANREEL_OTLP_HTTP").await?;
    let ui = ui_listener.local_addr().context("the UI's own address")?;
    let otlp_grpc = grpc.local_addr().context("the OTLP/gRPC address")?;
    let otlp_http = http.local_addr().context("the OTLP/HTTP address")?;

    let doors = Doors::new(args, &data_dir)?;
    let ui_gate = doors.gate(args.ui, ui.port())?;
    let grpc_gate = doors.gate(args.otlp_grpc, otlp_grpc.port())?;
    let http_gate = doors.gate(args.otlp_http, otlp_http.port())?;
    let otlp_needs_token = grpc_gate.is_closed() || http_gate.is_closed();
    // Hook fires that waited come in by a door of their own where the others are closed.
    let (own, front_door, shown) = if http_gate.is_closed() || doors.tls.is_some() {
        let listener = bind(
            ([127, 0, 0, 1], 0).into(),
            "--otlp-http",
            "SPANREEL_OTLP_HTTP",
        )
        .await?;
        let address = listener.local_addr().context("an address of our own")?;
        let (gate, token) = Gate::own().map_err(token::failure)?;
        let listener = Listener::new(listener, None, gate);
        (Some(listener), address, Some(client::bearer(&token)?))
    } else {
        (None, otlp_http, None)
    };

    let detectors = settings::detectors(&data_dir)?;
    let alerts = settings::alerts(&data_dir)?;
    let retention = settings::retention(&data_dir)?;
    let ask = settings::ask(&data_dir)?;
    let redaction = settings::redaction(&data_dir, args.redact)?;
    let key = encryption::key(&args.encryption, &data_dir)?;
    let spool = Spool::of(&data_dir, key.as_ref()).context("the key")?;
    let store = open_store(&data_dir, args.memory_mib << 20, key.clone()).await?;
    let shutdown = CancellationToken::new();
    let collector = collector::start(
        collector::Config {
            data_dir,
            max_request_bytes: args.max_request_mib << 20,
            memory_budget_bytes: REQUEST_MEMORY_BYTES.max((args.max_request_mib << 20) * 2),
            cached_acts: CACHED_ACTS,
            read_body_refs: args.read_body_refs.clone(),
            redaction,
            encryption: key,
        },
        collector::Listeners {
            grpc: doors.listener(grpc, grpc_gate),
            http: doors.listener(http, http_gate),
            own,
        },
        store.clone(),
        shutdown.clone(),
    )
    .await
    .map_err(|error| match error {
        // The user's own file, and theirs to mend.
        collector::Error::Prices { source } => {
            Failure::Unavailable(format!("{:#}", anyhow!(source)))
        }
        error => Failure::Internal(anyhow!(error).context("the collector does not start")),
    })?;

    let observer = Observer {
        meter: collector.meter(),
        data_dir: args.data_folder()?,
    };
    let config = query::Config {
        journal: upkeep::journal_upkeep(collector.journal(), store.clone()),
        otlp_grpc,
        otlp_http,
        ui,
        is_encrypted: doors.tls.is_some(),
        otlp_needs_token,
        allowed_hosts: args.access.allowed_host.clone(),
        prices: query::PriceTable {
            date: collector.prices().date().to_owned(),
            overridden_by: collector.prices().overridden_by().map(Path::to_owned),
        },
        detectors: Arc::new(detectors),
        alerts: Arc::new(alerts),
        ask,
        retention: Arc::new(retention),
        removes_expired: args.removes_expired,
        alerts_folder: args.sends_alerts.then(|| args.data_folder()).transpose()?,
    };
    tokio::spawn(deliver_hooks(
        spool,
        Recorder::at(
            &front_door.to_string(),
            client::showing(shown, None)?,
            OWN_PATIENCE,
        )?,
        shutdown.clone(),
    ));
    let served = query::serve(
        doors.listener(ui_listener, ui_gate),
        store.clone(),
        config,
        Arc::new(observer),
        shutdown.clone(),
    );
    Ok(Running {
        ui,
        otlp_grpc,
        otlp_http,
        tls: doors.tls,
        served: tokio::spawn(served),
        shutdown,
        collector,
        store,
    })
}

/// Takes in the hook fires that found no recorder, now and while this one runs, by its own front door.
async fn deliver_hooks(spool: Spool, recorder: Recorder, shutdown: CancellationToken) {
    let mut ticks = tokio::time::interval(HOOKS_EVERY);
    while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
        match recorder.deliver(&spool, None).await {
            Ok(0) => {}
            Ok(fires) => tracing::info!(fires, "took in hook fires that had waited"),
            Err(error) => tracing::warn!(%error, "cannot read the hook fires that wait"),
        }
    }
}

fn start_logging(filter: &str) -> Result<(), Failure> {
    // The MCP library tells every request, at finer levels with what was recorded in it.
    let filter = EnvFilter::try_new(format!("{filter},rmcp=warn"))
        .map_err(|error| Failure::Usage(format!("--log: {error}; try info or collector=debug")))?;
    // Tests start several servers in one process: the first one's logging serves them all.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .try_init();
    Ok(())
}

/// Each connection is an open file, and many systems allow 1,024 unless a process asks for what it may have.
fn raise_open_files() {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::debug!(%error, "the limit of open files stays");
    }
}

async fn bind(address: SocketAddr, flag: &str, variable: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::Unavailable(match error.kind() {
            std::io::ErrorKind::AddrInUse => format!(
                "port {} is taken by another program (another Spanreel?); stop it, or choose another \
                 address with {flag} or {variable}",
                address.port()
            ),
            _ => format!("cannot listen on {address} ({flag}): {error}"),
        })
    })
}

/// Opens the data folder for reading and writing; it is made when there is none.
pub async fn open_store(
    data_dir: &Path,
    memory_limit_bytes: u64,
    encryption: Option<EncryptionKey>,
) -> Result<Store, Failure> {
    let config = store::Config {
        data_dir: data_dir.to_owned(),
        memory_limit_bytes,
        reader_count: READERS,
        encryption,
    };
    let opened = tokio::task::spawn_blocking(move || Store::open(config))
        .await
        .context("opening the store")?;
    opened.map_err(|error| match error {
        store::Error::Folder { .. }
        | store::Error::Locked { .. }
        | store::Error::NewerSchema { .. }
        | store::Error::NoEncryptionKey { .. }
        | store::Error::OtherEncryptionKey { .. }
        | store::Error::NotEncrypted { .. } => Failure::Unavailable(format!("{:#}", anyhow!(error))),
        error if error.is_damaged_block() => Failure::Unavailable(format!(
            "the database in the data folder is damaged ({:#}); `spanreel verify --data DIR` names what is, \
             `spanreel restore BACKUP --data OTHER` makes a data folder of a backup",
            anyhow!(error)
        )),
        error => Failure::Internal(error.into()),
    })
}

/// The first signal stops gently, the second at once.
fn watch_signals(shutdown: CancellationToken) -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt()).context("watching for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("watching for SIGTERM")?;
    tokio::spawn(async move {
        let mut asked = false;
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if asked {
                tracing::warn!("stopping at once; what was acknowledged is on disk");
                std::process::exit(70);
            }
            asked = true;
            tracing::info!("stopping: finishing what was taken (once more to stop at once)");
            shutdown.cancel();
        }
    });
    Ok(())
}

fn announce(running: &Running, args: &ServeArgs) -> Result<(), Failure> {
    let data_dir = args.data_folder()?;
    let mut out = std::io::stdout().lock();
    let scheme = if running.tls.is_some() {
        "https"
    } else {
        "http"
    };
    // Nobody reading our output is no reason not to serve.
    let _ = writeln!(
        out,
        "Spanreel {} is recording into {}\n  look:  {scheme}://localhost:{}\n  send:  OTLP/gRPC {scheme}://{}   OTLP/HTTP {scheme}://{}\n  try:   spanreel demo",
        env!("CARGO_PKG_VERSION"),
        data_dir.display(),
        running.ui.port(),
        running.otlp_grpc,
        running.otlp_http,
    );
    if let Some(tls) = &running.tls {
        let _ = writeln!(
            out,
            "  trust: SPANREEL_CA={}   SHA-256 {}",
            tls.certificate.display(),
            tls.fingerprint
        );
    }
    if let Some(file) = &args.encryption.encryption_key_file {
        if let Ok(Some(key_id)) = store::encryption_of(&data_dir) {
            let _ = writeln!(out, "  key:   texts are encrypted with {key_id}");
        }
        if encryption::is_readable_by_others(file) {
            tracing::warn!(file = %file.display(), "others can read the key; chmod 600 keeps them off");
        }
    }
    let _ = out.flush();
    Ok(())
}
