//! What lies beside a transcript: spilled results and notes on subagents.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use collector::import::Beside;

/// Larger files are left where they are.
const LARGEST_BYTES: u64 = 64 << 20;

/// The folders that belong to one transcript.
pub(super) struct Folders(Vec<PathBuf>);

impl Folders {
    pub(super) fn of(transcript: &Path) -> Self {
        let mut folders = Vec::new();
        let Some(own) = transcript.parent() else {
            return Self(folders);
        };
        let stem = transcript
            .file_name()
            .and_then(|name| name.to_str()?.split('.').next());
        // Claude Code: beside the session, and above its subagents.
        folders.push(own.to_owned());
        if let Some(stem) = stem {
            folders.push(own.join(stem).join("tool-results"));
        }
        for above in own.ancestors().skip(1).take(2) {
            folders.push(above.join("tool-results"));
            // Gemini CLI: one folder per session beside the chats.
            if let Ok(sessions) = fs::read_dir(above.join("tool-outputs")) {
                folders.extend(sessions.flatten().map(|entry| entry.path()));
            }
            if own.ends_with("chats") || above.ends_with("chats") {
                folders.push(above.to_owned());
            }
        }
        Self(folders)
    }
}

impl Beside for Folders {
    fn text(&self, name: &str) -> Option<String> {
        // A name only: it comes out of a file that anyone may have written.
        if name.is_empty() || name == ".." || name.contains(['/', '\\', '\0']) {
            return None;
        }
        self.0.iter().find_map(|folder| {
            let path = folder.join(name);
            let metadata = fs::symlink_metadata(&path).ok()?;
            if !metadata.is_file() || metadata.len() > LARGEST_BYTES {
                return None;
            }
            let mut bytes = Vec::new();
            let mut file = fs::File::open(&path).ok()?.take(LARGEST_BYTES);
            file.read_to_end(&mut bytes).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_belongs_to_a_transcript_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let project = root.path().join("projects/p");
        fs::create_dir_all(project.join("s/tool-results")).unwrap();
        fs::create_dir_all(project.join("s/subagents")).unwrap();
        fs::write(project.join("s/tool-results/r.txt"), "whole").unwrap();
        fs::write(root.path().join("secret.txt"), "secret").unwrap();
        let session = Folders::of(&project.join("s.jsonl"));
        assert_eq!(session.text("r.txt").as_deref(), Some("whole"));
        let subagent = Folders::of(&project.join("s/subagents/agent-1.jsonl"));
        assert_eq!(subagent.text("r.txt").as_deref(), Some("whole"));
        for name in ["../../secret.txt", "..", "", "absent.txt"] {
            assert_eq!(session.text(name), None, "{name}");
        }
    }
}
