//! The key of a data folder that digests in marks are made with.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use super::KEY_BYTES;

/// Name of the file within the data folder.
const FILE: &str = "redaction.key";

/// Reads the key of a data folder; the first time one is drawn and kept, readable by its owner alone.
/// Without the file equal secrets get other marks than before, and nothing else is lost.
///
/// # Errors
/// When the folder cannot be read or written, or the file holds something else.
pub fn load_or_draw(data_dir: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let path = data_dir.join(FILE);
    loop {
        match fs::read_to_string(&path) {
            Ok(text) => {
                let mut key = [0; KEY_BYTES];
                return match hex::decode_to_slice(text.trim(), &mut key) {
                    Ok(()) => Ok(key),
                    Err(_) => Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        format!(
                            "{FILE} is no key of 64 hexadecimal digits; remove it, and another is drawn"
                        ),
                    )),
                };
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut key = [0; KEY_BYTES];
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        // Whole or not at all, and the first one wins: a hook may draw one while the server starts.
        let unfinished = data_dir.join(format!("{FILE}.{}.part", std::process::id()));
        write_private(&unfinished, hex::encode(key).as_bytes())?;
        let linked = fs::hard_link(&unfinished, &path);
        fs::remove_file(&unfinished)?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_drawn_once() {
        let folder = tempfile::tempdir().unwrap();
        let key = load_or_draw(folder.path()).unwrap();
        assert_eq!(load_or_draw(folder.path()).unwrap(), key);
        let other = tempfile::tempdir().unwrap();
        assert_ne!(load_or_draw(other.path()).unwrap(), key);
        fs::write(folder.path().join(FILE), "abc").unwrap();
        let error = load_or_draw(folder.path()).unwrap_err().to_string();
        assert!(error.contains("remove it"), "{error}");
    }
}
