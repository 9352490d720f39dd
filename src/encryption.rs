//! The key of a data folder, as the command line names it.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use store::EncryptionKey;

use crate::args::EncryptionArgs;
use crate::failure::Failure;

/// The key for a data folder; `None` when none is given.
///
/// # Errors
/// When the file cannot be read, holds no key, or lies in the folder, where every backup takes it along.
pub(crate) fn key(
    args: &EncryptionArgs,
    data_dir: &Path,
) -> Result<Option<EncryptionKey>, Failure> {
    let Some(file) = &args.encryption_key_file else {
        return Ok(None);
    };
    let key = read(file)?;
    let place = |path: &Path| path.canonicalize().ok();
    if let (Some(file), Some(folder)) = (place(file), place(data_dir))
        && file.starts_with(&folder)
    {
        return Err(Failure::Usage(format!(
            "{} is in the data folder that it encrypts, and every copy of the folder would hold it: move it \
             elsewhere",
            file.display()
        )));
    }
    Ok(Some(key))
}

/// The key in a file.
///
/// # Errors
/// When the file cannot be read or holds no key.
pub(crate) fn read(file: &Path) -> Result<EncryptionKey, Failure> {
    let wrong = |what: &dyn std::fmt::Display| {
        Failure::Usage(format!("--encryption-key-file {}: {what}", file.display()))
    };
    let text = fs::read_to_string(file).map_err(|error| wrong(&error))?;
    EncryptionKey::parse(&text).map_err(|error| wrong(&error))
}

/// Whether others than its owner can read a file.
pub(crate) fn is_readable_by_others(file: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::metadata(file).is_ok_and(|found| found.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        false
    }
}

/// Draws a key and writes it into a new file.
///
/// # Errors
/// When the file is there already or cannot be written.
pub(crate) fn write_new(file: &Path) -> Result<EncryptionKey, Failure> {
    let failed = |error: std::io::Error| {
        Failure::Unavailable(match error.kind() {
            std::io::ErrorKind::AlreadyExists => format!(
                "{} is there already: a key that is overwritten takes with it what it encrypts; name another file",
                file.display()
            ),
            _ => format!("{}: {error}", file.display()),
        })
    };
    let key = EncryptionKey::draw().map_err(failed)?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(file).map_err(failed)?;
    writeln!(out, "{}", key.to_text())
        .and_then(|()| out.sync_all())
        .map_err(failed)?;
    Ok(key)
}
