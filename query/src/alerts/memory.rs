//! What was told already: a small file in the data folder.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::time::now_ns;

/// Things told that are remembered; the oldest are forgotten first.
const REMEMBERED: usize = 20_000;

/// What was told to whom, and up to where everything has been judged.
#[derive(Debug)]
pub(crate) struct Memory {
    file: PathBuf,
    state: State,
}

#[derive(Debug, Serialize, Deserialize)]
struct State {
    /// Findings that were last written before this (Unix ns) have been judged.
    judged_until_ns: i64,
    told: HashMap<String, Told>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Told {
    rank: u8,
    at_ns: i64,
}

impl Memory {
    /// Name of the file within the data folder.
    pub(crate) const FILE: &'static str = "alerts-told.json";

    /// Reads the file; without one, or with one that cannot be read, nothing from before now is told.
    pub(crate) fn open(folder: &Path) -> Self {
        let file = folder.join(Self::FILE);
        let read = fs::read(&file).ok().and_then(|bytes| {
            serde_json::from_slice(&bytes)
                .inspect_err(|error| {
                    tracing::warn!(%error, file = Self::FILE, "what was alerted before cannot be read");
                })
                .ok()
        });
        let state = read.unwrap_or_else(|| State {
            judged_until_ns: now_ns(),
            told: HashMap::new(),
        });
        Self { file, state }
    }

    pub(crate) fn judged_until_ns(&self) -> i64 {
        self.state.judged_until_ns
    }

    /// Whether something is news to a target: it was not told, or has become more severe since.
    pub(crate) fn is_news(&self, key: &str, rank: u8) -> bool {
        self.state.told.get(key).is_none_or(|told| told.rank < rank)
    }

    /// Remembers that something was told.
    pub(crate) fn told(&mut self, key: String, rank: u8) {
        let at_ns = now_ns();
        self.state.told.insert(key, Told { rank, at_ns });
        if self.state.told.len() > REMEMBERED {
            let mut times: Vec<i64> = self.state.told.values().map(|told| told.at_ns).collect();
            times.sort_unstable();
            let oldest = times.get(REMEMBERED / 10).copied().unwrap_or(0);
            self.state.told.retain(|_, told| told.at_ns > oldest);
        }
    }

    /// Everything up to a time has been judged.
    pub(crate) fn judged(&mut self, until_ns: i64) {
        self.state.judged_until_ns = self.state.judged_until_ns.max(until_ns);
    }

    /// Writes the file, whole or not at all.
    pub(crate) fn save(&self) {
        if let Err(error) = self.write() {
            tracing::warn!(%error, file = Self::FILE, "what was alerted cannot be remembered");
        }
    }

    fn write(&self) -> io::Result<()> {
        let new = self.file.with_extension("json.new");
        let mut out = fs::File::create(&new)?;
        out.write_all(&serde_json::to_vec(&self.state)?)?;
        out.sync_all()?;
        fs::rename(&new, &self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_over_a_restart_and_tells_again_what_became_worse() {
        let folder = tempfile::tempdir().unwrap();
        let mut memory = Memory::open(folder.path());
        assert!(memory.is_news("loop a", 2));
        memory.told("loop a".to_owned(), 2);
        memory.judged(memory.judged_until_ns() + 5);
        memory.save();
        let again = Memory::open(folder.path());
        assert_eq!(again.judged_until_ns(), memory.judged_until_ns());
        assert!(!again.is_news("loop a", 2));
        assert!(again.is_news("loop a", 3));
        fs::write(folder.path().join(Memory::FILE), "{broken").unwrap();
        assert!(Memory::open(folder.path()).is_news("loop a", 2));
    }
}
