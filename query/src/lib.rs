//! The reading side: HTTP API, live stream, findings, user SQL over HTTP, and the web interface.
//!
//! Sits on `store` and knows neither the collector nor the engine. Nothing here writes but the
//! findings and what people say, tag and delete, through the store's own door. `openapi.json` beside this folder is the
//! committed contract of the API.

mod alerts;
mod ask;
mod compare;
mod description;
mod diff;
mod doctor;
mod error;
mod etag;
mod export;
mod extract;
mod findings;
mod flight;
mod guard;
mod live;
mod model;
mod outbound;
mod routes;
mod rows;
mod saved;
mod selection;
mod server;
pub mod setup;
mod sql;
mod state;
mod time;
mod tools;
mod user_sql;
mod value;

pub use alerts::{Settings as AlertSettings, SettingsError as AlertSettingsError};
pub use ask::{Endpoint, EndpointError, Explanation, Protocol};
pub use error::Error;
pub use findings::{AssessedFinding, Assessment, assess};
pub use findings::{Settings as DetectorSettings, SettingsError as DetectorSettingsError};
pub use server::{openapi, serve};
pub use state::{Config, CountIngest, IngestCounters, PriceTable};
