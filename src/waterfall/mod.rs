//! A session's span tree as rows for a terminal: pure, without input or output.
//!
//! `table` is the API's columnar answer, `order` puts its rows into depth-first order, `fold` finds
//! neighbours that say the same thing again, `label` says what a row reads. The web interface follows
//! the same rules (`ui/src/trace`), so that both show one run alike.

mod facts;
mod fold;
mod label;
mod order;
mod table;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub(crate) use facts::{Outcome, facts};
pub(crate) use fold::{Folds, find_folds};
pub(crate) use label::{Label, Prompts, group_label, label, without_name};
pub(crate) use order::{Line, Order, arrange, flatten};
pub(crate) use table::SpanTable;
