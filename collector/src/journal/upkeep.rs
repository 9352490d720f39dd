//! Copying a journal that is being written, and leaving nothing in it that is in the database.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use store::Store;

use super::segment::{Next, SegmentReader};
use super::{Encryption, Journal, sync_dir};
use crate::error::Error;
use crate::ingest::Work;

/// How long the loader may take for what was acknowledged before.
const LOAD_PATIENCE: Duration = Duration::from_secs(120);
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

impl Journal {
    /// Copies the records that are on disk at this moment into `folder`. Segments that are loaded and
    /// deleted meanwhile are left out.
    ///
    /// # Errors
    /// What the file system says.
    pub fn copy_to(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let through = self.stats().last_position;
        let active = self.shared.active().clone();
        for path in self.paths() {
            let Some(name) = path.file_name() else {
                continue;
            };
            let copy = folder.join(name);
            match fs::copy(&path, &copy) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            }
            if active.as_ref() == Some(&path) {
                cut_behind(&copy, self.shared.config.encryption.as_ref(), through)?;
            }
            File::open(&copy)?.sync_all()?;
        }
        sync_dir(folder)
    }

    /// Waits until everything that was acknowledged so far is in the database, and deletes it here.
    /// False when the loader did not get there in time; what it has loaded is deleted all the same.
    ///
    /// # Errors
    /// When a segment cannot be deleted, or the database does not say how far it is.
    pub fn settle(&self, store: &Store) -> Result<bool, Error> {
        let through = self.stats().last_position;
        let was_active = self.shared.active().clone();
        let queue = self
            .shared
            .queue()
            .as_ref()
            .and_then(|queue| queue.upgrade());
        // Without a thread nothing is being written.
        if let Some(queue) = queue
            && queue.send(Work::EndSegment).is_err()
        {
            return Ok(false);
        }
        let begun = Instant::now();
        loop {
            let loaded = store
                .journal_position()
                .map_err(|source| Error::TakeWriter { source })?;
            let is_closed = was_active.is_none() || *self.shared.active() != was_active;
            let is_done = loaded >= through && is_closed;
            if is_done || begun.elapsed() > LOAD_PATIENCE {
                self.release(loaded)?;
                return Ok(is_done);
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
    }
}

/// Cuts a copied segment behind the record at `position`; what follows may be half written.
fn cut_behind(path: &Path, encryption: Option<&Encryption>, position: u64) -> io::Result<()> {
    let Some(mut reader) = SegmentReader::open(path, encryption)? else {
        return fs::remove_file(path);
    };
    let mut end = reader.offset();
    while let Next::Record(record) = reader.next()? {
        if record.position > position {
            break;
        }
        end = reader.offset();
    }
    OpenOptions::new().write(true).open(path)?.set_len(end)
}
