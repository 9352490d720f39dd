//! How a run failed, in one word.

use store::FindingRow;

/// How a run failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Loop,
    Blocked,
    ModelFailure,
    CutOff,
    /// It reached a limit of turns or steps.
    Limit,
    Interrupted,
    ToolFailure,
    Drift,
    /// Nothing happened for long, in the middle of the work.
    Stall,
    /// It stopped before its work was done.
    Unfinished,
    /// Its context was full, or was cut down while it worked.
    Context,
    /// It took far more than usual.
    Outlier,
    None,
}

impl Mode {
    /// As the API says it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Loop => "loop",
            Self::Blocked => "blocked",
            Self::ModelFailure => "model_failure",
            Self::CutOff => "cut_off",
            Self::Limit => "limit",
            Self::Interrupted => "interrupted",
            Self::ToolFailure => "tool_failure",
            Self::Drift => "drift",
            Self::Stall => "stall",
            Self::Unfinished => "unfinished",
            Self::Context => "context",
            Self::Outlier => "outlier",
            Self::None => "none",
        }
    }

    pub(super) fn of(finding: &FindingRow) -> Self {
        match finding.kind.as_str() {
            "loop" => Self::Loop,
            "blocked" => Self::Blocked,
            "retry_storm" => Self::ModelFailure,
            "premature_stop" => Self::CutOff,
            "drift" => Self::Drift,
            "stall" => Self::Stall,
            "unfinished" => Self::Unfinished,
            "context_full" | "compaction" => Self::Context,
            "orphaned_subagent" => Self::Interrupted,
            "outlier" => Self::Outlier,
            _ => Self::ToolFailure,
        }
    }
}
