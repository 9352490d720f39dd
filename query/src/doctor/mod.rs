//! What of each harness arrives and what does not, with the switch that brings it: rules over counts.
//!
//! Only the newest sessions of each harness are looked at, so that a gap that was closed is soon gone.

mod fixes;

use serde::Serialize;
use utoipa::ToSchema;

use fixes::{Missing, fix};

/// How many sessions of each harness are looked at.
pub(crate) const SESSIONS: i64 = 20;

/// What was found of one harness.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Checkup {
    pub(crate) harness: String,
    /// Sessions that were looked at, the newest of the harness.
    pub(crate) session_count: i64,
    /// When its last act began.
    pub(crate) last_at: String,
    pub(crate) signals: Vec<SignalSeen>,
    /// What is missing, most frequent first; empty = all that is known to be possible arrives.
    pub(crate) gaps: Vec<Gap>,
}

/// One kind of record of a harness.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct SignalSeen {
    /// `spans`, `logs`, `metrics`, `hooks`, `transcripts`.
    pub(crate) signal: &'static str,
    /// Spans, hooks and transcripts of the sessions looked at; logs and metrics of all time.
    pub(crate) record_count: i64,
}

/// Something that does not arrive, or not whole.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Gap {
    /// What is missing.
    pub(crate) what: String,
    /// How many acts lack it.
    pub(crate) count: i64,
    /// Of how many; 0 where there is no whole to compare with.
    pub(crate) of: i64,
    /// What to switch on; `None` where the harness has no switch for it.
    pub(crate) fix: Option<String>,
}

/// The counts of one harness, as `doctor_harnesses.sql` gives them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    pub(crate) harness: String,
    pub(crate) last_at: String,
    pub(crate) sessions: i64,
    pub(crate) inferred_sessions: i64,
    pub(crate) spans: i64,
    pub(crate) log_acts: i64,
    pub(crate) hooks: i64,
    pub(crate) transcripts: i64,
    pub(crate) turns: i64,
    pub(crate) turns_without_prompt: i64,
    pub(crate) requests: i64,
    pub(crate) requests_without_input: i64,
    pub(crate) requests_without_output: i64,
    pub(crate) requests_without_tokens: i64,
    pub(crate) requests_without_cost: i64,
    pub(crate) calls: i64,
    pub(crate) calls_without_input: i64,
    pub(crate) calls_without_output: i64,
    pub(crate) dropped_attributes: i64,
    /// Log records and metric points.
    pub(crate) logs: i64,
    pub(crate) metrics: i64,
    /// What senders cut, and how often.
    pub(crate) notes: Vec<Gap>,
}

/// Judges the counts of one harness.
pub(crate) fn check(counts: &Counts) -> Checkup {
    let mut gaps = Vec::new();
    let harness = counts.harness.as_str();
    let mut gap = |missing: Missing, what: &str, count: i64, of: i64| {
        if count > 0 {
            gaps.push(Gap {
                what: what.to_owned(),
                count,
                of,
                fix: fix(harness, missing).map(str::to_owned),
            });
        }
    };
    let absent = |count: i64| i64::from(count == 0);
    if fixes::sends(harness, Missing::Spans) {
        gap(Missing::Spans, "no spans arrive", absent(counts.spans), 0);
    }
    if fixes::sends(harness, Missing::Logs) {
        let logs = counts.logs + counts.log_acts;
        gap(Missing::Logs, "no log records arrive", absent(logs), 0);
    }
    if fixes::sends(harness, Missing::Metrics) {
        gap(
            Missing::Metrics,
            "no metrics arrive",
            absent(counts.metrics),
            0,
        );
    }
    if fixes::sends(harness, Missing::Hooks) {
        gap(
            Missing::Hooks,
            "no hooks are installed",
            absent(counts.hooks),
            0,
        );
    }
    let (turns, requests, calls) = (counts.turns, counts.requests, counts.calls);
    gap(
        Missing::SessionId,
        "sessions without an id of their own",
        counts.inferred_sessions,
        counts.sessions,
    );
    gap(
        Missing::Prompt,
        "prompts",
        counts.turns_without_prompt,
        turns,
    );
    gap(
        Missing::RequestInput,
        "messages sent to the model",
        counts.requests_without_input,
        requests,
    );
    gap(
        Missing::RequestOutput,
        "answers of the model",
        counts.requests_without_output,
        requests,
    );
    gap(
        Missing::Tokens,
        "token counts",
        counts.requests_without_tokens,
        requests,
    );
    gap(
        Missing::Cost,
        "costs: the model is not in the price table",
        counts.requests_without_cost,
        requests,
    );
    gap(
        Missing::CallInput,
        "arguments of tool calls",
        counts.calls_without_input,
        calls,
    );
    gap(
        Missing::CallOutput,
        "results of tool calls",
        counts.calls_without_output,
        calls,
    );
    gap(
        Missing::Attributes,
        "attributes dropped by the sender",
        counts.dropped_attributes,
        0,
    );
    gaps.extend(counts.notes.iter().cloned());
    gaps.sort_by_key(|gap| std::cmp::Reverse(gap.count));
    let signals = [
        ("spans", counts.spans),
        ("logs", counts.logs),
        ("metrics", counts.metrics),
        ("hooks", counts.hooks),
        ("transcripts", counts.transcripts),
    ];
    Checkup {
        harness: counts.harness.clone(),
        session_count: counts.sessions,
        last_at: counts.last_at.clone(),
        signals: signals
            .into_iter()
            .filter(|(_, record_count)| *record_count > 0)
            .map(|(signal, record_count)| SignalSeen {
                signal,
                record_count,
            })
            .collect(),
        gaps,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_name_the_switch_of_the_harness() {
        let found = check(&Counts {
            harness: "claude-code".to_owned(),
            sessions: 2,
            logs: 40,
            hooks: 3,
            metrics: 1,
            turns: 2,
            turns_without_prompt: 2,
            notes: vec![Gap {
                what: "prompt not sent".to_owned(),
                count: 2,
                of: 0,
                fix: Some("set OTEL_LOG_USER_PROMPTS=1".to_owned()),
            }],
            ..Counts::default()
        });
        let fixes: Vec<(&str, i64, Option<&str>)> = found
            .gaps
            .iter()
            .map(|gap| (gap.what.as_str(), gap.count, gap.fix.as_deref()))
            .collect();
        assert_eq!(
            fixes,
            [
                ("prompts", 2, Some("OTEL_LOG_USER_PROMPTS=1")),
                ("prompt not sent", 2, Some("set OTEL_LOG_USER_PROMPTS=1")),
                (
                    "no spans arrive",
                    1,
                    Some("CLAUDE_CODE_ENHANCED_TELEMETRY_BETA=1 and OTEL_TRACES_EXPORTER=otlp")
                ),
            ]
        );
    }

    #[test]
    fn a_framework_is_not_told_to_install_hooks() {
        let found = check(&Counts {
            harness: "pydantic-ai".to_owned(),
            sessions: 1,
            spans: 9,
            requests: 3,
            ..Counts::default()
        });
        assert_eq!(found.gaps, []);
    }
}
