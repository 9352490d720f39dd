//! Resources, each stored once.

use std::collections::{HashMap, HashSet};

use duckdb::{Connection, Result};

use crate::Batch;
use crate::columns::each_row;

/// Row numbers of the stored resources, by the hash of their text.
pub(crate) struct Resources(HashMap<[u8; 32], i64>);

/// A resource that is not stored yet, and the row number it gets.
pub(crate) struct NewResource<'a> {
    pub(crate) hash: [u8; 32],
    pub(crate) id: i64,
    pub(crate) text: &'a str,
}

impl Resources {
    pub(crate) fn load(connection: &Connection) -> Result<Self> {
        let mut resources = HashMap::new();
        each_row(
            connection,
            "select resource_id, attributes::varchar as text from resource",
            |row| {
                if let (Some(id), Some(text)) = (row.long("resource_id"), row.str("text")) {
                    resources.insert(*blake3::hash(text.as_bytes()).as_bytes(), id);
                }
            },
        )?;
        Ok(Self(resources))
    }

    /// Remembers what a committed transaction added.
    pub(crate) fn adopt(&mut self, added: Vec<([u8; 32], i64)>) {
        self.0.extend(added);
    }

    /// Forgets deleted rows.
    pub(crate) fn forget(&mut self, ids: &HashSet<i64>) {
        self.0.retain(|_, id| !ids.contains(id));
    }

    /// The resource row of each new act, and the resources that are new.
    pub(crate) fn of_acts<'a>(&self, batch: &'a Batch) -> (Vec<i64>, Vec<NewResource<'a>>) {
        let mut fresh: Vec<NewResource<'_>> = Vec::new();
        // Acts of one request share the text itself.
        let mut last: Option<(*const str, i64)> = None;
        let mut next_id = self.0.values().copied().max().unwrap_or(0);
        let ids = batch.new_acts.iter().map(|(act, _)| {
            let text: &str = &act.resource;
            if let Some((same, id)) = last
                && std::ptr::eq(same, text)
            {
                return id;
            }
            let hash = *blake3::hash(text.as_bytes()).as_bytes();
            let known = self.0.get(&hash).copied();
            let staged = || {
                let same = fresh.iter().find(|resource| resource.hash == hash);
                same.map(|resource| resource.id)
            };
            let id = known.or_else(staged).unwrap_or_else(|| {
                next_id += 1;
                fresh.push(NewResource {
                    hash,
                    id: next_id,
                    text,
                });
                next_id
            });
            last = Some((text, id));
            id
        });
        (ids.collect(), fresh)
    }
}
