//! One file per resource; `server.rs` puts them together.

pub(crate) mod acts;
pub(crate) mod alerts;
pub(crate) mod annotations;
pub(crate) mod arrow_stream;
pub(crate) mod ask;
pub(crate) mod assets;
pub(crate) mod compare;
pub(crate) mod compare_groups;
pub(crate) mod doctor;
pub(crate) mod findings;
pub(crate) mod guard;
pub(crate) mod jaeger;
pub(crate) mod live;
pub(crate) mod messages;
pub(crate) mod overview;
pub(crate) mod payload;
pub(crate) mod session_filter;
pub(crate) mod sessions;
pub(crate) mod setup;
pub(crate) mod span;
pub(crate) mod sql;
pub(crate) mod status;
pub(crate) mod transcript;
pub(crate) mod tree;
pub(crate) mod usage;
pub(crate) mod verdict;
