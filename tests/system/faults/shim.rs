//! Faults of disk and clock as the program meets them: a few lines of C between it and the C library.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::program::{Server, repository, serve};

/// Files whose writes fail or are slow.
#[derive(Debug, Clone, Copy)]
pub(super) enum Files {
    Database = 1,
    /// Of the database and of the journal.
    Both = 3,
}

/// What is wrong at present.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    None,
    /// Each sync of these files takes so much longer.
    SlowSyncs {
        delay_ms: i64,
        files: Files,
    },
    /// Writes, syncs and new files fail with this number of `errno.h`.
    FailingWrites {
        errno: i64,
        files: Files,
    },
    /// Syncs of these files fail, writes do not.
    FailingSyncs {
        errno: i64,
        files: Files,
    },
    /// The clock of the wall is so far from the true one.
    Clock {
        offset_s: i64,
    },
}

/// The library, built, and the memory that it shares with the test.
pub(super) struct Shim {
    folder: TempDir,
}

impl Shim {
    /// Builds it; `None`, with a message, where that cannot be.
    pub(super) fn build() -> Option<Self> {
        if !cfg!(all(target_os = "linux", target_env = "gnu")) {
            println!(
                "skipped: faults are put between program and C library on Linux with glibc only"
            );
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(folder.path().join("shim.so"))
            .arg(repository("tests/system/faults/shim.c"))
            .arg("-ldl")
            .output()
            .expect("a C compiler");
        let message = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "{message}");
        let shim = Self { folder };
        shim.set(Fault::None);
        Some(shim)
    }

    fn memory(&self) -> PathBuf {
        self.folder.path().join("faults")
    }

    /// Starts the program on a data folder, with this under it.
    pub(super) fn server(&self, data: &Path) -> Server {
        let mut command = serve(data);
        command
            .env("LD_PRELOAD", self.folder.path().join("shim.so"))
            .env("FAULTS", self.memory());
        Server::spawn(command)
    }

    /// From now on this is wrong, and nothing else.
    pub(super) fn set(&self, fault: Fault) {
        let [
            clock_offset_s,
            sync_delay_us,
            write_errno,
            sync_errno,
            files,
        ] = match fault {
            Fault::None => [0; 5],
            Fault::SlowSyncs { delay_ms, files } => [0, delay_ms * 1000, 0, 0, files as i64],
            Fault::FailingWrites { errno, files } => [0, 0, errno, errno, files as i64],
            Fault::FailingSyncs { errno, files } => [0, 0, 0, errno, files as i64],
            Fault::Clock { offset_s } => [offset_s, 0, 0, 0, 0],
        };
        let words = [
            clock_offset_s,
            sync_delay_us,
            write_errno,
            sync_errno,
            files,
        ];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        // In place: the program has mapped this very file.
        let mut file = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.memory())
            .expect("the shared memory");
        file.write_all(&bytes).expect("the shared memory");
    }
}
