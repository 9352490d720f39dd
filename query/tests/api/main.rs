//! The API over real HTTP, a real store behind it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod annotations;
mod arrow;
mod fixture;
mod guard;
mod jaeger;
mod limits;
mod live;
mod marks;
mod observed;
mod openapi;
mod overview;
mod routes;
mod search;
mod sql;
mod transcript;
