//! What to do about a failed run: in words, and as settings to paste where the harness has hooks.

use store::FindingRow;

use super::{Mode, Outcome};
use crate::findings::Act;
use crate::setup;

/// What to do about it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Remedy {
    pub(crate) text: String,
    /// Where the configuration goes.
    pub(crate) file: Option<&'static str>,
    /// What to paste there.
    pub(crate) configuration: Option<String>,
}

impl Remedy {
    fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            file: None,
            configuration: None,
        }
    }

    pub(super) fn nothing() -> Self {
        Self::plain("Nothing to do.")
    }

    /// The hook that refuses repetitions and ways around a denial; only the words where a harness has no
    /// hooks that can refuse.
    fn guarded(text: String, outcome: &Outcome<'_>) -> Self {
        let hook = outcome
            .harness
            .and_then(|harness| setup::guard(harness, outcome.guard));
        match hook {
            Some(hook) => Self {
                text: format!("{text} The hook below enforces it."),
                file: Some(hook.path),
                configuration: Some(hook.text),
            },
            None => Self::plain(text),
        }
    }
}

/// The remedy for a failure mode. `cause` is the finding that explains it, if one does.
pub(super) fn remedy(
    mode: Mode,
    cause: Option<&FindingRow>,
    acts: &[Act],
    outcome: &Outcome<'_>,
) -> Remedy {
    match mode {
        Mode::Loop => {
            let stop = "Give the agent a stop condition: after two equal results it must change its approach or ask.";
            Remedy::guarded(format!("{stop}{}", limit_of(outcome.harness)), outcome)
        }
        Mode::Blocked => blocked(cause, acts, outcome),
        Mode::Limit => Remedy::plain(format!(
            "It ran into a limit of steps. Look first at what it spent the steps on; if that was progress, raise the limit or give it smaller tasks.{}",
            limit_of(outcome.harness)
        )),
        Mode::ModelFailure => Remedy::plain(
            "The model's service refused or failed: check address, key, quota and context length, and let the harness wait longer between attempts.",
        ),
        Mode::CutOff => {
            Remedy::plain("Raise the limit of output tokens, or ask for the work in smaller parts.")
        }
        Mode::Drift => Remedy::plain(
            "Remind the agent of its goal: repeat the task and the plan's open steps before it answers, and accept an answer only when each step has a result.",
        ),
        Mode::Interrupted => Remedy::plain(
            "The process was stopped or killed. If the call that had not ended was hanging, give its tool a time limit; else look at time limits and memory of the machine. Then start the run again.",
        ),
        Mode::Stall => Remedy::plain(
            "Give tool calls and model requests a time limit in the harness, so that one that hangs fails; and see whether the machine slept. `spanreel watch --fail-on stall` tells at once the next time.",
        ),
        Mode::Unfinished => Remedy::plain(
            "Remind the agent of its goal before it stops: have it name the open items of its task, and accept an answer only when none is left.",
        ),
        Mode::Context => Remedy::plain(
            "Give it smaller tasks, or subagents for what reads much: their context is their own. Keep the goal and the open steps in a file that is read again after the context was cut down.",
        ),
        Mode::Outlier => Remedy::plain(
            "Nothing failed. Compare it with an ordinary run of the same work (`spanreel compare`) to see what it spent more on.",
        ),
        Mode::ToolFailure if cause.is_some_and(|finding| finding.kind == "unknown_tool") => {
            Remedy::plain(
                "The agent believes in a tool that it does not have: name the tools that there are in its instructions, or give it that one.",
            )
        }
        Mode::ToolFailure => Remedy::plain(
            "Look at the failing call first: the tool, its arguments or its environment are wrong, and the agent has no other way.",
        ),
        Mode::None => Remedy::nothing(),
    }
}

/// Where the harness's own limit of steps is set.
fn limit_of(harness: Option<&str>) -> &'static str {
    match harness {
        Some("openai-agents") => " Its limit is `Runner.run(…, max_turns=…)`.",
        Some("langchain" | "langgraph") => " Its limit is `config={\"recursion_limit\": …}`.",
        Some("pydantic-ai") => " Its limits are `usage_limits=UsageLimits(…)`.",
        Some("vercel-ai") => " Its limit is `stopWhen: stepCountIs(…)`.",
        Some("claude-code") => " Its limit for runs without a person is `--max-turns`.",
        _ => "",
    }
}

/// An agent that tried again is to be kept from it; one that took no for an answer may have been right to
/// ask.
fn blocked(cause: Option<&FindingRow>, acts: &[Act], outcome: &Outcome<'_>) -> Remedy {
    let say = "Say in the task what is not allowed and what to do instead.";
    if cause.is_some_and(|finding| finding.severity == "error") {
        return Remedy::guarded(
            format!(
                "{say} The agent did not take no for an answer: refuse the same act, and other ways to it, for the rest of the turn."
            ),
            outcome,
        );
    }
    let act = cause
        .and_then(|finding| finding.spans.first())
        .and_then(|span| acts.iter().find(|act| act.key == *span));
    let rule = act.and_then(ask_first);
    match (outcome.harness, rule) {
        (Some("claude-code"), Some(rule)) => Remedy {
            text: format!(
                "{say} If the act is wanted, have a person asked in place of denying it: the rule below does, once whatever denied it lets it pass."
            ),
            file: Some(".claude/settings.json"),
            configuration: Some(rule),
        },
        _ => Remedy::plain(format!(
            "{say} If the act is wanted, have the harness ask a person in place of denying it."
        )),
    }
}

/// A permission rule of Claude Code that has a person asked before such a call.
fn ask_first(blocked: &Act) -> Option<String> {
    let tool = blocked.tool_name.as_deref()?;
    let verb = blocked
        .detail
        .as_deref()
        .and_then(|line| line.split_whitespace().next());
    let rule = match (tool, verb) {
        ("Bash", Some(verb)) => format!("Bash({verb}:*)"),
        _ => tool.to_owned(),
    };
    let json = serde_json::json!({"permissions": {"ask": [rule]}});
    serde_json::to_string_pretty(&json).ok()
}
