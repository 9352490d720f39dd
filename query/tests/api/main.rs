//! The API over real HTTP, a real store behind it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod annotations;
mod fixture;
mod guard;
mod live;
mod openapi;
mod overview;
mod routes;
mod sql;
mod transcript;
