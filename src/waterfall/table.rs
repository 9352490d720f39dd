//! One session or trace as columns, filled straight from the API's answer.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

const WAITING_FOR_PARENT: i64 = 1;
const DUPLICATE: i64 = 2;
const TRUNCATED: i64 = 4;
const PLUMBING: i64 = 16;
const SUBAGENT_ROOT: i64 = 128;
const STATUS_OK: i64 = 1;
const STATUS_ERROR: i64 = 2;
const DECISION_DENY: i64 = 2;

/// The answer of `/sessions/{id}/tree` or `/traces/{id}/tree`. Rows beyond `span_count` are bands: turns
/// that no span stands for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct SpanTable {
    pub(crate) session_id: Option<String>,
    /// Until the end of the last act.
    pub(crate) duration_ns: i64,
    pub(crate) span_count: usize,
    pub(crate) operations: Vec<String>,
    strings: Vec<String>,
    traces: Vec<String>,
    pub(crate) columns: Columns,
    pub(crate) findings: Vec<TreeFinding>,
}

/// Arrays of equal length; what the numbers mean is described at the API's `TreeColumns`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Columns {
    trace: Vec<i64>,
    span_id: Vec<String>,
    /// Row of the parent, or -1.
    pub(crate) parent: Vec<i64>,
    /// Nanoseconds since the start of the tree.
    pub(crate) start_ns: Vec<i64>,
    /// -1 = has not ended.
    pub(crate) duration_ns: Vec<i64>,
    pub(crate) operation: Vec<i64>,
    pub(crate) name_s: Vec<i64>,
    pub(crate) detail_s: Vec<i64>,
    pub(crate) status: Vec<i64>,
    flags: Vec<i64>,
    /// 0 = none.
    pub(crate) turn: Vec<i64>,
    pub(crate) agent_s: Vec<i64>,
    pub(crate) model_s: Vec<i64>,
    pub(crate) tool_s: Vec<i64>,
    pub(crate) mcp_server_s: Vec<i64>,
    pub(crate) decision: Vec<i64>,
    session_s: Vec<i64>,
    pub(crate) input_tokens: Vec<i64>,
    pub(crate) output_tokens: Vec<i64>,
    pub(crate) call_hash_s: Vec<i64>,
}

/// A finding and the rows that it is about.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct TreeFinding {
    pub(crate) kind: String,
    pub(crate) severity: String,
    pub(crate) confidence: String,
    pub(crate) title: String,
    pub(crate) rows: Vec<usize>,
}

impl SpanTable {
    /// Reads the API's answer and hangs roots that belong to a turn under it.
    ///
    /// # Errors
    /// When `json` is not such an answer, or its columns differ in length.
    pub(crate) fn read(json: &[u8]) -> Result<Self, String> {
        let mut table: Self = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        table.check()?;
        table.band_roots();
        Ok(table)
    }

    /// Number of rows, bands included.
    pub(crate) fn len(&self) -> usize {
        self.columns.parent.len()
    }

    fn check(&mut self) -> Result<(), String> {
        let count = self.span_count;
        let columns = &self.columns;
        let lengths = [
            columns.trace.len(),
            columns.span_id.len(),
            columns.parent.len(),
            columns.start_ns.len(),
            columns.duration_ns.len(),
            columns.operation.len(),
            columns.name_s.len(),
            columns.detail_s.len(),
            columns.status.len(),
            columns.flags.len(),
            columns.turn.len(),
            columns.agent_s.len(),
            columns.model_s.len(),
            columns.tool_s.len(),
            columns.mcp_server_s.len(),
            columns.decision.len(),
            columns.session_s.len(),
            columns.input_tokens.len(),
            columns.output_tokens.len(),
            columns.call_hash_s.len(),
        ];
        if lengths.iter().any(|length| *length != count) {
            return Err("the columns of the tree differ in length".to_owned());
        }
        for (row, parent) in self.columns.parent.iter_mut().enumerate() {
            if usize::try_from(*parent).is_ok_and(|up| up >= count || up == row) {
                *parent = -1;
            }
        }
        for finding in &mut self.findings {
            finding.rows.retain(|row| *row < count);
        }
        Ok(())
    }

    /// Gives every root that belongs to a turn a turn row to hang under: the turn's own span where there
    /// is one, else a band of its own. Harnesses that send one trace per prompt then still read as turns.
    fn band_roots(&mut self) {
        let turn_operation = self.operation_index("turn");
        let session_operation = self.operation_index("session");
        let mut band_of: HashMap<(i64, i64), i64> = HashMap::new();
        let mut turns_of: HashMap<i64, HashSet<i64>> = HashMap::new();
        let columns = &self.columns;
        for row in 0..self.span_count {
            let (session, turn) = (columns.session_s[row], columns.turn[row]);
            if turn > 0 {
                turns_of.entry(session).or_default().insert(turn);
                if columns.operation[row] == turn_operation {
                    band_of.entry((session, turn)).or_insert(row as i64);
                }
            }
        }
        for row in 0..self.span_count {
            let columns = &self.columns;
            let (session, turn) = (columns.session_s[row], columns.turn[row]);
            let operation = columns.operation[row];
            let is_place = operation == turn_operation || operation == session_operation;
            if columns.parent[row] >= 0 || turn <= 0 || is_place {
                continue;
            }
            let band = match band_of.get(&(session, turn)) {
                Some(band) => *band,
                // A session of one turn is that turn: a band over all of it would say nothing.
                None if turns_of.get(&session).map_or(0, HashSet::len) < 2 => continue,
                None => {
                    let band = self.len() as i64;
                    self.push_band(turn_operation, session, turn, row);
                    band_of.insert((session, turn), band);
                    band
                }
            };
            self.columns.parent[row] = band;
            self.stretch(band, row);
        }
    }

