//! Encryption at rest with a key of the user's.
//!
//! With a key, what holds texts is sealed before it reaches the disk, by AES-256-GCM with a random nonce
//! for each value: the pieces of texts, the records as they were received, and the columns of rows that
//! hold parts of texts ([`cells`]). Each value is bound to its column and its row, so that none can stand
//! in another's place. Hashes of texts are keyed, so that they confirm no guess. Every use has a key of its
//! own, derived from the user's by BLAKE3.
//!
//! Reading is left to the engine: a sealed table is stored under another name, and a view that opens its
//! cells has the table's own, so that every query reads as it would without a key.

mod cells;
mod folder;
mod function;
mod sealer;
mod spill;

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proto::Hashing;

pub(crate) use cells::{
    SealedTable, TABLES, begin, cell, check_tables, damaged, plain_name, seal_columns, views,
};
pub use folder::FILE as ENCRYPTION_FILE;
pub(crate) use folder::admit;
pub(crate) use function::{DAMAGED, register};
pub use sealer::Sealer;
pub(crate) use spill::Spill;

use crate::Error;

/// Bytes of a key.
const KEY_BYTES: usize = 32;

/// What a key is used for. Each use has a key of its own, so that nothing sealed for one opens for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Texts, records and cells of the database.
    Store,
    /// Requests in the journal.
    Journal,
    /// Hook fires that wait for a recorder.
    Spool,
    /// The value by which a data folder knows its key.
    Check,
}

impl Purpose {
    /// The context of the derivation, which never changes.
    fn context(self) -> &'static str {
        match self {
            Self::Store => "spanreel encryption at rest: store",
            Self::Journal => "spanreel encryption at rest: journal",
            Self::Spool => "spanreel encryption at rest: hook fires",
            Self::Check => "spanreel encryption at rest: check",
        }
    }
}

const HASHING: &str = "spanreel encryption at rest: hashes";
const ID: &str = "spanreel encryption at rest: id";

/// Why something is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is no key of 32 bytes as 64 hexadecimal digits or as base64; `spanreel key new FILE` makes one"
)]
pub struct NoKey;

/// A user's key, 32 random bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct EncryptionKey([u8; KEY_BYTES]);

impl fmt::Debug for EncryptionKey {
    /// Its id, and not the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncryptionKey({})", self.id())
    }
}

impl EncryptionKey {
    /// A new key.
    ///
    /// # Errors
    /// When the system has no random numbers to give.
    pub fn draw() -> std::io::Result<Self> {
        let mut key = [0; KEY_BYTES];
        sealer::fill_random(&mut key)?;
        Ok(Self(key))
    }

    /// Reads a key as a file holds it: 64 hexadecimal digits, or base64.
    ///
    /// # Errors
    /// [`NoKey`].
    pub fn parse(text: &str) -> Result<Self, NoKey> {
        let text = text.trim();
        let bytes = hex::decode(text).or_else(|_| STANDARD.decode(text));
        let key = bytes.ok().and_then(|bytes| bytes.try_into().ok());
        key.map(Self).ok_or(NoKey)
    }

    /// As [`Self::parse`] reads it.
    pub fn to_text(&self) -> String {
        hex::encode(self.0)
    }

    /// Tells keys apart without telling anything of them: 16 hexadecimal digits.
    pub fn id(&self) -> String {
        hex::encode(&blake3::derive_key(ID, &self.0)[..8])
    }

    /// The beginning of the id, never all zero: by which a file's header says its key.
    pub fn mark(&self) -> u32 {
        let mut mark = [0; 4];
        mark.copy_from_slice(&blake3::derive_key(ID, &self.0)[..4]);
        u32::from_be_bytes(mark).max(1)
    }

    /// Seals and opens for one purpose.
    ///
    /// # Errors
    /// When the cipher refuses the key.
    pub fn sealer(&self, purpose: Purpose) -> std::io::Result<Sealer> {
        Sealer::new(&blake3::derive_key(purpose.context(), &self.0))
    }

    /// How texts are identified where this key is used.
    pub fn hashing(&self) -> Hashing {
        Hashing::keyed(blake3::derive_key(HASHING, &self.0))
    }
}

/// What seals a store; nothing, where there is no key.
#[derive(Clone, Default)]
pub(crate) struct Seal(Option<Arc<Keys>>);

struct Keys {
    hashing: Hashing,
    sealer: Sealer,
}

impl Seal {
    pub(crate) fn new(key: Option<&EncryptionKey>) -> std::io::Result<Self> {
        let keys = key.map(|key| {
            Ok::<_, std::io::Error>(Arc::new(Keys {
                hashing: key.hashing(),
                sealer: key.sealer(Purpose::Store)?,
            }))
        });
        Ok(Self(keys.transpose()?))
    }

    /// Whether there is a key.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn hashing(&self) -> Hashing {
        self.0
            .as_ref()
            .map_or_else(Hashing::default, |keys| keys.hashing)
    }

    fn sealer(&self) -> Option<&Sealer> {
        self.0.as_ref().map(|keys| &keys.sealer)
    }

    /// The name under which rows of a table are written and their bytes counted.
    pub(crate) fn table<'a>(&self, name: &'a str) -> Cow<'a, str> {
        if self.is_on() && cells::is_sealed(name) {
            Cow::Owned(format!("{}{name}", cells::PREFIX))
        } else {
            Cow::Borrowed(name)
        }
    }
}

/// The table's own name, of one that [`Seal::table`] gave.
pub(crate) fn own_name(table: &str) -> &str {
    table.strip_prefix(cells::PREFIX).unwrap_or(table)
}

/// The id of the key that a data folder is encrypted with; `None` for a folder that is not.
///
/// # Errors
/// [`Error::Folder`] when the file that says so cannot be read, [`Error::Damaged`] when it says something
/// else.
pub fn encryption_of(data_dir: &Path) -> Result<Option<String>, Error> {
    Ok(folder::read(data_dir)?.map(|sealed| sealed.key_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written_and_as_base64() {
        let key = EncryptionKey::draw().unwrap();
        assert_eq!(EncryptionKey::parse(&key.to_text()), Ok(key.clone()));
        let base64 = STANDARD.encode(key.0);
        assert_eq!(
            EncryptionKey::parse(&format!(" {base64}\n")),
            Ok(key.clone())
        );
        for bad in ["", "abc", &"0".repeat(62), &"g".repeat(64), "a passphrase"] {
            assert_eq!(EncryptionKey::parse(bad), Err(NoKey), "{bad}");
        }
        assert_ne!(EncryptionKey::draw().unwrap().id(), key.id());
        assert!(!format!("{key:?}").contains(&key.to_text()[..8]));
    }

    #[test]
    fn what_is_sealed_for_one_use_opens_for_no_other() {
        let key = EncryptionKey::draw().unwrap();
        let sealed = key
            .sealer(Purpose::Store)
            .unwrap()
            .seal(b"", b"text")
            .unwrap();
        assert_eq!(
            key.sealer(Purpose::Store)
                .unwrap()
                .open(b"", &sealed)
                .as_deref(),
            Some(&b"text"[..])
        );
        for other in [Purpose::Journal, Purpose::Spool, Purpose::Check] {
            assert_eq!(key.sealer(other).unwrap().open(b"", &sealed), None);
        }
    }
}
