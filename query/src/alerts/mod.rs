//! Alerts: rules over findings and sessions, told to a webhook, a command or the desktop.
//!
//! They watch the store's notices on their own; detection never waits for them. Each thing is told once
//! to each target, and again only when it has become more severe. What was told is remembered in the data
//! folder, so that a restart repeats nothing and makes up for what was missed. docs/alerts.md has the
//! rules of the file.

mod deliver;
mod memory;
mod message;
mod rules;
mod settings;
mod watch;

pub(crate) use deliver::{Health, Outbox, deliver_once};
pub(crate) use message::Alert;
pub(crate) use settings::{Place, Target};
pub use settings::{Settings, SettingsError};
pub(crate) use watch::run;
