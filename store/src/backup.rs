//! A copy of the whole data folder while it is in use, and making a data folder of one.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::instance::lock;
use crate::open::{COMPACT_NAME, FILE_NAME, TEMP_NAME, sync_dir};
use crate::verify::{headers, read_at};
use crate::{Error, Store, search};

/// Says that a backup is whole, and what is in it. Written last.
const MANIFEST: &str = "backup.json";
const FORMAT: u32 = 1;
/// Times the file is copied while the writer goes on, before the writer waits for it.
const FREE_ATTEMPTS: u32 = 2;
const COPY_BYTES: usize = 4 << 20;

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    format: u32,
    /// Of the Spanreel that made it.
    pub version: String,
    /// Unix nanoseconds.
    pub created_ns: i64,
    pub files: Vec<BackupFile>,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFile {
    /// Within the folder, with `/`.
    pub name: String,
    pub size_bytes: u64,
    /// BLAKE3 of its bytes, hex.
    pub hash: String,
}

impl Backup {
    /// Of all files together.
    pub fn size_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size_bytes).sum()
    }
}

impl Store {
    /// Copies the data folder into `to`, which is empty or not there yet: everything that was acknowledged
    /// before the call is in it. `copy_journal` copies the journal into the folder that it is given and is
    /// called first, so that what it does not hold any more is in the database that is copied after it.
    /// The search index is not copied; it is made from the texts.
    ///
    /// # Errors
    /// [`Error::Target`] when `to` is not such a folder, else what the engine or the file system says; what
    /// was copied stays and is no backup.
    pub fn backup(
        &self,
        to: &Path,
        version: &str,
        created_ns: i64,
        copy_journal: &mut dyn FnMut(&Path) -> io::Result<()>,
    ) -> Result<Backup, Error> {
        prepare(to)?;
        let failed = |source| Error::Folder {
            folder: to.to_owned(),
            source,
        };
        let data_dir = self.shared.path.parent().unwrap_or(Path::new("."));
        copy_journal(&to.join(JOURNAL)).map_err(failed)?;
        self.copy_database(&to.join(FILE_NAME))?;
        copy_rest(data_dir, to).map_err(failed)?;
        let mut names = Vec::new();
        list(to, "", &mut names).map_err(failed)?;
        let mut files = Vec::with_capacity(names.len());
        for name in names {
            let (size_bytes, hash) = hash(&to.join(&name)).map_err(failed)?;
            files.push(BackupFile {
                name,
                size_bytes,
                hash,
            });
        }
        let backup = Backup {
            format: FORMAT,
            version: version.to_owned(),
            created_ns,
            files,
        };
        write_manifest(to, &backup).map_err(failed)?;
        Ok(backup)
    }

    /// Copies the database file as it is at one checkpoint. The blocks of a checkpoint are not written to
    /// before the next one, so the writer goes on meanwhile; when a checkpoint comes between, the copy is
    /// made again, at last with the writer waiting.
    fn copy_database(&self, to: &Path) -> Result<(), Error> {
        let file = self.shared.database_file()?;
        let failed = |source| self.shared.file_error(source);
        let _held = self.shared.log_limit.hold();
        for attempt in 0.. {
            self.shared.instance()?;
            let guard = lock(&self.shared.core);
            let core = guard.as_ref().ok_or(Error::Closed)?;
            core.checkpoint_now()
                .map_err(|source| Error::Commit { source })?;
            let before = headers(&file).map_err(failed)?;
            let len = file.metadata().map_err(failed)?.len();
            let waits = (attempt >= FREE_ATTEMPTS).then_some(guard);
            copy_bytes(&file, len, to).map_err(failed)?;
            drop(waits);
            let _guard = lock(&self.shared.core);
            if attempt >= FREE_ATTEMPTS || headers(&file).map_err(failed)? == before {
                break;
            }
        }
        Ok(())
    }
}

/// Name of the journal's folder in a data folder and in a backup.
const JOURNAL: &str = "journal";

/// Makes sure that a folder is there and empty.
fn prepare(folder: &Path) -> Result<(), Error> {
    let failed = |source| Error::Folder {
        folder: folder.to_owned(),
        source,
    };
    fs::create_dir_all(folder).map_err(failed)?;
    if fs::read_dir(folder).map_err(failed)?.next().is_some() {
        return Err(Error::Target {
            folder: folder.to_owned(),
            why: "it is not empty; name a folder that is, or one that is not there yet",
        });
    }
    Ok(())
}

fn copy_bytes(file: &File, len: u64, to: &Path) -> io::Result<()> {
    let mut copy = File::create(to)?;
    let mut buffer = vec![0; COPY_BYTES];
    let mut at = 0;
    while at < len {
        let some = (len - at).min(COPY_BYTES as u64) as usize;
        read_at(file, &mut buffer[..some], at)?;
        copy.write_all(&buffer[..some])?;
        at += some as u64;
    }
    copy.sync_all()
}

