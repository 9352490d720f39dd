//! Bodies that a sender on this machine keeps in files and only names in its records (`body_ref`).
//!
//! Nothing is read unless the user allows a folder: a record names any path that its sender likes.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::conventions::Bodies;
use crate::redact::Redactor;

/// Larger files are left where they are.
const LARGEST_BYTES: u64 = 64 << 20;

/// The folder that bodies may be read from.
#[derive(Debug, Clone)]
pub(crate) struct BodyRefs {
    folder: PathBuf,
    /// Such a body passes no receiver.
    redactor: Option<Arc<Redactor>>,
}

impl BodyRefs {
    /// Allows everything inside `folder`, without what `redactor` replaces.
    ///
    /// # Errors
    /// When there is no such folder.
    pub(crate) fn allow(folder: &Path, redactor: Option<Arc<Redactor>>) -> io::Result<Self> {
        let folder = fs::canonicalize(folder)?;
        if !folder.is_dir() {
            return Err(io::Error::from(io::ErrorKind::NotADirectory));
        }
        Ok(Self { folder, redactor })
    }
}

impl Bodies for BodyRefs {
    fn read(&self, path: &str) -> Result<String, &'static str> {
        let path = Path::new(path);
        if !path.is_absolute() {
            return Err("its path is not absolute");
        }
        // Links and `..` are followed first: what counts is where the file really is.
        let path = fs::canonicalize(path).map_err(|_| "it is not there")?;
        if !path.starts_with(&self.folder) {
            return Err("it is outside the folder of --read-body-refs");
        }
        let file = File::open(&path).map_err(|_| "it cannot be read")?;
        let metadata = file.metadata().map_err(|_| "it cannot be read")?;
        if !metadata.is_file() {
            return Err("it is no file");
        }
        if metadata.len() > LARGEST_BYTES {
            return Err("it is larger than 64 MiB");
        }
        let mut bytes = Vec::new();
        file.take(LARGEST_BYTES)
            .read_to_end(&mut bytes)
            .map_err(|_| "it cannot be read")?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let redacted = self
            .redactor
            .as_ref()
            .and_then(|redactor| redactor.redacted(&text));
        Ok(redacted.unwrap_or(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_inside_the_folder_and_nowhere_else() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("bodies");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("1.json"), "{}").unwrap();
        fs::write(root.path().join("secret"), "secret").unwrap();
        std::os::unix::fs::symlink(root.path().join("secret"), folder.join("link")).unwrap();
        let bodies = BodyRefs::allow(&folder, None).unwrap();
        let read = |path: &Path| bodies.read(&path.to_string_lossy());
        assert_eq!(read(&folder.join("1.json")).as_deref(), Ok("{}"));
        let outside = Err("it is outside the folder of --read-body-refs");
        assert_eq!(read(&folder.join("link")), outside);
        assert_eq!(read(&folder.join("../secret")), outside);
        assert_eq!(read(&folder.join("absent")), Err("it is not there"));
        assert_eq!(read(&folder), Err("it is no file"));
        assert_eq!(read(Path::new("1.json")), Err("its path is not absolute"));
        assert!(BodyRefs::allow(&root.path().join("absent"), None).is_err());
    }
}
