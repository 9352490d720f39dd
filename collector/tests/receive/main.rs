//! The receivers on real sockets with a real journal; a channel stands in for the loader.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod accept;
mod journal;
mod pressure;
mod refuse;
mod support;