/// Copies what else is in the data folder: settings of the user, and what other parts keep there.
fn copy_rest(from: &Path, to: &Path) -> io::Result<()> {
    let wal = format!("{FILE_NAME}.wal");
    let own = [
        FILE_NAME,
        &wal,
        TEMP_NAME,
        COMPACT_NAME,
        search::FOLDER,
        JOURNAL,
        MANIFEST,
    ];
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_own = own.iter().any(|own| name == **own);
        // Files of the engine beside its own come and go.
        if !is_own && !name.to_string_lossy().starts_with(FILE_NAME) && entry.path() != to {
            copy_all(&entry.path(), &to.join(&name))?;
        }
    }
    Ok(())
}

fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    let copied = match fs::symlink_metadata(from) {
        Ok(found) if found.is_dir() => {
            fs::create_dir_all(to)?;
            for entry in fs::read_dir(from)? {
                let entry = entry?;
                copy_all(&entry.path(), &to.join(entry.file_name()))?;
            }
            Ok(())
        }
        Ok(found) if found.is_file() => fs::copy(from, to).and_then(|_| File::open(to)?.sync_all()),
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    };
    match copied {
        // It was there a moment ago: a spool that is taken in, a file that is replaced.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        copied => copied,
    }
}

/// Names of all files in a folder, in order.
fn list(folder: &Path, prefix: &str, names: &mut Vec<String>) -> io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<io::Result<_>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &format!("{name}/"), names)?;
        } else {
            names.push(name);
        }
    }
    Ok(())
}

/// Size and hash of a file.
fn hash(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; COPY_BYTES];
    let mut size = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((size, hasher.finalize().to_hex().to_string())),
            some => {
                hasher.update(&buffer[..some]);
                size += some as u64;
            }
        }
    }
}

fn write_manifest(folder: &Path, backup: &Backup) -> io::Result<()> {
    let text = serde_json::to_string_pretty(backup)?;
    let path = folder.join(MANIFEST);
    fs::write(&path, text)?;
    File::open(&path)?.sync_all()?;
    sync_dir(folder)
}

/// Makes a data folder of a backup: checks every file and copies it. `to` is empty or not there yet, and
/// appears whole.
///
/// # Errors
/// [`Error::Target`] when `to` holds something, [`Error::Damaged`] when `from` is no whole backup,
/// [`Error::Folder`] when the file system fails.
pub fn restore(from: &Path, to: &Path) -> Result<Backup, Error> {
    let failed = |folder: &Path| {
        let folder = folder.to_owned();
        move |source| Error::Folder { folder, source }
    };
    let text = fs::read_to_string(from.join(MANIFEST)).map_err(|_| {
        Error::Damaged(format!(
            "{} is no backup, or one that was cut off: there is no {MANIFEST} in it",
            from.display()
        ))
    })?;
    let backup: Backup = serde_json::from_str(&text)
        .map_err(|error| Error::Damaged(format!("{MANIFEST} of the backup: {error}")))?;
    if backup.format > FORMAT {
        return Err(Error::Damaged(format!(
            "the backup is of a newer Spanreel ({}); restore it with that",
            backup.version
        )));
    }
    prepare(to)?;
    // Beside the folder, so that it is on the same disk and takes its place at once.
    let mut staged = to.as_os_str().to_owned();
    staged.push(".restoring");
    let staged = PathBuf::from(staged);
    let _ = fs::remove_dir_all(&staged);
    let copied = (|| {
        fs::create_dir(&staged).map_err(failed(&staged))?;
        let mut folders = HashSet::new();
        for file in &backup.files {
            copy_checked(from, &staged, file, &mut folders)?;
        }
        for folder in &folders {
            sync_dir(folder).map_err(failed(folder))?;
        }
        fs::remove_dir(to)
            .and_then(|()| fs::rename(&staged, to))
            .and_then(|()| to.parent().map_or(Ok(()), sync_dir))
            .map_err(failed(to))
    })();
    if copied.is_err() {
        let _ = fs::remove_dir_all(&staged);
    }
    copied.map(|()| backup)
}

fn copy_checked(
    from: &Path,
    to: &Path,
    file: &BackupFile,
    folders: &mut HashSet<PathBuf>,
) -> Result<(), Error> {
    let name = Path::new(&file.name);
    let is_within = name
        .components()
        .all(|part| matches!(part, std::path::Component::Normal(_)));
    if !is_within {
        return Err(Error::Damaged(format!(
            "{MANIFEST} of the backup names {}, which is not within it",
            file.name
        )));
    }
    let target = to.join(name);
    let failed = |source| Error::Folder {
        folder: target.clone(),
        source,
    };
    let folder = target.parent().unwrap_or(to);
    fs::create_dir_all(folder).map_err(failed)?;
    folders.insert(folder.to_owned());
    fs::copy(from.join(name), &target).map_err(failed)?;
    let (size, found) = hash(&target).map_err(failed)?;
    if (size, &found) != (file.size_bytes, &file.hash) {
        return Err(Error::Damaged(format!(
            "{} of the backup has other bytes than were written",
            file.name
        )));
    }
    File::open(&target)
        .and_then(|copy| copy.sync_all())
        .map_err(failed)
}
