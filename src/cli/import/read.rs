//! Reading one file: unpacked as it is read, line by line where it has lines.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::Path;

use anyhow::Context as _;
use collector::import::otlp_file::{Body, json_signal, protobuf_messages};
use collector::import::{Damaged, Format, Origin, Records, Seen, Transcript};
use proto::{Encoding, Signal};

use super::beside::Folders;
use super::find::Found;
use crate::failure::Failure;

/// A longer line is left out; the server would not take it either.
const LONGEST_LINE_BYTES: usize = 64 << 20;
/// A document that is read in one piece may be this large.
const LARGEST_DOCUMENT_BYTES: u64 = 256 << 20;
/// Lines that are looked at to find out what a file is.
const LINES_TO_TELL: usize = 20;
/// After this much the file makes room for sending.
const STEP_BYTES: usize = 1 << 20;
/// Damaged lines that are named.
const NAMED_MAX: usize = 20;

/// What became of an import, for the user.
#[derive(Default)]
pub(super) struct Report {
    transcripts: u64,
    otlp_files: u64,
    otlp_requests: u64,
    other_files: u64,
    damaged_count: u64,
    damaged: Vec<String>,
}

impl Report {
    fn damaged(&mut self, path: &Path, damaged: &Damaged) {
        self.damaged_count += 1;
        if self.damaged.len() < NAMED_MAX {
            self.damaged.push(format!("{}: {damaged}", path.display()));
        }
    }

    /// One line of what was imported, and what was left out.
    pub(super) fn print(&self, records: &Records) {
        let mut out = std::io::stdout().lock();
        let mut what = format!(
            "{} transcripts: {} acts, {} other entries",
            self.transcripts, records.span_count, records.log_count
        );
        if self.otlp_files > 0 {
            what.push_str(&format!(
                "; {} OTLP files: {} requests",
                self.otlp_files, self.otlp_requests
            ));
        }
        if self.other_files > 0 {
            what.push_str(&format!("; {} other files passed over", self.other_files));
        }
        let _ = writeln!(out, "imported {what}");
        if self.damaged_count > 0 {
            let _ = writeln!(out, "{} damaged lines left out:", self.damaged_count);
            for line in &self.damaged {
                let _ = writeln!(out, "  {line}");
            }
        }
    }
}

/// What a file turned out to be.
enum Content {
    /// The lines that were read before it was known, and their size.
    Unknown(Vec<Vec<u8>>),
    Transcript(Box<Transcript>),
    OtlpLines {
        line: u64,
    },
    /// Nothing that is known, or read in one piece already.
    Done,
}

/// A file under way.
pub(super) struct Reader {
    file: Found,
    input: BufReader<Box<dyn Read + Send>>,
    content: Content,
    beside: Folders,
    /// The beginning of a line whose end is not written yet.
    partial: Vec<u8>,
    bodies: Vec<Body>,
    is_first: bool,
}

impl Reader {
    pub(super) fn open(file: Found) -> Result<Self, Failure> {
        let opened = File::open(&file.path)
            .with_context(|| format!("cannot read {}", file.path.display()))?;
        let ends = |ending: &str| file.path.to_string_lossy().ends_with(ending);
        let unpacked: Box<dyn Read + Send> = if ends(".zst") {
            Box::new(zstd::Decoder::new(opened).context("unpacking zstd")?)
        } else if ends(".gz") {
            Box::new(flate2::read::MultiGzDecoder::new(opened))
        } else {
            Box::new(opened)
        };
        Ok(Self {
            beside: Folders::of(&file.path),
            file,
            input: BufReader::with_capacity(64 << 10, unpacked),
            content: Content::Unknown(Vec::new()),
            partial: Vec::new(),
            bodies: Vec::new(),
            is_first: true,
        })
    }

