//! Where fires wait for a recorder: one file each, in `hooks/` of the data folder.
//!
//! A file is written under another name and renamed, so that it is there whole or not at all; nothing
//! is ever written to it again. Its name begins with the time and ends with the size, so that a list
//! of the folder is enough to deliver in order and to stay within bounds. Whoever delivers removes the
//! file after the recorder has it on disk; a file that two deliver at once is known by its content and
//! stored once.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use store::{EncryptionKey, Purpose, Sealer};

/// Most that may wait. Beyond it fires are dropped, newest first.
pub const MAX_FILES: usize = 20_000;
pub const MAX_BYTES: u64 = 256 << 20;

const SUFFIX: &str = "fire";
const REFUSED: &str = "refused";
/// How an encrypted file begins; no request does.
const SEALED: &[u8] = b"SPANSEAL";

/// The folder of waiting fires.
#[derive(Debug, Clone)]
pub struct Spool {
    folder: PathBuf,
    /// Encrypts what waits, where the data folder is encrypted.
    sealer: Option<Sealer>,
}

/// A fire that waits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Waiting {
    name: String,
    /// Length of the file.
    pub size_bytes: u64,
}

impl Spool {
    /// The spool of a data folder that is encrypted with this key, if with any; the folder need not exist.
    ///
    /// # Errors
    /// When the cipher refuses the key.
    pub fn of(data_folder: &Path, key: Option<&EncryptionKey>) -> io::Result<Self> {
        Ok(Self {
            folder: data_folder.join("hooks"),
            sealer: key.map(|key| key.sealer(Purpose::Spool)).transpose()?,
        })
    }

    /// Adds an encoded request.
    ///
    /// # Errors
    /// When it cannot be written, or [`io::ErrorKind::StorageFull`] when too much waits already.
    pub fn add(&self, time_ns: u64, id: &str, request: &[u8]) -> io::Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        // Documents hold prompts and file contents.
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.folder)?;
        let waiting = self.waiting()?;
        let bytes: u64 = waiting.iter().map(|file| file.size_bytes).sum();
        if waiting.len() >= MAX_FILES || bytes + request.len() as u64 > MAX_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                "too many hook fires wait for a recorder",
            ));
        }
        let name = format!("{time_ns:020}.{id}.{}.{SUFFIX}", request.len());
        let unfinished = self.folder.join(format!("{name}.part"));
        let mut file = fs::File::create_new(&unfinished)?;
        match &self.sealer {
            Some(sealer) => {
                file.write_all(SEALED)?;
                file.write_all(&sealer.seal(name.as_bytes(), request)?)?;
            }
            None => file.write_all(request)?,
        }
        fs::rename(&unfinished, self.folder.join(name))
    }

    /// What waits, oldest first.
    ///
    /// # Errors
    /// When the folder is there and cannot be read.
    pub fn waiting(&self) -> io::Result<Vec<Waiting>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut waiting = Vec::new();
        for entry in entries {
            let Ok(name) = entry?.file_name().into_string() else {
                continue;
            };
            let mut parts = name.rsplit('.');
            let (Some(SUFFIX), Some(size)) = (parts.next(), parts.next()) else {
                continue;
            };
            if let Ok(size_bytes) = size.parse() {
                waiting.push(Waiting { name, size_bytes });
            }
        }
        waiting.sort_unstable();
        Ok(waiting)
    }

    /// The content of a file; `None` when somebody else has delivered it meanwhile.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read(&self, file: &Waiting) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.folder.join(&file.name)) {
            Ok(request) => self.opened(&file.name, request).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What a file holds, which is encrypted or not.
    fn opened(&self, name: &str, bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        let Some(sealed) = bytes.strip_prefix(SEALED) else {
            return Ok(bytes);
        };
        let opened = self
            .sealer
            .as_ref()
            .and_then(|sealer| sealer.open(name.as_bytes(), sealed));
        opened.ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{name} is encrypted, and the key is another or none was given"),
            )
        })
    }

    /// Removes a file that was delivered.
    pub fn remove(&self, file: &Waiting) {
        // It stays if it cannot be removed, is delivered again, and is known by its content.
        let _ = fs::remove_file(self.folder.join(&file.name));
    }

    /// Puts a file aside that the recorder will never take.
    pub fn put_aside(&self, file: &Waiting) {
        let path = self.folder.join(&file.name);
        let _ = fs::rename(&path, path.with_extension(REFUSED));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_waits_in_order_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::of(folder.path(), None).unwrap();
        assert_eq!(spool.waiting().unwrap(), []);
        spool.add(2, "b", b"second").unwrap();
        spool.add(1, "a", b"first").unwrap();
        fs::write(folder.path().join("hooks/0.c.9.fire.part"), "torn").unwrap();
        let waiting = spool.waiting().unwrap();
        assert_eq!(waiting.len(), 2);
        assert_eq!(waiting[0].size_bytes, 5);
        assert_eq!(
            spool.read(&waiting[0]).unwrap().as_deref(),
            Some(&b"first"[..])
        );
        spool.remove(&waiting[0]);
        assert_eq!(spool.read(&waiting[0]).unwrap(), None);
        spool.put_aside(&waiting[1]);
        assert_eq!(spool.waiting().unwrap(), []);
        assert!(
            fs::read_dir(folder.path().join("hooks"))
                .unwrap()
                .any(|entry| entry.unwrap().path().extension().unwrap() == REFUSED)
        );
    }

    #[test]
    fn with_a_key_nothing_waits_in_clear() {
        let folder = tempfile::tempdir().unwrap();
        let key = EncryptionKey::draw().unwrap();
        let spool = Spool::of(folder.path(), Some(&key)).unwrap();
        spool.add(1, "a", b"a document").unwrap();
        let waiting = spool.waiting().unwrap();
        let on_disk = fs::read(folder.path().join("hooks").join(&waiting[0].name)).unwrap();
        assert!(!on_disk.windows(8).any(|some| some == b"document"));
        assert_eq!(
            spool.read(&waiting[0]).unwrap().as_deref(),
            Some(&b"a document"[..])
        );
        for other in [None, Some(EncryptionKey::draw().unwrap())] {
            let spool = Spool::of(folder.path(), other.as_ref()).unwrap();
            let error = spool.read(&waiting[0]).unwrap_err().to_string();
            assert!(error.contains("encrypted"), "{error}");
        }
        // What waited before the folder was encrypted is still taken.
        Spool::of(folder.path(), None)
            .unwrap()
            .add(2, "b", b"older")
            .unwrap();
        let waiting = spool.waiting().unwrap();
        assert_eq!(
            spool.read(&waiting[1]).unwrap().as_deref(),
            Some(&b"older"[..])
        );
    }

    #[test]
    fn it_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::of(folder.path(), None).unwrap();
        fs::create_dir(folder.path().join("hooks")).unwrap();
        fs::write(
            folder.path().join(format!("hooks/1.a.{MAX_BYTES}.fire")),
            "",
        )
        .unwrap();
        let error = spool.add(2, "b", b"x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
