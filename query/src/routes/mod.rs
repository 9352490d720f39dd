//! One file per resource; `server.rs` puts them together.

pub(crate) mod assets;
pub(crate) mod findings;
pub(crate) mod live;
pub(crate) mod messages;
pub(crate) mod payload;
pub(crate) mod sessions;
pub(crate) mod span;
pub(crate) mod sql;
pub(crate) mod status;
pub(crate) mod tree;
