//! The acts of a session, in order of start, with their texts whole.

use std::collections::HashMap;
use std::sync::Arc;

use store::{Store, Table, Value};

use super::{ExportError, Family};
use crate::rows::{self, Named, text_param};
use crate::sql;

/// Acts whose columns, and texts in bytes, are read together.
const ACTS_AT_ONCE: usize = 500;
const TEXT_BYTES_AT_ONCE: i64 = 16 << 20;

/// One act: its columns, and its input and output.
pub(super) struct Act<'a> {
    pub(super) row: Named<'a>,
    pub(super) input: Option<Arc<str>>,
    pub(super) output: Option<Arc<str>>,
}

/// Which acts, and whether their texts are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Take {
    /// Every act as it is stored, without texts.
    All,
    /// Acts that count, with texts.
    CountedWithTexts,
}

/// Hands each act of the family to `each`.
pub(super) fn each_act(
    store: &Store,
    family: &Family,
    take: Take,
    each: &mut dyn FnMut(Act<'_>) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let with_texts = take == Take::CountedWithTexts;
    let list = store.read(
        sql::EXPORT_ACT_LIST,
        &[family.param(), Value::Bool(with_texts)],
    )?;
    let acts: Vec<(i64, i64)> = rows::rows(&list)
        .map(|row| (row.count("act_id"), row.count("text_bytes")))
        .collect();
    let mut rest = &*acts;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = |act: &&(i64, i64)| {
            bytes += act.1;
            !with_texts || bytes <= TEXT_BYTES_AT_ONCE
        };
        let count = rest.iter().take(ACTS_AT_ONCE).take_while(fits).count();
        let (now, later) = rest.split_at(count.max(1));
        rest = later;
        let ids: Vec<String> = now.iter().map(|(id, _)| id.to_string()).collect();
        let ids = [text_param(Some(&ids.join(sql::ITEM_SEPARATOR)))];
        let table = store.read(sql::EXPORT_ACTS, &ids)?;
        let mut texts = HashMap::new();
        if with_texts {
            texts = texts_of(&store.read(sql::EXPORT_ACT_TEXTS, &ids)?);
        }
        for row in rows::rows(&table) {
            let (input, output) = texts.remove(&row.count("act_id")).unwrap_or_default();
            each(Act { row, input, output })?;
        }
    }
    Ok(())
}

/// Input and output.
type Texts = (Option<Arc<str>>, Option<Arc<str>>);

fn texts_of(table: &Table) -> HashMap<i64, Texts> {
    let text = |value: &Value| match value {
        Value::Text(text) => Some(Arc::clone(text)),
        _ => None,
    };
    rows::rows(table)
        .map(|row| {
            let texts = (text(row.value("input")), text(row.value("output")));
            (row.count("act_id"), texts)
        })
        .collect()
}
