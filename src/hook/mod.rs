//! Hook fires on their way to the recorder: `spanreel hook`, and what waits in the data folder while
//! no recorder runs.
//!
//! A harness waits for its hooks. So the command opens no database and starts no threads of a runtime,
//! gives the recorder a short time to answer, and never ends with a failure of its own.

mod guard;
mod run;
pub mod send;
pub mod spool;
mod wrap;

pub use guard::guard;
pub use run::run;
