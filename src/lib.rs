//! The program `spanreel`: command line, composition and signals. The parts (`collector`, `store`,
//! `query`) are given their configuration and listeners from here and read neither arguments nor
//! environment themselves.

pub mod args;
pub mod cli;
pub mod client;
mod doors;
mod encryption;
pub mod failure;
pub mod hook;
mod observe;
pub mod serve;
mod settings;
mod tui;
mod waterfall;
