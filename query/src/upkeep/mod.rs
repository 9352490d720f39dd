//! Keeping what was recorded: reading it again, giving space back, copies of it.

mod verification;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

pub use verification::{JournalCheck, JournalDamage, VerifyReport};

/// Copies something into a folder.
type CopyTo = dyn Fn(&Path) -> io::Result<()> + Send + Sync;

/// What the journal, which this side does not know, does for upkeep.
#[derive(Clone)]
pub struct JournalUpkeep {
    /// Reads every record again; the database has everything up to the given position.
    pub check: Arc<dyn Fn(u64) -> Result<JournalCheck, String> + Send + Sync>,
    /// Copies what it holds into a folder.
    pub copy: Arc<CopyTo>,
    /// Waits until everything is in the database, and deletes it there. False when that took too long.
    pub settle: Arc<dyn Fn() -> Result<bool, String> + Send + Sync>,
}

impl Default for JournalUpkeep {
    /// Of a server without a journal.
    fn default() -> Self {
        Self {
            check: Arc::new(|_| Ok(JournalCheck::default())),
            copy: Arc::new(|_| Ok(())),
            settle: Arc::new(|| Ok(true)),
        }
    }
}

impl fmt::Debug for JournalUpkeep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JournalUpkeep")
    }
}
