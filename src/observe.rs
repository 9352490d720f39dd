//! What the program tells of itself to the reading side: the collector's counters in its words, and what
//! the process and the data folder take of the machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use query::{DurationCounts, Footprint, IngestCounters, Observe};

/// Reads the collector, the data folder and the process.
pub(crate) struct Observer {
    pub(crate) meter: collector::Meter,
    pub(crate) data_dir: PathBuf,
}

impl Observe for Observer {
    fn ingest(&self) -> IngestCounters {
        let counts = self.meter.counts();
        let journal = counts.journal;
        IngestCounters {
            requests: counts.requests,
            received_bytes: counts.received_bytes,
            spans: counts.spans,
            log_records: counts.events,
            metric_points: counts.metric_points,
            rejected: counts.rejected,
            duplicates: counts.duplicates,
            refusals: counts
                .refusals
                .into_iter()
                .map(|(reason, count)| (reason.as_str(), count))
                .collect(),
            queued_bytes: counts.queued_bytes,
            queue_limit_bytes: counts.queue_limit_bytes,
            lag: journal.oldest_waiting.unwrap_or(Duration::ZERO),
            journal_bytes: journal.closed_bytes + journal.active_bytes,
            journal_written_bytes: journal.bytes_written,
            journal_syncs: journal.fsyncs,
            is_journal_failing: journal.failing,
            group_times: DurationCounts {
                bounds_s: counts.group_times.bounds_s,
                counts: counts.group_times.counts,
                sum_s: counts.group_times.sum_s,
            },
            load_failures: counts.load_failures,
            is_load_failing: counts.is_load_failing,
            redactions: self.meter.redactions().map(|kinds| {
                let own = |(kind, count): (&str, u64)| (kind.to_owned(), count);
                kinds.into_iter().map(own).collect()
            }),
        }
    }

    fn footprint(&self) -> Footprint {
        Footprint {
            parts: folder_parts(&self.data_dir),
            free_bytes: free_bytes(&self.data_dir),
            resident_bytes: resident_bytes(),
            open_files: open_files(),
        }
    }

    fn refuses(&self) -> Option<String> {
        self.meter.refuses().map(|busy| busy.to_string())
    }
}

/// What the data folder holds, by its parts; every part is told, also one of nothing.
fn folder_parts(folder: &Path) -> Vec<(&'static str, u64)> {
    let mut parts = [
        "database",
        "database_log",
        "journal",
        "search",
        "hooks",
        "temporary",
        "other",
    ]
    .map(|name| (name, 0));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = match &*entry.file_name().to_string_lossy() {
            "spanreel.duckdb" => "database",
            "spanreel.duckdb.wal" => "database_log",
            "journal" => "journal",
            "search" => "search",
            "hooks" => "hooks",
            "tmp" | "compact" => "temporary",
            _ => "other",
        };
        if let Some((_, size_bytes)) = parts.iter_mut().find(|(part, _)| *part == name) {
            *size_bytes += size(&entry.path());
        }
    }
    parts.to_vec()
}

/// Bytes of a file, or of all files below a folder. What goes away meanwhile counts as nothing.
fn size(path: &Path) -> u64 {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => {
            let entries = fs::read_dir(path).into_iter().flatten().flatten();
            entries.map(|entry| size(&entry.path())).sum()
        }
        Ok(meta) => meta.len(),
        Err(_) => 0,
    }
}

#[cfg(unix)]
fn free_bytes(folder: &Path) -> Option<u64> {
    let file_system = rustix::fs::statvfs(folder).ok()?;
    Some(file_system.f_bavail * file_system.f_frsize)
}

#[cfg(not(unix))]
fn free_bytes(_: &Path) -> Option<u64> {
    None
}

/// Linux tells it in a line of its own.
fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

fn open_files() -> Option<u64> {
    let entries = fs::read_dir("/proc/self/fd").ok()?;
    // One of them is the folder that is being read.
    Some((entries.count() as u64).saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_the_folder_is_in_one_part() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, bytes: usize| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
            fs::write(path, vec![0; bytes]).expect("a file");
        };
        write("spanreel.duckdb", 10);
        write("spanreel.duckdb.wal", 3);
        write("journal/0000000001.wal", 5);
        write("journal/0000000002.wal", 6);
        write("search/a/b", 7);
        write("prices.json", 1);
        assert_eq!(
            folder_parts(folder.path()),
            [
                ("database", 10),
                ("database_log", 3),
                ("journal", 11),
                ("search", 7),
                ("hooks", 0),
                ("temporary", 0),
                ("other", 1)
            ]
        );
        assert!(free_bytes(folder.path()).is_some_and(|bytes| bytes > 0));
        if cfg!(target_os = "linux") {
            assert!(resident_bytes().is_some_and(|bytes| bytes > 1 << 20));
            assert!(open_files().is_some_and(|files| files > 2));
        }
    }
}
