//! How acts went, for one row or a group of alike rows.

use super::table::SpanTable;

/// How an act, or the worst of several, ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Denied,
    Failed,
    Running,
    Ok,
    /// The sender says nothing.
    Unknown,
}

impl Outcome {
    /// One column wide.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Denied => "⊘",
            Self::Failed => "✗",
            Self::Running => "…",
            Self::Ok => "✓",
            Self::Unknown => " ",
        }
    }

    /// What a sign alone might not tell; empty for what went well.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Failed => "error",
            Self::Running | Self::Ok | Self::Unknown => "",
        }
    }
}

/// What rows took together, and how they ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) outcome: Outcome,
    /// `None` while one of them runs.
    pub(crate) duration_ns: Option<i64>,
    /// -1 when none of them tells.
    pub(crate) input_tokens: i64,
    pub(crate) output_tokens: i64,
}

/// Sums rows up; the worst outcome stands for all.
pub(crate) fn facts(table: &SpanTable, rows: &[usize]) -> Facts {
    let columns = &table.columns;
    let any = |is: fn(&SpanTable, usize) -> bool| rows.iter().any(|row| is(table, *row));
    let is_running = any(SpanTable::is_running);
    let outcome = if any(SpanTable::is_denied) {
        Outcome::Denied
    } else if any(SpanTable::is_error) {
        Outcome::Failed
    } else if is_running {
        Outcome::Running
    } else if any(SpanTable::is_ok) {
        Outcome::Ok
    } else {
        Outcome::Unknown
    };
    let sum = |column: &[i64]| rows.iter().map(|row| column[*row].max(0)).sum();
    let tokens = |column: &[i64]| match rows.iter().any(|row| column[*row] >= 0) {
        true => sum(column),
        false => -1,
    };
    Facts {
        outcome,
        duration_ns: (!is_running).then(|| sum(&columns.duration_ns)),
        input_tokens: tokens(&columns.input_tokens),
        output_tokens: tokens(&columns.output_tokens),
    }
}
