//! The whole system: the real program on ports of its own with a temporary data folder, spoken to over
//! OTLP, HTTP and its command line.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test ends by a panic and prints what it compared"
)]

mod access;
mod alerts;
mod ask;
mod attacks;
mod bad_input;
mod clients;
mod command_line;
mod compare;
mod damage;
mod demo;
mod encryption;
mod examples;
mod export;
mod faults;
mod fidelity;
mod findings;
mod hook_recordings;
mod hooks;
mod import;
mod limited;
mod mcp;
mod order;
mod privacy;
mod program;
mod pty;
mod recordings;
mod sdk;
mod setup;
mod terminal;
mod terminal_page;
mod upkeep;
mod verdict;
