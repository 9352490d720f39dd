//! Handing a bounded digest of a run to a language model that the user has configured. Off until there is
//! a settings file (or flags of the command); a verdict never needs it.

mod endpoint;

pub use endpoint::{Endpoint, EndpointError, Explanation, Protocol};
