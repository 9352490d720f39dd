//! What crosses the wire, and the words for it: OTLP messages (protobuf and tolerant JSON), ids, and
//! the plain types of the agent model.
//!
//! The only crate that names the OTLP crate. No IO, no rules.

pub mod agent;
pub mod id;

pub use opentelemetry_proto::tonic as otlp;
