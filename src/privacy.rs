//! What is redacted, as the data folder and the command line say.

use std::path::Path;

use collector::redact::{Mode, Settings};

use crate::failure::Failure;

/// The redaction of a data folder: its `privacy.json`, or nothing without one; `mode` goes before
/// what is said there.
///
/// # Errors
/// When the file cannot be read or is wrong.
pub(crate) fn redaction(data_dir: &Path, mode: Option<Mode>) -> Result<Settings, Failure> {
    let file = data_dir.join(Settings::FILE);
    let settings = if file.exists() {
        let text = std::fs::read_to_string(&file)
            .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", file.display())))?;
        Settings::parse(&text)
            .map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?
    } else {
        Settings::default()
    };
    Ok(match mode {
        Some(mode) => settings.with_mode(mode),
        None => settings,
    })
}
