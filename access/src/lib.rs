//! The doors of the program: connections of HTTP/1.1 and HTTP/2, with TLS or without, the time that each
//! may take, and the tokens that say who may do what.
//!
//! Receivers and API serve their routes through [`serve`], so that what a client is granted is decided
//! in one place; each route asks the [`Caller`] of its request.

mod connection;
mod failures;
mod gate;
mod tls;
mod tokens;

pub use connection::{Listener, serve};
pub use gate::{Caller, Denial, Gate, Granted};
pub use tls::{Tls, TlsError, client_config, connect, use_ring};
pub use tokens::{Projects, Right, Token, TokenError, TokenFile};