    pub(super) fn name(&self) -> String {
        let name = self.file.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// OTLP requests that were found since the last time.
    pub(super) fn take_bodies(&mut self) -> Vec<Body> {
        std::mem::take(&mut self.bodies)
    }

    /// Reads on for a while; false at what is, for now, the end.
    pub(super) fn step(
        &mut self,
        seen: &mut Seen,
        records: &mut Records,
        report: &mut Report,
    ) -> Result<bool, Failure> {
        if self.is_first && !self.begins_with_json()? {
            self.is_first = false;
            let whole = self.rest(Vec::new())?;
            self.document(&whole, seen, records, report)?;
            return Ok(false);
        }
        self.is_first = false;
        let mut taken = 0;
        while taken < STEP_BYTES {
            if matches!(self.content, Content::Done) {
                return Ok(false);
            }
            let line = match self.next_line()? {
                Line::Whole(line) => line,
                Line::TooLong => {
                    self.skip_line(report);
                    continue;
                }
                Line::End => return Ok(false),
            };
            taken += line.len();
            self.take_line(line, seen, records, report)?;
        }
        Ok(true)
    }

    /// Whether the first byte that is no white space begins a JSON value. An empty file may still
    /// become one.
    fn begins_with_json(&mut self) -> Result<bool, Failure> {
        let start = self.input.fill_buf().context("reading")?;
        let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
        let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
        Ok(first.is_none_or(|byte| matches!(byte, b'{' | b'[')))
    }

    fn next_line(&mut self) -> Result<Line, Failure> {
        let room = LONGEST_LINE_BYTES.saturating_sub(self.partial.len()) as u64;
        let mut limited = (&mut self.input).take(room);
        limited
            .read_until(b'\n', &mut self.partial)
            .with_context(|| format!("reading {}", self.file.path.display()))?;
        if self.partial.last() == Some(&b'\n') {
            return Ok(Line::Whole(std::mem::take(&mut self.partial)));
        }
        if self.partial.len() < LONGEST_LINE_BYTES {
            return Ok(Line::End);
        }
        self.partial = Vec::new();
        loop {
            let buffer = self.input.fill_buf().context("reading")?;
            let (used, ended) = match buffer.iter().position(|byte| *byte == b'\n') {
                Some(at) => (at + 1, true),
                None => (buffer.len(), buffer.is_empty()),
            };
            self.input.consume(used);
            if ended {
                return Ok(Line::TooLong);
            }
        }
    }

    fn skip_line(&mut self, report: &mut Report) {
        let reason = "longer than 64 MiB";
        let damaged = match &mut self.content {
            Content::Transcript(transcript) => transcript.skip_line(reason),
            Content::OtlpLines { line } => {
                *line += 1;
                Damaged {
                    line: *line,
                    reason: reason.to_owned(),
                }
            }
            Content::Unknown(_) | Content::Done => return,
        };
        report.damaged(&self.file.path, &damaged);
    }

    fn take_line(
        &mut self,
        line: Vec<u8>,
        seen: &mut Seen,
        records: &mut Records,
        report: &mut Report,
    ) -> Result<(), Failure> {
        match &mut self.content {
            Content::Transcript(transcript) => {
                if let Err(damaged) = transcript.line(&line, &self.beside, seen, records) {
                    report.damaged(&self.file.path, &damaged);
                }
            }
            Content::OtlpLines { line: number } => {
                *number += 1;
                if !line.trim_ascii().is_empty() {
                    match otlp_line(line) {
                        Ok(body) => {
                            report.otlp_requests += 1;
                            self.bodies.push(body);
                        }
                        Err(reason) => {
                            let line = *number;
                            report.damaged(&self.file.path, &Damaged { line, reason });
                        }
                    }
                }
            }
            Content::Unknown(_) => self.find_out(line, seen, records, report)?,
            Content::Done => {}
        }
        Ok(())
    }

    /// Looks at another line of a file that is not known yet.
    fn find_out(
        &mut self,
        line: Vec<u8>,
        seen: &mut Seen,
        records: &mut Records,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let Content::Unknown(held) = &mut self.content else {
            return Ok(());
        };
        let is_entry = serde_json::from_slice::<serde::de::IgnoredAny>(&line).is_ok();
        let first_is_no_entry = held.is_empty() && !is_entry && !line.trim_ascii().is_empty();
        let found = if !is_entry {
            None
        } else if json_signal(&line).is_some() {
            report.otlp_files += 1;
            Some(Content::OtlpLines { line: 0 })
        } else {
            Format::of_entry(&line).map(|format| {
                report.transcripts += 1;
                Content::Transcript(Box::new(Transcript::new(format, &origin(&self.file.path))))
            })
        };
        held.push(line);
        if let Some(found) = found {
            let held = std::mem::take(held);
            self.content = found;
            for line in held {
                self.take_line(line, seen, records, report)?;
            }
        } else if first_is_no_entry {
            // A document over several lines.
            let start = held.concat();
            let whole = self.rest(start)?;
            self.document(&whole, seen, records, report)?;
        } else if held.len() >= LINES_TO_TELL {
            self.pass_over(report)?;
        }
        Ok(())
    }

    /// The rest of the file behind `start`.
    fn rest(&mut self, mut start: Vec<u8>) -> Result<Vec<u8>, Failure> {
        (&mut self.input)
            .take(LARGEST_DOCUMENT_BYTES)
            .read_to_end(&mut start)
            .with_context(|| format!("reading {}", self.file.path.display()))?;
        Ok(start)
    }

    /// A file that is one document: OTLP, or a chat of Gemini CLI.
    fn document(
        &mut self,
        whole: &[u8],
        seen: &mut Seen,
        records: &mut Records,
        report: &mut Report,
    ) -> Result<(), Failure> {
        self.content = Content::Done;
        if let Some(signal) = json_signal(whole) {
            report.otlp_files += 1;
            match otlp_json(signal, whole.to_vec()) {
                Ok(body) => {
                    report.otlp_requests += 1;
                    self.bodies.push(body);
                }
                Err(reason) => report.damaged(&self.file.path, &Damaged { line: 1, reason }),
            }
            return Ok(());
        }
        if let Some(messages) = protobuf_messages(whole) {
            report.otlp_files += 1;
            report.otlp_requests += messages.len() as u64;
            self.bodies.extend(messages);
            return Ok(());
        }
        if let Some(format) = Format::of_entry(whole) {
            report.transcripts += 1;
            let mut transcript = Transcript::new(format, &origin(&self.file.path));
            if let Err(damaged) = transcript.line(whole, &self.beside, seen, records) {
                report.damaged(&self.file.path, &damaged);
            }
            self.content = Content::Transcript(Box::new(transcript));
            return Ok(());
        }
        self.pass_over(report)
    }

    fn pass_over(&mut self, report: &mut Report) -> Result<(), Failure> {
        self.content = Content::Done;
        if self.file.is_named {
            return Err(Failure::Usage(format!(
                "{} is no transcript of Claude Code, Codex or Gemini CLI and no OTLP file",
                self.file.path.display()
            )));
        }
        report.other_files += 1;
        Ok(())
    }

    /// Takes a last line without a line end.
    pub(super) fn finish(
        &mut self,
        seen: &mut Seen,
        records: &mut Records,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let line = std::mem::take(&mut self.partial);
        if !line.is_empty() {
            self.take_line(line, seen, records, report)?;
        }
        if let Content::Unknown(held) = &self.content
            && !held.is_empty()
        {
            self.pass_over(report)?;
        }
        Ok(())
    }

    /// Tells what is open at what is, for now, the end.
    pub(super) fn end(&mut self, seen: &mut Seen, records: &mut Records) {
        if let Content::Transcript(transcript) = &mut self.content {
            transcript.end(&self.beside, seen, records);
        }
    }
}

enum Line {
    Whole(Vec<u8>),
    TooLong,
    /// Nothing more, or a line whose end is not written yet.
    End,
}

fn origin(path: &Path) -> Origin {
    let name =
        |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    Origin {
        file_name: name(path.file_name()),
        folder_name: name(path.parent().and_then(Path::file_name)),
    }
}

fn otlp_line(line: Vec<u8>) -> Result<Body, String> {
    let signal = json_signal(&line).ok_or("no OTLP")?;
    otlp_json(signal, line)
}

fn otlp_json(signal: Signal, bytes: Vec<u8>) -> Result<Body, String> {
    proto::decode(signal, Encoding::Json, &bytes).map_err(|error| error.to_string())?;
    Ok(Body {
        signal,
        encoding: Encoding::Json,
        bytes,
    })
}
