//! The reading side: HTTP API, live stream, findings, user SQL over HTTP, and the web interface.
//!
//! Sits on `store` and knows neither the collector nor the engine. Nothing here writes but the
//! findings and what people say, tag and delete, through the store's own door. `openapi.json` beside this folder is the
//! committed contract of the API.

mod alerts;
mod ask;
mod bodies;
mod compare;
mod description;
mod diff;
mod digest;
mod doctor;
mod encode;
mod error;
mod etag;
mod export;
mod extract;
mod findings;
mod flight;
mod guard;
mod live;
pub mod mcp;
mod model;
mod outbound;
mod rates;
mod reach;
mod recorded;
mod retention;
mod rights;
mod routes;
mod rows;
mod saved;
mod selection;
mod server;
pub mod setup;
mod sql;
mod state;
mod time;
mod tokens;
mod tools;
mod upkeep;
mod user_sql;
mod value;
mod visible;

pub use alerts::{Settings as AlertSettings, SettingsError as AlertSettingsError};
pub use ask::{Endpoint, EndpointError, Explanation, Protocol};
pub use encode::{percent_encoded, query_string};
pub use findings::{AssessedFinding, Assessment, assess};
pub use findings::{Settings as DetectorSettings, SettingsError as DetectorSettingsError};
pub use retention::{Settings as RetentionSettings, SettingsError as RetentionSettingsError};
pub use server::{openapi, serve};
pub use state::{Config, DurationCounts, Footprint, IngestCounters, Observe, PriceTable};
pub use tokens::estimate as estimate_tokens;
pub use upkeep::{JournalCheck, JournalDamage, JournalUpkeep, VerifyReport};
pub use visible::{escaped_json, visible};
