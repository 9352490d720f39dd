//! Payloads by their hash, many at a time.

use std::collections::BTreeSet;

use store::Store;

use super::ExportError;
use crate::rows::{self, text_param};
use crate::sql;

/// Bytes of payloads that are read together.
const BYTES_AT_ONCE: i64 = 16 << 20;
/// What a large value is replaced by in attributes, up to its hash.
const REFERENCE: &str = r#"{"$payload":{"hash":""#;

/// How an answer of the API names a payload, up to its hash.
const NAME: &str = r#""hash":""#;

/// Hashes, in hex, of payloads that attributes refer to.
pub(super) fn referred(attributes: &str, into: &mut BTreeSet<String>) {
    collect(attributes, REFERENCE, into);
}

/// Hashes, in hex, of payloads that an answer of the API names.
pub(super) fn named(answer: &str, into: &mut BTreeSet<String>) {
    collect(answer, NAME, into);
}

fn collect(text: &str, before: &str, into: &mut BTreeSet<String>) {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(before) {
        let hash = after.get(..64);
        let is_hash = |hash: &&str| hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        if let Some(hash) = hash.filter(is_hash) {
            into.insert(hash.to_owned());
        }
        rest = after;
    }
}

/// Hands each payload of `hashes` to `each`, with its hash.
pub(super) fn each_text(
    store: &Store,
    hashes: &BTreeSet<String>,
    each: &mut dyn FnMut(&str, &str) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let hashes: Vec<&str> = hashes.iter().map(String::as_str).collect();
    for some in hashes.chunks(5_000) {
        let list = store.read(
            sql::EXPORT_PAYLOAD_LIST,
            &[text_param(Some(&some.join(sql::ITEM_SEPARATOR)))],
        )?;
        let mut ids = Vec::new();
        let mut bytes = 0;
        let mut rows = rows::rows(&list).peekable();
        while let Some(row) = rows.next() {
            ids.push(row.count("payload_id").to_string());
            bytes += row.count("size");
            let is_full = rows
                .peek()
                .is_none_or(|next| bytes + next.count("size") > BYTES_AT_ONCE);
            if is_full {
                let param = [text_param(Some(&ids.join(sql::ITEM_SEPARATOR)))];
                let texts = store.read(sql::EXPORT_PAYLOADS, &param)?;
                for row in rows::rows(&texts) {
                    if let (Some(hash), Some(text)) = (row.str("hash"), row.str("text")) {
                        each(hash, text)?;
                    }
                }
                ids.clear();
                bytes = 0;
            }
        }
    }
    Ok(())
}
