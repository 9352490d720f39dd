//! `spanreel export`.

use std::io::{self, IsTerminal as _, Write};
use std::path::Path;

use anyhow::Context as _;

use super::format::bytes;
use super::output;
use super::progress::Progress;
use super::source::{Api, percent_encoded};
use crate::args::{ExportArgs, ExportFormat};
use crate::failure::Failure;

pub(super) async fn run(args: ExportArgs) -> Result<(), Failure> {
    let format = format(&args);
    let mut query = format!("format={}", format.as_str());
    for (name, values) in [("redact", &args.redact), ("without", &args.without)] {
        for value in values {
            query.push_str(&format!("&{name}={}", percent_encoded(value)));
        }
    }
    for (name, is_set) in [("raw", args.raw), ("no_payloads", args.no_payloads)] {
        if is_set {
            query.push_str(&format!("&{name}=true"));
        }
    }
    let api = Api::open(&args.source).await?;
    let done = export(&api, &args, &query).await;
    api.close().await?;
    done
}

async fn export(api: &Api, args: &ExportArgs, query: &str) -> Result<(), Failure> {
    let session = api.session_id(&args.session_id).await?;
    let path = format!("/sessions/{}/export?{query}", percent_encoded(&session));
    match &args.output {
        None => {
            let mut out = output::stdout();
            fetch(api, &path, &mut out).await?;
            output::written(out.flush())
        }
        Some(file) => to_file(api, &path, file).await,
    }
}

/// The format that was asked for, else that of the file's ending.
fn format(args: &ExportArgs) -> ExportFormat {
    let ending = |file: &std::path::PathBuf| {
        let ending = file.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "csv" => Some(ExportFormat::Csv),
            "jsonl" | "ndjson" => Some(ExportFormat::Otlp),
            "md" => Some(ExportFormat::Md),
            "html" | "htm" => Some(ExportFormat::Html),
            _ => None,
        }
    };
    let by_file = args.output.as_ref().filter(|_| !args.json).and_then(ending);
    args.format.or(by_file).unwrap_or(ExportFormat::Json)
}

/// Writes beside the file and renames, so that a file of that name is always whole.
async fn to_file(api: &Api, path: &str, file: &Path) -> Result<(), Failure> {
    let cannot = || format!("cannot write {}", file.display());
    let mut name = file
        .file_name()
        .map(ToOwned::to_owned)
        .ok_or_else(|| Failure::Usage(format!("{} is no name of a file", file.display())))?;
    name.push(".part");
    let part = file.with_file_name(name);
    let mut out = io::BufWriter::new(std::fs::File::create(&part).with_context(cannot)?);
    let done = fetch(api, path, &mut out).await;
    let done = done.and_then(|size| {
        out.flush().with_context(cannot)?;
        std::fs::rename(&part, file).with_context(cannot)?;
        Ok(size)
    });
    match done {
        Ok(size) => {
            output::note(&format!("{size} bytes written to {}", file.display()));
            Ok(())
        }
        Err(failure) => {
            // What is left of it is of no use.
            let _ = std::fs::remove_file(&part);
            Err(failure)
        }
    }
}

async fn fetch(api: &Api, path: &str, out: &mut impl Write) -> Result<u64, Failure> {
    let mut answer = api.get_range(path, None).await?;
    // What is exported onto a terminal shows by itself how far it is.
    let progress = (!io::stdout().is_terminal()).then(|| Progress::spinner("exporting"));
    let mut size = 0;
    while let Some(chunk) = answer
        .chunk()
        .await
        .context("the export was broken off; the server's log says why")?
    {
        size += chunk.len() as u64;
        if let Some(progress) = &progress {
            progress.say(bytes(size));
        }
        match out.write_all(&chunk) {
            // A reader that has gone away (`| head`) is no failure.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(size),
            written => written.context("cannot write the export")?,
        }
    }
    Ok(size)
}
