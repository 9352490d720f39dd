//! `spanreel import`: transcripts and OTLP files from disk, sent to a running server.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use collector::import::{Records, Seen};

use super::output;
use super::progress::Progress;
use crate::args::ImportArgs;
use crate::failure::Failure;
use find::Found;
use read::{Reader, Report};
use send::Sender;

mod beside;
mod find;
mod read;
mod send;

/// How often files are looked at while following.
const LOOK: Duration = Duration::from_millis(500);
/// How often folders are looked through for new files while following.
const RESCAN: Duration = Duration::from_secs(3);
/// A file that did not grow for this long is told as far as it goes.
const QUIET: Duration = Duration::from_millis(1500);
/// The reader of a file that did not grow for this long is forgotten; should the file grow all the
/// same, it is read again from its beginning.
const FORGET: Duration = Duration::from_secs(600);

/// Imports what `args` names, or what harnesses keep in their own folders.
pub(super) async fn run(args: ImportArgs) -> Result<(), Failure> {
    let mut import = Import {
        sender: Sender::new(&args.endpoint, &args.credentials)?,
        seen: Seen::default(),
        records: Records::default(),
        report: Report::default(),
        progress: None,
    };
    let found = find::files(&args.paths)?;
    if found.is_empty() && !args.follow {
        return Err(Failure::Unavailable(
            "nothing to import: no transcripts of Claude Code, Codex or Gemini CLI in your home folder; name files or folders"
                .to_owned(),
        ));
    }
    import.sender.greet().await?;
    if args.follow {
        import.follow(&args, found).await?;
    } else {
        import.progress = Some(Progress::bar(found.len() as u64, "files"));
        for file in found {
            let mut reader = Reader::open(file)?;
            import.read(&mut reader, true).await?;
            import.progress.as_ref().inspect(|progress| progress.inc());
        }
    }
    import.send(0).await?;
    import.progress = None;
    import.report.print(&import.records);
    Ok(())
}

/// An import under way.
struct Import {
    sender: Sender,
    seen: Seen,
    records: Records,
    report: Report,
    progress: Option<Progress>,
}

/// A file that is followed.
struct Followed {
    reader: Option<Reader>,
    size_bytes: u64,
    grew: Instant,
    /// What is open at its end was told.
    is_told: bool,
}

impl Import {
    /// Reads what is new in a file, sending as it goes.
    async fn read(&mut self, reader: &mut Reader, to_the_end: bool) -> Result<(), Failure> {
        let mut goes_on = true;
        while goes_on {
            goes_on = reader.step(&mut self.seen, &mut self.records, &mut self.report)?;
            for body in reader.take_bodies() {
                self.sender.send(body).await?;
            }
            self.send(Sender::BATCH_BYTES).await?;
            let acts = self.records.span_count;
            if let Some(progress) = &self.progress {
                progress.say(format!(
                    "{}, {acts} acts so far",
                    output::visible(&reader.name())
                ));
            }
        }
        if to_the_end {
            reader.finish(&mut self.seen, &mut self.records, &mut self.report)?;
            for body in reader.take_bodies() {
                self.sender.send(body).await?;
            }
            reader.end(&mut self.seen, &mut self.records);
        }
        Ok(())
    }

    /// Sends what was read when it is at least this large.
    async fn send(&mut self, at_least_bytes: usize) -> Result<(), Failure> {
        if self.records.size_bytes() >= at_least_bytes {
            for body in self.records.take() {
                self.sender.send(body).await?;
            }
        }
        Ok(())
    }

    async fn follow(&mut self, args: &ImportArgs, found: Vec<Found>) -> Result<(), Failure> {
        let mut files: HashMap<PathBuf, Followed> = HashMap::new();
        let mut candidates = found;
        let mut scanned = Instant::now();
        let mut stop = std::pin::pin!(tokio::signal::ctrl_c());
        self.progress = Some(Progress::spinner("following; Ctrl-C ends it"));
        loop {
            for file in candidates.drain(..) {
                let size_bytes = file.size_bytes();
                let followed = files.entry(file.path.clone()).or_insert_with(|| Followed {
                    reader: None,
                    size_bytes: 0,
                    grew: Instant::now(),
                    is_told: true,
                });
                self.follow_one(followed, file, size_bytes).await?;
            }
            self.send(0).await?;
            tokio::select! {
                _ = &mut stop => break,
                () = tokio::time::sleep(LOOK) => {}
            }
            if scanned.elapsed() >= RESCAN {
                scanned = Instant::now();
                candidates = find::files(&args.paths)?;
            } else {
                candidates = files.keys().filter_map(|path| find::known(path)).collect();
            }
        }
        for followed in files.values_mut() {
            if let Some(reader) = &mut followed.reader {
                reader.end(&mut self.seen, &mut self.records);
            }
        }
        Ok(())
    }

    async fn follow_one(
        &mut self,
        followed: &mut Followed,
        file: Found,
        size_bytes: u64,
    ) -> Result<(), Failure> {
        if size_bytes < followed.size_bytes {
            // Written anew.
            followed.reader = None;
            followed.size_bytes = 0;
        }
        if size_bytes > followed.size_bytes {
            let mut reader = match followed.reader.take() {
                Some(reader) => reader,
                None => Reader::open(file)?,
            };
            self.read(&mut reader, false).await?;
            *followed = Followed {
                reader: Some(reader),
                size_bytes,
                grew: Instant::now(),
                is_told: false,
            };
        } else if !followed.is_told && followed.grew.elapsed() >= QUIET {
            if let Some(reader) = &mut followed.reader {
                reader.end(&mut self.seen, &mut self.records);
            }
            followed.is_told = true;
        } else if followed.grew.elapsed() >= FORGET {
            followed.reader = None;
        }
        Ok(())
    }
}
