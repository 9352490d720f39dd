//! Rows of `turn`, written when they change: a session is worked out whole with each of its acts, and
//! rows that are written anew stay in the file as dead ones.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use duckdb::{Connection, Result};

use crate::batch::TurnRow;
use crate::load::quoted;
use crate::replaced;
use crate::seen::Range;

/// Rows that are remembered, 24 bytes each; then it starts anew.
const REMEMBERED: usize = 200_000;

/// The rows of a session.
pub(crate) type Written = Vec<WrittenTurn>;

/// A row that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct WrittenTurn {
    turn: i32,
    started_ns: i64,
    /// Of all that it says.
    digest: u64,
}

/// Digests of the rows that were written of late, by session.
#[derive(Default)]
pub(crate) struct Turns {
    sessions: HashMap<Arc<str>, Written>,
    row_count: usize,
    hashing: foldhash::fast::RandomState,
}

/// How the table differs from what the rows of some sessions shall be.
pub(crate) struct TurnChanges<'a> {
    /// Rows to append.
    pub(crate) rows: Vec<&'a TurnRow>,
    /// Sessions all of whose rows go: what is stored of them is not known.
    pub(crate) unknown: Vec<&'a str>,
    /// Rows that go.
    stale: Vec<(&'a str, WrittenTurn)>,
    written: Vec<(Arc<str>, Written)>,
}

impl Turns {
    /// What has to change so that `turns` are all rows of `sessions`.
    pub(crate) fn changes<'a>(
        &'a self,
        sessions: impl Iterator<Item = &'a Arc<str>>,
        turns: &'a [TurnRow],
    ) -> TurnChanges<'a> {
        let mut of: HashMap<&str, Vec<&TurnRow>> = HashMap::new();
        for turn in turns {
            of.entry(&turn.session_id).or_default().push(turn);
        }
        let mut changes = TurnChanges {
            rows: Vec::new(),
            unknown: Vec::new(),
            stale: Vec::new(),
            written: Vec::new(),
        };
        for session in sessions {
            let rows = of.remove(&**session).unwrap_or_default();
            let digests: Written = rows
                .iter()
                .map(|row| WrittenTurn {
                    turn: row.turn,
                    started_ns: row.started_ns,
                    digest: self.hashing.hash_one(Digest(row)),
                })
                .collect();
            match self.sessions.get(session) {
                Some(before) => {
                    let known: HashSet<_> = before.iter().collect();
                    let fresh = rows.iter().zip(&digests);
                    let fresh = fresh.filter(|(_, digest)| !known.contains(digest));
                    changes.rows.extend(fresh.map(|(row, _)| *row));
                    let now: HashSet<_> = digests.iter().collect();
                    let stale = before.iter().filter(|digest| !now.contains(digest));
                    let stale = stale.map(|turn| (&**session, *turn));
                    changes.stale.extend(stale);
                }
                None => {
                    changes.unknown.push(session);
                    changes.rows.extend(rows);
                }
            }
            changes.written.push((Arc::clone(session), digests));
        }
        // Of a session that the batch does not name there is nothing to compare with.
        changes.rows.extend(of.into_values().flatten());
        changes
    }

    /// Remembers what a committed transaction has written.
    pub(crate) fn adopt(&mut self, written: Vec<(Arc<str>, Written)>) {
        if self.row_count > REMEMBERED {
            self.clear();
        }
        for (session, rows) in written {
            self.row_count += rows.len();
            let before = self.sessions.insert(session, rows);
            self.row_count -= before.map_or(0, |rows| rows.len());
        }
    }

    /// Forgets everything, after rows were deleted elsewhere.
    pub(crate) fn clear(&mut self) {
        self.sessions.clear();
        self.row_count = 0;
    }
}

impl TurnChanges<'_> {
    /// Deletes the rows that go within the connection's transaction, but those of unknown sessions.
    pub(crate) fn delete_stale(&self, connection: &Connection) -> Result<()> {
        for some in self.stale.chunks(replaced::AT_ONCE) {
            let rows: Vec<String> = some
                .iter()
                .map(|(session, row)| format!("({}, {})", quoted(session), row.turn))
                .collect();
            let starts = some.iter().map(|(_, row)| Range::of(row.started_ns));
            let starts = starts.fold(Range::EMPTY, Range::with);
            connection.execute_batch(&format!(
                "delete from turn using (values {}) as stale (session_id, turn) \
                 where turn.session_id = stale.session_id and turn.turn = stale.turn and {}",
                rows.join(", "),
                replaced::within("turn.started_at", starts)
            ))?;
        }
        Ok(())
    }

    /// For [`Turns::adopt`].
    pub(crate) fn into_written(self) -> Vec<(Arc<str>, Written)> {
        self.written
    }
}

/// Hashes all that a row says but its session.
struct Digest<'a>(&'a TurnRow);

impl Hash for Digest<'_> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let TurnRow {
            session_id: _,
            turn,
            prompt,
            response,
            started_ns,
            duration_ns,
            span_count,
            model_request_count,
            tool_call_count,
            error_count,
            denied_count,
            input_tokens,
            output_tokens,
            cost_usd,
        } = self.0;
        for text in [prompt, response] {
            text.map(|text| (text.hash, text.size_bytes)).hash(state);
        }
        (turn, started_ns, duration_ns, span_count).hash(state);
        (model_request_count, tool_call_count).hash(state);
        (error_count, denied_count, input_tokens, output_tokens).hash(state);
        cost_usd.map(f64::to_bits).hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(session: &Arc<str>, turn: i32, span_count: i64) -> TurnRow {
        TurnRow {
            session_id: Arc::clone(session),
            turn,
            span_count,
            ..TurnRow::default()
        }
    }

    #[test]
    fn only_what_changed_is_written() {
        let session: Arc<str> = "s".into();
        let mut turns = Turns::default();
        let first = [row(&session, 1, 3), row(&session, 2, 1)];
        let changes = turns.changes([&session].into_iter(), &first);
        assert_eq!((changes.rows.len(), changes.unknown.len()), (2, 1));
        let written = changes.into_written();
        turns.adopt(written);
        let second = [
            row(&session, 1, 3),
            row(&session, 2, 2),
            row(&session, 3, 1),
        ];
        let changes = turns.changes([&session].into_iter(), &second);
        assert_eq!(changes.rows, [&second[1], &second[2]]);
        let stale = |changes: &TurnChanges<'_>| -> Vec<i32> {
            changes.stale.iter().map(|(_, row)| row.turn).collect()
        };
        assert_eq!(stale(&changes), [2]);
        assert!(changes.unknown.is_empty());
        let written = changes.into_written();
        turns.adopt(written);
        let changes = turns.changes([&session].into_iter(), &[]);
        assert_eq!(stale(&changes), [1, 2, 3]);
        turns.clear();
        let changes = turns.changes([&session].into_iter(), &second);
        assert_eq!((changes.rows.len(), changes.unknown.len()), (3, 1));
    }
}
