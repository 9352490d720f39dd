//! The settings that users write into files of the data folder; a file that is not there says nothing.

use std::fmt::Display;
use std::io::ErrorKind;
use std::path::Path;

use collector::redact;
use query::{AlertSettings, DetectorSettings, Endpoint, RetentionSettings};

use crate::failure::Failure;

/// Which detectors run, and their thresholds: `detectors.json`.
///
/// # Errors
/// As all of this page: [`Failure::Usage`] when the file cannot be read or is wrong.
pub(crate) fn detectors(data_dir: &Path) -> Result<DetectorSettings, Failure> {
    let file = data_dir.join(DetectorSettings::FILE);
    Ok(read(&file, DetectorSettings::parse)?.unwrap_or_default())
}

/// What is to be told to whom: `alerts.json`.
pub(crate) fn alerts(data_dir: &Path) -> Result<AlertSettings, Failure> {
    let file = data_dir.join(AlertSettings::FILE);
    Ok(read(&file, AlertSettings::parse)?.unwrap_or_default())
}

/// How long recordings are kept: `retention.json`.
pub(crate) fn retention(data_dir: &Path) -> Result<RetentionSettings, Failure> {
    let file = data_dir.join(RetentionSettings::FILE);
    Ok(read(&file, RetentionSettings::parse)?.unwrap_or_default())
}

/// The model that the user has named for explanations: `ask.json`.
pub(crate) fn ask(data_dir: &Path) -> Result<Option<Endpoint>, Failure> {
    read(&data_dir.join(Endpoint::FILE), Endpoint::parse)
}

/// What is redacted: `privacy.json`; `mode` goes before what is said there.
pub(crate) fn redaction(
    data_dir: &Path,
    mode: Option<redact::Mode>,
) -> Result<redact::Settings, Failure> {
    let file = data_dir.join(redact::Settings::FILE);
    let settings = read(&file, redact::Settings::parse)?.unwrap_or_default();
    Ok(match mode {
        Some(mode) => settings.with_mode(mode),
        None => settings,
    })
}

/// The settings in a file; `None` where there is no such file.
pub(crate) fn read<T, E: Display>(
    file: &Path,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, Failure> {
    match std::fs::read_to_string(file) {
        Ok(text) => parse(&text)
            .map(Some)
            .map_err(|error| Failure::Usage(format!("{}: {error}", file.display()))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::Usage(format!(
            "cannot read {}: {error}",
            file.display()
        ))),
    }
}

/// As [`read`], of a file that was named and so has to be there.
pub(crate) fn read_named<T, E: Display>(
    file: &Path,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, Failure> {
    read(file, parse)?
        .ok_or_else(|| Failure::Usage(format!("cannot read {}: it is not there", file.display())))
}
