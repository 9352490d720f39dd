//! A session for programs: everything that is stored of it, as one JSON document.
//!
//! Each text stands once, under `payloads`, and is named by its hash where it belongs.

use std::collections::BTreeSet;
use std::io::Write;

use serde_json::value::RawValue;
use store::{Store, Table, Value};

use super::acts::{Take, each_act};
use super::texts::{each_text, referred};
use super::{ExportError, Family};
use crate::rows::{self, Named};
use crate::sql;
use crate::time::{now_ns, rfc3339};
use crate::value::AsJson;

/// Version of the shape; rises when a name in it changes its meaning or goes.
const VERSION: u32 = 1;

/// Columns that are stored as JSON.
const JSON_COLUMNS: &[&str] = &["attributes", "resource", "links"];

/// Columns that name payloads.
const HASH_COLUMNS: &[&str] = &[
    "input_hash",
    "output_hash",
    "prompt_hash",
    "response_hash",
    "body_hash",
];

/// Relations beside the acts, and what each is called in the document.
const RELATIONS: &[(&str, &str)] = &[
    ("turns", sql::EXPORT_TURNS),
    ("events", sql::EXPORT_EVENTS),
    ("metrics", sql::EXPORT_METRICS),
    ("findings", sql::EXPORT_FINDINGS),
    ("annotations", sql::EXPORT_ANNOTATIONS),
    ("checkpoints", sql::EXPORT_CHECKPOINTS),
];

/// Writes everything of `family`, whose first session is the one that was asked for.
pub(crate) fn write(
    store: &Store,
    family: &Family,
    out: &mut impl Write,
) -> Result<(), ExportError> {
    let mut hashes = BTreeSet::new();
    write!(
        out,
        r#"{{"format":"spanreel.session","version":{VERSION},"exported_at":"{}","session_id":"#,
        rfc3339(now_ns())
    )?;
    serde_json::to_writer(&mut *out, family.session_ids.first().map_or("", |id| id))?;
    let sessions = store.read(sql::EXPORT_SESSIONS, &[family.param()])?;
    write_table(out, "sessions", &sessions, &mut hashes)?;
    out.write_all(b",\n\"spans\":[")?;
    let mut is_first = true;
    each_act(store, family, Take::All, &mut |act| {
        out.write_all(if is_first { b"\n" } else { b",\n" })?;
        is_first = false;
        write_row(out, &act.row, &mut hashes)
    })?;
    out.write_all(b"]")?;
    for (name, query) in RELATIONS {
        let table = store.read(query, &[family.param()])?;
        write_table(out, name, &table, &mut hashes)?;
    }
    out.write_all(b",\n\"payloads\":{")?;
    let mut is_first = true;
    each_text(store, &hashes, &mut |hash, text| {
        out.write_all(if is_first { b"\n" } else { b",\n" })?;
        is_first = false;
        write!(out, "\"{hash}\":")?;
        Ok(serde_json::to_writer(&mut *out, text)?)
    })?;
    out.write_all(b"}}\n")?;
    Ok(())
}

fn write_table(
    out: &mut impl Write,
    name: &str,
    table: &Table,
    hashes: &mut BTreeSet<String>,
) -> Result<(), ExportError> {
    write!(out, ",\n\"{name}\":[")?;
    for (at, row) in rows::rows(table).enumerate() {
        out.write_all(if at == 0 { b"\n" } else { b",\n" })?;
        write_row(out, &row, hashes)?;
    }
    out.write_all(b"]")?;
    Ok(())
}

/// One row as an object without what it does not say.
fn write_row(
    out: &mut impl Write,
    row: &Named<'_>,
    hashes: &mut BTreeSet<String>,
) -> Result<(), ExportError> {
    let mut is_first = true;
    out.write_all(b"{")?;
    for (name, value) in row.cells() {
        if matches!(value, Value::Null) {
            continue;
        }
        out.write_all(if is_first { b"\"" } else { b",\"" })?;
        is_first = false;
        write!(out, "{name}\":")?;
        if let Value::Text(text) = value {
            if HASH_COLUMNS.contains(&name) {
                hashes.insert(text.to_string());
            }
            if JSON_COLUMNS.contains(&name)
                && let Ok(raw) = serde_json::from_str::<&RawValue>(text)
            {
                referred(text, hashes);
                out.write_all(raw.get().as_bytes())?;
                continue;
            }
        }
        serde_json::to_writer(&mut *out, &AsJson(value))?;
    }
    out.write_all(b"}")?;
    Ok(())
}
