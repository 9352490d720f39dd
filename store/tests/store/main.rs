//! The store over a real file: what is written is what is read, whatever happens in between.

#![allow(clippy::unwrap_used, clippy::expect_used)] // helpers of tests: a panic is the message

mod contract;
mod delete;
mod fixture;
mod life;
mod payload;
mod read;
mod retention;
mod seal;
mod search;
mod verify;
mod write;
