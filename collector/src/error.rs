//! What can go wrong in the collector beyond a single request.

use std::io;
use std::path::PathBuf;

/// A failure of the collector as a whole; failures of one request are answers to its sender.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot open the journal in {}", path.display())]
    OpenJournal { path: PathBuf, source: io::Error },
    #[error("cannot read the journal segment {}", path.display())]
    ReadJournal { path: PathBuf, source: io::Error },
    #[error("cannot delete the loaded journal segment {}", path.display())]
    ReleaseJournal { path: PathBuf, source: io::Error },
    #[error("the journal cannot be encrypted")]
    Encryption { source: io::Error },
    #[error("cannot start a thread")]
    StartThread { source: io::Error },
    #[error("cannot read bodies from {}", path.display())]
    BodyRefs { path: PathBuf, source: io::Error },
    #[error("cannot keep the key of the redaction in the data folder")]
    RedactionKey { source: io::Error },
    #[error("the redaction cannot be used")]
    Redaction {
        source: crate::redact::SettingsError,
    },
    #[error("the price table cannot be used")]
    Prices { source: crate::prices::Error },
    #[error("the store's writer cannot be had")]
    TakeWriter { source: store::Error },
    #[error("loading what an earlier run acknowledged ended by a panic")]
    Recover { source: tokio::task::JoinError },
}
