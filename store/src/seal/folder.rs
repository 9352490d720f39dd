//! How a data folder knows its key: a file that holds the key's id and a value that only the key opens.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{EncryptionKey, Purpose};
use crate::Error;
use crate::open::{FILE_NAME, size, sync_dir};

/// Name of the file within the data folder.
pub const FILE: &str = "encryption.json";
const FORMAT: u32 = 1;
/// What is sealed as the check.
const CHECK: &[u8] = b"spanreel";

/// What the file holds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Sealed {
    format: u32,
    /// As [`EncryptionKey::id`].
    pub(super) key_id: String,
    /// Opens with the key, hex.
    #[serde(with = "hex::serde")]
    check: Vec<u8>,
}

/// What the file of a folder says; `None` when there is none.
pub(super) fn read(data_dir: &Path) -> Result<Option<Sealed>, Error> {
    let text = match fs::read_to_string(data_dir.join(FILE)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(Error::Folder {
                folder: data_dir.to_owned(),
                source,
            });
        }
    };
    let sealed: Sealed = serde_json::from_str(&text).map_err(|error| {
        Error::Damaged(format!(
            "{FILE}: {error}; put the one of a backup of this folder in its place"
        ))
    })?;
    if sealed.format > FORMAT {
        return Err(Error::Damaged(format!(
            "{FILE} is of a newer Spanreel; start that"
        )));
    }
    Ok(Some(sealed))
}

/// Lets a key, or none, into a folder. With `begins` a folder that holds no recordings yet is encrypted
/// with the key from now on.
pub(crate) fn admit(
    data_dir: &Path,
    key: Option<&EncryptionKey>,
    begins: bool,
) -> Result<(), Error> {
    let folder = || data_dir.to_owned();
    let failed = |source| Error::Folder {
        folder: folder(),
        source,
    };
    match (read(data_dir)?, key) {
        (None, None) => Ok(()),
        (Some(sealed), None) => Err(Error::NoEncryptionKey {
            folder: folder(),
            key_id: sealed.key_id,
        }),
        (Some(sealed), Some(key)) => {
            let sealer = key.sealer(Purpose::Check).map_err(failed)?;
            let opened = sealer.open(&[], &sealed.check);
            if opened.as_deref() == Some(CHECK) {
                return Ok(());
            }
            Err(Error::OtherEncryptionKey {
                folder: folder(),
                key_id: sealed.key_id,
                given: key.id(),
            })
        }
        (None, Some(key)) => {
            if !begins || size(&data_dir.join(FILE_NAME)) > 0 {
                return Err(Error::NotEncrypted { folder: folder() });
            }
            begin(data_dir, key).map_err(failed)
        }
    }
}

/// Writes the file, whole or not at all.
fn begin(data_dir: &Path, key: &EncryptionKey) -> io::Result<()> {
    let sealed = Sealed {
        format: FORMAT,
        key_id: key.id(),
        check: key.sealer(Purpose::Check)?.seal(&[], CHECK)?,
    };
    let path = data_dir.join(FILE);
    let unfinished = data_dir.join(format!("{FILE}.part"));
    let mut file = File::create(&unfinished)?;
    file.write_all(serde_json::to_string_pretty(&sealed)?.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, &path)?;
    sync_dir(data_dir)
}
