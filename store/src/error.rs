//! What can go wrong in the store.

use std::path::PathBuf;

/// A failed operation of the store. The engine's own message is the source.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot prepare the data folder {}", folder.display())]
    Folder {
        folder: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// A copy cannot go there.
    #[error("{} cannot take the copy: {why}", folder.display())]
    Target { folder: PathBuf, why: &'static str },
    /// Another process (or another `Store` in this one) owns the data folder.
    #[error(
        "the data folder {} is in use by {holder}; stop it, or choose another folder",
        folder.display()
    )]
    Locked { folder: PathBuf, holder: String },
    #[error("cannot open the database {}", path.display())]
    Open {
        path: PathBuf,
        #[source]
        source: duckdb::Error,
    },
    #[error(
        "the database {} was written by a newer Spanreel (schema {found}, this one knows {known}); \
         start the newer version, or choose another data folder",
        path.display()
    )]
    NewerSchema {
        path: PathBuf,
        found: i64,
        known: i64,
    },
    /// The folder is encrypted, and no key was given.
    #[error(
        "the data folder {} is encrypted with the key {key_id}: give the file that holds it with \
         --encryption-key-file or SPANREEL_ENCRYPTION_KEY_FILE",
        folder.display()
    )]
    NoEncryptionKey { folder: PathBuf, key_id: String },
    /// The folder is encrypted with another key.
    #[error(
        "the data folder {} is encrypted with the key {key_id}, and the key given is {given}: give the \
         other, or choose another data folder",
        folder.display()
    )]
    OtherEncryptionKey {
        folder: PathBuf,
        key_id: String,
        given: String,
    },
    /// A key was given for a folder that holds recordings without one.
    #[error(
        "the data folder {} was begun without a key and is not encrypted: leave the key out, or choose \
         another data folder, which is then begun with it",
        folder.display()
    )]
    NotEncrypted { folder: PathBuf },
    #[error("migration {name} failed")]
    Migrate {
        name: &'static str,
        #[source]
        source: duckdb::Error,
    },
    #[error("cannot define {name}")]
    Define {
        name: &'static str,
        #[source]
        source: duckdb::Error,
    },
    /// Nothing of the batch is stored; the same batch may be committed again.
    #[error("the batch could not be stored")]
    Commit {
        #[source]
        source: duckdb::Error,
    },
    #[error("the store's own state could not be read")]
    Load {
        #[source]
        source: duckdb::Error,
    },
    #[error("the query failed")]
    Query {
        #[source]
        source: duckdb::Error,
    },
    #[error("stored data is damaged: {0}")]
    Damaged(String),
    #[error("the store has a writer already")]
    WriterTaken,
    #[error("the store is closed")]
    Closed,
    /// Asked of a reading that is limited to some projects.
    #[error("this concerns everything that is recorded, and reading is limited to some projects")]
    Limited,
}

impl Error {
    /// The disk has no room: nothing was stored, reading goes on, and the same call succeeds once
    /// there is room.
    pub fn is_disk_full(&self) -> bool {
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = source {
            let message = error.to_string();
            if message.contains("No space left on device") || message.contains("not enough space") {
                return true;
            }
            source = error.source();
        }
        false
    }

    /// A block of the database file, its log of changes, or an encrypted value is not as it was written. What lies in it
    /// cannot be read; everything else can.
    pub fn is_damaged_block(&self) -> bool {
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = source {
            let message = error.to_string();
            if [
                "Corrupt database file",
                "Corrupt WAL file",
                crate::seal::DAMAGED,
            ]
            .iter()
            .any(|words| message.contains(words))
            {
                return true;
            }
            source = error.source();
        }
        false
    }

    /// The engine has given up on its instance; only opening the file again helps.
    pub(crate) fn is_fatal(&self) -> bool {
        match self {
            Self::Commit { source }
            | Self::Load { source }
            | Self::Query { source }
            | Self::Define { source, .. }
            | Self::Migrate { source, .. }
            | Self::Open { source, .. } => is_fatal(source),
            _ => false,
        }
    }
}

/// The engine says so in its message only.
pub(crate) fn is_fatal(error: &duckdb::Error) -> bool {
    let message = error.to_string();
    ["FATAL Error", "INTERNAL Error"]
        .iter()
        .any(|kind| message.starts_with(kind))
        || message.contains("database has been invalidated")
}
