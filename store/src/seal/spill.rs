//! Where large queries of an encrypted store put what does not fit into their memory: a folder of the
//! system's memory, never a disk.

use std::fs;
use std::path::{Path, PathBuf};

use super::sealer::fill_random;

/// Files here are in memory, where the system has such a place.
const MEMORY: &str = "/dev/shm";

/// A folder for one store, removed when dropped.
pub(crate) struct Spill(PathBuf);

impl Spill {
    /// Makes a folder for the store whose database is at `database`, and removes those that runs of it left
    /// which were killed: the caller has the database open. `None` where the system has no place in memory;
    /// then large queries fail.
    pub(crate) fn new(database: &Path) -> Option<Self> {
        if !cfg!(unix) {
            return None;
        }
        let path = database.to_string_lossy();
        let store = &blake3::hash(path.as_bytes()).to_hex()[..16];
        let beginning = format!("spanreel-{store}-");
        for left in fs::read_dir(MEMORY).ok()?.flatten() {
            if left.file_name().to_string_lossy().starts_with(&beginning) {
                // One of somebody else's is not ours to remove, and cannot be.
                let _ = fs::remove_dir_all(left.path());
            }
        }
        let mut drawn = [0; 8];
        fill_random(&mut drawn).ok()?;
        let folder = Path::new(MEMORY).join(format!("{beginning}{}", hex::encode(drawn)));
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&folder).ok()?;
        Some(Self(folder))
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }
}

impl Drop for Spill {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