    fn push_band(&mut self, operation: i64, session: i64, turn: i64, first: usize) {
        let columns = &mut self.columns;
        columns.trace.push(-1);
        columns.span_id.push(String::new());
        columns.parent.push(-1);
        columns.start_ns.push(columns.start_ns[first]);
        columns.duration_ns.push(0);
        columns.operation.push(operation);
        columns.turn.push(turn);
        columns.session_s.push(session);
        for column in [
            &mut columns.status,
            &mut columns.flags,
            &mut columns.decision,
        ] {
            column.push(0);
        }
        for column in [
            &mut columns.name_s,
            &mut columns.detail_s,
            &mut columns.agent_s,
            &mut columns.model_s,
            &mut columns.tool_s,
            &mut columns.mcp_server_s,
            &mut columns.input_tokens,
            &mut columns.output_tokens,
            &mut columns.call_hash_s,
        ] {
            column.push(-1);
        }
    }

    /// Makes a band last as long as a row under it.
    fn stretch(&mut self, band: i64, row: usize) {
        let Some(band) = usize::try_from(band)
            .ok()
            .filter(|band| *band >= self.span_count)
        else {
            return;
        };
        let columns = &mut self.columns;
        if columns.duration_ns[row] < 0 || columns.duration_ns[band] < 0 {
            columns.duration_ns[band] = -1;
            return;
        }
        let end = columns.start_ns[row] + columns.duration_ns[row];
        let length = end - columns.start_ns[band];
        columns.duration_ns[band] = columns.duration_ns[band].max(length);
    }

    fn operation_index(&self, operation: &str) -> i64 {
        let place = self.operations.iter().position(|known| known == operation);
        place.map_or(-1, |place| place as i64)
    }

    /// The text that a dictionary column points to; empty for null.
    pub(crate) fn string(&self, index: i64) -> &str {
        let place = usize::try_from(index).ok();
        place
            .and_then(|place| self.strings.get(place))
            .map_or("", String::as_str)
    }

    /// Number of texts that the columns ending in `_s` point to.
    pub(crate) fn string_count(&self) -> usize {
        self.strings.len()
    }

    /// The operation of a row: `model`, `tool` …
    pub(crate) fn operation(&self, row: usize) -> &str {
        let place = usize::try_from(self.columns.operation[row]).ok();
        place
            .and_then(|place| self.operations.get(place))
            .map_or("internal", String::as_str)
    }

    /// Trace id and span id; `None` for a band.
    pub(crate) fn place(&self, row: usize) -> Option<(&str, &str)> {
        let trace = usize::try_from(self.columns.trace[row]).ok()?;
        Some((self.traces.get(trace)?, &self.columns.span_id[row]))
    }

    /// The row of a span id, whichever its trace.
    pub(crate) fn row_of(&self, span_id: &str) -> Option<usize> {
        self.columns.span_id.iter().position(|id| id == span_id)
    }

    /// The session that a row belongs to; the children of a session number their turns anew.
    pub(crate) fn session(&self, row: usize) -> &str {
        self.string(self.columns.session_s[row])
    }

    pub(crate) fn is_running(&self, row: usize) -> bool {
        self.columns.duration_ns[row] < 0
    }

    pub(crate) fn is_ok(&self, row: usize) -> bool {
        self.columns.status[row] == STATUS_OK
    }

    pub(crate) fn is_error(&self, row: usize) -> bool {
        self.columns.status[row] == STATUS_ERROR
    }

    pub(crate) fn is_denied(&self, row: usize) -> bool {
        self.columns.decision[row] == DECISION_DENY
    }

    /// Failed or was denied.
    pub(crate) fn is_trouble(&self, row: usize) -> bool {
        self.is_error(row) || self.is_denied(row)
    }

    /// The parent is named but has not arrived.
    pub(crate) fn is_waiting_for_parent(&self, row: usize) -> bool {
        self.columns.flags[row] & WAITING_FOR_PARENT != 0
    }

    /// The sender cut what it sent.
    pub(crate) fn is_truncated(&self, row: usize) -> bool {
        self.columns.flags[row] & TRUNCATED != 0
    }

    pub(crate) fn is_subagent_root(&self, row: usize) -> bool {
        self.columns.flags[row] & SUBAGENT_ROOT != 0
    }

    /// Rows that stay away until asked for: internal plumbing and second reports of one act. A session
    /// that is nothing but that is shown as it came.
    pub(crate) fn plumbing(&self) -> Vec<bool> {
        let mask: Vec<bool> = self
            .columns
            .flags
            .iter()
            .map(|flags| flags & (DUPLICATE | PLUMBING) != 0)
            .collect();
        if mask.iter().filter(|hidden| **hidden).count() == self.span_count {
            return vec![false; self.len()];
        }
        mask
    }

    /// The kinds of the findings that each row is part of, as a list per row; rows without any are absent.
    pub(crate) fn marks(&self) -> HashMap<usize, Vec<&str>> {
        let mut marks: HashMap<usize, Vec<&str>> = HashMap::new();
        for finding in &self.findings {
            for row in &finding.rows {
                let kinds = marks.entry(*row).or_default();
                if !kinds.contains(&finding.kind.as_str()) {
                    kinds.push(&finding.kind);
                }
            }
        }
        marks
    }
}
