//! `spanreel verify`, `spanreel compact`, `spanreel backup` and `spanreel restore`.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use collector::journal::Journal;
use query::{JournalCheck, JournalDamage, JournalUpkeep, VerifyReport};
use serde_json::{Value, json};
use store::{EncryptionKey, Store};

use super::answer::{rows, text};
use super::format;
use super::output;
use super::source::{self, Api, Refusal, Server};
use crate::args::{BackupArgs, CompactArgs, RestoreArgs, VerifyArgs, data_folder};
use crate::encryption;
use crate::failure::Failure;

/// Exit code that says that something is damaged.
const DAMAGED: u8 = 1;
/// Going over everything takes as long as it takes.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);
const MEMORY_BYTES: u64 = 384 << 20;

pub(super) async fn verify(args: VerifyArgs) -> Result<ExitCode, Failure> {
    let report = match source::server(&args.source).await? {
        Some(server) => ask(&server, "/verify", &Value::Null).await?,
        None => {
            let folder = data_folder(args.source.data.as_deref())?;
            let key = encryption::key(&args.source.encryption, &folder)?;
            let verified =
                tokio::task::spawn_blocking(move || verify_folder(&folder, key.as_ref())).await;
            verified.context("verifying")??
        }
    };
    if args.json {
        output::print_json(&report)?;
    } else {
        output::print(&output::visible(&told(&report)))?;
    }
    Ok(match report["healthy"].as_bool() {
        Some(true) => ExitCode::SUCCESS,
        _ => ExitCode::from(DAMAGED),
    })
}

pub(super) async fn compact(args: CompactArgs) -> Result<(), Failure> {
    let api = Api::open(&args.source).await?;
    let answer = ask(&api, "/compact", &Value::Null).await;
    api.close().await?;
    let answer = answer?;
    if args.json {
        return output::print_json(&answer);
    }
    let bytes = |name: &str| answer[name].as_u64().unwrap_or_default();
    let (before, after) = (bytes("before_bytes"), bytes("after_bytes"));
    if answer["journal_settled"] != true {
        output::note(
            "what was acknowledged is still being loaded: the journal may hold what was deleted; compact again later",
        );
    }
    output::print(&format!(
        "{} before, {} after: {} given back in {:.1} s.",
        format::bytes(before),
        format::bytes(after),
        format::bytes(before.saturating_sub(after)),
        bytes("elapsed_ms") as f64 / 1e3,
    ))
}

pub(super) async fn backup(args: BackupArgs) -> Result<(), Failure> {
    let to = std::path::absolute(&args.to)
        .map_err(|error| Failure::Usage(format!("{}: {error}", args.to.display())))?;
    let Some(to) = to.to_str() else {
        let message = format!("{} is no text that can be sent", args.to.display());
        return Err(Failure::Usage(message));
    };
    let api = Api::open(&args.source).await?;
    let answer = ask(&api, "/backup", &json!({ "to": to })).await;
    api.close().await?;
    let answer = answer?;
    if args.json {
        return output::print_json(&answer);
    }
    output::print(&output::visible(&format!(
        "{} files, {}, copied to {to} in {:.1} s. Read it again: spanreel verify --data {to}",
        answer["file_count"],
        format::bytes(answer["size_bytes"].as_u64().unwrap_or_default()),
        answer["elapsed_ms"].as_u64().unwrap_or_default() as f64 / 1e3,
    )))
}

pub(super) async fn restore(args: RestoreArgs) -> Result<(), Failure> {
    let to = data_folder(args.data.as_deref())?;
    let shown = to.display().to_string();
    let restored = tokio::task::spawn_blocking(move || store::restore(&args.from, &to)).await;
    let backup = restored
        .context("restoring")?
        .map_err(|error| Failure::Unavailable(format!("{:#}", anyhow!(error))))?;
    output::print(&output::visible(&format!(
        "{} files, {}, restored into {shown}. Start it: spanreel --data {shown}",
        backup.files.len(),
        format::bytes(backup.size_bytes()),
    )))
}

/// Asks a server for a task that may take long.
pub(super) async fn ask(server: &Server, path: &str, body: &Value) -> Result<Value, Failure> {
    let response = server
        .post(path, body, "application/json", PATIENCE)
        .await?
        .map_err(Refusal::into_failure)?;
    Ok(response
        .json()
        .await
        .context("the server's answer is not the JSON that was expected")?)
}

