//! Decoding of OTLP requests, in both encodings.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod alike;
mod odd;
