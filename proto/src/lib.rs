//! What crosses the wire, and the words for it: OTLP messages (protobuf and tolerant JSON), ids, and
//! the plain types of the agent model.
//!
//! The only crate that names the OTLP crate. No IO, no rules.

pub mod agent;
pub mod attributes;
mod decode;
mod hashing;
pub mod hook;
pub mod id;
mod json;
mod repair;
mod signal;
mod values;

pub use decode::{DecodeError, decode, decode_logs, decode_metrics, decode_traces};
pub use hashing::Hashing;
pub use json::{JsonError, to_json};
pub use signal::{Decoded, Encoding, Rejected, Request, Signal};
pub use values::Values;

pub use opentelemetry_proto::tonic as otlp;
