//! Which files there are to import, and in what order.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use directories::BaseDirs;

use crate::failure::Failure;

/// Folders inside folders that are looked through at most.
const DEEPEST: usize = 12;

/// A file that may be imported.
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// The user named this very file: that it cannot be read is an error.
    pub(super) is_named: bool,
}

impl Found {
    /// Its size now; 0 when it is gone.
    pub(super) fn size_bytes(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |metadata| metadata.len())
    }
}

/// A file that was found before.
pub(super) fn known(path: &Path) -> Option<Found> {
    path.is_file().then(|| Found {
        path: path.to_owned(),
        is_named: false,
    })
}

/// The files behind `paths`, or those in the harnesses' own folders when there are none; a session
/// before those that were forked from it.
pub(super) fn files(paths: &[PathBuf]) -> Result<Vec<Found>, Failure> {
    let mut found = Vec::new();
    if paths.is_empty() {
        for folder in own_folders() {
            walk(&folder, DEEPEST, &mut found);
        }
    }
    for path in paths {
        let metadata = fs::metadata(path)
            .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", path.display())))?;
        if metadata.is_dir() {
            walk(path, DEEPEST, &mut found);
        } else {
            found.push(Found {
                path: path.clone(),
                is_named: true,
            });
        }
    }
    found.sort_by_cached_key(|file| (made(&file.path), file.path.clone()));
    found.dedup_by(|a, b| a.path == b.path);
    Ok(found)
}

/// Where the harnesses keep their transcripts.
fn own_folders() -> Vec<PathBuf> {
    let home = BaseDirs::new().map(|folders| folders.home_dir().to_owned());
    let of = |variable: &str, folder: &str| {
        std::env::var_os(variable)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
            .or_else(|| Some(home.as_ref()?.join(folder)))
    };
    [
        of("CLAUDE_CONFIG_DIR", ".claude").map(|folder| folder.join("projects")),
        of("CODEX_HOME", ".codex").map(|folder| folder.join("sessions")),
        of("CODEX_HOME", ".codex").map(|folder| folder.join("archived_sessions")),
        home.as_ref().map(|home| home.join(".gemini").join("tmp")),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// When a file was made, or last written where the system does not know.
fn made(path: &Path) -> SystemTime {
    let metadata = fs::metadata(path);
    metadata
        .and_then(|metadata| metadata.created().or_else(|_| metadata.modified()))
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<Found>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        // Links are not followed: they may lead in circles.
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_dir() && depth > 0 {
            walk(&path, depth - 1, found);
        } else if kind.is_file() && may_be_imported(&path) {
            found.push(Found {
                path,
                is_named: false,
            });
        }
    }
}

/// Whether the name is one of a transcript or an OTLP file.
fn may_be_imported(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(OsStr::to_str)
        .unwrap_or_default()
        .to_ascii_lowercase();
    // Claude Code sets files aside that another one replaces.
    if name.contains(".orphaned-") || name.contains(".superseded-") || name.ends_with(".meta.json")
    {
        return false;
    }
    let name = name
        .strip_suffix(".zst")
        .or_else(|| name.strip_suffix(".gz"))
        .unwrap_or(&name);
    [".jsonl", ".ndjson", ".json", ".pb", ".binpb"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_files_by_their_names() {
        for name in [
            "a.jsonl",
            "rollout-x.jsonl.zst",
            "traces.json",
            "logs.pb",
            "b.JSONL.gz",
        ] {
            assert!(may_be_imported(Path::new(name)), "{name}");
        }
        for name in [
            "a.txt",
            "agent-1.meta.json",
            "a.orphaned-1.jsonl",
            "a.jsonl.superseded-2",
        ] {
            assert!(!may_be_imported(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn looks_through_folders() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        fs::write(folder.path().join("a/b/c.jsonl"), "").unwrap();
        fs::write(folder.path().join("a/note.txt"), "").unwrap();
        let found = files(&[folder.path().to_owned()]).unwrap();
        let paths: Vec<&Path> = found.iter().map(|file| file.path.as_path()).collect();
        assert_eq!(paths, [folder.path().join("a/b/c.jsonl")]);
        assert!(files(&[folder.path().join("absent")]).is_err());
    }
}
