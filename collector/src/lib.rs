//! From OTLP bytes to acts in the store: receivers, journal, understanding, resolution.
//!
//! Names neither `query` nor `duckdb`; time, sockets and shutdown are given to it.

pub mod conventions;
