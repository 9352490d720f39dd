//! The server: collector, store and query put together.

use std::net::SocketAddr;

use crate::args::ServeArgs;
use crate::failure::Failure;

/// A server that runs in this process.
pub struct Running {
    /// Where the UI and the API are.
    pub ui: SocketAddr,
    /// Where OTLP over gRPC is received.
    pub otlp_grpc: SocketAddr,
    /// Where OTLP over HTTP is received.
    pub otlp_http: SocketAddr,
}

impl Running {
    /// Finishes what was taken, closes the data folder and returns.
    pub async fn stop(self) -> Result<(), Failure> {
        Ok(())
    }
}

/// Opens the data folder, loads what its journal still holds, and listens (port 0 = any).
pub async fn start(_args: &ServeArgs) -> Result<Running, Failure> {
    Err(Failure::Internal(anyhow::anyhow!(
        "this build has no server yet"
    )))
}

/// Serves until it is told to stop.
pub async fn run(args: ServeArgs) -> Result<(), Failure> {
    start(&args).await?.stop().await
}
