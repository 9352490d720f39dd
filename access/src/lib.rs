//! The doors of the program: connections of HTTP/1.1 and HTTP/2, and the time that each may take.
//!
//! Receivers and API serve their routes through [`serve`], so that what a hostile client is granted is
//! decided in one place.

mod connection;

pub use connection::{Listener, serve};
