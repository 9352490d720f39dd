//! The server: collector, store and query put together.

use crate::args::ServeArgs;
use crate::failure::Failure;

/// Serves until it is told to stop.
pub async fn run(_args: ServeArgs) -> Result<(), Failure> {
    Err(Failure::Internal(anyhow::anyhow!(
        "this build has no server yet"
    )))
}
