//! Connections: accepting them, HTTP/1.1 and HTTP/2 on each, and an orderly end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::gate::{Caller, Gate};
use crate::tls::Tls;

/// How long a client may take to say which protocol it speaks, TLS included, and for the head of a
/// request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a silent HTTP/2 peer is asked whether it is still there, and how long it may take.
const PING_INTERVAL: Duration = Duration::from_secs(60);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// What a peer may send before it is read: the bound of memory that admission does not see.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 2 << 20;
/// Calls at once on one connection.
const MAX_STREAMS: u32 = 128;
/// What every HTTP/2 connection starts with.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How often a peer that has said too little to know its protocol is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A bound address, how its connections are encrypted, and who is let in.
pub struct Listener {
    tcp: TcpListener,
    entry: Entry,
}

/// What a connection passes before its first request.
#[derive(Clone)]
struct Entry {
    tls: Option<Arc<ServerConfig>>,
    gate: Gate,
}

impl Listener {
    /// With TLS where it is given.
    pub fn new(tcp: TcpListener, tls: Option<&Tls>, gate: Gate) -> Self {
        let tls = tls.map(|tls| Arc::clone(&tls.config));
        Self {
            tcp,
            entry: Entry { tls, gate },
        }
    }
}

impl From<TcpListener> for Listener {
    /// Without TLS, and for everybody.
    fn from(tcp: TcpListener) -> Self {
        Self::new(tcp, None, Gate::open())
    }
}

/// Serves `router` on all listeners until `shutdown`, then lets running requests end, for at most
/// `drain_timeout`.
pub async fn serve(
    listeners: Vec<Listener>,
    router: Router,
    drain_timeout: Duration,
    shutdown: CancellationToken,
) {
    let mut accepting = JoinSet::new();
    for listener in listeners {
        accepting.spawn(accept(
            listener,
            router.clone(),
            drain_timeout,
            shutdown.clone(),
        ));
    }
    drop(router);
    while accepting.join_next().await.is_some() {}
}

async fn accept(
    listener: Listener,
    router: Router,
    drain_timeout: Duration,
    shutdown: CancellationToken,
) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.tcp.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            () = shutdown.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Entry { tls, gate } = listener.entry.clone();
                let site = Site {
                    caller: Caller::new(peer.ip(), tls.is_some(), gate),
                    router: router.clone(),
                };
                connections.spawn(connection(stream, tls, site, shutdown.clone()));
            }
            Err(error) => pause_after(&error).await,
        }
    }
    drop(listener);
    let drain = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(drain_timeout, drain).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "closing connections whose requests did not end in time",
        );
        connections.shutdown().await;
    }
}

/// A connection that failed before it was accepted is its peer's matter; running out of descriptors
/// gets better only with time.
async fn pause_after(error: &io::Error) {
    let is_peers = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    );
    if !is_peers {
        tracing::warn!(%error, "cannot accept a connection");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The version of HTTP that a peer speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http2,
}

/// What a connection is shown, and as whom.
struct Site {
    caller: Caller,
    router: Router,
}

async fn connection(
    stream: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    site: Site,
    shutdown: CancellationToken,
) {
    // Answers are small: waiting to fill a packet would only add latency.
    let _ = stream.set_nodelay(true);
    let greeting = async {
        let Some(tls) = tls else {
            let protocol = protocol_of(&stream).await?;
            return Ok((Stream::Plain(stream), protocol));
        };
        let stream = TlsAcceptor::from(tls).accept(stream).await?;
        let protocol = match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => Protocol::Http2,
            _ => Protocol::Http1,
        };
        Ok::<_, io::Error>((Stream::Tls(Box::new(stream)), protocol))
    };
    let greeted = tokio::select! {
        greeted = tokio::time::timeout(HEADER_TIMEOUT, greeting) => greeted,
        () = shutdown.cancelled() => return,
    };
    match greeted {
        Ok(Ok((Stream::Plain(stream), protocol))) => {
            speak(stream, protocol, site, shutdown).await;
        }
        Ok(Ok((Stream::Tls(stream), protocol))) => speak(*stream, protocol, site, shutdown).await,
        Ok(Err(error)) => tracing::debug!(%error, "connection ended before a request"),
        Err(_) => tracing::debug!("connection closed: it said nothing in time"),
    }
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::server::TlsStream<TcpStream>>),
}

/// What the peer speaks, by the first bytes that it sends; they stay to be read.
async fn protocol_of(stream: &TcpStream) -> io::Result<Protocol> {
    let mut first = [0; HTTP2_PREFACE.len()];
    loop {
        let length = stream.peek(&mut first).await?;
        if length == 0 || !HTTP2_PREFACE.starts_with(&first[..length]) {
            return Ok(Protocol::Http1);
        }
        if length == HTTP2_PREFACE.len() {
            return Ok(Protocol::Http2);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

async fn speak<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    protocol: Protocol,
    site: Site,
    shutdown: CancellationToken,
) {
    let builder = Builder::new(TokioExecutor::new());
    let mut builder = match protocol {
        Protocol::Http1 => builder.http1_only(),
        Protocol::Http2 => builder.http2_only(),
    };
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(MAX_STREAMS)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    let Site { caller, router } = site;
    let service =
        TowerToHyperService::new(router.map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(caller.clone());
            request
        }));
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "connection ended");
    }
}
