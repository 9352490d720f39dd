//! From OTLP bytes to acts in the store: receivers, journal, understanding, resolution.
//!
//! A success answer leaves only after the request is on disk in the journal; what is understood of it
//! reaches the store in groups behind it. Names neither `query` nor `duckdb`; time, sockets and
//! shutdown are given to it.

mod body_refs;
pub mod conventions;
mod counters;
mod error;
pub mod import;
pub mod ingest;
pub mod journal;
mod load;
pub mod prices;
pub mod receive;
pub mod redact;
pub mod resolve;
mod start;

pub use counters::{Counts, DurationCounts, Meter};
pub use error::Error;
pub use start::{Collector, Config, JOURNAL_FOLDER, Listeners, start};