/// Reads a folder that nobody serves, database and journal.
fn verify_folder(folder: &Path, key: Option<&EncryptionKey>) -> Result<Value, Failure> {
    let begun = Instant::now();
    let found = store::verify_folder(folder, MEMORY_BYTES, key).map_err(|error| match error {
        store::Error::Locked { .. } => Failure::Unavailable(format!(
            "{error}; or ask the server that has it open: spanreel verify --url ADDRESS"
        )),
        store::Error::Folder { .. }
        | store::Error::NoEncryptionKey { .. }
        | store::Error::OtherEncryptionKey { .. }
        | store::Error::NotEncrypted { .. } => {
            Failure::Unavailable(format!("{:#}", anyhow!(error)))
        }
        error => Failure::Internal(error.into()),
    })?;
    let position = found.journal_position;
    let encryption = key
        .map(collector::journal::Encryption::new)
        .transpose()
        .context("the key")?;
    let checked = collector::journal::check(
        &folder.join(collector::JOURNAL_FOLDER),
        encryption.as_ref(),
        position,
    );
    let journal = journal_check(checked.context("reading the journal")?);
    let elapsed_ms = begun.elapsed().as_millis() as u64;
    let report = VerifyReport::new(found, journal, elapsed_ms);
    Ok(serde_json::to_value(&report).context("cannot write JSON")?)
}

/// The journal of a running collector, for the API.
pub(crate) fn journal_upkeep(journal: Journal, store: Store) -> JournalUpkeep {
    let of_check = journal.clone();
    let of_copy = journal.clone();
    let in_words = |error: collector::Error| format!("{:#}", anyhow!(error));
    JournalUpkeep {
        check: Arc::new(move |loaded_position| {
            let checked = of_check.check(loaded_position);
            checked.map(journal_check).map_err(in_words)
        }),
        copy: Arc::new(move |folder| of_copy.copy_to(folder)),
        settle: Arc::new(move || journal.settle(&store).map_err(in_words)),
    }
}

/// What the journal found in the words of the API.
fn journal_check(check: collector::journal::Check) -> JournalCheck {
    use collector::journal::StretchKind;
    let damage = check.stretches.into_iter().map(|stretch| {
        let name = stretch.path.file_name().unwrap_or_default();
        JournalDamage {
            file: format!("{}/{}", collector::JOURNAL_FOLDER, name.to_string_lossy()),
            from: stretch.from,
            to: stretch.to,
            harmless: match stretch.kind {
                StretchKind::CutShort => Some(
                    "the file ends within a record, as a crash leaves it; it was never acknowledged",
                ),
                StretchKind::Loaded => Some("the database has what was there"),
                StretchKind::Damaged => None,
            },
        }
    });
    JournalCheck {
        segment_count: check.segment_count,
        record_count: check.record_count,
        bytes: check.bytes,
        damage: damage.collect(),
    }
}

fn told(report: &Value) -> String {
    let checked = &report["checked"];
    let count = |name: &str| checked[name].as_u64().unwrap_or_default();
    let seconds = report["elapsed_ms"].as_u64().unwrap_or_default() as f64 / 1e3;
    let mut lines = vec![format!(
        "Read {} blocks, {} pieces, {} payloads ({} as sent), {} parts of records, {} references and \
         {} journal records in {seconds:.1} s.",
        count("blocks"),
        count("pieces"),
        count("payloads"),
        format::bytes(count("payload_bytes")),
        count("record_parts"),
        count("references"),
        count("journal_records"),
    )];
    for note in rows(&report["notes"]) {
        lines.push(format!("note: {}", text(note)));
    }
    let damage = rows(&report["damage"]);
    for one in damage {
        lines.push(format!("{}: {}", text(&one["kind"]), text(&one["message"])));
        for session in rows(&one["session_ids"]) {
            let acts = rows(&one["acts"]);
            let acts: Vec<String> = acts
                .iter()
                .filter(|act| act["session_id"] == *session)
                .map(|act| format!("{}:{}", text(&act["trace_id"]), text(&act["span_id"])))
                .collect();
            lines.push(format!("  session {} {}", text(session), acts.join(" ")));
        }
    }
    let all = report["damage_count"].as_u64().unwrap_or_default();
    lines.push(match all {
        0 => "Nothing is damaged.".to_owned(),
        _ if all > damage.len() as u64 => {
            format!(
                "{all} things are damaged; the first {} are listed.",
                damage.len()
            )
        }
        1 => "1 thing is damaged.".to_owned(),
        _ => format!("{all} things are damaged."),
    });
    if all > 0 {
        lines.push(
            "What is not named can be used as before; a backup brings back the rest: spanreel restore."
                .to_owned(),
        );
    }
    lines.join("\n")
}
